//! What runs of a process of process-compose, where, and with which variables.

use pm_spec::ByteString;

use super::reading::{ProcessReading, texts};
use crate::diagnose::ConfigPlace;
use crate::diagnose::{Finding, quoted};
use crate::dotenv::{self, Dialect};
use crate::paths;
use crate::tree::{ConfigNode, TableEntry, Value};

/// A larger file holds no variables.
const LARGEST_ENV: usize = 1 << 20;

impl ProcessReading<'_> {
    pub(super) fn folder(&mut self) {
        let given = self.rendered(&["working_dir"]);
        let (text, at) = given.unwrap_or_else(|| (String::new(), self.process.at));
        let file = self.ground.file;
        let path = paths::written(&text.into(), file.source.folder, &file.caller.env);
        self.put("cwd", at, Value::text(paths::to_bytes(&path)));
    }

    /// What runs: a line for the shell, or a program and its arguments.
    pub(super) fn program(&mut self) -> Option<()> {
        let is_plain = self.is_on(&["is_template_disabled"]);
        let is_given = self.get(&["command"]).is_some_and(|node| !node.value.is_falsy());
        let command = if is_plain { self.text(&["command"]) } else { self.rendered(&["command"]) };
        let (mut words, at) = if let Some((command, at)) = command {
            (self.line(&command), at)
        } else {
            let entry = self.get(&["entrypoint"]).filter(|_| !is_given);
            let words = entry.map(|node| node.each().iter().map(|it| it.value.to_bytes()));
            let mut words: Vec<_> = words.into_iter().flatten().collect();
            let Some(program) = words.first_mut() else {
                if !is_given {
                    let message =
                        format!("the process {} has no `command`", quoted(&self.process.key));
                    self.findings.add(Finding::error(self.process.at, message));
                }
                return None;
            };
            *program = self.found(program);
            (words, entry.map_or(self.process.at, |node| node.at))
        };
        if self.is_on(&["is_daemon"]) {
            // What it leaves behind counts as running until it is stopped; something has to stand for it.
            let mut front: Vec<ByteString> =
                ["/bin/sh", "-c", "\"$@\" || exit; exec sleep infinity", "sh"]
                    .map(Into::into)
                    .into();
            front.append(&mut words);
            words = front;
        }
        let program = words.remove(0);
        self.put("script", at, Value::text(program));
        self.put("args", at, texts(words, at));
        self.put("interpreter", at, Value::text("none"));
        Some(())
    }

    /// The variables besides those of the caller: of `.env`, then those that all have, then those of its own.
    pub(super) fn environment(&mut self) {
        let at = self.process.at;
        let folder = self.ground.file.source.folder;
        let mut files = Vec::new();
        let mut put = |path: ByteString, at: ConfigPlace, required: bool| {
            let entries = vec![
                TableEntry::new("path", at, Value::text(path)),
                TableEntry::new("required", at, Value::Bool(required)),
            ];
            files.push(ConfigNode { at, value: Value::Table(entries) });
        };
        if !self.is_on(&["is_dotenv_disabled"]) && paths::is_file(&folder.join(".env")) {
            put(paths::to_bytes(&folder.join(".env")), at, false);
        }
        let mut named = Vec::new();
        if let Some((text, at)) = self.text(&["env_file"]) {
            let cwd = self.cwd();
            let env = &self.ground.file.caller.env;
            let path = paths::written(&text.into(), paths::from_bytes(&cwd), env);
            let bytes = paths::head(&path, LARGEST_ENV).unwrap_or_default();
            // What is wrong with it is told by who reads it for the app.
            let read = dotenv::parse(&String::from_utf8_lossy(&bytes), Dialect::Compose, env).0;
            named.extend(read.into_iter().map(|variable| variable.name));
            put(paths::to_bytes(&path), at, true);
        }
        let own = |name: &str, value: &str| TableEntry::new(name, at, Value::text(value));
        let number = self.number.to_string();
        let mut env = vec![own("PC_PROC_NAME", &self.process.key), own("PC_REPLICA_NUM", &number)];
        let common = self.ground.root.get("env_cmds").and_then(|node| node.value.as_table());
        let printed = common.into_iter().flatten().map(|entry| {
            let line = self.line(&entry.node.value.to_bytes().display());
            let command = TableEntry::new("command", entry.at, texts(line, entry.at));
            TableEntry::new(&entry.key, entry.at, Value::Table(vec![command]))
        });
        let printed: Vec<_> = printed.collect();
        lay(&mut env, printed);
        let common = self.variables(self.ground.root.get("environment"), false);
        lay(&mut env, common);
        env.retain(|entry| !named.contains(&entry.key));
        let mine = self.variables(self.get(&["environment"]), true);
        lay(&mut env, mine);
        if !files.is_empty() {
            self.put("env_file", at, Value::List(files));
        }
        self.put("env", at, Value::Table(env));
    }

    fn variables(&mut self, node: Option<&ConfigNode>, is_filled: bool) -> Vec<TableEntry> {
        let mut variables = Vec::new();
        for node in node.into_iter().flat_map(ConfigNode::each) {
            let text = node.value.as_word().map(|text| text.display().into_owned());
            let text = if is_filled { text.and_then(|it| self.fill(&it, node.at)) } else { text };
            match text.as_deref().and_then(|text| text.split_once('=')) {
                Some((name, value)) if !name.is_empty() => {
                    variables.push(TableEntry::new(name, node.at, Value::text(value)));
                }
                // What it is may be half of a secret.
                _ if text.is_some() || !is_filled || node.value.as_word().is_none() => {
                    let message = "`environment` is a list of NAME=value";
                    self.findings.add(Finding::error(node.at, message));
                }
                _ => {}
            }
        }
        variables
    }
}

/// Lays variables over those that are there.
fn lay(env: &mut Vec<TableEntry>, over: Vec<TableEntry>) {
    for entry in over {
        env.retain(|known| known.key != entry.key);
        env.push(entry);
    }
}
