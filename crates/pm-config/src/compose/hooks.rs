//! `post_start` and `pre_stop` of a Compose service: its commands, one after the other, as one line for the shell.

use super::container::Container;
use super::engine::quote;
use super::hosts::Hosting;
use super::said::said;
use crate::diagnose::Finding;
use crate::tree::{ConfigNode, TableEntry, Value};

/// Compose has no limit for `post_start`; in milliseconds.
const A_DAY: i128 = 86_400_000;

/// The commands of a service, each made a line by `line`, in our own words.
fn entries<'a>(
    service: &'a Value,
    line: impl Fn(&'a ConfigNode) -> String,
) -> impl Iterator<Item = TableEntry> {
    let entry = move |key: &str| {
        let node = service.get(key)?;
        let lines: Vec<_> = node.each().iter().map(&line).collect();
        let command = TableEntry::new("command", node.at, Value::text(lines.join(" && ")));
        let mut timed = vec![command];
        if key == "post_start" {
            timed.push(TableEntry::new("timeout", node.at, Value::Integer(A_DAY)));
        }
        let is_any = !lines.is_empty();
        is_any.then(|| TableEntry::new(key, node.at, Value::Table(timed)))
    };
    ["post_start", "pre_stop"].into_iter().filter_map(entry)
}

impl Hosting<'_> {
    /// Those of a service that runs on this machine itself: as the app, where it runs.
    pub(crate) fn hooks(&mut self) -> Vec<TableEntry> {
        for hook in ["post_start", "pre_stop"] {
            let all = self.service.node.value.get(hook).map(ConfigNode::each).unwrap_or_default();
            for node in all {
                let asked = ["user", "privileged"].into_iter().filter_map(|key| {
                    node.value.get(key).filter(|it| !it.value.is_falsy()).map(|it| (key, it.at))
                });
                for (key, at) in asked {
                    let message = format!(
                        "`{key}` of a command of `{hook}` has no effect: it is run as the service is"
                    );
                    self.findings.add(Finding::warning(at, message));
                }
            }
        }
        entries(&self.service.node.value, hosted).collect()
    }
}

fn hosted(hook: &ConfigNode) -> String {
    let variables: Vec<_> = pairs(hook).iter().map(|it| variable(it) + " ").collect();
    let env = if variables.is_empty() { "" } else { "env " };
    let line = format!("{env}{}{}", variables.concat(), words(hook));
    match hook.value.get("working_dir") {
        Some(folder) => format!("(cd {} && {line})", quote(&said(&folder.value))),
        None => line,
    }
}

impl Container<'_> {
    /// The same, in the container.
    pub(crate) fn hooks(&self) -> impl Iterator<Item = TableEntry> {
        entries(&self.service.node.value, |hook| {
            let mut line = format!("{} exec", quote(&self.engine.program));
            let of = |key: &str| {
                hook.value.get(key).map(|node| said(&node.value)).filter(|it| !it.is_empty())
            };
            for (key, flag) in [("user", "--user"), ("working_dir", "--workdir")] {
                line += &of(key).map(|it| format!(" {flag} {}", quote(&it))).unwrap_or_default();
            }
            if of("privileged").as_deref() == Some("true") {
                line += " --privileged";
            }
            for it in pairs(hook) {
                line += " --env ";
                line += &variable(it);
            }
            format!("{line} {} {}", self.called(), words(hook))
        })
    }
}

fn words(hook: &ConfigNode) -> String {
    let words = hook.value.get("command").map(ConfigNode::each).unwrap_or_default();
    let words: Vec<_> = words.iter().map(|word| quote(&said(&word.value))).collect();
    words.join(" ")
}

fn variable(entry: &TableEntry) -> String {
    quote(&format!("{}={}", entry.key, said(&entry.node.value)))
}

/// Its variables; one that nobody sets is not there.
fn pairs(hook: &ConfigNode) -> Vec<&TableEntry> {
    let all = hook.value.get("environment").and_then(|node| node.value.as_table());
    let is_set = |it: &&TableEntry| !matches!(it.node.value, Value::Null);
    all.unwrap_or_default().iter().filter(is_set).collect()
}
