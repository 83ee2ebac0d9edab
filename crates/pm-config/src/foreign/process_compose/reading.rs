//! A process of process-compose, asked key by key, on its way to an app.

use pm_spec::ByteString;

use super::templates;
use crate::diagnose::{ConfigPlace, Finding, Findings, quoted};
use crate::fields::whole;
use crate::foreign::foreign_file::ForeignFile;
use crate::tree::{ConfigNode, TableEntry, Value};
use crate::{keys, paths};

/// More replicas of one process nobody has.
const MOST: i128 = 10_000;

/// What all processes of a project have in common.
pub(super) struct ProcessGround<'a> {
    pub(super) root: &'a Value,
    pub(super) processes: &'a [TableEntry],
    pub(super) file: &'a ForeignFile<'a>,
}

impl ProcessGround<'_> {
    pub(super) fn process(&self, name: &str) -> Option<&TableEntry> {
        self.processes.iter().find(|entry| entry.key == name)
    }

    /// What runs a line.
    fn shell(&self) -> (ByteString, ByteString) {
        let of = |key: &str| {
            let node = self.root.get("shell").and_then(|shell| shell.value.get(key));
            node.and_then(|node| node.value.as_word()).filter(|text| !text.is_empty())
        };
        let usual = self.file.caller.env.get("COMPOSE_SHELL").cloned();
        let program = of("shell_command").or(usual).unwrap_or_else(|| "bash".into());
        (program, of("shell_argument").unwrap_or_else(|| "-c".into()))
    }
}

/// The names of the copies of a process: its own if there is one, else `NAME-0`, `NAME-1` ...
pub(super) fn replicas(process: &TableEntry, findings: &mut Findings) -> Vec<String> {
    let node = process.node.value.get("replicas");
    let count = node.map_or(Some(1), |node| whole(&node.value));
    let Some(count) = count.filter(|count| (0..=MOST).contains(count)) else {
        let at = node.map_or(process.at, |node| node.at);
        let message = format!("`replicas` must be a number, at most {MOST}");
        findings.add(Finding::error(at, message));
        return Vec::new();
    };
    if count < 2 {
        return vec![process.key.clone()];
    }
    let width = count.to_string().len();
    (0..count).map(|number| format!("{}-{number:0width$}", process.key)).collect()
}

/// How far a process has become an app.
pub(super) struct ProcessReading<'a> {
    pub(super) ground: &'a ProcessGround<'a>,
    pub(super) process: &'a TableEntry,
    pub(super) number: usize,
    pub(super) name: &'a str,
    pub(super) findings: &'a mut Findings,
    pub(super) entries: Vec<TableEntry>,
}

impl<'a> ProcessReading<'a> {
    pub(super) fn new(
        ground: &'a ProcessGround<'a>,
        process: &'a TableEntry,
        (number, name): (usize, &'a str),
        findings: &'a mut Findings,
    ) -> Self {
        Self { ground, process, number, name, findings, entries: Vec::new() }
    }

    pub(super) fn put(&mut self, key: &str, at: ConfigPlace, value: Value) {
        self.entries.push(TableEntry::new(key, at, value));
    }

    pub(super) fn get(&self, way: &[&str]) -> Option<&'a ConfigNode> {
        let mut node = &self.process.node;
        for key in way {
            node = node.value.get(key)?;
        }
        (!matches!(node.value, Value::Null)).then_some(node)
    }

    /// A text as it stands.
    pub(super) fn text(&mut self, way: &[&str]) -> Option<(String, ConfigPlace)> {
        let node = self.get(way)?;
        // A switch is what is written there, as a command may be: `true`.
        let is_switch = matches!(node.value, Value::Bool(_));
        let text = node.value.as_word().or_else(|| is_switch.then(|| node.value.to_bytes()));
        let Some(text) = text else {
            let message = format!("`{}` must be text, not {}", way.join("."), node.value.kind());
            self.findings.add(Finding::error(node.at, message));
            return None;
        };
        Some((text.display().into_owned(), node.at)).filter(|(text, _)| !text.is_empty())
    }

    /// A text with its variables filled in.
    pub(super) fn rendered(&mut self, way: &[&str]) -> Option<(String, ConfigPlace)> {
        let (text, at) = self.text(way)?;
        self.fill(&text, at).map(|text| (text, at))
    }

    pub(super) fn fill(&mut self, text: &str, at: ConfigPlace) -> Option<String> {
        let number = self.number.to_string();
        let own = self.get(&["vars"]).map(|node| &node.value);
        let common = self.ground.root.get("vars").map(|node| &node.value);
        let look = |name: &str| {
            if name == "PC_REPLICA_NUM" {
                return Some(number.clone());
            }
            let node = own.and_then(|it| it.get(name)).or_else(|| common?.get(name))?;
            Some(node.value.to_bytes().display().into_owned())
        };
        let filled = templates::filled(text, &look);
        self.findings.take(filled.map_err(|why| Finding::error(at, why)))
    }

    pub(super) fn number(&mut self, way: &[&str]) -> Option<(i128, ConfigPlace)> {
        let node = self.get(way)?;
        let number =
            whole(&node.value).filter(|number| (0..=i128::from(u32::MAX)).contains(number));
        if number.is_none() {
            let message = format!("`{}` must be a number, 0 or more", way.join("."));
            self.findings.add(Finding::error(node.at, message));
        }
        number.map(|number| (number, node.at))
    }

    pub(super) fn is_on(&mut self, way: &[&str]) -> bool {
        let Some(node) = self.get(way) else { return false };
        match (&node.value, node.value.as_text().map(ByteString::as_bytes)) {
            (Value::Bool(on), _) => *on,
            (_, Some(b"true" | b"yes" | b"on")) => true,
            (_, Some(b"false" | b"no" | b"off" | b"")) => false,
            _ => {
                let message = format!("`{}` must be true or false", way.join("."));
                self.findings.add(Finding::error(node.at, message));
                false
            }
        }
    }

    /// The folder it runs in.
    pub(super) fn cwd(&self) -> ByteString {
        let own = self.entries.iter().find(|entry| entry.key == "cwd");
        own.map(|entry| entry.node.value.to_bytes()).unwrap_or_default()
    }

    /// A line as the project's shell runs it.
    pub(super) fn line(&self, line: &str) -> Vec<ByteString> {
        let (shell, argument) = self.ground.shell();
        vec![self.found(&shell), argument, line.into()]
    }

    /// A bare name in the PATH of the caller; what is not there is told by who reads the app.
    pub(super) fn found(&self, program: &ByteString) -> ByteString {
        let name = program.display();
        if name.contains('/') {
            return program.clone();
        }
        let caller = self.ground.file.caller;
        let found = paths::search(name.as_ref().as_ref(), &caller.env, &caller.cwd);
        found.map_or_else(|| program.clone(), |path| paths::to_bytes(&path))
    }

    pub(super) fn refuse(&mut self, (key, at): (&str, ConfigPlace), word: &str, known: &[&str]) {
        let message = format!("`{key}` can't be {}", quoted(word));
        let near = keys::nearest(word, known.iter().copied());
        let finding = Finding::error(at, message);
        self.findings.add(match near {
            Some(_) => finding.near(near),
            None => finding.hint(format!("it may be {}", known.join(", "))),
        });
    }
}

/// Words as a list.
pub(super) fn texts(words: Vec<ByteString>, at: ConfigPlace) -> Value {
    let node = |word| ConfigNode { at, value: Value::Text(word) };
    Value::List(words.into_iter().map(node).collect())
}
