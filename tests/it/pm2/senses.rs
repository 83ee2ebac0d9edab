//! Watching and schedules. Nothing is timed: what must not happen is looked for after it has happened to a clock, an app
//! beside it that nothing holds back.

use std::cell::Cell;
use std::fs;

use serde_json::{Value, json};

use super::side::{Notes, compare, scenarios};
use super::tool::Tool;

/// Every second.
const TICK: &str = "* * * * * *";

fn restarts(tool: &Tool, name: &str) -> u64 {
    tool.entry(name)["pm2_env"]["restart_time"].as_u64().unwrap()
}

/// Changes a file until the app has been restarted because of it.
fn touch_until_restart(tool: &Tool, file: &str, name: &str) {
    let before = restarts(tool, name);
    let round = Cell::new(0);
    tool.wait_doing(
        &format!("a restart of {name} after {file} has changed"),
        || {
            round.set(round.get() + 1);
            tool.file(file, &format!("change {}\n", round.get()));
        },
        || restarts(tool, name) > before,
    );
    tool.wait_status(name, "online");
}

/// Two apps in the same folder: one that is watched as told, and a clock that sees everything.
fn watched(tool: &Tool, options: &Value) {
    tool.file("app/run.sh", "exec sleep 1000\n");
    for folder in ["app/tmp/old", "app/node_modules/x/old", "app/.git/old", "app/src/old"] {
        tool.file(folder, "");
    }
    let cwd = tool.work().join("app");
    let mut web = json!({ "name": "web", "script": "run.sh", "cwd": cwd, "watch": true });
    for (key, value) in options.as_object().unwrap() {
        web[key] = value.clone();
    }
    let clock = json!({ "name": "clock", "script": "run.sh", "cwd": cwd, "watch": true });
    tool.file("one.json", &json!({ "apps": [web, clock] }).to_string());
    tool.ok("start one.json");
    tool.wait_status("web", "online");
    touch_until_restart(tool, "app/src/first", "clock");
}

/// What is to be changed is changed until the clock has seen it; whether the other one has. Twice, for what was changed
/// before may still be on its way to one of them.
fn is_seen(tool: &Tool, file: &str) -> bool {
    let mut is_seen = false;
    for _ in 0..2 {
        let before = restarts(tool, "web");
        touch_until_restart(tool, file, "clock");
        tool.wait_status("web", "online");
        is_seen = restarts(tool, "web") > before;
    }
    is_seen
}

fn watch_restarts(tool: &Tool, notes: &mut Notes) {
    watched(tool, &json!({ "ignore_watch": ["tmp", "node_modules"] }));
    touch_until_restart(tool, "app/src/second", "web");
    let env = tool.entry("web")["pm2_env"].clone();
    notes.put("watch", json!(env["watch"] == true));
    notes.put("status", env["status"].clone());
    notes.put("ignored folder", is_seen(tool, "app/tmp/new"));
    tool.ok("stop web");
    notes.put("watch when stopped", json!(tool.entry("web")["pm2_env"]["watch"] == true));
    touch_until_restart(tool, "app/src/third", "clock");
    notes.put("stopped", tool.entry("web")["pm2_env"]["status"].clone());
    tool.ok("start web");
    notes.put("watch when started again", json!(tool.entry("web")["pm2_env"]["watch"] == true));
}

fn watch_paths(tool: &Tool, notes: &mut Notes) {
    watched(tool, &json!({ "watch": ["src"], "watch_delay": 300 }));
    notes.put("watch", tool.entry("web")["pm2_env"]["watch"].is_null());
    notes.put("watch_delay", tool.entry("web")["pm2_env"]["watch_delay"].clone());
    touch_until_restart(tool, "app/src/second", "web");
    notes.put("beside", is_seen(tool, "app/other"));
}

fn watch_flags(tool: &Tool, notes: &mut Notes) {
    watched(tool, &json!({ "watch": false }));
    tool.ok("delete web");
    let line = "start run.sh --name web --cwd app --watch --watch-delay 1 --ignore-watch tmp";
    notes.put("code", tool.call(line).code);
    let env = tool.entry("web")["pm2_env"].clone();
    notes.put("watch", json!(env["watch"] == true));
    notes.put("watch_delay", env["watch_delay"].clone());
    touch_until_restart(tool, "app/src/second", "web");
    notes.put("ignored folder", is_seen(tool, "app/tmp/new"));
    for step in ["off", "on again"] {
        notes.put(&format!("{step}: code"), tool.call("restart web --watch").code);
        notes.put(step, json!(tool.entry("web")["pm2_env"]["watch"] == true));
    }
    tool.ok("delete web");
    tool.file("app/notes.txt", "");
    tool.file("app/code.py", "");
    tool.ok("start run.sh --name web --cwd app --watch --ext py,sh");
    touch_until_restart(tool, "app/code.py", "web");
    notes.put("another ending", is_seen(tool, "app/notes.txt"));
}

/// Starts an app that notes each of its runs.
fn runs(tool: &Tool, name: &str) -> usize {
    fs::read_to_string(tool.work().join(name)).unwrap_or_default().lines().count()
}

/// Two more ticks of the clock.
fn ticks(tool: &Tool) {
    let before = runs(tool, "clock");
    tool.wait("two ticks", || runs(tool, "clock") >= before + 2);
}

fn schedules(tool: &Tool, notes: &mut Notes) {
    for name in ["clock", "web", "job", "off"] {
        tool.file(&format!("{name}.sh"), &format!("echo run >> {name}\nexec sleep 1000\n"));
    }
    tool.file("job.sh", "echo run >> job\nexit 0\n");
    tool.words(&["start", "clock.sh", "--cron", TICK]).run();
    let code = tool.words(&["start", "web.sh", "-c", TICK, "--name", "web"]).run().code;
    notes.put("code", code);
    tool.wait("runs of web", || runs(tool, "web") >= 3);
    notes.put("restarts are counted", restarts(tool, "web") >= 1);
    notes.put("cron_restart", tool.entry("web")["pm2_env"]["cron_restart"].clone());
    let described = super::lists::plain(&tool.ok("describe web").out());
    let line = described.lines().find(|line| line.contains("cron restart") && line.contains(TICK));
    notes.put("described", line.is_some());
    tool.words(&["start", "job.sh", "--cron-restart", TICK, "--no-autorestart"]).run();
    tool.wait("runs of the job", || runs(tool, "job") >= 3);
    notes.put("job", tool.wait_status("job", "stopped")["pm2_env"]["exit_code"].clone());
    notes.put("stop", tool.call("stop web").code);
    let before = runs(tool, "web");
    // PM2 is late now and then.
    let has_run = (0..3).any(|_| {
        ticks(tool);
        runs(tool, "web") > before
    });
    notes.put("runs after a stop", has_run);
    // PM2's own restart fails where a tick comes in between.
    tool.wait("a restart between two ticks", || {
        tool.call("restart web --cron-restart 0").code == 0
    });
    tool.wait_status("web", "online");
    let before = runs(tool, "web");
    ticks(tool);
    ticks(tool);
    notes.put("no longer", runs(tool, "web") > before + 1);
    notes.put("bad pattern", tool.words(&["start", "off.sh", "--cron", "often"]).run().code);
    notes.put("0 is off", tool.call("start off.sh --cron 0").code);
    ticks(tool);
    notes.put("runs without a schedule", runs(tool, "off"));
}

#[test]
fn watching_side_by_side() {
    compare("watching", &scenarios![watch_restarts, watch_paths, watch_flags]);
}

#[test]
fn schedules_side_by_side() {
    compare("schedules", &scenarios![schedules]);
}
