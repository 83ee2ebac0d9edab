//! `pm init`: an ecosystem file to begin with, of the apps that lie here, else a sample. One that is there is never replaced unless
//! told to.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

use serde_json::json;

use crate::called;
use crate::cli::InitArgs;
use crate::commands::add::{self, AddWish};
use crate::prelude::{Exit, Failure, Report, Session};
use crate::render::added::{self, AddPlan};
use crate::render::json::value;

/// `pm init [simple]`.
pub(super) fn run(session: &Session, args: &InitArgs) -> Result<Report, Failure> {
    let is_simple = match args.kind.as_deref() {
        None => false,
        Some("simple") => true,
        // PM2 takes any word and means the usual file.
        Some(_) if session.called_as.is_pm2() => false,
        Some(word) => {
            return Err(Failure::input(format!("there is no kind `{word}` of file to begin with"))
                .hint("`pm init`, or `pm init simple`"));
        }
    };
    let cwd = session.caller()?.cwd;
    let looks = !session.called_as.is_pm2() && args.kind.is_none();
    if looks && add::has_apps(&cwd) {
        return found(session, args, &cwd);
    }
    let (name, text) = match (args.format.as_deref().unwrap_or("js"), is_simple) {
        ("json5", false) => ("ecosystem.json5", include_str!("init/ecosystem.json5")),
        ("json5", true) => ("ecosystem.json5", include_str!("init/simple.json5")),
        ("yaml", false) => ("ecosystem.yaml", include_str!("init/ecosystem.yaml")),
        ("yaml", true) => ("ecosystem.yaml", include_str!("init/simple.yaml")),
        (_, false) => ("ecosystem.config.js", include_str!("init/ecosystem.config.js")),
        (_, true) => ("ecosystem.config.js", include_str!("init/simple.config.js")),
    };
    let file = cwd.join(name);
    match write(&file, text, args.force) {
        Ok(()) => {
            let text = format!("wrote {}; `{} start` takes it", file.display(), called::name());
            Ok(Report::said(session.console, "init", &text))
        }
        Err(kept) if kept.exit == Exit::Failed && file.exists() && session.called_as.is_pm2() => {
            // PM2 replaces it: the script that asks goes on with a file that is there.
            session.console.talk(&kept.to_string().replacen("error", "warning", 1));
            Ok(Report::said(session.console, "init", "the file that is there is kept"))
        }
        Err(failure) => Err(failure),
    }
}

/// A file with the apps that lie here.
fn found(session: &Session, args: &InitArgs, cwd: &Path) -> Result<Report, Failure> {
    let name = match args.format.as_deref() {
        Some("js") => "ecosystem.config.js",
        Some("yaml") => "ecosystem.yaml",
        Some(_) | None => "ecosystem.json5",
    };
    let file = cwd.join(name);
    if file.exists() && !args.force {
        return Err(kept(&file));
    }
    let plan = AddPlan::make(session, &AddWish::fresh(cwd.to_owned(), file.clone()))?;
    write(&file, &plan.file.lines, args.force)?;
    Ok(Report::talk(
        session.console,
        || added::begun(&plan, session.console.look),
        || json!({ "done": "init", "plan": value(&plan) }),
    ))
}

fn kept(file: &Path) -> Failure {
    let message = format!("could not write {}: it is there already", file.display());
    Failure::failed(message).hint("--force replaces it")
}

fn write(file: &Path, text: &str, is_forced: bool) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true);
    if is_forced {
        options.create(true).truncate(true)
    } else {
        options.create_new(true)
    };
    let written = options.open(file).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| {
        if error.kind() == io::ErrorKind::AlreadyExists {
            return kept(file);
        }
        Failure::failed(format!("could not write {}: {error}", file.display()))
    })
}
