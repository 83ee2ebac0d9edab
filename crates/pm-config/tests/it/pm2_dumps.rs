//! PM2's saved list as it stands.

use std::path::Path;

use pm_config::{Diagnosis, import};
use serde_json::{Value, json};

use crate::desk::{Desk, text};

fn record(desk: &Desk, name: &str) -> Value {
    let path = |name: &str| desk.path(name).to_str().unwrap().to_owned();
    json!({
        "name": name, "pm_exec_path": path("app"), "pm_cwd": path(""), "exec_interpreter": "none",
        "args": ["a b"], "exec_mode": "fork_mode", "autorestart": true, "max_restarts": 7, "kill_timeout": 4000,
        "pm_out_log_path": path(&format!("{name}-out-3.log")), "pm_err_log_path": path(&format!("{name}-error-3.log")),
        "pm_pid_path": path(&format!("{name}-3.pid")), "status": "online", "instances": 1,
        "env": { "TOKEN": "s3cret", "COUNT": 3, "unique_id": "1", "name": name, "shapp": {} },
        "vizion": true, "created_at": 1, "TOKEN": "s3cret",
    })
}

#[test]
fn a_saved_list_of_pm2_is_read_as_it_stands() {
    let desk = Desk::new();
    let web = record(&desk, "web");
    let mut job = record(&desk, "job");
    job["status"] = "stopped".into();
    desk.write("dump.pm2", json!([web, job, web]).to_string());
    let read = desk.load("dump.pm2").unwrap_or_else(|diagnosis| panic!("{diagnosis}"));
    let [web, job] = read.apps.as_slice() else { panic!("{:?}", read.apps) };
    assert_eq!((web.name.as_str(), web.instances, web.autostart), ("web", 2, true));
    assert_eq!((job.name.as_str(), job.instances, job.autostart), ("job", 1, false));
    assert_eq!(
        (text(&web.script), text(&web.args[0])),
        (desk.path("app").to_str().unwrap().into(), "a b".into())
    );
    assert_eq!((web.restart.max_restarts, web.stop.timeout.as_millis()), (7, 4000));
    let env = |name: &str| web.env.get(name).map(text);
    assert_eq!((env("TOKEN").as_deref(), env("COUNT").as_deref()), (Some("s3cret"), Some("3")));
    assert_eq!((env("SHELL_ONLY"), env("shapp"), env("unique_id")), (None, None, None));
    let notes = import(Path::new("dump.pm2"), &desk.caller).unwrap().notes;
    let fate = |key: &str| notes.iter().find(|note| note.key == key).unwrap().fate.word();
    for (key, word) in [
        ("web pm_exec_path", "same"),
        ("web kill_timeout", "same"),
        ("web env", "changed"),
        ("job status", "changed"),
        ("web vizion", "no effect"),
        ("web created_at", "no effect"),
    ] {
        assert_eq!(fate(key), word, "{key}");
    }
    // The same list, called as something else.
    desk.write("saved.json", json!([record(&desk, "web")]).to_string());
    assert_eq!(desk.load("saved.json").unwrap().apps.len(), 1);
    let mut other = record(&desk, "web");
    other["args"] = json!(["c"]);
    let told = |list: Value| {
        desk.write("dump.pm2", serde_json::to_string_pretty(&list).unwrap());
        let Err(Diagnosis { diagnostics, .. }) = desk.load("dump.pm2") else {
            panic!("no problem")
        };
        diagnostics.iter().map(ToString::to_string).collect::<String>()
    };
    let twice = told(json!([record(&desk, "web"), other]));
    assert!(twice.contains("the name `web` is taken"), "{twice}");
    assert!(!twice.contains("s3cret"), "{twice}");
    let odd = told(json!([record(&desk, "web"), { "name": "x" }]));
    assert!(odd.contains("error: a record of PM2 is an object with `pm_exec_path`"), "{odd}");
    desk.write("dump.pm2", "[{\"pm_exec_path\": \"/x\",");
    let Err(Diagnosis { diagnostics, .. }) = desk.load("dump.pm2") else { panic!("no problem") };
    assert!(diagnostics[0].to_string().starts_with("dump.pm2:1:"), "{}", diagnostics[0]);
}
