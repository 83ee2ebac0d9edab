//! `healthcheck`: what is up and not well any more is found, told and restarted.

use std::fs;

use pm_testkit::{Home, signal};
use serde_json::{Value, json};

use crate::apps::ends;
use crate::ready::served;

fn quick(more: &Value) -> Value {
    let mut check = json!({
        "http": "http://localhost:$PORT/up", "interval": "50ms", "timeout": "2s", "retries": 2
    });
    check.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    check
}

fn health(home: &Home) -> Option<&'static str> {
    home.row("web").health.map(pm_spec::Health::as_str)
}

/// A server that is well, under this check and with these keys beside it.
fn well(home: &Home, check: &Value, keys: Value) {
    home.file("well", "");
    let mut all = keys;
    all["healthcheck"] = check.clone();
    all["ready"] = json!("tcp://localhost:$PORT");
    served(home, &all);
    home.run(["start", "apps.json5"]).ok();
    home.wait_until("it is healthy", || health(home) == Some("healthy"));
}

#[test]
fn what_answers_badly_is_restarted_and_the_reason_kept() {
    let home = Home::new();
    well(&home, &quick(&json!({})), json!({}));
    home.run(["status", "--check"]).ok();
    let pid = home.row("web").pid;
    fs::remove_file(home.work().join("well")).unwrap();
    home.wait_new_pid("web", pid);
    home.file("well", "");
    home.wait_until("it is healthy again", || health(&home) == Some("healthy"));
    let last = ends(&home, "web").pop().unwrap();
    let why = last["why"].as_str().unwrap();
    assert!(why.starts_with("unhealthy: GET /up answered 503 ("), "{why}");
    home.run(["why", "web"]).ok().says("unhealthy: GET /up answered 503");
    assert!(home.row("web").restarts >= 1);
}

#[test]
fn a_server_that_is_stopped_or_hangs_is_found_and_restarted() {
    let home = Home::new();
    well(&home, &quick(&json!({ "timeout": "300ms" })), json!({}));
    let pid = home.row("web").pid;
    signal(pid, 19);
    home.wait_new_pid("web", pid);
    home.wait_until("it is healthy again", || health(&home) == Some("healthy"));
    let last = ends(&home, "web").remove(0);
    let why = last["why"].as_str().unwrap();
    assert!(why.contains("/up: no answer within 300ms (killed by SIGKILL)"), "{why}");
}

#[test]
fn what_is_unhealthy_and_only_told_is_told_everywhere() {
    let home = Home::new();
    well(&home, &quick(&json!({})), json!({ "unhealthy": "none" }));
    let pid = home.row("web").pid;
    fs::remove_file(home.work().join("well")).unwrap();
    home.wait_until("it is unhealthy", || health(&home) == Some("unhealthy"));
    home.run(["list"]).ok().says("unhealthy");
    home.run(["describe", "web"]).ok().says("unhealthy: GET /up answered 503");
    home.run(["status", "--check"]).ends(1).says("unhealthy");
    home.run(["why", "web"]).ok().says("unhealthy: GET /up answered 503");
    let entry = home.run(["jlist"]).ok().json();
    let state = &entry[0]["pm2_env"];
    assert_eq!((&state["status"], &state["health"]), (&json!("online"), &json!("unhealthy")));
    assert_eq!((home.row("web").pid, home.row("web").restarts), (pid, 0));
    home.file("well", "");
    home.wait_until("it is healthy again", || health(&home) == Some("healthy"));
    home.run(["status", "--check"]).ok();
}

#[test]
fn a_daemons_death_forgets_nobody() {
    let home = Home::new();
    well(&home, &quick(&json!({})), json!({ "unhealthy": "none" }));
    fs::remove_file(home.work().join("well")).unwrap();
    home.wait_until("it is unhealthy", || health(&home) == Some("unhealthy"));
    let daemon = home.hello().pid;
    signal(daemon, 9);
    home.wait_until("another daemon answers", || home.hello().pid != daemon);
    assert_eq!(health(&home), Some("unhealthy"));
    home.file("well", "");
    home.wait_until("it is asked on", || health(&home) == Some("healthy"));
}

#[test]
fn bad_answers_while_it_begins_do_not_count() {
    let home = Home::new();
    let check = quick(&json!({ "start_period": "1h", "start_interval": "20ms" }));
    served(&home, &json!({ "healthcheck": check, "ready": "tcp://localhost:$PORT" }));
    home.run(["start", "apps.json5"]).ok();
    home.wait_file(home.work().join("asked"), |asked| {
        asked.iter().filter(|byte| **byte == b'\n').count() > 5
    });
    assert_eq!((health(&home), home.row("web").restarts), (Some("starting"), 0));
    home.run(["list"]).ok().says("online");
    home.file("well", "");
    home.wait_until("it is healthy", || health(&home) == Some("healthy"));
    let pid = home.row("web").pid;
    fs::remove_file(home.work().join("well")).unwrap();
    home.wait_new_pid("web", pid);
}

#[test]
fn a_new_check_holds_at_once_and_a_disabled_one_ends() {
    let home = Home::new();
    well(&home, &quick(&json!({})), json!({ "unhealthy": "none" }));
    let pid = home.row("web").pid;
    let file = home.work().join("apps.json5");
    let mut apps: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    apps["apps"][0]["healthcheck"] =
        json!({ "test": ["CMD-SHELL", "echo no; exit 3"], "interval": "20ms" });
    home.file("apps.json5", apps.to_string());
    home.run(["apply", "apps.json5"]).ok();
    home.wait_rows("the new check is asked", |rows| {
        rows[0].note.as_deref() == Some("unhealthy: the command exited with code 3: no")
    });
    apps["apps"][0]["healthcheck"] = json!({ "test": ["NONE"] });
    home.file("apps.json5", apps.to_string());
    home.run(["apply", "apps.json5"]).ok();
    home.wait_rows("nobody asks", |rows| rows[0].health.is_none() && rows[0].note.is_none());
    assert_eq!(home.row("web").pid, pid);
}
