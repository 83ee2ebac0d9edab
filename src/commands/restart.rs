//! `pm restart`: configs by their new content, the rest by what is known.

use pm_client::Client;
use pm_config::Overrides;
use pm_protocol::{Existing, Outcomes, Patience, Restart};
use pm_spec::Select;

use crate::cli::RestartArgs;
use crate::commands::support::changes::Configs;
use crate::commands::support::gap::GapWatch;
use crate::commands::support::targets::{self, Target, resolve};
use crate::commands::support::{amend, finish, progress, resend};
use crate::commands::{logs, start, web};
use crate::prelude::{Failure, Report, Session};
use crate::render::outcomes::Completed;
use crate::session::environment;

pub(super) fn run(session: &Session, args: &RestartArgs) -> Result<Report, Failure> {
    again(session, args, ("restarting", Existing::Restart), |client, select| {
        let env = args.flags.update_env.then(environment);
        let wait = if args.flags.no_wait { Patience::Spawned } else { Patience::Settled };
        resend::renew(client, &Restart { select, env, wait, no_deps: args.flags.no_deps })
    })
}

/// Restarts in one way or the other: configs by their new content, the rest by what is known.
pub(super) fn again(
    session: &Session,
    args: &RestartArgs,
    (what, existing): (&str, Existing),
    ask: impl FnOnce(&mut Client, Vec<Select>) -> Result<Outcomes, Failure>,
) -> Result<Report, Failure> {
    let targets = Target::read_all(session, &args.targets)?.into_iter().map(|(target, _)| target);
    let (configs, words): (Vec<_>, Vec<_>) = targets.partition(Target::is_config);
    if args.flags.env_name.is_some() && configs.is_empty() {
        return Err(Failure::input(
            "could not use --env: it picks `env_NAME` of a config file, and none is given",
        )
        .hint("--update-env takes this shell's environment over"));
    }
    if configs.is_empty() {
        start::for_files(session, &args.flags)?;
    }
    let mut client = if !configs.is_empty() {
        session.daemon()?
    } else if let Some(client) = session.find()? {
        client
    } else if targets::are_all(&words) {
        session.warn_of_rival();
        return finish::nothing(session, "nothing to restart");
    } else {
        session.need()?
    };
    let select = resolve(session, &mut client, &words, &Overrides::default())?;
    let is_reload = existing == Existing::Reload;
    let is_something = !configs.is_empty() || !select.is_empty();
    // Which apps a config names is not known yet.
    let selected = configs.is_empty().then(|| select.clone());
    let flags = &args.flags;
    let overrides = start::overrides(session, flags, &args.args);
    let watch = || GapWatch::begin(session, &mut client, selected, &overrides.given);
    let gaps = (is_reload && is_something).then(watch).transpose()?;
    let asked = resend::now();
    let mut is_partial = false;
    let (outcomes, news) = progress::during(session, what, || -> Result<_, Failure> {
        let wait = if flags.no_wait { Patience::Spawned } else { Patience::Settled };
        let configs = Configs::load(session, &configs, &overrides)?;
        is_partial = configs.is_partial;
        web::filed::keep(session, &configs.alerts);
        let (mut outcomes, news) =
            configs.again(session, &mut client, (existing, wait, flags.no_deps))?;
        if select.is_empty() {
            return Ok((outcomes, news));
        }
        outcomes.extend(if overrides.given.is_empty() {
            ask(&mut client, select)?.outcomes
        } else {
            amend::renew(session, &mut client, select, (&overrides, flags, existing))?
        });
        Ok((outcomes, news))
    })?;
    let ids: Vec<_> = outcomes.iter().map(|outcome| outcome.id).collect();
    let done = finish::done(session, &mut client, outcomes, asked, "nothing to restart")?;
    let (gaps, signals) = gaps.map(GapWatch::end).unwrap_or_default();
    let done = Completed { changes: news, is_reload, gaps, signals, is_partial, ..done };
    if args.flags.attach || args.flags.no_daemon {
        logs::attach(session, &done, &ids)
    } else {
        Ok(done.report(session.console))
    }
}
