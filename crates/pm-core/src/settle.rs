//! The table: what is wanted and where it stands make one step.
//!
//! Pure, and never longer than a screen: every rule about when to do what is one line here.

use crate::id::Time;
use crate::phase::{Phase, Want};

/// What to do next with an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transition {
    /// Nothing, until a fact or the phase's deadline comes.
    Wait,
    /// Make a run.
    Spawn,
    /// Ask the run to go.
    Stop,
    /// Force it to go.
    Kill,
    /// Stop hoping.
    GiveUp,
    /// Leave a phase without a run for `Down`.
    GoDown,
    /// Forget the instance.
    Forget,
}

/// One step; called until it says `Rest` or `Forget`.
pub(crate) fn settle(phase: &Phase, want: Want, now: Time) -> Transition {
    use {Phase as P, Want as W};
    match (phase, want) {
        (P::Down, W::Up | W::Renewed) => Transition::Spawn,
        (P::Down, W::Gone) => Transition::Forget,
        (P::Up { .. }, W::Renewed | W::Down | W::Gone) => Transition::Stop,
        (P::Stopping(stopping), _) if stopping.hook.is_none() && now >= stopping.force_at => {
            Transition::Kill
        }
        (P::Killing { lost_at, .. }, _) if now >= *lost_at => Transition::GiveUp,
        (P::Killing { again_at, .. }, _) if now >= *again_at => Transition::Kill,
        (P::Backoff { until, .. }, W::Up) if now >= *until => Transition::Spawn,
        (P::Backoff { .. } | P::Failed { .. }, W::Renewed | W::Down | W::Gone) => {
            Transition::GoDown
        }
        (P::Down, W::Down)
        | (P::Up { .. } | P::Backoff { .. } | P::Failed { .. }, W::Up)
        | (P::Starting { .. } | P::Stopping(_) | P::Killing { .. } | P::Lost(_), _) => {
            Transition::Wait
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::end::Cause;
    use crate::id::{Identity, RunId};
    use crate::phase::{AwaitedHook, Haste, LiveRun, StoppingRun};
    use pm_spec::HookStage;

    const LIVE: LiveRun = LiveRun {
        run: RunId(1),
        identity: Identity { pid: 7, started: 7, inode: 7 },
        since: Time(0),
    };

    fn stopping() -> StoppingRun {
        let (force_at, cause) = (Time(100), Cause::Stopped);
        StoppingRun { live: LIVE, force_at, cause, ended: false, hook: None }
    }

    fn saying_farewell() -> StoppingRun {
        let hook = AwaitedHook { stage: HookStage::PreStop, haste: Haste::Nobody };
        StoppingRun { hook: Some(hook), ..stopping() }
    }

    /// Each row: a phase, the time, and the step for up, renewed, down, gone.
    #[test]
    fn want_and_phase_make_a_step() {
        use Transition::{Forget, GiveUp, GoDown, Kill, Spawn, Stop, Wait};
        let killing =
            Phase::Killing { stopping: stopping(), again_at: Time(200), lost_at: Time(250) };
        let backoff = |retry| Phase::Backoff { until: Time(100), retry };
        let rows = [
            (Phase::Down, 0, [Spawn, Spawn, Wait, Forget]),
            (Phase::Starting { run: RunId(1) }, 9999, [Wait, Wait, Wait, Wait]),
            (Phase::Up { live: LIVE, ready: false }, 9999, [Wait, Stop, Stop, Stop]),
            (Phase::Up { live: LIVE, ready: true }, 9999, [Wait, Stop, Stop, Stop]),
            (Phase::Stopping(stopping()), 99, [Wait, Wait, Wait, Wait]),
            (Phase::Stopping(stopping()), 100, [Kill, Kill, Kill, Kill]),
            (Phase::Stopping(saying_farewell()), 9999, [Wait, Wait, Wait, Wait]),
            (killing.clone(), 199, [Wait, Wait, Wait, Wait]),
            (killing.clone(), 200, [Kill, Kill, Kill, Kill]),
            (killing, 250, [GiveUp, GiveUp, GiveUp, GiveUp]),
            (Phase::Lost(stopping()), 9999, [Wait, Wait, Wait, Wait]),
            (backoff(false), 99, [Wait, GoDown, GoDown, GoDown]),
            (backoff(false), 100, [Spawn, GoDown, GoDown, GoDown]),
            (backoff(true), 100, [Spawn, GoDown, GoDown, GoDown]),
            (Phase::Failed { cause: Cause::Stopped }, 9999, [Wait, GoDown, GoDown, GoDown]),
        ];
        for (phase, now, steps) in rows {
            for (want, step) in [Want::Up, Want::Renewed, Want::Down, Want::Gone].iter().zip(steps)
            {
                assert_eq!(settle(&phase, *want, Time(now)), step, "{phase:?} {want:?} {now}");
            }
        }
    }
}
