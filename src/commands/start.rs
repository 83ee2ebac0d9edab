//! `pm start`: config files, scripts and known apps, in any mixture. Everything is read and checked before the daemon
//! is asked for anything; a config with a problem starts nothing.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use pm_client::Client;
use pm_config::{Caller, Overrides, Typed, read};
use pm_protocol::{Existing, Outcome, Patience, Raise, Row, Start, Status, What};
use pm_spec::{AppSpec, ByteString, Select};

use crate::cli::{StartArgs, StartFlags};
use crate::commands::logs::Form;
use crate::commands::support::changes::{self, Configs};
use crate::commands::support::described::described;
use crate::commands::support::foreground::{self, Scope, Stay};
use crate::commands::support::targets::{self, Target};
use crate::commands::support::{
    amend, engine, finish, listing, progress, resend, selectors, settings,
};
use crate::commands::{logs, web};
use crate::failure::{Exit, Failure};
use crate::render::outcomes::Completed;
use crate::report::Report;
use crate::session::{Session, environment};

/// What a start of a file does to apps that run.
const AGAIN: &str =
    "`pm start` restarts what runs already; `pm apply FILE` restarts only what has changed";

/// What is to be asked of the daemon.
#[derive(Debug, Default)]
struct Plan {
    /// Apps of config files: a restart takes over what changed (PM2).
    configured: Configs,
    /// Apps of the command line: they must not be up already (PM2).
    scripts: Vec<AppSpec>,
    /// Known ones.
    known: Vec<Select>,
    /// Configs to be written once it is sure that all can be used: file and text.
    files: Vec<(PathBuf, String)>,
}

/// `pm start`.
pub(super) fn run(session: &Session, args: &StartArgs) -> Result<Report, Failure> {
    let flags = &args.flags;
    if flags.parallel.is_some() {
        session.console.talk("warning: --parallel has no effect: apps are started side by side");
    }
    if flags.no_daemon && session.find()?.is_none() {
        return in_the_foreground(session, args);
    }
    let caller = session.caller()?;
    let overrides = overrides(session, flags, &args.args);
    let mut client = None;
    let plan = plan(session, args, &caller, &overrides, &mut client)?;
    write(session, &plan.files)?;
    if plan.configured.apps.is_empty() {
        for_files(session, flags)?;
    }
    let asked = resend::now();
    let mut client = match client {
        Some(client) => client,
        None => session.daemon()?,
    };
    let news = if plan.configured.apps.is_empty() {
        Vec::new()
    } else {
        plan.configured.news(session, &mut client, configured(flags))?
    };
    web::filed::keep(session, &plan.configured.alerts);
    let (is_partial, is_of_files) = (plan.configured.is_partial, !plan.configured.apps.is_empty());
    let outcomes = progress::during(session, "starting", || {
        carry_out(session, &mut client, plan, (flags, &overrides))
    })?;
    let names: Vec<_> = outcomes.iter().map(|outcome| outcome.id).collect();
    let again = outcomes.iter().any(|outcome| outcome.what == What::Restarted);
    let done = finish::done(session, &mut client, outcomes, asked, "nothing to start")?;
    let hint = done
        .hint
        .or_else(|| (again && is_of_files && !session.called_as.is_pm2()).then_some(AGAIN));
    let done = Completed { changes: news, is_partial, hint, ..done };
    if flags.attach || flags.no_daemon {
        return logs::attach(session, &done, &names);
    }
    Ok(done.report(session.console))
}

/// `--no-daemon` where none runs (PM2): what is started lives as long as this command.
fn in_the_foreground(session: &Session, args: &StartArgs) -> Result<Report, Failure> {
    let form = Form::new(session.console, false).stamped("HH:mm:ss");
    foreground::stay(session, &Stay::new(apps(session, args)?, form, Scope::Apps))
}

/// The apps that files and scripts on a command line mean, complete; known ones are not looked up.
pub(super) fn apps(session: &Session, args: &StartArgs) -> Result<Vec<AppSpec>, Failure> {
    let caller = session.caller()?;
    let overrides = overrides(session, &args.flags, &args.args);
    let targets = Target::read_all(session, &words(&args.targets, &caller)?)?;
    if !targets.iter().any(|(target, _)| target.is_config()) {
        for_files(session, &args.flags)?;
    }
    let mut apps = Vec::new();
    for (target, word) in targets {
        if let Some(ecosystem) = target.load(session, &caller, &overrides)? {
            apps.extend(ecosystem.apps);
            continue;
        }
        let script =
            read::script(&word, &caller, &overrides).map_err(|it| targets::unusable_script(&it))?;
        targets::warn(session, &script);
        apps.extend(script.apps);
    }
    Ok(apps)
}

fn plan(
    session: &Session,
    args: &StartArgs,
    caller: &Caller,
    overrides: &Overrides,
    client: &mut Option<Client>,
) -> Result<Plan, Failure> {
    let mut plan = Plan::default();
    let mut rows = None;
    for (target, word) in Target::read_all(session, &words(&args.targets, caller)?)? {
        if let Some(ecosystem) = target.load(session, caller, overrides)? {
            plan.configured.add(ecosystem, overrides);
            continue;
        }
        if let Target::Word(word) = &target
            && names_known(session, word, client, &mut rows)?
        {
            let client = match client.as_mut() {
                Some(client) => client,
                None => client.insert(session.daemon()?),
            };
            plan.known.extend(selectors::one(session, client, word, &mut rows)?);
            continue;
        }
        let ecosystem = read::script(&word, caller, overrides)
            .map_err(|it| stray(targets::unusable_script(&it), args))?;
        targets::warn(session, &ecosystem);
        let mut apps = ecosystem.apps;
        if let Some(app) = apps.first()
            && rests(session, app, client)?
        {
            plan.known.push(Select::Name(app.name.as_str().into()));
            continue;
        }
        if let Some(app) = apps.first().filter(|_| args.flags.write) {
            plan.files.push(config_of(&word, app, (caller, overrides)));
        }
        settings::lay_over(session, &mut apps);
        plan.scripts.extend(apps);
    }
    Ok(plan)
}

/// Of several words a later one is often meant for the program that the first one names.
fn stray(failure: Failure, args: &StartArgs) -> Failure {
    let [first, _, ..] = args.targets.as_slice() else { return failure };
    if failure.hint.as_deref().is_some_and(|hint| hint.starts_with("did you mean")) {
        return failure;
    }
    let first = first.to_string_lossy();
    let hint =
        format!("options and arguments of a program come after `--`: `pm start {first} -- ...`");
    failure.hint(hint)
}

/// What the command line says, as a config that says the same, beside whoever called (PM2).
fn config_of(
    word: &OsStr,
    app: &AppSpec,
    (caller, overrides): (&Caller, &Overrides),
) -> (PathBuf, String) {
    let file = caller.cwd.join(format!("{}-pm2.json", app.name.in_file_names()));
    let mut named = overrides.clone();
    named.given.set("name", Typed::word(app.name.as_str()));
    (file, read::written(word, &named))
}

fn write(session: &Session, files: &[(PathBuf, String)]) -> Result<(), Failure> {
    for (file, text) in files {
        std::fs::write(file, text).map_err(|error| {
            Failure::new(Exit::Failed, format!("could not write {}: {error}", file.display()))
        })?;
        session.console.talk(&format!("wrote {}", file.display()));
    }
    Ok(())
}

/// What is meant; without a word, the ecosystem file that lies here.
pub(super) fn words(targets: &[OsString], caller: &Caller) -> Result<Vec<OsString>, Failure> {
    if !targets.is_empty() {
        return Ok(targets.to_vec());
    }
    let here = targets::default_files(&caller.cwd);
    let words = |(file, over): (PathBuf, Vec<PathBuf>)| {
        std::iter::once(file).chain(over).map(Into::into).collect()
    };
    here.map(words).ok_or_else(|| {
        Failure::input(
            "could not find an ecosystem file here: ecosystem.json5, .json, .yaml, .toml or .config.js",
        )
        .hint("`pm start FILE`, or `pm start SCRIPT -- ARGS`")
    })
}

/// Whether a word means something in the list. Only a running daemon has one; it is asked at most once.
fn names_known(
    session: &Session,
    word: &str,
    client: &mut Option<Client>,
    rows: &mut Option<Vec<Row>>,
) -> Result<bool, Failure> {
    if targets::is_explicit(word) {
        return Ok(true);
    }
    if targets::looks_like_path(word) {
        return Ok(false);
    }
    if rows.is_none() {
        *client = session.find()?;
        *rows = Some(match client {
            Some(client) => listing::rows(client)?,
            None => Vec::new(),
        });
    }
    let is_number = word.parse::<u32>().is_ok();
    let known = rows.as_ref().is_some_and(|rows| targets::is_known(word, rows));
    // A number that is neither known nor a file is a mistyped id.
    Ok(known || (is_number && !Path::new(word).exists()))
}

/// Whether an app of this name and script is known and down. As PM2 it is started as it is known, with all its instances,
/// and takes over what the command line gives; as pm it is made as the command line says.
fn rests(session: &Session, app: &AppSpec, client: &mut Option<Client>) -> Result<bool, Failure> {
    if !session.called_as.is_pm2() {
        return Ok(false);
    }
    if client.is_none() {
        *client = session.find()?;
    }
    let Some(client) = client.as_mut() else { return Ok(false) };
    let is_one = |row: &Row| row.name == app.name.as_str();
    let Some(row) = listing::rows(client)?.into_iter().rfind(is_one) else { return Ok(false) };
    if !matches!(row.status, Status::Stopped | Status::Stopping | Status::Errored) {
        return Ok(false);
    }
    let known = described(client, vec![Select::Id(row.id)])?.descriptions;
    Ok(known.iter().any(|one| one.spec.script == app.script))
}

/// What becomes of apps of a config that are up.
fn configured(flags: &StartFlags) -> Existing {
    if flags.no_restart { Existing::Keep } else { Existing::Restart }
}

fn carry_out(
    session: &Session,
    client: &mut Client,
    plan: Plan,
    (flags, overrides): (&StartFlags, &Overrides),
) -> Result<Vec<Outcome>, Failure> {
    let wait = if flags.no_wait { Patience::Spawned } else { Patience::Settled };
    let no_deps = flags.no_deps;
    let scripts = match (flags.no_restart, flags.force) {
        (true, _) => Existing::Keep,
        (false, true) => Existing::Duplicate,
        (false, false) => Existing::Refuse,
    };
    engine::works(plan.configured.apps.iter())?;
    let mut outcomes = Vec::new();
    let (waiting, configured_apps) = jobs_that_wait(session, client, plan.configured.apps)?;
    for (apps, existing) in [
        (waiting, Existing::Converge),
        (configured_apps, configured(flags)),
        (plan.scripts, scripts),
    ] {
        if !apps.is_empty() {
            outcomes
                .extend(resend::start(client, Start { apps, existing, wait, no_deps })?.outcomes);
        }
    }
    if !plan.known.is_empty() && !overrides.given.is_empty() {
        let how = (overrides, flags, Existing::Restart);
        outcomes.extend(amend::renew(session, client, plan.known, how)?);
    } else if !plan.known.is_empty() {
        let env = flags.update_env.then(environment);
        let raise = Raise { select: plan.known, env, wait, no_deps };
        outcomes.extend(resend::renew(client, &raise)?.outcomes);
    }
    Ok(outcomes)
}

/// Jobs of a config that have run and wait for their schedule, and the other apps. PM2 runs them all.
fn jobs_that_wait(
    session: &Session,
    client: &mut Client,
    apps: Vec<AppSpec>,
) -> Result<(Vec<AppSpec>, Vec<AppSpec>), Failure> {
    if session.called_as.is_pm2() || !apps.iter().any(AppSpec::is_job) {
        return Ok((Vec::new(), apps));
    }
    let known = changes::known(client)?;
    Ok(apps.into_iter().partition(|app| changes::awaits_schedule(app, &known)))
}

/// What the command line says, as the config reader wants it.
pub(super) fn overrides(session: &Session, flags: &StartFlags, args: &[OsString]) -> Overrides {
    let mut given = flags.keys.given.clone();
    let args = args.iter().map(|arg| ByteString::new(arg.clone().into_vec()));
    given.set("args", Typed::Words(args.collect()));
    Overrides {
        only: flags.only.clone(),
        profiles: flags.profiles.profile.clone(),
        env_name: flags.env_name.clone(),
        engine: flags.engine.engine,
        strict: flags.strict,
        develop: false,
        no_deps: flags.no_deps,
        given,
        beside: session.beside(),
    }
}

/// Flags that pick something of a config file, where there is none: refused, or told of where PM2 takes them.
pub(super) fn for_files(session: &Session, flags: &StartFlags) -> Result<(), Failure> {
    let flag = match (&flags.env_name, flags.only.is_empty()) {
        (Some(_), _) => "--env: it picks `env_NAME` of a config file",
        (None, false) => "--only: it picks apps of a config file",
        (None, true) => return Ok(()),
    };
    let message = format!("could not use {flag}, and none is given");
    if session.called_as.is_pm2() {
        session.console.talk(&format!("warning: {message}"));
        return Ok(());
    }
    Err(Failure::input(message))
}
