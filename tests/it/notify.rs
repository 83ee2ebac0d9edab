//! `ready: "notify"` and `watchdog`: what apps say of themselves over their notification sockets, as under systemd.

use std::fs;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

use pm_testkit::{Home, signal};
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
