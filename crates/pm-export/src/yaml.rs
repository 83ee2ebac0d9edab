//! Models as YAML.

use serde_json::Value;

/// The text of a document, behind a line that says what it is.
pub(crate) fn document(about: &str, value: &Value) -> String {
    // A model of JSON has nothing that YAML lacks.
    let text = serde_saphyr::to_string(value).unwrap_or_default();
    format!("# {about}\n{text}")
}
