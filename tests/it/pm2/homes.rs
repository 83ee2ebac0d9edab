//! The home: what lies in it, what `save` keeps and `resurrect` brings back.

use std::fs;

use serde_json::{Value, json};

use super::side::{Notes, compare, compare_with, scenarios};
use super::tool::Tool;

fn states(tool: &Tool) -> Value {
    let list = tool.jlist();
    let one = |entry: &Value| {
        let env = &entry["pm2_env"];
        json!([
            entry["name"],
            entry["pm_id"],
            env["status"],
            env["restart_time"],
            env["namespace"],
            env["args"]
        ])
    };
    list.iter().map(one).collect()
}

fn home_files(tool: &Tool, notes: &mut Notes) {
    tool.file("app.sh", "exec sleep 1000\n");
    tool.ok("start app.sh --name web");
    tool.ok("save");
    tool.ok("save");
    for name in [
        "pm2.log",
        "pm2.pid",
        "dump.pm2",
        "dump.pm2.bak",
        "module_conf.json",
        "touch",
        "logs",
        "pids",
        "logs/web-out.log",
        "logs/web-error.log",
        "pids/web-0.pid",
    ] {
        notes.put(name, tool.home().join(name).exists());
    }
    let pid = fs::read_to_string(tool.home().join("pids/web-0.pid")).unwrap_or_default();
    notes.put("pid is the app's", pid.parse::<u64>().ok() == tool.entry("web")["pid"].as_u64());
    tool.ok("stop web");
    notes.put("pid file of a stopped app", tool.home().join("pids/web-0.pid").exists());
    tool.file("ends.sh", "exit 3\n");
    tool.call("start ends.sh --no-autorestart");
    let log = || fs::read_to_string(tool.home().join("pm2.log")).unwrap_or_default();
    tool.wait("the end in the log", || log().contains("App [ends:1] exited"));
    let lines = log();
    let said = lines.lines().filter_map(|line| {
        let at = line.find("App [").or(line.find("Stopping app:"))?;
        Some(&line[at..])
    });
    notes.put("what pm2.log says of apps", json!(said.collect::<Vec<_>>()));
}

/// What `save` keeps, `kill` does not touch and `resurrect` brings back.
fn save_and_resurrect(tool: &Tool, notes: &mut Notes) {
    tool.app("probe.py", "probe.py");
    tool.words(&["start", "probe.py", "--name", "up", "--namespace", "back", "--", "a", "b c"])
        .env("COLOUR", "blue")
        .run();
    tool.ok("start probe.py --name down");
    tool.wait_lives(2);
    tool.ok("restart up");
    tool.wait_lives(3);
    tool.ok("stop down");
    tool.ok("save");
    tool.ok("start probe.py --name unsaved");
    tool.wait_lives(4);
    notes.put("kill", tool.call("kill").code);
    notes.put(
        "alive after kill",
        tool.lives().iter().filter(|life| pm_testkit::is_alive(life.pid)).count(),
    );
    notes.put("resurrect", tool.call("resurrect").code);
    let lives = tool.wait_lives(5);
    notes.put("states", states(tool));
    let last = lives.last().unwrap();
    notes.put("args", json!(last.args));
    notes.put("env", json!(last.env.get("COLOUR")));
    notes.put("again", tool.call("resurrect").code);
    notes.put("states again", states(tool));
    notes.put("save of nothing", {
        tool.ok("delete all");
        tool.call("save").code
    });
    tool.ok("kill");
    tool.ok("resurrect");
    notes.put("an empty save keeps the old list", tool.jlist().len());
    tool.ok("delete all");
    tool.ok("save --force");
    tool.ok("kill");
    tool.call("resurrect");
    notes.put("a forced one does not", tool.jlist().len());
}

#[test]
fn homes_side_by_side() {
    compare("homes", &scenarios![home_files, save_and_resurrect]);
}

#[test]
fn beside_a_living_pm2_nothing_is_begun() {
    let (real, ours) = (Tool::real(), Tool::ours());
    real.file("app.sh", "exec sleep 1000\n");
    real.ok("start app.sh --name web");
    real.ok("save");
    let pid = fs::read_to_string(real.home().join("pm2.pid")).unwrap();
    let told = format!("PM2 itself runs there, pid {}", pid.trim());
    for line in [&["resurrect"][..], &["start", "app.sh"], &["stop", "web"]] {
        real.called_by(&ours, line).run().ends(1).complains(&told);
    }
    real.called_by(&ours, &["ls"]).run().ok().complains(&told);
    real.called_by(&ours, &["kill"]).run().ok().complains(&told);
    assert_eq!(real.jlist().len(), 1, "it was disturbed");
    assert_eq!(fs::read_to_string(real.home().join("pm2.pid")).unwrap(), pid);
    // As the hint says.
    real.ok("kill");
    real.called_by(&ours, &["resurrect"]).run().ok();
    real.called_by(&ours, &["pid", "web"]).run().ok();
    real.called_by(&ours, &["kill"]).run().ok();
}

/// Files and folders that variables lead elsewhere.
fn moved_files(tool: &Tool, notes: &mut Notes) {
    tool.file("app.sh", "exec sleep 1000\n");
    tool.ok("start app.sh --name web");
    tool.ok("save");
    tool.ok("save");
    tool.ok("set some:thing 1");
    for name in [
        "moved.log",
        "moved.pid",
        "moved.dump",
        "moved.bak",
        "moved.json",
        "moved-logs/web-out.log",
        "moved-pids/web-0.pid",
    ] {
        notes.put(name, tool.folder().join(name).exists());
    }
    for name in
        ["pm2.log", "pm2.pid", "dump.pm2", "dump.pm2.bak", "logs/web-out.log", "pids/web-0.pid"]
    {
        notes.put(name, tool.home().join(name).exists());
    }
    let conf = fs::read_to_string(tool.folder().join("moved.json")).unwrap_or_default();
    notes.put("setting", conf.contains("thing"));
    tool.ok("kill");
    tool.ok("resurrect");
    notes.put("resurrected", states(tool));
    fs::remove_file(tool.folder().join("moved.dump")).unwrap();
    // In a home of ours the own list counts; without it, what PM2 left.
    fs::remove_file(tool.home().join("saved.json")).ok();
    fs::remove_file(tool.home().join("saved.json.bak")).ok();
    tool.ok("delete all");
    tool.ok("kill");
    tool.call("resurrect");
    notes.put("resurrected from the one before", states(tool));
}

#[test]
fn moved_homes_side_by_side() {
    let paths = [
        ("PM2_LOG_FILE_PATH", "FOLDER/moved.log"),
        ("PM2_PID_FILE_PATH", "FOLDER/moved.pid"),
        ("PM2_DUMP_FILE_PATH", "FOLDER/moved.dump"),
        ("PM2_DUMP_BACKUP_FILE_PATH", "FOLDER/moved.bak"),
        ("PM2_MODULE_CONF_FILE", "FOLDER/moved.json"),
        ("PM2_DEFAULT_LOG_PATH", "FOLDER/moved-logs"),
        ("PM2_DEFAULT_PID_PATH", "FOLDER/moved-pids"),
    ];
    compare_with("moved", &paths, &scenarios![moved_files]);
}
