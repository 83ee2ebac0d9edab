//! Variables of a document that asks for them with `interpolate: true`: Compose's, in braces, in values, never in keys.

use std::collections::BTreeSet;
use std::path::Path;

use pm_spec::{ByteString, Environment};

use crate::caller::{Beside, Caller, Overrides};
use crate::diagnose::{ConfigPlace, Finding, Findings, quoted};
use crate::dotenv::{self, Dialect};
use crate::format::{self as formats, ConfigFormat};
use crate::interpolate::{self, Dollars};
use crate::tree::{ConfigNode, TableEntry, Value};

/// The key that asks for it.
const KEY: &str = "interpolate";

/// Fills in the variables of a document if it asks for that, and says which values have something of `.env` in them.
pub(crate) fn filled(
    root: &mut ConfigNode,
    (folder, format): (&Path, ConfigFormat),
    (caller, overrides): (&Caller, &Overrides),
    findings: &mut Findings,
) -> BTreeSet<ConfigPlace> {
    if !asks(root, findings) {
        let is_filled = matches!(
            format,
            ConfigFormat::JavaScript | ConfigFormat::Compose | ConfigFormat::Foreign(_)
        );
        if !is_filled && overrides.beside == Beside::All {
            findings.absorb(unasked(root), None);
        }
        return BTreeSet::new();
    }
    let path = folder.join(".env");
    let dotenv = dotenv(&path, &caller.env, findings).unwrap_or_default();
    fill(root, (&caller.env, &dotenv), Dollars::Braced, findings)
}

/// Fills in the variables of a document, which are the shell's, over those of a `.env`; the values with something of the latter.
pub(crate) fn fill(
    root: &mut ConfigNode,
    (shell, dotenv): (&Environment, &Environment),
    dollars: Dollars,
    findings: &mut Findings,
) -> BTreeSet<ConfigPlace> {
    let secrets = BTreeSet::new();
    let mut filling = DocumentFilling { shell, dotenv, dollars, findings, secrets };
    filling.node(root);
    filling.secrets
}

/// Takes the key out of the document.
fn asks(root: &mut ConfigNode, findings: &mut Findings) -> bool {
    let Value::Table(entries) = &mut root.value else { return false };
    let Some(index) = entries.iter().position(|entry| entry.key == KEY) else { return false };
    let entry = entries.remove(index);
    if let Value::Bool(asks) = entry.node.value {
        return asks;
    }
    let message = format!("`{KEY}` must be true or false, not {}", entry.node.value.kind());
    findings.add(Finding::error(entry.node.at, message));
    false
}

/// The first variable that somebody who knows Compose would expect to be filled in.
fn unasked(root: &ConfigNode) -> Findings {
    let mut findings = Findings::default();
    if let Some((at, text)) = first_in_env(root, false) {
        let shown = quoted(text.as_bytes());
        let hint = format!("`{KEY}: true` beside `apps` has variables filled in");
        findings
            .add(Finding::warning(at, format!("{shown} is taken as it stands here")).hint(hint));
    }
    findings
}

fn first_in_env(node: &ConfigNode, is_env: bool) -> Option<(ConfigPlace, &ByteString)> {
    match &node.value {
        Value::Text(text) if is_env => {
            let named = text.display().split("${").skip(1).any(|it| {
                let name = it.trim_start_matches(|c: char| c == '_' || c.is_ascii_alphanumeric());
                let operation = name.strip_prefix(':').unwrap_or(name);
                name.len() < it.len()
                    && (name.starts_with('}') || operation.starts_with(['-', '?', '+']))
            });
            named.then_some((node.at, text))
        }
        Value::List(nodes) => nodes.iter().find_map(|node| first_in_env(node, is_env)),
        Value::Table(entries) => entries.iter().find_map(|TableEntry { key, node, .. }| {
            first_in_env(node, is_env || key == "env" || key.starts_with("env_"))
        }),
        Value::Text(_) | Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) => None,
    }
}

/// The variables of a `.env` (Compose), if there is one.
pub(crate) fn dotenv(
    path: &Path,
    before: &Environment,
    findings: &mut Findings,
) -> Option<Environment> {
    let mut variables = Environment::new();
    let bytes = std::fs::read(path).ok()?;
    let file = findings.other(&path.to_string_lossy(), None);
    let read = formats::text(&bytes).map(|text| dotenv::parse(&text, Dialect::Compose, before));
    let (all, problems) = read.unwrap_or_else(|finding| (Vec::new(), vec![finding]));
    findings.extend(problems.into_iter().map(|finding| finding.of(file)));
    for variable in all {
        if let Some(value) = variable.value {
            variables.set(&variable.name, value);
        }
    }
    Some(variables)
}

struct DocumentFilling<'a> {
    shell: &'a Environment,
    dotenv: &'a Environment,
    dollars: Dollars,
    findings: &'a mut Findings,
    secrets: BTreeSet<ConfigPlace>,
}

impl DocumentFilling<'_> {
    fn node(&mut self, node: &mut ConfigNode) {
        match &mut node.value {
            Value::Text(text) if text.as_bytes().contains(&b'$') => {
                if let Some(value) = self.text(node.at, text) {
                    node.value = value;
                }
            }
            Value::List(nodes) => {
                for node in nodes {
                    self.node(node);
                }
            }
            Value::Table(entries) => {
                for entry in entries {
                    self.node(&mut entry.node);
                }
            }
            Value::Text(_) | Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) => {
            }
        }
    }

    /// A text without its variables; what is a switch then is one (Compose casts afterwards, too).
    fn text(&mut self, at: ConfigPlace, text: &ByteString) -> Option<Value> {
        let shown = text.display();
        let look = |name: &str| self.shell.get(name).or_else(|| self.dotenv.get(name)).cloned();
        let filled = match interpolate::fill(&shown, self.dollars, &look) {
            Ok(filled) => filled,
            Err(wrong) => {
                self.findings.add(Finding::error(at, wrong.message));
                return None;
            }
        };
        for name in filled.unset {
            let message =
                format!("the variable {} is not set; nothing stands in its place", quoted(&name));
            let hint = format!("`${{{name}:-default}}` has a default, `${{{name}:?}}` refuses");
            self.findings.add(Finding::warning(at, message).hint(hint));
        }
        let is_secret =
            |name: &String| self.shell.get(name).is_none() && self.dotenv.get(name).is_some();
        if filled.used.iter().any(is_secret) {
            self.secrets.insert(at);
        }
        // Compose casts by the kind of the key.
        let casts = self.dollars == Dollars::Braced;
        Some(match filled.bytes.as_slice() {
            b"true" if casts => Value::Bool(true),
            b"false" if casts => Value::Bool(false),
            _ => Value::Text(filled.bytes.into()),
        })
    }
}
