//! What each process of an app may use, as written in a config.

use std::collections::BTreeMap;
use std::path::Path;

use pm_spec::{ByteString, Cpus, Isolate, KernelRules, ResourceKind, ResourceLimit};

use crate::diagnose::{ConfigPlace, Finding, quoted};
use crate::fields::{AppFields, Field};
use crate::ground::ConfigGround;
use crate::tree::{ConfigNode, TableEntry, Value};
use crate::{keys, paths};

type ResourceLimits = BTreeMap<ResourceKind, ResourceLimit>;

const SHAPE: &str = "an object such as { nofile: 4096, core: 0 }";
const ONE: &str = "a number, \"unlimited\", \"SOFT:HARD\" or { soft: 1024, hard: 2048 } with soft not above hard; \
     bytes also as \"200M\"";

/// Those that rows can't read; the others are there already.
pub(crate) fn read(
    app: &mut AppFields<'_>,
    rules: &mut KernelRules,
    cwd: &Path,
    ground: &ConfigGround<'_>,
) {
    rules.rlimits = rlimits(app);
    rules.cpus = cpus(app);
    rules.write_paths = write_paths(app, cwd, rules.isolate, ground);
}

/// `rlimits`: an object, or words such as `nofile=1024:2048`.
fn rlimits(app: &mut AppFields<'_>) -> ResourceLimits {
    let Some(field) = app.get("rlimits") else { return BTreeMap::new() };
    match &field.node.value {
        Value::Table(entries) => {
            entries.iter().filter_map(|entry| of_entry(app, field, entry)).collect()
        }
        Value::List(nodes) => nodes.iter().filter_map(|node| of_word(app, field, node)).collect(),
        Value::Text(_) => of_word(app, field, field.node).into_iter().collect(),
        Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) => {
            app.refuse::<()>(field, SHAPE);
            BTreeMap::new()
        }
    }
}

/// `cpus`: the one number that may be a fraction.
fn cpus(app: &mut AppFields<'_>) -> Option<Cpus> {
    let field = app.get("cpus")?;
    let text = field.node.value.as_word();
    let cpus = text.and_then(|text| Cpus::parse(&text.display()));
    let what = "a number of CPUs from 0.01 on, such as 0.5, or a part of one such as \"50%\"";
    cpus.or_else(|| app.refuse(field, what))
}

/// `write_paths`, seen from the app's folder.
fn write_paths(
    app: &mut AppFields<'_>,
    cwd: &Path,
    isolate: Isolate,
    ground: &ConfigGround<'_>,
) -> Vec<ByteString> {
    let Some(field) = app.get("write_paths") else { return Vec::new() };
    let words = match field.node.value.as_text() {
        // One path, blanks and all.
        Some(text) => vec![text.clone()],
        None => app.words("write_paths"),
    };
    if isolate.is_none() && !words.is_empty() {
        app.warn(field.node.at, "`write_paths` has no effect without `isolate`");
    }
    let env = &ground.caller.env;
    words.iter().map(|path| paths::to_bytes(&paths::written(path, cwd, env))).collect()
}

fn of_word(
    app: &mut AppFields<'_>,
    field: Field<'_>,
    node: &ConfigNode,
) -> Option<(ResourceKind, ResourceLimit)> {
    let text = node.value.as_text().map(ByteString::display);
    let Some((name, limit)) = text.as_deref().and_then(|text| text.split_once('=')) else {
        return app.refuse(Field { node, ..field }, "NAME=SOFT[:HARD] such as nofile=4096");
    };
    let kind = kind(app, node.at, name.trim())?;
    let limit = ResourceLimit::parse(kind, limit.trim());
    let limit = limit.or_else(|| app.refuse(Field { node, ..field }, &format!("NAME={ONE}")))?;
    Some((kind, limit))
}

fn of_entry(
    app: &mut AppFields<'_>,
    field: Field<'_>,
    entry: &TableEntry,
) -> Option<(ResourceKind, ResourceLimit)> {
    let kind = kind(app, entry.at, &entry.key)?;
    let key = format!("{}.{}", field.key, entry.key);
    let limit = limit(kind, &entry.node.value);
    let limit = limit.or_else(|| app.refuse(Field { key: &key, node: &entry.node }, ONE))?;
    Some((kind, limit))
}

fn limit(kind: ResourceKind, value: &Value) -> Option<ResourceLimit> {
    let number = |value: &Value| {
        let text = value.as_name()?;
        (!text.as_bytes().contains(&b':')).then(|| ResourceLimit::parse(kind, &text.display()))?
    };
    match value {
        Value::Table(entries) => {
            let known = |entry: &TableEntry| matches!(entry.key.as_str(), "soft" | "hard");
            let part = |name| match value.get(name).map(|node| &node.value) {
                None | Some(Value::Null) => Some(None),
                Some(value) => number(value).map(|both| both.soft),
            };
            let limit = ResourceLimit { soft: part("soft")?, hard: part("hard")? };
            entries.iter().all(known).then_some(limit).and_then(ResourceLimit::possible)
        }
        Value::Text(text) => ResourceLimit::parse(kind, &text.display()),
        Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::List(_) => {
            number(value)
        }
    }
}

fn kind(app: &mut AppFields<'_>, at: ConfigPlace, name: &str) -> Option<ResourceKind> {
    let kind = ResourceKind::parse(name);
    if kind.is_none() {
        let all: Vec<_> = ResourceKind::names().collect();
        let finding = Finding::error(at, format!("there is no limit {}", quoted(name.as_bytes())));
        let finding = finding.hint(format!("there are: {}", all.join(", ")));
        app.findings.add(match name {
            "locks" => finding.hint("Linux has no such limit; pm marks processes there"),
            _ => finding.near(keys::nearest(name, all.into_iter())),
        });
    }
    kind
}
