//! PM2's saved list, `dump.pm2`, read: its records become apps of ours.

use std::collections::BTreeSet;

use pm_config::{Caller, ConfigFormat, Diagnosis, Overrides, read};
use pm_protocol::Existing;
use pm_spec::options::{Jlist, keys};
use pm_spec::{AppSpec, Environment};
use serde_json::{Map, Value};

/// The records of a file: JSON as PM2 writes it, or as people edit it.
pub fn records(text: &str) -> Result<Vec<Value>, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    match value {
        Value::Array(records) => Ok(records),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            Err("it is no list".into())
        }
    }
}

/// First each name once, then what has the same name and differs.
pub fn rounds(
    records: &[Value],
    caller: &Caller,
) -> Result<Vec<(Vec<AppSpec>, Existing)>, Diagnosis> {
    let mut groups: Vec<(Map<String, Value>, u16)> = Vec::new();
    for record in records {
        let app = app(record);
        match groups.iter_mut().find(|(known, _)| *known == app) {
            Some((_, instances)) => *instances = instances.saturating_add(1),
            None => groups.push((app, 1)),
        }
    }
    let (mut first, mut more, mut names) = (Vec::new(), Vec::new(), BTreeSet::new());
    for (mut app, instances) in groups {
        app.insert("instances".into(), instances.into());
        let is_first = names.insert(app.get("name").map(Value::to_string));
        let round = if is_first { &mut first } else { &mut more };
        round.push(Value::Object(app));
    }
    let mut rounds = Vec::new();
    for (apps, existing) in [(first, Existing::Keep), (more, Existing::Duplicate)] {
        if !apps.is_empty() {
            rounds.push((understand(apps, caller)?, existing));
        }
    }
    Ok(rounds)
}

/// What PM2's records say, read as a config of ours: the same checks, the same choice of interpreters.
fn understand(apps: Vec<Value>, caller: &Caller) -> Result<Vec<AppSpec>, Diagnosis> {
    // A record holds the whole environment; this shell's has no part in it.
    let caller = Caller { env: Environment::new(), ..caller.clone() };
    let text = Value::Array(apps).to_string();
    let overrides = Overrides::default();
    let read = read::parse(text.as_bytes(), ConfigFormat::Json, "dump.pm2", &caller, &overrides)?;
    let mut apps = read.apps;
    for app in &mut apps {
        app.declared_env.clear();
    }
    Ok(apps)
}

/// One record as an app of a config.
fn app(record: &Value) -> Map<String, Value> {
    let mut app = Map::new();
    let mut set = |key: &str, value: Value| {
        if !value.is_null() {
            app.insert(key.into(), value);
        }
    };
    for key in keys().filter(|key| key.jlist != Jlist::Never) {
        set(key.pm2_name(), record[key.pm2_name()].clone());
    }
    set("script", record["pm_exec_path"].clone());
    set("cwd", record["pm_cwd"].clone());
    set("interpreter", record["exec_interpreter"].clone());
    for (key, theirs, ending) in [
        ("out_file", "pm_out_log_path", ".log"),
        ("error_file", "pm_err_log_path", ".log"),
        ("log_file", "pm_log_path", ".log"),
        ("pid_file", "pm_pid_path", ".pid"),
    ] {
        set(key, record[theirs].as_str().map_or(Value::Null, |path| plain(path, ending).into()));
    }
    // What is left out is separate files, and an app that was down stays so until somebody starts it.
    let merge = record["merge_logs"].as_bool().unwrap_or(false);
    set("merge_logs", merge.into());
    set("autostart", (record["status"] == "online").into());
    let scalars = record["env"].as_object().into_iter().flatten();
    let scalars = scalars.filter(|(name, value)| {
        // PM2's own, made anew for each life.
        !value.is_object() && !["unique_id", "PM2_USAGE", "PM2_HOME"].contains(&name.as_str())
    });
    set("env", scalars.map(|(name, value)| (name.clone(), value.clone())).collect());
    app
}

/// A path without the number PM2 put before its ending.
fn plain(path: &str, ending: &str) -> String {
    let Some(stem) = path.strip_suffix(ending) else { return path.into() };
    let name = match stem.rsplit_once('-') {
        Some((name, number)) if number.parse::<u32>().is_ok() => name,
        Some(_) | None => stem,
    };
    format!("{name}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_of_pm2_is_an_app() {
        let text = include_str!("../../../fixtures/pm2/dump.pm2");
        let records: Vec<Value> = serde_json::from_str(text).unwrap();
        let apps: Vec<_> = records.iter().map(app).collect();
        assert_eq!(apps[0]["script"], "/srv/app/s.sh");
        assert_eq!(apps[0]["interpreter"], "bash");
        assert_eq!(apps[0]["merge_logs"], true);
        assert_eq!(apps[0]["env"]["MYVAR"], "abc");
        assert!(apps[0]["env"].get("shapp").is_none(), "no object is a variable");
        assert_eq!(apps[1]["out_file"], "/home/u/.pm2/logs/nodeapp-out.log");
        assert_eq!(apps[1]["pid_file"], "/home/u/.pm2/pids/nodeapp.pid");
        assert_eq!(apps[1]["args"], serde_json::json!(["--x", "1"]));
        assert_eq!(apps[1]["max_memory_restart"], 314_572_800);
        assert_eq!(apps[1], apps[2], "two instances of one app");
        assert_eq!(apps[1]["autostart"], true);
        assert!(super::records("{}").is_err() && super::records("[").is_err());
    }

    #[test]
    fn numbers_before_endings_are_pm2s() {
        for (path, meant) in [
            ("/l/web-out-3.log", "/l/web-out.log"),
            ("/l/web-out.log", "/l/web-out.log"),
            ("/l/web-2-out.log", "/l/web-2-out.log"),
            ("/dev/null", "/dev/null"),
        ] {
            assert_eq!(plain(path, ".log"), meant);
        }
    }
}
