//! Another manager's file as an ecosystem file: what is to be written, and what became of each key.

use std::path::Path;

use pm_spec::{AppSpec, Bytes, Span};
use serde_json::{Value as Json, json};

use crate::caller::{Caller, Overrides};
use crate::diagnose::{ConfigPlace, Diagnosis, Diagnostic, Finding, Findings};
use crate::format::{self, ConfigFormat};
use crate::import_note::ImportNote;
use crate::source::ConfigSource;
use crate::supervisor::{SupervisorProgram, SupervisorServers};
use crate::tree::{TableEntry, Value};
use crate::{compose, foreign, keys, read, supervisor};

/// What is to be written, and what is to be told.
#[derive(Clone, Debug)]
pub struct Import {
    /// The keys of each app, in the order they are to stand.
    pub apps: Vec<Vec<(&'static str, Json)>>,
    /// The apps as they would be started.
    pub specs: Vec<AppSpec>,
    /// What became of each key of the file.
    pub notes: Vec<ImportNote>,
    /// What works but perhaps not as meant, besides what is noted.
    pub warnings: Vec<Diagnostic>,
}

/// Reads a file of another manager, which has to be right.
pub fn import(path: &Path, caller: &Caller) -> Result<Import, Diagnosis> {
    let (source, bytes) = ConfigSource::open(path, caller)?;
    let text = format::text(&bytes).unwrap_or_default();
    // Whatever is wrong with it is told by who loads it.
    let mut apart = Findings::default();
    let (root, notes) = match source.format {
        ConfigFormat::Compose => {
            let read = source.compose(&text, (caller, &[]), &mut apart);
            let read = compose::apps(read, &source.named(), caller, &mut apart);
            (read.root, read.notes)
        }
        ConfigFormat::Supervisor => {
            let read = supervisor::read(&source.named(), &text, (caller, false), &mut apart);
            (Some(read.root), read.notes)
        }
        ConfigFormat::Foreign(format) => {
            let file = source.foreign(format, &text, (caller, false));
            let mut read = foreign::read(&file, &mut apart);
            (Some(read.root()), read.notes)
        }
        ConfigFormat::Json5
        | ConfigFormat::Json
        | ConfigFormat::Yaml
        | ConfigFormat::Toml
        | ConfigFormat::JavaScript => {
            let message = "this is no file of another manager";
            let finding = Finding::error(ConfigPlace::Whole, message);
            let hint = "ecosystem files need no import: `pm start FILE`";
            return Err(source.failed(finding.hint(hint)));
        }
    };
    let ecosystem = read::load(path, caller, &Overrides::default())?;
    let apps = root
        .as_ref()
        .and_then(|root| root.value.get("apps"))
        .map(|node| node.each().iter())
        .into_iter()
        .flatten();
    let apps = apps.filter_map(|app| app.value.as_table()).map(entries).collect();
    let told = |warning: &Diagnostic| {
        let mut places = notes.iter().filter(|note| !note.fate.why().is_empty());
        let ConfigPlace::Line { line, .. } = warning.place else {
            return warning.place != ConfigPlace::Whole;
        };
        let place = format!("{}:{line}", warning.origin);
        !places.any(|note| note.place == place && warning.message.contains(note.fate.why()))
    };
    let warnings = ecosystem.warnings.into_iter().filter(told).collect();
    Ok(Import { apps, specs: ecosystem.apps, notes, warnings })
}

/// The programs of a file of Supervisor, in the order in which Supervisor starts them, and where its clients call.
pub fn supervisor_programs(
    path: &Path,
    caller: &Caller,
) -> Result<(Vec<SupervisorProgram>, SupervisorServers), Diagnosis> {
    let (source, bytes) = ConfigSource::open(path, caller)?;
    let mut findings = Findings::default();
    let text = findings.take(format::text(&bytes)).unwrap_or_default();
    let read = supervisor::read(&source.named(), &text, (caller, false), &mut findings);
    let failed = findings.has_errors();
    source.judged(findings, &text, failed).map(|_| (read.programs, read.servers))
}

/// The keys of an app that say more than what is so anyway.
fn entries(table: &[TableEntry]) -> Vec<(&'static str, Json)> {
    let entry = |entry: &TableEntry| {
        let key = keys::canonical(&entry.key)?;
        let value = json!(entry.node.value);
        (!is_usual(key, &value)).then(|| (key, written(key, &entry.node.value, value)))
    };
    table.iter().filter_map(entry).collect()
}

fn is_usual(key: &str, value: &Json) -> bool {
    let usual = match key {
        "autostart" | "autorestart" | "treekill" => json!(true),
        "min_uptime" => json!(1000),
        "log_keep" => json!(10),
        "args" => json!([]),
        _ => return false,
    };
    *value == usual
}

/// As people write it: times and sizes with their units.
fn written(key: &str, value: &Value, plain: Json) -> Json {
    let Value::Integer(number) = value else { return plain };
    let Ok(number) = u64::try_from(*number) else { return plain };
    match key {
        "min_uptime" | "kill_timeout" => json!(Span::from_millis(number).to_string()),
        "log_max_size" => {
            let text = Bytes::new(number).to_string();
            let is_exact = Bytes::parse(&text).is_ok_and(|read| read.get() == number);
            if is_exact { json!(text) } else { plain }
        }
        _ => plain,
    }
}
