//! The only translator between the core's words and the wire's.

use std::net::SocketAddr;

use pm_core::{Became, Cause, Core, Ending, InstanceView, Outcome, Pause, Refused, Status, Time};
use pm_protocol::{Code, Description, JobView, LogShape, LogSource, Refusal, Row, What};
use pm_spec::{Health, LogFormat, Signal};

use super::{dependencies, rounds};
use crate::clock::{self, Clocks};
use crate::plan;
use crate::sampler::Figures;
use crate::server::ends::{cause, end_view, ending};

/// One line of the list, of an app whose next time is this.
pub(crate) fn row(
    instance: &InstanceView<'_>,
    figures: &Figures,
    (clocks, next): (Clocks<'_>, Option<u64>),
) -> Row {
    let pid = instance.run.and_then(|(_, identity)| identity).map_or(0, |identity| identity.pid);
    let note = instance
        .failure
        .map(cause)
        .or_else(|| waiting(instance))
        .or_else(|| dependencies::waits(instance, cause))
        .or_else(|| figures.commands.note_of(instance, None))
        .or_else(|| failed_job(instance))
        .or_else(|| not_well(instance))
        .or_else(|| figures.blocked.note_of(instance))
        .or_else(|| failing(instance, clocks));
    let round = if note.is_none() { rounds::told(instance, clocks) } else { None };
    Row {
        id: instance.id.0,
        name: instance.app.name.to_string(),
        namespace: instance.app.namespace.to_string(),
        version: instance.app.version.as_ref().map(|version| version.display().into_owned()),
        slot: instance.slot,
        pid,
        status: instance.status,
        restarts: instance.restarts,
        unstable: instance.unstable,
        started_at: instance.since.filter(|_| pid != 0).map_or(0, |since| clocks.date(since)),
        created_at: clocks.date(instance.created),
        usage: instance.run.map(|(run, _)| figures.of(run)).unwrap_or_default(),
        user: instance
            .app
            .user
            .as_ref()
            .and_then(|user| user.uid.as_ref())
            .map(ToString::to_string),
        mode: instance.app.serving.mode,
        watching: (instance.wanted || instance.resting)
            && instance.app.watch.as_ref().is_some_and(|watch| watch.on),
        goes_round: round.is_some(),
        flapping: is_flapping(instance, clocks),
        note: note.or(round).or_else(|| figures.commands.failure_of(instance)),
        job: instance.app.is_job().then(|| Box::new(job(instance, (clocks, next)))),
        health: instance.health,
        waits_for: dependencies::waits_for(instance),
    }
}

/// When a job runs next, and how its runs went.
fn job(instance: &InstanceView<'_>, (clocks, next): (Clocks<'_>, Option<u64>)) -> JobView {
    JobView {
        next,
        runs: instance.job.runs,
        failures: instance.job.failures,
        skipped: instance.job.skipped,
        last: instance.history.back().map(|end| clocks.date(end.at)),
        failed: instance.last_failure.is_some(),
    }
}

/// Everything about one instance but its pids, which somebody else knows.
pub(crate) fn description(
    instance: &InstanceView<'_>,
    figures: &Figures,
    (clocks, next): (Clocks<'_>, Option<u64>),
) -> Description {
    let paths = plan::log_paths(instance.app, instance.id);
    let pid_file = plan::pid_file(instance.app, instance.id);
    let mut row = row(instance, figures, (clocks, next));
    row.note = figures.commands.note_of(instance, Some(clock::now())).or(row.note);
    Description {
        row,
        spec: (**instance.app).clone(),
        rests: instance.rests,
        out: paths.out,
        error: paths.error,
        combined: paths.combined,
        pid_file: pid_file.map(|path| path.into_os_string().into_encoded_bytes().as_slice().into()),
        pids: Vec::new(),
        ends: instance.history.iter().map(|end| end_view(end, clocks)).collect(),
        last_delay: instance.last_delay,
        next_start: instance.next_start.map(|at| clocks.date(at)),
        next_cron: next,
        stopped_by: stopped_by(instance),
        status: None,
        pulse: pm_protocol::Pulse::default(),
    }
}

/// Who stopped it: it is down for no other reason.
fn stopped_by(instance: &InstanceView<'_>) -> Option<String> {
    let is_stopped = instance.status == Status::Stopped && !instance.wanted && !instance.resting;
    instance.by.filter(|_| is_stopped).map(ToString::to_string)
}

/// What a process said about itself.
pub(crate) fn pulse(pulse: pm_node::PmxState) -> pm_protocol::Pulse {
    let pm_node::PmxState { actions, monitor, options, .. } = pulse;
    pm_protocol::Pulse { actions, monitor, options }
}

/// Where one instance's output lies.
pub(crate) fn source(instance: &InstanceView<'_>) -> LogSource {
    let paths = plan::log_paths(instance.app, instance.id);
    LogSource {
        id: instance.id.0,
        name: instance.app.name.to_string(),
        namespace: instance.app.namespace.to_string(),
        out: paths.out,
        error: paths.error,
        combined: paths.combined,
        shape: match &instance.app.logs.format {
            LogFormat::Raw => LogShape::Raw,
            LogFormat::Stamped(format) => LogShape::Stamped(format.clone()),
            LogFormat::Json(_) => LogShape::Json,
        },
    }
}

/// That it waits for its next run, how long and why.
fn waiting(instance: &InstanceView<'_>) -> Option<String> {
    let why = match instance.pause? {
        Pause::Shortage => "the machine is short of something".into(),
        Pause::Retry(number, of) => format!("it failed and is tried again, {number} of {of}"),
        Pause::Asked => "the pause its config asks for".into(),
        Pause::ShortRuns(1) => "a short run".into(),
        Pause::ShortRuns(runs) => format!("{runs} short runs"),
        Pause::Failures(1) => "a failure".into(),
        Pause::Failures(runs) => format!("{runs} failures in a row"),
        Pause::Brief => "no app is started twice within a second for long".into(),
        Pause::Forgotten => "it failed before its counters were reset".into(),
    };
    Some(format!("waits {}: {why}", seconds(instance.last_delay)))
}

/// A run that is older proves more than those before it, in ms.
const OLD: u64 = 60_000;

/// Whether it has failed so often in a row that it is called out, and not run for long since.
fn is_flapping(instance: &InstanceView<'_>, clocks: Clocks<'_>) -> bool {
    let limit = instance.app.restart.flapping_limit;
    let is_called_out = limit > 0 && instance.failures >= limit;
    let is_up = instance.status == Status::Online;
    is_called_out && instance.status != Status::Stopped && (!is_up || is_young(instance, clocks))
}

fn is_young(instance: &InstanceView<'_>, clocks: Clocks<'_>) -> bool {
    let age = |began| clocks.wall().saturating_sub(clocks.date(began));
    instance.since.is_some_and(|began| age(began) < OLD)
}

/// That it runs again after failures: up to the next one it looks well.
fn failing(instance: &InstanceView<'_>, clocks: Clocks<'_>) -> Option<String> {
    let has_failed = instance.run.is_some() && instance.failures > 0;
    let last = instance.history.back().filter(|_| has_failed && is_young(instance, clocks))?;
    let many = match instance.failures {
        1 => "a failure".into(),
        failures => format!("{failures} failures in a row"),
    };
    let how = if let why @ Cause::Unhealthy { .. } = &last.cause {
        cause(why)
    } else {
        ending(last.ending)
    };
    let was = if how.starts_with("exited") || how.starts_with("ended") { "" } else { "was " };
    Some(format!("{many} before this run; it {was}{how}"))
}

/// That it runs and has not answered well when it was last asked.
fn not_well(instance: &InstanceView<'_>) -> Option<String> {
    let saw = instance.saw?;
    Some(match instance.health {
        Some(Health::Unhealthy) => format!("unhealthy: {saw}"),
        Some(_) if instance.status == Status::Online => format!("last health check: {saw}"),
        Some(_) | None if instance.status == Status::Launching => format!("not ready yet: {saw}"),
        Some(_) | None => return None,
    })
}

/// That the last run of a job that waits for its schedule failed: nothing else says it until the next.
fn failed_job(instance: &InstanceView<'_>) -> Option<String> {
    instance.last_failure.map(|why| format!("its last run failed: {}", cause(why)))
}

/// What became of one instance, with what helps to understand a failure.
pub(crate) fn outcome(
    outcome: &Outcome,
    core: &Core,
    (asked, listens): (Time, &[SocketAddr]),
) -> pm_protocol::Outcome {
    let instance = core.instance(outcome.instance);
    let is_launching =
        instance.as_ref().is_some_and(|instance| instance.status == Status::Launching);
    // What is given its sockets says nothing itself; it is seen.
    let is_given =
        instance.as_ref().is_some_and(|it| !it.app.listen.is_empty() && !it.app.serving.wait_ready);
    let what = match &outcome.became {
        Became::Started => What::Started,
        Became::Restarted => What::Restarted,
        Became::Reloaded(_) => What::Reloaded,
        Became::Unchanged => What::Unchanged,
        Became::Finished => What::Finished,
        Became::Stopped => What::Stopped,
        Became::Deleted => What::Deleted,
        Became::Reset => What::Reset,
        Became::Signaled => What::Signaled,
        Became::Amended => What::Amended,
        Became::Added => What::Added,
        Became::Superseded => What::Superseded,
        Became::Failed(Cause::NotReady { within, saw: None }) if is_given && !is_launching => {
            What::Failed(format!("took no callers within {within}; the one before goes on"))
        }
        Became::Failed(why @ Cause::NotReady { .. }) if is_launching => What::Unready(cause(why)),
        Became::Failed(why) => What::Failed(cause(why)),
    };
    let error_log = instance
        .as_ref()
        .filter(|_| what.is_failure())
        .and_then(|instance| plan::log_paths(instance.app, instance.id).error);
    let identity =
        instance.as_ref().and_then(|instance| instance.run).and_then(|(_, identity)| identity);
    pm_protocol::Outcome {
        id: outcome.instance.0,
        name: outcome.name.to_string(),
        what,
        pid: identity.map_or(0, |identity| identity.pid),
        error_log,
        note: instance
            .as_ref()
            .and_then(|instance| killed(&outcome.became, instance, asked))
            .or_else(|| reached(&outcome.became, listens))
            .or_else(|| awaits(&outcome.became, instance.as_ref()?))
            .or_else(|| replaced(&outcome.became)),
        exit: exit(&outcome.became),
    }
}

/// That a start of a job has it wait.
fn awaits(became: &Became, instance: &InstanceView<'_>) -> Option<String> {
    let waits = *became == Became::Added && instance.app.waits_for_its_time();
    waits.then(|| format!("runs at its times; `pm run {}` runs it now", instance.app.name))
}

/// How a run ended, as a shell tells it.
fn exit(became: &Became) -> Option<u8> {
    // As timeout(1) has it.
    if matches!(became, Became::Failed(Cause::TooLong { .. })) {
        return Some(124);
    }
    let Became::Failed(Cause::Ended(how)) = became else { return None };
    match how {
        Ending::Exited(code) | Ending::OutOfMemory { code: Some(code), .. } => Some(*code),
        Ending::Signaled { signal, .. } => Some(signal.saturating_add(128)),
        Ending::OutOfMemory { code: None, .. } => Some(u8::from(Signal::KILL).saturating_add(128)),
        Ending::Unknown => None,
    }
}

/// Where it can be reached from now on.
fn reached(became: &Became, listens: &[SocketAddr]) -> Option<String> {
    let is_new = matches!(became, Became::Started | Became::Restarted);
    let usage = pm_protocol::Usage { listens: listens.to_vec(), ..pm_protocol::Usage::default() };
    (is_new && !listens.is_empty()).then(|| format!("listens on {}", usage.addresses()))
}

/// By what its workers are new.
fn replaced(became: &Became) -> Option<String> {
    let Became::Reloaded(signal) = became else { return None };
    Some(format!("workers replaced by {signal}"))
}

/// That a stop did not end it: who reads this can give it more time, or teach it the signal.
fn killed(became: &Became, instance: &InstanceView<'_>, asked: Time) -> Option<String> {
    let end = instance.history.back().filter(|end| end.at >= asked)?;
    let kill = u8::from(Signal::KILL);
    let is_kill = matches!(end.ending, Ending::Signaled { signal, .. } if signal == kill);
    let by_us = matches!(end.cause, Cause::Stopped | Cause::Restarted);
    let stop = &instance.app.stop;
    let told = matches!(became, Became::Stopped | Became::Restarted);
    if !told || !is_kill || !by_us || stop.signal == Signal::KILL {
        return None;
    }
    let who = if matches!(became, Became::Restarted) { "the one before was " } else { "" };
    let (time, signal) = (seconds(stop.timeout.as_millis()), stop.signal);
    Some(format!("{who}killed after {time}: it did not end by {signal} (kill_timeout)"))
}

/// `1.6 s`, or `300 ms`.
fn seconds(ms: u64) -> String {
    match (ms / 1000, ms % 1000 / 100) {
        (0, _) => format!("{ms} ms"),
        (whole, 0) => format!("{whole} s"),
        (whole, tenth) => format!("{whole}.{tenth} s"),
    }
}

/// Why nothing was done.
pub(crate) fn refusal(refused: &Refused) -> Refusal {
    let (code, message, hint) = match refused {
        Refused::NoMatch(select) => (
            Code::NotFound,
            format!("no app matches `{select}`"),
            Some("`pm list` shows what there is".into()),
        ),
        Refused::Ambiguous { select, candidates } => {
            let meanings: Vec<String> = candidates
                .iter()
                .map(|(word, ids)| {
                    let ids: Vec<String> = ids.iter().map(|id| id.0.to_string()).collect();
                    format!("{word} (ids {})", ids.join(", "))
                })
                .collect();
            (
                Code::Ambiguous,
                format!("`{select}` could mean {}", meanings.join(" or ")),
                Some("write it with its prefix".into()),
            )
        }
        Refused::AlreadyUp(name) => (
            Code::AlreadyRunning,
            format!("`{name}` is up already"),
            Some(format!("`pm restart {name}` restarts it; `--force` starts another one")),
        ),
        Refused::NoJob(name) => (
            Code::Unable,
            format!("`{name}` is no job: it is restarted when it ends"),
            Some("`autorestart: false` or a `schedule` makes it one; `pm start` starts it".into()),
        ),
        Refused::Running(name) => (
            Code::AlreadyRunning,
            format!("`{name}` runs already"),
            Some(format!("`pm logs {name}` shows what it does, `pm stop {name}` ends it")),
        ),
        Refused::NameTaken(name) => (
            Code::AlreadyRunning,
            format!("the name `{name}` has an app already, or several would get it"),
            Some("choose another name, or another namespace".into()),
        ),
        Refused::UnknownDependency { app, on } => dependencies::unknown(app, on),
        Refused::NeverCompletes { app, on } => dependencies::endless(app, on),
        Refused::NoHealthCheck { app, on } => dependencies::unasked(app, on),
        Refused::Circle(way) => dependencies::circle(way),
        Refused::Leaving => {
            (Code::Leaving, "the daemon is shutting down".into(), Some("try again".into()))
        }
        Refused::Reloading(name) => (
            Code::Busy,
            format!("`{name}` is being reloaded already"),
            Some("wait for it to end; `--force` begins anew all the same".into()),
        ),
        Refused::TooMany => (Code::TooMany, "there can't be more instances".into(), None),
    };
    Refusal { code, message, hint }
}

/// Something of the system failed.
pub(crate) fn system(error: &dyn std::fmt::Display) -> Refusal {
    Refusal { code: Code::System, message: format!("could not {error}"), hint: None }
}

/// Saving or loading failed.
pub(crate) fn storage(error: &crate::store::StoreError) -> Refusal {
    use std::error::Error as _;
    let cause = error.source().map(|source| format!(": {source}")).unwrap_or_default();
    let hint = matches!(error, crate::store::StoreError::Nothing(_))
        .then(|| "`pm save` writes one".to_owned());
    Refusal { code: Code::Storage, message: format!("could not {error}{cause}"), hint }
}

/// Log files gave trouble.
pub(crate) fn trouble(problems: &[String]) -> Refusal {
    Refusal { code: Code::Storage, message: problems.join("; "), hint: None }
}
