//! Wire views as documents for `--json`. Variables that look like secrets are masked.

use pm_protocol::{Description, Descriptions, Listing, Row};
use pm_spec::{AppSpec, ByteString, Environment, MASK};
use serde::Serialize;
use serde_json::Value;

/// Any of our own plain types.
pub(crate) fn value(of: impl Serialize) -> Value {
    // No map with keys that are not strings, nothing that can fail.
    serde_json::to_value(of).unwrap_or(Value::Null)
}

/// The rows of a list.
pub(crate) fn listing(listing: &Listing) -> Value {
    let mut all = value(listing);
    for (told, row) in all["rows"].as_array_mut().into_iter().flatten().zip(&listing.rows) {
        tidy(told, row);
    }
    all["rows"].take()
}

/// Shortest decimals instead of a float's binary tail, and jobs that wait in the words of the list.
fn tidy(told: &mut Value, row: &Row) {
    let cpu = told["usage"]["cpu"].as_f64().unwrap_or(0.0);
    told["usage"]["cpu"] = ((cpu * 10.0).round() / 10.0).into();
    told["status"] = row.standing().into();
}

/// Everything about some instances.
pub(crate) fn described(descriptions: &Descriptions) -> Value {
    descriptions.descriptions.iter().map(masked).collect()
}

fn masked(described: &Description) -> Value {
    let mut value = value(described);
    value["spec"] = spec(&described.spec);
    tidy(&mut value["row"], &described.row);
    value
}

/// All of an app.
pub(crate) fn spec(app: &AppSpec) -> Value {
    let mut env = Environment::new();
    for (name, value) in app.env.iter() {
        let shown = if app.hides(name) { ByteString::from(MASK) } else { value.clone() };
        env.set(name, shown);
    }
    value(AppSpec { env, ..app.clone() })
}

/// Bytes, shown.
pub(crate) fn text(bytes: &ByteString) -> Value {
    bytes.display().into_owned().into()
}
