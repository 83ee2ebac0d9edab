//! `pm config`: a Compose project as it is understood: files laid over each other, variables filled in, short forms made long (Compose).

use std::path::PathBuf;

use pm_config::{ComposeProject, compose_override};
use serde_json::{Value, json};

use crate::cli::{ConfigArgs, ModelFormat, SetArgs};
use crate::commands::conf;
use crate::commands::support::targets::{compose_file, unusable};
use crate::prelude::{Failure, Report, Session};

pub(super) fn run(session: &Session, args: ConfigArgs) -> Result<Report, Failure> {
    let caller = session.caller()?;
    let mut files = args.files;
    if files.is_empty() && args.key.is_none() && !session.called_as.is_pm2() {
        files.extend(compose_file(&caller.cwd));
        let over = files.first().and_then(|file| compose_override(&caller.cwd.join(file)));
        files.extend(over);
    }
    if files.is_empty() {
        let args = SetArgs { key: args.key, value: args.value };
        return conf::run(session, &args);
    }
    let paths: Vec<_> = files.iter().map(PathBuf::as_path).collect();
    let read = ComposeProject::load(&paths, &caller, &args.on.profile, args.project.as_deref());
    let (project, warnings) = read.map_err(|diagnosis| unusable(&diagnosis))?;
    for warning in &warnings {
        session.console.talk(&warning.to_string());
    }
    let named = [
        (args.services, project.names("services")),
        (args.profiles, project.profiles()),
        (args.images, project.images()),
        (args.volumes, project.names("volumes")),
        (args.networks, project.names("networks")),
    ];
    if let Some((_, names)) = named.into_iter().find(|(is_wanted, _)| *is_wanted) {
        return Ok(Report::new(
            session.console,
            || names.iter().flat_map(|name| [name.as_str(), "\n"]).collect(),
            || json!(names),
        ));
    }
    if args.quiet {
        return Ok(Report::default());
    }
    let model = || serde_json::from_str::<Value>(&project.json()).unwrap_or_default();
    let text = || match args.format {
        ModelFormat::Json => project.json() + "\n",
        ModelFormat::Yaml => project.yaml(),
    };
    Ok(Report::new(session.console, text, model))
}
