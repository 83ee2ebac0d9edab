//! `env_file`: which files of variables an app has, and what is in them.

use std::path::{Path, PathBuf};

use pm_spec::{ByteString, Environment};

use crate::caller::Beside;
use crate::diagnose::{ConfigPlace, Finding, harmless, quoted};
use crate::dotenv::{self, Dialect, FileVariable};
use crate::fields::AppFields;
use crate::ground::ConfigGround;
use crate::tree::{ConfigNode, Value};
use crate::{format, keys, paths};

/// A larger file holds no variables.
const LARGEST: usize = 1 << 20;

/// The variables of all files, a later file over an earlier one; `shell` is what they may name.
pub(crate) fn variables(
    app: &mut AppFields<'_>,
    ground: &ConfigGround<'_>,
    shell: &Environment,
) -> Vec<FileVariable> {
    // PM2 takes it for an environment, which text is none of.
    let field = app.get("env_file").filter(|_| ground.overrides.beside == Beside::All);
    let Some(field) = field else { return Vec::new() };
    if field.node.value.as_text().is_some_and(ByteString::is_empty) {
        return Vec::new();
    }
    let mut seen = shell.clone();
    let mut all: Vec<FileVariable> = Vec::new();
    for node in field.node.each() {
        let Some(wanted) = WantedFile::read(app, node, ground) else { continue };
        for variable in read(app, &wanted, &seen) {
            if let Some(value) = &variable.value {
                seen.set(&variable.name, value.clone());
            }
            all.retain(|before| before.name != variable.name);
            all.push(variable);
        }
    }
    all
}

/// One file that is named.
struct WantedFile {
    at: ConfigPlace,
    path: PathBuf,
    is_required: bool,
    dialect: Dialect,
}

impl WantedFile {
    fn read(app: &mut AppFields<'_>, node: &ConfigNode, ground: &ConfigGround<'_>) -> Option<Self> {
        const WHAT: &str =
            "`env_file` is a path, a list of paths, or of { path: \"...\", required: false }";
        let plain = |text: &ByteString| Self {
            at: node.at,
            path: paths::written(text, ground.folder, &ground.caller.env),
            is_required: true,
            dialect: Dialect::Compose,
        };
        if let Some(text) = node.value.as_text().filter(|text| !text.is_empty()) {
            return Some(plain(text));
        }
        let Some(entries) = node.value.as_table() else {
            app.error(node.at, WHAT);
            return None;
        };
        let path = node.value.get("path").and_then(|it| it.value.as_text());
        let Some(path) = path.filter(|path| !path.is_empty()) else {
            app.findings.add(Finding::error(node.at, "there is no `path`").hint(WHAT));
            return None;
        };
        let mut wanted = plain(path);
        for entry in entries {
            let at = entry.node.at;
            match (entry.key.as_str(), &entry.node.value) {
                ("path", _) | ("format", Value::Null) => {}
                ("required", Value::Bool(required)) => wanted.is_required = *required,
                ("format", Value::Text(text)) if text.as_bytes() == b"raw" => {
                    wanted.dialect = Dialect::Raw;
                }
                ("required", _) => app.error(at, "`required` must be true or false"),
                ("format", _) => app.error(at, "`format` can only be \"raw\""),
                (key, _) => {
                    let finding = Finding::error(entry.at, format!("unknown key {}", quoted(key)));
                    let near = keys::nearest(key, ["path", "required", "format"].into_iter());
                    app.findings.add(finding.hint(WHAT).near(near));
                }
            }
        }
        Some(wanted)
    }
}

fn read(app: &mut AppFields<'_>, wanted: &WantedFile, seen: &Environment) -> Vec<FileVariable> {
    let shown = harmless(&wanted.path.to_string_lossy());
    let bytes = match bytes(&wanted.path) {
        Ok(bytes) => bytes,
        Err(None) if !wanted.is_required => return Vec::new(),
        Err(cause) => {
            let missing = cause.is_none();
            let cause = cause.unwrap_or_else(|| "no such file".into());
            let finding = Finding::error(wanted.at, format!("`env_file` {shown}: {cause}"));
            let hint = format!("if it may be missing: {{ path: \"{shown}\", required: false }}");
            app.findings.add(finding.maybe(missing.then_some(hint)));
            return Vec::new();
        }
    };
    let file = app.findings.other(&shown, None);
    let text = match format::text(&bytes) {
        Ok(text) => text,
        Err(finding) => {
            app.findings.add(finding.of(file));
            return Vec::new();
        }
    };
    let (variables, findings) = dotenv::parse(&text, wanted.dialect, seen);
    app.findings.extend(findings.into_iter().map(|finding| finding.of(file)));
    variables
}

/// What is in a file; no cause: there is none.
fn bytes(path: &Path) -> Result<Vec<u8>, Option<String>> {
    let failed = |error: std::io::Error| {
        let is_missing = error.kind() == std::io::ErrorKind::NotFound;
        (!is_missing).then(|| paths::cause(&error))
    };
    let bytes = paths::head(path, LARGEST + 1).map_err(failed)?;
    if bytes.len() <= LARGEST {
        return Ok(bytes);
    }
    Err(Some(format!("it is larger than {} MiB", LARGEST >> 20)))
}
