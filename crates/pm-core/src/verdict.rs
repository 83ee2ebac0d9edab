//! What follows an end nobody ordered: rest, again after a pause, or enough.
//!
//! Free functions of plain values; an end we ordered never comes here.

use pm_spec::{Delay, RestartPolicy};

use crate::end::{Cause, Ending};

/// A run of this length proves that the app works; all streaks are forgotten (PM2: `EXP_BACKOFF_RESET_TIMER`).
pub(crate) const PROVEN_MS: u64 = 30_000;
/// No growing pause is longer (PM2's cap of the exponential one).
const LONGEST_MS: u64 = 15_000;
/// So many failures in a row, each after at least `min_uptime` and less than `PROVEN_MS`, have no pause at all: whoever
/// kills an app now and then wants it back at once (PM2 makes no pause whatever happens).
const FREE_FLAPS: u32 = 10;
/// So many in a row are flapping: only then does the pause grow beyond `LONGEST_FLAP_MS`.
const FLAPPING: u32 = 30;
/// The longest pause of what is not flapping yet.
const LONGEST_FLAP_MS: u64 = 1_600;
/// Pauses between runs shorter than `min_uptime` stay below this: `max_restarts` ends them soon enough.
const LONGEST_SHORT_MS: u64 = 1_000;

/// Whoever lives shorter than this can fill a machine with runs.
pub(crate) const TICK_MS: u64 = 1_000;
/// So many short runs or failures in a row go by the pause that was asked for, however short it is: `max_restarts` mostly ends them
/// long before.
const FREE_RUNS: u32 = 1000;

/// What the recent past of an instance was like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Streaks {
    /// Runs shorter than `min_uptime` in a row (PM2: `unstable_restarts`).
    pub(crate) unstable: u32,
    /// Failures after at least `min_uptime` but not `PROVEN_MS` in a row.
    pub(crate) flaps: u32,
    /// The last pause in ms (PM2: `prev_restart_delay`).
    pub(crate) delay: u64,
}

impl Streaks {
    /// Runs in a row that were short or failed.
    pub(crate) fn failures(self) -> u32 {
        self.unstable.saturating_add(self.flaps)
    }

    /// Whether either row is so long that no pause may be shorter than a second.
    fn is_long(self) -> bool {
        self.unstable.max(self.flaps) > FREE_RUNS
    }
}

/// What follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It stays down.
    StayDown,
    /// Another run after so many ms.
    RestartAfter(u64),
    /// Too many short runs.
    GiveUp(Cause),
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
    if let Some(retries) = policy.start_retries {
        return begun(policy, retries, past, (uptime, ending));
    }
    if !policy.autorestart || is_stop_code(policy, ending) {
        return (Verdict::StayDown, past);
    }
    // Whoever says how long the pause is gets that one.
    let is_asked = policy.delay != Delay::Automatic;
    let short = uptime < policy.min_uptime.as_millis();
    let mut next = if uptime >= PROVEN_MS {
        Streaks { unstable: past.unstable, ..Streaks::default() }
    } else {
        past
    };
    let failed = uptime < PROVEN_MS && ending != Ending::Exited(0);
    if short {
        next.unstable = past.unstable.saturating_add(1);
        if next.unstable >= policy.max_restarts {
            return (Verdict::GiveUp(Cause::CrashLoop { runs: next.unstable, last: ending }), next);
        }
    } else {
        next.unstable = 0;
        next.flaps = if failed { past.flaps.saturating_add(1) } else { 0 };
    }
    // What ends well has its work done and is to begin again.
    let at_once = policy.delay == Delay::Automatic && ending == Ending::Exited(0);
    next.delay = if at_once { 0 } else { pause(policy.delay, next) };
    // Of what is neither short nor a failure nobody keeps count.
    if next.is_long() || !(short || failed || is_asked) {
        next.delay = next.delay.max(rest_of_tick(uptime));
    }
    (Verdict::RestartAfter(next.delay), next)
}

/// The same where only its beginnings are judged (Supervisor): what has lived for `min_uptime` has begun, and whatever happens
/// later is no failure of the start; what has not is tried again, even if it ended well. Supervisor looks each second, so
/// no two begin within one.
fn begun(
    policy: &RestartPolicy,
    retries: u32,
    past: Streaks,
    (uptime, ending): (u64, Ending),
) -> (Verdict, Streaks) {
    if uptime >= policy.min_uptime.as_millis() {
        let rests = !policy.autorestart || is_stop_code(policy, ending);
        if rests {
            return (Verdict::StayDown, Streaks::default());
        }
        let delay = rest_of_tick(uptime);
        return (Verdict::RestartAfter(delay), Streaks { delay, ..Streaks::default() });
    }
    match tried(retries, past) {
        (Some(pause), next) => (Verdict::RestartAfter(pause), next),
        (None, next) => {
            (Verdict::GiveUp(Cause::CrashLoop { runs: next.unstable, last: ending }), next)
        }
    }
}

/// One more try that came to nothing, and the pause before the next: a second longer each time. `None`: enough.
fn tried(retries: u32, past: Streaks) -> (Option<u64>, Streaks) {
    let unstable = past.unstable.saturating_add(1);
    let delay = u64::from(unstable).saturating_mul(1000);
    ((unstable <= retries).then_some(delay), Streaks { unstable, delay, ..past })
}

/// What follows a refused spawn of an automatic restart: it counts as a short run. `None`: enough.
pub(crate) fn refused(policy: &RestartPolicy, past: Streaks) -> (Option<u64>, Streaks) {
    if let Some(retries) = policy.start_retries {
        return tried(retries, past);
    }
    let mut next = Streaks { unstable: past.unstable.saturating_add(1), ..past };
    if !policy.autorestart || next.unstable >= policy.max_restarts {
        return (None, next);
    }
    next.delay = pause(policy.delay, next);
    if next.is_long() {
        next.delay = next.delay.max(rest_of_tick(0));
    }
    (Some(next.delay), next)
}

/// The pause after a run of `uptime` ms with which no two begin within a second.
fn rest_of_tick(uptime: u64) -> u64 {
    TICK_MS.saturating_sub(uptime)
}

/// The pause before a spawn is tried again because the machine was short of something: 10, 20 ... 1000 ms.
pub(crate) fn retry(past: Streaks) -> Streaks {
    Streaks { delay: past.delay.saturating_mul(2).clamp(10, LONGEST_SHORT_MS), ..past }
}

/// A signal's number is no code (PM2 takes it for code 0).
fn is_stop_code(policy: &RestartPolicy, ending: Ending) -> bool {
    match ending {
        Ending::Exited(code) | Ending::OutOfMemory { code: Some(code), .. } => {
            policy.stop_exit_codes.contains(&code)
        }
        Ending::Signaled { .. } | Ending::OutOfMemory { code: None, .. } | Ending::Unknown => false,
    }
}

/// The next pause in ms; `streaks.delay` is the last one.
pub(crate) fn pause(delay: Delay, streaks: Streaks) -> u64 {
    match delay {
        Delay::Fixed(span) => span.as_millis(),
        Delay::Exponential(span) if streaks.delay == 0 => span.as_millis(),
        // Rounded down as PM2 does; three halves in integers.
        Delay::Exponential(_) => LONGEST_MS.min(streaks.delay.saturating_mul(3) / 2),
        // Who now lives a little longer than `min_uptime` and now a little less is not begun anew by either.
        Delay::Automatic => short_pause(streaks.unstable).max(flap_pause(streaks.flaps)),
    }
}

fn short_pause(runs: u32) -> u64 {
    grown(10, runs, 2).min(LONGEST_SHORT_MS)
}

fn flap_pause(flaps: u32) -> u64 {
    if flaps <= FLAPPING {
        return grown(100, flaps, FREE_FLAPS).min(LONGEST_FLAP_MS);
    }
    grown(2 * LONGEST_FLAP_MS, flaps, FLAPPING).min(LONGEST_MS)
}

/// Nothing for the first `free` in a row, then `base`, doubling.
fn grown(base: u64, row: u32, free: u32) -> u64 {
    match row.checked_sub(free + 1) {
        None => 0,
        Some(doublings) => base.saturating_mul(1 << doublings.min(30)),
    }
}

#[cfg(test)]
mod tests {
    use pm_spec::Span;

    use super::*;

    const CRASH: Ending = Ending::Exited(1);

    fn policy(delay: Delay) -> RestartPolicy {
        RestartPolicy { delay, stop_exit_codes: [0, 3].into(), ..RestartPolicy::default() }
    }

    fn past(unstable: u32, flaps: u32, delay: u64) -> Streaks {
        Streaks { unstable, flaps, delay }
    }

    #[test]
    fn an_end_and_the_past_make_a_verdict() {
        let none = past(0, 0, 0);
        let again = |ms| Verdict::RestartAfter(ms);
        let automatic = policy(Delay::Automatic);
        let killed = Ending::Signaled { signal: 9, core: false };
        let many = |runs, last| Verdict::GiveUp(Cause::CrashLoop { runs, last });
        let memory = |code| Ending::OutOfMemory { code, limit: pm_spec::Bytes::new(1) };
        for (row, (before, uptime, ending, verdict_, after)) in [
            // A code is a code, also after a kill for memory.
            (none, 5, memory(Some(3)), Verdict::StayDown, none),
            (none, 5, memory(Some(4)), again(0), past(1, 0, 0)),
            (none, 5, memory(None), again(0), past(1, 0, 0)),
            (none, 5, Ending::Exited(3), Verdict::StayDown, none),
            (none, 5, Ending::Exited(0), Verdict::StayDown, none),
            // A signal is no code (PM2 takes it for 0).
            (none, 5, killed, again(0), past(1, 0, 0)),
            (none, 5, Ending::Unknown, again(0), past(1, 0, 0)),
            (none, 999, CRASH, again(0), past(1, 0, 0)),
            (past(1, 0, 0), 999, CRASH, again(0), past(2, 0, 0)),
            (past(2, 0, 0), 999, CRASH, again(10), past(3, 0, 10)),
            (past(8, 0, 320), 999, CRASH, again(640), past(9, 0, 640)),
            (past(9, 0, 640), 999, CRASH, again(1000), past(10, 0, 1000)),
            (past(14, 0, 1000), 999, CRASH, again(1000), past(15, 0, 1000)),
            (past(15, 0, 1000), 999, CRASH, many(16, CRASH), past(16, 0, 1000)),
            (past(15, 0, 1000), 1000, CRASH, again(0), past(0, 1, 0)),
            (past(0, 2, 0), 29_999, CRASH, again(0), past(0, 3, 0)),
            (past(0, 9, 0), 1000, CRASH, again(0), past(0, 10, 0)),
            (past(0, 10, 0), 1000, killed, again(100), past(0, 11, 100)),
            (past(0, 13, 400), 1000, CRASH, again(800), past(0, 14, 800)),
            (past(0, 14, 800), 1000, CRASH, again(1600), past(0, 15, 1600)),
            (past(0, 29, 1600), 1000, CRASH, again(1600), past(0, 30, 1600)),
            (past(0, 30, 1600), 1000, CRASH, again(3200), past(0, 31, 3200)),
            (past(0, 32, 6400), 1000, CRASH, again(12_800), past(0, 33, 12_800)),
            (past(0, 33, 12_800), 1000, CRASH, again(15_000), past(0, 34, 15_000)),
            (past(0, u32::MAX, 15_000), 1000, CRASH, again(15_000), past(0, u32::MAX, 15_000)),
            (past(5, 9, 4000), 30_000, CRASH, again(0), none),
            // Short runs among longer ones.
            (past(0, 12, 200), 700, CRASH, again(200), past(1, 12, 200)),
            (past(1, 12, 200), 1300, CRASH, again(400), past(0, 13, 400)),
            (past(6, 11, 100), 700, CRASH, again(160), past(7, 11, 160)),
        ]
        .into_iter()
        .enumerate()
        {
            let got = verdict(&automatic, before, uptime, ending);
            assert_eq!(got, (verdict_, after), "row {row}");
        }
    }

    #[test]
    fn what_ends_well_begins_again_at_once() {
        let well = Ending::Exited(0);
        let automatic = RestartPolicy::default();
        let again = |ms| Verdict::RestartAfter(ms);
        for (before, uptime, after) in [
            (past(0, 40, 15_000), 3000, past(0, 0, 0)),
            (past(9, 3, 640), 3000, past(0, 0, 0)),
            (past(9, 3, 640), 30_000, past(0, 0, 0)),
            (past(9, 3, 640), 5, past(10, 3, 0)),
        ] {
            assert_eq!(verdict(&automatic, before, uptime, well), (again(0), after));
        }
        // But never for ever without having lived.
        let enough = Verdict::GiveUp(Cause::CrashLoop { runs: 16, last: well });
        assert_eq!(verdict(&automatic, past(15, 0, 0), 5, well).0, enough);
        // Pauses that somebody asked for are made.
        let fixed = RestartPolicy { delay: Delay::Fixed(Span::from_secs(3)), ..automatic };
        assert_eq!(verdict(&fixed, past(0, 0, 0), 3000, well).0, again(3000));
    }

    #[test]
    fn pauses_are_those_of_pm2() {
        let exponential = policy(Delay::Exponential(Span::from_millis(100)));
        let mut streaks = Streaks::default();
        let mut pauses = [0; 14];
        for pause in &mut pauses {
            streaks = verdict(&exponential, streaks, 5000, CRASH).1;
            *pause = streaks.delay;
        }
        let expected =
            [100, 150, 225, 337, 505, 757, 1135, 1702, 2553, 3829, 5743, 8614, 12_921, 15_000];
        assert_eq!(pauses, expected);
        let (after, _) = verdict(&exponential, streaks, 30_000, CRASH);
        assert_eq!(after, Verdict::RestartAfter(100), "forgotten after 30 s");
        let fixed = policy(Delay::Fixed(Span::from_secs(3)));
        assert_eq!(verdict(&fixed, streaks, 30_000, CRASH).0, Verdict::RestartAfter(3000));
        let once = RestartPolicy { autorestart: false, ..policy(Delay::Automatic) };
        assert_eq!(verdict(&once, streaks, 0, CRASH), (Verdict::StayDown, streaks));
    }

    #[test]
    fn never_to_be_tried_again_means_the_first_short_run_is_enough() {
        let zero = RestartPolicy { max_restarts: 0, ..policy(Delay::Automatic) };
        let enough = Verdict::GiveUp(Cause::CrashLoop { runs: 1, last: CRASH });
        assert_eq!(verdict(&zero, Streaks::default(), 0, CRASH).0, enough);
        assert_eq!(verdict(&zero, Streaks::default(), 1000, CRASH).0, Verdict::RestartAfter(0));
    }

    #[test]
    fn who_retries_starts_judges_nothing_but_beginnings() {
        let again = |ms| Verdict::RestartAfter(ms);
        let many = |runs, last| Verdict::GiveUp(Cause::CrashLoop { runs, last });
        let well = Ending::Exited(0);
        let unexpected = RestartPolicy { start_retries: Some(3), ..policy(Delay::Automatic) };
        let once = RestartPolicy { autorestart: false, ..unexpected.clone() };
        for (row, (policy, before, uptime, ending, verdict_, after)) in [
            // A good code is no good start, and neither `autorestart` nor codes are asked.
            (&unexpected, past(0, 0, 0), 999, well, again(1000), past(1, 0, 1000)),
            (&once, past(1, 0, 1000), 5, CRASH, again(2000), past(2, 0, 2000)),
            (&unexpected, past(2, 0, 2000), 5, CRASH, again(3000), past(3, 0, 3000)),
            (&unexpected, past(3, 0, 3000), 5, CRASH, many(4, CRASH), past(4, 0, 4000)),
            // What has begun is followed at once, however often.
            (&unexpected, past(3, 0, 3000), 1000, CRASH, again(0), past(0, 0, 0)),
            (&unexpected, past(0, 40, 0), 1000, CRASH, again(0), past(0, 0, 0)),
            (&unexpected, past(2, 0, 0), 1000, well, Verdict::StayDown, past(0, 0, 0)),
            (&once, past(0, 0, 0), 1000, CRASH, Verdict::StayDown, past(0, 0, 0)),
        ]
        .into_iter()
        .enumerate()
        {
            assert_eq!(verdict(policy, before, uptime, ending), (verdict_, after), "row {row}");
        }
        let never = RestartPolicy { start_retries: Some(0), ..unexpected.clone() };
        assert_eq!(verdict(&never, past(0, 0, 0), 5, CRASH).0, many(1, CRASH));
        let at_once = RestartPolicy { min_uptime: Span::ZERO, ..unexpected };
        // Supervisor looks each second.
        assert_eq!(verdict(&at_once, past(0, 0, 0), 0, CRASH), (again(1000), past(0, 0, 1000)));
        assert_eq!(verdict(&at_once, past(0, 0, 1000), 300, CRASH), (again(700), past(0, 0, 700)));
        assert_eq!(verdict(&at_once, past(0, 0, 700), 1000, CRASH), (again(0), past(0, 0, 0)));
        assert_eq!(refused(&at_once, past(0, 0, 0)), (Some(1000), past(1, 0, 1000)));
        assert_eq!(refused(&at_once, past(3, 0, 3000)).0, None);
    }

    #[test]
    fn no_rules_let_an_app_begin_more_than_once_a_second_for_long() {
        let millis = Span::from_millis;
        for delay in [
            Delay::Automatic,
            Delay::Fixed(millis(0)),
            Delay::Fixed(millis(1)),
            Delay::Exponential(millis(1)),
        ] {
            for min_uptime in [0, 5, 1000].map(millis) {
                for start_retries in [None, Some(u32::MAX)] {
                    for (uptime, ending) in
                        [0, 4, 6].into_iter().flat_map(|ms| [(ms, CRASH), (ms, Ending::Exited(0))])
                    {
                        let policy = RestartPolicy {
                            delay,
                            min_uptime,
                            max_restarts: u32::MAX,
                            start_retries,
                            ..RestartPolicy::default()
                        };
                        let is_counted = ending == CRASH || uptime < min_uptime.as_millis();
                        if delay != Delay::Automatic && start_retries.is_none() && !is_counted {
                            // Whoever wants it so.
                            continue;
                        }
                        let (mut streaks, mut begun, mut now) = (Streaks::default(), 0, 0);
                        while now < 60_000 && begun <= 1061 {
                            let (what, next) = verdict(&policy, streaks, uptime, ending);
                            let Verdict::RestartAfter(pause) = what else { panic!("{what:?}") };
                            (streaks, begun, now) = (next, begun + 1, now + uptime + pause);
                        }
                        assert!(begun <= 1061, "{begun}: {policy:?} {uptime} {ending:?}");
                    }
                }
                let policy =
                    RestartPolicy { delay, max_restarts: u32::MAX, ..RestartPolicy::default() };
                assert!(refused(&policy, past(1000, 0, 0)).0 >= Some(1000));
            }
        }
    }

    #[test]
    fn refused_spawns_are_short_runs_and_short_machines_are_not() {
        let automatic = policy(Delay::Automatic);
        assert_eq!(refused(&automatic, past(2, 1, 0)), (Some(10), past(3, 1, 10)));
        assert_eq!(refused(&automatic, past(15, 1, 0)).0, None);
        let once = RestartPolicy { autorestart: false, ..automatic };
        assert_eq!(refused(&once, past(0, 0, 0)).0, None);
        let mut streaks = Streaks::default();
        let mut pauses = [0; 9];
        for pause in &mut pauses {
            streaks = retry(streaks);
            *pause = streaks.delay;
        }
        assert_eq!(pauses, [10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
        assert_eq!((streaks.unstable, streaks.flaps), (0, 0));
    }

    #[test]
    fn a_job_is_done_when_it_ends_well_and_is_not_wanted_again() {
        let jobs = RestartPolicy { autorestart: false, ..RestartPolicy::default() };
        assert!(is_done(&jobs, Ending::Exited(0)));
        assert!(!is_done(&jobs, CRASH) && !is_done(&jobs, Ending::Unknown));
        assert!(is_done(&policy(Delay::Automatic), Ending::Exited(3)));
        assert!(!is_done(&RestartPolicy::default(), Ending::Exited(0)));
    }
}
