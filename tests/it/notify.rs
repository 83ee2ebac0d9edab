//! `ready: "notify"` and `watchdog`: what apps say of themselves over their notification sockets, as under systemd.

use std::fs;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::{Command, Stdio};

use pm_testkit::{Home, is_alive, signal, wait_gone};
use serde_json::{Value, json};

use crate::apps::ends;

/// Says what stands in files `say.0`, `say.1`, ... as they come; then, if it is to, that it is alive, again and again.
const SPEAKER: &str = r#"
import os, socket, sys, time

line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
line.connect("\0" + os.environ["NOTIFY_SOCKET"][1:])
with open("socket", "w") as file:
    file.write(os.environ["NOTIFY_SOCKET"] + " " + os.environ.get("WATCHDOG_USEC", "-"))
if "hup" in sys.argv:
    import signal
    signal.signal(signal.SIGHUP, lambda *_: line.send(b"RELOADING=1\nMONOTONIC_USEC=1"))
number = 0
while True:
    name = "say.%d" % number
    if os.path.exists(name):
        number += 1
        line.sendall(open(name, "rb").read())
    if "feeds" in sys.argv:
        line.send(b"WATCHDOG=1")
    time.sleep(0.02)
"#;

fn app(home: &Home, keys: &Value) {
    home.file("speaker.py", SPEAKER);
    let mut app = json!({ "name": "web", "script": "speaker.py", "kill_timeout": "500ms" });
    app.as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
    home.file("apps.json5", json!({ "apps": [app] }).to_string());
}

/// Has the app say this next; whole, for a file may be seen half-written.
fn say(home: &Home, number: usize, text: &str) {
    home.file("next", text);
    fs::rename(home.work().join("next"), home.work().join(format!("say.{number}"))).unwrap();
}

fn noted(home: &Home, what: &str) {
    home.wait_rows(what, |rows| {
        let note = rows.first().and_then(|row| row.note.as_deref());
        note.is_some_and(|note| note.contains(what))
    });
}

#[test]
fn a_start_waits_until_somebody_of_the_app_says_that_it_is_ready() {
    let home = Home::new();
    // Not the main process says it, but a child.
    home.script("web", "python3 speaker.py &\nwait");
    app(&home, &json!({ "script": "./web", "ready": "notify" }));
    let mut start = home.pm(["start", "apps.json5"]).background();
    say(&home, 0, "STATUS=loading 40%");
    noted(&home, "not ready yet: loading 40%");
    assert_eq!(home.row("web").status.as_str(), "launching");
    let socket = fs::read_to_string(home.work().join("socket")).unwrap();
    let name = socket.strip_prefix('@').unwrap().strip_suffix(" -").unwrap();
    let address = SocketAddr::from_abstract_name(name).unwrap();
    let stranger = UnixDatagram::unbound().unwrap();
    stranger.send_to_addr(b"READY=1", &address).unwrap();
    // What comes after it is read after it.
    say(&home, 1, "STATUS=loading 80%");
    noted(&home, "not ready yet: loading 80%");
    assert_eq!(home.row("web").status.as_str(), "launching", "a stranger is not believed");
    say(&home, 2, "READY=1\nSTATUS=serving");
    assert_eq!(start.wait(), 0, "{}", start.seen());
    assert_eq!(home.row("web").status.as_str(), "online");
    home.run(["describe", "web"]).ok().says("serving");
}

#[test]
fn who_does_not_say_it_in_time_fails_with_its_last_words() {
    let home = Home::new();
    app(&home, &json!({ "ready": "notify", "ready_timeout": "2s" }));
    say(&home, 0, "STATUS=no database");
    home.run(["start", "apps.json5"]).ends(1).says("not ready within 2s: no database");
}

#[test]
fn who_is_stopped_gives_no_sign_of_life_and_is_replaced_also_by_the_next_daemon() {
    let home = Home::new();
    app(&home, &json!({ "ready": "notify", "args": "feeds", "watchdog": "3s" }));
    say(&home, 0, "READY=1");
    home.run(["start", "apps.json5"]).ok();
    let socket = fs::read_to_string(home.work().join("socket")).unwrap();
    assert!(socket.ends_with(" 3000000"), "{socket}");
    let (pid, daemon) = (home.row("web").pid, home.hello().pid);
    signal(daemon, 9);
    home.wait_until("another daemon answers", || home.hello().pid != daemon);
    let health = || home.row("web").health.map(pm_spec::Health::as_str);
    home.wait_until("it is heard again", || health() == Some("healthy"));
    assert_eq!((home.row("web").pid, home.row("web").restarts), (pid, 0));
    signal(pid, 19);
    home.wait_new_pid("web", pid);
    let why = ends(&home, "web").remove(0)["why"].as_str().unwrap().to_owned();
    let expected = "unhealthy: no sign of life within 3s (WATCHDOG=1) (killed by SIGKILL)";
    assert_eq!(why, expected);
    home.run(["why", "web"]).ok().says("no sign of life within 3s");
}

#[test]
fn who_says_that_it_is_not_well_is_replaced_at_once() {
    let home = Home::new();
    app(&home, &json!({ "watchdog": "1h", "ready": "notify" }));
    say(&home, 0, "READY=1");
    home.run(["start", "apps.json5"]).ok();
    let pid = home.row("web").pid;
    say(&home, 1, "WATCHDOG=trigger");
    home.wait_new_pid("web", pid);
    let why = ends(&home, "web").remove(0)["why"].as_str().unwrap().to_owned();
    assert!(why.starts_with("unhealthy: it says so (WATCHDOG=trigger)"), "{why}");
}

#[test]
fn a_reload_by_a_signal_lasts_as_long_as_the_app_says() {
    let home = Home::new();
    app(
        &home,
        &json!({
            "args": "hup", "ready": "notify", "reload_signal": "SIGHUP", "listen_timeout": 100,
        }),
    );
    say(&home, 0, "READY=1\nSTATUS=serving");
    home.run(["start", "apps.json5"]).ok();
    let pid = home.row("web").pid;
    let reloads = |so: bool| {
        home.wait_until("it is told", || {
            home.run(["describe", "web"]).ok().out().contains("reloading: serving") == so
        });
    };
    // Without a word it would be over after a second.
    home.run(["reload", "web"]).ends(1).says("of SIGHUP; it runs on");
    reloads(true);
    say(&home, 1, "READY=1");
    reloads(false);
    let mut reload = home.pm(["reload", "web", "--kill-timeout", "30s"]).background();
    reloads(true);
    say(&home, 2, "READY=1");
    assert_eq!(reload.wait(), 0, "{}", reload.seen());
    reloads(false);
    assert_eq!(home.row("web").pid, pid);
}

#[test]
fn who_is_isolated_is_heard() {
    let home = Home::new();
    app(&home, &json!({ "ready": "notify", "isolate": "strict", "network": false }));
    say(&home, 0, "READY=1");
    home.run(["start", "apps.json5"]).ok();
    assert_eq!(home.row("web").status.as_str(), "online");
}

/// Forks a daemon, says that this is its main process, and ends; before that it may wait for a file `go`. Who ends is told
/// apart by the code: the daemon ends with 7 when there is a file `end`.
const FORKER: &str = r#"
import os, signal, socket, sys, time

line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
line.connect("\0" + os.environ["NOTIFY_SOCKET"][1:])

def awaits(name):
    while not os.path.exists(name):
        time.sleep(0.02)

child = os.fork()
if child == 0:
    os.setsid()
    def heard(*_):
        with open("heard", "w") as file:
            file.write(str(os.getpid()))
    signal.signal(signal.SIGUSR1, heard)
    awaits("end")
    os._exit(7)
with open("pids.new", "w") as file:
    file.write("%d %d" % (os.getpid(), child))
os.rename("pids.new", "pids")
if "waits" in sys.argv:
    awaits("go")
line.sendall(b"MAINPID=%d\nREADY=1" % child)
"#;

/// The pids of the forker and of its daemon.
fn forked(home: &Home) -> (u32, u32) {
    let pids = home.wait_file(home.work().join("pids"), |text| text.contains(&b' '));
    let pids = String::from_utf8(pids).unwrap();
    let (parent, child) = pids.split_once(' ').unwrap();
    (parent.parse().unwrap(), child.parse().unwrap())
}

#[test]
fn a_daemon_that_an_app_forks_and_names_is_its_main_process() {
    let home = Home::new();
    app(&home, &json!({ "ready": "notify", "pid_file": "web.pid" }));
    home.file("speaker.py", FORKER);
    home.run(["start", "apps.json5"]).ok();
    let (parent, child) = forked(&home);
    wait_gone(parent);
    let row = home.row("web");
    assert_eq!((row.pid, row.status.as_str(), row.restarts), (child, "online", 0));
    assert_eq!(ends(&home, "web"), [] as [Value; 0]);
    let described = home.run(["describe", "web", "--json"]).ok().json();
    assert_eq!(described[0]["pids"], json!([child]));
    assert!(
        described[0]["row"]["usage"]["memory"].as_u64().is_some_and(|bytes| bytes > 0),
        "{described}"
    );
    let file = home.work().join("web-0.pid");
    assert_eq!(fs::read_to_string(&file).unwrap(), child.to_string());
    home.run(["events", "web"])
        .ok()
        .says(&format!("pid {child}, it says so (MAINPID=), in place of {parent}"));
    home.run(["sendSignal", "SIGUSR1", "web"]).ok();
    home.wait_file(home.work().join("heard"), |text| text == child.to_string().as_bytes());
    home.file("end", "");
    home.wait_new_pid("web", child);
    let end = ends(&home, "web").remove(0);
    assert_eq!((&end["pid"], &end["code"]), (&json!(child), &json!(7)), "{end}");
    fs::remove_file(home.work().join("end")).unwrap();
    let named = home.wait_rows("its daemon again", |rows| {
        rows[0].status.as_str() == "online"
            && rows[0].pid != child
            && rows[0].pid == forked(&home).1
    });
    home.run(["stop", "web"]).ok();
    assert!(!is_alive(named[0].pid));
    assert!(!file.exists());
}

#[test]
fn no_death_of_a_daemon_loses_the_main_process_that_an_app_names() {
    let home = Home::new();
    app(&home, &json!({ "ready": "notify", "args": "waits" }));
    home.file("speaker.py", FORKER);
    home.run(["start", "apps.json5", "--no-wait"]).ok();
    let (parent, child) = forked(&home);
    let kill_meanwhile = |meanwhile: &dyn Fn()| {
        let daemon = home.hello().pid;
        signal(daemon, 19);
        meanwhile();
        signal(daemon, 9);
        home.wait_until("another daemon answers", || home.hello().pid != daemon);
    };
    // It says so, and ends, while nobody hears it.
    kill_meanwhile(&|| {
        home.file("go", "");
        wait_gone(parent);
    });
    let rows = home.wait_rows("it is up", |rows| rows[0].status.as_str() == "online");
    assert_eq!((rows[0].pid, rows[0].restarts), (child, 0));
    kill_meanwhile(&|| {});
    assert_eq!((home.row("web").pid, home.row("web").restarts), (child, 0));
    kill_meanwhile(&|| {
        home.file("end", "");
        wait_gone(child);
    });
    home.wait_until("its end is told", || !ends(&home, "web").is_empty());
    let end = ends(&home, "web").remove(0);
    assert_eq!((&end["pid"], &end["code"]), (&json!(child), &json!(7)), "{end}");
}

#[test]
fn who_is_no_process_of_the_app_does_not_become_its_main_process() {
    let home = Home::new();
    app(&home, &json!({ "ready": "notify" }));
    say(&home, 0, "READY=1");
    home.run(["start", "apps.json5"]).ok();
    let pid = home.row("web").pid;
    // It ends with us.
    let mut other =
        Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut gone = Command::new("true").spawn().unwrap();
    gone.wait().unwrap();
    let none = "MAINPID=999999999".to_owned();
    let said = [
        (format!("MAINPID={}", other.id()), "it is not one of its processes"),
        ("MAINPID=1".into(), "it is not one of its processes"),
        (none, "there is no such process"),
        (format!("MAINPID={}", gone.id()), "there is no such process"),
    ];
    for (number, (text, why)) in said.iter().enumerate() {
        say(&home, number + 1, text);
        let of = text.strip_prefix("MAINPID=").unwrap();
        home.wait_until("it is told", || {
            let events = home.run(["events", "web"]).ok().out();
            events.contains(&format!("process {of} does not become it: {why}"))
        });
    }
    assert_eq!((home.row("web").pid, home.row("web").status.as_str()), (pid, "online"));
    other.kill().unwrap();
    other.wait().unwrap();
}

/// Any user can wear the mark of an app of root, and so could have had it ended.
#[test]
fn a_process_of_another_user_does_not_become_the_main_one() {
    assert!(rustix::process::geteuid().is_root(), "this test becomes another user: run it as root");
    let home = Home::new();
    app(&home, &json!({ "ready": "notify" }));
    let drops = "line.send(b\"READY=1\")\nif os.fork() == 0: os.setuid(65534); line.send(b\"MAINPID=%d\" % os.getpid())\n";
    home.file("speaker.py", SPEAKER.replace("number = 0\n", &format!("number = 0\n{drops}")));
    home.run(["start", "apps.json5"]).ok();
    home.wait_until("it is told", || {
        let events = home.run(["events", "web"]).ok().out();
        events.contains("does not become it: user 65534 is not that of the app, 0")
    });
    assert_eq!(home.row("web").status.as_str(), "online");
}
