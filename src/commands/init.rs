//! `pm init`: an ecosystem file to begin with, of the apps that lie here, else a sample. One that is there is never replaced unless
//! told to.

use std::path::Path;

use serde_json::json;

use crate::called;
use crate::cli::InitArgs;
use crate::commands::add::{self, AddWish};
use crate::commands::support::written_file::{kept, write};
use crate::prelude::{Exit, Failure, Report, Session};
use crate::render::added::{self, AddPlan};
use crate::render::json::value;

/// For everybody, as far as the caller's mask lets them.
const MODE: u32 = 0o666;

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
    match write(&file, text, args.force, MODE) {
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
    write(&file, &plan.file.lines, args.force, MODE)?;
    Ok(Report::talk(
        session.console,
        || added::begun(&plan, session.console.look),
        || json!({ "done": "init", "plan": value(&plan) }),
    ))
}
