//! How an instance stands to those that depend on it, and what it makes of those it depends on.
//!
//! It sees none of them itself: the core tells it before each look at the table (`neighbours`).

use pm_spec::{Condition, Health, Patience};

use crate::end::{Cause, Ending};
use crate::gate::{Face, Obstacle, Standing};
use crate::id::{RequestId, RunId, Time};
use crate::instance::Instance;
use crate::order::Became;
use crate::phase::{Phase, Want};
use crate::request::{Awaited, Waiter};
use crate::settle::Transition;
use crate::verdict::is_done;

impl Instance {
    /// What the table says, with regard for the neighbours: nobody begins before what it depends on, and nobody is asked
    /// to go before those that depend on it have gone.
    pub(crate) fn gated(&self, step: Transition) -> Transition {
        match step {
            Transition::Spawn if self.may_begin() => step,
            // Its pause is over, and what it waits for now has no time.
            Transition::Spawn if self.phase != Phase::Down => Transition::GoDown,
            Transition::Spawn => Transition::Wait,
            Transition::Stop if self.is_held_up() => Transition::Wait,
            Transition::Wait
            | Transition::Stop
            | Transition::Kill
            | Transition::GiveUp
            | Transition::GoDown
            | Transition::Forget => step,
        }
    }

    fn may_begin(&self) -> bool {
        self.second.is_some() || (self.gate.obstacles.is_empty() && self.has_all_outside())
    }

    /// Whether others have to go before it; a run that takes too long waits for nobody.
    pub(crate) fn is_held_up(&self) -> bool {
        self.gate.is_held && !matches!(self.stop_cause, Cause::TooLong { .. })
    }

    /// What keeps it from beginning, if anything does.
    pub(crate) fn obstacles(&self) -> &[Obstacle] {
        let waits = self.phase == Phase::Down && self.want.is_up() && self.second.is_none();
        if waits { &self.gate.obstacles } else { &[] }
    }

    /// What it depends on does not come any more.
    pub(crate) fn hopeless_wait(&self) -> Option<&Cause> {
        let failed = |one: &&Obstacle| matches!(one.standing, Standing::Failed(_));
        let app = self.obstacles().iter().find(failed).and_then(Obstacle::cause);
        app.or_else(|| self.late_outside())
    }

    /// What it depends on does not come by itself.
    pub(crate) fn vain_wait(&self) -> Option<&Cause> {
        self.hopeless_wait().or_else(|| self.obstacles().iter().find_map(Obstacle::cause))
    }

    /// Whether it won't come up without a person, though it is wanted up.
    pub(crate) fn is_hopeless(&self) -> bool {
        matches!(self.phase, Phase::Failed { .. } | Phase::Lost(_))
            || self.hopeless_wait().is_some()
    }

    /// How it stands to what somebody wants of it.
    pub(crate) fn standing(&self, condition: Condition, now: Time) -> Standing {
        if !self.want.is_up() {
            return self.standing_down(condition);
        }
        let coming = Standing::Coming(self.status());
        match &self.phase {
            _ if self.has_fallback() => self.standing_in_reload(condition, coming),
            Phase::Failed { cause } => Standing::Failed(cause.clone()),
            Phase::Lost(_) => Standing::Failed(Cause::Unkillable),
            Phase::Down => match (self.hopeless_wait(), self.vain_wait()) {
                (Some(cause), _) => Standing::Failed(cause.clone()),
                (None, Some(cause)) => Standing::Stuck(cause.clone()),
                (None, None) => coming,
            },
            Phase::Backoff { .. } => Standing::Stuck(self.pause_reason()),
            Phase::Up { .. } if self.want == Want::Up => match condition {
                Condition::Started => Standing::Met,
                Condition::Ready => self.readiness(now),
                Condition::Healthy => self.wellness(now),
                Condition::Completed => coming,
            },
            Phase::Up { .. }
            | Phase::Starting { .. }
            | Phase::Stopping(_)
            | Phase::Killing { .. } => coming,
        }
    }

    /// The same while a new run comes up beside one that serves.
    fn standing_in_reload(&self, condition: Condition, coming: Standing) -> Standing {
        let phase = self.second.as_ref().map(|second| &second.phase);
        match condition {
            Condition::Started => Standing::Met,
            Condition::Ready if matches!(phase, Some(Phase::Up { ready: true, .. })) => {
                Standing::Met
            }
            Condition::Ready | Condition::Healthy | Condition::Completed => coming,
        }
    }

    /// The same of one that nobody wants up: it has done its work, or somebody has to start it.
    fn standing_down(&self, condition: Condition) -> Standing {
        let last = self.history.back().filter(|_| self.phase == Phase::Down);
        match (self.want, last.map(|end| &end.cause)) {
            (Want::Gone, _) => Standing::Failed(Cause::Missing),
            (_, Some(Cause::Ended(ending))) => {
                let ended_well = match condition {
                    Condition::Completed => *ending == Ending::Exited(0),
                    Condition::Started | Condition::Ready | Condition::Healthy => {
                        self.resting && is_done(&self.spec.restart, *ending)
                    }
                };
                if ended_well {
                    Standing::Met
                } else if self.resting {
                    Standing::Failed(Cause::Ended(*ending))
                } else {
                    Standing::Stuck(Cause::Stopped)
                }
            }
            _ => Standing::Stuck(Cause::Stopped),
        }
    }

    /// What somebody who asked for it to be up would be told now.
    fn readiness(&self, now: Time) -> Standing {
        match self.answer_for(&asker(), now) {
            None => Standing::Coming(self.status()),
            Some(Became::Failed(cause)) => Standing::Stuck(cause),
            Some(_) => Standing::Met,
        }
    }

    /// The same of its health; without a check that is all there is to know.
    fn wellness(&self, now: Time) -> Standing {
        match (self.health(), self.readiness(now)) {
            (Some(Health::Healthy), _) => Standing::Met,
            (Some(Health::Unhealthy), _) => {
                let saw = self.shown.saw.clone().unwrap_or_default();
                Standing::Stuck(Cause::Unhealthy { saw })
            }
            (Some(Health::Starting), Standing::Met) => Standing::Coming(self.status()),
            (Some(Health::Starting) | None, standing) => standing,
        }
    }

    /// When time alone makes it ready for those that wait for that.
    pub(crate) fn needed_at(&self) -> Option<Time> {
        if self.gate.is_needed && self.want == Want::Up { self.due_for(&asker()) } else { None }
    }

    /// Why it pauses.
    fn pause_reason(&self) -> Cause {
        let last = self.history.back().map(|end| end.cause.clone());
        last.unwrap_or_else(|| Cause::NotSpawned("start it yet; it is tried again".into()))
    }

    /// Whether it runs and is to go.
    pub(crate) fn is_leaving(&self) -> bool {
        let lives = |phase: &Phase| phase.run().is_some() && !matches!(phase, Phase::Lost(_));
        let runs = lives(&self.phase) || self.second.as_ref().is_some_and(|it| lives(&it.phase));
        runs && (self.want != Want::Up || self.phase.stopping().is_some())
    }

    /// How it looks to its neighbours.
    pub(crate) fn face(&self, now: Time) -> Face {
        let all = [Condition::Started, Condition::Ready, Condition::Healthy, Condition::Completed];
        let standings = all.map(|condition| self.standing(condition, now));
        Face { standings, is_leaving: self.is_leaving() }
    }
}

/// Somebody who asks for it to be up, whatever its run.
fn asker() -> Waiter {
    let awaited =
        Awaited::Up { from: RunId(0), patience: Patience::Settled, became: Became::Started };
    Waiter { request: RequestId(0), awaited }
}
