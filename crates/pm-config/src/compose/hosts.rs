//! Services of Compose that run on this machine itself: each an app in our keys, and what became of its own.

use super::consistency::deep;
use super::project::ComposeProject;
use super::said::said;
use super::units;
use crate::caller::Caller;
use crate::diagnose::{ConfigPlace, Finding, Findings, quoted};
use crate::paths;
use crate::tree::{ConfigNode, TableEntry, Value};

/// Whether a service runs in a container: it has an image, and does not say that it runs here.
pub(crate) fn is_contained(service: &Value) -> bool {
    let is_host = service.get("x-pm").and_then(|own| own.value.get("host"));
    let is_host = is_host.is_some_and(|it| !it.value.is_falsy());
    !is_host && ["image", "build", "provider"].iter().any(|key| service.get(key).is_some())
}

/// One service on its way to an app.
pub(crate) struct Hosting<'a> {
    pub(crate) project: &'a ComposeProject,
    pub(crate) caller: &'a Caller,
    pub(crate) service: &'a TableEntry,
    pub(crate) findings: &'a mut Findings,
}

impl Hosting<'_> {
    pub(crate) fn get(&self, key: &str) -> Option<&ConfigNode> {
        self.service.node.value.get(key)
    }

    pub(crate) fn text(&self, way: &[&str]) -> Option<String> {
        deep(&self.service.node.value, way).filter(|text| !text.is_empty())
    }

    pub(crate) fn place(&self, key: &str) -> ConfigPlace {
        self.get(key).map_or(self.service.at, |node| node.at)
    }

    /// The keys of its app; none: there is none, which is told if it is wrong.
    pub(crate) fn app(&mut self) -> Option<Vec<TableEntry>> {
        let at = self.service.at;
        let name = TableEntry::new("name", at, Value::text(self.service.key.as_str()));
        let namespace = TableEntry::new("namespace", at, Value::text(self.project.name.as_str()));
        let mut app = vec![name, namespace];
        let folder = paths::to_bytes(&self.project.folder);
        let cwd = self.text(&["working_dir"]).map_or(folder, |dir| {
            paths::to_bytes(&paths::written(&dir.into(), &self.project.folder, &self.caller.env))
        });
        app.push(TableEntry::new("cwd", self.place("working_dir"), Value::text(cwd)));
        app.extend(self.command()?);
        app.extend(self.environment());
        app.extend(self.secrets());
        app.extend(self.identity());
        app.extend(self.dependencies());
        app.extend(self.stop());
        app.extend(self.hooks());
        app.extend(self.limits());
        app.extend(self.watched(None));
        self.same_for_all(&mut app);
        Some(app)
    }

    /// What holds for services of both kinds.
    pub(crate) fn same_for_all(&self, app: &mut Vec<TableEntry>) {
        app.extend(self.restart());
        app.extend(self.logs());
        app.extend(self.updates());
        app.extend(self.replicas());
        if let Some(node) = self.get("profiles") {
            app.push(TableEntry::new("profiles", node.at, node.value.clone()));
        }
        let own = self.get("x-pm").map(|node| node.value.clone());
        for entry in own.as_ref().and_then(Value::as_table).unwrap_or_default() {
            if entry.key != "host" {
                app.retain(|known| known.key != entry.key);
                app.push(entry.clone());
            }
        }
    }

    /// What runs: `entrypoint` and `command`, by no shell.
    fn command(&mut self) -> Option<Vec<TableEntry>> {
        let parts = ["entrypoint", "command"].into_iter().filter_map(|key| self.get(key));
        let words: Vec<ConfigNode> = parts.flat_map(ConfigNode::each).cloned().collect();
        let Some((program, args)) = words.split_first() else {
            let name = quoted(&self.service.key);
            let message = format!(
                "the service {name} has neither an `image` nor a `build`, and no `command` to run on this machine"
            );
            self.findings.add(Finding::error(self.service.at, message));
            return None;
        };
        Some(vec![
            TableEntry::new("script", program.at, self.found(&said(&program.value))),
            TableEntry::new("args", program.at, Value::List(args.to_vec())),
            TableEntry::new("interpreter", program.at, Value::text("none")),
        ])
    }

    /// A bare name in the PATH of the service, or else of the caller; what is not there is told by who reads the app.
    fn found(&self, program: &str) -> Value {
        if program.contains('/') {
            return Value::text(program);
        }
        let mut env = self.caller.env.clone();
        if let Some(path) = self.text(&["environment", "PATH"]) {
            env.set("PATH", path.as_str());
        }
        let found = paths::search(program.as_ref(), &env, &self.caller.cwd);
        found.map_or_else(|| Value::text(program), |path| Value::text(paths::to_bytes(&path)))
    }

    /// Variables that nobody sets are the shell's, which apps have anyway.
    fn environment(&self) -> Vec<TableEntry> {
        let mut entries = Vec::new();
        if let Some(node) = self.get("env_file") {
            entries.push(TableEntry::new("env_file", node.at, node.value.clone()));
        }
        if let Some(node) = self.get("environment") {
            let set = node.value.as_table().unwrap_or_default().iter();
            let set = set.filter(|entry| !matches!(entry.node.value, Value::Null)).cloned();
            entries.push(TableEntry::new("env", node.at, Value::Table(set.collect())));
        }
        entries
    }

    pub(crate) fn identity(&self) -> Vec<TableEntry> {
        let mut entries = Vec::new();
        if let Some(text) = self.text(&["user"]) {
            let (user, group) = text.split_once(':').unwrap_or((&text, ""));
            for (key, name) in [("uid", user), ("gid", group)] {
                if !name.is_empty() {
                    entries.push(TableEntry::new(key, self.place("user"), Value::text(name)));
                }
            }
        }
        if let Some(node) = self.get("group_add") {
            entries.push(TableEntry::new("groups", node.at, node.value.clone()));
        }
        entries
    }

    fn dependencies(&self) -> Vec<TableEntry> {
        let mut entries = Vec::new();
        if let Some(node) = self.get("depends_on") {
            entries.push(TableEntry::new("depends_on", node.at, node.value.clone()));
        }
        if let Some(node) = self.get("healthcheck") {
            entries.push(TableEntry::new("healthcheck", node.at, in_millis(&node.value)));
            // In Compose nothing follows from it.
            entries.push(TableEntry::new("unhealthy", node.at, Value::text("none")));
        }
        entries
    }

    pub(crate) fn stop(&self) -> Vec<TableEntry> {
        let signal = self.text(&["stop_signal"]).unwrap_or_else(|| "SIGTERM".into());
        let grace = self.text(&["stop_grace_period"]).and_then(|text| units::span(&text));
        let millis = grace.unwrap_or(10_000_000_000) / 1_000_000;
        vec![
            TableEntry::new("kill_signal", self.place("stop_signal"), Value::text(signal)),
            TableEntry::new(
                "kill_timeout",
                self.place("stop_grace_period"),
                Value::Integer(millis.into()),
            ),
            // As in a container, whose first process is told.
            TableEntry::new("treekill", self.service.at, Value::Bool(false)),
        ]
    }

    /// `deploy.restart_policy` counts more than `restart`.
    fn restart(&self) -> Vec<TableEntry> {
        let policy = ["deploy", "restart_policy"];
        let of = |key: &str| self.text(&[policy[0], policy[1], key]);
        let has_policy =
            self.get("deploy").is_some_and(|node| node.value.get("restart_policy").is_some());
        let (at, word) = if has_policy {
            let word = match (of("condition").as_deref(), of("max_attempts")) {
                (Some("none"), _) => "no".into(),
                (Some("on-failure"), Some(most)) if most != "0" => format!("on-failure:{most}"),
                (Some("on-failure"), _) => "on-failure".into(),
                _ => "unless-stopped".into(),
            };
            (self.place("deploy"), word)
        } else {
            (self.place("restart"), self.text(&["restart"]).unwrap_or_else(|| "no".into()))
        };
        let mut entries = vec![TableEntry::new("restart", at, Value::text(word))];
        let delay = of("delay").and_then(|text| units::span(&text)).filter(|delay| *delay > 0);
        entries.extend(delay.map(|nanos| {
            TableEntry::new("restart_delay", at, Value::Integer((nanos / 1_000_000).into()))
        }));
        entries
    }

    fn limits(&self) -> Vec<TableEntry> {
        let mut entries = Vec::new();
        let limit = self
            .text(&["mem_limit"])
            .or_else(|| self.text(&["deploy", "resources", "limits", "memory"]));
        if let Some(bytes) = limit.and_then(|text| text.parse().ok()) {
            let at = if self.get("mem_limit").is_some() {
                self.place("mem_limit")
            } else {
                self.place("deploy")
            };
            entries.push(TableEntry::new("max_memory_restart", at, Value::Integer(bytes)));
        }
        for key in ["oom_score_adj", "cpuset"] {
            if let Some(node) = self.get(key) {
                entries.push(TableEntry::new(key, node.at, node.value.clone()));
            }
        }
        if let Some(node) = self.get("ulimits") {
            let limit = |entry: &TableEntry| {
                let single = entry.node.value.get("single").map(|node| node.value.clone());
                let value = single.unwrap_or_else(|| entry.node.value.clone());
                TableEntry::new(&entry.key, entry.at, value)
            };
            let limits = node.value.as_table().unwrap_or_default().iter().map(limit).collect();
            entries.push(TableEntry::new("rlimits", node.at, Value::Table(limits)));
        }
        if self.text(&["network_mode"]).as_deref() == Some("none") {
            entries.push(TableEntry::new(
                "network",
                self.place("network_mode"),
                Value::Bool(false),
            ));
        }
        entries
    }

    fn logs(&self) -> Vec<TableEntry> {
        let Some(node) = self.get("logging") else { return Vec::new() };
        let at = node.at;
        let mut entries = Vec::new();
        if self.text(&["logging", "driver"]).as_deref() == Some("none") {
            entries.push(TableEntry::new("disable_logs", at, Value::Bool(true)));
        }
        let size = self.text(&["logging", "options", "max-size"]);
        let size = size.filter(|text| text != "-1").and_then(|text| units::size(&text));
        entries.extend(
            size.map(|bytes| TableEntry::new("log_max_size", at, Value::Integer(bytes.into()))),
        );
        let files: Option<i128> =
            self.text(&["logging", "options", "max-file"]).and_then(|it| it.parse().ok());
        // Compose counts the file that is written among them.
        entries.extend(
            files.map(|files| TableEntry::new("log_keep", at, Value::Integer((files - 1).max(0)))),
        );
        entries
    }

    fn updates(&self) -> Vec<TableEntry> {
        let at = self.place("deploy");
        let of = |key: &str| self.text(&["deploy", "update_config", key]);
        let mut entries = Vec::new();
        if let Some(order) = of("order") {
            entries.push(TableEntry::new("reload_order", at, Value::text(order)));
        }
        let number: Option<i128> = of("parallelism").and_then(|text| text.parse().ok());
        if let Some(number) = number.filter(|number| *number > 0) {
            entries.push(TableEntry::new("reload_parallelism", at, Value::Integer(number)));
        }
        let monitor = of("monitor").and_then(|text| units::span(&text)).filter(|nanos| *nanos > 0);
        entries.extend(monitor.map(|nanos| {
            TableEntry::new("reload_monitor", at, Value::Integer((nanos / 1_000_000).into()))
        }));
        entries
    }

    fn replicas(&self) -> Vec<TableEntry> {
        let count = self.text(&["scale"]).or_else(|| self.text(&["deploy", "replicas"]));
        let count: Option<i128> = count.and_then(|text| text.parse().ok());
        let at =
            if self.get("scale").is_some() { self.place("scale") } else { self.place("deploy") };
        match count {
            // None of it is started; `pm scale` makes more.
            Some(0) => vec![TableEntry::new("autostart", at, Value::Bool(false))],
            Some(1) | None => Vec::new(),
            Some(count) => vec![TableEntry::new("instances", at, Value::Integer(count))],
        }
    }
}

/// A health check in our words: times are milliseconds, and no retries are as many as if nothing was said.
pub(crate) fn in_millis(check: &Value) -> Value {
    let entry = |entry: &TableEntry| {
        let text = said(&entry.node.value);
        let is_time = ["interval", "timeout", "start_period", "start_interval"];
        match units::span(&text).filter(|_| is_time.contains(&entry.key.as_str())) {
            Some(nanos) => {
                let value = Value::Integer((nanos / 1_000_000).into());
                let node = ConfigNode { at: entry.node.at, value };
                TableEntry { node, ..entry.clone() }
            }
            None => entry.clone(),
        }
    };
    let is_said = |entry: &&TableEntry| {
        let is_zero = matches!(said(&entry.node.value).as_str(), "0" | "0s");
        !(entry.key.starts_with("x-") || is_zero && entry.key != "start_period")
    };
    Value::Table(check.as_table().unwrap_or_default().iter().filter(is_said).map(entry).collect())
}
