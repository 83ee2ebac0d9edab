//! Sockets that apps find open (`listen`): whose they are, how long they live, and that a reload closes none.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};

use pm_testkit::{Home, fixture, free_port, is_alive, signal};

use crate::node::load::{Habit, Load};

/// A server that takes what it finds (`sd_listen_fds(3)`), answers its version and pid, and finishes what it is at; a rude
/// one takes a while for each answer, and ends at once when it is told to.
const SERVER: &str = r#"
import os, selectors, signal, socket, sys, time

assert int(os.environ["LISTEN_PID"]) == os.getpid()
found = [socket.socket(fileno=3 + n) for n in range(int(os.environ["LISTEN_FDS"]))]
names = os.environ["LISTEN_FDNAMES"].split(":")
assert len(found) == len(names)
print("names", *names, flush=True)
version = open("version").read().strip()
if version == "broken":
    sys.exit("broken")
if version == "deaf":
    print("deaf", flush=True)
    signal.pause()
while version == "born" and not os.path.exists("go"):
    time.sleep(0.01)
def told(word):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.sendto(word.encode(), "\0" + os.environ["NOTIFY_SOCKET"][1:])
going, wake = [], os.pipe()
os.set_blocking(wake[1], False)
signal.set_wakeup_fd(wake[1])
rude = "RUDE" in os.environ
for number in (signal.SIGTERM, signal.SIGINT):
    rude or signal.signal(number, lambda *_: going.append(1))
body = f"{version} {os.getpid()}".encode()
head = f"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode()
waiting = getattr(selectors, os.environ.get("SELECTOR", "EpollSelector"))()
waiting.register(wake[0], selectors.EVENT_READ)
for listener in found:
    # Another process may be faster.
    listener.setblocking(False)
    waiting.register(listener, selectors.EVENT_READ)
version == "ready" and print("waits", version, flush=True)
while not going:
    for key, _ in waiting.select():
        try:
            caller, _ = key.fileobj.accept()
        except (BlockingIOError, AttributeError):
            continue
        caller.setblocking(True)
        caller.recv(4096)
        rude and time.sleep(0.02)
        caller.sendall(head + body)
        caller.close()
        version == "doomed" and os.path.exists("die") and os._exit(7)
        version == "sick" and os.path.exists("fall") and told("WATCHDOG=trigger")
print("bye", flush=True)
while "LINGERS" in os.environ and not os.path.exists("leave"):
    time.sleep(0.01)
"#;

pub(crate) fn app(home: &Home, listen: &str, more: &str) {
    home.file("server.py", SERVER);
    home.file("version", "one");
    let config = format!(
        "[{{name: 'web', script: 'server.py', interpreter: 'python3', listen: [{listen}], {more}}}]"
    );
    home.file("web.json5", config);
}

/// On one port, started.
pub(crate) fn server(home: &Home, more: &str) -> u16 {
    let port = free_port();
    app(home, &format!("'tcp://127.0.0.1:{port}'"), more);
    home.run(["start", "web.json5"]).ok().says(&format!("listens on 127.0.0.1:{port}"));
    port
}

fn answer(mut caller: impl Read + Write) -> String {
    caller.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
    let mut text = String::new();
    caller.read_to_string(&mut text).unwrap();
    text.split_once("\r\n\r\n").unwrap().1.to_owned()
}

/// How many sockets listen on a port of IPv4 (`proc_net_tcp(5)`).
pub(crate) fn sockets_on(port: u16) -> usize {
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let listens = |line: &&str| {
        let mut words = line.split_ascii_whitespace().skip(1);
        let at = words.next().unwrap_or_default();
        at.ends_with(&format!(":{port:04X}")) && words.nth(1) == Some("0A")
    };
    table.lines().filter(listens).count()
}

pub(crate) fn pids(home: &Home) -> Vec<u32> {
    home.rows().iter().map(|row| row.pid).collect()
}

#[test]
fn they_are_there_from_the_start_to_the_stop() {
    let home = Home::new();
    let (port, path) = (free_port(), home.work().join("app.sock"));
    let listen = format!(
        "'tcp://127.0.0.1:{port}', {{url: 'unix://./app.sock', mode: '600', name: 'side'}}"
    );
    app(&home, &listen, "");
    home.run(["start", "web.json5"]).ok();
    let pid = home.row("web").pid;
    let said = format!("one {pid}");
    assert_eq!(answer(TcpStream::connect(("127.0.0.1", port)).unwrap()), said);
    assert_eq!(answer(UnixStream::connect(&path).unwrap()), said);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    home.wait_file(home.home().logs().join("web-out.log"), |log| log == b"names unknown side\n");
    assert_eq!(home.row("web").usage.listens, [([127, 0, 0, 1], port).into()]);
    let shown = home.run(["describe", "web"]).ok();
    shown.says(&format!("tcp://127.0.0.1:{port} unix://{}?name=side&mode=600", path.display()));
    home.run(["stop", "web"]).ok();
    home.wait_until("the port is free again", || TcpListener::bind(("127.0.0.1", port)).is_ok());
    home.wait_until("the path is gone", || !path.exists());
}

#[test]
fn what_took_the_place_of_a_socket_stays_and_what_was_left_behind_goes() {
    let home = Home::new();
    let path = home.work().join("app.sock");
    // A server that was killed leaves this.
    drop(UnixListener::bind(&path).unwrap());
    app(&home, "'unix://./app.sock'", "");
    home.run(["start", "web.json5"]).ok();
    assert!(answer(UnixStream::connect(&path).unwrap()).starts_with("one "));
    fs::remove_file(&path).unwrap();
    let other = UnixListener::bind(&path).unwrap();
    home.run(["delete", "web"]).ok();
    home.run(["start", "web.json5"]).ends(1).says("either is no socket or somebody listens");
    assert!(fs::metadata(&path).unwrap().file_type().is_socket());
    drop(other);
}

#[test]
fn who_has_the_port_is_named() {
    let home = Home::new();
    let port = server(&home, "");
    let listen = format!("--listen=tcp://127.0.0.1:{port}");
    let second = ["start", "server.py", "--interpreter", "python3", "--name", "two", &listen];
    home.run(second).ends(1).says(&format!("listen on tcp://127.0.0.1:{port}: web has it"));
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = other.local_addr().unwrap().port();
    let listen = format!("--listen=tcp://127.0.0.1:{port}");
    let third = ["start", "server.py", "--interpreter", "python3", "--name", "three", &listen];
    home.run(third).ends(1).says(&format!("(pid {}) has it", std::process::id()));
}

#[test]
fn one_that_opens_it_again_is_told_that_it_has_it() {
    let home = Home::new();
    let port = free_port().to_string();
    let listen = format!("--listen=tcp://127.0.0.1:{port}");
    let code = format!("import socket; socket.create_server(('127.0.0.1', {port}))");
    home.file("app.py", code);
    let run = home.run(["start", "app.py", "--interpreter", "python3", &listen]).ends(1);
    run.complains(&format!("port {port} is open for this app already, by its `listen`"));
}

#[test]
fn the_death_of_the_daemon_closes_none() {
    let home = Home::new();
    let port = server(&home, "");
    let load = Load::begin(port, 4, Habit::NewEach);
    load.go_on(50);
    let (before, pid) = (home.hello(), home.row("web").pid);
    signal(before.pid, 9);
    home.wait_until("a new daemon", || home.hello().incarnation > before.incarnation);
    load.go_on(50);
    assert_eq!(home.row("web").pid, pid);
    home.wait_until("it knows where it listens", || !home.row("web").usage.listens.is_empty());
    // In between nobody is there, and callers wait.
    home.run(["restart", "web"]).ok();
    load.go_on(50);
    let tally = load.end();
    assert!(tally.hard.is_empty(), "{tally:?}");
    home.run(["delete", "web"]).ok();
    home.wait_until("the port is free again", || TcpListener::bind(("127.0.0.1", port)).is_ok());
}

#[test]
fn the_death_of_the_guardian_closes_none() {
    let home = Home::new();
    let port = server(&home, "");
    let before = home.hello();
    signal(before.guardian, 9);
    home.wait_until("a new guardian", || home.hello().guardian != before.guardian);
    let again = home.hello();
    signal(again.pid, 9);
    home.wait_until("a new daemon", || home.hello().incarnation > again.incarnation);
    home.run(["reload", "web"]).ok();
    assert!(answer(TcpStream::connect(("127.0.0.1", port)).unwrap()).starts_with("one "));
    home.run(["stop", "web"]).ok();
    home.wait_until("the port is free again", || TcpListener::bind(("127.0.0.1", port)).is_ok());
}

#[test]
fn five_reloads_and_nobody_notices() {
    let home = Home::new();
    // Whom it has accepted it would cut off: none must be left when it is told to end.
    let port = server(&home, "instances: 2, env: {RUDE: '1'}");
    let load = Load::begin(port, 4, Habit::NewEach);
    load.go_on(50);
    for turn in 0..5 {
        let before = pids(&home);
        home.file("version", format!("version{turn}"));
        home.run(["reload", "web"]).ok();
        assert!(pids(&home).iter().all(|pid| !before.contains(pid)));
        load.go_on(50);
    }
    home.wait_until("one socket is left", || sockets_on(port) == 1);
    load.go_on(50);
    let tally = load.end();
    assert!(tally.hard.is_empty(), "{tally:?}");
    for pid in pids(&home) {
        assert!(tally.answers.contains(&format!("version4 {pid}")), "{tally:?}");
    }
}

#[test]
fn a_broken_version_is_rolled_back() {
    let home = Home::new();
    let port = server(&home, "instances: 2");
    let before = pids(&home);
    let load = Load::begin(port, 4, Habit::NewEach);
    load.go_on(50);
    home.file("version", "broken");
    home.run(["reload", "web"]).ends(1).says("exited with code 1").complains("broken");
    // Nor is one that lives and takes no callers.
    home.file("version", "deaf");
    let deaf = ["reload", "web", "--listen-timeout", "500ms"];
    home.run(deaf).ends(1).says("took no callers within 500ms");
    load.go_on(50);
    assert_eq!(pids(&home), before);
    let tally = load.end();
    assert!(tally.hard.is_empty(), "{tally:?}");
    assert!(home.rows().iter().all(|row| row.status.as_str() == "online"));
}

#[test]
fn what_is_no_more_in_the_list_is_closed_and_what_is_new_is_opened() {
    let home = Home::new();
    let (first, second) = (free_port(), free_port());
    app(&home, &format!("'tcp://127.0.0.1:{first}'"), "");
    home.run(["start", "web.json5"]).ok();
    let before = pids(&home);
    app(&home, &format!("'tcp://127.0.0.1:{second}'"), "");
    home.run(["apply", "web.json5"]).ok();
    assert_ne!(pids(&home), before);
    assert!(answer(TcpStream::connect(("127.0.0.1", second)).unwrap()).starts_with("one "));
    home.wait_until("the port is free again", || TcpListener::bind(("127.0.0.1", first)).is_ok());
}

#[test]
fn the_daemon_dies_in_a_reload_and_it_is_carried_on() {
    let home = Home::new();
    let port = server(&home, "");
    let old = pids(&home);
    let load = Load::begin(port, 4, Habit::NewEach);
    load.go_on(50);
    let reload = home.pm(["reload", "web"]).background();
    home.wait_rows("the reload is under way", |rows| {
        rows.iter().any(|row| row.pid != 0 && !old.contains(&row.pid))
    });
    let before = home.hello();
    signal(before.pid, 9);
    home.wait_until("a new daemon", || home.hello().incarnation > before.incarnation);
    drop(reload);
    home.wait_until("another reload", || home.run(["reload", "web"]).code == 0);
    load.go_on(50);
    let tally = load.end();
    assert!(tally.hard.is_empty(), "{tally:?}");
    assert!(!old.contains(&home.row("web").pid));
}

#[test]
fn who_cannot_be_seen_to_take_callers_has_its_time_for_it() {
    let home = Home::new();
    let port = server(&home, "env: {SELECTOR: 'SelectSelector'}, listen_timeout: 1200");
    let before = pids(&home);
    let load = Load::begin(port, 4, Habit::NewEach);
    load.go_on(50);
    home.run(["reload", "web"]).ok();
    load.go_on(50);
    let tally = load.end();
    assert!(tally.hard.is_empty(), "{tally:?}");
    assert_ne!(pids(&home), before);
}

#[test]
fn the_daemon_dies_when_the_old_run_is_about_to_go() {
    let home = Home::new();
    let port = server(&home, "env: {RUDE: '1'}");
    let mut load = Load::begin(port, 4, Habit::NewEach);
    load.hear(1);
    for turn in 0..3 {
        let old = pids(&home)[0];
        home.file("version", format!("version{turn}"));
        let reload = home.pm(["reload", "web"]).background();
        load.hear(turn + 2);
        let before = home.hello();
        signal(before.pid, 9);
        home.wait_until("a new daemon", || home.hello().incarnation > before.incarnation);
        drop(reload);
        home.wait_until("the old run is gone", || !is_alive(old));
        load.go_on(50);
    }
    home.wait_until("one socket is left", || sockets_on(port) == 1);
    let tally = load.end();
    assert!(tally.hard.is_empty(), "{tally:?}");
}

/// A reload's steps one after the other, and a death of the daemon in each, or an update of it and the guardian: whoever calls notices nothing, and the reload comes to its end.
#[test]
fn the_daemon_dies_at_each_step_of_a_reload_and_nobody_notices() {
    let home = Home::new();
    let port = server(&home, "env: {LINGERS: '1'}, kill_signal: 'SIGTERM', kill_timeout: '6s'");
    let log = || fs::read_to_string(home.home().logs().join("web-out.log")).unwrap();
    let mut load = Load::begin(port, 4, Habit::NewEach);
    load.hear_of("one");
    for step in ["born", "ready", "steered", "draining", "updated", "gone"] {
        let old = pids(&home)[0];
        let byes = log().matches("bye\n").count();
        home.file("version", step);
        let mut reload = home.pm(["reload", "web"]).background();
        match step {
            "born" => drop(home.wait_rows("the new one is born", |rows| {
                rows.iter().any(|row| row.pid != 0 && row.pid != old)
            })),
            "ready" => {
                home.wait_until("the new one takes callers", || log().contains("waits ready\n"));
            }
            "steered" => load.hear_of(step),
            "draining" | "updated" => {
                home.wait_until("the old one is to go", || log().matches("bye\n").count() > byes);
            }
            _ => {
                home.wait_until("the old one is to go", || log().matches("bye\n").count() > byes);
                home.file("leave", "");
                home.wait_until("the old one is gone", || !is_alive(old));
            }
        }
        let before = home.hello();
        if step == "updated" {
            home.run(["update"]).ok();
        } else {
            signal(before.pid, 9);
        }
        home.wait_until("a new daemon", || home.hello().incarnation > before.incarnation);
        home.file("go", "");
        load.hear_of(step);
        home.file("leave", "");
        assert_eq!(reload.wait(), 0, "{step}: {}", reload.seen());
        home.wait_until("the old one is gone", || !is_alive(old));
        fs::remove_file(home.work().join("leave")).unwrap();
        fs::remove_file(home.work().join("go")).unwrap();
        load.go_on(50);
        assert_ne!(pids(&home), [old], "{step}");
    }
    home.wait_until("one socket is left", || sockets_on(port) == 1);
    let tally = load.end();
    assert!(tally.hard.is_empty(), "{tally:?}");
}

/// It sits in `accept`, and dies of the signal that ends it.
#[test]
fn a_server_in_rust_that_knows_nothing_of_signals_fails_nobody() {
    let home = Home::new();
    let program = fixture();
    let port = free_port().to_string();
    let listen = format!("--listen=tcp://127.0.0.1:{port}");
    let words =
        ["start", program.to_str().unwrap(), "--name", "web", &listen, "--", "--listen", &port];
    home.run(words.iter().chain(&["--live", "forever"])).ok();
    let load = Load::begin(port.parse::<u16>().unwrap(), 4, Habit::NewEach);
    for _ in 0..5 {
        load.go_on(50);
        let before = pids(&home);
        let told = home.run(["reload", "web"]).ok();
        assert!(!told.out().contains("note:") && told.err.is_empty(), "{told:?}");
        assert_ne!(pids(&home), before);
    }
    load.go_on(50);
    let tally = load.end();
    assert!(tally.hard.is_empty(), "{tally:?}");
}

#[test]
fn a_gap_is_told_before_and_measured() {
    let home = Home::new();
    let port = free_port().to_string();
    let program = fixture();
    let words = ["start", program.to_str().unwrap(), "--name", "web", "--", "--ready-after", "300"];
    home.run(words.iter().chain(&["--listen", &port, "--live", "forever"])).ok();
    let told = home.run(["reload", "web"]).ok();
    let told =
        told.complains(&format!("web opens its port itself: nobody listens on 127.0.0.1:{port}"));
    told.says(&format!("before the new one began: nobody listened on 127.0.0.1:{port} for "));
    let told = home.run(["reload", "web", "--json"]).ok().json();
    assert!(told[0]["gap_ms"].as_u64() > Some(0), "{told}");
}
