//! A process of process-compose as an app in our keys.

use super::probes;
use super::reading::{ProcessReading, replicas};
use crate::compose::units;
use crate::diagnose::Finding;
use crate::paths;
use crate::tree::{ConfigNode, TableEntry, Value};

impl ProcessReading<'_> {
    /// All its keys. `None`: it can't be run, and why is told.
    pub(super) fn read(&mut self) -> Option<()> {
        let at = self.process.at;
        let name = self.name;
        self.put("name", at, Value::text(name));
        if let Some(project) = self.ground.root.get("name").filter(|node| !node.value.is_falsy()) {
            self.put("project", project.at, project.value.clone());
        }
        if let Some(first) = self.get(&["namespace"]).and_then(|node| node.each().first()) {
            self.put("namespace", first.at, first.value.clone());
        }
        self.folder();
        self.program()?;
        self.environment();
        self.restarts();
        self.stop();
        self.dependencies();
        probes::put(self);
        self.logs();
        self.watch();
        Some(())
    }

    /// What comes before it; a process with replicas means all of them.
    fn dependencies(&mut self) {
        let Some(node) = self.get(&["depends_on"]) else { return };
        let Some(named) = node.value.as_table() else {
            let message = "`depends_on` must be an object: { NAME: { condition: ... } }";
            self.findings.add(Finding::error(node.at, message));
            return;
        };
        let mut needs = Vec::new();
        for entry in named {
            let process = self.ground.process(&entry.key);
            let word = entry.node.value.get("condition").filter(|it| !it.value.is_falsy());
            let at = word.map_or(entry.at, |node| node.at);
            let word = word.map_or_else(|| "process_started".into(), |it| it.value.to_bytes());
            let is_twice = process.is_some_and(|it| probes::asks_twice(&it.node.value));
            let (condition, required) = match &*word.display() {
                "process_started" => ("started", true),
                "process_completed_successfully" => ("completed_successfully", true),
                "process_completed" => ("completed_successfully", false),
                "process_log_ready" => ("ready", true),
                "process_healthy" => (if is_twice { "ready" } else { "healthy" }, true),
                word => {
                    let known = [
                        "process_started",
                        "process_healthy",
                        "process_completed",
                        "process_completed_successfully",
                        "process_log_ready",
                    ];
                    self.refuse(("condition", at), word, &known);
                    continue;
                }
            };
            let told = vec![
                TableEntry::new("condition", at, Value::text(condition)),
                TableEntry::new("required", at, Value::Bool(required)),
            ];
            let told = ConfigNode { at, value: Value::Table(told) };
            let copies = process.map(|it| replicas(it, &mut self.findings.apart()));
            let copies = copies.unwrap_or_else(|| vec![entry.key.clone()]);
            let is_group = copies.len() > 1;
            // What is said of one of them counts more than what is said of all.
            let is_told = |name: &String| !is_group || named.iter().all(|it| it.key != *name);
            let copies = copies.into_iter().filter(is_told);
            let at = entry.at;
            needs.extend(copies.map(|key| TableEntry { key, at, node: told.clone() }));
        }
        self.put("depends_on", node.at, Value::Table(needs));
    }

    /// Where its output goes.
    fn logs(&mut self) {
        if let Some((text, at)) = self.rendered(&["log_location"]) {
            let name = text.replace("{PC_REPLICA_NUM}", &self.number.to_string());
            let is_one = self.name == self.process.key || name != text;
            let name = if is_one { name } else { format!("{name}.{}", self.number) };
            let file = self.ground.file;
            let path = paths::written(&name.into(), file.source.folder, &file.caller.env);
            let path = Value::text(paths::to_bytes(&path));
            self.put("out_file", at, path.clone());
            self.put("error_file", at, path);
        }
        let rotation = ["log_configuration", "rotation"];
        let of = |key| [rotation[0], rotation[1], key];
        if let Some((size, at)) = self.number(&of("max_size_mb")).filter(|(size, _)| *size > 0) {
            self.put("log_max_size", at, Value::Integer(size << 20));
        }
        if let Some((keep, at)) = self.number(&of("max_backups")).filter(|(keep, _)| *keep > 0) {
            self.put("log_keep", at, Value::Integer(keep));
        }
        if self.get(&rotation).is_some() {
            let is_on = self.is_on(&of("compress"));
            self.put("log_compress", self.process.at, Value::Bool(is_on));
        }
        if self.is_on(&["log_configuration", "add_timestamp"]) {
            self.put("time", self.process.at, Value::Bool(true));
        }
    }

    /// Files whose change restarts it.
    fn watch(&mut self) {
        let Some(node) = self.get(&["watch", "paths"]) else { return };
        let cwd = self.cwd();
        let (mut watched, mut ignored) = (Vec::new(), Vec::new());
        for path in node.each() {
            let root = path.value.get("path").map(|it| it.value.to_bytes());
            let Some(root) = root.filter(|root| !root.is_empty()) else {
                self.findings.add(Finding::error(path.at, "`watch.paths` needs a `path` each"));
                continue;
            };
            let env = &self.ground.file.caller.env;
            let root = paths::written(&root, paths::from_bytes(&cwd), env);
            // A pattern without a slash means files of that name anywhere.
            let below = |node: &ConfigNode| {
                let text = node.value.to_bytes().display().into_owned();
                let pattern = if text.contains('/') { text } else { format!("**/{text}") };
                let value = Value::text(paths::to_bytes(&root.join(pattern)));
                ConfigNode { at: node.at, value }
            };
            let of = |key| path.value.get(key).into_iter().flat_map(ConfigNode::each);
            let globs: Vec<_> = of("include").map(below).collect();
            if globs.is_empty() {
                watched
                    .push(ConfigNode { at: path.at, value: Value::text(paths::to_bytes(&root)) });
            }
            watched.extend(globs);
            ignored.extend(of("exclude").map(below));
        }
        self.put("watch", node.at, Value::List(watched));
        if !ignored.is_empty() {
            self.put("ignore_watch", node.at, Value::List(ignored));
        }
        let (quiet, at) =
            self.text(&["watch", "debounce"]).unwrap_or_else(|| ("300ms".into(), node.at));
        if let Some(nanos) = units::span(&quiet) {
            self.put("watch_delay", at, Value::Integer((nanos / 1_000_000).into()));
        } else {
            let message = "`watch.debounce` must be a time such as 300ms";
            self.findings.add(Finding::error(at, message));
        }
    }
}
