//! The shapes a config may have: `{apps: [...]}`, `{pm2: [...]}`, a bare list, one bare app.
//!
//! It finds the app tables; what is in them is `understand.rs`'s.

use std::path::PathBuf;

use pm_spec::AppSpec;

use crate::diagnose::{Diagnostic, Finding, Findings, Place, quoted};
use crate::keys;
use crate::tree::{Entry, Node, Value};

/// What a config asks for.
#[derive(Clone, Debug)]
pub struct Ecosystem {
    /// The apps, in the order of the file; names are unique.
    pub apps: Vec<AppSpec>,
    /// What works but perhaps not as meant.
    pub warnings: Vec<Diagnostic>,
    /// The file, absolute; `None` for a script or standard input.
    pub source: Option<PathBuf>,
}

/// One app as written.
#[derive(Debug)]
pub(crate) struct AppTable {
    pub(crate) at: Place,
    pub(crate) entries: Vec<Entry>,
}

/// Finds the app tables of a document.
pub(crate) fn tables(root: Node, strict: bool, findings: &mut Findings) -> Vec<AppTable> {
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
    match section(entries, strict, findings) {
        Ok(node) => tables_of(node, findings),
        Err(entries) => vec![AppTable { at, entries }],
    }
}

/// The node below `apps` or `pm2`, or the whole table back if it is one bare app.
fn section(entries: Vec<Entry>, strict: bool, findings: &mut Findings) -> Result<Node, Vec<Entry>> {
    let holds = |key: &str| entries.iter().any(|entry| entry.key == key);
    let wanted = if holds("apps") {
        "apps"
    } else if holds("pm2") {
        "pm2"
    } else {
        return Err(entries);
    };
    let mut found = None;
    for entry in entries {
        if entry.key == wanted {
            if found.is_some() {
                let message = format!("`{wanted}` is set twice; the last one counts");
                findings.add(Finding::warning(entry.at, message));
            }
            found = Some(entry.node);
        } else if wanted == "apps" && entry.key != "deploy" {
            // Beside `pm2` stands the rest of a package.json.
            findings.add(neighbour(&entry, strict));
        }
    }
    found.ok_or_else(Vec::new)
}

fn neighbour(entry: &Entry, strict: bool) -> Finding {
    let key = quoted(&entry.key);
    match entry.key.as_str() {
        "static" | "module_conf" => {
            Finding::warning(entry.at, format!("{key} is known from PM2 but not supported yet"))
        }
        name => {
            let message = format!("unknown key {key} beside `apps`");
            let finding = if strict {
                Finding::error(entry.at, message)
            } else {
                Finding::warning(entry.at, message + "; it is ignored")
            };
            match keys::canonical(name) {
                Some(_) => finding.hint("it belongs into an app, inside the brackets of `apps`"),
                None => finding,
            }
        }
    }
}

/// PM2 takes one app without a list too, and `pm2: { apps: [...] }`.
fn tables_of(node: Node, findings: &mut Findings) -> Vec<AppTable> {
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

fn each(nodes: Vec<Node>, at: Place, findings: &mut Findings) -> Vec<AppTable> {
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
        let finding = Finding::error(node.at, message);
        let hint = "write { script: \"...\" }";
        findings.add(if is_text { finding.hint(hint) } else { finding });
    }
    tables
}
