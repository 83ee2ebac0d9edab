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
