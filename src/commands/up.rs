//! `pm up`: a project becomes what its files say, and what they no longer name goes (Compose).

use std::time::Duration;

use pm_client::Deadline;
use pm_config::{Overrides, near};

use crate::cli::{ApplyArgs, ComposeUpFlags, UpArgs};
use crate::commands::apply;
use crate::commands::support::changes::Configs;
use crate::commands::support::well;
use crate::failure::Exit;
use crate::prelude::{Failure, Report, Session};
use crate::report::ReportExit;

pub(super) fn run(session: &Session, args: UpArgs) -> Result<Report, Failure> {
    let UpArgs { files, how, compose } = args;
    let args = ApplyArgs { files, only: Vec::new(), prune: true, how };
    let overrides = Overrides { develop: compose.watch, ..apply::overrides(&args) };
    let mut configs = apply::configs_by(session, &args, &overrides)?;
    let all = configs.apps.clone();
    for word in &compose.scale {
        scale(&mut configs, word)?;
    }
    let apps = configs.apps.clone();
    let report = apply::carry_out(session, &args, configs)?;
    let is_awaited = compose.wait || compose.wait_timeout.is_some();
    if args.how.dry_run || !is_awaited || report.ending != ReportExit::Well {
        return Ok(report);
    }
    Ok(match well::wait(session, (&apps, &all), deadline(&compose)) {
        Ok(()) => report,
        // What was done stays told.
        Err(failure) => {
            let aside = report.aside.clone() + &failure.to_string();
            Report { aside, ..report.ending(Some(Exit::Failed)) }
        }
    })
}

/// `pm watch`.
pub(super) fn watch(session: &Session, mut args: UpArgs) -> Result<Report, Failure> {
    args.compose.watch = true;
    run(session, args)
}

fn deadline(compose: &ComposeUpFlags) -> Deadline {
    let limit = compose.wait_timeout.map(|seconds| Deadline::after(Duration::from_secs(seconds)));
    limit.unwrap_or(Deadline::NEVER)
}

/// `NAME=N`; with 0 it is as if the file did not name it.
fn scale(configs: &mut Configs, word: &str) -> Result<(), Failure> {
    let parts = word.split_once('=');
    let parts = parts.and_then(|(name, number)| Some((name, number.parse::<u16>().ok()?)));
    let Some((name, number)) = parts else {
        let failure = Failure::input(format!("`--scale {word}` is no NAME=N, N from 0 to 65535"));
        return Err(failure.hint("--scale web=3"));
    };
    let Some(app) = configs.apps.iter_mut().find(|app| app.name.as_str() == name) else {
        let names: Vec<_> = configs.apps.iter().map(|app| app.name.to_string()).collect();
        let failure = Failure::input(format!("no app of these files is called {name}"));
        let names = names.iter().map(String::as_str);
        return Err(match near(name, names).first() {
            Some(known) => failure.hint(format!("did you mean {known}?")),
            None => failure,
        });
    };
    match number {
        0 => configs.apps.retain(|app| app.name.as_str() != name),
        number => app.instances = number,
    }
    Ok(())
}
