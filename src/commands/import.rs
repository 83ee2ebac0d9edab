//! `pm import`: writes another manager's file as an ecosystem file, and says of each of its keys what became of it.

use std::path::Path;

use pm_config::{Import, import};
use pm_spec::{AppSpec, looks_secret};
use serde_json::json;

use crate::cli::ImportArgs;
use crate::commands::support::ecosystem_text::TextFormat;
use crate::commands::support::targets::unusable;
use crate::commands::support::written_file;
use crate::prelude::{Failure, Report, Session};
use crate::render::imported::{self, ImportReport};

pub(super) fn run(session: &Session, args: &ImportArgs) -> Result<Report, Failure> {
    let caller = session.caller()?;
    let name = args.to.to_string_lossy();
    let format = TextFormat::of(&name).ok_or_else(|| {
        Failure::input(format!("could not write into {name}: it is no config by its name"))
            .hint("such as --to ecosystem.json5, .yaml, .toml or .json")
    })?;
    let read = import(&args.file, &caller).map_err(|diagnosis| unusable(&diagnosis))?;
    for warning in &read.warnings {
        session.console.talk(&warning.to_string());
    }
    let about =
        format!("imported from {}; yours to change: `pm up` brings it up", args.file.display());
    let text = format.file(&about, &read.apps);
    if !args.dry_run {
        let file = caller.cwd.join(&args.to);
        write(&file, &text, args.force, &read)?;
    }
    let apps = read.specs.iter().map(|app| app.name.to_string()).collect();
    let file = (!args.dry_run).then(|| name.into_owned());
    let report = ImportReport { file, apps, notes: &read.notes };
    Ok(Report::new(
        session.console,
        || imported::text(&report, session.console.look.colour),
        || json!(imported::document(&report)),
    ))
}

/// What has secrets in it is for its owner alone.
fn write(file: &Path, text: &str, is_forced: bool, read: &Import) -> Result<(), Failure> {
    let hides = |name: &str| looks_secret(name);
    let is_secret = |app: &AppSpec| {
        app.declared_env.iter().any(|name| hides(&name.display())) || !app.hidden_env.is_empty()
    };
    let mode = if read.specs.iter().any(is_secret) { 0o600 } else { 0o666 };
    written_file::write(file, text, is_forced, mode)
}
