//! Starts, stops, restarts and ends: statuses, counters, signals, what is left.

use serde_json::{Value, json};

use super::side::{Notes, compare, scenarios};
use super::tool::Tool;

/// Status, restart counter, whether there is a pid.
fn state(entry: &Value) -> Value {
    let env = &entry["pm2_env"];
    json!([env["status"], env["restart_time"], entry["pid"].as_u64().unwrap_or(0) != 0])
}

fn verbs(tool: &Tool, notes: &mut Notes) {
    tool.web("probe.js");
    tool.wait_lives(1);
    notes.put("started", state(&tool.entry("web")));
    tool.ok("restart web");
    tool.wait_lives(2);
    notes.put("restarted", state(&tool.entry("web")));
    tool.ok("stop web");
    notes.put("stopped", state(&tool.entry("web")));
    tool.ok("stop web");
    notes.put("stopped_twice", state(&tool.entry("web")));
    tool.ok("start web");
    tool.wait_lives(3);
    notes.put("started_again", state(&tool.entry("web")));
    tool.ok("stop web");
    tool.ok("restart web");
    tool.wait_lives(4);
    notes.put("restarted_from_stopped", state(&tool.entry("web")));
    tool.ok("reload web");
    tool.wait_lives(5);
    notes.put("reloaded", state(&tool.entry("web")));
    tool.ok("reset web");
    notes.put("reset", state(&tool.entry("web")));
    tool.ok("delete web");
    notes.put("deleted", tool.jlist().len());
    let lives = tool.lives();
    notes.put("signals", json!(lives.iter().map(|life| life.events.clone()).collect::<Vec<_>>()));
}

fn ids_and_names(tool: &Tool, notes: &mut Notes) {
    tool.file("a.sh", "exec sleep 1000\n");
    tool.file("b.sh", "exec sleep 1000\n");
    tool.ok("start a.sh");
    tool.ok("start b.sh --name two");
    tool.ok("start a.sh --name three -i 2");
    let list = |tool: &Tool| {
        let pairs = tool.jlist();
        json!(pairs.iter().map(|entry| json!([entry["pm_id"], entry["name"]])).collect::<Vec<_>>())
    };
    notes.put("first", list(tool));
    tool.ok("delete two");
    tool.ok("start b.sh --name four");
    notes.put("a_gap_stays", list(tool));
    tool.ok("delete all");
    tool.ok("start b.sh --name five");
    notes.put("empty_begins_at_0", list(tool));
    notes.put("id", tool.ok("id five").out());
    let pid = tool.entry("five")["pid"].as_u64().unwrap();
    notes.put("pid", tool.ok("pid five").out().trim() == pid.to_string());
}

fn ends(tool: &Tool, notes: &mut Notes) {
    tool.file("exit.sh", "exit ${CODE}\n");
    for (key, line, code) in [
        ("no_autorestart", "--no-autorestart", "3"),
        ("no_autorestart_0", "--no-autorestart", "0"),
        ("stop_exit_codes", "--stop-exit-codes 3", "3"),
    ] {
        let words = format!("start exit.sh --name {key} {line}");
        let words: Vec<_> = words.split(' ').collect();
        tool.words(&words).env("CODE", code).run();
        let entry = tool.wait_status(key, "stopped");
        notes.put(key, state(&entry));
        notes.put(&format!("{key}_code"), entry["pm2_env"]["exit_code"].clone());
    }
}

fn crash_loop(tool: &Tool, notes: &mut Notes) {
    tool.file("exit.sh", "exit 3\n");
    notes.put("code", tool.call("start exit.sh --name loop --max-restarts 4").code);
    let entry = tool.wait_status("loop", "errored");
    notes.put("state", state(&entry));
    notes.put("exit_code", entry["pm2_env"]["exit_code"].clone());
    notes.put("unstable", entry["pm2_env"]["unstable_restarts"].clone());
    tool.call("restart loop");
    notes.put("errored_again", state(&tool.wait_status("loop", "errored")));
}

fn crash_and_return(tool: &Tool, notes: &mut Notes) {
    tool.web("probe.js");
    let first = tool.wait_lives(1)[0].pid;
    pm_testkit::signal(first, 9);
    tool.wait_lives(2);
    let entry = tool.wait_status("web", "online");
    notes.put("after_kill", state(&entry));
}

fn stop_order(tool: &Tool, notes: &mut Notes) {
    tool.app("probe.py", "probe.py");
    tool.file(
        "deaf.json",
        r#"{ apps: [{ script: "probe.py", name: "deaf", kill_timeout: 300, env: { PROBE_DEAF: "1" } }] }"#,
    );
    tool.ok("start deaf.json");
    let pid = tool.wait_lives(1)[0].pid;
    tool.ok("stop deaf");
    notes.put("events", json!(tool.lives()[0].events));
    notes.put("alive", pm_testkit::is_alive(pid));
    notes.put("state", state(&tool.entry("deaf")));
}

fn whole_tree(tool: &Tool, notes: &mut Notes) {
    tool.file("tree.sh", "sleep 1000 & echo $! > child\nwait\n");
    tool.ok("start tree.sh --name tree");
    let path = tool.work().join("child");
    let read = || std::fs::read_to_string(&path).ok()?.trim().parse::<u32>().ok();
    tool.wait("a child", || read().is_some());
    let child = read().unwrap();
    tool.ok("stop tree");
    notes.put("child_alive", pm_testkit::is_alive(child));
}

#[test]
fn life_side_by_side() {
    compare(
        "life",
        &scenarios![verbs, ids_and_names, ends, crash_and_return, stop_order, whole_tree],
    );
}

#[test]
fn crash_loops_side_by_side() {
    compare("crashes", &scenarios![crash_loop]);
}
