//! Supervisor itself, from pip's index, beside `pm` called by its names: the same file and the same commands, and what was seen compared.
//! Whatever differs stands in the table of `docs/supervisor.md`, with both values; what stands there differs.
//!
//! It needs `/usr/bin/python3` with its venv module, and pip's index once; their absence is a failure, not a reason to skip.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use crate::comparisons::names_tests_that_are_there;
use pm_testkit::{Home, free_port};

use crate::article::command;

const CONF: &str = r#"
[unix_http_server]
file=%(here)s/s.sock
chmod=0750
[supervisord]
logfile=%(here)s/log/supervisord.log
pidfile=%(here)s/supervisord.pid
childlogdir=%(here)s/log
environment=LEVEL="all, of them"
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://%(here)s/s.sock
[include]
files = conf.d/*.conf
"#;

const PROGRAMS: &str = r#"
[program:web]
command=/bin/sh -c "echo hello %(process_num)d; echo oops >&2; umask > seen.%(process_num)d; pwd >> seen.%(process_num)d;
  env >> seen.%(process_num)d; exec sleep 1000" ; a comment
numprocs=2
process_name=%(program_name)s_%(process_num)02d
environment=MODE="m%(process_num)d"
directory=%(here)s/../srv
umask=027
stdout_logfile=%(here)s/../log/%(program_name)s_%(process_num)d.log
redirect_stderr=true
[program:trap]
command=/bin/sh %(here)s/../trap.sh
priority=7
stdout_logfile=%(here)s/../log/trap.out
stderr_logfile=%(here)s/../log/trap.err
[program:idle]
command=/bin/sleep 1000
autostart=false
stdout_logfile=NONE
[program:bad]
command=/bin/false
autostart=false
startretries=1
[program:gone]
command=/nowhere/x
autostart=false
[program:code]
command=/bin/sh -c 'exit 3'
startsecs=0
exitcodes=3
[group:g]
programs=idle,code
priority=5
"#;

/// One of the two.
struct Tool {
    bin: PathBuf,
    home: Home,
}

impl Tool {
    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.bin.join(name));
        command.env("PM_HOME", self.home.home().root()).current_dir(self.home.work());
        command.arg("-c").arg(self.home.work().join("supervisord.conf"));
        command.stdin(Stdio::null());
        command
    }

    /// What a command says, and its exit code; pids, times and folders are left out.
    fn ctl(&self, line: &str) -> String {
        let output = self.command("supervisorctl").args(line.split(' ')).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let said = said.replace(self.home.work().to_str().unwrap(), "DIR");
        let said = said.replace(self.home.home().root().to_str().unwrap(), "HOME");
        let lines: Vec<_> = said.lines().map(plain).filter(|line| !line.is_empty()).collect();
        format!("{} -> {}", lines.join(" / "), output.status.code().unwrap_or(-1))
    }

    fn until(&self, name: &str, state: &str) {
        self.home.wait_until(&format!("{name} is {state}"), || {
            self.ctl(&format!("status {name}")).contains(state)
        });
    }

    fn file(&self, name: &str) -> String {
        fs::read_to_string(self.home.work().join(name)).unwrap_or_default()
    }
}

/// A line of `status` without what differs each time.
fn plain(line: &str) -> String {
    let words: Vec<_> = line.split_whitespace().collect();
    match words.as_slice() {
        [name, "RUNNING", ..] => format!("{name} RUNNING pid uptime"),
        [name, state @ ("EXITED" | "STOPPED"), _, _, _, "AM" | "PM"] => {
            format!("{name} {state} time")
        }
        words => words.join(" "),
    }
}

/// Commands that are compared, besides those that need something to have happened.
const LINES: [&str; 31] = [
    "status",
    "status web:web_00",
    "status nobody",
    "status x:*",
    "status g:*",
    "avail",
    "reread",
    "start g:idle",
    "start gone",
    "start nobody",
    "start x:*",
    "start",
    "stop nobody",
    "stop x:*",
    "signal HUP bad",
    "signal NOPE g:idle",
    "signal HUP trap",
    "pid nobody",
    "pid bad",
    "tail web:web_00",
    "tail -5 web:web_00",
    "tail web:web_00 stderr",
    "tail g:idle",
    "tail nobody",
    "tail -x trap",
    "clear nobody",
    "clear trap",
    "foo bar",
    "add nobody",
    "remove nobody",
    "remove web",
];

/// Lines that come in the order in which their processes end.
fn sorted(seen: &str) -> String {
    let (lines, code) = seen.rsplit_once(" -> ").unwrap();
    let lines: BTreeSet<_> = lines.split(" / ").collect();
    format!("{} -> {code}", lines.into_iter().collect::<Vec<_>>().join(" / "))
}

/// What is done with both, in order: what was seen by a name for each step.
fn story(tool: &Tool) -> BTreeMap<String, String> {
    let mut seen = BTreeMap::new();
    let mut note = |key: &str, value: String| {
        assert!(seen.insert(key.to_owned(), value).is_none(), "{key} twice");
    };
    note("status: no server", tool.ctl("status"));
    note("start: no server", tool.ctl("start web"));
    let started = tool.command("supervisord").stdout(Stdio::null()).status().unwrap();
    note("supervisord", format!("{:?}", started.code()));
    for name in ["web:web_00", "web:web_01", "trap"] {
        tool.until(name, "RUNNING");
    }
    tool.until("g:code", "EXITED");
    note("start bad", tool.ctl("start bad"));
    tool.until("bad", "FATAL");
    note("status: given up", tool.ctl("status bad"));
    for line in LINES {
        note(line, tool.ctl(line));
    }
    note("start again", tool.ctl("start g:idle"));
    let pids = ["trap", "web:web_00", "web:web_01"].map(|name| {
        let pid = tool.ctl(&format!("pid {name}"));
        (pid.split(' ').next().unwrap().parse::<u32>().unwrap(), name)
    });
    let order: BTreeMap<_, _> = pids.into_iter().collect();
    note("order of starts", format!("{:?}", order.values().collect::<Vec<_>>()));
    surroundings(tool, &mut note);
    tool.home.wait_until("the signal has come", || tool.file("signals") == "HUP\n");
    note("stop", tool.ctl("stop trap"));
    note("signals", tool.file("signals").replace('\n', " "));
    note("stop again", tool.ctl("stop trap"));
    note("restart", tool.ctl("restart g:idle"));
    note("stop a group", sorted(&tool.ctl("stop web:*")));
    note("start a group", sorted(&tool.ctl("start web:*")));
    changes(tool, &mut note);
    let logs = fs::read_dir(tool.home.work().join("log")).unwrap().flatten();
    let logs: BTreeSet<_> = logs.map(|log| log.file_name().into_string().unwrap()).collect();
    let logs: Vec<_> = logs.into_iter().filter(|log| !log.contains("---")).collect();
    note("log files", logs.join(" "));
    note("shutdown", tool.ctl("shutdown"));
    tool.home.wait_until("it is gone", || tool.ctl("status").ends_with("-> 4"));
    seen
}

/// What a program finds: its mask, its folder, its variables.
fn surroundings(tool: &Tool, note: &mut impl FnMut(&str, String)) {
    let environment = tool.file("srv/seen.1");
    let environment: Vec<_> = environment.lines().collect();
    note("umask", environment[0].to_owned());
    note("folder", environment[1].rsplit('/').next().unwrap().to_owned());
    for name in [
        "SUPERVISOR_ENABLED",
        "SUPERVISOR_PROCESS_NAME",
        "SUPERVISOR_GROUP_NAME",
        "SUPERVISOR_SERVER_URL",
        "MODE",
        "LEVEL",
        "HOME",
    ] {
        let value = environment.iter().find_map(|line| line.strip_prefix(&format!("{name}=")));
        let work = tool.home.work();
        note(name, value.unwrap_or("none").replace(work.to_str().unwrap(), "DIR"));
    }
}

/// The file changes meanwhile.
fn changes(tool: &Tool, note: &mut impl FnMut(&str, String)) {
    let programs = tool.file("conf.d/a.conf");
    tool.home.file("conf.d/a.conf", programs.replace("sleep 1000\" ;", "sleep 1001\" ;"));
    tool.home.file("conf.d/n.conf", "[program:new]\ncommand=/bin/sleep 5000\n");
    for line in ["reread: changed", "update", "update nope", "add new", "remove new", "stop new"] {
        note(line, tool.ctl(line.split(':').next().unwrap()));
    }
    note("remove: stopped", tool.ctl("remove new"));
    note("add: removed", tool.ctl("add new"));
    fs::remove_file(tool.home.work().join("conf.d/n.conf")).unwrap();
    note("reread: gone", tool.ctl("reread"));
    note("update: gone", tool.ctl("update"));
    tool.home.file("conf.d/a.conf", programs.replace("startretries=1", "startretries=x"));
    let refused = tool.ctl("reread");
    let (said, code) = refused.rsplit_once(" -> ").unwrap();
    note("reread: refused", format!("{} {code}", said.contains("ERROR: CANT_REREAD: ")));
    tool.home.file("conf.d/a.conf", &programs);
    note("reload", tool.ctl("reload"));
    tool.until("web:web_01", "RUNNING");
    note("stop all", sorted(&tool.ctl("stop all")));
    clients(tool, note);
}

/// What clients of Supervisor see that call over a socket: its own, in Python, and `supervisorctl` of the venv.
fn clients(tool: &Tool, note: &mut impl FnMut(&str, String)) {
    let work = tool.home.work();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/supervisor_rpc.py");
    let mut calls = Command::new(venv().join("bin/python"));
    let calls = calls.arg(script).arg(work.join("s.sock")).arg(&work).output().unwrap();
    assert!(calls.status.success(), "{}", String::from_utf8_lossy(&calls.stderr));
    for line in String::from_utf8_lossy(&calls.stdout).lines() {
        let (key, value) = line.split_once('\t').unwrap();
        note(key, value.to_owned());
    }
    let mode = fs::metadata(work.join("s.sock")).unwrap().permissions().mode();
    note("mode of the socket", format!("{:o}", mode & 0o777));
    let inet = tool.file("supervisord.conf");
    let port = inet.lines().find_map(|line| line.strip_prefix("port=")).unwrap();
    for (key, options) in [("by password", "-u ann -p thepassword"), ("refused", "-u ann -p x")] {
        let mut ctl = Command::new(venv().join("bin/supervisorctl"));
        let ctl = ctl.arg("-s").arg(format!("http://{port}")).args(options.split(' '));
        let ctl = ctl.args(["status", "g:idle"]).current_dir("/").output().unwrap();
        let said = String::from_utf8_lossy(&ctl.stdout);
        let said: Vec<_> = said.lines().map(plain).collect();
        note(key, format!("{} -> {:?}", said.join(" / "), ctl.status.code()));
    }
}

/// Supervisor in a venv under `target/`, made once.
pub(crate) fn venv() -> PathBuf {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("target");
    fs::create_dir_all(&target).unwrap();
    let lock = File::create(target.join("venv-supervisor.lock")).unwrap();
    lock.lock().unwrap();
    let venv = target.join("venv-supervisor");
    if !venv.join("made-3").exists() {
        // What a broken attempt left.
        fs::remove_dir_all(&venv).ok();
        command(Command::new("/usr/bin/python3").args(["-m", "venv"]).arg(&venv));
        let pip = [
            "-m",
            "pip",
            "install",
            "supervisor==4.3.0",
            "superlance==2.0.0",
            "honcho==2.0.0",
            "setuptools<80",
        ];
        command(Command::new(venv.join("bin/python")).args(pip));
        fs::write(venv.join("made-3"), "").unwrap();
    }
    venv
}

fn prepare(home: &Home) {
    let port = format!("127.0.0.1:{}", free_port());
    // The digest of `thepassword`.
    let inet = format!(
        "[inet_http_server]\nport={port}\nusername=ann\npassword={{SHA}}82ab876d1387bfafe46cc1c8a2ef074eae50cb1d\n"
    );
    home.file("supervisord.conf", format!("{CONF}{inet}"));
    home.file("conf.d/a.conf", PROGRAMS);
    home.file("log/.keep", "");
    home.file("srv/.keep", "");
    let trap = "trap 'echo HUP >> signals' HUP\ntrap 'echo TERM >> signals; exit 0' TERM\n\
                echo ready\nwhile :; do sleep 0.05; done\n";
    home.file("trap.sh", trap);
}

/// The table of differences: by step, what Supervisor shows and what `pm` does.
fn documented() -> BTreeMap<String, (String, String)> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/supervisor.md");
    let page = fs::read_to_string(page).unwrap();
    let (_, table) = page.split_once("## Measured differences").unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    let cell = |text: &str| text.trim().trim_matches('`').to_owned();
    let row = |line: &str| {
        let cells: Vec<_> = line.trim_matches('|').split(" | ").map(cell).collect();
        (cells[0].clone(), (cells[1].clone(), cells[2].clone()))
    };
    rows.map(row).collect()
}

/// Supervisor's names for us, in a folder of links.
fn linked(home: Home) -> Tool {
    let links = home.work().join("links");
    fs::create_dir(&links).unwrap();
    for name in ["supervisorctl", "supervisord"] {
        symlink(env!("CARGO_BIN_EXE_pm"), links.join(name)).unwrap();
    }
    Tool { bin: links, home }
}

#[test]
fn the_page_names_tests_that_are_there() {
    names_tests_that_are_there("supervisor.md");
}

#[test]
fn an_update_leaves_alone_what_is_the_same() {
    let tool = linked(Home::new());
    let one = "[program:a]\ncommand=/bin/sleep 1000\n[program:b]\ncommand=/bin/sleep 1000\n[group:g]\nprograms=a,b\n";
    tool.home.file("supervisord.conf", one);
    assert!(tool.command("supervisord").stdout(Stdio::null()).status().unwrap().success());
    for name in ["g:a", "g:b"] {
        tool.until(name, "RUNNING");
    }
    let pids = || ["g:a", "g:b"].map(|name| tool.ctl(&format!("pid {name}")));
    let [a, b] = pids();
    let two =
        one.replacen("sleep 1000", "sleep 1001", 1).replace("[group", "autorestart=true\n[group");
    tool.home.file("supervisord.conf", two);
    assert_eq!(tool.ctl("reread"), "g: changed -> 0");
    assert_eq!(tool.ctl("update"), "g: stopped / g: updated process group -> 0");
    tool.until("g:a", "RUNNING");
    let [new, same] = pids();
    assert!(new != a && same == b, "{a} {new} {b} {same}");
    assert_eq!(tool.ctl("reread"), "No config updates to processes -> 0");
}

#[test]
fn who_calls_from_elsewhere_changes_no_folder() {
    let tool = linked(Home::new());
    let file = "[program:a]\ncommand=/bin/sleep 1000\nstdout_logfile=a.log\n[program:b]\ncommand=./b\n\
                [program:c]\ncommand=/bin/sleep 1000\ndirectory=srv\n";
    let conf = tool.home.file("supervisord.conf", file);
    tool.home.script("b", "exec sleep 1000");
    let elsewhere = tool.home.work().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::create_dir(tool.home.work().join("srv")).unwrap();
    assert!(tool.command("supervisord").stdout(Stdio::null()).status().unwrap().success());
    for name in ["a", "b", "c"] {
        tool.until(name, "RUNNING");
    }
    let pids = || ["a", "b", "c"].map(|name| tool.ctl(&format!("pid {name}")));
    let before = pids();
    let from_there = |line: &str| {
        let mut ctl = tool.command("supervisorctl");
        let output = ctl.current_dir(&elsewhere).args(line.split(' ')).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert_eq!(from_there("reread"), "No config updates to processes\n");
    assert_eq!(from_there("update"), "");
    let plan =
        tool.home.pm([std::ffi::OsStr::new("apply"), conf.as_os_str(), "--dry-run".as_ref()]);
    let plan = plan.dir(&elsewhere).run().ok();
    assert!(!plan.out().contains("cwd"), "{}", plan.out());
    assert_eq!(pids(), before);
    // One changed line is one changed program, and a new one runs where the others do.
    tool.home
        .file("supervisord.conf", file.replacen("1000", "1001", 1) + "[program:d]\ncommand=./b\n");
    assert_eq!(from_there("reread"), "a: changed\nd: available\n");
    from_there("update");
    tool.until("d", "RUNNING");
    let [a, b, c] = pids();
    assert!(a != before[0] && b == before[1] && c == before[2], "{before:?}");
}

#[test]
fn logs_are_followed_and_the_prompt_takes_lines() {
    let tool = linked(Home::new());
    let echo = "[program:echo]\ncommand=/bin/cat\nstdout_logfile=%(here)s/echo.log\n";
    tool.home.file("supervisord.conf", echo);
    assert!(tool.command("supervisord").stdout(Stdio::null()).status().unwrap().success());
    tool.until("echo", "RUNNING");
    let version = format!("{} -> 0", env!("CARGO_PKG_VERSION"));
    assert_eq!(tool.ctl("version"), version);
    assert_eq!(tool.ctl("open http://localhost:1"), "ERROR: there is one pm in each PM_HOME -> 1");
    assert!(tool.ctl("maintail").ends_with("-> 0"));
    let file = |name: &str| File::create(tool.home.work().join(name)).unwrap();
    let mut tail = tool.command("supervisorctl");
    let mut tail = tail.args(["tail", "-f", "echo"]).stdout(file("tailed")).spawn().unwrap();
    let mut front = tool.command("supervisorctl");
    let front = front.args(["fg", "echo"]).stdin(Stdio::piped()).stdout(file("fronted"));
    let mut front = front.spawn().unwrap();
    let mut typed = front.stdin.take().unwrap();
    typed.write_all(b"good day\n").unwrap();
    for name in ["tailed", "fronted"] {
        tool.home.wait_until("the line comes", || {
            let shown = tool.file(name);
            shown.starts_with("==> Press Ctrl-C to exit <==\n") && shown.contains("good day")
        });
    }
    drop(typed);
    front.wait().unwrap();
    tail.kill().unwrap();
    tail.wait().unwrap();
    let mut prompt = tool.command("supervisorctl");
    let prompt = prompt.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut prompt = prompt.spawn().unwrap();
    prompt.stdin.take().unwrap().write_all(b"pid nobody\n\nstop echo\nquit\n").unwrap();
    let output = prompt.wait_with_output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && shown.starts_with("echo"), "{shown}");
    assert!(shown.contains("supervisor> No such process nobody"), "{shown}");
    assert!(shown.ends_with("echo: stopped\nsupervisor> "), "{shown}");
    assert_eq!(tool.ctl("shutdown"), "Shut down -> 0");
    let server = format!("[unix_http_server]\nfile=%(here)s/n.sock\n{echo}");
    tool.home.file("supervisord.conf", server);
    let mut front = tool.command("supervisord");
    let mut front =
        front.arg("-n").stdout(file("foreground")).stderr(Stdio::null()).spawn().unwrap();
    tool.until("echo", "RUNNING");
    let socket = tool.home.work().join("n.sock");
    tool.home.wait_until("clients are answered", || UnixStream::connect(&socket).is_ok());
    pm_testkit::signal(front.id(), 15);
    front.wait().unwrap();
}

/// Superlance's programs, `supervisorctl` from pip's index, and who must not call.
#[test]
fn clients_made_for_supervisor_go_on() {
    let tool = linked(Home::new());
    let conf = "[unix_http_server]\nfile=%(here)s/s.sock\n[program:echo]\ncommand=/bin/cat\nstartsecs=0\n\
                stdout_logfile=%(here)s/echo.log\n";
    tool.home.file("supervisord.conf", conf);
    assert!(tool.command("supervisord").stdout(Stdio::null()).status().unwrap().success());
    let work = tool.home.work();
    let url = format!("unix://{}", work.join("s.sock").display());
    let nowhere = format!("http://127.0.0.1:{}/", free_port());
    for args in [vec!["memmon", "-p", "echo=1"], vec!["httpok", "-p", "echo", nowhere.as_str()]] {
        let before = tool.ctl("pid echo");
        let mut listener = Command::new(venv().join("bin").join(args[0]));
        let listener = listener.args(&args[1..]).env("SUPERVISOR_SERVER_URL", &url);
        let listener = listener.env("SUPERVISOR_ENABLED", "1");
        let listener = listener.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut listener = listener.spawn().unwrap();
        let tick = b"ver:3.0 server:s serial:1 pool:p poolserial:1 eventname:TICK_60 len:15\nwhen:1201063880\n";
        listener.stdin.take().unwrap().write_all(&tick[..tick.len() - 1]).unwrap();
        let output = listener.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("RESULT 2\nOK"), "{args:?} {said} {told}");
        assert_ne!(tool.ctl("pid echo"), before, "{args:?} {told}");
    }
    let file = File::create(work.join("tailed")).unwrap();
    let mut tail = Command::new(venv().join("bin/supervisorctl"));
    let tail = tail.args(["-s", &url, "tail", "-f", "echo"]).current_dir("/").stdout(file);
    let mut tail = tail.spawn().unwrap();
    tool.home.run(["send", "echo", "good day"]).ok();
    tool.home.wait_until("the line comes", || tool.file("tailed").contains("good day"));
    tail.kill().unwrap();
    tail.wait().unwrap();
    let mut page = UnixStream::connect(work.join("s.sock")).unwrap();
    page.write_all(b"POST /RPC2 HTTP/1.0\r\nOrigin: http://x\r\nContent-Length: 1\r\n\r\nx")
        .unwrap();
    let mut said = String::new();
    page.read_to_string(&mut said).unwrap();
    assert!(said.starts_with("HTTP/1.0 403"), "{said}");
    let open = ["web", "--supervisor-rpc", "0.0.0.0:9001"];
    tool.home.run(open).ends(2).complains("would come in without a password");
    let nothing = ["web", "--supervisor-rpc", "nothing.conf"];
    tool.home.run(nothing).ends(2).complains("nothing.conf");
    assert_eq!(tool.ctl("shutdown"), "Shut down -> 0");
}

/// Writes down what it hears; dies of the first end of `bad`, before it has acknowledged it.
const LISTENER: &str = "
import os, sys
from supervisor import childutils
while True:
    headers, payload = childutils.listener.wait()
    with open('heard', 'a') as heard:
        heard.write('%s %s %s\\n' % (headers['eventname'], headers['poolserial'], payload.replace('\\n', '|')))
    if headers['eventname'] == 'PROCESS_STATE_EXITED' and not os.path.exists('died'):
        open('died', 'w').close()
        os._exit(7)
    childutils.listener.ok()
";

/// Those of the file's `[eventlistener:x]`: superlance's, one that dies, one that writes rubbish.
#[test]
fn listeners_hear_what_happens() {
    let tool = linked(Home::new());
    let bin = venv().join("bin");
    tool.home.file("listener.py", LISTENER);
    let conf = format!(
        "[unix_http_server]\nfile=%(here)s/s.sock\n[supervisord]\nidentifier=me\n\
         [program:web]\ncommand=/bin/sleep 1000\n\
         [program:bad]\ncommand=/bin/sh -c 'exit 3'\nstartsecs=0\nautorestart=false\nautostart=false\n\
         [eventlistener:ear]\ncommand={0}/python %(here)s/listener.py\n\
         events=PROCESS_STATE,REMOTE_COMMUNICATION,SUPERVISOR_STATE_CHANGE\nstderr_logfile=%(here)s/ear.err\n\
         [eventlistener:crashmail]\ncommand={0}/crashmail -p bad -m x@y -s 'cat > %(here)s/mail'\n\
         events=PROCESS_STATE_EXITED\n\
         [eventlistener:fool]\ncommand=/bin/sh -c 'echo hello; exec sleep 1000'\nevents=EVENT\n\
         stderr_logfile=%(here)s/fool.err\n",
        bin.display()
    );
    tool.home.file("supervisord.conf", conf);
    assert!(tool.command("supervisord").stdout(Stdio::null()).status().unwrap().success());
    let heard = |what: &str| {
        tool.home.wait_until(&format!("{what} is heard"), || {
            tool.file("heard").lines().any(|line| line.contains(what))
        });
    };
    heard("SUPERVISOR_STATE_CHANGE_RUNNING 1 ");
    heard("processname:web groupname:web from_state:STARTING pid:");
    tool.home.wait_until("rubbish is told of", || {
        tool.file("fool.err").contains("wanted is READY, it wrote `hello`")
    });
    tool.ctl("start bad");
    tool.home.wait_until("a mail is written", || tool.file("mail").contains("bad"));
    // The one that died hears it again.
    tool.home.wait_until("it is heard twice", || {
        let heard = tool.file("heard");
        let ends: Vec<_> =
            heard.lines().filter(|it| it.starts_with("PROCESS_STATE_EXITED")).collect();
        ends.len() >= 2
            && ends[0] == ends[1]
            && ends[0].contains("processname:bad groupname:bad")
            && ends[0].contains("expected:0")
    });
    let call = "import sys, xmlrpc.client\nfrom supervisor.xmlrpc import SupervisorTransport\n\
                server = xmlrpc.client.ServerProxy('http://x', SupervisorTransport(None, None, sys.argv[1]))\n\
                server.supervisor.sendRemoteCommEvent('greeting', 'good\\nday')";
    let url = format!("unix://{}", tool.home.work().join("s.sock").display());
    command(Command::new(bin.join("python")).args(["-c", call, &url]));
    heard("type:greeting|good|day");
    tool.ctl("stop web");
    heard("PROCESS_STATE_STOPPED");
    assert_eq!(tool.ctl("shutdown"), "Shut down -> 0");
}

/// Answers each caller with its own name, from the socket that it finds at descriptor 0.
const POOL: &str = "
import os, socket
listener = socket.socket(fileno=0)
while True:
    connection, _ = listener.accept()
    answer = '%s %s %s' % (os.environ.get('LISTEN_FDS', 'none'), listener.family == socket.AF_UNIX, os.getpid())
    connection.sendall(answer.encode())
    connection.close()
";

/// `[fcgi-program:x]` beside Supervisor's own: who calls is answered by one of the pool, whichever died.
#[test]
fn a_pool_finds_its_socket_at_descriptor_0_as_in_supervisor() {
    let venv = venv();
    let (theirs, ours) = (Home::new(), Home::new());
    for home in [&theirs, &ours] {
        home.file("pool.py", POOL);
        let conf = format!(
            "[unix_http_server]\nfile=%(here)s/s.sock\n[supervisorctl]\nserverurl=unix://%(here)s/s.sock\n\
             [rpcinterface:supervisor]\nsupervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface\n\
             [supervisord]\nlogfile=%(here)s/log\npidfile=%(here)s/pid\n\
             [fcgi-program:pool]\ncommand={} %(here)s/pool.py\nsocket=unix://%(here)s/pool.sock\nsocket_mode=0660\n\
             numprocs=2\nprocess_name=%(program_name)s_%(process_num)02d\nstartsecs=0\n",
            venv.join("bin/python").display()
        );
        home.file("supervisord.conf", conf);
    }
    let seen = |tool: &Tool| {
        assert!(tool.command("supervisord").stdout(Stdio::null()).status().unwrap().success());
        for name in ["pool:pool_00", "pool:pool_01"] {
            tool.until(name, "RUNNING");
        }
        let socket = tool.home.work().join("pool.sock");
        let call = || {
            let mut said = String::new();
            UnixStream::connect(&socket).ok()?.read_to_string(&mut said).ok()?;
            let (said, pid) = said.rsplit_once(' ')?;
            Some((said.to_owned(), pid.parse::<u32>().ok()?))
        };
        let mut answer = None;
        tool.home.wait_until("somebody answers", || {
            answer = call();
            answer.is_some()
        });
        let (said, pid) = answer.unwrap();
        let mode = fs::metadata(&socket).unwrap().permissions().mode() & 0o777;
        // The other one of them has it still.
        pm_testkit::signal(pid, 9);
        tool.home.wait_until("another one answers", || call().is_some_and(|it| it.1 != pid));
        let stopped = sorted(&tool.ctl("stop pool:*"));
        tool.home.wait_until("nobody listens", || UnixStream::connect(&socket).is_err());
        (said, format!("{mode:o}"), stopped, tool.ctl("shutdown"))
    };
    let theirs = seen(&Tool { bin: venv.join("bin"), home: theirs });
    assert_eq!(
        theirs,
        ("none True".into(), "660".into(), theirs.2.clone(), "Shut down -> 0".into())
    );
    assert_eq!(seen(&linked(ours)), theirs);
}

#[test]
fn the_same_file_and_commands_give_what_supervisor_gives() {
    let venv = venv();
    let (theirs, ours) = (Home::new(), Home::new());
    for home in [&theirs, &ours] {
        prepare(home);
    }
    let real = Tool { bin: venv.join("bin"), home: theirs };
    let own = linked(ours);
    let (ours, theirs) = thread::scope(|scope| {
        let theirs = scope.spawn(move || story(&real));
        (story(&own), theirs.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    });
    let documented = documented();
    let mut wrong = Vec::new();
    for (key, theirs) in &theirs {
        let both = (theirs.clone(), ours[key].clone());
        let is_said = documented.get(key);
        if (both.0 == both.1) != is_said.is_none() || is_said.is_some_and(|said| *said != both) {
            wrong.push(format!("| `{key}` | `{}` | `{}` |", both.0, both.1));
        }
    }
    let unknown = documented.keys().filter(|key| !theirs.contains_key(*key));
    wrong.extend(unknown.map(|key| format!("{key}: no step is called so")));
    assert!(wrong.is_empty(), "not as docs/supervisor.md says\n{}", wrong.join("\n"));
}

/// What is written means what was read, and each key of the file has its line.
#[test]
fn an_import_is_the_same_again_and_tells_of_each_key() {
    let home = Home::new();
    prepare(&home);
    // What is missing is an error in an ecosystem file.
    let secret = PROGRAMS
        .replace("MODE=\"m", "API_TOKEN=\"hush\",MODE=\"m")
        .replace("/nowhere/x", "/bin/cat");
    home.file("conf.d/a.conf", secret);
    let mut told = home.run(["import", "supervisord.conf"]).ok();
    for line in [
        "supervisord.conf:3   [unix_http_server] file",
        "conf.d/a.conf:5      [program:web] numprocs",
        "no effect",
        "wrote ecosystem.json5: 7 apps: g:code, g:idle, trap, bad, gone, web:web_00, web:web_01",
    ] {
        told = told.says(line);
    }
    assert!(!told.out().contains("hush"), "{}", told.out());
    let written = home.work().join("ecosystem.json5");
    let mode = fs::metadata(&written).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "it holds a secret");
    home.run(["import", "supervisord.conf"]).ends(1).complains("--force replaces it");
    home.run(["import", "supervisord.conf", "--to", "x.yaml", "--dry-run"])
        .ok()
        .says("nothing was written");
    home.run(["start", "supervisord.conf"]);
    for file in ["supervisord.conf", "ecosystem.json5"] {
        let mut plan = home.run(["apply", file, "--dry-run"]).ok();
        for app in ["g:idle", "trap", "web:web_00", "web:web_01"] {
            plan = plan.says(&format!("= {app}: unchanged"));
        }
    }
    home.run(["stop", "g:*"]).ok().says("= g:idle").says("= g:code");
    home.run(["stop", "web:*"]).ok().says("web:web_00 (5) stopped").says("web:web_01 (6) stopped");
    home.run(["stop", "x:*"]).ends(1).complains("no app is of a group x");
    home.run(["import", "ecosystem.json5"]).ends(2).complains("this is no file of another manager");
}
