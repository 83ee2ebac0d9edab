//! YAML by `serde-saphyr`, which tells places itself; aliases and nesting are capped by its budget.

use serde::de::{Deserialize, Deserializer, Error};
use serde_saphyr::{DuplicateKeyPolicy, Location, NonFiniteFloatPolicy, Spanned};

use crate::diagnose::{ConfigPlace, Finding};
use crate::shape::{Locate, Shape};
use crate::tree::{ConfigNode, Value};
use crate::yaml_fault;

/// Reads one document.
pub(crate) fn parse(text: &str) -> Result<ConfigNode, Finding> {
    if text.trim().is_empty() {
        return Err(Finding::error(ConfigPlace::Line { line: 1, column: 1 }, "the file is empty"));
    }
    let options = serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        strict_booleans: true,
        // `MODE: 0644` in an `env` is a text to everyone but a YAML parser; as a number it is read all the same.
        leading_zero_numbers_as_strings: true,
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        with_snippet: false,
        // A file as large as we read may hold that many; what aliases add to it is another matter.
        budget: serde_saphyr::budget! { max_nodes: 2_000_000, max_events: 4_000_000 },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: 100_000 },
    };
    let spanned: Spanned<Shape<Saphyr>> = serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| explain(text, &error))?;
    Ok(ConfigNode { at: place(&spanned.defined, &spanned.referenced), value: spanned.value.0 })
}

/// An alias is blamed where its text stands.
fn place(defined: &Location, referenced: &Location) -> ConfigPlace {
    known(defined).or_else(|| known(referenced)).unwrap_or(ConfigPlace::Whole)
}

fn known(location: &Location) -> Option<ConfigPlace> {
    let line = usize::try_from(location.line()).ok()?;
    let column = usize::try_from(location.column()).ok()?;
    (line > 0).then_some(ConfigPlace::Line { line, column: column.max(1) })
}

fn explain(source: &str, error: &serde_saphyr::Error) -> Finding {
    let at = error.location().as_ref().and_then(known).unwrap_or(ConfigPlace::Whole);
    let text = error.without_snippet().to_string();
    let first = text.lines().next().unwrap_or("this is no YAML");
    // The place is told beside the message.
    let message = first.split_once(" at line ").map_or(first, |(message, _)| message);
    yaml_fault::finding(source, at, message.strip_prefix("error: ").unwrap_or(message))
}

/// YAML's places come with the values.
struct Saphyr;

impl<'de> Locate<'de> for Saphyr {
    fn node<D: Deserializer<'de>>(deserializer: D) -> Result<ConfigNode, D::Error> {
        let spanned: Spanned<Shape<Self>> = Spanned::deserialize(deserializer)?;
        Ok(ConfigNode { at: place(&spanned.defined, &spanned.referenced), value: spanned.value.0 })
    }

    /// Any scalar, as text (`8080: x`, `true: x`).
    fn key<D: Deserializer<'de>>(deserializer: D) -> Result<(String, ConfigPlace), D::Error> {
        let ConfigNode { at, value } = Self::node(deserializer)?;
        if matches!(value, Value::List(_) | Value::Table(_)) {
            let message =
                format!("a key that is text or a number is expected, not {}", value.kind());
            return Err(D::Error::custom(message));
        }
        Ok((value.to_bytes().display().into_owned(), at))
    }
}
