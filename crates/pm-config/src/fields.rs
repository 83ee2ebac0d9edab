//! One app's table, asked key by key: each answer has the right type or leaves a finding.
//!
//! It knows types, not meanings. PM2's leniency lives here: numeric strings are numbers, booleans are never strings.

use std::collections::BTreeMap;

use pm_spec::options::Support;
use pm_spec::{ByteString, Bytes, Span};

use crate::diagnose::{ConfigPlace, Finding, Findings, quoted};
use crate::keys;
use crate::tree::{ConfigNode, TableEntry, Value};
use crate::words;

/// A key that is set, with the spelling used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field<'a> {
    pub(crate) key: &'a str,
    pub(crate) node: &'a ConfigNode,
}

impl<'a> Field<'a> {
    pub(crate) fn of(entry: &'a TableEntry) -> Self {
        Self { key: &entry.key, node: &entry.node }
    }

    /// The value as a message shows it.
    fn shown(&self) -> String {
        match &self.node.value {
            Value::Text(text) => quoted(text.as_bytes()),
            Value::Bool(_) | Value::Integer(_) | Value::Float(_) => {
                quoted(self.node.value.to_bytes().as_bytes())
            }
            Value::Null | Value::List(_) | Value::Table(_) => self.node.value.kind().to_owned(),
        }
    }

    pub(crate) fn must_be(&self, what: &str) -> Finding {
        let message = format!("`{}` must be {what}, not {}", self.key, self.shown());
        Finding::error(self.node.at, message)
    }
}

/// One app's table and where its problems go.
pub(crate) struct AppFields<'a> {
    /// Where the app begins.
    pub(crate) at: ConfigPlace,
    fields: BTreeMap<&'static str, Field<'a>>,
    /// `env_NAME`, by NAME.
    pub(crate) profiles: BTreeMap<&'a str, Field<'a>>,
    pub(crate) findings: &'a mut Findings,
}

impl<'a> AppFields<'a> {
    /// Sorts the keys of a table: spellings to names, unknown ones to findings.
    pub(crate) fn new(
        at: ConfigPlace,
        entries: &'a [TableEntry],
        findings: &'a mut Findings,
    ) -> Self {
        let mut ranked: BTreeMap<&'static str, (bool, usize, Field<'a>)> = BTreeMap::new();
        let mut profiles = BTreeMap::new();
        for entry in entries {
            let field = Field::of(entry);
            let profile = entry.key.strip_prefix("env_");
            // A table is an environment, also under `env_file`.
            let is_profile = profile.is_some() && matches!(entry.node.value, Value::Table(_));
            if let Some((key, rank)) = keys::find(&entry.key).filter(|_| !is_profile) {
                // A repeated key: the last one wins, as in JavaScript.
                let order = (field.node.value.is_falsy(), rank);
                if ranked.get(key.name).is_none_or(|(falsy, old, _)| order <= (*falsy, *old)) {
                    ranked.insert(key.name, (order.0, order.1, field));
                }
            } else if let Some(profile) = profile {
                profiles.insert(profile, field);
            }
        }
        let fields = ranked.into_iter().map(|(name, (_, _, field))| (name, field)).collect();
        Self { at, fields, profiles, findings }
    }

    /// Reports keys that are unknown, repeated or not done yet.
    pub(crate) fn judge_keys(&mut self, entries: &[TableEntry], strict: bool) {
        let mut seen: BTreeMap<&str, ConfigPlace> = BTreeMap::new();
        for entry in entries {
            let key = quoted(&entry.key);
            if seen.insert(&entry.key, entry.at).is_some() {
                let message = format!("{key} is set twice; the last one counts");
                self.findings.add(Finding::warning(entry.at, message));
            }
            let asks = !entry.node.value.is_falsy()
                && !matches!(&entry.node.value, Value::List(items) if items.is_empty());
            let finding = match keys::support_of(&entry.key) {
                None if entry.key.starts_with("env_") => None,
                None => Some(unknown(entry, strict)),
                Some(Support::NoEffect(because)) if asks => {
                    let message = format!("{key} is known from PM2 but has no effect");
                    Some(Finding::warning(entry.at, message).hint(because))
                }
                Some(Support::Full | Support::NoEffect(_)) => None,
            };
            self.findings.extend(finding);
        }
    }

    pub(crate) fn error(&mut self, at: ConfigPlace, message: impl AsRef<str>) {
        self.findings.add(Finding::error(at, message));
    }

    pub(crate) fn warn(&mut self, at: ConfigPlace, message: impl AsRef<str>) {
        self.findings.add(Finding::warning(at, message));
    }

    /// A key that is set; null is not set.
    pub(crate) fn get(&self, name: &'static str) -> Option<Field<'a>> {
        debug_assert!(keys::canonical(name) == Some(name), "{name} is no key");
        self.fields.get(name).copied().filter(|field| !matches!(field.node.value, Value::Null))
    }

    /// Where a key's value stands, or the app if it isn't set.
    pub(crate) fn place(&self, name: &'static str) -> ConfigPlace {
        self.get(name).map_or(self.at, |field| field.node.at)
    }

    /// A boolean.
    pub(crate) fn switch(&mut self, name: &'static str) -> Option<bool> {
        let field = self.get(name)?;
        if let Value::Bool(value) = &field.node.value {
            return Some(*value);
        }
        let finding = field.must_be("true or false");
        let text = field.node.value.as_text().map(ByteString::as_bytes);
        let hint = text.and_then(|text| match text {
            b"true" | b"false" => Some("write it without quotes"),
            b"yes" | b"on" => Some("write `true`"),
            b"no" | b"off" => Some("write `false`"),
            _ => None,
        });
        self.findings.add(finding.maybe(hint));
        None
    }

    /// Text, as bytes.
    pub(crate) fn bytes(&mut self, name: &'static str) -> Option<&'a ByteString> {
        let field = self.get(name)?;
        match field.node.value.as_text() {
            Some(text) if text.as_bytes().contains(&0) => {
                self.refuse(field, "text without NUL bytes")
            }
            Some(text) => Some(text),
            None => {
                let hint = field.node.value.as_word().map(|_| "put it into quotes");
                self.findings.add(field.must_be("a string").maybe(hint));
                None
            }
        }
    }

    /// Text that is not empty.
    pub(crate) fn text(&mut self, name: &'static str) -> Option<&'a str> {
        let bytes = self.bytes(name)?;
        match std::str::from_utf8(bytes.as_bytes()) {
            Ok("") => None,
            Ok(text) => Some(text),
            Err(_) => {
                let field = self.get(name)?;
                self.refuse(field, "UTF-8 text")
            }
        }
    }

    /// A duration; a number is milliseconds.
    pub(crate) fn span(&mut self, name: &'static str) -> Option<Span> {
        const WHAT: &str = "a duration: milliseconds (3000) or \"250ms\", \"3s\", \"1.5m\", \"2h\"";
        self.measure(name, WHAT, |text| Span::parse(text).ok())
    }

    /// A size; a number is bytes.
    pub(crate) fn size(&mut self, name: &'static str) -> Option<Bytes> {
        const WHAT: &str = "a size: bytes (1048576) or \"200M\", \"1.5G\", \"50MB\"";
        self.measure(name, WHAT, |text| Bytes::parse(text).ok())
    }

    fn measure<T>(
        &mut self,
        name: &'static str,
        what: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let field = self.get(name)?;
        let value = field.node.value.as_word().and_then(|text| parse(&text.display()));
        value.or_else(|| self.refuse(field, what))
    }

    /// Words: a list as it is, or a string that is split at blanks outside quotes.
    pub(crate) fn words(&mut self, name: &'static str) -> Vec<ByteString> {
        const WHAT: &str = "a string or a list of strings";
        let Some(field) = self.get(name) else { return Vec::new() };
        match &field.node.value {
            Value::Text(text) => words::split(text.as_bytes()),
            Value::List(nodes) => nodes.iter().filter_map(|node| self.word(name, node)).collect(),
            value @ (Value::Integer(_) | Value::Float(_)) => vec![value.to_bytes()],
            Value::Null | Value::Bool(_) | Value::Table(_) => {
                self.refuse::<()>(field, WHAT);
                Vec::new()
            }
        }
    }

    /// An item of a list of words.
    pub(crate) fn word(&mut self, name: &str, node: &ConfigNode) -> Option<ByteString> {
        let at = node.at;
        match &node.value {
            Value::Text(text) if text.as_bytes().contains(&0) => {
                self.error(at, format!("`{name}` must not hold NUL bytes"));
                None
            }
            value @ (Value::Text(_) | Value::Integer(_) | Value::Float(_) | Value::Bool(_)) => {
                Some(value.to_bytes())
            }
            value @ (Value::Null | Value::List(_) | Value::Table(_)) => {
                self.error(at, format!("`{name}` holds strings, not {}", value.kind()));
                None
            }
        }
    }

    /// Reports a wrong value.
    pub(crate) fn refuse<T>(&mut self, field: Field<'_>, what: &str) -> Option<T> {
        self.findings.add(field.must_be(what));
        None
    }
}

/// A number without fraction, or text that is one.
pub(crate) fn whole(value: &Value) -> Option<i128> {
    match value {
        Value::Integer(number) => Some(*number),
        Value::Float(number) if number.fract() == 0.0 => format!("{number}").parse().ok(),
        Value::Text(text) => std::str::from_utf8(text.as_bytes()).ok()?.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Float(_) | Value::List(_) | Value::Table(_) => None,
    }
}

fn unknown(entry: &TableEntry, strict: bool) -> Finding {
    let message = format!("unknown key {}", quoted(&entry.key));
    let finding = Finding::ignored(entry.at, &message, strict);
    let near = || keys::nearest_key(&entry.key);
    let slip = || keys::instead_of_slip(&entry.key).filter(|_| near().is_none());
    if let Some(here) = keys::instead(&entry.key).or_else(slip) {
        let is_key = here.starts_with('`');
        return finding.hint(if is_key { format!("here it is {here}") } else { here.into() });
    }
    // What stands alone is taken for one bare app, also a list of apps under a mistyped name.
    let is_apps = matches!(entry.node.value, Value::List(_))
        && !keys::near(&entry.key, ["apps"].into_iter()).is_empty();
    finding.near(if is_apps { Some("apps") } else { near() })
}
