"""The supervisors behind one face: what to type for cold start, warm start, list, stop, logs.

Each gets a home of its own under target/bench and the same apps. Nothing is measured here.
"""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
QUIET = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def built(profile):
    """The release binary, as cargo names it."""
    kind = ["--release"] if profile == "release" else ["--profile", profile]
    told = subprocess.run(
        ["cargo", "build", *kind, "--bin", "pm", "--message-format=json"],
        cwd=ROOT, check=True, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    paths = [line.get("executable") for line in map(json.loads, told.stdout.splitlines())]
    return pathlib.Path([path for path in paths if path][-1])


def installed(bench):
    """PM2, Supervisor and circus below `bench`; the program that all of them run."""
    bench.mkdir(parents=True, exist_ok=True)
    quiet = {"stdin": subprocess.DEVNULL, "check": True}
    if not (bench / "pm2/node_modules/.bin/pm2").exists():
        (bench / "pm2").mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--silent", "pm2"], cwd=bench / "pm2", **quiet)
    for name, program in (("supervisor", "supervisord"), ("circus", "circusd")):
        if not (bench / name / "bin" / program).exists():
            subprocess.run([sys.executable, "-m", "venv", str(bench / name)], **quiet)
            subprocess.run([str(bench / name / "bin/pip"), "install", "-q", name], **quiet)
    stage = bench / "stage"
    subprocess.run(["cc", "-O2", "-static", "-o", str(stage), str(ROOT / "benches/stage.c")], **quiet)
    return stage


def tidy(bench):
    """Removes the homes that were moved away."""
    for old in bench.glob("old-*"):
        shutil.rmtree(old, ignore_errors=True)


class App:
    """What is to run: `stage app SOCKET KIND ...`. `ear` is added to the socket; `usual`: with the tool's own pauses."""

    def __init__(self, name, kind="idle", *args, stamp=False, out=None, ear="", usual=False, health=None):
        self.name, self.kind, self.args = name, kind, [str(arg) for arg in args]
        self.stamp, self.out, self.ear, self.usual = stamp, out, ear, usual
        self.health = health


class Tool:
    """A supervisor with a home. `up` starts it with all apps of `write`."""

    def __init__(self, bench, stage):
        self.home = bench / f"home-{self.name}"
        self.stage, self.socket = str(stage), str(bench / "hello")
        self.env = dict(os.environ)

    def command(self, app):
        return [self.stage, "app", self.socket + app.ear, app.kind, *app.args]

    def fresh(self):
        self.down()
        if self.home.exists():
            # Only moved away: just after thousands of files were removed ext4 makes new ones many times slower.
            self.home.rename(self.home.with_name(f"old-{time.monotonic_ns()}"))

    def run(self, argv, timeout=120):
        subprocess.run(argv, env=self.env, timeout=timeout, check=False, **QUIET)

    def write(self, apps):
        self.home.mkdir(parents=True, exist_ok=True)
        (self.home / "apps.json").write_text(json.dumps({"apps": [self.spec(app) for app in apps]}))

    def down(self):
        """Ends the supervisor and its apps; what is left of it is killed by number."""
        pids = self.pids()
        if pids:
            self.run(self.leave())
        until = time.monotonic() + 20
        while (left := [pid for pid in pids if alive(pid)]) and time.monotonic() < until:
            time.sleep(0.01)
        for pid in left:
            os.kill(pid, signal.SIGKILL)

    def log(self, app):
        return self.home / f"{app.name}.log"


class Pm(Tool):
    name = "pm"

    def __init__(self, bench, stage, program):
        super().__init__(bench, stage)
        self.program = str(program)
        # The apps' file lies beside the home, so that a cold start makes the home as well.
        self.state = self.home / "state"
        self.env["PM_HOME"] = str(self.state)

    def spec(self, app):
        spec = {
            "name": app.name, "script": self.stage, "args": self.command(app)[1:], "log_max_size": False,
            "out_file": str(app.out or self.log(app)),
        }
        if not app.usual:
            spec.update(restart_delay=0, min_uptime=0, max_restarts=1000000)
        if app.health:
            spec["healthcheck"] = app.health
        if app.kind == "late":
            spec["kill_timeout"] = 20000
        if app.stamp:
            spec["log_date_format"] = "YYYY-MM-DD HH:mm:ss"
        return spec

    def up(self):
        return [self.program, "start", str(self.home / "apps.json")]

    def first(self):
        return self.up()

    def warm(self, name):
        return [self.program, "start", self.stage, "--name", name, "--", "app", self.socket, "idle"]

    def list(self):
        return [self.program, "list"]

    def stop(self, name="all"):
        return [self.program, "stop", name]

    def delete(self, name="all"):
        return [self.program, "delete", name]

    def follow(self, name):
        return [self.program, "logs", "--raw", "--lines", "0", name]

    def leave(self):
        return [self.program, "kill"]

    def pids(self):
        return owners(b"PM_HOME=" + str(self.state).encode(), (b"guardian", b"daemon"))


class Pm2(Tool):
    name = "PM2"

    def __init__(self, bench, stage):
        super().__init__(bench, stage)
        self.program = str(bench / "pm2/node_modules/.bin/pm2")
        self.state = self.home / "state"
        self.env.update(PM2_HOME=str(self.state), PM2_DISCRETE_MODE="true")

    def spec(self, app):
        spec = {
            "name": app.name, "script": self.stage, "args": self.command(app)[1:], "interpreter": "none",
            "merge_logs": True, "out_file": str(app.out or self.log(app)),
        }
        if not app.usual:
            spec.update(max_restarts=1000000, min_uptime=0)
        if app.kind == "late":
            spec["kill_timeout"] = 20000
        if app.stamp:
            spec["log_date_format"] = "YYYY-MM-DD HH:mm:ss"
        return spec

    def up(self):
        return [self.program, "start", str(self.home / "apps.json")]

    def first(self):
        return self.up()

    def warm(self, name):
        return [self.program, "start", self.stage, "--interpreter", "none", "--name", name, "--",
                "app", self.socket, "idle"]

    def list(self):
        return [self.program, "list"]

    def stop(self, name="all"):
        return [self.program, "stop", name]

    def delete(self, name="all"):
        return [self.program, "delete", name]

    def follow(self, name):
        return [self.program, "logs", "--raw", "--lines", "0", name]

    def leave(self):
        return [self.program, "kill"]

    def pids(self):
        return pid_of(self.state / "pm2.pid")


class Supervisor(Tool):
    name = "Supervisor"

    def __init__(self, bench, stage):
        super().__init__(bench, stage)
        self.folder = bench / "supervisor/bin"
        self.config = self.home / "supervisord.conf"

    def write(self, apps):
        self.home.mkdir(parents=True, exist_ok=True)
        head = f"""[unix_http_server]
file={self.home}/sock
[supervisord]
logfile={self.home}/supervisord.log
pidfile={self.home}/supervisord.pid
childlogdir={self.home}
minfds=8192
minprocs=8192
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://{self.home}/sock
"""
        self.config.write_text(head + "".join(self.program(app) for app in apps))

    def program(self, app):
        # startsecs=0: no pause before a restart; else a second and more.
        return f"""[program:{app.name}]
command={' '.join(self.command(app))}
autorestart=true
startsecs=0
autostart={'false' if app.kind == 'parked' else 'true'}
stopwaitsecs=20
stdout_logfile={app.out or self.log(app)}
stdout_logfile_maxbytes=0
stderr_logfile=NONE
"""

    def up(self):
        return [str(self.folder / "supervisord"), "-c", str(self.config)]

    def control(self, *args):
        return [str(self.folder / "supervisorctl"), "-c", str(self.config), *args]

    def warm(self, name):
        return self.control("start", name)

    def list(self):
        return self.control("status")

    def stop(self, name="all"):
        return self.control("stop", name)

    def delete(self, name="all"):
        return self.control("stop", name)

    def follow(self, name):
        return self.control("tail", "-f", name)

    def leave(self):
        return self.control("shutdown")

    def pids(self):
        return pid_of(self.home / "supervisord.pid")


class Circus(Tool):
    name = "circus"

    def __init__(self, bench, stage):
        super().__init__(bench, stage)
        self.folder = bench / "circus/bin"
        self.endpoint = f"ipc://{self.home}/control"

    def write(self, apps):
        self.home.mkdir(parents=True, exist_ok=True)
        head = f"""[circus]
endpoint = {self.endpoint}
pubsub_endpoint = ipc://{self.home}/news
pidfile = {self.home}/pid
logoutput = {self.home}/circus.log
warmup_delay = 0
"""
        (self.home / "circus.ini").write_text(head + "".join(self.watcher(app) for app in apps))

    def watcher(self, app):
        return f"""[watcher:{app.name}]
cmd = {' '.join(self.command(app))}
copy_env = True
max_retry = -1
respawn = True
autostart = {app.kind != 'parked'}
graceful_timeout = 20
stdout_stream.class = FileStream
stdout_stream.filename = {app.out or self.log(app)}
"""

    def up(self):
        return [str(self.folder / "circusd"), "--daemon", str(self.home / "circus.ini")]

    def control(self, *args):
        return [str(self.folder / "circusctl"), "--endpoint", self.endpoint, *args]

    def warm(self, name):
        return self.control("start", name)

    def list(self):
        return self.control("status")

    def stop(self, name=None):
        return self.control("stop", "--waiting", *([name] if name else []))

    def delete(self, name=None):
        return self.stop(name)

    def leave(self):
        return self.control("quit", "--waiting")

    def pids(self):
        return pid_of(self.home / "pid")


class Folders(Tool):
    """A folder with a program `run` for each app, and a supervisor for each folder: runit and s6. They write no logs
    themselves, so the app writes into its file."""

    def __init__(self, bench, stage):
        super().__init__(bench, stage)
        self.services = self.home / "services"

    def write(self, apps):
        for app in apps:
            folder = self.services / app.name
            folder.mkdir(parents=True, exist_ok=True)
            run = folder / "run"
            run.write_text(f"#!/bin/sh\nexec {' '.join(self.command(app))} >>{app.out or self.log(app)} 2>&1\n")
            run.chmod(0o755)
            if app.kind == "parked":
                (folder / "down").touch()

    def up(self):
        # It stays in front; who starts it does not wait.
        line = f"setsid {self.scanner} {self.services} </dev/null >{self.home}/scanner.log 2>&1 & echo $! >{self.home}/pid"
        return ["sh", "-c", line]

    def each(self, *argv, name=None):
        """One command over all folders; s6 has none for several."""
        folders = [str(self.services / name)] if name else sorted(map(str, self.services.iterdir()))
        if self.takes_many:
            return [*argv, *folders]
        return ["sh", "-c", f'for folder; do {" ".join(argv)} "$folder"; done', "sh", *folders]

    def delete(self, name=None):
        return self.stop(name)

    def pids(self):
        scanner = pid_of(self.home / "pid")
        return scanner + [pid for one in scanner for pid in children(one)]


class Runit(Folders):
    name, scanner, takes_many = "runit", "runsvdir", True

    def warm(self, name):
        return ["sv", "up", str(self.services / name)]

    def list(self):
        return self.each("sv", "status")

    def stop(self, name=None):
        return self.each("sv", "-w", "20", "stop", name=name)

    def leave(self):
        return ["kill", "-HUP", (self.home / "pid").read_text().strip()]


class S6(Folders):
    name, scanner, takes_many = "s6", "s6-svscan", False

    def warm(self, name):
        return ["s6-svc", "-u", str(self.services / name)]

    def list(self):
        return self.each("s6-svstat")

    def stop(self, name=None):
        return self.each("s6-svc", "-wD", "-T", "20000", "-d", name=name)

    def leave(self):
        return ["s6-svscanctl", "-t", str(self.services)]


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def pid_of(file):
    try:
        pid = int(file.read_text())
    except (OSError, ValueError):
        return []
    return [pid] if alive(pid) else []


def children(pid):
    """Processes whose parent it is."""
    try:
        return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def owners(variable, verbs):
    """Processes that were started with this variable and one of these verbs."""
    found = []
    for folder in pathlib.Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                words = (folder / "cmdline").read_bytes().split(b"\0")
                mine = variable in (folder / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if mine and len(words) > 1 and words[1] in verbs and alive(folder.name):
                found.append(int(folder.name))
    return found
