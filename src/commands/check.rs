//! `pm check`: reads config files, tells every problem, does nothing else.

use pm_config::{Overrides, read};

use crate::cli::CheckArgs;
use crate::commands::{Session, engine};
use crate::failure::Failure;
use crate::report::{Checked, Report};

pub(super) fn check(session: &Session, args: &CheckArgs) -> Result<Report, Failure> {
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
                problems: ecosystem.warnings.iter().map(ToString::to_string).collect(),
            },
            Err(diagnosis) => Checked {
                file: shown,
                apps: None,
                problems: diagnosis.diagnostics.iter().map(ToString::to_string).collect(),
            },
        }
    };
    Ok(Report::Checked(args.files.iter().map(check).collect()))
}
