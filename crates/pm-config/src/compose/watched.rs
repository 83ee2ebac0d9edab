//! `develop.watch`: what `pm watch` and `pm up --watch` make of it. Files of a process of this machine are where it runs, so that there is
//! nothing to be copied: it is restarted. A container is restarted, after its image was built anew if that is said.

use super::container::Container;
use super::engine::quote;
use super::hosts::Hosting;
use super::said::said;
use super::short_forms::table;
use crate::diagnose::{Finding, quoted};
use crate::tree::{ConfigNode, TableEntry, Value};

/// So long nothing more must change (Compose).
const QUIET: i128 = 500;

/// A build may be long.
const LONGEST_BUILD: i128 = 3_600_000;

impl Hosting<'_> {
    /// The keys that follow from it; `container`: it runs in one.
    pub(crate) fn watched(&mut self, container: Option<&Container<'_>>) -> Vec<TableEntry> {
        if !self.project.develops {
            return Vec::new();
        }
        let develop = self.get("develop").and_then(|node| node.value.get("watch"));
        let Some(develop) = develop.cloned() else { return Vec::new() };
        let (mut paths, mut ignored, mut builds) = (Vec::new(), Vec::new(), false);
        for one in develop.each() {
            let text = |key: &str| one.value.get(key).map(|node| said(&node.value));
            let (path, action) =
                (text("path").unwrap_or_default(), text("action").unwrap_or_default());
            let acts = match (action.as_str(), container) {
                ("restart" | "rebuild", _) | ("sync+restart", None) => Ok(()),
                ("sync", None) => Err(
                    "its files are where it runs; `action: restart` restarts it when they change",
                ),
                (_, None) => Err("`action: restart` restarts it when files change"),
                (_, Some(_)) => Err(
                    "files are not copied into a container: mount them (`volumes`), and `action: restart`",
                ),
            };
            if let Err(hint) = acts {
                let message = format!("`action: {action}` has no effect");
                self.findings.add(Finding::warning(one.at, message).hint(hint));
                continue;
            }
            if let Some(include) = one.value.get("include") {
                let message =
                    format!("`include` has no effect: all files below {} count", quoted(&path));
                self.findings.add(Finding::warning(include.at, message));
            }
            builds |= action == "rebuild";
            for pattern in one.value.get("ignore").map(ConfigNode::each).unwrap_or_default() {
                let pattern = said(&pattern.value);
                let pattern = format!("{path}/{}", pattern.trim_matches('/'));
                ignored.extend([format!("{pattern}/**"), pattern]);
            }
            paths.push(path);
        }
        if paths.is_empty() {
            return Vec::new();
        }
        let at = develop.at;
        let words = |words: Vec<String>| {
            let node = |word: String| ConfigNode { at, value: Value::text(word) };
            Value::List(words.into_iter().map(node).collect())
        };
        let mut entries = vec![
            TableEntry::new("watch", at, words(paths)),
            TableEntry::new("ignore_watch", at, words(ignored)),
            TableEntry::new("watch_delay", at, Value::Integer(QUIET)),
        ];
        if let Some(build) = container.filter(|_| builds).and_then(Container::build) {
            let line: Vec<_> = build.iter().map(|word| quote(word)).collect();
            let said = vec![
                ("command", Value::text(line.join(" "))),
                ("timeout", Value::Integer(LONGEST_BUILD)),
            ];
            entries.push(TableEntry::new("pre_start", at, table(at, said)));
        }
        entries
    }
}
