//! What scripts and people read: `jlist` key by key, `prettylist` as it is grepped, `describe` line by line, lists.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::side::{Notes, compare, scenarios};
use super::tool::Tool;

/// Keys whose values differ from run to run: their type is noted.
const VARYING: [&str; 10] = [
    "pid",
    "monit",
    "pm2_env",
    "env",
    "pm_uptime",
    "created_at",
    "unique_id",
    "node_version",
    "axm_monitor",
    "axm_actions",
];

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// All keys of the census that an entry of `jlist` has at its top or in its `pm2_env`.
fn keys(tool: &Tool, notes: &mut Notes, entry: &Value) {
    let census = super::census::census();
    for key in census["jlist"].as_array().unwrap() {
        let key = key.as_str().unwrap();
        let found = entry.get(key).or_else(|| entry["pm2_env"].get(key));
        let told = match found {
            None => "absent".into(),
            Some(value) if VARYING.contains(&key) => kind(value).into(),
            Some(Value::String(text)) => tool.neutral(text).into(),
            Some(value) => value.clone(),
        };
        notes.put(key, told);
    }
}

/// Waits until the probe is up and has been measured; gives its entry.
fn settled(tool: &Tool, name: &str) -> Value {
    tool.wait_lives(1);
    tool.wait_status(name, "online")
}

fn jlist_node(tool: &Tool, notes: &mut Notes) {
    tool.app("probe.js", "probe.js");
    tool.file("package.json", r#"{ "name": "probe", "version": "1.2.3" }"#);
    tool.ok("start probe.js --name web --node-args --trace-warnings -- one two");
    keys(tool, notes, &settled(tool, "web"));
}

fn jlist_python(tool: &Tool, notes: &mut Notes) {
    tool.app("probe.py", "probe.py");
    let config = json!({ "apps": [{
        "script": "probe.py", "name": "py", "namespace": "back", "interpreter": "python3",
        "env": { "COLOUR": "blue" }, "autorestart": false, "max_memory_restart": "300M",
        "out_file": "o.log", "error_file": "e.log", "log_file": "both.log", "merge_logs": true,
        "uid": 0, "gid": 0, "filter_env": ["NOTHING"], "kill_timeout": 500, "treekill": false,
    }]});
    tool.file("one.json", &config.to_string());
    tool.ok("start one.json");
    let entry = settled(tool, "py");
    keys(tool, notes, &entry);
    notes.put("COLOUR", entry["pm2_env"]["COLOUR"].clone());
    notes.put("env.COLOUR", entry["pm2_env"]["env"]["COLOUR"].clone());
    notes.put("kill_timeout", entry["pm2_env"]["kill_timeout"].clone());
}

fn jlist_ended(tool: &Tool, notes: &mut Notes) {
    tool.file("exit.sh", "exit 7\n");
    tool.file("app.sh", "exec sleep 1000\n");
    // However slow the machine is, these runs are short ones.
    let app = |name: &str, script: &str, autorestart: bool| json!({"name": name, "script": script, "autorestart": autorestart, "min_uptime": "1h"});
    tool.file("ended.json", &app("ended", "./exit.sh", false).to_string());
    tool.file("halted.json", &app("halted", "./app.sh", true).to_string());
    tool.call("start ended.json");
    tool.ok("start halted.json");
    tool.ok("stop halted");
    tool.wait_status("ended", "stopped");
    for name in ["ended", "halted"] {
        let entry = tool.entry(name);
        let env = &entry["pm2_env"];
        let values = json!([
            entry["pid"],
            entry["monit"],
            env["status"],
            env["exit_code"],
            env["restart_time"],
            env["unstable_restarts"],
        ]);
        notes.put(name, values);
    }
}

/// How often scripts find a text.
fn counts(text: &str, words: &[&str]) -> Value {
    let counts = words.iter().map(|word| ((*word).to_owned(), text.matches(word).count()));
    json!(counts.collect::<BTreeMap<_, _>>())
}

fn prettylist(tool: &Tool, notes: &mut Notes) {
    tool.app("probe.js", "probe.js");
    tool.ok("start probe.js --name findme -i 1 -x");
    settled(tool, "findme");
    let words =
        ["findme", "name: 'findme'", "restart_time", "status: 'online'", "exec_mode", "pm_id: 0"];
    let text = tool.ok("prettylist").out();
    notes.put("counts", counts(&text, &words));
    let head: Vec<_> = text.lines().take(2).map(|line| line.trim().to_owned()).collect();
    // The first lines: `[`, `{`, and how keys are indented.
    notes.put(
        "begins",
        json!(head.iter().map(|line| line.chars().take(1).collect::<String>()).collect::<Vec<_>>()),
    );
    notes.put("ends", text.trim_end().lines().last());
    let node = std::process::Command::new("node")
        .args([
            "-e",
            "const l=eval(process.argv[1]);console.log(l.length,l[0].name,l[0].pm2_env.status)",
        ])
        .arg(&text)
        .output()
        .unwrap();
    notes.put("as_javascript", String::from_utf8_lossy(&node.stdout).trim());
}

/// `label` and `value` of the lines of `describe`, whichever way they are drawn.
fn described(tool: &Tool, text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for line in tool.neutral(&plain(text)).lines() {
        let line = line.trim().trim_start_matches('│').trim_end_matches('│').trim();
        let split = line.split_once('│').or_else(|| line.split_once("  "));
        if let Some((label, value)) = split {
            found.entry(label.trim().to_owned()).or_insert_with(|| value.trim().to_owned());
        }
    }
    found
}

/// Without colours.
pub(super) fn plain(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(part.split_once('m').map_or("", |(_, rest)| rest));
    }
    plain
}

fn describe_lines(tool: &Tool, notes: &mut Notes) {
    tool.app("probe.js", "probe.js");
    let config = json!({ "apps": [{
        "script": "probe.js", "name": "web", "args": "one two", "max_memory_restart": "300M",
        "log_file": "both.log", "env": { "NODE_ENV": "test" },
    }]});
    tool.file("one.json", &config.to_string());
    tool.ok("start one.json");
    settled(tool, "web");
    let lines = described(tool, &tool.ok("describe web").out());
    for label in [
        "status",
        "name",
        "namespace",
        "version",
        "restarts",
        "max memory restart",
        "entire log path",
        "script path",
        "script args",
        "error log path",
        "out log path",
        "pid path",
        "interpreter",
        "interpreter args",
        "script id",
        "exec cwd",
        "exec mode",
        "node.js version",
        "node env",
        "watch & reload",
        "unstable restarts",
    ] {
        notes.put(label, lines.get(label).cloned().unwrap_or("absent".into()));
    }
    for label in ["uptime", "created at"] {
        notes.put(label, lines.contains_key(label));
    }
}

fn list_columns(tool: &Tool, notes: &mut Notes) {
    tool.web("probe.js");
    settled(tool, "web");
    let text = plain(&tool.ok("list").out());
    let head = text.lines().find(|line| line.contains("namespace")).unwrap();
    let words = head.split([' ', '│']).filter(|word| !word.is_empty());
    notes.put("head", json!(words.collect::<Vec<_>>()));
    let row = text.lines().find(|line| line.contains("web")).unwrap();
    let words: Vec<_> = row.split([' ', '│']).filter(|word| !word.is_empty()).collect();
    notes.put("name_and_status", json!([words[0], words[1], words.contains(&"online")]));
}

fn mini_list(tool: &Tool, notes: &mut Notes) {
    tool.web("probe.js");
    settled(tool, "web");
    let text = tool.neutral(&plain(&tool.ok("list -m").out()));
    let labels = text.lines().map(|line| line.split(" :").next().unwrap_or_default().to_owned());
    notes.put("labels", json!(labels.filter(|label| !label.is_empty()).collect::<Vec<_>>()));
    let line = |label: &str| {
        text.lines().find(|line| line.starts_with(label)).unwrap_or("absent").trim().to_owned()
    };
    for label in ["pm2 id", "mode", "restarted", "error log", "watching", "PID file"] {
        notes.put(label, line(label));
    }
}

fn sorted_lists(tool: &Tool, notes: &mut Notes) {
    tool.file("app.sh", "exec sleep 1000\n");
    for name in ["b", "c", "a"] {
        tool.ok(&format!("start app.sh --name app{name}"));
    }
    tool.ok("stop appc");
    let order = |line: &str| {
        let text = plain(&tool.ok(line).out());
        let words = text.split([' ', '│']).filter(|word| word.starts_with("app"));
        json!(words.collect::<Vec<_>>())
    };
    notes.put("default", order("list"));
    for field in ["name:desc", "id:desc", "id:asc", "status:asc", "status:desc", "pid:desc"] {
        notes.put(field, order(&format!("list --sort {field}")));
    }
}

/// A list that is shown again and again.
fn watched_list(tool: &Tool, notes: &mut Notes) {
    tool.file("app.sh", "exec sleep 1000\n");
    tool.ok("start app.sh --name web");
    let mut run = tool.words(&["list", "--watch"]).background();
    notes.put("first", run.wait_for("web").contains("stopped"));
    tool.ok("stop web");
    notes.put("later", run.wait_for("stopped").contains("stopped"));
    // Not SIGINT: who was begun in the background of a script ignores that.
    run.signal(15);
    run.wait();
}

/// What a machine is said to have.
fn machine(tool: &Tool, notes: &mut Notes) {
    let text = tool.ok("slist").out();
    let names = ["CPU Usage", "RAM Usage", "RAM Total", "RAM Available"];
    for name in names {
        notes.put(name, text.contains(&format!("'{name}'")));
    }
    let tree = plain(&tool.ok("slist --tree").out());
    for name in names {
        notes.put(&format!("tree {name}"), tree.lines().any(|it| it.ends_with(name)));
    }
    let short = plain(&tool.ok("sysinfos -t").out());
    notes.put("short", short.lines().next());
    notes.put("units", tree.lines().any(|line| line.ends_with("├─ unit: %")));
}

fn ids_pids_and_env(tool: &Tool, notes: &mut Notes) {
    tool.app("probe.js", "probe.js");
    let words = ["start", "probe.js", "--name", "web", "-i", "2", "-x"];
    tool.words(&words).env("COLOUR", "two words").run();
    tool.wait_lives(2);
    notes.put("id", tool.ok("id web").out());
    notes.put("id_unknown", tool.call("id nosuch").out());
    notes.put("pid_unknown", tool.call("pid nosuch").out());
    notes.put("pids", tool.ok("pid web").out().lines().count());
    notes.put("pid_all", tool.ok("pid").out().lines().count());
    let env = plain(&tool.ok("env 0").out());
    notes.put("env", env.lines().find(|line| line.starts_with("COLOUR")));
    tool.ok("stop web");
    notes.put("pids_stopped", tool.ok("pid web").out());
}

#[test]
fn lists_side_by_side() {
    let all = scenarios![
        jlist_node,
        jlist_python,
        jlist_ended,
        prettylist,
        describe_lines,
        list_columns,
        mini_list,
        sorted_lists,
        watched_list,
        machine,
        ids_pids_and_env,
    ];
    compare("lists", &all);
}
