"""What is measured, one function a part. All tools take turns within each round, so that a busy machine is busy for
all of them; the figure is the median of the rounds. Times come from the apps themselves (see stage.c)."""

import os
import pathlib
import socket
import subprocess
import sys
import threading
import time

from tools import QUIET, App, Folders


class Figures:
    """All samples: figure -> tool -> list."""

    def __init__(self, stage, bench, full):
        self.stage, self.bench, self.full = str(stage), bench, full
        self.socket = str(bench / "hello")
        self.values = {}

    def add(self, figure, tool, samples):
        self.values.setdefault(figure, {}).setdefault(tool, []).extend(samples)

    def rounds(self, few, many):
        return range(many if self.full else few)

    def watch(self, *args, env=None, timeout=600):
        """Runs the stop watch; its lines in ms. A failure is shown and leaves a hole, no figure."""
        args = [self.stage, *map(str, args)]
        child = subprocess.Popen(args, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        try:
            told = child.communicate(timeout=timeout)[0]
        except subprocess.TimeoutExpired:
            child.kill()
            told = child.communicate()[0]
        if child.returncode != 0:
            note("failed: " + " ".join(args[:5]))
            return []
        return [int(line) / 1e6 for line in told.split() if line.isdigit()]

    def beats(self, count, tool, argv):
        """First and last hello, and the command's own end, in ms."""
        return self.watch("beats", tool.socket, count, *argv, env=tool.env)


def note(text):
    print(text, file=sys.stderr, flush=True)


def cold(figures, tools):
    """Nothing is there, not even a home; until the first app says that it runs."""
    for _ in figures.rounds(5, 11):
        figures.add("cold", "floor", figures.watch(
            "spawns", figures.socket, 1, figures.stage, "app", figures.socket, "idle")[:1])
        for tool in tools:
            tool.fresh()
            tool.write([App("app")])
            figures.add("cold", tool.name, figures.beats(1, tool, tool.up())[:1])
    for tool in tools:
        tool.down()


def warm(figures, tools):
    """The supervisor runs; one more app."""
    names = [f"warm{number}" for number in figures.rounds(7, 15)]
    for tool in tools:
        tool.fresh()
        apps = [App("app")]
        if tool.name not in ("pm", "PM2"):
            apps += [App(name, "parked") for name in names]
        tool.write(apps)
        figures.beats(1, tool, tool.up())
    settle()
    for name in names:
        for tool in tools:
            told = figures.beats(1, tool, tool.warm(name))
            figures.add("warm", tool.name, told[:1])
            figures.add("warm-reply", tool.name, told[2:])
    for tool in tools:
        tool.down()


def heard(watch, seconds=150):
    """What a stop watch said in the end; one that hears nothing is not waited for."""
    try:
        return watch.communicate(timeout=seconds)[0]
    except subprocess.TimeoutExpired:
        watch.kill()
        return watch.communicate()[0]


def settle(seconds=1.5):
    time.sleep(seconds)


def pss(pids):
    """Proportional share in MB: shared pages are counted once for all who share them."""
    total = 0
    for pid in pids:
        for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total / 1024


def cpu(pids):
    """ms of CPU so far, to the nanosecond where the kernel says so."""
    total = 0
    for pid in pids:
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e6


def many(figures, tools):
    """100 and 1,000 apps from one file: start, list, memory, idling, stop."""
    for _ in figures.rounds(1, 2):
        figures.add("start-1000", "floor", figures.watch(
            "spawns", figures.socket, 1000, figures.stage, "app", figures.socket, "idle")[:1])
        for tool in tools:
            for count in (0, 100, 1000):
                if tool.name == "PM2" and count == 1000 and (not figures.full or "start-1000" in figures.values
                                                             and tool.name in figures.values["start-1000"]):
                    continue
                fleet(figures, tool, count)


def fleet(figures, tool, count):
    note(f"{tool.name}: {count} apps")
    tool.fresh()
    tool.write([App(f"app{number:04}") for number in range(count or 1)])
    told = figures.beats(count or 1, tool, tool.up())
    if len(told) == 3 and count:
        figures.add(f"start-{count}", tool.name, told[1:2])
        figures.add(f"start-reply-{count}", tool.name, told[2:])
    if not count:
        tool.run(tool.delete("app"))
    settle(2.5)
    figures.add(f"pss-{count}", tool.name, [pss(tool.pids())])
    if count:
        rounds = (11 if figures.full else 5) if tool.name == "PM2" else 31
        figures.watch("exits", 1, *tool.list(), env=tool.env)
        figures.add(f"list-{count}", tool.name, figures.watch("exits", rounds, *tool.list(), env=tool.env))
        # Figures of processes may be shown again for a second; after a pause all are read anew.
        for _ in range(5):
            settle(1.1)
            figures.add(f"list-rested-{count}", tool.name, figures.watch("exits", 1, *tool.list(), env=tool.env))
    if count == 100 and tool.name not in figures.values.get("idle-100", {}):
        settle(3)
        seconds = 60 if figures.full else 10
        before = cpu(tool.pids())
        time.sleep(seconds)
        figures.add("idle-100", tool.name, [(cpu(tool.pids()) - before) * 60 / seconds])
    if count == 1000:
        figures.add("stop-1000", tool.name, figures.watch("exits", 1, *tool.stop(), env=tool.env))
    tool.down()


def checks(figures, tools):
    """An idle minute of 100 apps with a health check every 10 s each; the peers have no checks."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=200)
    threading.Thread(target=answered, args=(listener,), daemon=True).start()
    port = listener.getsockname()[1]
    kinds = {"none": None, "tcp": {"tcp": f"127.0.0.1:{port}"}, "http": {"http": f"http://127.0.0.1:{port}/"},
             "command": {"test": ["CMD", figures.stage, "true"]}}
    for tool in (tool for tool in tools if tool.name == "pm"):
        for kind, test in kinds.items():
            note(f"{tool.name}: 100 apps, check: {kind}")
            tool.fresh()
            health = test and {**test, "interval": "10s", "timeout": "5s"}
            tool.write([App(f"app{number:04}", health=health) for number in range(100)])
            figures.beats(100, tool, tool.up())
            settle(5)
            figures.add(f"checked-pss-{kind}", tool.name, [pss(tool.pids())])
            seconds = 60 if figures.full else 20
            before = cpu(tool.pids())
            time.sleep(seconds)
            figures.add(f"checked-{kind}", tool.name, [(cpu(tool.pids()) - before) * 60 / seconds])
            tool.down()
    listener.close()


def answered(listener):
    """Answers whoever asks, and drops whoever calls, until the listener is closed."""
    while True:
        try:
            caller = listener.accept()[0]
        except OSError:
            return
        with caller:
            try:
                if caller.recv(4096):
                    caller.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n")
            except OSError:
                continue


def lists(figures, tools):
    """The bare price of a process that does nothing."""
    figures.add("list-100", "floor", figures.watch("exits", 31, figures.stage, "true"))


def crash(figures, tools):
    """SIGKILL to the new process: alone, beside a flood, beside an app that takes its time to stop."""
    rounds = len(figures.rounds(15, 31))
    figures.add("crash", "floor", figures.watch("keeper", figures.socket, rounds, figures.stage, "app", figures.socket, "idle"))
    for _ in figures.rounds(1, 2):
        for tool in tools:
            for figure, other in (("crash", None), ("crash-flood", "flood"), ("crash-stop", "late")):
                crashes(figures, tool, figure, other, rounds)


def crashes(figures, tool, figure, other, rounds):
    note(f"{tool.name}: {figure}")
    tool.fresh()
    # The flood and the slow one greet another socket: only the victim is heard.
    tool.write([App("app")] + ([App("beside", other, ear="-not")] if other else []))
    watch = subprocess.Popen([figures.stage, "crash", tool.socket, str(rounds), "60"], stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE)
    time.sleep(0.2)
    tool.run(tool.up(), timeout=60)
    stopping = None
    if other == "late":
        stopping = subprocess.Popen(tool.stop("beside"), env=tool.env, **QUIET)
    told = heard(watch)
    figures.add(figure, tool.name, [int(line) / 1e6 for line in told.split()])
    tool.down()
    if stopping:
        stopping.wait(timeout=30)


def lived(figures, tools):
    """SIGKILL to the new process with the pauses a tool makes by itself, ten times, of apps that lived for so many s."""
    lives = (2, 20, 60) if figures.full else (2, 20)
    for tool in tools:
        note(f"{tool.name}: lived")
        tool.fresh()
        tool.write([App(f"lived{life}", ear=f"-{life}", usual=True) for life in lives])
        watches = {life: subprocess.Popen(
            [figures.stage, "crash", f"{tool.socket}-{life}", "10", str(life * 1000)], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE) for life in lives}
        time.sleep(0.2)
        tool.run(tool.up(), timeout=60)
        for life, watch in watches.items():
            told = [int(line) / 1e6 for line in heard(watch, 11 * life + 60).split()]
            figures.add(f"lived-{life}", tool.name, told)
            figures.add(f"lived-{life}-worst", tool.name, [max(told)] if len(told) == 10 else [])
        tool.down()


def again(figures, tools):
    """An app that exits at once, restarted without a pause: from one start to the next."""
    rounds = len(figures.rounds(15, 25))
    for _ in figures.rounds(2, 3):
        for tool in tools:
            tool.fresh()
            tool.write([App("app", "once")])
            watch = subprocess.Popen([figures.stage, "again", tool.socket, str(rounds)], stdin=subprocess.DEVNULL,
                                     stdout=subprocess.PIPE)
            time.sleep(0.2)
            starting = subprocess.Popen(tool.up(), env=tool.env, **QUIET)
            told = heard(watch)
            figures.add("again", tool.name, [int(line) / 1e6 for line in told.split()])
            tool.down()
            starting.wait(timeout=30)


def speed(figures, tools):
    """100 MB through the log, until the last byte is in the file."""
    for _ in figures.rounds(2, 5):
        for figure, args, stamp in (("raw", (1000000, 100), False), ("stamped", (1000000, 100), True),
                                    ("chunks", (6400, 65536), False)):
            size = args[0] * args[1]
            expected = size + (args[0] * 21 if stamp else 0)
            # PM2 stamps the pieces it reads, not the lines: some lines lack a stamp, so its last byte is not known.
            tolerated = size + args[0] * 20
            cat(figures, figure, args, size)
            for tool in tools:
                if (stamp and tool.name not in ("pm", "PM2")) or isinstance(tool, Folders):
                    continue
                tool.fresh()
                app = App("app", "lines", *args, stamp=stamp)
                tool.write([app])
                took = filled(figures, tool.log(app), tolerated if stamp and tool.name == "PM2" else expected,
                              lambda tool=tool: tool.run(tool.up(), timeout=60), tool.name)
                figures.add(figure, tool.name, [size / 1e3 / ms for ms in took])
                tool.fresh()


def cat(figures, figure, args, size):
    file = figures.bench / "cat.log"
    file.unlink(missing_ok=True)
    line = f"'{figures.stage}' app '{figures.socket}' lines {args[0]} {args[1]} | cat >> '{file}'"
    writer = []
    took = filled(figures, file, size,
                  lambda: writer.append(subprocess.Popen(["sh", "-c", line], start_new_session=True)), "cat")
    figures.add(figure, "floor", [size / 1e3 / ms for ms in took])
    os.killpg(writer[0].pid, 9)
    writer[0].wait()
    file.unlink(missing_ok=True)


def filled(figures, file, size, begin, name):
    watch = subprocess.Popen([figures.stage, "fill", str(file), str(size), figures.socket],
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    watch.stdout.readline()
    beginning = threading.Thread(target=begin)
    beginning.start()
    told = heard(watch)
    beginning.join()
    if watch.returncode != 0:
        note(f"{name}: the log was not filled")
    return [int(line) / 1e6 for line in told.split()]


def lag(figures, tools):
    """From the app's write to the follower's output."""
    rounds = len(figures.rounds(100, 200))
    for _ in figures.rounds(1, 2):
        for tool in (tool for tool in tools if hasattr(tool, "follow")):
            tool.fresh()
            tool.write([App("app", "ticks", 13)])
            figures.beats(1, tool, tool.up())
            settle()
            figures.add("lag", tool.name, figures.watch("lag", rounds, *tool.follow("app"), env=tool.env, timeout=60))
            tool.down()


ALL = {"cold": cold, "warm": warm, "many": many, "checks": checks, "lists": lists, "crash": crash, "lived": lived,
       "again": again, "speed": speed, "lag": lag}
