//! A document of Compose in its long form: types are checked, short forms made long, paths absolute; everything wrong is told.

use std::path::Path;

use pm_spec::Environment;

use super::said::{said, word};
use super::schema::{self, Bare, KeyRow, Kind, ShortForm, Unique};
use super::{short_forms, units};
use crate::diagnose::{ConfigPlace, Finding, Findings, quoted};
use crate::tree::{ConfigNode, TableEntry, Value};
use crate::{keys, paths};

/// What reading a document stands on.
pub(crate) struct ComposeReading<'a> {
    /// What relative paths are seen from.
    pub(crate) folder: &'a Path,
    pub(crate) env: &'a Environment,
    pub(crate) findings: &'a mut Findings,
}

impl ComposeReading<'_> {
    /// A value in its long form; none: it says nothing, or is wrong, which is told.
    pub(crate) fn read(
        &mut self,
        node: ConfigNode,
        kind: &'static Kind,
        key: &str,
    ) -> Option<ConfigNode> {
        let at = node.at;
        if matches!(node.value, Value::Null) {
            return None;
        }
        let value = match kind {
            Kind::Any => node.value,
            Kind::Short(form, inner) => {
                let is_one =
                    *form == ShortForm::Key("single") && matches!(node.value, Value::Text(_));
                let node = self.findings.take(short_forms::long(*form, node))?;
                let mut read = self.read(node, inner, key)?;
                if is_one || *form == ShortForm::DependsOn {
                    required(&mut read);
                }
                return Some(read);
            }
            Kind::Table(rows) => self.table(node, rows, key)?,
            Kind::Map(inner) => self.map(node, inner, key)?,
            Kind::List(inner, unique) => self.list(node, (inner, *unique), key)?,
            Kind::Texts(unique) => self.texts(&node, *unique, key)?,
            Kind::Pairs(bare) => self.pairs(&node, *bare, key)?,
            Kind::Hosts => self.hosts(&node, key)?,
            Kind::Words => self.words(&node, key)?,
            Kind::Test => self.test(&node, key)?,
            _ => self.scalar(node, kind, key)?,
        };
        Some(ConfigNode { at, value })
    }

    fn refuse<T>(&mut self, at: ConfigPlace, key: &str, what: &str) -> Option<T> {
        self.findings.add(Finding::error(at, format!("`{key}` must be {what}")));
        None
    }

    fn table(&mut self, node: ConfigNode, rows: &'static [KeyRow], key: &str) -> Option<Value> {
        let (at, kind) = (node.at, node.value.kind());
        let Value::Table(entries) = node.value else {
            return self.refuse(at, key, &format!("an object of keys and values, not {kind}"));
        };
        let mut read = Vec::new();
        for entry in entries {
            if entry.key.starts_with("x-") {
                read.push(entry);
                continue;
            }
            let Some(row) = schema::find(rows, &entry.key) else {
                let known = rows.iter().map(|row| row.key);
                let near = keys::nearest(&entry.key, known);
                let message = format!("unknown key {} in `{key}`", quoted(&entry.key));
                let finding = Finding::error(entry.at, message).near(near);
                let is_near = near.is_some();
                self.findings
                    .add(finding.maybe((!is_near).then_some("keys of your own begin with `x-`")));
                continue;
            };
            // The name of something external was once written below it.
            if entry.key == "external"
                && let Some(name) = entry.node.value.get("name")
            {
                read.push(TableEntry { key: "name".into(), at: entry.at, node: name.clone() });
            }
            let TableEntry { key, at, node } = entry;
            let mut value = self.read(node, &row.kind, &key);
            if let ("volumes", Some(volumes)) = (key.as_str(), &mut value) {
                self.volume_paths(&mut volumes.value);
            }
            read.extend(value.map(|node| TableEntry { key, at, node }));
        }
        Some(Value::Table(read))
    }

    fn map(&mut self, node: ConfigNode, inner: &'static Kind, key: &str) -> Option<Value> {
        let (at, kind) = (node.at, node.value.kind());
        let Value::Table(entries) = node.value else {
            return self.refuse(at, key, &format!("an object of names, not {kind}"));
        };
        let mut read = Vec::new();
        for TableEntry { key: name, at, node } in entries {
            if name.starts_with("x-") && matches!(inner, Kind::Table(_)) && !is_of_users(key) {
                continue;
            }
            let is_bare = matches!(node.value, Value::Null);
            let node = if is_bare { Some(node) } else { self.read(node, inner, &name) };
            read.extend(node.map(|node| TableEntry { key: name, at, node }));
        }
        Some(Value::Table(read))
    }

    fn list(
        &mut self,
        node: ConfigNode,
        (inner, unique): (&'static Kind, Unique),
        key: &str,
    ) -> Option<Value> {
        let (at, kind) = (node.at, node.value.kind());
        let Value::List(nodes) = node.value else {
            return self.refuse(at, key, &format!("a list, not {kind}"));
        };
        let mut read: Vec<_> =
            nodes.into_iter().filter_map(|node| self.read(node, inner, key)).collect();
        super::merging::unify(&mut read, unique);
        Some(Value::List(read))
    }

    fn texts(&mut self, node: &ConfigNode, unique: Unique, key: &str) -> Option<Value> {
        let mut read = Vec::new();
        for node in node.each() {
            match word(&node.value) {
                Some(text) => read.push(ConfigNode { at: node.at, value: Value::text(text) }),
                None => return self.refuse(node.at, key, "text, or a list of texts"),
            }
        }
        super::merging::unify(&mut read, unique);
        Some(Value::List(read))
    }

    fn pairs(&mut self, node: &ConfigNode, bare: Bare, key: &str) -> Option<Value> {
        const WHAT: &str = "an object such as { NAME: value }, or a list of NAME=value";
        let empty = || if bare == Bare::Empty { Value::text("") } else { Value::Null };
        let mut pairs: Vec<TableEntry> = Vec::new();
        let mut put = |key: &str, at: ConfigPlace, value_at: ConfigPlace, value: Value| {
            pairs.retain(|pair| pair.key != key);
            pairs.push(TableEntry {
                key: key.into(),
                at,
                node: ConfigNode { at: value_at, value },
            });
        };
        match &node.value {
            Value::Table(entries) => {
                for entry in entries {
                    let value = match &entry.node.value {
                        Value::Null => empty(),
                        value => match word(value) {
                            Some(text) => Value::text(text),
                            None => {
                                return self.refuse(
                                    entry.node.at,
                                    &entry.key,
                                    "text, a number, true or false",
                                );
                            }
                        },
                    };
                    put(&entry.key, entry.at, entry.node.at, value);
                }
            }
            Value::List(nodes) => {
                for node in nodes {
                    let Some(text) = word(&node.value) else {
                        return self.refuse(node.at, key, WHAT);
                    };
                    match text.split_once('=') {
                        Some((name, value)) => put(name, node.at, node.at, Value::text(value)),
                        None => put(&text, node.at, node.at, empty()),
                    }
                }
            }
            _ => return self.refuse(node.at, key, WHAT),
        }
        Some(Value::Table(pairs))
    }

    fn hosts(&mut self, node: &ConfigNode, key: &str) -> Option<Value> {
        const WHAT: &str = "a list such as [\"db=10.0.0.5\"], or an object";
        let mut hosts: Vec<(ConfigPlace, String, String)> = Vec::new();
        match &node.value {
            Value::Table(entries) => {
                for entry in entries {
                    for node in entry.node.each() {
                        let ip = word(&node.value).unwrap_or_default();
                        hosts.push((entry.at, entry.key.clone(), ip));
                    }
                }
            }
            Value::List(nodes) => {
                for node in nodes {
                    let text = word(&node.value).unwrap_or_default();
                    let split = text.split_once('=').or_else(|| text.split_once(':'));
                    let Some((host, ips)) = split else { return self.refuse(node.at, key, WHAT) };
                    hosts
                        .extend(ips.split(',').map(|ip| (node.at, host.to_owned(), ip.to_owned())));
                }
            }
            _ => return self.refuse(node.at, key, WHAT),
        }
        let text = |(at, host, ip): (ConfigPlace, String, String)| {
            let ip = ip.strip_prefix('[').and_then(|ip| ip.strip_suffix(']')).unwrap_or(&ip);
            ConfigNode { at, value: Value::text(format!("{host}={ip}")) }
        };
        Some(Value::List(hosts.into_iter().map(text).collect()))
    }

    fn words(&mut self, node: &ConfigNode, key: &str) -> Option<Value> {
        let at = node.at;
        let words = match &node.value {
            Value::List(_) => return self.texts(node, Unique::No, key),
            value => word(value).map(|text| short_forms::words(&text)),
        };
        match words {
            Some(Ok(words)) => {
                let node = |word: String| ConfigNode { at, value: Value::text(word) };
                Some(Value::List(words.into_iter().map(node).collect()))
            }
            Some(Err(why)) => self.refuse(at, key, &format!("words as for a shell: {why}")),
            None => self.refuse(at, key, "a line, or a list of words"),
        }
    }

    fn test(&mut self, node: &ConfigNode, key: &str) -> Option<Value> {
        let at = node.at;
        match &node.value {
            Value::List(_) => {
                let read = self.texts(node, Unique::No, key)?;
                let first = read
                    .as_list()
                    .and_then(|nodes| nodes.first())
                    .and_then(|it| it.value.as_text());
                let is_known =
                    first.is_none_or(|it| matches!(it.as_bytes(), b"CMD" | b"CMD-SHELL" | b"NONE"));
                let what = "a line, or a list that begins with CMD, CMD-SHELL or NONE";
                if is_known { Some(read) } else { self.refuse(at, key, what) }
            }
            value => {
                let Some(line) = word(value) else {
                    return self.refuse(at, key, "a line or a list");
                };
                let node = |text: String| ConfigNode { at, value: Value::text(text) };
                Some(Value::List(vec![node("CMD-SHELL".into()), node(line)]))
            }
        }
    }

    fn scalar(&mut self, node: ConfigNode, kind: &'static Kind, key: &str) -> Option<Value> {
        let (at, value) = (node.at, node.value);
        let text = word(&value);
        let shown = text.as_deref().unwrap_or_default();
        let read = match kind {
            Kind::Bool => switch(shown).map(Value::Bool),
            Kind::Int if key == "count" && shown == "all" => Some(Value::Integer(-1)),
            Kind::Int => shown.trim().parse().ok().map(Value::Integer),
            Kind::Float => float(shown),
            Kind::Span => units::span(shown).map(|nanos| Value::text(units::shown(nanos))),
            Kind::Size if shown == "-1" => Some(Value::text("-1")),
            Kind::Size => units::size(shown).map(|bytes| Value::text(bytes.to_string())),
            Kind::Mode => mode(&value).map(|mode| Value::text(format!("0{mode:o}"))),
            Kind::Path => text.clone().map(|text| self.path(text)),
            Kind::Source => text.clone().map(|text| self.source(text)),
            _ => text.clone().map(Value::text),
        };
        let what = match kind {
            Kind::Bool => "true or false",
            Kind::Int => "a whole number",
            Kind::Float => "a number",
            Kind::Span => "a time such as 1m30s",
            Kind::Size => "a size such as 512m",
            Kind::Mode => "permissions such as 0440",
            Kind::Path | Kind::Source => "a path",
            _ => "text",
        };
        let kind = value.kind();
        let but = if text.is_some() { quoted(shown) } else { kind.to_owned() };
        read.or_else(|| self.refuse(at, key, &format!("{what}, not {but}")))
    }

    fn path(&self, text: String) -> Value {
        if text.is_empty() {
            return Value::text(text);
        }
        Value::text(paths::to_bytes(&paths::written(&text.into(), self.folder, self.env)))
    }

    /// What is elsewhere stays as it is.
    fn source(&self, text: String) -> Value {
        let is_elsewhere = text.contains("://")
            || ["service:", "github.com/", "git@"].iter().any(|it| text.starts_with(it));
        if is_elsewhere { Value::text(text) } else { self.path(text) }
    }

    /// The paths of volumes, once it is clear that they are paths.
    fn volume_paths(&self, volumes: &mut Value) {
        let Value::List(nodes) = volumes else { return };
        for node in nodes {
            let Value::Table(entries) = &mut node.value else { continue };
            let is_bind =
                entries.iter().any(|it| it.key == "type" && said(&it.node.value) == "bind");
            let source = entries.iter_mut().find(|entry| entry.key == "source" && is_bind);
            if let Some(source) = source {
                let text = said(&source.node.value);
                let is_drive = text.as_bytes().get(1) == Some(&b':');
                source.node.value = if is_drive { Value::text(text) } else { self.path(text) };
            }
        }
    }
}

/// Whether the names below a key are the user's own.
fn is_of_users(key: &str) -> bool {
    matches!(
        key,
        "services" | "networks" | "volumes" | "secrets" | "configs" | "models" | "depends_on"
    )
}

/// What a dependency is if nothing is said.
fn required(read: &mut ConfigNode) {
    let Value::Table(entries) = &mut read.value else { return };
    for entry in entries {
        let Value::Table(said) = &mut entry.node.value else { continue };
        for (key, value) in
            [("condition", Value::text("service_started")), ("required", Value::Bool(true))]
        {
            if !said.iter().any(|entry| entry.key == key) {
                said.push(TableEntry::new(key, entry.at, value));
            }
        }
    }
}

fn switch(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "y" | "yes" | "on" => Some(true),
        "false" | "n" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// With the precision that Compose keeps.
fn float(text: &str) -> Option<Value> {
    let number: f32 = text.trim().parse().ok()?;
    number.to_string().parse().ok().map(Value::Float)
}

fn mode(value: &Value) -> Option<i128> {
    match value {
        Value::Integer(mode) => Some(*mode),
        Value::Text(text) => i128::from_str_radix(text.display().trim_start_matches("0o"), 8).ok(),
        _ => None,
    }
}
