//! `pm init`: an ecosystem file to begin with. One that is there is never replaced unless told to.

use std::fs::OpenOptions;
use std::io::{self, Write};

use crate::called;
use crate::cli::InitArgs;
use crate::prelude::{Failure, Report, Session};

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
    let (name, text) = match (args.format.as_str(), is_simple) {
        ("json5", false) => ("ecosystem.json5", include_str!("init/ecosystem.json5")),
        ("json5", true) => ("ecosystem.json5", include_str!("init/simple.json5")),
        ("yaml", false) => ("ecosystem.yaml", include_str!("init/ecosystem.yaml")),
        ("yaml", true) => ("ecosystem.yaml", include_str!("init/simple.yaml")),
        (_, false) => ("ecosystem.config.js", include_str!("init/ecosystem.config.js")),
        (_, true) => ("ecosystem.config.js", include_str!("init/simple.config.js")),
    };
    let file = session.caller()?.cwd.join(name);
    let mut options = OpenOptions::new();
    options.write(true);
    if args.force {
        options.create(true).truncate(true)
    } else {
        options.create_new(true)
    };
    let written = options.open(&file).and_then(|mut file| file.write_all(text.as_bytes()));
    match written {
        Ok(()) => {
            let text = format!("wrote {}; `{} start` takes it", file.display(), called::name());
            Ok(Report::said(session.console, "init", &text))
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let message = format!("could not write {}: it is there already", file.display());
            let kept = Failure::failed(message).hint("--force replaces it");
            if session.called_as.is_pm2() {
                // PM2 replaces it: the script that asks goes on with a file that is there.
                session.console.talk(&kept.to_string().replacen("error", "warning", 1));
                return Ok(Report::said(session.console, "init", "the file that is there is kept"));
            }
            Err(kept)
        }
        Err(error) => {
            let message = format!("could not write {}: {error}", file.display());
            Err(Failure::failed(message))
        }
    }
}
