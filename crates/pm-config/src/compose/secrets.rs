//! Secrets of services that run on this machine itself: an app has them as files too, but in a folder of its own.

use super::consistency::deep;
use super::hosts::Hosting;
use crate::tree::{ConfigNode, TableEntry, Value};

impl Hosting<'_> {
    /// Those that are files, by the names they have in a container.
    pub(crate) fn secrets(&self) -> Option<TableEntry> {
        let node = self.get("secrets")?;
        let of = |node: &ConfigNode| {
            let source = deep(&node.value, &["source"])?;
            let file = deep(&self.project.root.value, &["secrets", &source, "file"])?;
            let target = deep(&node.value, &["target"]).unwrap_or(source);
            let name = target.rsplit('/').next().unwrap_or_default();
            let file = TableEntry::new("file", node.at, Value::text(file));
            Some(TableEntry::new(name, node.at, Value::Table(vec![file])))
        };
        let files: Vec<_> = node.each().iter().filter_map(of).collect();
        (!files.is_empty()).then(|| TableEntry::new("secrets", node.at, Value::Table(files)))
    }
}
