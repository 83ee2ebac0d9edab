//! What a config file says, before anyone asks what it means: values with their places.
//!
//! All formats end here, so that everything after has one shape to read. It knows no key.

use std::fmt::Write as _;

use pm_spec::ByteString;

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
    /// Says of it and of all that is in it that it stands in another file than the config.
    pub(crate) fn move_to(&mut self, file: u16) {
        self.at = self.at.of(file);
        match &mut self.value {
            Value::List(nodes) => {
                for node in nodes {
                    node.move_to(file);
                }
            }
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

    /// The value of a key, if it is a table that has it; the last of several.
    pub(crate) fn get(&self, key: &str) -> Option<&ConfigNode> {
        let Self::Table(entries) = self else { return None };
        entries.iter().rfind(|entry| entry.key == key).map(|entry| &entry.node)
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
            Self::Null
            | Self::Bool(_)
            | Self::Integer(_)
            | Self::Float(_)
            | Self::List(_)
            | Self::Table(_) => {
                let mut text = String::new();
                self.write_json(&mut text);
                ByteString::from(text)
            }
        }
    }

    fn write_json(&self, out: &mut String) {
        // Writing to a String can't fail, so its result says nothing.
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(true) => out.push_str("true"),
            Self::Bool(false) => out.push_str("false"),
            Self::Integer(number) => drop(write!(out, "{number}")),
            Self::Float(number) if number.is_finite() => drop(write!(out, "{}", number + 0.0)),
            Self::Float(number) if number.is_nan() => out.push_str("NaN"),
            Self::Float(number) if *number < 0.0 => out.push_str("-Infinity"),
            Self::Float(_) => out.push_str("Infinity"),
            Self::Text(text) => write_json_string(&text.display(), out),
            Self::List(nodes) => {
                out.push('[');
                for (index, node) in nodes.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    node.value.write_json(out);
                }
                out.push(']');
            }
            Self::Table(entries) => {
                out.push('{');
                for (index, entry) in entries.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    write_json_string(&entry.key, out);
                    out.push(':');
                    entry.node.value.write_json(out);
                }
                out.push('}');
            }
        }
    }
}

fn write_json_string(text: &str, out: &mut String) {
    out.push_str(&serde_json::Value::from(text).to_string());
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
