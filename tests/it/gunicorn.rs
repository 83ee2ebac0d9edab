//! gunicorn itself, from a venv (`article.rs` says what that needs).

use std::os::unix::fs::symlink;

use pm_testkit::{Home, free_port};

use crate::article;
use crate::node::load::{Habit, Load};

const APP: &str = r#"
version = open("version").read().encode()

def app(environ, start_response):
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
