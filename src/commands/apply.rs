//! `pm apply`: what runs becomes what the files say, with no more effort than it takes.

use std::path::PathBuf;

use pm_client::Client;
use pm_config::Overrides;
use pm_protocol::{Existing, Outcome, Patience, Start};
use pm_spec::{AppSpec, Select};

use crate::cli::ApplyArgs;
use crate::commands::support::changes::{Configs, KnownApp, known};
use crate::commands::support::targets::{self, Target};
use crate::commands::support::{engine, finish, progress, resend};
use crate::commands::{delete, web};
use crate::prelude::{Failure, Report, Session};
use crate::render::json::value;
use crate::render::outcomes::Completed;
use crate::render::plan::{self, PlanStep, Planned};

pub(super) fn run(session: &Session, args: &ApplyArgs) -> Result<Report, Failure> {
    let configs = configs(session, args)?;
    carry_out(session, args, configs)
}

/// What the files say.
pub(super) fn configs(session: &Session, args: &ApplyArgs) -> Result<Configs, Failure> {
    configs_by(session, args, &overrides(args))
}

/// What they say, read so.
pub(super) fn configs_by(
    session: &Session,
    args: &ApplyArgs,
    overrides: &Overrides,
) -> Result<Configs, Failure> {
    Configs::load(session, &files(session, args)?, overrides)
}

/// How they are read.
pub(super) fn overrides(args: &ApplyArgs) -> Overrides {
    let how = &args.how;
    Overrides {
        only: args.only.clone(),
        profiles: how.profiles.profile.clone(),
        env_name: how.env_name.clone(),
        strict: how.strict,
        engine: how.engine.engine,
        ..Overrides::default()
    }
}

/// What runs becomes that.
pub(super) fn carry_out(
    session: &Session,
    args: &ApplyArgs,
    configs: Configs,
) -> Result<Report, Failure> {
    let how = &args.how;
    let mut client = if how.dry_run { session.find()? } else { Some(session.daemon()?) };
    let known = client.as_mut().map_or_else(|| Ok(Vec::new()), known)?;
    let mut plan = configs.plan(&known, Existing::Converge);
    if args.prune {
        for one in plan.iter_mut().filter(|one| one.step == PlanStep::Gone) {
            one.step = PlanStep::Remove;
        }
    }
    configs.warn(session, &known, &plan);
    let Some(mut client) = client.filter(|_| !how.dry_run) else {
        let text = || plan::plan(&plan, session.console.look);
        return Ok(Report::new(session.console, text, || value(&plan)));
    };
    let pairs = configs.apps.iter().zip(&plan);
    engine::works(pairs.filter(|(_, one)| one.step != PlanStep::Keep).map(|(app, _)| app))?;
    web::filed::keep(session, &configs.alerts);
    let asked = resend::now();
    let doomed = if args.prune { configs.gone(&known) } else { Vec::new() };
    let wait = if how.no_wait { Patience::Spawned } else { Patience::Settled };
    let outcomes = progress::during(session, "applying", || -> Result<_, Failure> {
        let mut outcomes = remove(&mut client, &doomed)?;
        for (apps, existing) in sorted(configs.apps, &plan) {
            let start = Start { apps, existing, wait, no_deps: false };
            outcomes.extend(resend::start(&mut client, start)?.outcomes);
        }
        Ok(outcomes)
    })?;
    plan.retain(|one| !one.edits.is_empty() || one.step == PlanStep::Gone);
    let done = finish::done(session, &mut client, outcomes, asked, "nothing to apply")?;
    Ok(Completed { changes: plan, ..done }.report(session.console))
}

/// The ecosystem file that lies here.
pub(super) fn here(session: &Session) -> Result<PathBuf, Failure> {
    let cwd = session.caller()?.cwd;
    targets::default_file(&cwd).ok_or_else(|| {
        let message = format!("there is no ecosystem file in {}", cwd.display());
        Failure::input(message).hint("name a config file, or `pm init` writes one to begin with")
    })
}

/// The files; without a word, the ecosystem file that lies here.
fn files(session: &Session, args: &ApplyArgs) -> Result<Vec<Target>, Failure> {
    if args.files.is_empty() {
        let file = here(session)?;
        let over = targets::default_files(&session.caller()?.cwd).map(|(_, over)| over);
        return Ok(vec![Target::File(file, over.unwrap_or_default())]);
    }
    let read = |word: &std::ffi::OsString| match Target::read(word)? {
        // Whatever it is called, it is a config.
        Target::Word(_) => Ok((Target::File(word.into(), Vec::new()), word.clone())),
        Target::Path(path) => Ok((Target::File(path, Vec::new()), word.clone())),
        config @ (Target::File(..) | Target::Stdin(_)) => Ok((config, word.clone())),
    };
    let targets = args.files.iter().map(read).collect::<Result<_, Failure>>()?;
    Ok(targets::merged(targets).into_iter().map(|(target, _)| target).collect())
}

/// First of all: another app may want their ports.
fn remove(client: &mut Client, doomed: &[&KnownApp]) -> Result<Vec<Outcome>, Failure> {
    let ids: Vec<_> =
        doomed.iter().flat_map(|known| &known.ids).map(|id| Select::Id(*id)).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    Ok(delete::surely(client, ids)?.outcomes)
}

/// Those that get new runs apart: should a daemon die under the question, they are asked for again as such.
fn sorted(apps: Vec<AppSpec>, plan: &[Planned]) -> Vec<(Vec<AppSpec>, Existing)> {
    let mut calls = vec![
        (Vec::new(), Existing::Converge),
        (Vec::new(), Existing::Restart),
        (Vec::new(), Existing::Reload),
    ];
    for (app, planned) in apps.into_iter().zip(plan) {
        let existing = match planned.step {
            PlanStep::Restart => Existing::Restart,
            PlanStep::Reload => Existing::Reload,
            PlanStep::Start
            | PlanStep::Add
            | PlanStep::Change
            | PlanStep::Keep
            | PlanStep::Gone
            | PlanStep::Remove => Existing::Converge,
        };
        calls
            .iter_mut()
            .filter(|(_, it)| *it == existing)
            .for_each(|(all, _)| all.push(app.clone()));
    }
    calls.retain(|(apps, _)| !apps.is_empty());
    calls
}
