//! PM2's saved list, `dump.pm2`: each record is a process, and records that say the same are instances of one app.

use pm_spec::options::{Jlist, Support, keys as all_keys};
use serde_json::{Map, Value as Json, json};

use super::foreign_file::ForeignFile;
use super::found::ForeignApps;
use crate::diagnose::{ConfigPlace, Finding, Findings};
use crate::import_note::Fate::{self, Changed, Idle, Same};
use crate::tree::{ConfigNode, TableEntry, Value};
use crate::{json, keys};

/// The key of a record that no ecosystem file has.
const OWN: &str = "pm_exec_path";

const COPY: &str = "a copy of what stands in `env`, or PM2's own, made anew for each run";
const WHOLE: &str =
    "it is the whole environment; those of the shell are not added, but to an imported file";
const STATUS: &str = "what was not online is only made known: `pm start NAME`";
const NUMBERED: &str = "without the number of the instance, which is put there anew";

/// Whether a text is one: a list of records with PM2's path of a program.
pub(crate) fn is_one(text: &str) -> bool {
    let begins = text.trim_start().strip_prefix('[').map(str::trim_start);
    begins.is_some_and(|rest| rest.starts_with('{')) && text.contains(&format!("\"{OWN}\""))
}

pub(super) fn read(file: &ForeignFile<'_>, findings: &mut Findings) -> ForeignApps {
    let mut found = ForeignApps::default();
    // No line of it is shown: half of what stands there are variables.
    let number = findings.other(file.source.origin, None);
    let parsed = json::parse(file.text).map_err(|finding| finding.of(number));
    let Some(mut root) = findings.take(parsed) else { return found };
    root.move_to(number);
    let mut apps: Vec<(ConfigPlace, Map<String, Json>, u16)> = Vec::new();
    for node in root.each() {
        let Some(entries) = node.value.as_table().filter(|_| node.value.get(OWN).is_some()) else {
            let message = format!("a record of PM2 is an object with `{OWN}`");
            findings.add(Finding::error(node.at, message));
            continue;
        };
        let app = record_app(&json!(node.value));
        // The same again is one more instance.
        if let Some((_, _, count)) = apps.iter_mut().find(|(_, known, _)| *known == app) {
            *count = count.saturating_add(1);
            continue;
        }
        let name = app.get("name").and_then(Json::as_str).unwrap_or_default().to_owned();
        apps.push((node.at, app, 1));
        for entry in entries {
            let key = format!("{name} {}", entry.key);
            found.note((file.source.origin, findings), (key, entry.at), fate(&entry.key));
        }
    }
    for (at, mut app, count) in apps {
        app.insert("instances".into(), count.into());
        if let Value::Table(entries) = placed(&Json::Object(app), at).value {
            found.app(at, entries);
        }
    }
    found
}

/// What becomes of a key of a record.
fn fate(key: &str) -> Fate {
    match key {
        "env" => Changed(WHOLE),
        "status" => Changed(STATUS),
        "pm_out_log_path" | "pm_err_log_path" | "pm_log_path" | "pm_pid_path" => Changed(NUMBERED),
        "pm_cwd" | "exec_interpreter" | OWN => Same,
        _ => match keys::support_of(key) {
            Some(Support::Full) => Same,
            Some(Support::NoEffect(why)) => Idle(why),
            None => Idle(COPY),
        },
    }
}

/// A value of JSON, all of it at one place.
fn placed(value: &Json, at: ConfigPlace) -> ConfigNode {
    let value = match value {
        Json::Null => Value::Null,
        Json::Bool(on) => Value::Bool(*on),
        Json::Number(number) => number.as_i64().map_or_else(
            || Value::Float(number.as_f64().unwrap_or_default()),
            |it| Value::Integer(it.into()),
        ),
        Json::String(text) => Value::text(text.as_str()),
        Json::Array(items) => Value::List(items.iter().map(|item| placed(item, at)).collect()),
        Json::Object(entries) => {
            let entry = |(key, value): (&String, &Json)| TableEntry {
                key: key.clone(),
                at,
                node: placed(value, at),
            };
            Value::Table(entries.iter().map(entry).collect())
        }
    };
    ConfigNode { at, value }
}

/// One record of PM2 as an app of a config.
pub fn record_app(record: &Json) -> Map<String, Json> {
    let mut app = Map::new();
    let mut set = |key: &str, value: Json| {
        if !value.is_null() {
            app.insert(key.into(), value);
        }
    };
    for key in all_keys().filter(|key| key.jlist != Jlist::Never) {
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
        set(key, record[theirs].as_str().map_or(Json::Null, |path| plain(path, ending).into()));
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
