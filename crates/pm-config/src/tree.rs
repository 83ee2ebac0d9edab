//! What a config file says, before anyone asks what it means: values with their places.
//!
//! All formats end here, so that everything after has one shape to read. It knows no key.

use std::collections::BTreeMap;

use pm_spec::ByteString;
use serde::{Serialize, Serializer};

use crate::diagnose::ConfigPlace;

/// One value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct ConfigNode {
    pub(crate) at: ConfigPlace,
    pub(crate) value: Value,
}

/// What JSON, YAML and TOML can say between them.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    /// Bytes, since an argument on the command line need not be UTF-8; from a file it always is.
    Text(ByteString),
    List(Vec<ConfigNode>),
    Table(Vec<TableEntry>),
}

/// One key and its value, in the order of the file.
#[derive(Clone, Debug)]
pub(crate) struct TableEntry {
    pub(crate) key: String,
    pub(crate) at: ConfigPlace,
    pub(crate) node: ConfigNode,
}

impl ConfigNode {
    /// The items of a list; what is none stands for itself.
    pub(crate) fn each(&self) -> &[Self] {
        self.value.as_list().unwrap_or(std::slice::from_ref(self))
    }

    /// Says of it and of all that is in it that it stands in another file than the config.
    pub(crate) fn move_to(&mut self, file: u16) {
        self.at = self.at.of(file);
        match &mut self.value {
            Value::List(nodes) => nodes.iter_mut().for_each(|node| node.move_to(file)),
            Value::Table(entries) => {
                for entry in entries {
                    entry.at = entry.at.of(file);
                    entry.node.move_to(file);
                }
            }
            Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::Text(_) => {
            }
        }
    }
}

/// Where each key of a table stands in it, for who looks for many.
pub(crate) fn numbers(entries: &[TableEntry]) -> BTreeMap<String, usize> {
    // Of a key that is there twice the first counts.
    entries.iter().enumerate().rev().map(|(at, entry)| (entry.key.clone(), at)).collect()
}

impl TableEntry {
    /// One whose value stands where it does.
    pub(crate) fn new(key: &str, at: ConfigPlace, value: Value) -> Self {
        Self { key: key.to_owned(), at, node: ConfigNode { at, value } }
    }
}

impl Value {
    pub(crate) fn text(text: impl Into<ByteString>) -> Self {
        Self::Text(text.into())
    }

    /// The text, if it is one.
    pub(crate) fn as_text(&self) -> Option<&ByteString> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The items, if it is a list.
    pub(crate) fn as_list(&self) -> Option<&[ConfigNode]> {
        if let Self::List(nodes) = self { Some(nodes) } else { None }
    }

    /// The entries, if it is a table.
    pub(crate) fn as_table(&self) -> Option<&[TableEntry]> {
        if let Self::Table(entries) = self { Some(entries) } else { None }
    }

    /// The value of a key, if it is a table that has it; the last of several.
    pub(crate) fn get(&self, key: &str) -> Option<&ConfigNode> {
        self.as_table()?.iter().rfind(|entry| entry.key == key).map(|entry| &entry.node)
    }

    /// The text, if it is one, or a number as it is written.
    pub(crate) fn as_word(&self) -> Option<ByteString> {
        let is_word = matches!(self, Self::Text(_) | Self::Integer(_) | Self::Float(_));
        is_word.then(|| self.to_bytes())
    }

    /// The same, if it is no fraction.
    pub(crate) fn as_name(&self) -> Option<ByteString> {
        self.as_word().filter(|_| !matches!(self, Self::Float(_)))
    }

    /// What a message calls it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Integer(_) | Self::Float(_) => "a number",
            Self::Text(_) => "a string",
            Self::List(_) => "a list",
            Self::Table(_) => "an object",
        }
    }

    /// JavaScript's idea of "not set": PM2 takes an alias where the canonical key is falsy.
    pub(crate) fn is_falsy(&self) -> bool {
        match self {
            Self::Null | Self::Bool(false) | Self::Integer(0) => true,
            Self::Float(number) => *number == 0.0 || number.is_nan(),
            Self::Text(text) => text.is_empty(),
            Self::Bool(true) | Self::Integer(_) | Self::List(_) | Self::Table(_) => false,
        }
    }

    /// As an environment value or an argument: text as it is, numbers and booleans as JavaScript prints them, the rest as JSON.
    pub(crate) fn to_bytes(&self) -> ByteString {
        match self {
            Self::Text(text) => text.clone(),
            // Without the sign of a zero.
            Self::Float(number) => (number + 0.0).to_string().replace("inf", "Infinity").into(),
            Self::Null | Self::Bool(_) | Self::Integer(_) | Self::List(_) | Self::Table(_) => {
                // No key that is no text, nothing that can fail.
                serde_json::to_string(self).unwrap_or_default().into()
            }
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => to.serialize_unit(),
            Self::Bool(on) => to.serialize_bool(*on),
            Self::Integer(number) => to.serialize_i128(*number),
            Self::Float(number) => match number.to_string().parse() {
                Ok(whole) => to.serialize_i128(whole),
                Err(_) => to.serialize_f64(*number),
            },
            Self::Text(text) => to.serialize_str(&text.display()),
            Self::List(nodes) => to.collect_seq(nodes.iter().map(|node| &node.value)),
            Self::Table(entries) => {
                to.collect_map(entries.iter().map(|entry| (&entry.key, &entry.node.value)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(value: Value) -> ConfigNode {
        ConfigNode { at: ConfigPlace::Whole, value }
    }

    #[test]
    fn values_become_text_as_in_javascript() {
        let list = Value::List(vec![node(Value::Integer(1)), node(Value::text("a\"b"))]);
        let entry = TableEntry { key: "k".into(), at: ConfigPlace::Whole, node: node(Value::Null) };
        for (value, text) in [
            (Value::Integer(3000), "3000"),
            (Value::Float(1.5), "1.5"),
            (Value::Float(1.0), "1"),
            (Value::Float(-0.0), "0"),
            (Value::Float(f64::NAN), "NaN"),
            (Value::Bool(true), "true"),
            (Value::Null, "null"),
            (Value::text("as is"), "as is"),
            (list, "[1,\"a\\\"b\"]"),
            (Value::Table(vec![entry]), "{\"k\":null}"),
        ] {
            assert_eq!(value.to_bytes(), ByteString::from(text));
        }
    }
}
