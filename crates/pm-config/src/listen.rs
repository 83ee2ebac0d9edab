//! Sockets that an app finds open (`listen`), as written in a config.

use std::collections::BTreeSet;

use pm_spec::{AppSpec, ByteString, Environment, ListenAddress, ListenError, ListenSocket};

use crate::diagnose::{Finding, quoted};
use crate::fields::{AppFields, Field};
use crate::paths;
use crate::tree::{ConfigNode, TableEntry, Value};

/// What the kernel takes as the path of a socket (unix(7)), without the zero at its end.
const LONGEST_PATH: usize = 107;

/// Those of an app; a path is seen from the folder it runs in.
pub(crate) fn sockets(
    app: &mut AppFields<'_>,
    cwd: &ByteString,
    env: &Environment,
) -> Vec<ListenSocket> {
    let Some(field) = app.get("listen") else { return Vec::new() };
    let mut sockets: Vec<ListenSocket> = Vec::new();
    let mut seen = BTreeSet::new();
    for node in field.node.each() {
        let one = Field { key: field.key, node };
        let Some(mut socket) = socket(app, one) else { continue };
        if let ListenAddress::Unix(path) = &mut socket.at {
            *path = paths::to_bytes(&paths::written(path, paths::from_bytes(cwd), env));
            if path.as_bytes().len() > LONGEST_PATH {
                let message = format!(
                    "`{}`: the kernel takes {LONGEST_PATH} bytes as the path of a socket, and {} has {}",
                    field.key,
                    path.display(),
                    path.as_bytes().len()
                );
                app.error(node.at, message);
            }
        }
        if !seen.insert(socket.at.clone()) {
            app.error(node.at, format!("`{}` has {} twice", field.key, socket.at));
        }
        sockets.push(socket);
    }
    if sockets.len() > ListenSocket::MOST {
        app.error(field.node.at, format!("`{}` takes {} at most", field.key, ListenSocket::MOST));
    }
    sockets
}

/// Where nobody wrote any, those that the arguments of a known server name. A server that is not recognised, as where
/// we are called `pm2`, opens its own.
pub(crate) fn follow(spec: &mut AppSpec) {
    spec.derived.retain(|key| key.as_bytes() != b"listen");
    spec.listen = spec.activation().map(|server| server.sockets).unwrap_or_default();
    let base = spec.cwd.clone();
    for socket in &mut spec.listen {
        if let ListenAddress::Unix(path) = &mut socket.at {
            *path = paths::to_bytes(&paths::absolute(
                paths::from_bytes(path),
                paths::from_bytes(&base),
            ));
        }
    }
    if !spec.listen.is_empty() {
        spec.derived.push("listen".into());
    }
}

/// The same for a known app of which some keys have been changed.
pub(crate) fn follow_again(spec: &mut AppSpec) {
    let is_derived = spec.derived.iter().any(|key| key.as_bytes() == b"listen");
    if is_derived || spec.listen.is_empty() {
        follow(spec);
    }
}

fn socket(app: &mut AppFields<'_>, field: Field<'_>) -> Option<ListenSocket> {
    let read = match &field.node.value {
        Value::Text(text) => ListenSocket::parse(text.as_bytes()),
        Value::Table(entries) => return table(app, field, entries),
        Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::List(_) => {
            return app.refuse(field, "a URL such as \"tcp://127.0.0.1:8000\", or a list of them");
        }
    };
    read.map_err(|error| wrong(app, field, field.node, &error)).ok()
}

/// `{ url: "tcp://...", name: "web" }`.
fn table(
    app: &mut AppFields<'_>,
    field: Field<'_>,
    entries: &[TableEntry],
) -> Option<ListenSocket> {
    let url = entries.iter().find(|entry| entry.key == "url").map(|entry| &entry.node);
    let Some(node) = url.filter(|node| matches!(node.value, Value::Text(_))) else {
        return app.refuse(field, "an object with a `url` such as \"tcp://127.0.0.1:8000\"");
    };
    let mut socket = socket(app, Field { key: field.key, node })?;
    for entry in entries.iter().filter(|entry| entry.key != "url") {
        if matches!(entry.node.value, Value::Null) {
            continue;
        }
        let Some(value) = entry.node.value.as_name() else {
            return app.refuse(Field::of(entry), "text or a number");
        };
        if let Err(error) = socket.set(&entry.key, &value.display()) {
            wrong(app, field, &entry.node, &error);
            return None;
        }
    }
    Some(socket)
}

fn wrong(app: &mut AppFields<'_>, field: Field<'_>, node: &ConfigNode, error: &ListenError) {
    let written = node.value.as_text().map(|text| format!(" (here {})", quoted(text.as_bytes())));
    let written = written.unwrap_or_default();
    app.findings.add(Finding::error(node.at, format!("`{}` {error}{written}", field.key)));
}
