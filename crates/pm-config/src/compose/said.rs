//! Values of a Compose file as text.

use crate::tree::Value;

/// A text, or what Go prints of a number or a switch.
pub(crate) fn word(value: &Value) -> Option<String> {
    match value {
        Value::Text(_) | Value::Integer(_) | Value::Float(_) | Value::Bool(_) => {
            Some(value.to_bytes().display().into_owned())
        }
        Value::Null | Value::List(_) | Value::Table(_) => None,
    }
}

/// The text of a value; empty if it is none.
pub(crate) fn said(value: &Value) -> String {
    word(value).unwrap_or_default()
}
