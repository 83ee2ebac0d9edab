//! gunicorn itself, from a venv (`article.rs` says what that needs).

use std::net::TcpListener;
use std::os::unix::fs::symlink;

use pm_protocol::Status;
use pm_testkit::{Home, free_port, signal};

use crate::article::{self, tree};
use crate::node::load::Callers;

const APP: &str = r#"
import os, time

version = open("version").read().encode()
open(f"loaded-{os.getpid()}", "w").close()

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

fn listening(home: &Home, port: u16) {
    home.wait_until("it listens", || {
        home.row("web").usage.listens.iter().any(|at| at.port() == port)
    });
    // A worker that has still to load the app would load what a test makes of it.
    home.wait_until("both workers have loaded it", || {
        let files = std::fs::read_dir(home.work()).unwrap().flatten();
        files.filter(|file| file.file_name().as_encoded_bytes().starts_with(b"loaded-")).count() > 1
    });
}

#[test]
fn five_reloads_under_load_fail_nobody_and_say_what_they_did() {
    let home = Home::new();
    let (port, _lock) = gunicorn(&home);
    listening(&home, port);
    let pid = home.row("web").pid;
    let mut callers = Callers::begin(port);
    callers.hear(1);
    for version in 2..=6 {
        home.file("version", version.to_string());
        let run = home.run(["reload", "web"]).ok().says("reloaded").says("replaced by SIGHUP");
        assert!(!run.out().contains("note: "), "{}", run.out());
        callers.hear(version);
    }
    callers.none_failed();
    let row = home.row("web");
    assert_eq!((row.pid, row.restarts), (pid, 0), "it is the same run");
}

#[test]
fn a_version_that_does_not_load_is_refused_and_the_old_one_serves_on() {
    let home = Home::new();
    let (port, _lock) = gunicorn(&home);
    listening(&home, port);
    let mut callers = Callers::begin(port);
    callers.hear(1);
    home.file("app.py", "import no_such_module\n");
    let run = home.run(["reload", "web"]).ends(1);
    let run = run.complains("does not load").complains("No module named 'no_such_module'");
    run.complains("what runs goes on");
    // Whoever does not want to know is told what came of it.
    callers.hear(1);
    callers.none_failed();
    home.file("gunicorn.conf.py", "preload_app = not False\n");
    home.file("app.py", APP);
    home.run(["reload", "web"]).ends(1).complains("preload_app");
    home.file("gunicorn.conf.py", "");
    home.file("version", "two");
    home.run(["reload", "web"]).ok().says("replaced by SIGHUP");
}

#[test]
fn a_reload_that_breaks_it_all_the_same_fails_with_the_reason() {
    let home = Home::new();
    let (port, _lock) = gunicorn(&home);
    listening(&home, port);
    home.file("app.py", "import no_such_module\n");
    home.run(["reload", "web", "--force"]).ends(1).says("exited with code");
}

#[test]
fn the_daemons_death_in_a_reload_fails_nobody() {
    let home = Home::new();
    let (port, _lock) = gunicorn(&home);
    listening(&home, port);
    let mut callers = Callers::begin(port);
    callers.hear(1);
    let known = tree(&home, "web");
    home.file("version", "two");
    let mut reload = home.pm(["reload", "web"]).background();
    home.wait_until("a new worker has come", || !tree(&home, "web").is_subset(&known));
    signal(home.hello().pid, 9);
    reload.wait_for("replaced by SIGHUP");
    assert_eq!(reload.wait(), 0);
    callers.hear(2);
    callers.none_failed();
}

#[test]
fn what_a_hangup_does_not_bring_takes_a_new_run() {
    let home = Home::new();
    let (port, _lock) = gunicorn(&home);
    listening(&home, port);
    let pid = home.row("web").pid;
    let told = home.run(["reload", "web", "--update-env"]).ok().says("reloaded");
    assert!(told.out().contains("note: web stopped before the new one began"), "{}", told.out());
    let why = "SIGHUP brings new code, but no changed environment or arguments";
    assert!(told.out().contains(why), "{}", told.out());
    assert_ne!(home.row("web").pid, pid);
    listening(&home, port);
    home.run(["reload", "web"]).ok().says("replaced by SIGHUP");
    // Who takes the signal from it is told before.
    let gap = format!("note: web opens its port itself: nobody listens on 127.0.0.1:{port}");
    let run = home.run(["reload", "web", "--reload-signal", "none"]).ok().complains(&gap);
    run.says("a `reload_signal` leave no gap");
}

#[test]
fn a_stop_lets_a_request_finish_though_nobody_said_how() {
    let home = Home::new();
    let (port, _lock) = gunicorn(&home);
    home.run(["describe", "web"]).ok().says("gunicorn, recognised");
    listening(&home, port);
    crate::asgi::a_request_is_finished(&home, port);
}

/// It tries for five seconds to get it.
#[test]
fn a_port_that_is_taken_is_no_start() {
    let home = Home::new();
    let (venv, _lock) = article::venv();
    symlink(venv, home.work().join("venv")).unwrap();
    home.file("app.py", APP);
    home.file("version", "one");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let bind = taken.local_addr().unwrap().to_string();
    let run = home.run(["start", "gunicorn", "--name", "web", "--", "-b", &bind, "app:app"]);
    run.ends(1).says("web (0) failed: exited with code 1").complains("is taken by ");
}

/// It listens before its workers load the app.
#[test]
fn a_start_is_over_when_a_worker_has_loaded_the_app() {
    let home = Home::new();
    let (port, _lock) = gunicorn(&home);
    home.run(["restart", "web"]).ok().says(&format!("listens on 127.0.0.1:{port}"));
    for (app, wrong) in [
        ("import time\ntime.sleep(1.5)\nimport no_such_module\n", "named 'no_such_module'"),
        ("import no_such_module\n", "named 'no_such_module'"),
        ("def other(environ, start_response):\n    pass\n", "Failed to find attribute 'app'"),
    ] {
        home.file("app.py", app);
        let run = home.run(["restart", "web"]);
        // Its main process may end in a traceback of its own, for there are two workers that fail.
        run.ends(1).says("web (0) failed: exited with code").complains(wrong);
    }
    // One that loads for longer than a start usually takes is waited for.
    home.file("app.py", format!("import time\ntime.sleep(2)\n{APP}"));
    home.run(["restart", "web"]).ok().says(&format!("listens on 127.0.0.1:{port}"));
    assert_eq!(home.row("web").status, Status::Online);
}
