//! Flags on a known app: `restart web --max-memory-restart 300M`, `start web --name site`. Its spec is changed in what
//! was given and nothing else, then the daemon takes it over as it does a file's.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use pm_client::{Client, Deadline};
use pm_config::{Overrides, read};
use pm_protocol::{Existing, Outcome, Rename, Start, Wait};
use pm_spec::{AppSpec, ByteString, LogTarget, Select, Watch};

use crate::cli::StartFlags;
use crate::commands::start;
use crate::commands::support::described::described;
use crate::commands::support::{resend, targets};
use crate::failure::{Exit, Failure};
use crate::session::{Session, environment};

/// Restarts these apps as the flags say; what was down is started. One that gets a new name keeps its numbers, its logs
/// and its counters.
pub(crate) fn restart(
    session: &Session,
    client: &mut Client,
    select: Vec<Select>,
    (flags, args): (&StartFlags, &[OsString]),
) -> Result<Vec<Outcome>, Failure> {
    let overrides = start::overrides(flags, args);
    let described = described(client, select)?.descriptions;
    let mut known: BTreeMap<(String, String), (u32, AppSpec)> = BTreeMap::new();
    for one in described {
        known.entry((one.row.name, one.row.namespace)).or_insert((one.row.id, one.spec));
    }
    if overrides.name.is_some() && known.len() > 1 {
        let message = "could not give several apps one name";
        return Err(Failure::new(Exit::Input, message));
    }
    let mut apps = Vec::new();
    for (id, spec) in known.into_values() {
        let app = amended(session, &spec, &overrides, flags.update_env)?;
        if (&app.name, &app.namespace) != (&spec.name, &spec.namespace) {
            let (name, namespace) = (app.name.clone(), app.namespace.clone());
            let call = Rename { select: vec![Select::Id(id)], name, namespace };
            client.call(&call, Deadline::NEVER)?;
        }
        apps.push(app);
    }
    let wait = if flags.no_wait { Wait::Spawned } else { Wait::Settled };
    let call = Start { apps, existing: Existing::Restart, wait };
    Ok(resend::start(client, call)?.outcomes)
}

/// The spec with what the flags say. They are read as if the app were started anew from its own folder, with its own
/// environment, and then only what was given is taken over.
fn amended(
    session: &Session,
    spec: &AppSpec,
    overrides: &Overrides,
    update_env: bool,
) -> Result<AppSpec, Failure> {
    let path = |bytes: &ByteString| PathBuf::from(OsString::from_vec(bytes.as_bytes().to_vec()));
    let mut spec = spec.clone();
    if update_env {
        spec.env.merge(&environment());
    }
    let mut caller = session.caller()?;
    caller.env = spec.env.clone();
    let mut given = overrides.clone();
    given.name.get_or_insert_with(|| spec.name.to_string());
    // Paths of flags are seen from where they were typed, the script from where it runs.
    given.cwd.get_or_insert_with(|| path(&spec.cwd));
    let interpreter =
        spec.interpreter.as_ref().map_or("none".into(), |it| it.display().into_owned());
    given.interpreter.get_or_insert(interpreter);
    let read = read::script(path(&spec.script), &caller, &given);
    let fresh = read.map_err(|it| targets::unusable_script(&it))?.apps.into_iter().next();
    let Some(fresh) = fresh else { return Ok(spec) };
    take_over(&mut spec, fresh, overrides);
    Ok(spec)
}

/// Takes over fields for which one of their flags was given.
macro_rules! take {
    ($spec:ident, $fresh:ident, $given:ident, $($($flag:ident)|+ => $($field:ident).+,)*) => {
        $(if false $(|| $given.$flag.is_some())+ { $spec.$($field).+ = $fresh.$($field).+; })*
    };
}

/// What was given, out of the fresh spec.
fn take_over(spec: &mut AppSpec, mut fresh: AppSpec, given: &Overrides) {
    if !given.args.is_empty() {
        spec.args = std::mem::take(&mut fresh.args);
    }
    if !given.stop_exit_codes.is_empty() {
        spec.restart.stop_exit_codes = std::mem::take(&mut fresh.restart.stop_exit_codes);
    }
    if !given.watch.is_empty() {
        // PM2: on a known app the flag turns watching on, and off again.
        spec.watch = match spec.watch.take() {
            Some(watch) if watch.on => Some(Watch { on: false, ..watch }),
            Some(_) | None => fresh.watch.take(),
        };
    }
    take_program(spec, &fresh, given);
    take_policy(spec, &fresh, given);
    take_output(spec, fresh, given);
}

fn take_program(spec: &mut AppSpec, from: &AppSpec, given: &Overrides) {
    let fresh = from.clone();
    take! { spec, fresh, given,
        name => name,
        namespace => namespace,
        cwd => cwd,
        interpreter => interpreter,
        interpreter_args => interpreter_args,
        instances => instances,
        execute_command => serving.mode,
        source_maps => serving.source_maps,
        autostart => autostart,
        uid | gid => user,
        wait_ready => serving.wait_ready,
        listen_timeout => serving.listen_timeout,
    }
}

fn take_policy(spec: &mut AppSpec, from: &AppSpec, given: &Overrides) {
    let fresh = from.clone();
    take! { spec, fresh, given,
        autorestart => restart.autorestart,
        max_restarts => restart.max_restarts,
        min_uptime => restart.min_uptime,
        restart_delay | exp_backoff_restart_delay => restart.delay,
        kill_timeout => stop.timeout,
        kill_signal => stop.signal,
        shutdown_with_message => stop.by_message,
        treekill => stop.tree,
        max_memory_restart => limits.memory,
        cron_restart | cron_timezone | cron_after_stop => schedule,
    }
}

fn take_output(spec: &mut AppSpec, fresh: AppSpec, given: &Overrides) {
    if given.disable_logs.is_some() {
        (spec.logs.out, spec.logs.error) = (LogTarget::Discard, LogTarget::Discard);
    }
    take! { spec, fresh, given,
        out_file => logs.out,
        error_file => logs.error,
        log_file => logs.combined,
        merge_logs => logs.merge,
        log_date_format | time | log_type => logs.format,
        pid_file => pid_file,
    }
}
