//! `pm why` names the cause of what real programs fail of, and what cures it.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use pm_protocol::Status;
use pm_testkit::{Home, fixture, free_port, signal};
use serde_json::{Value, json};

/// Starts a script that fails; what `why` says of it has all of this, and its class.
fn because(home: &Home, start: &[&str], class: &str, parts: &[&str]) {
    let name = Path::new(start[0]).file_stem().unwrap().to_str().unwrap();
    // A busy machine may take longer for a program to begin than a start waits.
    home.run([&["start", "--no-wait", "--restart-delay", "1h"], start].concat()).ok();
    home.wait_until("it has ended", || home.row(name).status == Status::WaitingRestart);
    let told = home.run(["why", name]).ok().out();
    for part in parts {
        assert!(told.contains(part), "`{part}` is missing of {name}:\n{told}");
    }
    let json = home.run(["why", name, "--json"]).ok().json();
    assert_eq!(json[0]["cause_class"], class, "{json}");
}

/// Writes a file below the work folder and starts it.
fn fails(home: &Home, file: &str, text: &str, class: &str, parts: &[&str]) {
    home.file(file, text);
    because(home, &[&format!("./{file}")], class, parts);
}

#[test]
fn why_names_what_python_lacks() {
    let home = Home::new();
    let work = home.work().display().to_string();
    let module = "import nowhere_to_be_found\n";
    let pip = ["-m pip install nowhere_to_be_found`", "it was run by "];
    fails(&home, "module.py", module, "python module", &pip);
    home.file("sub/.venv/pyvenv.cfg", "home = /usr/bin\n");
    home.script("sub/.venv/bin/python", "exec python3 \"$@\"");
    home.file("sub/beside.py", module);
    let venv = format!("a virtual environment lies in {work}/sub/.venv");
    let own = home.script("own-python", "exec python3 \"$@\"").display().to_string();
    let args = ["./sub/beside.py", "--cwd", "sub", "--interpreter", &own];
    because(&home, &args, "python module", &[&venv]);
    let place = format!("what is written in {work}/syntax.py:2 can't be read");
    fails(&home, "syntax.py", "x = 1\ndef f(:\n", "syntax", &[&place]);
    let old = ["written for Python 2"];
    fails(&home, "old.py", "print 'hello'\n", "interpreter", &old);
    let unset = ["the variable DATABASE_URL_OF_TEST is not set"];
    let text = "import os\nos.environ['DATABASE_URL_OF_TEST']\n";
    fails(&home, "variable.py", text, "variable", &unset);
    let place = format!("conf/app.ini is looked for in {work}, where it runs");
    fails(&home, "file.py", "open('conf/app.ini')\n", "file", &[&place]);
    let full = ["a disk is full"];
    let text = "f = open('/dev/full', 'w')\nf.write('x')\nf.flush()\n";
    fails(&home, "full.py", text, "disk full", &full);
    let text = "import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))\n\
                files = [open('/dev/null') for _ in range(64)]\n";
    fails(
        &home,
        "leaks.py",
        text,
        "descriptors",
        &["as many files and connections open as it may"],
    );
    let text = "import resource\nresource.setrlimit(resource.RLIMIT_AS, (1 << 29, 1 << 29))\n\
                x = bytearray(1 << 30)\n";
    fails(&home, "greedy.py", text, "memory", &["more memory than it may have"]);
    let port = free_port();
    let nobody = format!("nobody listens on port {port}");
    let text = format!(
        "import socket\ntry:\n    socket.create_connection(('127.0.0.1', {port}))\n\
         except OSError as e:\n    raise SystemExit(f'cannot reach 127.0.0.1:{port}: {{e}}')\n"
    );
    fails(&home, "refused.py", &text, "refused", &[&nobody]);
}

#[test]
fn why_names_the_command_that_gives_a_right() {
    let home = Home::new();
    let work = home.work().display().to_string();
    home.file("locked.sh", "echo never\n");
    home.script("runs", "./locked.sh");
    let cure = format!("{work}/locked.sh may not be executed: `chmod +x {work}/locked.sh`");
    because(&home, &["./runs"], "permission", &[&cure]);
    home.file("data/x", "");
    let says = format!("PermissionError: [Errno 13] Permission denied: '{work}/data/x'");
    home.script("reads", &format!("echo \"{says}\" >&2; exit 1"));
    let cure = format!("has no right to {work}/data/x: `chmod u+rw {work}/data/x`");
    because(&home, &["./reads"], "permission", &[&cure]);
    home.script("low", "echo 'listen tcp :443: bind: permission denied' >&2; exit 1");
    let cure = "`sudo sysctl -w net.ipv4.ip_unprivileged_port_start=443`";
    because(&home, &["./low"], "low port", &[cure]);
}

#[test]
fn each_of_the_last_failures_has_a_file_that_tells_no_secret() {
    let home = Home::new();
    home.script("bad", "echo \"boom $SEVENTH_VALUE\" >&2; exit 7");
    let app = json!([{
        "name": "bad", "script": "./bad", "max_restarts": 7, "restart_delay": 1,
        "env": { "API_TOKEN": "hunter2" }, "max_memory_restart": "1G",
    }]);
    home.file("apps.json", app.to_string());
    home.run(["start", "apps.json"]).ends(1);
    home.wait_status("bad", "errored");
    let end = home.run(["describe", "bad", "--json"]).ok().json()[0]["ends"][6].clone();
    let newest = home.home().crashes().join(format!("bad-0-{}.json", end["at"]));
    home.wait_file(&newest, |bytes| bytes.ends_with(b"}\n"));
    home.wait_until("five are kept", || fs::read_dir(home.home().crashes()).unwrap().count() == 5);
    home.run(["why", "bad"]).ok().says(&format!("is kept in {}\n", newest.display()));
    let text = fs::read_to_string(&newest).unwrap();
    let told: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&told["code"], &told["pid"]), (&json!(7), &end["pid"]), "{text}");
    assert!(told["last_lines"].as_array().unwrap().last().unwrap() == "boom ", "{text}");
    let variables = told["variables"].as_array().unwrap();
    assert!(
        variables.iter().any(|name| name == "API_TOKEN") && !text.contains("hunter2"),
        "{text}"
    );
    assert_eq!(fs::metadata(&newest).unwrap().mode() & 0o777, 0o600);
    // Those of an app that is gone are not those of the next one that is called so and has its number.
    home.run(["delete", "bad"]).ok();
    home.run(["kill"]).ok();
    home.script("well", "exec sleep 1000");
    home.run(["start", "./well", "--name", "bad"]).ok();
    assert_eq!(home.row("bad").id, 0);
    let why = home.run(["why", "bad", "--json"]).ok().json();
    assert!(newest.exists());
    assert!(why[0]["crash_file"].is_null(), "{why}");
}

#[test]
fn why_names_what_node_lacks() {
    let home = Home::new();
    let work = home.work().display().to_string();
    let install = format!("`npm install nowhere-to-be-found` in {work}");
    let text = "require('nowhere-to-be-found');\n";
    fails(&home, "package.js", text, "node module", &[&install]);
    fails(&home, "own.js", "require('./db');\n", "node module", &["./db is not there"]);
    let place = format!("what is written in {work}/wrong.js:2 can't be read");
    fails(&home, "wrong.js", "\nconst x = ;\n", "syntax", &[&place]);
    fails(&home, "common.mjs", "require('fs');\n", "module kind", &["call it .cjs"]);
    let text = "require('fs').readFileSync('/no/such.json');\n";
    fails(&home, "reads.js", text, "file", &["/no/such.json is not there"]);
}

#[test]
fn why_names_what_is_wrong_around_an_app() {
    let home = Home::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let told = format!("port {port} is taken by ");
    let text = format!("import http.server\nhttp.server.HTTPServer(('127.0.0.1', {port}), None)\n");
    home.file("port.py", text);
    // Python does not say which port: it is given as an argument.
    because(&home, &["./port.py", "--", &port.to_string()], "port", &[&told]);
    let run = "killed by SIGSEGV";
    fails(&home, "native.sh", "kill -SEGV $$\n", "crash", &[run, "native code"]);
    fails(&home, "killed.sh", "kill -KILL $$\n", "killed", &["dmesg"]);
    fails(&home, "lacks.sh", "gunicorn-of-nobody app:app\n", "program", &["exited with code 127"]);
    let eats = "python3 -c 'a = bytearray(1 << 28); print(a[-1])'\n";
    home.file("eats.sh", eats);
    if crate::groups::can_be_made() {
        let told = ["one of its processes: together they took more than its mem_limit of 64.0mb"];
        because(&home, &["./eats.sh", "--mem-limit", "64M"], "memory limit", &told);
    }
    home.script("lives", "exec sleep 1000");
    home.run(["start", "./lives"]).ok();
    home.run(["stop", "lives"]).ok();
    home.run(["why", "lives"]).ok().says("stopped by ").says(" with `pm stop lives`");
}

/// What `pm` has seen itself of apps that say nothing.
#[test]
fn why_names_what_was_seen_of_apps_that_say_nothing() {
    let home = Home::new();
    home.script("lives", "exec sleep 1000");
    home.script("fails", "exit 3");
    let apps: Vec<_> = of_their_needs().into_iter().chain(of_their_runs()).collect();
    let all: Vec<_> = apps.iter().map(|(app, _)| app).collect();
    home.file("apps.json", json!(all).to_string());
    let _start = home.pm(["start", "apps.json"]).background();
    home.wait_status("hung", "online");
    signal(home.row("hung").pid, 19);
    for (app, why) in &apps {
        let name = app["name"].as_str().unwrap();
        home.wait_until(&format!("why tells of {name}: {why}"), || {
            home.run(["why", name]).ok().out().contains(why)
        });
    }
}

fn silent(name: &str, keys: &Value) -> Value {
    let mut app =
        json!({ "name": name, "script": "./lives", "kill_timeout": 300, "restart_delay": "1h" });
    app.as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
    app
}

/// What is told of them.
type Told = (Value, &'static str);

fn of_their_runs() -> [Told; 7] {
    let fixture = fixture().display().to_string();
    let open = free_port().to_string();
    let page = format!("http://127.0.0.1:{open}/");
    let fat = json!({
        "script": fixture, "args": ["--eat", "60M", "--live", "forever"], "max_memory_restart": "30M",
    });
    let test = json!({ "test": ["CMD", "false"], "interval": "50ms", "retries": 1 });
    let asked = json!({ "http": page, "interval": "100ms", "timeout": "300ms", "retries": 1 });
    let hung = json!({
        "script": fixture, "args": ["--listen", open, "--live", "forever"], "ready": page,
        "healthcheck": asked,
    });
    let slow = json!({ "autorestart": false, "time_limit": "100ms" });
    let brief = json!({ "script": "./fails", "max_restarts": 3, "restart_delay": 1 });
    let prepared = json!({ "pre_start": "echo no table >&2; exit 4" });
    let gave_up = "gave up after 3 short runs in a row; the last one exited with code 3";
    [
        (silent("fat", &fat), "> limit 30"),
        (silent("sick", &json!({ "healthcheck": test })), "unhealthy: "),
        (silent("hung", &hung), "/: no answer within 300ms"),
        (silent("silent", &json!({ "watchdog": "200ms" })), "no sign of life within 200ms"),
        (silent("slow", &slow), "took longer than it may: 100ms (time_limit)"),
        (silent("prepared", &prepared), "`pre_start`: it exited with code 4: no table"),
        (silent("brief", &brief), gave_up),
    ]
}

fn of_their_needs() -> [Told; 4] {
    let shut = free_port();
    let late = json!({ "ready": format!("http://127.0.0.1:{shut}/"), "ready_timeout": "100ms" });
    let migrate = json!({ "script": "./fails", "autorestart": false });
    let needs = json!({ "depends_on": { "migrate": "completed_successfully" } });
    let waits = json!({ "depends_on": [format!("tcp://127.0.0.1:{shut}")] });
    [
        (silent("late", &late), "not ready yet: "),
        (silent("migrate", &migrate), "exited with code 3"),
        (silent("needs", &needs), "it depends on migrate: exited with code 3"),
        (silent("waits", &waits), "connection refused"),
    ]
}

#[test]
fn why_names_what_cures_an_end_that_is_none_of_an_error() {
    let home = Home::new();
    home.script("daemon", "exit 0");
    let parts = ["`-D` may send it into the background"];
    because(&home, &["./daemon", "--", "-D"], "ran to its end", &parts);
    home.script("job", "exit 0");
    because(&home, &["./job"], "ran to its end", &["`--no-autorestart`"]);
    let pid = std::process::id();
    home.file("beat.pid", format!("{pid}\n"));
    let text = "import sys\nsys.stderr.write('ERROR: Pidfile (beat.pid) already exists.\\n')\nsys.exit(73)\n";
    let parts = [&format!("(pid {pid}), which runs: stop it")[..]];
    fails(&home, "beat.py", text, "pidfile", &parts);
    home.file("beat.pid", "");
    let parts = ["beat.pid was left by one that does not run any more: remove it"];
    fails(&home, "left.py", text, "pidfile", &parts);
}
