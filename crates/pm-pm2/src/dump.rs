//! PM2's saved list, `dump.pm2`, read: its records become apps of ours.

use std::collections::BTreeSet;

use pm_config::{Caller, ConfigFormat, Diagnosis, Overrides, pm2_record, read};
use pm_protocol::Existing;
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
        let app = pm2_record(record);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_of_pm2_is_an_app() {
        let text = include_str!("../../../fixtures/pm2/dump.pm2");
        let records: Vec<Value> = serde_json::from_str(text).unwrap();
        let apps: Vec<_> = records.iter().map(pm2_record).collect();
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
}
