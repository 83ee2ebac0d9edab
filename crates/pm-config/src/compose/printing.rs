//! A Compose project as `docker compose config` prints it, in JSON and in YAML.

use super::said::said;
use super::schema::{KeyRow, Kind, ShortForm, Zero, find};
use crate::diagnose::ConfigPlace;
use crate::tree::{ConfigNode, TableEntry, Value};

/// For whom something is printed: what says nothing is left out by other rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Print {
    Json,
    Yaml,
}

/// A value with its keys in Compose's order and without what says nothing.
pub(crate) fn printed(value: &Value, kind: &'static Kind, print: Print) -> Value {
    match (kind, value) {
        (Kind::Short(ShortForm::Key("single"), _), Value::Table(_))
            if value.get("single").is_some() =>
        {
            match value.get("single").map(|node| &node.value) {
                // As Compose has it.
                Some(Value::Integer(0)) if print == Print::Json => Value::Table(Vec::new()),
                single => single.cloned().unwrap_or(Value::Null),
            }
        }
        (Kind::Short(ShortForm::Key("path"), inner), _) if is_plain_path(value) => {
            let Kind::Table(rows) = inner else { return value.clone() };
            find(rows, "path").and(value.get("path")).map_or(Value::Null, |node| node.value.clone())
        }
        (Kind::Short(_, inner), _) => printed(value, inner, print),
        (Kind::Table(rows), Value::Table(entries)) => table(entries, rows, print),
        (Kind::Map(inner), Value::Table(entries)) => {
            let entry = |entry: &TableEntry| {
                let value = printed(&entry.node.value, inner, print);
                TableEntry::new(&entry.key, entry.at, value)
            };
            sorted(entries.iter().map(entry).collect())
        }
        (Kind::Pairs(_), Value::Table(entries)) => sorted(entries.clone()),
        (Kind::Any, Value::Table(entries)) => {
            let entry = |entry: &TableEntry| {
                TableEntry::new(&entry.key, entry.at, printed(&entry.node.value, kind, print))
            };
            sorted(entries.iter().map(entry).collect())
        }
        (Kind::List(inner, _), Value::List(nodes)) => {
            let node = |node: &ConfigNode| ConfigNode {
                at: node.at,
                value: printed(&node.value, inner, print),
            };
            Value::List(nodes.iter().map(node).collect())
        }
        (Kind::Hosts, Value::List(nodes)) => {
            let mut nodes = nodes.clone();
            nodes.sort_by_key(|node| said(&node.value));
            Value::List(nodes)
        }
        _ => value.clone(),
    }
}

/// A file of variables that is required is printed as its path.
fn is_plain_path(value: &Value) -> bool {
    matches!(value.get("required").map(|node| &node.value), Some(Value::Bool(true)))
}

fn sorted(mut entries: Vec<TableEntry>) -> Value {
    entries.sort_by(|one, other| one.key.cmp(&other.key));
    Value::Table(entries)
}

fn table(entries: &[TableEntry], rows: &'static [KeyRow], print: Print) -> Value {
    let mut shown = Vec::new();
    let is_shown = |row: &&KeyRow| match row.zero {
        Zero::Unprinted => false,
        Zero::NotInJson => print == Print::Yaml,
        _ => true,
    };
    for row in rows.iter().filter(is_shown) {
        let said = entries.iter().rfind(|entry| entry.key == row.key);
        let is_always =
            row.zero == Zero::Always || (row.zero == Zero::AlwaysInJson && print == Print::Json);
        let value = match said {
            Some(entry) => printed(&entry.node.value, &row.kind, print),
            None if is_always => empty(&row.kind, print),
            None => continue,
        };
        let is_struct =
            matches!(row.kind, Kind::Table(_) | Kind::Short(ShortForm::Key(_), _) | Kind::Words);
        if is_zero(&value) && matches!(row.zero, Zero::Never | Zero::NotInJson) && !is_struct {
            continue;
        }
        let mut key = row.key.to_owned();
        if row.zero == Zero::Capital && print == Print::Json {
            key[..1].make_ascii_uppercase();
        }
        shown.push(TableEntry::new(&key, ConfigPlace::Whole, value));
    }
    if print == Print::Yaml {
        let own: Vec<_> =
            entries.iter().filter(|entry| entry.key.starts_with("x-")).cloned().collect();
        let Value::Table(own) = sorted(own) else { return Value::Table(shown) };
        shown.extend(own);
    }
    Value::Table(shown)
}

/// What is printed of something that was not said.
fn empty(kind: &'static Kind, print: Print) -> Value {
    match kind {
        Kind::Table(rows) => table(&[], rows, print),
        Kind::Text | Kind::Path => Value::text(""),
        _ => Value::Null,
    }
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) | Value::Integer(0) => true,
        Value::Float(number) => *number == 0.0,
        Value::Text(text) => text.is_empty() || matches!(text.as_bytes(), b"0s"),
        Value::List(nodes) => nodes.is_empty(),
        Value::Table(entries) => entries.is_empty(),
        Value::Bool(true) | Value::Integer(_) => false,
    }
}

/// YAML as Compose writes it: two blanks a level, lists one level deeper.
pub(crate) fn yaml(value: &Value) -> String {
    let mut text = String::new();
    block(value, 0, &mut text);
    text
}

fn block(value: &Value, level: usize, text: &mut String) {
    let indent = "  ".repeat(level);
    match value {
        Value::Table(entries) => {
            for entry in entries {
                text.extend([indent.as_str(), scalar(&entry.key).as_str(), ":"]);
                inner(&entry.node.value, level + 1, text);
            }
        }
        Value::List(nodes) => {
            for node in nodes {
                let mut own = String::new();
                inner(&node.value, level + 1, &mut own);
                // What begins a line of its own begins behind the dash instead.
                let own = own.strip_prefix('\n').map_or(own.as_str(), str::trim_start);
                text.extend([indent.as_str(), "- ", own.strip_prefix(' ').unwrap_or(own)]);
            }
        }
        _ => {}
    }
}

fn inner(value: &Value, level: usize, text: &mut String) {
    match value {
        Value::Table(entries) if entries.is_empty() => text.push_str(" {}\n"),
        Value::List(nodes) if nodes.is_empty() => text.push_str(" []\n"),
        Value::Table(_) | Value::List(_) => {
            text.push('\n');
            block(value, level, text);
        }
        Value::Text(it) => {
            text.extend([" ", scalar(&it.display()).as_str(), "\n"]);
        }
        other => {
            text.extend([" ", &other.to_bytes().display(), "\n"]);
        }
    }
}

/// A text as a scalar: without quotes where it can't be taken for anything else.
fn scalar(text: &str) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || "_-./@+=$,()~".contains(c);
    let is_easy = |c: char| is_word(c) || c == ' ' || c == ':';
    let begins =
        text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '/' || c == '$');
    let means = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    let is_plain = begins
        && text.chars().all(is_easy)
        && !text.contains(": ")
        && !text.ends_with([':', ' '])
        && !means.contains(&text.to_ascii_lowercase().as_str());
    if is_plain { text.to_owned() } else { Value::text(text).json() }
}

impl Value {
    /// As JSON, a text in quotes as well.
    pub(crate) fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}
