//! Signals to the daemon itself, and the daemon that is none: `--no-daemon`.

use std::fs;

use serde_json::json;

use super::side::{Notes, compare, scenarios};
use super::tool::Tool;

/// The daemon, as its pid file says.
fn daemon(tool: &Tool) -> u32 {
    let read = || fs::read_to_string(tool.home().join("pm2.pid")).ok()?.trim().parse().ok();
    tool.wait("a pid file", || read().is_some());
    read().unwrap()
}

fn signals_that_end(tool: &Tool, notes: &mut Notes) {
    for (name, number) in [("SIGTERM", 15), ("SIGINT", 2), ("SIGQUIT", 3)] {
        tool.clean();
        tool.call("cleardump");
        let dumped = || fs::read_to_string(tool.home().join("dump.pm2")).unwrap_or_default();
        tool.app("probe.py", "probe.py");
        tool.ok("start probe.py --name web");
        let app = tool.wait_lives(1)[0].pid;
        let pid = daemon(tool);
        pm_testkit::signal(pid, number);
        tool.wait("the end of the app", || !pm_testkit::is_alive(app));
        tool.wait("the end of the daemon", || !pm_testkit::is_alive(pid));
        notes.put(&format!("{name}: events"), json!(tool.lives()[0].events));
        notes.put(&format!("{name}: pid file"), tool.home().join("pm2.pid").exists());
        notes.put(&format!("{name}: the list is saved"), dumped().contains("web"));
        notes.put(&format!("{name}: known to the next"), tool.jlist().len());
    }
}

fn other_signals(tool: &Tool, notes: &mut Notes) {
    tool.file("say.sh", "while :; do echo tick; sleep 0.2; done\n");
    tool.ok("start say.sh --name loud");
    let (pid, app) = (daemon(tool), tool.entry("loud")["pid"].clone());
    let log = tool.home().join("logs/loud-out.log");
    let has_lines = || fs::read_to_string(&log).is_ok_and(|text| text.contains("tick"));
    tool.wait("lines", has_lines);
    pm_testkit::signal(pid, 1);
    fs::rename(&log, tool.work().join("moved.log")).unwrap();
    pm_testkit::signal(pid, 12);
    tool.wait("a new file", has_lines);
    notes.put("SIGUSR2: a new file", true);
    notes.put("SIGHUP: the same daemon", daemon(tool) == pid);
    notes.put("SIGHUP: the same app", tool.entry("loud")["pid"] == app);
}

fn no_daemon(tool: &Tool, notes: &mut Notes) {
    tool.ok("kill");
    // It outlives its output, or it would depend on the machine who is still alive at the end.
    tool.file("say.sh", "trap '' PIPE\nwhile :; do echo tick; sleep 0.2; done\n");
    let mut run = tool.words(&["start", "say.sh", "--name", "web", "--no-daemon"]).background();
    run.wait_for("tick");
    notes.put("shown", run.seen().contains("0|web"));
    let entry = tool.wait_status("web", "online");
    let app = u32::try_from(entry["pid"].as_u64().unwrap()).unwrap();
    notes.put("known", entry["name"].clone());
    run.signal(2);
    notes.put("code", run.wait());
    notes.put("alive", pm_testkit::is_alive(app));
    notes.put("known to the next", tool.jlist().len());
}

/// The saved list, by whoever stays.
fn resurrect_in_the_foreground(tool: &Tool, notes: &mut Notes) {
    tool.file("say.sh", "while :; do echo tick; sleep 0.2; done\n");
    tool.ok("start say.sh --name web");
    tool.ok("save");
    tool.ok("kill");
    let mut run = tool.words(&["resurrect", "--no-daemon"]).background();
    run.wait_for("tick");
    notes.put("shown", run.seen().contains("0|web"));
    notes.put("known", tool.wait_status("web", "online")["name"].clone());
    run.signal(2);
    run.wait();
    notes.put("saved", tool.home().join("dump.pm2").exists());
}

#[test]
fn daemons_side_by_side() {
    compare(
        "daemons",
        &scenarios![signals_that_end, other_signals, no_daemon, resurrect_in_the_foreground],
    );
}
