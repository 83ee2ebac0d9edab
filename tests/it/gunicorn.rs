//! gunicorn itself, from a venv (`article.rs` says what that needs).

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::symlink;

use pm_protocol::Status;
use pm_testkit::{Home, free_port};

use crate::article;
use crate::node::load::{Habit, Load};

const APP: &str = r#"
import os, time

version = open("version").read().encode()

def app(environ, start_response):
    if environ["PATH_INFO"] == "/slow":
        open("begun", "w").close()
        while not os.path.exists("go"):
            time.sleep(0.01)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(version)))])
    return [version]
"#;

/// In a folder with a venv, as people have it.
fn gunicorn(home: &Home) -> (u16, std::fs::File) {
    let (venv, lock) = article::venv();
    home.file("app.py", APP);
    home.file("version", "one");
    symlink(venv, home.work().join("venv")).unwrap();
    let port = free_port();
    let bind = format!("127.0.0.1:{port}");
    home.run(["start", "gunicorn", "--name", "web", "--", "-w", "2", "-b", &bind, "app:app"]).ok();
    (port, lock)
}

#[test]
fn a_hangup_replaces_its_workers_and_no_caller_notices() {
    let home = Home::new();
    let (port, _lock) = gunicorn(&home);
    home.wait_until("it listens", || {
        home.row("web").usage.listens.iter().any(|at| at.port() == port)
    });
    let mut load = Load::begin(port, 4, Habit::NewEach);
    load.hear(1);
    load.go_on(100);
    home.file("version", "two");
    home.run(["sendSignal", "SIGHUP", "web"]).ok();
    load.hear(2);
    load.go_on(100);
    let tally = load.end();
    assert!(tally.hard.is_empty(), "{tally:?}");
    assert_eq!(home.row("web").restarts, 0);
}

#[test]
fn a_stop_lets_a_request_finish_though_nobody_said_how() {
    let home = Home::new();
    let (port, _lock) = gunicorn(&home);
    home.run(["describe", "web"]).ok().says("gunicorn, recognised");
    home.wait_until("it listens", || {
        home.row("web").usage.listens.iter().any(|at| at.port() == port)
    });
    let slow = std::thread::spawn(move || {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.write_all(b"GET /slow HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map(|_| answer)
    });
    home.wait_until("a worker is at it", || home.work().join("begun").exists());
    let mut stop = home.pm(["stop", "web"]).background();
    home.wait_until("it was asked to go", || home.row("web").status == Status::Stopping);
    home.file("go", "");
    let answer = slow.join().unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") || answer.starts_with("HTTP/1.0 200"), "{answer}");
    assert_eq!(stop.wait(), 0, "{}", stop.seen());
}
