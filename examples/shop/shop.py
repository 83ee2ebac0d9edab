"""What the apps of the shop have in common."""

import json
import signal
import socket
import sys
import time


def goes_when_asked():
    """Ends without a traceback when it is told to go."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(0))


def ask(sql, *values, patience=10.0):
    """The rows that the database answers with; while it is away, it is asked again."""
    until = time.monotonic() + patience
    while True:
        try:
            with socket.socket(socket.AF_UNIX) as door:
                door.settimeout(patience)
                door.connect("db.sock")
                door.sendall(json.dumps({"sql": sql, "values": values}).encode() + b"\n")
                answer = json.loads(door.makefile().readline())
            break
        except (OSError, ValueError):
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
    if "error" in answer:
        raise RuntimeError(answer["error"])
    return answer["rows"]
