//! `pm events` and `pm history`: what happened, told by the file the daemon writes, whether one runs or not.

use std::fs;
use std::os::unix::fs::MetadataExt;

use pm_protocol::Event;
use pm_testkit::{Home, signal};
use serde_json::{Value, json};

use crate::apps::answering;

/// What `pm events --json` tells of these apps.
fn events(home: &Home, apps: &[&str]) -> Vec<Event> {
    let words = [&["events", "--json", "-n", "1000"], apps].concat();
    let told = home.run(words).ok().out();
    told.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The words for it, in order.
fn kinds(home: &Home, apps: &[&str]) -> Vec<&'static str> {
    events(home, apps).iter().map(|event| event.event.as_str()).collect()
}

#[test]
fn what_happened_is_told_in_order_over_the_death_of_daemons_and_without_one() {
    let home = Home::new();
    home.script("good", "exec sleep 1000");
    home.script("bad", "exit 7");
    home.run(["start", "./good"]).ok();
    home.run(["start", "./bad", "--max-restarts", "3", "--restart-delay", "1"]).ends(1);
    home.wait_status("bad", "errored");
    let first = home.hello();
    signal(first.pid, 9);
    home.wait_until("another daemon", || answering(&home).is_some_and(|it| it.pid != first.pid));
    home.run(["restart", "good"]).ok();
    home.run(["reload", "good"]).ok();
    home.run(["stop", "good"]).ok();
    home.run(["delete", "all"]).ok();
    home.run(["kill"]).ok();
    let good =
        ["started", "exited", "started", "exited", "started", "reloaded", "stopped", "deleted"];
    assert_eq!(kinds(&home, &["good"]), good);
    let ends =
        ["started", "exited", "started", "exited", "started", "exited", "gave up", "deleted"];
    assert_eq!(kinds(&home, &["bad"]), ends);
    let all = events(&home, &[]);
    let own: Vec<_> =
        all.iter().filter(|it| it.app.is_none()).map(|it| it.event.as_str()).collect();
    assert_eq!(own, ["daemon started", "daemon replaced", "daemon left"]);
    let last = all.iter().rfind(|event| event.code == Some(7)).unwrap();
    assert_eq!(last.why.as_deref(), Some("exited with code 7"));
    let page = home.run(["history", "bad"]).ok().out();
    let (folded, gave_up) = ("  3 times in ", "gave up       after 3 short runs in a row");
    assert!(page.contains(folded) && page.contains(gave_up), "{page}");
    assert_eq!(page.lines().count(), 4, "{page}");
    assert_eq!(home.run(["history", "bad", "--json"]).ok().json()[1]["times"], 3);
    let page = home.run(["events", "--lines", "1"]).ok().out();
    assert!(page.ends_with("left          pid ") || page.contains("all apps are down"), "{page}");
    home.run(["events", "nosuch"]).ends(3);
    home.run(["events", "--since", "yesterday"]).ends(2).complains("write 10m");
    assert_eq!(home.run(["events", "--since", "1d"]).ok().out().lines().count(), all.len());
    let mode = fs::metadata(home.home().events()).unwrap().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn who_asked_is_told_and_known_to_the_next_daemon() {
    let home = Home::new();
    home.script("web", "exec sleep 1000");
    home.run(["start", "./web", "--", "--token", "hunter2"]).ok();
    home.run(["set", "web:PASSWORD", "hunter2"]).ok();
    let stop = home.pm(["stop", "web"]).env("SUDO_USER", "ann");
    stop.env("SSH_CONNECTION", "10.0.0.5 4711 10.0.0.1 22").run().ok();
    let uid = rustix::process::geteuid().as_raw();
    let who = if uid == 0 {
        "root (uid 0, sudo by ann)".into()
    } else {
        format!("uid {uid}, sudo by ann")
    };
    let who = format!("{who} with `pm stop web`, from ssh 10.0.0.5");
    let is_told = || {
        let stopped = format!("stopped by {who}");
        home.run(["why", "web"]).ok().says(&stopped);
        home.run(["history", "web"]).ok().says(&format!("stopped       by {who}"));
        home.run(["describe", "web"]).ok().says("stopped by").says(&who);
    };
    is_told();
    let first = home.hello();
    signal(first.pid, 9);
    home.wait_until("another daemon", || answering(&home).is_some_and(|it| it.pid != first.pid));
    is_told();
    let all = events(&home, &["web"]);
    let by = |event: &Event| event.by.clone().unwrap_or_default();
    assert!(by(&all[0]).ends_with(" with `pm start ./web ...`"), "{all:?}");
    assert!(by(&all[1]).ends_with(" with `pm set ...`"), "{all:?}");
    assert_eq!(by(all.last().unwrap()), who);
    let bytes = fs::read(home.home().events()).unwrap();
    assert!(!String::from_utf8(bytes).unwrap().contains("hunter2"));
    // What starts again by itself does so for nobody.
    home.run(["start", "web"]).ok();
    signal(home.row("web").pid, 9);
    home.wait_until("it runs again", || kinds(&home, &["web"]).ends_with(&["exited", "started"]));
    assert_eq!(events(&home, &["web"]).last().unwrap().by, None);
    // A stop that finds nothing to end is told as well.
    home.script("bad", "exit 7");
    home.run(["start", "./bad", "--no-wait", "--restart-delay", "1h"]).ok();
    home.wait_until("it waits", || kinds(&home, &["bad"]) == ["started", "exited"]);
    home.run(["stop", "bad"]).ok();
    assert_eq!(kinds(&home, &["bad"]), ["started", "exited", "stopped"]);
    home.run(["why", "bad"]).ok().says(" with `pm stop bad`");
}

#[test]
fn jobs_health_reloads_and_signals_are_told_as_they_come() {
    let home = Home::new();
    home.script("web", "test -e broken && exit 4\nexec sleep 1000");
    home.script("job", "test -e done");
    home.file("well", "");
    let check = json!({ "test": "test -e well", "interval": "50ms", "retries": 1 });
    let apps: Value = json!([
        { "name": "web", "script": "./web", "healthcheck": check,
          "ready": { "exec": "test ! -e broken" } },
        { "name": "job", "script": "./job", "schedule": "@yearly" },
    ]);
    home.file("apps.json", apps.to_string());
    home.run(["start", "apps.json"]).ok();
    let mut follow = home.pm(["events", "-f", "web"]).background();
    follow.wait_for("ready");
    home.run(["run", "job"]).ends(1);
    home.file("done", "");
    home.run(["run", "job"]).ok();
    assert_eq!(kinds(&home, &["job"]), ["started", "job failed", "started", "job done"]);
    follow.wait_for("healthy");
    fs::remove_file(home.work().join("well")).unwrap();
    follow.wait_for("unhealthy: ");
    home.file("well", "");
    home.wait_until("it is well again", || kinds(&home, &["web"]).last() == Some(&"healthy"));
    home.file("broken", "");
    home.run(["reload", "web"]).ends(1);
    follow.wait_for("not reloaded  exited with code 4");
    let told = follow.seen_so_far();
    assert!(!told.contains("job"), "only of those who are asked for: {told}");
}
