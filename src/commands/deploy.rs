//! `pm deploy`: a git repository to hosts over OpenSSH, with hooks (PM2's `deploy`). Hosts are done one after the other,
//! and the first failure ends everything.

use std::path::{Path, PathBuf};

use clap::CommandFactory;
use pm_config::{absolute, read};
use pm_pm2::deploy::{self, DeployHost, DeployStep, DeployWords};
use pm_pm2::shell;

use crate::called;
use crate::cli::{Cli, DeployArgs};
use crate::commands::support::targets;
use crate::prelude::{Failure, Report, Session};

/// `pm deploy`.
pub(super) fn run(session: &Session, args: &DeployArgs) -> Result<Report, Failure> {
    let Some(words) = deploy::parse(&args.words)? else { return Ok(help(session)) };
    let caller = session.caller()?;
    let file = file(&words, &caller.cwd)?;
    let mut deployment = read::deployment(&file, &words.environment, &caller)
        .map_err(|diagnosis| targets::unusable(&diagnosis))?;
    for warning in &deployment.warnings {
        session.console.talk(&warning.to_string());
    }
    if !deployment.path.starts_with(['/', '~']) {
        // PM2's rule: seen from the folder of the caller.
        let path = absolute(Path::new(&deployment.path), &caller.cwd);
        deployment.path = path.to_string_lossy().into_owned();
    }
    if deployment.hooks.post_deploy.is_none() {
        deployment.hooks.post_deploy = Some(again(&file, &words.environment));
    }
    if matches!(words.step, DeployStep::Update | DeployStep::Ref(_)) && !words.is_forced {
        deploy::nothing_is_left_behind()?;
    }
    session.console.talk(&format!("--> deploying to {}", words.environment));
    let mut told = String::new();
    for name in &deployment.hosts {
        session.console.talk(&format!("--> on host {name}"));
        let host = DeployHost { deployment: &deployment, name, shows: !session.console.json };
        told += &deploy::take(&host, &words.step, &|text| session.console.talk(text))?;
    }
    session.console.talk("--> success");
    Ok(if told.is_empty() { Report::default() } else { Report::text(session.console, told) })
}

fn help(session: &Session) -> Report {
    let mut grammar = Cli::command();
    grammar.build();
    let deploy = grammar.find_subcommand_mut("deploy");
    Report::text(session.console, deploy.map(|it| it.render_help().to_string()).unwrap_or_default())
}

/// The config named, or the one that lies here.
fn file(words: &DeployWords, cwd: &Path) -> Result<PathBuf, Failure> {
    if let Some(file) = &words.file {
        return Ok(file.into());
    }
    let package = || cwd.join("package.json").is_file().then(|| "package.json".into());
    // Files of others have no such section, and may lie beside one that has.
    let theirs = || targets::default_file(cwd);
    targets::own_file(cwd).or_else(package).or_else(theirs).ok_or_else(|| {
        Failure::input("could not find a config here: ecosystem.json5 and its kin, or package.json")
            .hint("`pm deploy FILE ENVIRONMENT`")
    })
}

/// What is run at the end where nothing else is said (PM2): the file's apps are started or restarted there.
fn again(file: &Path, environment: &str) -> String {
    let program = called::name();
    format!(
        "{program} startOrRestart {} --env {}",
        shell(&file.to_string_lossy()),
        shell(environment)
    )
}
