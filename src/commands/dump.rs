//! PM2's saved list beside ours: written with each save in a home with PM2's names, so that PM2 can go on from it, and
//! read where PM2 wrote it last. Ours stays the one that counts.

use std::collections::BTreeSet;
use std::fs::{self, File, FileTimes, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use pm_client::Client;
use pm_config::{Format, Overrides, read};
use pm_protocol::{Descriptions, Existing, Outcome, Start, Wait};
use pm_spec::options::{Jlist, keys};
use pm_spec::{AppSpec, Environment};
use serde_json::{Map, Value};

use crate::commands::described::described;
use crate::commands::{Session, recheck, targets, users};
use crate::failure::{Exit, Failure};
use crate::render;

/// Writes PM2's list as our daemon has just saved its own. In a home with our names there is none.
pub(super) fn write(session: &Session, client: &mut Client, empty: bool) -> Result<(), Failure> {
    let Some(path) = session.home.pm2_dump() else { return Ok(()) };
    let mut all = if empty {
        Descriptions { descriptions: Vec::new(), now: recheck::now() }
    } else {
        described(client, Vec::new())?
    };
    users::name(session, all.descriptions.iter_mut().map(|one| &mut one.row).collect());
    let saved = fs::metadata(session.home.saved()).and_then(|meta| meta.modified());
    let old = backup(session, &path);
    let written = replace(&path, &old, render::dump(&all).as_bytes()).and_then(|file| {
        // As old as our own list: a newer one was written by somebody else.
        file.set_times(FileTimes::new().set_modified(saved?))
    });
    written.map_err(|error| {
        Failure::new(Exit::Failed, format!("could not write {}: {error}", path.display()))
            .hint("our own saved list is in order; `pm resurrect` reads that")
    })
}

/// Where the list before `path` lies.
fn backup(session: &Session, path: &Path) -> PathBuf {
    session.home.pm2_dump_backup().unwrap_or_else(|| beside(path, ".bak"))
}

/// The new file in the place of the one before, which goes to `old`.
fn replace(path: &Path, old: &Path, text: &[u8]) -> io::Result<File> {
    let new = beside(path, ".new");
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(text)?;
    file.sync_all()?;
    if path.exists() {
        // It may lie on another disk.
        fs::rename(path, old).or_else(|_| fs::copy(path, old).map(drop))?;
    }
    fs::rename(&new, path)?;
    Ok(file)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(ending);
    name.into()
}

/// PM2's list, if PM2 wrote it after we saved ours.
pub(super) fn foreign(session: &Session) -> Option<PathBuf> {
    let path = session.home.pm2_dump()?;
    let time = |path: &Path| fs::metadata(path).and_then(|meta| meta.modified()).ok();
    let theirs = time(&path).or_else(|| time(&backup(session, &path)))?;
    let is_newer = time(&session.home.saved()).is_none_or(|ours| theirs > ours);
    is_newer.then_some(path)
}

/// Starts what PM2 saved and is not known by name, as PM2 does. A file that can't be read is left alone, and the one
/// before it is used.
pub(super) fn resurrect(
    session: &Session,
    client: &mut Client,
    path: &Path,
) -> Result<Vec<Outcome>, Failure> {
    let bad = |error: String| {
        Failure::new(Exit::Failed, format!("could not read {}: {error}", path.display()))
    };
    let records = match records(path) {
        Ok(records) => records,
        Err(error) => {
            let older = records(&backup(session, path)).map_err(|_| bad(error.clone()))?;
            session.stage.talk(&format!(
                "warning: could not read {}: {error}; used the one before",
                path.display()
            ));
            older
        }
    };
    let rows = targets::rows(client)?;
    let known: BTreeSet<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    let is_new = |record: &&Value| !record["name"].as_str().is_some_and(|it| known.contains(it));
    let new: Vec<Value> = records.iter().filter(is_new).cloned().collect();
    let mut outcomes = Vec::new();
    // Apps of the same name that differ are several apps, as they were.
    for (apps, existing) in rounds(session, &new)? {
        outcomes.extend(
            recheck::start(client, Start { apps, existing, wait: Wait::Spawned })?.outcomes,
        );
    }
    outcomes.sort_by_key(|outcome| outcome.id);
    Ok(outcomes)
}

/// The records of a file: JSON as PM2 writes it, or as people edit it.
fn records(path: &Path) -> Result<Vec<Value>, String> {
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    let value: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    match value {
        Value::Array(records) => Ok(records),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            Err("it is no list".into())
        }
    }
}

/// First each name once, then what has the same name and differs.
fn rounds(session: &Session, records: &[Value]) -> Result<Vec<(Vec<AppSpec>, Existing)>, Failure> {
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
            rounds.push((understand(session, apps)?, existing));
        }
    }
    Ok(rounds)
}

/// What PM2's records say, read as a config of ours: the same checks, the same choice of interpreters.
fn understand(session: &Session, apps: Vec<Value>) -> Result<Vec<AppSpec>, Failure> {
    let mut caller = session.caller()?;
    // A record holds the whole environment; this shell's has no part in it.
    caller.env = Environment::new();
    let text = Value::Array(apps).to_string();
    let overrides = Overrides::default();
    let read = read::parse(text.as_bytes(), Format::Json, "dump.pm2", &caller, &overrides);
    let mut apps = read.map_err(|diagnosis| targets::unusable(&diagnosis))?.apps;
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
        let text = include_str!("../../fixtures/pm2/dump.pm2");
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

    #[test]
    fn the_list_before_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("dump.pm2");
        let old = dir.path().join("old");
        replace(&path, &old, b"[1]").unwrap();
        replace(&path, &old, b"[2]").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"[2]");
        assert_eq!(fs::read(&old).unwrap(), b"[1]");
        assert_eq!(records(&path).unwrap(), [Value::from(2)]);
        assert!(records(&dir.path().join("none")).is_err());
    }
}
