//! `pm check`: reads config files, tells every problem, does nothing else.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use pm_config::{ConfigFormat, Overrides, read};

use crate::cli::CheckArgs;
use crate::commands::start;
use crate::commands::support::targets::{self, Target};
use crate::prelude::{Exit, Failure, Report, Session};
use crate::render::json::value;
use crate::render::lines;
use crate::render::text::count;
use crate::words::talk;

pub(super) fn run(session: &Session, args: &CheckArgs) -> Result<Report, Failure> {
    let caller = session.caller()?;
    let overrides = Overrides {
        strict: true,
        profiles: args.profiles.profile.clone(),
        env_name: args.env_name.clone(),
        engine: args.engine.engine,
        ..Overrides::default()
    };
    let files: Vec<_> = args.files.iter().map(|file| file.as_os_str().to_owned()).collect();
    let files = start::words(&files, &caller)?;
    // Read as `start` reads them: those that follow each other are one.
    let targets = Target::read_all(session, &files)?;
    let check = |(target, word): (Target, OsString)| -> Result<Checked, Failure> {
        let mut over = Vec::new();
        let read = match target {
            Target::Stdin(bytes) => {
                read::parse(&bytes, ConfigFormat::Json5, "stdin", &caller, &overrides)
            }
            Target::File(first, more) => {
                let further: Vec<_> = more.iter().map(PathBuf::as_path).collect();
                over = more.iter().map(|file| file.display().to_string()).collect();
                read::load_all(&first, &further, &caller, &overrides)
            }
            Target::Word(_) | Target::Path(_) => read::load(Path::new(&word), &caller, &overrides),
        };
        // What `start` and `apply` refuse is an error here as well.
        let (apps, problems): (_, Vec<_>) = match targets::all_known(session, read)? {
            Ok(ecosystem) => {
                let names = ecosystem.apps.iter().map(|app| app.name.to_string()).collect();
                (Some(names), ecosystem.warnings)
            }
            Err(diagnosis) => (None, diagnosis.diagnostics),
        };
        let problems = problems.iter().map(ToString::to_string).collect();
        Ok(Checked { file: word.to_string_lossy().into_owned(), over, apps, problems })
    };
    let files: Vec<_> = targets.into_iter().map(check).collect::<Result<_, _>>()?;
    let told = || talk(&files.iter().map(text).collect::<String>()).into_owned();
    let report = Report::new(session.console, told, || value(&files));
    let is_unusable = files.iter().any(|file| file.apps.is_none());
    Ok(report.ending(is_unusable.then_some(Exit::Input)))
}

/// One config file and what is wrong with it.
#[derive(Debug, serde::Serialize)]
struct Checked {
    /// The file as it was given.
    file: String,
    /// The files that are laid over it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    over: Vec<String>,
    /// The names of its apps, if it can be used.
    apps: Option<Vec<String>>,
    /// Every problem, as shown.
    problems: Vec<String>,
}

fn text(file: &Checked) -> String {
    let mut text = lines(&file.problems);
    let shown = std::iter::once(&file.file).chain(&file.over).cloned().collect::<Vec<_>>();
    let shown = shown.join(" + ");
    match &file.apps {
        Some(apps) => {
            let many = count(apps.len(), "app");
            text.extend([&shown, ": ", &many, ": ", &apps.join(", "), "\n"]);
        }
        None => text.extend([&shown, ": can't be used\n"]),
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_come_before_what_they_mean() {
        let (file, problems) = ("a.json5".into(), vec!["a.json5:1:2: error: x".into()]);
        let shown = text(&Checked { file, over: Vec::new(), apps: None, problems });
        assert_eq!(shown, "a.json5:1:2: error: x\na.json5: can't be used\n");
    }
}
