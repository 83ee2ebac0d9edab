//! `ready`: a start, a restart and a reload are over when the app has shown that it is up, and not before.

use std::fs;

use pm_testkit::{Home, free_port, is_alive, signal};
use serde_json::{Value, json};

/// A server that is well while the file `well` is there, and does other things when its path says so.
pub(crate) const SERVER: &str = r#"
import http.server, os, time

class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/silent":
            time.sleep(3600)
        if self.path == "/flood":
            while True:
                self.wfile.write(b"x" * 65536)
        with open("asked", "a") as file:
            file.write(self.path + " " + self.headers.get("X-Token", "-") + " " + self.headers["Host"] + "\n")
        is_well = os.path.exists("well")
        code = 204 if self.path == "/empty" else 200
        self.send_response(code if is_well else 503)
        self.end_headers()

    def log_message(self, *_):
        pass

http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Answers).serve_forever()
"#;

/// A home with a server and a file of one app with these keys; its port.
pub(crate) fn served(home: &Home, keys: &Value) -> u16 {
    let port = free_port();
    home.file("server.py", SERVER);
    let mut app = json!({
        "name": "web", "script": "server.py", "env": { "PORT": port.to_string() },
        "kill_timeout": "500ms"
    });
    app.as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
    home.file("apps.json5", json!({ "apps": [app] }).to_string());
    port
}

/// Waits until this was seen of an app that is not ready.
fn seen(home: &Home, name: &str, what: &str) {
    home.wait_rows(what, |rows| {
        let note = rows.iter().find(|row| row.name == name).and_then(|row| row.note.as_deref());
        note.is_some_and(|note| note.contains(what))
    });
}

/// Commands of this text that live, wherever they are.
fn commands(text: &str) -> Vec<u32> {
    let folders = fs::read_dir("/proc").unwrap().flatten();
    let pids = folders.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let is_it = |pid: &u32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).replace('\0', " ").contains(text) && is_alive(*pid)
    };
    pids.filter(is_it).collect()
}

#[test]
fn a_start_waits_until_the_server_answers_well() {
    let home = Home::new();
    served(&home, &json!({ "ready": "http://localhost:$PORT/up" }));
    let mut start = home.pm(["start", "apps.json5"]).background();
    seen(&home, "web", "not ready yet: GET /up answered 503");
    assert_eq!(home.row("web").status.as_str(), "launching");
    home.file("well", "");
    assert_eq!(start.wait(), 0, "{}", start.seen());
    assert_eq!(home.row("web").status.as_str(), "online");
    home.run(["describe", "web"]).ok().says("http://localhost:$PORT/up");
}

#[test]
fn who_is_not_ready_in_time_fails_with_what_was_seen_and_may_become_ready_all_the_same() {
    let home = Home::new();
    let keys = json!({ "ready": "http://localhost:$PORT/up", "ready_timeout": "2s" });
    served(&home, &keys);
    let told = home.run(["start", "apps.json5"]).ends(1);
    told.says("web (0) goes on as launching").says("not ready within 2s: ");
    home.run(["restart", "web"]).ends(1).says("not ready within 2s: ");
    home.run(["reload", "web"]).ends(1).says("not ready within 2s: ");
    home.run(["status", "--check"]).ends(1);
    home.file("well", "");
    home.wait_status("web", "online");
    home.run(["status", "--check"]).ok();
    home.run(["restart", "web"]).ok();
    home.run(["apply", "apps.json5"]).ok().says("unchanged");
}

#[test]
fn it_is_asked_as_it_is_written() {
    let home = Home::new();
    let ready = json!({
        "http": "http://127.0.0.1:$PORT/empty", "status": 204, "host": "shop.example",
        "headers": { "X-Token": "secret" }
    });
    served(&home, &json!({ "ready": ready }));
    home.file("well", "");
    home.run(["start", "apps.json5"]).ok();
    let asked = fs::read_to_string(home.work().join("asked")).unwrap();
    assert!(asked.starts_with("/empty secret shop.example\n"), "{asked}");
}

#[test]
fn a_server_that_accepts_and_never_answers_or_floods_is_not_ready() {
    let home = Home::new();
    let port = served(&home, &json!({}));
    home.file("well", "");
    let silent = json!({ "http": format!("http://localhost:{port}/silent"), "timeout": "200ms" });
    let flood = json!({ "http": format!("http://localhost:{port}/flood"), "timeout": "5s" });
    let app = |name: &str, ready: Value| json!({ "name": name, "script": "sleep 1000", "ready": ready, "ready_timeout": "1s" });
    let file = json!([app("silent", silent), app("flood", flood)]).to_string();
    home.run(["start", "apps.json5"]).ok();
    home.file("more.json5", file);
    home.run(["start", "--no-wait", "more.json5"]).ok();
    seen(&home, "silent", "/silent: no answer within 200ms");
    seen(&home, "flood", "GET /flood: the answer is not HTTP");
}

#[test]
fn a_port_a_socket_and_a_command_show_it_too() {
    let home = Home::new();
    let port = free_port();
    home.file(
        "listen.py",
        "import os, socket, time\nwhile not os.path.exists('go'): time.sleep(0.01)\n\
         tcp = socket.create_server(('127.0.0.1', int(os.environ['PORT'])))\n\
         path = socket.socket(socket.AF_UNIX); path.bind('app.sock'); path.listen()\n\
         time.sleep(1000)\n",
    );
    let app = |name: &str, script: &str, ready: Value| {
        json!({
            "name": name, "script": script, "ready": ready,
            "env": { "PORT": port.to_string(), "WORD": "go" }
        })
    };
    let apps = json!([
        app("tcp", "listen.py", json!(format!("tcp://localhost:{port}"))),
        app("unix", "sleep 1000", json!("unix://./app.sock")),
        app("shell", "sleep 1000", json!({ "exec": "test -e $WORD" })),
        app("argv", "sleep 1000", json!({ "exec": ["test", "-e", "go"] })),
    ]);
    home.file("apps.json5", apps.to_string());
    let mut start = home.pm(["start", "apps.json5"]).background();
    home.wait_rows("all have been asked", |rows| {
        let notes: Vec<_> = rows.iter().filter_map(|row| row.note.as_deref()).collect();
        let has = |text: &str| notes.iter().filter(|note| note.contains(text)).count();
        has("connection refused") == 1
            && has("no such file or directory") == 1
            && has("the command exited with code 1") == 2
    });
    home.file("go", "");
    assert_eq!(start.wait(), 0, "{}", start.seen());
}

#[test]
fn a_command_that_hangs_floods_or_forks_is_ended_with_all_it_started() {
    let home = Home::new();
    let mark = format!("7{}", free_port());
    let app = |name: &str, line: String| {
        json!({
            "name": name, "script": "sleep 1000",
            "ready": { "exec": line, "timeout": "400ms" }
        })
    };
    let apps = json!([
        app("hangs", format!("sleep {mark}")),
        app("forks", format!("sleep {mark} & setsid sleep {mark} & sleep {mark}")),
        app("floods", "yes".into()),
    ]);
    home.file("apps.json5", apps.to_string());
    home.run(["start", "--no-wait", "apps.json5"]).ok();
    seen(&home, "hangs", "no answer within 400ms");
    seen(&home, "forks", "no answer within 400ms");
    seen(&home, "floods", "the command printed more than 65536 bytes");
    // One question at a time: what was begun before is gone.
    home.wait_until("commands that are over time are gone", || {
        commands(&format!("sleep {mark}")).len() <= 6
    });
    home.run(["stop", "all"]).ok();
    home.wait_until("none outlives its app", || commands(&format!("sleep {mark}")).is_empty());
}

#[test]
fn a_command_that_leaves_somebody_behind_has_answered() {
    let home = Home::new();
    let app = json!([{
        "name": "web", "script": "sleep 1000", "ready": { "exec": "sleep 7777 & exit 0" }
    }]);
    home.file("apps.json5", app.to_string());
    home.run(["start", "apps.json5"]).ok();
}

#[test]
fn each_instance_is_asked_at_its_own_port() {
    let home = Home::new();
    home.file("well", "");
    // Two in a row, both ours.
    let (mut port, mut next) = (free_port(), free_port());
    while next != port + 1 {
        (port, next) = (next, free_port());
    }
    served(
        &home,
        &json!({
            "ready": "tcp://localhost:$PORT", "instances": 2, "increment_var": "PORT",
            "exec_mode": "fork", "env": { "PORT": port.to_string() }
        }),
    );
    home.run(["start", "apps.json5"]).ok();
    let listens = |rows: &[pm_protocol::Row]| {
        let ports = rows.iter().flat_map(|row| &row.usage.listens).map(std::net::SocketAddr::port);
        ports.collect::<Vec<_>>()
    };
    home.wait_until("both listen", || listens(&home.rows()).len() == 2);
    assert!(listens(&home.rows()).contains(&next), "{:?}", home.rows());
}

#[test]
fn a_daemon_that_dies_meanwhile_asks_on() {
    let home = Home::new();
    served(&home, &json!({ "ready": "http://localhost:$PORT/up", "ready_timeout": "1s" }));
    home.run(["start", "apps.json5"]).ends(1);
    let (pid, daemon) = (home.row("web").pid, home.hello().pid);
    signal(daemon, 9);
    home.wait_until("another daemon answers", || home.hello().pid != daemon);
    assert_eq!(home.row("web").status.as_str(), "launching");
    home.file("well", "");
    assert_eq!(home.wait_status("web", "online").pid, pid);
}

#[test]
fn an_up_waits_for_what_pauses_before_its_next_run_and_says_what_came_of_it() {
    let home = Home::new();
    let keys = json!({
        "ready": "http://localhost:$PORT/up", "exp_backoff_restart_delay": "1h",
        "interpreter": "python3"
    });
    served(&home, &keys);
    home.file("server.py", "raise SystemExit(3)");
    home.run(["up", "apps.json5"]).ends(1).says("exited with code 3");
    home.wait_status("web", "waiting restart");
    home.run(["up", "apps.json5"]).ends(1).says("exited with code 3");
    home.wait_status("web", "waiting restart");
    home.file("server.py", SERVER);
    let mut up = home.pm(["up", "apps.json5"]).background();
    seen(&home, "web", "not ready yet: GET /up answered 503");
    // Who asks in between waits for the same.
    let mut second = home.pm(["up", "apps.json5"]).background();
    home.file("well", "");
    assert_eq!(up.wait(), 0, "{}", up.seen());
    assert_eq!(second.wait(), 0, "{}", second.seen());
    assert_eq!(home.row("web").status.as_str(), "online");
    home.run(["up", "apps.json5"]).ok().says("unchanged");
}
