//! Config files: forms, attributes, what an app gets of them, and what a second `start` of a changed file does.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::side::{Notes, compare, scenarios};
use super::tool::{Life, Tool};

/// Names and namespaces known to the daemon.
fn known(tool: &Tool) -> Value {
    let list = tool.jlist();
    let mut names: Vec<_> =
        list.iter().map(|entry| entry["name"].as_str().unwrap().to_owned()).collect();
    names.sort();
    json!(names)
}

const SLEEP: &str = "exec sleep 1000\n";

fn forms(tool: &Tool, notes: &mut Notes) {
    tool.file("app.sh", SLEEP);
    for (key, file, text) in [
        ("apps_list", "a.json", r#"{ "apps": [{ "name": "x", "script": "app.sh" }] }"#),
        (
            "comments",
            "b.json",
            "{ // a comment\n apps: [{ name: 'x', script: 'app.sh', }], /* more */ }",
        ),
        ("json5", "c.json5", "{ apps: [{ name: 'x', script: 'app.sh', }] }"),
        ("bare_list", "d.json", r#"[{ "name": "x", "script": "app.sh" }]"#),
        ("bare_app", "e.json", r#"{ "name": "x", "script": "app.sh" }"#),
        ("one_app", "f.json", r#"{ "apps": { "name": "x", "script": "app.sh" } }"#),
        (
            "pm2_key",
            "package.json",
            r#"{ "name": "p", "pm2": [{ "name": "x", "script": "app.sh" }] }"#,
        ),
        ("yaml", "g.yaml", "apps:\n  - name: x\n    script: app.sh\n"),
        ("yml", "h.yml", "apps:\n  - name: x\n    script: app.sh\n"),
    ] {
        tool.file(file, text);
        notes.put(key, json!([tool.call(&format!("start {file}")).code, known(tool)]));
        tool.call("delete all");
    }
    let text = "{ apps: [{ name: 'x', script: 'app.sh' }] }";
    notes.put("stdin", json!([tool.words(&["start", "-"]).input(text).run().code, known(tool)]));
}

fn subsets(tool: &Tool, notes: &mut Notes) {
    tool.file("app.sh", SLEEP);
    let app = |name: &str| json!({ "name": name, "script": "app.sh" });
    tool.file("all.json", &json!({ "apps": [app("a"), app("b"), app("c")] }).to_string());
    for (key, only) in [("one", "a"), ("comma", "a,c"), ("unknown", "zzz")] {
        let code = tool.call(&format!("start all.json --only {only}")).code;
        notes.put(key, json!([code, known(tool)]));
        tool.call("delete all");
    }
    tool.ok("start all.json --only a");
    notes.put("the_rest_later", json!([tool.call("start all.json").code, known(tool)]));
    let code = tool.call("start all.json --namespace ns").code;
    notes.put("in another namespace", json!([code, known(tool)]));
    tool.ok("delete all");
    tool.file(
        "bad.json",
        &json!({ "apps": [app("x"), { "name": "y", "script": "nosuch.sh" }] }).to_string(),
    );
    notes.put("one_bad_script", json!([tool.call("start bad.json").code, known(tool)]));
}

fn wrong(tool: &Tool, notes: &mut Notes) {
    tool.file("app.sh", SLEEP);
    for (key, extra) in [
        ("autorestart_text", json!({ "autorestart": "false" })),
        ("instances_object", json!({ "instances": {} })),
        ("name_number", json!({ "name": 5 })),
        ("memory_unit", json!({ "max_memory_restart": "100MB" })),
        ("memory_text", json!({ "max_memory_restart": "much" })),
        ("uptime_text", json!({ "min_uptime": "soon" })),
        ("delay_text", json!({ "restart_delay": "soon" })),
        ("cron_text", json!({ "cron_restart": "often" })),
        ("no_script", json!({ "script": null })),
        ("unknown_key", json!({ "nosuchkey": 1 })),
        ("number_as_text", json!({ "kill_timeout": "3000", "max_restarts": "3" })),
    ] {
        let mut app = json!({ "name": "x", "script": "app.sh" });
        app.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let text = json!({ "apps": [app, { "name": "good", "script": "app.sh" }] }).to_string();
        tool.file("one.json", &text);
        notes.put(key, json!([tool.call("start one.json").code, known(tool)]));
        tool.call("delete all");
    }
}

/// One probe with these attributes; what it saw and what `jlist` says.
fn probed(tool: &Tool, attributes: &Value) -> (Vec<Life>, Value) {
    std::fs::remove_file(tool.work().join("probe")).ok();
    tool.app("probe.py", "probe.py");
    let mut app = json!({ "name": "x", "script": "probe.py" });
    app.as_object_mut().unwrap().extend(attributes.as_object().unwrap().clone());
    tool.file("one.json", &json!({ "apps": [app] }).to_string());
    tool.ok("start one.json");
    let count = attributes["instances"].as_u64().unwrap_or(1);
    let lives = tool.wait_lives(usize::try_from(count).unwrap());
    let entry = tool.jlist()[0].clone();
    tool.ok("delete all");
    (lives, entry)
}

fn seen(life: &Life, names: &[&str]) -> Value {
    let pairs = names.iter().map(|name| ((*name).to_owned(), life.env.get(*name).cloned()));
    json!(pairs.collect::<BTreeMap<_, _>>())
}

fn env_values(tool: &Tool, notes: &mut Notes) {
    let env = json!({
        "TEXT": "a b", "NUMBER": 3000, "FRACTION": 1.5, "YES": true, "NO": false, "EMPTY": "",
        "LIST": ["a", 1], "OBJECT": { "k": "v" }, "QUOTES": "it's \"so\"", "UNICODE": "grün",
    });
    let names =
        ["TEXT", "NUMBER", "FRACTION", "YES", "NO", "EMPTY", "LIST", "OBJECT", "QUOTES", "UNICODE"];
    let (lives, _) = probed(tool, &json!({ "env": env }));
    for name in names {
        notes.put(name, lives[0].env.get(name).cloned());
    }
}

fn args_of_text(tool: &Tool, notes: &mut Notes) {
    for (key, args) in [
        ("plain", json!("one two  three")),
        ("double", json!("--a \"b c\" d")),
        ("single", json!("--a 'b c' d")),
        ("inside", json!("--x='y z' --w=\"v u\"")),
        ("list", json!(["one two", "", "'q'", "--x=1"])),
        ("dollar", json!("$HOME `ls` ; echo")),
    ] {
        let (lives, _) = probed(tool, &json!({ "args": args }));
        notes.put(key, json!(lives[0].args));
    }
}

fn attributes(tool: &Tool, notes: &mut Notes) {
    let (lives, entry) = probed(
        tool,
        &json!({ "cwd": "." , "namespace": "back", "port": 4000, "env": { "A": "1" } }),
    );
    notes.put("cwd", tool.neutral(&lives[0].cwd));
    notes.put("namespace", json!([entry["pm2_env"]["namespace"], lives[0].env.get("namespace")]));
    notes.put("port", seen(&lives[0], &["PORT"]));
    let (lives, _) = probed(tool, &json!({ "port": 4000 }));
    notes.put("port_without_env", seen(&lives[0], &["PORT"]));
    let (lives, _) =
        probed(tool, &json!({ "instances": 2, "increment_var": "PORT", "env": { "PORT": 5000 } }));
    let mut ports: Vec<_> = lives.iter().map(|life| life.env["PORT"].clone()).collect();
    ports.sort();
    notes.put("increment_var", json!(ports));
    let (lives, _) = probed(tool, &json!({ "instances": 2, "instance_var": "SLOT" }));
    let mut slots: Vec<_> =
        lives.iter().map(|life| seen(life, &["SLOT", "NODE_APP_INSTANCE"]).to_string()).collect();
    slots.sort();
    notes.put("instance_var", json!(slots));
    let (_, entry) = probed(tool, &json!({ "name_prefix": "pre" }));
    notes.put("name_prefix", entry["name"].clone());
    let (_, entry) =
        probed(tool, &json!({ "exec_interpreter": "python3", "interpreter_args": "-u -B" }));
    notes.put("interpreter_args", entry["pm2_env"]["node_args"].clone());
    let (_, entry) = probed(tool, &json!({ "maxMemoryRestart": "1G", "execMode": "fork" }));
    notes.put(
        "camel_case",
        json!([entry["pm2_env"]["max_memory_restart"], entry["pm2_env"]["exec_mode"]]),
    );
    for size in [json!(1000), json!("1000"), json!("10K"), json!("1G")] {
        let (_, entry) = probed(tool, &json!({ "max_memory_restart": size }));
        notes.put(&format!("memory {size}"), entry["pm2_env"]["max_memory_restart"].clone());
    }
    for time in [json!(2000), json!("2000"), json!("2s"), json!("1m"), json!("1h")] {
        let (_, entry) = probed(tool, &json!({ "min_uptime": time }));
        notes.put(&format!("uptime {time}"), entry["pm2_env"]["min_uptime"].clone());
    }
}

fn filtered_env(tool: &Tool, notes: &mut Notes) {
    tool.app("probe.py", "probe.py");
    for (key, filter) in [("list", json!(["SECRET"])), ("text", json!("MY_SECRET"))] {
        std::fs::remove_file(tool.work().join("probe")).ok();
        let app = json!({ "name": "x", "script": "probe.py", "filter_env": filter });
        tool.file("one.json", &json!({ "apps": [app] }).to_string());
        let call = tool.words(&["start", "one.json"]);
        call.env("MY_SECRET", "1").env("MY_SECRET_TOO", "2").env("OPEN", "3").run();
        let lives = tool.wait_lives(1);
        notes.put(key, seen(&lives[0], &["MY_SECRET", "MY_SECRET_TOO", "OPEN"]));
        tool.ok("delete all");
    }
}

fn profiles(tool: &Tool, notes: &mut Notes) {
    tool.app("probe.py", "probe.py");
    let app = json!({
        "name": "x", "script": "probe.py", "append_env_to_name": true,
        "env": { "A": "base", "B": "base" }, "env_production": { "A": "production" },
    });
    tool.file("one.json", &json!({ "apps": [app] }).to_string());
    for (key, options) in
        [("none", ""), ("production", "--env production"), ("missing", "--env nosuch")]
    {
        std::fs::remove_file(tool.work().join("probe")).ok();
        let code = tool.call(&format!("start one.json {options}")).code;
        let lives = tool.wait_lives(1);
        notes.put(key, json!([code, known(tool), seen(&lives[0], &["A", "B"])]));
        tool.ok("delete all");
    }
}

fn default_names(tool: &Tool, notes: &mut Notes) {
    for file in ["app.sh", "my.app.sh", "sub/inner.sh", "under_score.sh"] {
        tool.file(file, SLEEP);
        tool.ok(&format!("start {file}"));
        notes.put(file, known(tool));
        tool.ok("delete all");
    }
    tool.words(&["start", "sleep 1000; true"]).run();
    notes.put("shell line", known(tool));
    tool.ok("delete all");
    tool.ok("start sleep -- 1000");
    notes.put("program", known(tool));
}

fn script_forms(tool: &Tool, notes: &mut Notes) {
    tool.file("app.sh", SLEEP);
    tool.file("names.js", "module.exports = { first: 'x' };\n");
    tool.file("data.json", r#"{ "script": "app.sh" }"#);
    let common = "const path = require('path');\n\
        const names = require('./names');\nconst data = require('./data.json');\n\
        console.log('a config may talk');\n\
        module.exports = { apps: [{ name: names.first + (process.env.TAIL || ''), \
        script: path.join(__dirname, data.script) }] };\n";
    for (key, file, text) in [
        ("js", "ecosystem.config.js", common),
        ("cjs", "ecosystem.config.cjs", common),
        ("other name", "my.config.js", common),
        ("mjs named", "n.config.mjs", "export const apps = [{ name: 'x', script: 'app.sh' }];\n"),
        (
            "mjs default",
            "d.config.mjs",
            "export default { apps: [{ name: 'x', script: 'app.sh' }] };\n",
        ),
        (
            "function",
            "f.config.js",
            "module.exports = () => ({ apps: [{ name: 'x', script: 'app.sh' }] });\n",
        ),
        ("throws", "t.config.js", "throw new Error('no');\n"),
        ("torn", "u.config.js", "module.exports = {\n"),
    ] {
        tool.file(file, text);
        let run = tool.words(&["start", file]).env("TAIL", "y").run();
        notes.put(key, json!([run.code, known(tool)]));
        tool.call("delete all");
    }
    tool.file("ecosystem.config.js", common);
    notes.put("found without a name", json!([tool.call("start").code, known(tool)]));
}

#[test]
fn config_files_side_by_side() {
    compare("configs", &scenarios![forms, script_forms, subsets, wrong, default_names, profiles]);
}

#[test]
fn attributes_side_by_side() {
    compare("attributes", &scenarios![env_values, args_of_text, attributes, filtered_env]);
}
