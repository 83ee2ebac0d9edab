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

# What web pages that show several Supervisors call, as they call it: cesi over Python's own transport, with the password in the URL ...
with open(FOLDER + "/supervisord.conf") as conf:
    place = next(line[5:].strip() for line in conf if line.startswith("port="))
page = xmlrpc.client.ServerProxy("http://ann:thepassword@%s/RPC2" % place)


def row(one):
    """A line of its table; it takes the uptime out of the description, and shows three dates."""
    up = one["description"].split(",")[1].strip().split(" ")[1].strip() if one["state"] == 20 else 0
    dates = [time.strftime("%H:%M:%S", time.localtime(one[key])) for key in ("start", "stop", "now")]
    keys = ("name", "group", "statename", "spawnerr", "exitstatus", "stdout_logfile", "stderr_logfile", "pid")
    return [plain(one[key], key) for key in keys] + [bool(up), len(dates)]


told("cesi is connected", "supervisor.getAllProcessInfo" in page.system.listMethods())
told("cesi start", page.supervisor.startProcess("web:web_00"))
told("cesi table", sorted(row(one) for one in page.supervisor.getAllProcessInfo()))
told("cesi one", row(page.supervisor.getProcessInfo("web:web_00")))
for tail in (page.supervisor.tailProcessStdoutLog, page.supervisor.tailProcessStderrLog):
    told("cesi log", tail("web:web_00", 0, 500)[0].split("\n")[1:-1])
told("cesi stop", page.supervisor.stopProcess("web:web_00"))
try:
    page.supervisor.stopProcess("web:web_00")
except xmlrpc.client.Fault as fault:
    told("cesi stop again", [fault.faultCode, fault.faultString])


def monitor(method, *params):
    """... and supervisord-monitor over PHP's: HTTP/1.0, whatever it says is a string."""
    values = "".join("<param>\n<value><string>%s</string></value>\n</param>\n" % one for one in params)
    body = "<?xml version=\"1.0\"?>\r\n<methodCall>\r\n<methodName>supervisor.%s</methodName>\r\n<params>\r\n%s</params>\r\n</methodCall>" % (method, values)
    host, port = place.split(":")
    with socket.create_connection((host, int(port))) as line:
        head = "POST /RPC2 HTTP/1.0\r\nHost: %s\r\nAuthorization: Basic YW5uOnRoZXBhc3N3b3Jk\r\nContent-Type: text/xml\r\n"
        head += "User-Agent: XML-RPC for CodeIgniter\r\nContent-Length: %d\r\n\r\n"
        line.sendall((head % (host, len(body)) + body).encode())
        answer = b"".join(iter(lambda: line.recv(4096), b"")).decode()
    head, body = answer.split("\r\n\r\n", 1)
    try:
        value = xmlrpc.client.loads(body)[0][0]
    except xmlrpc.client.Fault as fault:
        value = "%d %s" % (fault.faultCode, fault.faultString)
    told("monitor %s(%s)" % (method, ", ".join(params)), [head.split(" ")[1], sorted_names(value)])


monitor("getAllProcessInfo")
monitor("startProcess", "web:web_00", "1")
monitor("stopProcess", "web:web_00", "1")
monitor("stopProcess", "nobody", "1")
monitor("stopAllProcesses", "1")
monitor("startAllProcesses", "1")
monitor("clearProcessLogs", "web:web_00")
until("bad", "FATAL")
monitor("stopAllProcesses", "1")
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
