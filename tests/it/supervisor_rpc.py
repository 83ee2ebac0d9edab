"""Calls every method of Supervisor at a socket, with Supervisor's own transport, and prints what comes: KEY, tab, JSON."""
import http.client
import json
import os
import re
import socket
import sys
import time
import xmlrpc.client
from supervisor.xmlrpc import SupervisorTransport

SOCKET, FOLDER = sys.argv[1:3]
server = xmlrpc.client.ServerProxy("http://x", SupervisorTransport(None, None, "unix://" + SOCKET))


def plain(value, key=""):
    """Without pids, times and folders, which differ each time."""
    if isinstance(value, dict):
        return {name: plain(one, name) for name, one in sorted(value.items())}
    if isinstance(value, list):
        return [plain(one) for one in value]
    if key in ("pid", "start", "stop", "now"):
        return "some" if value else 0
    if key == "description":
        value = re.sub(r"pid \d+, uptime [\d:]+", "pid uptime", value)
        return re.sub(r"\w{3} \d\d \d\d:\d\d [AP]M", "time", value)
    if isinstance(value, str):
        value = value.replace(FOLDER, "DIR")
        # Where a log lies that nobody gave a name.
        if key.endswith("logfile"):
            value = os.path.normpath(value) if value else value
        if key.endswith("logfile") and ("---" in value or not value.startswith("DIR/log/")):
            return "auto" if value not in ("", "none") else value
    return value


seen = []


def told(key, value):
    seen.append(key)
    if seen.count(key) > 1:
        key += " %d" % seen.count(key)
    print(key + "\t" + json.dumps(plain(value), sort_keys=True))


def call(name, *params, shown=None):
    method = getattr(server, name if "." in name else "supervisor." + name)
    try:
        value = method(*params)
    except xmlrpc.client.Fault as fault:
        value = "%d %s" % (fault.faultCode, fault.faultString)
    told("rpc %s(%s)" % (name, ", ".join(str(one).strip() for one in params)), shown(value) if shown else value)
    return value


def until(name, *states):
    for _ in range(2000):
        if server.supervisor.getProcessInfo(name)["statename"] in states:
            return
        time.sleep(0.02)
    raise SystemExit("%s is never %s" % (name, states))


def sorted_names(value):
    return sorted(value, key=lambda one: (one["group"], one["name"])) if isinstance(value, list) else value


methods = call("system.listMethods")
told("rpc signatures", {name: server.system.methodSignature(name) for name in methods})
told("rpc helps", all(server.system.methodHelp(name) for name in methods))
for name in ("getAPIVersion", "getVersion", "getSupervisorVersion", "getIdentification", "getState"):
    call(name)
call("getPID", shown=lambda pid: pid > 1)
call("readLog", 0, 10, shown=len)
call("readLog", -10, 5)
call("nope")
call("system.nope")
call("a.b.c")
call("system.methodHelp", "nope")
call("system.methodSignature", "nope")
call("getProcessInfo")
call("getState", "more")
for name in ("nobody", "gone", "bad", "trap", "trap", "x:*", "g:x"):
    call("startProcess", name)
until("trap", "RUNNING")
call("startProcess", "g:idle")
call("startProcess", "web:*", shown=sorted_names)
call("startProcessGroup", "x")
call("startProcessGroup", "web", shown=sorted_names)
until("bad", "FATAL")
call("getProcessInfo", "trap")
call("getProcessInfo", "bad")
call("getProcessInfo", "web:*")
call("getAllProcessInfo")
call("getAllConfigInfo")
call("signalProcess", "trap", "HUP")
call("signalProcess", "trap", "1")
call("signalProcess", "trap", "NOPE")
call("signalProcess", "nobody", "NOPE")
call("signalProcess", "bad", "HUP")
call("signalProcessGroup", "web", "WINCH", shown=sorted_names)
call("sendProcessStdin", "bad", "x")
call("sendProcessStdin", "nobody", "x")
call("sendProcessStdin", "trap", "x\n")
call("sendRemoteCommEvent", "type", "data")
call("clearProcessLogs", "web:web_00")
with open(FOLDER + "/log/web_0.log", "w") as log:
    log.write("0123456789\n<&>\n")
for offset, length in ((0, 0), (3, 4), (-5, 0), (-5, 2), (0, -1), (100, 0)):
    call("readProcessStdoutLog", "web:web_00", offset, length)
for offset, length in ((0, 5), (0, 100), (0, 15), (5, 10), (100, 5), (-3, 2)):
    call("tailProcessStdoutLog", "web:web_00", offset, length)
call("readProcessLog", "nobody", 0, 0)
call("readProcessStderrLog", "web:web_00", 0, 0)
call("tailProcessStderrLog", "web:web_00", 0, 0)
call("clearProcessLog", "nobody")
call("clearAllProcessLogs", shown=sorted_names)
call("system.multicall", [
    {"methodName": "supervisor.getAPIVersion"},
    {"methodName": "supervisor.getProcessInfo", "params": ["nobody"]},
    {"methodName": "system.multicall", "params": [[]]},
    {"params": []},
    {"methodName": "supervisor.stopProcess", "params": ["g:idle"]},
])
call("stopProcess", "g:idle")
call("stopProcess", "nobody")
call("stopProcessGroup", "web", shown=sorted_names)
call("stopProcess", "trap", False)
until("trap", "STOPPED")
call("reloadConfig")
call("addProcessGroup", "web")
call("addProcessGroup", "nobody")
call("removeProcessGroup", "nobody")
call("removeProcessGroup", "web")
call("reloadConfig")
call("addProcessGroup", "web")
until("web:web_00", "RUNNING")
call("removeProcessGroup", "web")
call("stopAllProcesses", shown=sorted_names)


class Unix(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(SOCKET)


for key, verb, path, body in (
    ("no XML", "POST", "/RPC2", "nonsense"),
    ("no method", "POST", "/RPC2", "<methodCall><params/></methodCall>"),
    ("elsewhere", "GET", "/nowhere.html", None),
    ("log of nobody", "GET", "/logtail/nobody", None),
):
    connection = Unix("localhost")
    connection.request(verb, path, body)
    told("http " + key, connection.getresponse().status)
