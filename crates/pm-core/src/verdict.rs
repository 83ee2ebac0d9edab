//! What follows an end nobody ordered: rest, again after a pause, or enough.
//!
//! Free functions of plain values; an end we ordered never comes here.

use pm_spec::{Delay, RestartPolicy};

use crate::fact::Ending;
use crate::view::Cause;

/// A run of this length proves that the app works; all streaks are forgotten (PM2: `EXP_BACKOFF_RESET_TIMER`).
pub(crate) const PROVEN_MS: u64 = 30_000;
/// No growing pause is longer (PM2's cap of the exponential one).
const LONGEST_MS: u64 = 15_000;
/// Pauses between runs shorter than `min_uptime` stay below this: `max_restarts` ends them soon enough.
const LONGEST_SHORT_MS: u64 = 1_000;

/// What the recent past of an instance was like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Streaks {
    /// Runs shorter than `min_uptime` in a row (PM2: `unstable_restarts`).
    pub(crate) unstable: u32,
    /// Runs of at least `min_uptime` but not `PROVEN_MS` in a row.
    pub(crate) flaps: u32,
    /// The last pause in ms (PM2: `prev_restart_delay`).
    pub(crate) delay: u64,
}

/// What follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It stays down.
    Rest,
    /// Another run after so many ms.
    Again(u64),
    /// Too many short runs.
    Enough(Cause),
}

/// Whether this end is a good one after which the app stays down: a job that is done.
pub(crate) fn is_done(policy: &RestartPolicy, ending: Ending) -> bool {
    is_stop_code(policy, ending) || (!policy.autorestart && ending == Ending::Exited(0))
}

/// What follows a run of `uptime` ms that ended so, and the past as it is then.
pub(crate) fn verdict(
    policy: &RestartPolicy,
    past: Streaks,
    uptime: u64,
    ending: Ending,
) -> (Verdict, Streaks) {
    if !policy.autorestart || is_stop_code(policy, ending) {
        return (Verdict::Rest, past);
    }
    let short = uptime < policy.min_uptime.as_millis();
    let mut next = if uptime >= PROVEN_MS {
        Streaks { unstable: past.unstable, ..Streaks::default() }
    } else {
        past
    };
    if short {
        next.unstable = past.unstable.saturating_add(1);
        if next.unstable >= policy.max_restarts {
            return (Verdict::Enough(Cause::CrashLoop { runs: next.unstable, last: ending }), next);
        }
    } else {
        next.unstable = 0;
        next.flaps = if uptime >= PROVEN_MS { 0 } else { past.flaps.saturating_add(1) };
    }
    next.delay = pause(policy.delay, next);
    (Verdict::Again(next.delay), next)
}

/// What follows a refused spawn of an automatic restart: it counts as a short run. `None`: enough.
pub(crate) fn refused(policy: &RestartPolicy, past: Streaks) -> (Option<u64>, Streaks) {
    let mut next = Streaks { unstable: past.unstable.saturating_add(1), ..past };
    if !policy.autorestart || next.unstable >= policy.max_restarts {
        return (None, next);
    }
    next.delay = pause(policy.delay, next);
    (Some(next.delay), next)
}

/// The pause before a spawn is tried again because the machine was short of something: 10, 20 ... 1000 ms.
pub(crate) fn retry(past: Streaks) -> Streaks {
    Streaks { delay: past.delay.saturating_mul(2).clamp(10, LONGEST_SHORT_MS), ..past }
}

/// A signal's number is no code (PM2 takes it for code 0).
fn is_stop_code(policy: &RestartPolicy, ending: Ending) -> bool {
    match ending {
        Ending::Exited(code) => policy.stop_exit_codes.contains(&code),
        Ending::Signaled { .. } | Ending::Unknown => false,
    }
}

/// The next pause in ms; `streaks.delay` is the last one.
fn pause(delay: Delay, streaks: Streaks) -> u64 {
    match delay {
        Delay::Fixed(span) => span.as_millis(),
        Delay::Exponential(span) if streaks.delay == 0 => span.as_millis(),
        // Rounded down as PM2 does; three halves in integers.
        Delay::Exponential(_) => LONGEST_MS.min(streaks.delay.saturating_mul(3) / 2),
        Delay::Automatic if streaks.unstable > 0 => {
            grown(10, streaks.unstable, 2).min(LONGEST_SHORT_MS)
        }
        Delay::Automatic => grown(100, streaks.flaps, 3).min(LONGEST_MS),
    }
}

/// Nothing for the first `free` in a row, then `base`, doubling.
fn grown(base: u64, row: u32, free: u32) -> u64 {
    match row.checked_sub(free + 1) {
        None => 0,
        Some(doublings) => base.saturating_mul(1 << doublings.min(30)),
    }
}
