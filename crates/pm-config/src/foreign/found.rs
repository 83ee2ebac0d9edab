//! What was found in a file of another manager: apps in our keys, and what became of each of its own.

use std::collections::BTreeSet;

use crate::diagnose::{ConfigPlace, Finding, Findings};
use crate::import_note::{Fate, ImportNote};
use crate::tree::{ConfigNode, TableEntry, Value};

/// The apps of a file so far.
#[derive(Debug, Default)]
pub(crate) struct ForeignApps {
    /// Tables in our keys.
    apps: Vec<ConfigNode>,
    /// What became of each of its keys, in the order of the file.
    pub(crate) notes: Vec<ImportNote>,
    /// Values that nobody is shown.
    pub(crate) secrets: BTreeSet<ConfigPlace>,
}

impl ForeignApps {
    pub(crate) fn app(&mut self, at: ConfigPlace, entries: Vec<TableEntry>) {
        self.apps.push(ConfigNode { at, value: Value::Table(entries) });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.apps.is_empty()
    }

    /// Notes what becomes of a key; what is not done is told at once.
    pub(crate) fn note(
        &mut self,
        (origin, findings): (&str, &mut Findings),
        (key, at): (String, ConfigPlace),
        fate: Fate,
    ) {
        let line = findings.whereabouts(at).unwrap_or_default();
        let place =
            line.strip_prefix("line ").map_or(line.clone(), |line| format!("{origin}:{line}"));
        if let Fate::Unsupported(why) = &fate {
            findings.add(Finding::warning(at, format!("`{key}` has no effect: {why}")));
        }
        self.notes.push(ImportNote { place, key, fate });
    }

    /// As a config of ours.
    pub(crate) fn root(&mut self) -> ConfigNode {
        let at = ConfigPlace::Line { line: 1, column: 1 };
        let apps = Value::List(std::mem::take(&mut self.apps));
        let apps = TableEntry::new("apps", at, apps);
        ConfigNode { at, value: Value::Table(vec![apps]) }
    }
}
