//! uvicorn, hypercorn, daphne, granian and uwsgi themselves, from a venv (`article.rs` says what that needs), without a key for it in any file as far as
//! possible: their address is a socket of ours, and a reload closes it for nobody.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::symlink;

use pm_protocol::Status;
use pm_testkit::{Home, free_port, is_alive, signal};

use crate::article;
use crate::node::load::{Callers, Habit, Load};

const APP: &str = r#"
import asyncio, os
version = open("version").read()
if version == "broken":
    import nothing_of_that_name
body = version.encode()

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    if scope["path"] == "/slow":
        open("begun", "w").close()
        while not os.path.exists("go"):
            await asyncio.sleep(0.01)
    length = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": length})
    await send({"type": "http.response.body", "body": body})
"#;

/// In a folder with a venv, as people have it; the port is the last argument.
fn start(home: &Home, server: &str, args: &[&str]) -> u16 {
    // Its ports are its own.
    let (venv, _) = article::venv();
    home.file("app.py", APP);
    home.file("version", "one");
    symlink(venv, home.work().join("venv")).unwrap();
    let port = free_port();
    let mut words = vec!["start", server, "--name", "web", "--", "app:app"];
    words.extend(args);
    let last = match server {
        "hypercorn" => format!("127.0.0.1:{port}"),
        _ => port.to_string(),
    };
    words.push(&last);
    home.run(words).ok().says(&format!("listens on 127.0.0.1:{port}"));
    port
}

/// Five reloads under load, in one of which the daemon dies, and then a version that does not work.
fn nobody_notices(home: &Home, port: u16, why: &str) {
    let described = home.run(["describe", "web"]).ok();
    described.says("recognised").says(&format!("tcp://127.0.0.1:{port}"));
    let mut callers = Callers::begin(port);
    callers.hear(1);
    for turn in 2..=6 {
        let before = home.row("web").pid;
        home.file("version", turn.to_string());
        let mut reload = home.pm(["reload", "web"]).background();
        if turn == 4 {
            home.wait_rows("the reload is under way", |rows| {
                rows.iter().any(|row| row.pid != 0 && row.pid != before)
            });
            signal(home.hello().pid, 9);
        }
        assert_eq!(reload.wait(), 0, "{}", reload.seen());
        assert_ne!(home.row("web").pid, before);
        assert!(!is_alive(before), "it is answered when the old run has left");
        callers.hear(turn);
    }
    let before = home.row("web").pid;
    home.file("version", "broken");
    // One that lives and takes no callers is given up after that.
    let within = if why.contains("5s") { "5s" } else { "60s" };
    let run = home.run(["reload", "web", "--listen-timeout", within]);
    run.ends(1).says(&format!("web (0) failed: {why}"));
    callers.hear(6);
    assert_eq!(home.row("web").pid, before);
    callers.none_failed();
}

#[test]
fn uvicorn() {
    let home = Home::new();
    let port = start(&home, "uvicorn", &["--no-access-log", "--port"]);
    nobody_notices(&home, port, "exited with code");
}

#[test]
fn uvicorn_with_workers() {
    let home = Home::new();
    let port = start(&home, "uvicorn", &["--workers", "2", "--port"]);
    // Its main process makes workers again and again.
    nobody_notices(&home, port, "took no callers within 5s");
}

#[test]
fn hypercorn() {
    let home = Home::new();
    let port = start(&home, "hypercorn", &["--bind"]);
    nobody_notices(&home, port, "exited with code");
}

#[test]
fn daphne() {
    let home = Home::new();
    let port = start(&home, "daphne", &["-v", "0", "-p"]);
    nobody_notices(&home, port, "exited with code");
}

/// It takes no open socket; on SIGHUP its main process replaces the workers one by one, if it is said that it is to.
#[test]
fn granian() {
    let home = Home::new();
    let args = ["--interface", "asgi", "--workers", "2", "--respawn-interval", "0.2", "--port"];
    let port = start(&home, "granian", &args);
    home.run(["describe", "web"]).ok().says("granian, recognised");
    let before = home.row("web").pid;
    let told = home.run(["reload", "web"]).ok();
    told.complains(&format!("web opens its port itself: nobody listens on 127.0.0.1:{port}"))
        .says("before the new one began: nobody listened on ");
    assert_ne!(home.row("web").pid, before);
    home.run(["restart", "web", "--reload-signal", "SIGHUP"]).ok();
    let before = home.row("web").pid;
    let mut load = Load::begin(port, 4, Habit::NewEach);
    load.hear(1);
    for turn in 2..=3 {
        home.file("version", turn.to_string());
        home.run(["reload", "web"]).ok().says("workers replaced by SIGHUP");
        load.hear(turn);
    }
    // A worker that goes may reset what it has accepted and not read; the port is never closed.
    let tally = load.end();
    assert!(!tally.hard.iter().any(|why| why.contains("refused")), "{tally:?}");
    assert_eq!(home.row("web").pid, before);
    a_request_is_finished(&home, port);
}

/// It takes open sockets as from systemd.
#[test]
fn uwsgi() {
    let home = Home::new();
    let (venv, _) = article::venv();
    home.file("app.py", WSGI);
    home.file("version", "one");
    symlink(venv, home.work().join("venv")).unwrap();
    let port = free_port();
    let listen = format!("--listen=tcp://127.0.0.1:{port}");
    let words = ["start", "uwsgi", "--name", "web", &listen, "--kill-signal", "SIGTERM", "--"];
    // Its SIGINT, and its SIGTERM as it comes, are a reload or an end at once.
    let gently = ["--hook-master-start", "unix_signal:15 gracefully_kill_them_all"];
    let args = ["--master", "-p", "2", "--need-app", "--protocol", "http", "--wsgi-file", "app.py"];
    home.run([&words[..], &gently, &args].concat()).ok();
    nobody_notices(&home, port, "exited with code");
    home.file("version", "one");
    a_request_is_finished(&home, port);
}

const WSGI: &str = r#"
import os, time
version = open("version").read()
if version == "broken":
    import nothing_of_that_name

def application(environ, start_response):
    if environ["PATH_INFO"] == "/slow":
        open("begun", "w").close()
        while not os.path.exists("go"):
            time.sleep(0.01)
    start_response("200 OK", [("Content-Length", str(len(version)))])
    return [version.encode()]
"#;

/// A stop waits for the request it finds.
pub(crate) fn a_request_is_finished(home: &Home, port: u16) {
    let slow = std::thread::spawn(move || {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.write_all(b"GET /slow HTTP/1.0\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map(|_| answer)
    });
    home.wait_until("it is at it", || home.work().join("begun").exists());
    let mut stop = home.pm(["stop", "web"]).background();
    home.wait_until("it was asked to go", || home.row("web").status == Status::Stopping);
    home.file("go", "");
    let answer = slow.join().unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.") && answer.contains(" 200 OK"), "{answer}");
    assert_eq!(stop.wait(), 0, "{}", stop.seen());
}

#[test]
fn its_own_socket_if_nothing_is_to_be_recognised() {
    let home = Home::new();
    start(&home, "uvicorn", &["--no-access-log", "--port"]);
    let arguments = |home: &Home| {
        let line = fs::read(format!("/proc/{}/cmdline", home.row("web").pid)).unwrap();
        String::from_utf8_lossy(&line).replace('\0', " ")
    };
    assert!(arguments(&home).contains(" --fd 3 app:app"), "{}", arguments(&home));
    home.run(["restart", "web", "--preset", "none"]).ok();
    assert!(arguments(&home).contains(" app:app --no-access-log --port "), "{}", arguments(&home));
    home.run(["restart", "web", "--preset", "uvicorn"]).ok();
    assert!(arguments(&home).contains(" --fd 3 app:app"), "{}", arguments(&home));
}

#[test]
fn a_start_is_over_when_it_takes_callers_and_says_what_it_was_asked_for() {
    let home = Home::new();
    let port = start(&home, "uvicorn", &["--no-access-log", "--port"]);
    home.file("version", "broken");
    home.file("app.py", format!("import time\ntime.sleep(1.5)\n{APP}"));
    let run = home.run(["restart", "web"]).ends(1).says("web (0) failed");
    run.complains("nothing_of_that_name");
    home.file("version", "one");
    home.run(["restart", "web"]).ok().says(&format!("listens on 127.0.0.1:{port}"));
    // Who takes callers and has an answer that is not well is not up.
    home.file("app.py", APP.replace("\"status\": 200", "\"status\": 503"));
    let page = format!("http://127.0.0.1:{port}/");
    let asked = ["restart", "web", "--ready", &page, "--ready-timeout", "5s"];
    home.run(asked).ends(1).says("503");
    home.file("app.py", APP);
    home.run(["restart", "web"]).ok();
}

#[test]
fn one_whose_workers_die_again_and_again_is_told_with_their_words() {
    let home = Home::new();
    let args = ["--workers", "2", "--no-access-log", "--port"];
    start(&home, "uvicorn", &args);
    home.file("version", "broken");
    // Its main process is busy with making workers, and does not go when it is asked.
    let asked = ["restart", "web", "--listen-timeout", "5s", "--kill-timeout", "1s"];
    let run = home.run(asked).ends(1).says("web (0)");
    run.complains("No module named 'nothing_of_that_name'").complains("pip install");
}

#[test]
fn a_port_that_an_app_has_is_told_with_its_name() {
    let home = Home::new();
    home.file("shop.py", "import http.server, sys\nhttp.server.test(port=int(sys.argv[1]))\n");
    let (venv, _) = article::venv();
    home.file("app.py", APP);
    home.file("version", "one");
    symlink(venv, home.work().join("venv")).unwrap();
    let port = free_port().to_string();
    home.run(["start", "shop.py", "--", &port]).ok();
    home.wait_until("it listens", || !home.row("shop").usage.listens.is_empty());
    let run = home.run(["start", "uvicorn", "--name", "web", "--", "app:app", "--port", &port]);
    run.ends(1).complains(&format!("port {port} is taken by shop (id 0, pid "));
    let free = free_port().to_string();
    let run = home.run(["start", "uvicorn", "--name", "typo", "--", "ap:app", "--port", &free]);
    run.ends(1).complains("where no `ap` lies: did you mean `app`?");
}

#[test]
fn one_that_opens_its_port_itself_is_up_when_it_listens() {
    let home = Home::new();
    let (venv, _) = article::venv();
    home.file("app.py", format!("import time\ntime.sleep(1.3)\n{APP}"));
    home.file("version", "one");
    symlink(venv, home.work().join("venv")).unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let start = ["start", "uvicorn", "--name", "web", "--", "app:app"];
    let run = home.pm(start).env("UVICORN_PORT", &port).run().ends(1);
    run.says("web (0) failed: exited with code").complains("is taken by ");
    home.run(["delete", "web"]).ok();
    let port = free_port().to_string();
    let run = home.pm(start).env("UVICORN_PORT", &port).run().ok();
    run.says(&format!("listens on 127.0.0.1:{port}"));
}
