//! `pm config`: a Compose project as it is understood: files laid over each other, variables filled in, short forms made long (Compose).

use pm_config::ComposeProject;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::cli::{ConfigArgs, ModelFormat, SetArgs};
use crate::commands::conf;
use crate::commands::support::compose_files;
use crate::prelude::{Failure, Report, Session};
use crate::render::lines;

pub(super) fn run(session: &Session, args: ConfigArgs) -> Result<Report, Failure> {
    let caller = session.caller()?;
    let mut named = args.files;
    if named.is_empty() && args.key.is_none() && !session.called_as.is_pm2() {
        named = compose_files::files(&named, &caller);
    }
    if named.is_empty() {
        let args = SetArgs { key: args.key, value: args.value };
        return conf::run(session, &args);
    }
    let of = (args.on.profile.as_slice(), args.project.as_deref());
    let project = compose_files::project(session, &named, &caller, of)?;
    if let Some(wanted) = &args.hash {
        return hashes(session, &project, wanted);
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

/// A line for each service: its name, and what identifies it.
fn hashes(session: &Session, project: &ComposeProject, wanted: &str) -> Result<Report, Failure> {
    let mut all = project.identities();
    all.retain(|(name, _)| wanted == "*" || wanted == name);
    if all.is_empty() && wanted != "*" {
        return Err(Failure::failed(format!("no such service: {wanted}")));
    }
    for (_, text) in &mut all {
        *text = hex(&Sha256::digest(&*text));
    }
    let text = || lines(all.iter().map(|(name, hash)| format!("{name} {hash}")));
    let json = || all.iter().cloned().collect();
    Ok(Report::new(session.console, text, json))
}

fn hex(bytes: &[u8]) -> String {
    let digit = |part: u8| char::from_digit(part.into(), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
