//! Pauses between runs, and how long a stop may take. No time is asserted: what is compared is what was done.

use serde_json::{Value, json};

use super::side::{Notes, compare, compare_with, scenarios};
use super::tool::Tool;

fn restart_delay(tool: &Tool, notes: &mut Notes) {
    tool.file("exit.sh", "echo run >> runs\nexit 3\n");
    tool.call("start exit.sh --name slow --restart-delay 600000");
    let entry = tool.wait_status("slow", "waiting restart");
    notes.put("restarts", entry["pm2_env"]["restart_time"].clone());
    notes.put("a pid is shown", entry["pid"] != 0);
    notes.put("stop", tool.call("stop slow").code);
    notes.put("stopped", tool.entry("slow")["pm2_env"]["status"].clone());
    let runs = std::fs::read_to_string(tool.work().join("runs")).unwrap();
    notes.put("runs", runs.lines().count());
    tool.call("start slow");
    tool.wait_status("slow", "waiting restart");
    notes.put("restart while waiting", tool.call("restart slow").code);
    let runs = std::fs::read_to_string(tool.work().join("runs")).unwrap();
    notes.put("runs in all", runs.lines().count());
}

fn growing_delay(tool: &Tool, notes: &mut Notes) {
    tool.file(
        "exit.sh",
        "echo run >> runs\n[ $(wc -l < runs) -lt 5 ] && exit 3\nexec sleep 1000\n",
    );
    tool.call("start exit.sh --name grows --exp-backoff-restart-delay 20");
    let entry = tool.wait_entry("grows", |entry| {
        entry["pm2_env"]["restart_time"] == 4 && entry["pm2_env"]["status"] == "online"
    });
    notes.put("last delay", entry["pm2_env"]["prev_restart_delay"].clone());
    notes.put("restarts", entry["pm2_env"]["restart_time"].clone());
    tool.ok("restart grows");
    let entry = tool.entry("grows");
    notes.put("after a restart", entry["pm2_env"]["prev_restart_delay"].clone());
}

/// A parent and its child, both deaf or not, with or without the tree.
fn tree_kill(tool: &Tool, notes: &mut Notes) {
    tool.app("probe.py", "probe.py");
    tool.file("tree.sh", "python3 probe.py & echo $! > child\nwait\n");
    let child = || std::fs::read_to_string(tool.work().join("child")).ok()?.trim().parse().ok();
    for (key, options) in [("whole", ""), ("main only", "--no-treekill")] {
        std::fs::remove_file(tool.work().join("child")).ok();
        std::fs::remove_file(tool.work().join("probe")).ok();
        tool.ok(&format!("start tree.sh --name tree {options}"));
        tool.wait_lives(1);
        let pid: u32 = child().unwrap();
        tool.ok("stop tree");
        notes.put(key, json!([pm_testkit::is_alive(pid), tool.lives()[0].events]));
        tool.ok("delete all");
        if pm_testkit::is_alive(pid) {
            pm_testkit::signal(pid, 9);
        }
    }
}

#[test]
fn pauses_side_by_side() {
    compare("pauses", &scenarios![restart_delay, growing_delay, tree_kill]);
}

/// The knobs of the daemon's environment.
fn knobs_of_stopping(tool: &Tool, notes: &mut Notes) {
    tool.web("probe.py");
    tool.wait_lives(1);
    tool.ok("stop web");
    notes.put("signal", json!(tool.lives()[0].events));
    std::fs::remove_file(tool.work().join("probe")).unwrap();
    tool.words(&["start", "probe.py", "--name", "deaf"]).env("PROBE_DEAF", "1").run();
    let pid = tool.wait_lives(1)[0].pid;
    tool.ok("stop deaf");
    notes.put("killed", json!([pm_testkit::is_alive(pid), tool.lives()[0].events]));
}

fn instance_variable(tool: &Tool, notes: &mut Notes) {
    tool.app("probe.py", "probe.py");
    tool.ok("start probe.py --name web -i 2");
    let mut slots: Vec<Value> =
        tool.wait_lives(2).iter().map(|life| json!(life.env.get("MY_SLOT"))).collect();
    slots.sort_by_key(Value::to_string);
    notes.put("slots", Value::Array(slots));
}

#[test]
fn knobs_side_by_side() {
    let knobs = [
        ("PM2_KILL_SIGNAL", "SIGTERM"),
        ("PM2_KILL_TIMEOUT", "400"),
        ("PM2_PROCESS_INSTANCE_VAR", "MY_SLOT"),
    ];
    compare_with("knobs", &knobs, &scenarios![knobs_of_stopping, instance_variable]);
}
