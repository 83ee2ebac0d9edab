//! `pm export`: apps as files of another manager or engine, and what became of each of their keys.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use pm_config::{Caller, Overrides, path_bytes, program_in_path};
use pm_export::{ExportNote, TargetFiles};
use pm_spec::{AppName, AppSpec};
use serde_json::json;

use crate::cli::ExportArgs;
use crate::commands::support::described::described;
use crate::commands::support::targets::{self, Target};
use crate::commands::support::written_file;
use crate::prelude::{Failure, Report, Session};
use crate::render::exported;

pub(super) fn run(session: &Session, args: &ExportArgs) -> Result<Report, Failure> {
    let caller = session.caller()?;
    let (mut apps, written) = apps(session, args, &caller)?;
    if apps.is_empty() {
        let failure = Failure::failed("there is no app to export");
        return Err(failure.hint("name an ecosystem file, or start an app"));
    }
    if args.target.is_here() {
        for app in &mut apps {
            find(app, &caller);
        }
    }
    let mut made = args.target.export(&apps);
    made.notes.retain(|note| is_told(note, &written));
    if let Some(folder) = &args.folder {
        write(&caller.cwd.join(folder), &made, args.force)?;
    }
    let console = session.console;
    let written = args.folder.as_deref();
    let mut report = Report::new(
        console,
        || written.map_or_else(|| exported::files(&made), |_| String::new()),
        || json!(exported::document(&made)),
    );
    if !(console.json || console.silent) {
        let colour = console.colour_wanted && console.talk_is_terminal;
        report.aside = exported::told(&made, written, colour);
    }
    Ok(report)
}

/// The keys that a file has of each app; of what runs nobody knows which were written.
type WrittenKeys = BTreeMap<AppName, BTreeSet<&'static str>>;

/// Whether somebody wrote the key, or something becomes of it that a reader would not think: another name, a secret.
fn is_told(note: &ExportNote, written: &WrittenKeys) -> bool {
    let Some((_, keys)) = written.iter().find(|(name, _)| name.as_str() == note.app) else {
        return true;
    };
    // Variables have many keys, and each of these may be only in a part of the others.
    let key = note.key.split(' ').next().unwrap_or_default();
    matches!(key, "name" | "env" | "secrets") || keys.contains(key)
}

/// The apps of the words: of one config, or of the list.
fn apps(
    session: &Session,
    args: &ExportArgs,
    caller: &Caller,
) -> Result<(Vec<AppSpec>, WrittenKeys), Failure> {
    let mut words = args.apps.clone();
    if words.is_empty() {
        words.extend(targets::own_file(&caller.cwd).map(Into::into));
    }
    let read = Target::read_all(session, &words)?;
    if let [(target, _)] = read.as_slice() {
        let overrides = Overrides::default();
        if let Some(ecosystem) = target.load(session, caller, &overrides)? {
            return Ok((ecosystem.apps, ecosystem.written));
        }
    }
    let mut client = session.need()?;
    let targets: Vec<_> = read.into_iter().map(|(target, _)| target).collect();
    let select = targets::resolve(session, &mut client, &targets, &Overrides::default())?;
    let all = described(&mut client, select)?;
    // One for all instances, in the order of the list.
    let mut known = BTreeSet::new();
    let order = all.descriptions.into_iter().map(|one| one.spec);
    let apps = order.filter(|app| known.insert(app.name.clone()));
    Ok((apps.collect(), WrittenKeys::new()))
}

/// A bare name of a program is that of the app's PATH, which others do not have.
fn find(app: &mut AppSpec, caller: &Caller) {
    let program = app.interpreter.as_mut().unwrap_or(&mut app.script);
    let name = program.display().into_owned();
    let env = if app.env.get("PATH").is_some() { &app.env } else { &caller.env };
    if !name.contains('/')
        && let Some(path) = program_in_path(name.as_ref(), env, Path::new("/"))
    {
        *program = path_bytes(&path);
    }
}

/// All files or none.
fn write(folder: &Path, made: &TargetFiles, is_forced: bool) -> Result<(), Failure> {
    let there = made.files.iter().map(|file| folder.join(&file.name)).find(|file| file.exists());
    if let Some(file) = there.filter(|_| !is_forced) {
        return Err(written_file::kept(&file));
    }
    fs::create_dir_all(folder).map_err(|error| {
        Failure::failed(format!("could not make the folder {}: {error}", folder.display()))
    })?;
    for file in &made.files {
        written_file::write(&folder.join(&file.name), &file.text, is_forced, 0o666)?;
    }
    Ok(())
}
