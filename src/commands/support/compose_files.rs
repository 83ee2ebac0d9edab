//! The Compose project that files on a command line mean, or the one that lies here.

use std::path::PathBuf;

use pm_config::{Caller, ComposeProject, compose_override};

use crate::commands::support::targets::{compose_file, unusable};
use crate::prelude::{Failure, Session};

/// The files: what was named, or what lies here with what is laid over it; none: no Compose file lies here.
pub(crate) fn files(named: &[PathBuf], caller: &Caller) -> Vec<PathBuf> {
    if !named.is_empty() {
        return named.to_vec();
    }
    let mut files: Vec<_> = compose_file(&caller.cwd).into_iter().collect();
    let over = files.first().and_then(|file| compose_override(&caller.cwd.join(file)));
    files.extend(over);
    files
}

/// The project of these files; what works but perhaps not as meant is told.
pub(crate) fn project(
    session: &Session,
    files: &[PathBuf],
    caller: &Caller,
    (profiles, name): (&[String], Option<&str>),
) -> Result<ComposeProject, Failure> {
    let paths: Vec<_> = files.iter().map(PathBuf::as_path).collect();
    let read = ComposeProject::load(&paths, caller, profiles, name);
    let (project, warnings) = read.map_err(|diagnosis| unusable(&diagnosis))?;
    for warning in &warnings {
        session.console.talk(&warning.to_string());
    }
    Ok(project)
}
