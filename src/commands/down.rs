//! `pm down`: a project's apps are stopped and forgotten, and nobody else's.

mod volumes;

use std::collections::BTreeSet;

use pm_config::{Overrides, read};
use pm_spec::Select;

use crate::cli::DownArgs;
use crate::commands::support::changes::{self, ProjectHome};
use crate::commands::support::{finish, progress, targets};
use crate::commands::{apply, delete, web};
use crate::prelude::{Failure, Report, Session};
use crate::render::safe;
use crate::report::ReportExit;

const NOTHING: &str = "nothing to remove: no app of this project is known";

pub(super) fn run(session: &Session, args: &DownArgs) -> Result<Report, Failure> {
    let here;
    let files = if args.files.is_empty() {
        here = [apply::here(session)?];
        here.as_slice()
    } else {
        args.files.as_slice()
    };
    let caller = session.caller()?;
    let overrides = Overrides { engine: args.engine.engine, ..Overrides::default() };
    let mut projects: BTreeSet<ProjectHome> = BTreeSet::new();
    for file in files {
        let project = read::project(file, &caller, &overrides);
        let project = project.map_err(|diagnosis| targets::unusable(&diagnosis))?;
        let folder = pm_config::absolute(file, &caller.cwd).parent().map(ToOwned::to_owned);
        projects.extend(project.zip(folder).map(|(name, at)| (name.as_str().into(), at)));
    }
    let paths: Vec<_> = files.iter().map(|file| pm_config::absolute(file, &caller.cwd)).collect();
    web::filed::forget(session, &paths);
    let volumes = if args.compose.volumes { volumes::of(session, &args.files)? } else { None };
    let mut report = apps(session, &projects)?;
    if let Some(volumes) = volumes.filter(|_| report.ending == ReportExit::Well) {
        volumes.remove(session, &mut report);
    }
    Ok(report)
}

/// The apps of these projects are stopped and forgotten.
fn apps(session: &Session, projects: &BTreeSet<ProjectHome>) -> Result<Report, Failure> {
    let Some(mut client) = session.find()? else {
        session.warn_of_rival();
        return finish::nothing(session, NOTHING);
    };
    let known = changes::known(&mut client)?;
    let mut doomed = Vec::new();
    for app in &known {
        let Some(home) = changes::project(&app.spec) else { continue };
        if projects.contains(&home) {
            doomed.extend(app.ids.iter().map(|id| Select::Id(*id)));
        } else if projects.iter().any(|(name, _)| *name == home.0) {
            let (app, project, folder) = (&app.spec.name, safe(&home.0), home.1.display());
            session.console.talk(&format!(
                "note: {app} is of a project {project} too, but of that in {folder}: it is left alone"
            ));
        }
    }
    if doomed.is_empty() {
        return finish::nothing(session, NOTHING);
    }
    let done = progress::during(session, "taking down", || delete::surely(&mut client, doomed))?;
    finish::report(session, &mut client, done.outcomes, u64::MAX, NOTHING)
}
