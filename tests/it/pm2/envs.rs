//! Which environment an app has after a restart, by how it was restarted.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::side::{Notes, compare, scenarios};
use super::tool::Tool;

const NAMES: [&str; 4] = ["SHELL_VAR", "SHELL_NEW", "FILE_VAR", "ONLY_ONCE"];

/// A line called with variables of a shell.
fn shell(tool: &Tool, line: &str, variables: &[(&str, &str)]) -> i32 {
    let mut call = tool.words(&line.split(' ').collect::<Vec<_>>());
    for (name, value) in variables {
        call = call.env(name, value);
    }
    call.run().code
}

/// The newest life's environment, once there are so many lives.
fn newest(tool: &Tool, count: usize) -> Value {
    let lives = tool.wait_lives(count);
    let env = &lives[count - 1].env;
    let pairs = NAMES.iter().map(|name| ((*name).to_owned(), env.get(*name).cloned()));
    json!(pairs.collect::<BTreeMap<_, _>>())
}

fn config(tool: &Tool, env: &Value) {
    let app = json!({ "name": "web", "script": "probe.py", "env": env });
    tool.file("one.json", &json!({ "apps": [app] }).to_string());
}

fn restart_by_name(tool: &Tool, notes: &mut Notes) {
    tool.app("probe.py", "probe.py");
    shell(tool, "start probe.py --name web", &[("SHELL_VAR", "1")]);
    notes.put("1 first", newest(tool, 1));
    let other = [("SHELL_VAR", "2"), ("SHELL_NEW", "2")];
    shell(tool, "restart web", &other);
    notes.put("2 restart", newest(tool, 2));
    shell(tool, "reload web", &other);
    notes.put("3 reload", newest(tool, 3));
    shell(tool, "stop web", &other);
    shell(tool, "start web", &other);
    notes.put("4 start", newest(tool, 4));
    shell(tool, "restart web --update-env", &other);
    notes.put("5 restart --update-env", newest(tool, 5));
    shell(tool, "restart web --update-env", &[("SHELL_VAR", "3")]);
    notes.put("6 --update-env without SHELL_NEW", newest(tool, 6));
    let pid = tool.lives()[5].pid;
    pm_testkit::signal(pid, 9);
    notes.put("7 after a crash", newest(tool, 7));
}

fn restart_of_a_file(tool: &Tool, notes: &mut Notes) {
    tool.app("probe.py", "probe.py");
    config(tool, &json!({ "FILE_VAR": "1", "ONLY_ONCE": "1" }));
    shell(tool, "start one.json", &[("SHELL_VAR", "1")]);
    notes.put("1 first", newest(tool, 1));
    config(tool, &json!({ "FILE_VAR": "2" }));
    shell(tool, "restart web", &[]);
    notes.put("2 restart by name", newest(tool, 2));
    shell(tool, "restart one.json", &[("SHELL_VAR", "2"), ("SHELL_NEW", "2")]);
    notes.put("3 restart of the file", newest(tool, 3));
    config(tool, &json!({ "FILE_VAR": "3" }));
    shell(tool, "start one.json", &[("SHELL_VAR", "3")]);
    notes.put("4 start of the file", newest(tool, 4));
}

fn values_for_the_shell_win_over_nothing(tool: &Tool, notes: &mut Notes) {
    tool.app("probe.py", "probe.py");
    config(tool, &json!({ "FILE_VAR": "file", "SHELL_VAR": "file" }));
    shell(
        tool,
        "start one.json",
        &[("FILE_VAR", "shell"), ("SHELL_VAR", "shell"), ("SHELL_NEW", "shell")],
    );
    notes.put("the file wins", newest(tool, 1));
}

fn injected(tool: &Tool, notes: &mut Notes) {
    tool.app("probe.py", "probe.py");
    tool.ok("start probe.py --name web --namespace back -i 2");
    let lives = tool.wait_lives(2);
    let census = super::census::census();
    for name in census["environment"].as_array().unwrap() {
        let name = name.as_str().unwrap();
        let mut values: Vec<_> = lives.iter().map(|life| life.env.get(name).cloned()).collect();
        values.sort();
        let told = match name {
            "pm_uptime" | "created_at" | "unique_id" => json!(values[0].is_some()),
            _ => json!(
                values
                    .iter()
                    .map(|value| value.as_ref().map(|text| tool.neutral(text)))
                    .collect::<Vec<_>>()
            ),
        };
        notes.put(name, told);
    }
    let odd = lives[0].env.values().filter(|value| value.contains("[object Object]")).count();
    notes.put("object Object", odd);
}

#[test]
fn environments_side_by_side() {
    let all = scenarios![
        restart_by_name,
        restart_of_a_file,
        values_for_the_shell_win_over_nothing,
        injected,
    ];
    compare("environments", &all);
}
