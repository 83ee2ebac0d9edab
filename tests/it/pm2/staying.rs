//! Programs that stay: `pm2-runtime`, which containers execute, and `pm2-dev`.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::side::{Notes, compare, scenarios};
use super::tool::Tool;

const INT: i32 = 2;
const TERM: i32 = 15;

/// Keys of an entry's `pm2_env`.
fn noted(notes: &mut Notes, entry: &Value, keys: &[&str]) {
    for key in keys {
        notes.put(key, entry["pm2_env"][*key].clone());
    }
}

fn runtime_options(tool: &Tool, notes: &mut Notes) {
    tool.ok("kill");
    tool.app("probe.js", "app/probe.js");
    let words = [
        "probe.js",
        "-n",
        "web",
        "-i",
        "2",
        "--node-args",
        "--trace-warnings --no-deprecation",
        "--max-memory-restart",
        "200M",
        "-c",
        "0 0 1 1 *",
        "--watch",
        "--delay",
        "1",
        "--trace",
        "--v8",
        "--error",
        "../e.log",
        "--output",
        "../o.log",
    ];
    let mut run = tool.named("pm2-runtime", &words).dir(tool.work().join("app")).background();
    run.wait_for("out of probe");
    tool.wait_lives(2);
    let entry = tool.wait_status("web", "online");
    let keys = ["exec_mode", "instances", "node_args", "max_memory_restart", "cron_restart"];
    noted(notes, &entry, &keys);
    notes.put("watch", json!(entry["pm2_env"]["watch"] == true));
    let written = |name: &str| fs::read_to_string(tool.work().join(name)).unwrap_or_default();
    tool.wait("the files", || {
        let listing = fs::read_dir(tool.work()).unwrap().flatten();
        let names = listing.map(|file| file.file_name().to_string_lossy().into_owned());
        let names: Vec<_> = names.filter(|name| name.ends_with(".log")).collect();
        names.iter().any(|name| name.starts_with("o-") && written(name).contains("out of probe"))
            && names.iter().any(|name| name.starts_with("e-") && written(name).contains("err of"))
    });
    notes.put("files", true);
    run.signal(TERM);
    notes.put("code", run.wait());
    notes.put("events", json!(tool.lives().iter().map(|it| it.events.clone()).collect::<Vec<_>>()));
    notes.put("left", tool.jlist().len());
}

fn runtime_files(tool: &Tool, notes: &mut Notes) {
    tool.ok("kill");
    tool.app("probe.py", "probe.py");
    let app = |name: &str| {
        json!({
            "name": name, "script": "probe.py", "env": { "COLOUR": "blue" },
            "env_production": { "COLOUR": "red" },
        })
    };
    tool.file("two.json", &json!({ "apps": [app("web"), app("other")] }).to_string());
    for called in ["pm2-runtime", "pm2-docker"] {
        fs::remove_file(tool.work().join("probe")).ok();
        let words = ["start", "two.json", "--env", "production", "--only", "web"];
        let mut run = tool.named(called, &words).background();
        let life = tool.wait_lives(1)[0].clone();
        notes.put(&format!("{called}: COLOUR"), json!(life.env.get("COLOUR")));
        tool.wait_status("web", "online");
        notes.put(&format!("{called}: apps"), tool.jlist().len());
        run.signal(INT);
        notes.put(&format!("{called}: code"), run.wait());
        notes.put(&format!("{called}: events"), json!(tool.lives()[0].events));
    }
    let words = ["probe.py", "--interpreter", "python3", "--no-autostart", "--no-auto-exit"];
    let mut run = tool.named("pm2-runtime", &words).background();
    // Who asks too early starts another daemon.
    let sockets = ["rpc.sock", "pm.sock"];
    tool.wait("a daemon", || sockets.iter().any(|name| tool.home().join(name).exists()));
    tool.wait("the app", || {
        tool.jlist().iter().any(|entry| entry["pm2_env"]["status"] == "stopped")
    });
    notes.put("interpreter", tool.entry("probe")["pm2_env"]["exec_interpreter"].clone());
    run.signal(TERM);
    notes.put("code of nothing", run.wait());
}

/// How it ends when the app does.
fn runtime_ends(tool: &Tool, notes: &mut Notes) {
    tool.ok("kill");
    tool.file("exit.sh", "echo bye\nexit 7\n");
    let run = tool.named("pm2-runtime", &["exit.sh", "--no-autorestart"]).run();
    notes.put("code", run.code);
    notes.put("said", run.out().lines().any(|line| line == "bye"));
    notes.put("no such script", tool.named("pm2-runtime", &["nosuch.js"]).run().code);
}

#[test]
fn runtime_side_by_side() {
    compare("runtime", &scenarios![runtime_options, runtime_files, runtime_ends]);
}

/// The home of `pm2-dev` where no variable names one.
fn dev_home(tool: &Tool) -> PathBuf {
    tool.folder().join(".pm2-dev")
}

/// A session of `pm2-dev` in the folder of the app.
fn dev(tool: &Tool, words: &[&str]) -> pm_testkit::Running {
    tool.named("pm2-dev", words).without("PM2_HOME").dir(tool.work().join("app")).background()
}

/// The entries of its list.
fn dev_list(tool: &Tool) -> Vec<Value> {
    let run = tool.words(&["jlist", "-s"]).env("PM2_HOME", dev_home(tool)).run().ok();
    run.json().as_array().unwrap().clone()
}

fn dev_watches(tool: &Tool, notes: &mut Notes) {
    tool.app("probe.py", "app/probe.py");
    tool.file("app/tmp/old", "");
    let posts = tool.work().join("posts");
    let post = format!("echo of-post; echo post >> {}", posts.display());
    let words = [
        "start",
        "probe.py",
        "--interpreter",
        "python3",
        "--ignore",
        "tmp,other",
        "--timestamp",
        "--post-exec",
        &post,
    ];
    let mut run = dev(tool, &words);
    let seen = run.wait_for("out of probe");
    let line = seen.lines().find(|line| line.contains("out of probe")).unwrap();
    let line = super::lists::plain(line);
    let stamp = line.split(' ').next().unwrap_or_default();
    let shape: String = stamp.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    notes.put("timestamp", shape);
    tool.wait_lives(1);
    let mut round = 0;
    tool.wait_doing(
        "a restart that is told",
        || {
            round += 1;
            tool.file("app/seen.txt", &format!("{round}"));
        },
        || tool.lives().len() >= 2 && posts.exists(),
    );
    run.wait_for("of-post");
    notes.put("post-exec", true);
    let entry = &dev_list(tool)[0];
    let env = &entry["pm2_env"];
    notes.put("entry", json!([env["name"], env["restart_delay"], env["watch"] == true]));
    run.signal(INT);
    notes.put("code", run.wait());
    tool.wait("the end of the apps", || {
        tool.lives().iter().all(|life| !pm_testkit::is_alive(life.pid))
    });
    notes.put("left", dev_list(tool).len());
}

fn dev_options(tool: &Tool, notes: &mut Notes) {
    tool.app("probe.js", "app/probe.js");
    let app = json!({
        "name": "web", "script": "probe.js", "env": { "COLOUR": "blue" },
        "env_production": { "COLOUR": "red" },
    });
    tool.file("app/one.json", &json!({ "apps": [app] }).to_string());
    let mut run = dev(tool, &["one.json", "--env", "production", "--raw"]);
    run.wait_for("out of probe");
    let life = tool.wait_lives(1)[0].clone();
    notes.put("COLOUR", json!(life.env.get("COLOUR")));
    let raw = run.seen();
    notes.put("raw", raw.lines().any(|line| line == "out of probe"));
    run.signal(INT);
    notes.put("code", run.wait());
    fs::remove_file(tool.work().join("probe")).unwrap();
    let posts = tool.work().join("posts");
    let post = format!("echo of-post; echo post >> {}", posts.display());
    let words = ["probe.js", "--node-args=--trace-warnings", "--silent-exec", "--post-exec", &post];
    let mut run = dev(tool, &words);
    run.wait_for("out of probe");
    tool.wait_lives(1);
    notes.put("node_args", dev_list(tool)[0]["pm2_env"]["node_args"].clone());
    let mut round = 0;
    tool.wait_doing(
        "a restart that is told",
        || {
            round += 1;
            tool.file("app/seen.txt", &format!("{round}"));
        },
        || posts.exists(),
    );
    run.signal(INT);
    notes.put("code again", run.wait());
}

#[test]
fn dev_side_by_side() {
    compare("dev", &scenarios![dev_watches, dev_options]);
}
