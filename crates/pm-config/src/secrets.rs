//! `{ file }` and `{ command }`: where a value comes from at each start, and which of them an app gets as files.

use std::collections::BTreeMap;

use pm_spec::SecretSource;

use crate::command;
use crate::diagnose::{Finding, quoted};
use crate::fields::{AppFields, Field};
use crate::ground::ConfigGround;
use crate::paths;
use crate::tree::{TableEntry, Value};

/// Names of files are shorter (limits.h).
const LONGEST: usize = 255;

/// Whether it is one of the objects that say where a value comes from.
pub(crate) fn names_one(value: &Value) -> bool {
    ["file", "command"].iter().any(|key| value.get(key).is_some())
}

/// `{ file }` or `{ command }`: it comes from there. `None`: it is neither, or the finding is among the others.
pub(crate) fn source(
    app: &mut AppFields<'_>,
    field: Field<'_>,
    ground: &ConfigGround<'_>,
) -> Option<SecretSource> {
    let (folder, env) = (ground.folder, &ground.caller.env);
    let entries = field.node.value.as_table().unwrap_or_default();
    if let [only] = entries
        && only.key == "file"
        && let Some(path) = only.node.value.as_text().filter(|path| !path.is_empty())
    {
        let path = paths::written(path, folder, env);
        return Some(SecretSource::File(paths::to_bytes(&path)));
    }
    if entries.iter().any(|entry| entry.key == "command") {
        return command::timed(app, field, (folder, env)).map(SecretSource::Printed);
    }
    let what = "a value, or an object that says where it comes from";
    let hint = "{ file: PATH } is read and { command: [PROGRAM, ...] } is run at each start; an object as text is '{\"a\":1}'";
    app.findings.add(field.must_be(what).hint(hint));
    None
}

/// `secrets`: those that are files of the app.
pub(crate) fn files(
    app: &mut AppFields<'_>,
    ground: &ConfigGround<'_>,
) -> BTreeMap<String, SecretSource> {
    let Some(field) = app.get("secrets") else { return BTreeMap::new() };
    let Some(entries) = field.node.value.as_table() else {
        app.refuse::<()>(
            field,
            "an object: NAME: { file: PATH } or NAME: { command: [PROGRAM, ...] }",
        );
        return BTreeMap::new();
    };
    let good = entries.iter().filter_map(|entry| {
        let source = named(app, entry).and_then(|field| source(app, field, ground))?;
        Some((entry.key.clone(), source))
    });
    good.collect()
}

/// Its name is that of a file, and its value says where it comes from.
fn named<'f>(app: &mut AppFields<'_>, entry: &'f TableEntry) -> Option<Field<'f>> {
    let name = entry.key.as_str();
    let is_plain = !name.contains(['/', '\0']) && !matches!(name, "" | "." | "..");
    if !is_plain || name.len() > LONGEST {
        let message = format!("{} can't be the name of a secret: it is to be a file", quoted(name));
        app.error(entry.at, message);
        return None;
    }
    let field = Field::of(entry);
    if names_one(&entry.node.value) {
        return Some(field);
    }
    // What stands there may be the secret: it is not repeated.
    let message =
        format!("the secret {} must be an object that says where it comes from", quoted(name));
    let finding = Finding::error(entry.node.at, message);
    app.findings.add(finding.hint("{ file: PATH } or { command: [PROGRAM, ...] }"));
    None
}
