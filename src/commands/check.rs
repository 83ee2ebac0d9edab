//! `pm check`: reads config files, tells every problem, does nothing else.

use pm_config::{Diagnostic, Ecosystem, Overrides, Severity, read};

use crate::cli::CheckArgs;
use crate::prelude::{Exit, Failure, Report, Session};
use crate::render::json::value;
use crate::render::lines;
use crate::render::text::count;
use crate::session::engine;

pub(super) fn run(session: &Session, args: &CheckArgs) -> Result<Report, Failure> {
    let caller = session.caller()?;
    let overrides = Overrides {
        strict: true,
        env_name: args.env_name.clone(),
        engine: engine(args.engine),
        ..Overrides::default()
    };
    let check = |file: &std::path::PathBuf| {
        let shown = file.display().to_string();
        match read::load(file, &caller, &overrides) {
            Ok(ecosystem) => Checked {
                file: shown,
                apps: Some(ecosystem.apps.iter().map(|app| app.name.to_string()).collect()),
                problems: warnings(&ecosystem),
            },
            Err(diagnosis) => Checked {
                file: shown,
                apps: None,
                problems: diagnosis.diagnostics.iter().map(ToString::to_string).collect(),
            },
        }
    };
    let files: Vec<_> = args.files.iter().map(check).collect();
    let report =
        Report::new(session.console, || files.iter().map(text).collect(), || value(&files));
    let is_unusable = files.iter().any(|file| file.apps.is_none());
    Ok(report.ending(is_unusable.then_some(Exit::Input)))
}

/// What is not sure: nobody is asked here who is known besides.
fn warnings(ecosystem: &Ecosystem) -> Vec<String> {
    let outside = ecosystem
        .outside
        .iter()
        .map(|(_, problem)| Diagnostic { severity: Severity::Warning, ..problem.clone() });
    let all = ecosystem.warnings.iter().cloned().chain(outside);
    all.map(|problem| problem.to_string()).collect()
}

/// One config file and what is wrong with it.
#[derive(Debug, serde::Serialize)]
struct Checked {
    /// The file as it was given.
    file: String,
    /// The names of its apps, if it can be used.
    apps: Option<Vec<String>>,
    /// Every problem, as shown.
    problems: Vec<String>,
}

fn text(file: &Checked) -> String {
    let mut text = lines(&file.problems);
    match &file.apps {
        Some(apps) => {
            let many = count(apps.len(), "app");
            text.extend([&file.file, ": ", &many, ": ", &apps.join(", "), "\n"]);
        }
        None => text.extend([&file.file, ": can't be used\n"]),
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_come_before_what_they_mean() {
        let (file, problems) = ("a.json5".into(), vec!["a.json5:1:2: error: x".into()]);
        let shown = text(&Checked { file, apps: None, problems });
        assert_eq!(shown, "a.json5:1:2: error: x\na.json5: can't be used\n");
    }
}
