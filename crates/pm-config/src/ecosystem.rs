//! The shapes a config may have: `{apps: [...]}`, `{pm2: [...]}`, a bare list, one bare app.
//!
//! It finds the app tables; what is in them is `understand.rs`'s.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use pm_spec::{AppName, AppSpec};

use crate::alerts::EcosystemAlerts;
use crate::diagnose::{ConfigPlace, Diagnostic, Finding, Findings, quoted};
use crate::keys;
use crate::program;
use crate::tree::{ConfigNode, TableEntry, Value};

/// What a config asks for.
#[derive(Clone, Debug)]
pub struct Ecosystem {
    /// The apps, in the order of the file; names are unique.
    pub apps: Vec<AppSpec>,
    /// What works but perhaps not as meant. As PM2 reads a file ([`Beside::Pm2s`](crate::Beside)), also the errors of
    /// apps that are left out because of them.
    pub warnings: Vec<Diagnostic>,
    /// What apps depend on and is not among them, each with what to say if nobody knows it.
    pub outside: Vec<(AppName, Diagnostic)>,
    /// The file, absolute; `None` for a script or standard input. Of several it is the first.
    pub source: Option<PathBuf>,
    /// The keys that were written for each app, by their canonical names.
    pub written: BTreeMap<AppName, BTreeSet<&'static str>>,
    /// Apps that are left out because none of their profiles is on.
    pub off: Vec<AppName>,
    /// What the file wants to be told of its apps.
    pub alerts: Option<EcosystemAlerts>,
}

/// One app as written.
#[derive(Debug)]
pub(crate) struct AppTable {
    pub(crate) at: ConfigPlace,
    pub(crate) entries: Vec<TableEntry>,
}

/// Finds the app tables of a document.
pub(crate) fn tables(root: ConfigNode, strict: bool, findings: &mut Findings) -> Vec<AppTable> {
    let at = root.at;
    let kind = root.value.kind();
    if let Value::List(nodes) = root.value {
        return each(nodes, at, findings);
    }
    let Value::Table(entries) = root.value else {
        let message = format!("a config is a list of apps or `{{ apps: [...] }}`, not {kind}");
        findings.add(Finding::error(at, message));
        return Vec::new();
    };
    let served = entries.iter().find(|entry| entry.key == "static").cloned();
    match section(entries, strict, findings) {
        Ok(node) => {
            let served = served.map(|entry| statics(entry, findings)).unwrap_or_default();
            let mut tables = if served.is_empty() || holds_something(&node.value) {
                tables_of(node, findings)
            } else {
                Vec::new()
            };
            tables.extend(served);
            tables
        }
        Err(entries) => vec![AppTable { at, entries }],
    }
}

fn holds_something(apps: &Value) -> bool {
    !matches!(apps, Value::Null) && !matches!(apps, Value::List(nodes) if nodes.is_empty())
}

/// Each folder of `static` is an app that serves it, as in PM2.
fn statics(entry: TableEntry, findings: &mut Findings) -> Vec<AppTable> {
    let Value::List(nodes) = entry.node.value else {
        let message =
            format!("`static` must be a list of folders, not {}", entry.node.value.kind());
        findings.add(Finding::error(entry.node.at, message));
        return Vec::new();
    };
    nodes.into_iter().filter_map(|node| served(node, findings)).collect()
}

/// PM2's keys of a folder, and the variables its server reads.
const SERVED: [(&str, &str); 7] = [
    ("port", "PM2_SERVE_PORT"),
    ("host", "PM2_SERVE_HOST"),
    ("path", "PM2_SERVE_PATH"),
    ("spa", "PM2_SERVE_SPA"),
    ("ftp", "PM2_SERVE_FTP"),
    ("directory", "PM2_SERVE_DIRECTORY"),
    ("monitor", "PM2_SERVE_MONITOR"),
];

fn served(node: ConfigNode, findings: &mut Findings) -> Option<AppTable> {
    let at = node.at;
    let Value::Table(keys) = node.value else {
        let finding = Finding::error(at, "a folder of `static` is an object of keys and values");
        findings.add(finding.hint("write { path: \"...\", port: 8080 }"));
        return None;
    };
    let text = |key: &str, value: Value| TableEntry::new(key, at, value);
    let (mut name, mut port, mut env) = (None, "8080".to_owned(), Vec::new());
    for entry in keys {
        let value = entry.node.value.to_bytes();
        match entry.key.as_str() {
            "name" => name = Some(entry),
            "basic_auth" => env.extend(login(&entry)),
            key => {
                if key == "port" {
                    port = value.display().into_owned();
                }
                let variable = SERVED.iter().find(|(known, _)| *known == key);
                if let Some((_, variable)) = variable {
                    env.push(TableEntry { key: (*variable).into(), ..entry });
                } else {
                    let message = format!("unknown key {} of a folder", quoted(key));
                    findings.add(Finding::warning(entry.at, message + "; it is ignored"));
                }
            }
        }
    }
    let default = || text("name", Value::text(format!("static-page-server-{port}").as_str()));
    let name = name.filter(|entry| !entry.node.value.is_falsy()).unwrap_or_else(default);
    let env = text("env", Value::Table(env));
    Some(AppTable { at, entries: vec![name, text("script", Value::text(program::SERVE)), env] })
}

fn login(entry: &TableEntry) -> Vec<TableEntry> {
    let variable = |name: &str, value: Value| TableEntry::new(name, entry.at, value);
    let mut env = vec![variable("PM2_SERVE_BASIC_AUTH", Value::Bool(true))];
    for (key, name) in [
        ("username", "PM2_SERVE_BASIC_AUTH_USERNAME"),
        ("password", "PM2_SERVE_BASIC_AUTH_PASSWORD"),
    ] {
        env.extend(entry.node.value.get(key).map(|node| variable(name, node.value.clone())));
    }
    env
}

/// The variables of `deploy.NAME.env`, which count least (PM2).
pub(crate) fn deployed<'t>(root: &'t ConfigNode, name: &str) -> Option<&'t [TableEntry]> {
    root.value.get("deploy")?.value.get(name)?.value.get("env")?.value.as_table()
}

/// The node below `apps` or `pm2`, or the whole table back if it is one bare app.
fn section(
    entries: Vec<TableEntry>,
    strict: bool,
    findings: &mut Findings,
) -> Result<ConfigNode, Vec<TableEntry>> {
    let holds = |key: &str| entries.iter().any(|entry| entry.key == key);
    let is_app = entries.iter().any(|entry| keys::canonical(&entry.key) == Some("script"));
    let only_served = holds("static") && !is_app;
    let wanted = match (holds("apps") || only_served, holds("pm2")) {
        (_, true) if !holds("apps") => "pm2",
        (true, _) => "apps",
        (false, _) => return Err(entries),
    };
    let at = entries.first().map_or(ConfigPlace::Whole, |entry| entry.at);
    let mut found = only_served.then_some(ConfigNode { at, value: Value::Null });
    for entry in entries {
        if entry.key == wanted {
            if found.as_ref().is_some_and(|node| !matches!(node.value, Value::Null)) {
                let message = format!("`{wanted}` is set twice; the last one counts");
                findings.add(Finding::warning(entry.at, message));
            }
            found = Some(entry.node);
        } else if wanted == "apps" && !["deploy", "hosts", "static"].contains(&entry.key.as_str()) {
            // Beside `pm2` stands the rest of a package.json.
            findings.add(neighbour(&entry, strict));
        }
    }
    found.ok_or_else(Vec::new)
}

fn neighbour(entry: &TableEntry, strict: bool) -> Finding {
    let key = quoted(&entry.key);
    if entry.key == "module_conf" {
        let message = format!("{key} is known from PM2 but not supported yet");
        return Finding::warning(entry.at, message);
    }
    let finding = Finding::ignored(entry.at, &format!("unknown key {key} beside `apps`"), strict);
    let is_apps = keys::canonical(&entry.key).is_some();
    finding.maybe(is_apps.then_some("it belongs into an app, inside the brackets of `apps`"))
}

/// What stands in a file that has no apps of its own.
pub(crate) fn neighbours(entries: &[TableEntry], strict: bool, findings: &mut Findings) {
    for entry in entries.iter().filter(|entry| !["deploy", "hosts"].contains(&entry.key.as_str())) {
        findings.add(neighbour(entry, strict));
    }
}

/// PM2 takes one app without a list too, and `pm2: { apps: [...] }`.
fn tables_of(node: ConfigNode, findings: &mut Findings) -> Vec<AppTable> {
    let at = node.at;
    let kind = node.value.kind();
    if let Value::List(nodes) = node.value {
        return each(nodes, at, findings);
    }
    let Value::Table(mut entries) = node.value else {
        let message = format!("`apps` must be a list of apps, not {kind}");
        findings.add(Finding::error(at, message));
        return Vec::new();
    };
    match entries.iter().position(|entry| entry.key == "apps") {
        Some(index) => tables_of(entries.swap_remove(index).node, findings),
        None => vec![AppTable { at, entries }],
    }
}

fn each(nodes: Vec<ConfigNode>, at: ConfigPlace, findings: &mut Findings) -> Vec<AppTable> {
    if nodes.is_empty() {
        findings.add(Finding::warning(at, "there are no apps in this file"));
    }
    let mut tables = Vec::new();
    for node in nodes {
        let kind = node.value.kind();
        let is_text = node.value.as_text().is_some();
        if let Value::Table(entries) = node.value {
            tables.push(AppTable { at: node.at, entries });
            continue;
        }
        let message = format!("an app is an object of keys and values, not {kind}");
        let hint = is_text.then_some("write { script: \"...\" }");
        findings.add(Finding::error(node.at, message).maybe(hint));
    }
    tables
}
