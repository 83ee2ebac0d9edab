//! An app that goes round: it ends soon after each start, by itself or by a rule of its own, and looks well in between.

use std::mem::discriminant;

use pm_core::{Cause, Ending, InstanceView, RunEnd};
use pm_spec::{AppSpec, Delay};

use crate::clock::Clocks;
use crate::server::ends::ending;

/// Fewer ends in a row may be chance.
const FEWEST: usize = 3;
/// Ends that are further apart than this, in ms, are no round.
const APART: u64 = 60_000;
/// Who saves a file now and then is quick, but not as quick as a program that writes one when it begins.
const APART_FILES: u64 = 5_000;

/// How often it ended alike in a row within what time, and what would end that. It is told of ends, not of now, so that it changes
/// with them only.
pub(crate) fn told(instance: &InstanceView<'_>, clocks: Clocks<'_>) -> Option<String> {
    let last = instance.history.back().filter(|_| instance.wanted && instance.run.is_some())?;
    let (what, apart, cure) = meaning(last, instance.app)?;
    let mut next = clocks.here();
    let mut alike = 0;
    let mut begun = next;
    for end in instance.history.iter().rev() {
        let at = clocks.date(end.at);
        if !is_alike(end, last) || next.saturating_sub(at) > apart {
            break;
        }
        (next, alike, begun) = (at, alike + 1, clocks.date(end.since));
    }
    let within = clocks.date(last.at).saturating_sub(begun).div_ceil(1000);
    let within = match within {
        0..120 => format!("{within}s"),
        longer => format!("{}m", longer.div_ceil(60)),
    };
    (alike >= FEWEST).then(|| format!("{what} {alike} times in {within}: {cure}"))
}

/// What is said of an end that is followed by the next run at once, and how far such ends may be apart. `None`: it is to begin again.
fn meaning(end: &RunEnd, app: &AppSpec) -> Option<(String, u64, &'static str)> {
    let paused = matches!(app.restart.delay, Delay::Fixed(span) | Delay::Exponential(span) if span.as_millis() > 0);
    Some(match &end.cause {
        Cause::Ended(_) if !app.restart.autorestart || app.is_job() => return None,
        // Who asks for a pause asks for what comes behind it.
        Cause::Ended(Ending::Exited(0)) if paused => return None,
        Cause::Ended(Ending::Exited(0)) => {
            ("ended with code 0".into(), APART, "`autorestart: false` if its work is done then")
        }
        Cause::Ended(how) => (ending(*how), APART, "`pm why` shows its last words"),
        Cause::Memory { limit, .. } => (
            format!("restarted for its memory (limit {limit})"),
            APART,
            "raise `max_memory_restart`, for it needs more",
        ),
        Cause::FileChanged(path) => (
            format!("restarted for a change of {}", path.display()),
            APART_FILES,
            "`ignore_watch` is for what it writes itself",
        ),
        Cause::Unhealthy { .. } => (
            "restarted for it was unhealthy".into(),
            APART,
            "`pm describe` shows what its `healthcheck` asks and when",
        ),
        Cause::Stopped
        | Cause::Restarted
        | Cause::TooLong { .. }
        | Cause::Scheduled
        | Cause::NotSpawned(_)
        | Cause::CrashLoop { .. }
        | Cause::NotReady { .. }
        | Cause::NotReplaced { .. }
        | Cause::Dependency { .. }
        | Cause::Outside { .. }
        | Cause::Missing
        | Cause::Reload
        | Cause::Unkillable
        | Cause::Shutdown => return None,
    })
}

/// Whether two ended for the same reason, whatever was measured then.
fn is_alike(one: &RunEnd, other: &RunEnd) -> bool {
    match (&one.cause, &other.cause) {
        (Cause::Ended(one), Cause::Ended(other)) => one == other,
        (one, other) => discriminant(one) == discriminant(other),
    }
}
