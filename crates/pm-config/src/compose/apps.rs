//! The services of a Compose project as apps of both kinds, and what became of their keys.

use std::collections::BTreeSet;

use super::hosts::{Hosting, is_contained};
use super::project::ComposeProject;
use super::said::said;
use super::{contained, fate};
use crate::caller::Caller;
use crate::diagnose::{ConfigPlace, Finding, Findings, quoted};
use crate::import_note::{Fate, ImportNote};
use crate::supervisor::FirstFile;
use crate::tree::{ConfigNode, TableEntry, Value};

/// A project as a config of ours.
pub(crate) struct ComposeApps {
    /// None: it has no apps, and why is told.
    pub(crate) root: Option<ConfigNode>,
    /// What became of each key of its services, in the order of the file.
    pub(crate) notes: Vec<ImportNote>,
    pub(crate) secrets: BTreeSet<ConfigPlace>,
    /// The profiles that are on.
    pub(crate) on: Vec<String>,
}

/// The apps of a project.
pub(crate) fn apps(
    project: ComposeProject,
    source: &FirstFile<'_>,
    caller: &Caller,
    findings: &mut Findings,
) -> ComposeApps {
    let services = project.root.value.get("services").and_then(|node| node.value.as_table());
    let (mut apps, mut notes) = (Vec::new(), Vec::new());
    let mut secrets = project.secrets.clone();
    for service in services.unwrap_or_default() {
        let is_contained = is_contained(&service.node.value);
        let made = if is_contained {
            secrets.extend(service.node.value.get("env_file").map(|node| node.at));
            let service = project.with_variables(service, findings);
            contained::apps(Hosting { project: &project, caller, service: &service, findings })
        } else {
            let mut hosting = Hosting { project: &project, caller, service, findings };
            hosting.app().into_iter().collect()
        };
        let node = |app| ConfigNode { at: service.at, value: Value::Table(app) };
        let is_known = !made.is_empty();
        apps.extend(made.into_iter().map(node));
        if is_known {
            let sections = if is_contained { &["secrets", "configs"][..] } else { &["secrets"] };
            unmounted(service, sections, &project.root, findings);
            judge((service, is_contained), source, (findings, &mut notes));
        }
    }
    let at = ConfigPlace::Line { line: 1, column: 1 };
    let name = TableEntry::new("name", at, Value::text(project.name.as_str()));
    let apps = TableEntry::new("apps", at, Value::List(apps));
    let is_told =
        findings.has_errors() && matches!(&apps.node.value, Value::List(all) if all.is_empty());
    let root = ConfigNode { at, value: Value::Table(vec![name, apps]) };
    let root = (!is_told).then_some(root);
    ComposeApps { root, notes, secrets, on: project.on }
}

/// Secrets and configs that are no file can't be mounted, and the service misses them.
fn unmounted(service: &TableEntry, sections: &[&str], root: &ConfigNode, findings: &mut Findings) {
    for section in sections {
        let used = service.node.value.get(section).into_iter().flat_map(ConfigNode::each);
        for node in used {
            let name = node.value.get("source").map(|source| said(&source.value));
            let name = name.unwrap_or_default();
            let made = root.value.get(section).and_then(|all| all.value.get(&name));
            if made.is_some_and(|made| made.value.get("file").is_none()) {
                let message = format!("{} is not mounted: it is no file", quoted(&name));
                let hint = format!("{section}: {{ {name}: {{ file: ... }} }}");
                findings.add(Finding::warning(node.at, message).hint(hint));
            }
        }
    }
}

/// Tells of all that nothing follows from.
fn judge(
    (service, is_contained): (&TableEntry, bool),
    source: &FirstFile<'_>,
    (findings, notes): (&mut Findings, &mut Vec<ImportNote>),
) {
    for entry in service.node.value.as_table().unwrap_or_default() {
        let own = std::iter::once((entry.key.clone(), entry));
        let is_told_apart = entry.key == "deploy" || is_contained && entry.key == "build";
        let below = entry.node.value.as_table().filter(|_| is_told_apart).unwrap_or_default();
        let below = below.iter().map(|inner| (format!("{}.{}", entry.key, inner.key), inner));
        for (key, entry) in own.chain(below) {
            // What is only implied stands nowhere.
            let is_implied = entry.at == ConfigPlace::Whole;
            if is_implied || key == "deploy" || key.starts_with("x-") {
                continue;
            }
            let value = &entry.node.value;
            let fate =
                if is_contained { fate::contained(&key, value) } else { fate::of(&key, value) };
            let place = findings.whereabouts(entry.at).unwrap_or_default();
            let place = place
                .strip_prefix("line ")
                .map_or(place.clone(), |line| format!("{}:{line}", source.origin));
            if let Fate::Unsupported(why) = &fate {
                let message = format!("`{key}` has no effect: {why}");
                findings.add(Finding::warning(entry.at, message));
            }
            notes.push(ImportNote { place, key: format!("{} {key}", service.key), fate });
        }
    }
}
