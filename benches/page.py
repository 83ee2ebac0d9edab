"""Figures as a table, and the page docs/benchmarks.md around it: the part between the two marks is replaced."""

import os
import pathlib
import platform
import re
import statistics
import subprocess
import time

# Key, what it is, unit, whether more is better, what issue 2 wants to reach.
ROWS = [
    ("cold", "cold first start to app running", "ms", False, 12),
    ("warm", "warm start to app running", "ms", False, 3.5),
    ("start-100", "100 apps from one file, cold", "ms", False, None),
    ("start-1000", "1,000 apps from one file, cold", "ms", False, 1500),
    ("list-100", "`list`, whole process, 100 apps", "ms", False, 2.5),
    ("list-1000", "`list`, whole process, 1,000 apps", "ms", False, 5),
    ("list-rested-100", "`list` a second later, 100 apps", "ms", False, None),
    ("list-rested-1000", "`list` a second later, 1,000 apps", "ms", False, None),
    ("pss-0", "memory of the supervisor, no apps", "MB", False, 4),
    ("pss-100", "memory, 100 apps", "MB", False, 5),
    ("pss-1000", "memory, 1,000 apps", "MB", False, 10),
    ("idle-100", "CPU in an idle minute, 100 apps", "ms", False, 3),
    ("checked-none", "CPU in an idle minute, 100 apps without a health check", "ms", False, None),
    ("checked-tcp", "the same with a tcp check every 10 s each", "ms", False, None),
    ("checked-http", "the same with an http check every 10 s each", "ms", False, None),
    ("checked-command", "the same with a command every 10 s each", "ms", False, None),
    ("checked-pss-none", "memory, 100 apps without a health check", "MB", False, None),
    ("checked-pss-tcp", "the same with a tcp check each", "MB", False, None),
    ("checked-pss-http", "the same with an http check each", "MB", False, None),
    ("checked-pss-command", "the same with a command each", "MB", False, None),
    ("crash", "SIGKILL to new process", "ms", False, 2),
    ("crash-flood", "the same beside an app that floods its log", "ms", False, 2),
    ("crash-stop", "the same while another app takes 10 s to stop", "ms", False, 2),
    *((f"lived-{life}{worst}", f"SIGKILL to new process after {life} s of life, usual pauses, {of} ten", "ms", False, 3)
      for life in (2, 20, 60) for worst, of in (("", "median of"), ("-worst", "slowest of"))),
    ("again", "restart of an app that exits at once", "ms", False, 6),
    ("raw", "1,000,000 lines of 100 bytes, raw", "MB/s", True, 270),
    ("stamped", "the same, stamped", "MB/s", True, 180),
    ("chunks", "64 KiB writes, raw", "MB/s", True, 340),
    ("lag", "a line to `logs -f`", "ms", False, 0.5),
    ("stop-1000", "stop of 1,000 apps", "ms", False, 250),
    ("binary", "the one stripped binary", "MB", False, 6),
]
PEERS = ("PM2", "Supervisor", "circus", "runit", "s6")
TOOLS = ("pm", *PEERS, "floor")


def short(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def cell(samples):
    return short(statistics.median(samples)) if samples else "-"


def table(values):
    shown = [tool for tool in TOOLS if any(row.get(tool) for row in values.values())]
    heads = ["bare floor" if tool == "floor" else tool for tool in shown]
    lines = [f"| what | unit | aim | {' | '.join(heads)} | best peer / pm |",
             f"| --- | --- | ---: | {' | '.join('---:' for _ in heads)} | ---: |"]
    for key, what, unit, more, aim in ROWS:
        row = values.get(key, {})
        if not row.get("pm"):
            continue
        ours = statistics.median(row["pm"])
        peers = [statistics.median(row[peer]) for peer in PEERS if row.get(peer)]
        ratio = "-"
        if peers and ours > 0:
            ratio = f"{ours / max(peers):.1f}x" if more else f"{min(peers) / ours:.1f}x"
        cells = " | ".join(cell(row.get(tool)) for tool in shown)
        lines.append(f"| {what} | {unit} | {'' if aim is None else aim} | {cells} | {ratio} |")
    return "\n".join(lines)


def versions(bench):
    def ask(*argv):
        return subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=False).stdout.strip()

    pm2 = re.search(r'"version": "([^"]+)"', (bench / "pm2/node_modules/pm2/package.json").read_text())
    return (f"PM2 {pm2 and pm2.group(1)} on node {ask('node', '--version')}, "
            f"Supervisor {ask(str(bench / 'supervisor/bin/supervisord'), '--version')} "
            f"on Python {platform.python_version()}")


def machine():
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s*(\d+)", pathlib.Path("/proc/meminfo").read_text())
    return (f"{os.cpu_count()} cores ({cpu.group(1) if cpu else platform.machine()}), "
            f"{int(memory.group(1)) // 2**20} GiB, Linux {platform.release().split('-')[0]}, "
            f"load at the end {os.getloadavg()[0]:.1f}")


def write(file, text, bench, part):
    """Puts a table between the marks of this part."""
    begin, end = f"<!-- {part} -->", f"<!-- end of {part} -->"
    figures = f"{begin}\n{time.strftime('%Y-%m-%d')}: {machine()}.\n{versions(bench)}.\n\n{text}\n{end}"
    old = file.read_text() if file.exists() else f"# Benchmarks\n\n{begin}\n{end}\n"
    before, _, rest = old.partition(begin)
    after = rest.partition(end)[2]
    file.write_text(before + figures + after)
