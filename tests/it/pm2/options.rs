//! Options of the command line: where they may stand, and what becomes of them.

use serde_json::{Value, json};

use super::side::{Notes, compare, scenarios};
use super::tool::Tool;

fn names(tool: &Tool) -> Value {
    let list = tool.jlist();
    let mut names: Vec<_> =
        list.iter().map(|entry| entry["name"].as_str().unwrap().to_owned()).collect();
    names.sort();
    json!(names)
}

/// Notes these keys of an entry's `pm2_env`.
fn keys(tool: &Tool, notes: &mut Notes, entry: &Value, keys: &[&str]) {
    for key in keys {
        let value = &entry["pm2_env"][*key];
        let value = value.as_str().map_or(value.clone(), |text| json!(tool.neutral(text)));
        notes.put(key, value);
    }
}

fn options_become_attributes(tool: &Tool, notes: &mut Notes) {
    tool.app("probe.py", "sub/probe.py");
    let words = [
        "start",
        "probe.py",
        "--name",
        "web",
        "--namespace",
        "back",
        "--cwd",
        "sub",
        "--interpreter",
        "python3",
        "--interpreter-args",
        "-u -B",
        "--max-memory-restart",
        "200M",
        "--restart-delay",
        "300",
        "--kill-timeout",
        "700",
        "--max-restarts",
        "7",
        "--no-autorestart",
        "--no-treekill",
        "--merge-logs",
        "--log-date-format",
        "YYYY",
        "--time",
        "--uid",
        "0",
        "--gid",
        "0",
        "--stop-exit-codes",
        "3",
        "-x",
        "--no-vizion",
        "--no-pmx",
        "--no-automation",
        "--shutdown-with-message",
    ];
    notes.put("code", tool.words(&words).run().code);
    let life = tool.wait_lives(1)[0].clone();
    notes.put("cwd seen", tool.neutral(&life.cwd));
    let entry = tool.entry("web");
    let wanted = [
        "namespace",
        "pm_cwd",
        "pm_exec_path",
        "node_args",
        "max_memory_restart",
        "restart_delay",
        "kill_timeout",
        "max_restarts",
        "autorestart",
        "treekill",
        "merge_logs",
        "log_date_format",
        "uid",
        "gid",
        "stop_exit_codes",
        "pmx",
        "vizion",
        "automation",
        "exec_mode",
        "shutdown_with_message",
    ];
    keys(tool, notes, &entry, &wanted);
}

fn options_anywhere(tool: &Tool, notes: &mut Notes) {
    tool.file("app.sh", "exec sleep 1000\n");
    for (key, line) in [
        ("before the verb", "--name a start app.sh"),
        ("before and behind", "-n b start --namespace=x app.sh"),
        ("with =", "start app.sh --name=c"),
        ("negative", "start app.sh -n d -i -1"),
        ("max", "start app.sh -n e -i max"),
        ("zero", "start app.sh -n f -i 0"),
        ("behind --", "start app.sh --name g -- --name nobody -s"),
        ("idle on list", "list --name x --update-env --no-vizion"),
        ("idle on jlist", "jlist --kill-timeout 5"),
        ("mini", "-m list"),
    ] {
        notes.put(key, tool.call(line).code);
    }
    notes.put("names", names(tool));
    notes.put("args", tool.entry("g")["pm2_env"]["args"].clone());
}

fn the_same_again(tool: &Tool, notes: &mut Notes) {
    tool.file("app.sh", "exec sleep 1000\n");
    tool.file("two.sh", "exec sleep 1000\n");
    let mut step = |key: &str, line: &str| {
        let code = tool.call(line).code;
        notes.put(key, json!([code, names(tool)]));
    };
    step("first", "start app.sh");
    step("again", "start app.sh");
    step("by force", "start app.sh -f");
    step("another name", "start app.sh --name other");
    step("another script of the name", "start two.sh --name other");
    step("two scripts", "start app.sh two.sh");
    step("restart renames", "restart other --name renamed");
}

fn restart_takes_options(tool: &Tool, notes: &mut Notes) {
    tool.app("probe.py", "probe.py");
    tool.ok("start probe.py --name web -- first");
    tool.wait_lives(1);
    let line = "restart web --kill-timeout 900 --max-memory-restart 90M -- second one";
    let code = tool.call(line).code;
    notes.put("code", code);
    if code != 0 {
        return;
    }
    let lives = tool.wait_lives(2);
    notes.put("args", json!(lives[1].args));
    let entry = tool.entry("web");
    keys(tool, notes, &entry, &["kill_timeout", "max_memory_restart", "restart_time"]);
    tool.ok("restart web");
    notes.put("args stay", json!(tool.wait_lives(3)[2].args));
}

fn silence(tool: &Tool, notes: &mut Notes) {
    tool.file("app.sh", "exec sleep 1000\n");
    for (key, line) in [
        ("start", "start app.sh -s"),
        ("list", "-s list"),
        ("stop", "stop app --silent"),
        ("describe", "describe app -s"),
        ("jlist", "-s jlist"),
    ] {
        notes.put(key, tool.ok(line).out().is_empty());
    }
    notes.put("PM2_SILENT", tool.words(&["list"]).env("PM2_SILENT", "true").run().out().is_empty());
    let out = tool.words(&["jlist"]).env("PM2_SILENT", "true").run().out();
    notes.put("PM2_SILENT jlist", out.starts_with('['));
}

fn start_or_restart(tool: &Tool, notes: &mut Notes) {
    tool.file("app.sh", "exec sleep 1000\n");
    let app = |name: &str| json!({ "name": name, "script": "app.sh" });
    tool.file("one.json", &json!({ "apps": [app("a")] }).to_string());
    tool.file("two.json", &json!({ "apps": [app("a"), app("b")] }).to_string());
    let counters = || {
        let list = tool.jlist();
        let pairs =
            list.iter().map(|entry| json!([entry["name"], entry["pm2_env"]["restart_time"]]));
        Value::Array(pairs.collect())
    };
    for verb in ["startOrRestart", "startOrReload", "startOrGracefulReload"] {
        for file in ["one", "two"] {
            let code = tool.call(&format!("{verb} {file}.json")).code;
            notes.put(&format!("{verb} {file}"), json!([code, counters()]));
        }
        notes.put(&format!("{verb} nosuch"), tool.call(&format!("{verb} nosuch.json")).code);
        tool.ok("delete all");
    }
}

fn scaled(tool: &Tool, notes: &mut Notes) {
    tool.file("app.sh", "exec sleep 1000\n");
    tool.ok("start app.sh --name web -i 2");
    let ids = || {
        let list = tool.jlist();
        json!(
            list.iter()
                .map(|entry| json!([entry["pm_id"], entry["pm2_env"]["NODE_APP_INSTANCE"]]))
                .collect::<Vec<_>>()
        )
    };
    for (key, number) in [("up", "4"), ("more", "+1"), ("down", "2"), ("garbage", "many")] {
        let code = tool.call(&format!("scale web {number}")).code;
        notes.put(key, json!([code, ids()]));
    }
}

/// `--write`: a config that says what the line said.
fn written_config(tool: &Tool, notes: &mut Notes) {
    tool.app("probe.py", "probe.py");
    let line =
        "start probe.py --name web -w --max-memory-restart 90M --kill-timeout 700 -- one two";
    notes.put("code", tool.call(line).code);
    tool.wait_lives(1);
    let written = tool.work().join("web-pm2.json");
    notes.put("written", written.exists());
    tool.ok("delete web");
    notes.put("start of it", tool.call("start web-pm2.json").code);
    notes.put("args", json!(tool.wait_lives(2)[1].args));
    let entry = tool.entry("web");
    keys(tool, notes, &entry, &["name", "max_memory_restart", "kill_timeout"]);
}

#[test]
fn options_side_by_side() {
    let all = scenarios![
        options_become_attributes,
        options_anywhere,
        the_same_again,
        restart_takes_options,
        silence,
        start_or_restart,
        scaled,
        written_config,
    ];
    compare("options", &all);
}
