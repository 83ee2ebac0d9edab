//! A proposal becomes the keys of an app.

use std::path::Path;

use pm_scout::{Proposal, ScoutedProject, Stack};
use serde_json::{Map, Value, json};

use crate::commands::support::ecosystem_text::EntryKeys;

/// Where an entry will stand, and what only this machine knows.
pub(super) struct EntryGround<'a> {
    /// The folder that was looked at.
    pub(super) folder: &'a Path,
    /// The folder of the file.
    pub(super) home: &'a Path,
    pub(super) workers: usize,
}

/// The keys of an app, in the order people read them.
pub(super) fn keys(
    name: &str,
    (project, one): (&ScoutedProject, &Proposal),
    port: Option<u16>,
    ground: &EntryGround<'_>,
) -> EntryKeys {
    let line = one.start.filled(port, ground.workers);
    let mut env: Map<String, Value> =
        line.env.into_iter().map(|(name, value)| (name, Value::String(value))).collect();
    let mut keys: EntryKeys = vec![("name", json!(name))];
    if one.stack == Stack::Static {
        keys.push(("script", json!("serve")));
        env.insert("PM2_SERVE_PATH".into(), json!(line.program));
        env.insert("PM2_SERVE_HOST".into(), json!("127.0.0.1"));
        env.extend(port.map(|port| ("PM2_SERVE_PORT".to_owned(), json!(port.to_string()))));
    } else {
        keys.push(("script", json!(line.program)));
    }
    let is_plain = |arg: &String| !arg.is_empty() && !arg.contains([' ', '"', '\'', '\\', '$']);
    if line.args.iter().all(is_plain) {
        keys.extend((!line.args.is_empty()).then(|| ("args", json!(line.args.join(" ")))));
    } else {
        keys.push(("args", json!(line.args)));
    }
    let path = |path: &str| shown(&ground.folder.join(path), ground.home);
    let cwd = path(&one.cwd);
    keys.extend((cwd != "./").then(|| ("cwd", json!(cwd))));
    if let Some(file) = &project.env_file {
        keys.push(("env_file", json!(path(file).trim_end_matches('/'))));
    }
    keys.extend((!env.is_empty()).then_some(("env", Value::Object(env))));
    if let Some(port) = port.filter(|_| one.start.port_by_variable) {
        keys.push(("port", json!(port)));
    }
    keys.extend(line.kill_timeout.map(|time| ("kill_timeout", json!(time))));
    if let Some(port) = port {
        keys.push(("ready", json!(format!("tcp://127.0.0.1:{port}"))));
    }
    keys
}

/// A path as seen from a folder, if it lies below that: `./shop/`.
pub(super) fn shown(path: &Path, from: &Path) -> String {
    match path.strip_prefix(from) {
        Ok(inner) => format!("./{}", inner.display()),
        Err(_) => path.display().to_string(),
    }
}
