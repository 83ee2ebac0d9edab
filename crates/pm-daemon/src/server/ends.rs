//! How runs ended and why, in words.

use pm_core::{Cause, Ending, RunEnd};
use pm_protocol::EndView;
use pm_spec::Signal;

use crate::clock::Clocks;
use crate::server::dependencies;

/// One end of one run, for people.
pub(crate) fn end_view(end: &RunEnd, clocks: Clocks<'_>) -> EndView {
    let (code, signal) = match end.ending {
        Ending::Exited(code) | Ending::OutOfMemory { code: Some(code), .. } => (Some(code), None),
        Ending::OutOfMemory { code: None, .. } => (None, Some(Signal::KILL.to_string())),
        Ending::Signaled { signal, .. } => (None, Some(signal_name(signal))),
        Ending::Unknown => (None, None),
    };
    let why = match (&end.cause, &end.by) {
        (Cause::Ended(how), _) => ending(*how),
        (cause, Some(by)) => format!("{} by {by} ({})", done(cause), ending(end.ending)),
        (other, None) => format!("{} ({})", cause(other), ending(end.ending)),
    };
    EndView {
        at: clocks.date(end.at),
        lived: end.at.0.saturating_sub(end.since.0),
        pid: end.pid,
        code,
        signal,
        why,
    }
}

/// What somebody did, without who.
fn done(why: &Cause) -> String {
    let told = cause(why);
    told.strip_suffix(" by a command").map(str::to_owned).unwrap_or(told)
}

fn signal_name(number: u8) -> String {
    Signal::try_from(number).map_or_else(|_| number.to_string(), |signal| signal.to_string())
}

/// How something ended, in words.
pub(crate) fn ending(ending: Ending) -> String {
    match ending {
        Ending::Exited(code) => format!("exited with code {code}"),
        Ending::Signaled { signal, core } => {
            let dumped = if core { ", core dumped" } else { "" };
            format!("killed by {}{dumped}", signal_name(signal))
        }
        Ending::OutOfMemory { code: None, limit } => format!(
            "killed by the kernel: its processes together took more than its mem_limit of {limit}"
        ),
        Ending::OutOfMemory { code: Some(code), limit } => format!(
            "exited with code {code} after the kernel had killed one of its processes: together they took more than its \
             mem_limit of {limit}"
        ),
        Ending::Unknown => "ended while nobody was there to see how".into(),
    }
}

/// Why something is not up, in words.
pub(crate) fn cause(why: &Cause) -> String {
    match why {
        Cause::Ended(how) => ending(*how),
        Cause::Stopped => "stopped by a command".into(),
        Cause::Restarted => "restarted by a command".into(),
        Cause::Memory { used, limit } => format!("memory {used} > limit {limit}"),
        Cause::TooLong { limit } => format!("took longer than it may: {limit} (time_limit)"),
        Cause::Scheduled => "restarted by its schedule".into(),
        Cause::FileChanged(path) => format!("watch: {}", path.display()),
        Cause::NotSpawned(why) => format!("could not {why}"),
        Cause::CrashLoop { runs, last } => {
            format!("gave up after {runs} short runs in a row; the last one {}", ending(*last))
        }
        Cause::NotReady { within, saw: None } => {
            format!("did not say within {within} that it is ready")
        }
        Cause::NotReady { within, saw: Some(saw) } => format!("not ready within {within}: {saw}"),
        Cause::Unhealthy { saw } => format!("unhealthy: {saw}"),
        Cause::NotReplaced { signal, within } => {
            format!("did not replace its workers within {within} of {signal}; it runs on")
        }
        Cause::Dependency { on, why } => dependencies::cause(on, why, cause(why)),
        Cause::Outside { within, saw } => {
            format!("waited {within} for {saw}; it begins as soon as that is there")
        }
        Cause::Missing => "there is no such app".into(),
        Cause::Reload => "failed in a reload; the one before goes on".into(),
        Cause::Unkillable => "does not end although killed".into(),
        Cause::Shutdown => "stopped with the manager".into(),
    }
}
