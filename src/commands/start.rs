//! `pm start`: config files, scripts and known apps, in any mixture. Everything is read and checked before the daemon
//! is asked for anything; a config with a problem starts nothing.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pm_client::Client;
use pm_config::{Caller, Overrides, read};
use pm_protocol::{Existing, Outcome, Raise, Row, Start, Wait};
use pm_spec::{AppSpec, ByteString, Select};

use crate::cli::{StartArgs, StartFlags};
use crate::commands::logs;
use crate::commands::logs::Form;
use crate::commands::support::changes::Configs;
use crate::commands::support::foreground::{self, Scope, Stay};
use crate::commands::support::targets::{self, Target};
use crate::commands::support::{amend, finish, listing, progress, resend, selectors, settings};
use crate::failure::{Exit, Failure};
use crate::render::outcomes::Completed;
use crate::report::Report;
use crate::session::{Session, engine, environment};

/// What is to be asked of the daemon.
#[derive(Debug, Default)]
struct Plan {
    /// Apps of config files: a restart takes over what changed (PM2).
    configured: Configs,
    /// Apps of the command line: they must not be up already (PM2).
    scripts: Vec<AppSpec>,
    /// Known ones.
    known: Vec<Select>,
}

/// `pm start`.
pub(super) fn run(session: &Session, args: &StartArgs) -> Result<Report, Failure> {
    let flags = &args.flags;
    for flag in flags.unsupported.given() {
        session
            .console
            .talk(&format!("warning: {flag} is known from PM2 but has no effect here yet"));
    }
    if flags.no_daemon && session.find()?.is_none() {
        return in_the_foreground(session, args);
    }
    let caller = session.caller()?;
    let overrides = overrides(flags, &args.args);
    let mut client = None;
    let plan = plan(session, args, &caller, &overrides, &mut client)?;
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
    let outcomes = progress::during(session, "starting", || {
        carry_out(session, &mut client, plan, (flags, &args.args))
    })?;
    let names: Vec<_> = outcomes.iter().map(|outcome| outcome.id).collect();
    let done = finish::done(session, &mut client, outcomes, asked, "nothing to start")?;
    let done = Completed { changes: news, ..done };
    if flags.attach || flags.no_daemon {
        return logs::attach(session, &done, &names);
    }
    Ok(done.report(session.console))
}

/// `--no-daemon` where none runs (PM2): what is started lives as long as this command.
fn in_the_foreground(session: &Session, args: &StartArgs) -> Result<Report, Failure> {
    let plan = Stay {
        apps: apps(session, args)?,
        form: Form::new(session.console, false).stamped("HH:mm:ss"),
        auto_exit: false,
        delay: Duration::ZERO,
        scope: Scope::Apps,
        post_exec: None,
    };
    foreground::stay(session, &plan)
}

/// An app whose program is this one, in a hidden verb.
#[cfg(feature = "serve")]
#[derive(Debug)]
pub(super) struct Own {
    pub(super) program: PathBuf,
    pub(super) verb: &'static str,
    /// Its name, unless `--name` says another.
    pub(super) name: String,
    /// Its folder, unless `--cwd` says another.
    pub(super) cwd: PathBuf,
    /// What it is told.
    pub(super) env: Vec<(String, ByteString)>,
}

/// Starts an app of our own as `pm start` starts a script.
#[cfg(feature = "serve")]
pub(super) fn own(session: &Session, own: Own, flags: &StartFlags) -> Result<Report, Failure> {
    let mut overrides = overrides(flags, &[own.verb.into()]);
    overrides.name.get_or_insert(own.name);
    overrides.cwd.get_or_insert(own.cwd);
    overrides.interpreter = Some("none".into());
    overrides.env = own.env;
    let ecosystem = read::script(own.program, &session.caller()?, &overrides)
        .map_err(|it| targets::unusable_script(&it))?;
    targets::warn(session, &ecosystem);
    let plan = Plan { scripts: ecosystem.apps, ..Plan::default() };
    let asked = resend::now();
    let mut client = session.daemon()?;
    let outcomes = progress::during(session, "starting", || {
        carry_out(session, &mut client, plan, (flags, &[]))
    })?;
    finish::report(session, &mut client, outcomes, asked, "nothing to start")
}

/// The apps that files and scripts on a command line mean, complete; known ones are not looked up.
pub(super) fn apps(session: &Session, args: &StartArgs) -> Result<Vec<AppSpec>, Failure> {
    let caller = session.caller()?;
    let overrides = overrides(&args.flags, &args.args);
    let mut apps = Vec::new();
    for word in words(args, &caller)? {
        let target = Target::read(&word)?;
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
    for word in words(args, caller)? {
        let target = Target::read(&word)?;
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
        let ecosystem =
            read::script(&word, caller, overrides).map_err(|it| targets::unusable_script(&it))?;
        targets::warn(session, &ecosystem);
        let mut apps = ecosystem.apps;
        if args.flags.write {
            write(session, &word, (&apps, caller, overrides))?;
        }
        settings::lay_over(session, &mut apps);
        plan.scripts.extend(apps);
    }
    Ok(plan)
}

/// Writes what the command line says as a config that says the same, beside whoever called (PM2).
fn write(
    session: &Session,
    word: &OsStr,
    (apps, caller, overrides): (&[AppSpec], &Caller, &Overrides),
) -> Result<(), Failure> {
    let Some(app) = apps.first() else { return Ok(()) };
    let file = caller.cwd.join(format!("{}-pm2.json", app.name.in_file_names()));
    let named = Overrides { name: Some(app.name.to_string()), ..overrides.clone() };
    std::fs::write(&file, read::written(word, &named)).map_err(|error| {
        Failure::new(Exit::Failed, format!("could not write {}: {error}", file.display()))
    })?;
    session.console.talk(&format!("wrote {}", file.display()));
    Ok(())
}

/// What to start; without a word, the ecosystem file that lies here.
fn words(args: &StartArgs, caller: &Caller) -> Result<Vec<OsString>, Failure> {
    if !args.targets.is_empty() {
        return Ok(args.targets.clone());
    }
    targets::default_file(&caller.cwd).map(|file| vec![file.into()]).ok_or_else(|| {
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

/// What becomes of apps of a config that are up.
fn configured(flags: &StartFlags) -> Existing {
    if flags.no_restart { Existing::Keep } else { Existing::Restart }
}

fn carry_out(
    session: &Session,
    client: &mut Client,
    plan: Plan,
    (flags, args): (&StartFlags, &[OsString]),
) -> Result<Vec<Outcome>, Failure> {
    let wait = if flags.no_wait { Wait::Spawned } else { Wait::Settled };
    let scripts = match (flags.no_restart, flags.force) {
        (true, _) => Existing::Keep,
        (false, true) => Existing::Duplicate,
        (false, false) => Existing::Refuse,
    };
    let mut outcomes = Vec::new();
    for (apps, existing) in [(plan.configured.apps, configured(flags)), (plan.scripts, scripts)] {
        if !apps.is_empty() {
            outcomes.extend(resend::start(client, Start { apps, existing, wait })?.outcomes);
        }
    }
    if !plan.known.is_empty() && is_changed(&overrides(flags, args)) {
        outcomes.extend(amend::restart(session, client, plan.known, (flags, args))?);
    } else if !plan.known.is_empty() {
        let env = flags.update_env.then(environment);
        let raise = Raise { select: plan.known, env, wait };
        outcomes.extend(resend::renew(client, &raise)?.outcomes);
    }
    Ok(outcomes)
}

/// Whether any flag says how an app should be.
pub(super) fn is_changed(overrides: &Overrides) -> bool {
    let Overrides { name, args, interpreter, interpreter_args, instances, cwd, namespace, .. } =
        overrides;
    name.is_some()
        || !args.is_empty()
        || interpreter.is_some()
        || interpreter_args.is_some()
        || instances.is_some()
        || cwd.is_some()
        || namespace.is_some()
        || changes_policy(overrides)
}

fn changes_policy(overrides: &Overrides) -> bool {
    let texts = [
        &overrides.max_restarts,
        &overrides.min_uptime,
        &overrides.restart_delay,
        &overrides.exp_backoff_restart_delay,
        &overrides.kill_timeout,
        &overrides.listen_timeout,
        &overrides.kill_signal,
        &overrides.max_memory_restart,
        &overrides.cron_restart,
        &overrides.cron_timezone,
        &overrides.ignore_watch,
        &overrides.ext,
        &overrides.watch_delay,
        &overrides.log_date_format,
        &overrides.log_type,
        &overrides.uid,
        &overrides.gid,
    ];
    let switches = [
        overrides.execute_command,
        overrides.source_maps,
        overrides.autostart,
        overrides.autorestart,
        overrides.treekill,
        overrides.cron_after_stop,
        overrides.shutdown_with_message,
        overrides.wait_ready,
        overrides.merge_logs,
        overrides.disable_logs,
        overrides.time,
    ];
    let files =
        [&overrides.out_file, &overrides.error_file, &overrides.log_file, &overrides.pid_file];
    texts.iter().any(|text| text.is_some())
        || switches.iter().any(Option::is_some)
        || files.iter().any(|file| file.is_some())
        || !overrides.stop_exit_codes.is_empty()
        || !overrides.watch.is_empty()
}

/// The flags as the config reader wants them.
pub(super) fn overrides(flags: &StartFlags, args: &[OsString]) -> Overrides {
    let given = |flag: bool| flag.then_some(true);
    let denied = |flag: bool| flag.then_some(false);
    let policy = &flags.policy;
    let output = &flags.output;
    let senses = &flags.senses;
    Overrides {
        only: flags.only.clone(),
        env_name: flags.env_name.clone(),
        engine: engine(flags.engine),
        strict: flags.strict,
        namespace: flags.namespace.clone(),
        cwd: flags.cwd.clone(),
        uid: policy.uid.clone(),
        gid: policy.gid.clone(),
        name: flags.name.clone(),
        args: args.iter().map(|arg| ByteString::new(arg.clone().into_vec())).collect(),
        interpreter: flags.interpreter.clone(),
        interpreter_args: flags.interpreter_args.clone(),
        env: Vec::new(),
        filter_env: flags.filter_env.clone(),
        instances: flags.instances.clone(),
        execute_command: given(flags.node.execute_command),
        source_maps: given(flags.node.source_map_support)
            .or(denied(flags.node.disable_source_map_support)),
        autostart: denied(policy.no_autostart),
        autorestart: denied(policy.no_autorestart),
        max_restarts: policy.max_restarts.clone(),
        min_uptime: policy.min_uptime.clone(),
        restart_delay: policy.restart_delay.clone(),
        exp_backoff_restart_delay: policy.exp_backoff_restart_delay.clone(),
        stop_exit_codes: policy.stop_exit_codes.clone(),
        kill_timeout: policy.kill_timeout.clone(),
        kill_signal: policy.kill_signal.clone(),
        shutdown_with_message: given(policy.shutdown_with_message),
        wait_ready: given(policy.wait_ready),
        listen_timeout: policy.listen_timeout.clone(),
        treekill: denied(policy.no_treekill),
        max_memory_restart: policy.max_memory_restart.clone(),
        watch: senses.watch.iter().map(PathBuf::from).collect(),
        cron_restart: senses.cron_restart.clone(),
        cron_timezone: senses.cron_timezone.clone(),
        cron_after_stop: given(senses.cron_after_stop),
        ignore_watch: senses.ignore_watch.clone(),
        ext: senses.ext.clone(),
        watch_delay: senses.watch_delay.clone(),
        out_file: output.output.clone(),
        error_file: output.error.clone(),
        log_file: output.log.clone().map(PathBuf::from),
        merge_logs: given(output.merge_logs),
        disable_logs: given(output.disable_logs),
        log_date_format: output.log_date_format.clone(),
        time: given(output.time),
        log_type: output.log_type.clone(),
        pid_file: output.pid.clone(),
    }
}
