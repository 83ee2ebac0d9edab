//! The table: what is wanted and where it stands make one step.
//!
//! Pure, and never longer than a screen: every rule about when to do what is one line here.

use crate::id::Time;
use crate::phase::{Phase, Want};

/// What to do next with an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing, until a fact or the phase's deadline comes.
    Rest,
    /// Make a run.
    Spawn,
    /// Ask the run to go.
    Ask,
    /// Force it to go.
    Force,
    /// Stop hoping.
    Lose,
    /// Leave a phase without a run for `Down`.
    Calm,
    /// Forget the instance.
    Forget,
}

/// One step; called until it says `Rest` or `Forget`.
pub(crate) fn settle(phase: &Phase, want: Want, now: Time) -> Step {
    use {Phase as P, Want as W};
    match (phase, want) {
        (P::Down, W::Up | W::Renewed) => Step::Spawn,
        (P::Down, W::Gone) => Step::Forget,
        (P::Up { .. }, W::Renewed | W::Down | W::Gone) => Step::Ask,
        (P::Stopping(going), _) if now >= going.force_at => Step::Force,
        (P::Killing { lost_at, .. }, _) if now >= *lost_at => Step::Lose,
        (P::Killing { again_at, .. }, _) if now >= *again_at => Step::Force,
        (P::Backoff { until, .. }, W::Up) if now >= *until => Step::Spawn,
        (P::Backoff { .. } | P::Failed { .. }, W::Renewed | W::Down | W::Gone) => Step::Calm,
        (P::Down, W::Down)
        | (P::Up { .. } | P::Backoff { .. } | P::Failed { .. }, W::Up)
        | (P::Starting { .. } | P::Stopping(_) | P::Killing { .. } | P::Lost(_), _) => Step::Rest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Identity;
    use crate::id::RunId;
    use crate::phase::{Going, Life};
    use crate::view::Cause;

    const LIFE: Life =
        Life { run: RunId(1), identity: Identity { pid: 7, started: 7, inode: 7 }, since: Time(0) };

    fn going() -> Going {
        Going { life: LIFE, force_at: Time(100), cause: Cause::Stopped, ended: false }
    }

    /// Each row: a phase, the time, and the step for up, renewed, down, gone.
    #[test]
    fn want_and_phase_make_a_step() {
        use Step::{Ask, Calm, Force, Forget, Lose, Rest, Spawn};
        let killing = Phase::Killing { going: going(), again_at: Time(200), lost_at: Time(250) };
        let backoff = |retry| Phase::Backoff { until: Time(100), retry };
        let rows = [
            (Phase::Down, 0, [Spawn, Spawn, Rest, Forget]),
            (Phase::Starting { run: RunId(1) }, 9999, [Rest, Rest, Rest, Rest]),
            (Phase::Up { life: LIFE, ready: false }, 9999, [Rest, Ask, Ask, Ask]),
            (Phase::Up { life: LIFE, ready: true }, 9999, [Rest, Ask, Ask, Ask]),
            (Phase::Stopping(going()), 99, [Rest, Rest, Rest, Rest]),
            (Phase::Stopping(going()), 100, [Force, Force, Force, Force]),
            (killing.clone(), 199, [Rest, Rest, Rest, Rest]),
            (killing.clone(), 200, [Force, Force, Force, Force]),
            (killing, 250, [Lose, Lose, Lose, Lose]),
            (Phase::Lost(going()), 9999, [Rest, Rest, Rest, Rest]),
            (backoff(false), 99, [Rest, Calm, Calm, Calm]),
            (backoff(false), 100, [Spawn, Calm, Calm, Calm]),
            (backoff(true), 100, [Spawn, Calm, Calm, Calm]),
            (Phase::Failed { cause: Cause::Stopped }, 9999, [Rest, Calm, Calm, Calm]),
        ];
        for (phase, now, steps) in rows {
            for (want, step) in [Want::Up, Want::Renewed, Want::Down, Want::Gone].iter().zip(steps)
            {
                assert_eq!(settle(&phase, *want, Time(now)), step, "{phase:?} {want:?} {now}");
            }
        }
    }
}
