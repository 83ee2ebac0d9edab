//! Which apps a word means.

use serde_json::{Value, json};

use super::side::{Notes, compare, scenarios};
use super::tool::Tool;

/// Names of what is online.
fn online(tool: &Tool) -> Value {
    let list = tool.jlist();
    let up = list.iter().filter(|entry| entry["pm2_env"]["status"] == "online");
    let mut names: Vec<_> = up.map(|entry| entry["name"].as_str().unwrap().to_owned()).collect();
    names.sort();
    json!(names)
}

fn fleet(tool: &Tool) {
    tool.file("one.sh", "exec sleep 1000\n");
    tool.file("two.sh", "exec sleep 1000\n");
    tool.ok("start one.sh --name web");
    tool.ok("start one.sh --name web2 --namespace back");
    tool.ok("start two.sh --name worker --namespace back");
    // A name that is also a namespace, and one that is a number.
    tool.ok("start two.sh --name 7 --namespace web");
    tool.ok("start two.sh --name other --namespace web");
}

/// Each selector on a fresh fleet: exit code, and who is still online.
fn stop_by(tool: &Tool, notes: &mut Notes) {
    fleet(tool);
    for (key, selector) in [
        ("name", "web"),
        ("id", "1"),
        ("namespace", "back"),
        ("all", "all"),
        ("script", "two.sh"),
        ("number_name", "7"),
        ("several", "web worker"),
        ("several_stop_at_unknown", "web nosuch worker"),
        ("script_by_path", "./one.sh"),
    ] {
        let code = tool.call(&format!("stop {selector}")).code;
        notes.put(key, json!([code, online(tool)]));
        tool.ok("restart all");
    }
}

fn expressions(tool: &Tool, notes: &mut Notes) {
    fleet(tool);
    for (key, selector) in [
        ("begin", "/^w/"),
        ("end", "/2$/"),
        ("either", "/web2|other/"),
        ("any", "/.*/"),
        ("case", "/^W/"),
        ("none", "/^zzz/"),
        ("escaped", "/we\\w\\d/"),
    ] {
        let code = tool.call(&format!("stop {selector}")).code;
        notes.put(key, json!([code, online(tool)]));
        tool.ok("restart all");
    }
    notes.put("restart", tool.call("restart /^oth/").code);
    notes.put("reload", tool.call("reload /^oth/").code);
    notes.put("delete", json!([tool.call("delete /^w/").code, online(tool)]));
    notes.put("logs", tool.call("logs /^oth/ --nostream --lines 1").code);
}

fn the_others_take_them_too(tool: &Tool, notes: &mut Notes) {
    fleet(tool);
    let counters = |tool: &Tool| {
        let list = tool.jlist();
        let pairs =
            list.iter().map(|entry| json!([entry["name"], entry["pm2_env"]["restart_time"]]));
        Value::Array(pairs.collect())
    };
    tool.ok("restart back");
    tool.ok("restart 0 7");
    notes.put("restart", counters(tool));
    tool.ok("reload back");
    notes.put("reload", counters(tool));
    tool.ok("reset worker");
    notes.put("reset", counters(tool));
    tool.ok("delete back");
    notes.put("delete_namespace", online(tool));
    tool.ok("delete two.sh");
    notes.put("delete_script", online(tool));
}

fn start_by(tool: &Tool, notes: &mut Notes) {
    fleet(tool);
    for (key, selector) in [
        ("name", "web"),
        ("namespace", "back"),
        ("id", "4"),
        ("all", "all"),
        ("several", "web worker"),
    ] {
        tool.ok("stop all");
        let code = tool.call(&format!("start {selector}")).code;
        notes.put(key, json!([code, online(tool)]));
    }
}

fn files_select(tool: &Tool, notes: &mut Notes) {
    fleet(tool);
    tool.file(
        "some.json",
        r#"{ apps: [{ name: "web", script: "one.sh" }, { name: "worker", script: "two.sh", namespace: "back" }] }"#,
    );
    notes.put("stop", json!([tool.call("stop some.json").code, online(tool)]));
    notes.put("restart", json!([tool.call("restart some.json").code, online(tool)]));
    notes.put("stop_only", json!([tool.call("stop some.json --only web").code, online(tool)]));
    notes
        .put("restart_only", json!([tool.call("restart some.json --only web").code, online(tool)]));
    notes.put("delete", json!([tool.call("delete some.json").code, online(tool)]));
    let text = r#"{ apps: [{ name: "other", script: "two.sh" }] }"#;
    for verb in ["stop", "restart", "delete", "start"] {
        let code = tool.words(&[verb, "-"]).input(text).run().code;
        notes.put(&format!("stdin_{verb}"), json!([code, online(tool)]));
    }
}

#[test]
fn selectors_side_by_side() {
    let all = scenarios![stop_by, expressions, the_others_take_them_too, start_by, files_select];
    compare("selectors", &all);
}
