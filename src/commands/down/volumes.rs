//! The volumes of a Compose project, which `down --volumes` has the engine remove.

use std::path::PathBuf;
use std::process::{Command, Output};

use crate::commands::support::{bounded, compose_files, engine, targets};
use crate::failure::Exit;
use crate::prelude::{Failure, Report, Session};

/// Those of one project.
pub(super) struct OwnVolumes {
    engine: PathBuf,
    names: Vec<String>,
}

/// The volumes that the project of these files made; `None`: there can be none.
pub(super) fn of(session: &Session, files: &[PathBuf]) -> Result<Option<OwnVolumes>, Failure> {
    let caller = session.caller()?;
    if files.is_empty() && targets::own_file(&caller.cwd).is_some() {
        return Ok(None);
    }
    let files = compose_files::files(files, &caller);
    if files.is_empty() {
        return Ok(None);
    }
    // Also those of services whose profiles are off.
    let project = compose_files::project(session, &files, &caller, (&["*".into()], None))?;
    let names = project.own_volumes();
    let engine = pm_config::container_engine(&caller).filter(|_| !names.is_empty());
    Ok(engine.map(|engine| OwnVolumes { engine, names }))
}

impl OwnVolumes {
    /// Has those removed that are there, and tells of each; one that stays is a failure.
    pub(super) fn remove(&self, session: &Session, report: &mut Report) {
        for name in &self.names {
            let there = self.asked("inspect", name);
            if there.as_ref().is_ok_and(|done| !done.status.success()) {
                continue;
            }
            let why = match there.and_then(|_| self.asked("rm", name)) {
                Ok(done) if done.status.success() => {
                    session.console.talk(&format!("removed volume {name}"));
                    continue;
                }
                Ok(done) => String::from_utf8_lossy(&done.stderr).trim().to_owned(),
                Err(error) => error.to_string(),
            };
            let said = ["error: could not remove volume ", name, ": ", &why, "\n"];
            report.aside.extend(said);
            report.ending = crate::report::ReportExit::Not(Exit::Failed);
        }
    }

    fn asked(&self, what: &str, name: &str) -> std::io::Result<Output> {
        let mut command = Command::new(&self.engine);
        let said = bounded::output(command.args(["volume", what, name]), engine::patience())?;
        said.ok_or_else(|| std::io::Error::other("the engine gives no answer"))
    }
}
