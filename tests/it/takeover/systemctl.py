#!/usr/bin/python3
"""Stands in for `systemctl` and the systemd behind it, where no systemd runs: simple services, timers, and who is stopped with whom.

It prints what systemctl(1) of systemd 252 prints, in the order in which that prints it; all it knows is in FOLDER.
"""
import os
import pathlib
import signal
import subprocess
import sys
import time

FOLDER = pathlib.Path("@FOLDER@")
PLACES = [FOLDER / "etc", FOLDER / "lib"]
STATE = FOLDER / "state"


def fail(text):
    print(text, file=sys.stderr)
    sys.exit(1)


def fragment(unit):
    template = unit.split("@")[0] + "@." + unit.rsplit(".", 1)[1] if "@" in unit else unit
    for name in (unit, template):
        for place in PLACES:
            if (place / name).exists():
                return (place / name).resolve()
    return None


def drop_ins(unit):
    found = {path.name: path for place in reversed(PLACES) for path in (place / (unit + ".d")).glob("*.conf")}
    return [found[name] for name in sorted(found)]


def settings(unit):
    found = {}
    path = fragment(unit)
    for one in ([path] if path else []) + drop_ins(unit):
        for line in one.read_text().splitlines():
            key, sign, value = line.partition("=")
            if sign:
                found[key] = value if value and key == "ExecStart" else (found.get(key, "") + " " + value).strip()
    return found


def units():
    return sorted({path.name for place in PLACES for path in place.glob("*.*") if path.is_file()})


def named_by(unit, key):
    return " ".join(other for other in units() if unit in settings(other).get(key, "").split())


def pid(unit):
    try:
        own = int((STATE / unit).read_text())
        os.kill(own, 0)
        return own
    except (OSError, ValueError):
        return 0


def active(unit):
    if unit.endswith((".timer", ".socket")):
        return "active waiting" if (STATE / unit).exists() else "inactive dead"
    if pid(unit):
        return "active running"
    return "failed failed" if (STATE / (unit + ".failed")).exists() else "inactive dead"


def start(unit):
    own = settings(unit)
    for other in own.get("Requires", "").split():
        start(other)
    if active(unit).startswith("active"):
        return
    if unit.endswith((".timer", ".socket")):
        (STATE / unit).touch()
        return
    # As PID 1 would: nothing of whoever asks, in a session of its own.
    program = subprocess.Popen(
        ["/bin/sh", "-c", "exec " + own["ExecStart"].replace("$$", "$").replace("%i", unit.split("@")[-1].split(".")[0])],
        env={"PATH": "/usr/bin:/bin", "FLAVOUR": "systemd's own"}, cwd="/", start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    (STATE / unit).write_text(str(program.pid))


def stop(unit):
    for other in named_by(unit, "Requires").split():
        stop(other)
    if (FOLDER / "hangs").exists():
        (FOLDER / "stopping").touch()
        while (FOLDER / "hangs").exists():
            time.sleep(0.01)
    own = pid(unit)
    if own:
        os.kill(own, signal.SIGTERM)
        while pid(unit) and "Z" not in pathlib.Path(f"/proc/{own}/stat").read_text().rsplit(")", 1)[1][:3]:
            time.sleep(0.01)
    (STATE / unit).unlink(missing_ok=True)


def show(unit, wanted):
    path = fragment(unit)
    state, sub = active(unit).split()
    timer, socket = (unit.rsplit(".", 1)[0] + end for end in (".timer", ".socket"))
    said = {
        "Type": settings(unit).get("Type", "simple"),
        "Id": unit,
        "RequiredBy": named_by(unit, "Requires"),
        "BoundBy": named_by(unit, "BindsTo"),
        "ConsistsOf": named_by(unit, "PartOf"),
        "TriggeredBy": " ".join(one for one in (socket, timer) if one in units() and one != unit),
        "LoadState": "loaded" if path else "not-found",
        "ActiveState": state,
        "SubState": sub,
        "FragmentPath": str(path or ""),
        "DropInPaths": " ".join(map(str, drop_ins(unit))),
        "NeedDaemonReload": "no",
    }
    for key, value in said.items():
        if key in wanted:
            print(f"{key}={value}")


def main():
    STATE.mkdir(exist_ok=True)
    words = [word for word in sys.argv[1:] if word not in ("--no-pager", "--no-ask-password", "--")]
    if (FOLDER / "offline").exists():
        fail("System has not been booted with systemd as init system (PID 1). Can't operate.\n"
             "Failed to connect to bus: Host is down")
    verb, words = words[0], words[1:]
    if verb == "show-environment":
        print("FLAVOUR=$'systemd\\'s own'\nLANG=C.UTF-8\nPATH=/usr/bin:/bin")
    elif verb == "show":
        wanted = words[0].split("=")[1].split(",")
        for at, unit in enumerate(words[1:]):
            if at:
                print()
            show(unit, wanted)
    elif verb in ("start", "stop"):
        if (FOLDER / "denied").exists():
            fail(f"Failed to {verb} {words[0]}: Access denied")
        for unit in words:
            start(unit) if verb == "start" else stop(unit)
    else:
        fail(f"Unknown command verb {verb}.")


main()
