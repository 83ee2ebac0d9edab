//! What is still owed: requests, and what each instance has to become for them (law 6).
//!
//! A request is open while one of its instances is; each instance answers for itself.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};

use pm_spec::Span;

use crate::fact::Patience;
use crate::id::{AppId, InstanceId, RequestId, RunId, Time};
use crate::instance::{Instance, StartedBy, after};
use crate::order::{Became, Outcome};
use crate::phase::{Phase, Want};
use crate::verdict::Streaks;
use crate::view::Cause;

/// Nobody waits longer than this for an app to prove that it stays up.
const SETTLED: Span = Span::from_secs(1);

/// A request that is owed an answer.
#[derive(Clone, Debug)]
pub(crate) struct Goal {
    /// Instances that have not become what they should yet.
    pub(crate) open: BTreeSet<InstanceId>,
    /// What the others became.
    pub(crate) outcomes: BTreeMap<InstanceId, Outcome>,
    /// Reloads under way for it.
    pub(crate) rollouts: BTreeMap<AppId, Rollout>,
    /// Whether the client still wants to know.
    pub(crate) has_client: bool,
    /// What comes after the answer.
    pub(crate) then: Then,
}

/// What comes after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    Nothing,
    Leave,
}

/// One app's instances on their way through a reload.
#[derive(Clone, Debug)]
pub(crate) struct Rollout {
    /// At most so many are being replaced at once.
    pub(crate) max_parallel: usize,
    pub(crate) in_progress: BTreeSet<InstanceId>,
    pub(crate) queue: VecDeque<InstanceId>,
}

impl Goal {
    pub(crate) const fn new() -> Self {
        Self {
            open: BTreeSet::new(),
            outcomes: BTreeMap::new(),
            rollouts: BTreeMap::new(),
            has_client: true,
            then: Then::Nothing,
        }
    }
}

/// A request that waits for one instance.
#[derive(Clone, Debug)]
pub(crate) struct Waiter {
    pub(crate) request: RequestId,
    pub(crate) awaited: Awaited,
}

/// What it waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Awaited {
    /// A run made from `from` on is up.
    Up { from: RunId, patience: Patience, became: Became },
    /// No run.
    Down,
    /// Forgotten.
    Gone,
    /// Its turn in a reload.
    Turn,
}

impl Waiter {
    /// When time alone makes it true.
    pub(crate) fn due(&self, instance: &Instance) -> Option<Time> {
        match (&self.awaited, &instance.phase) {
            _ if instance.second.is_some() => None,
            (
                Awaited::Up { from, patience: Patience::Settled, .. },
                Phase::Up { live, ready: false },
            ) if live.run >= *from => {
                let serving = &instance.spec.serving;
                let settled = instance.spec.restart.min_uptime.min(SETTLED);
                Some(after(
                    live.since,
                    if serving.wait_ready { serving.listen_timeout } else { settled },
                ))
            }
            _ => None,
        }
    }

    /// What the instance has become for it, if that is settled.
    fn answer(&self, instance: &Instance, now: Time) -> Option<Became> {
        let lost = matches!(instance.phase, Phase::Lost(_));
        match &self.awaited {
            Awaited::Turn => None,
            // Both of two runs have to be as wished, or known not to become so.
            _ if instance.second.is_some() && !instance.is_second_lost() => None,
            _ if instance.second.is_some() && instance.has_settled_main() => {
                Some(Became::Failed(Cause::Unkillable))
            }
            _ if instance.second.is_some() => None,
            _ if lost => Some(Became::Failed(Cause::Unkillable)),
            Awaited::Down if instance.phase.run().is_none() => Some(Became::Stopped),
            Awaited::Down | Awaited::Gone => None,
            Awaited::Up { from, patience, became } => match &instance.phase {
                Phase::Failed { cause } => Some(Became::Failed(cause.clone())),
                Phase::Up { live, .. } if live.run < *from => None,
                Phase::Up { .. } => {
                    let due = self.due(instance);
                    let settled = *patience == Patience::Spawned || due.is_none_or(|at| now >= at);
                    let serving = &instance.spec.serving;
                    // Not ready in time: it runs on, but nobody is told that it is up (pain 13).
                    let late = serving.wait_ready && *patience == Patience::Settled;
                    settled.then(|| match due {
                        Some(_) if late => {
                            Became::Failed(Cause::NotReady { within: serving.listen_timeout })
                        }
                        Some(_) | None => became.clone(),
                    })
                }
                Phase::Down
                | Phase::Starting { .. }
                | Phase::Stopping(_)
                | Phase::Killing { .. }
                | Phase::Lost(_)
                | Phase::Backoff { .. } => None,
            },
        }
    }
}

impl Instance {
    /// Answers whom it can.
    pub(crate) fn check(&mut self, now: Time) {
        if self.waiters.is_empty() {
            return;
        }
        let waiters = ::core::mem::take(&mut self.waiters);
        for waiter in waiters {
            match waiter.answer(self, now) {
                Some(became) => self.answers.push((waiter.request, became)),
                None => self.waiters.push(waiter),
            }
        }
    }

    /// The run did not stay up: so much for those who waited for it.
    pub(crate) fn fail_waiters(&mut self, run: RunId, became: &Became) {
        let waited =
            |awaited: &Awaited| matches!(awaited, Awaited::Up { from, .. } if *from <= run);
        self.answer_if(waited, became);
    }

    /// Answers all whose aim is such.
    pub(crate) fn answer_if(&mut self, such: impl Fn(&Awaited) -> bool, became: &Became) {
        let answers = &mut self.answers;
        self.waiters.retain(|waiter| {
            let hit = such(&waiter.awaited);
            if hit {
                answers.push((waiter.request, became.clone()));
            }
            !hit
        });
    }

    /// It is being forgotten: everybody who still waits is told.
    pub(crate) fn answer_rest(&mut self) {
        self.answer_if(|awaited| *awaited == Awaited::Gone, &Became::Deleted);
        self.answer_if(|awaited| *awaited == Awaited::Down, &Became::Stopped);
        self.answer_if(|_| true, &Became::Superseded);
    }

    /// One request's interest in it ends without an answer.
    pub(crate) fn ignore(&mut self, request: RequestId) {
        self.waiters.retain(|waiter| waiter.request != request);
        self.answers.retain(|(asked, _)| *asked != request);
    }
}

/// A wish about one instance.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StartRequest {
    pub(crate) now: Time,
    pub(crate) request: RequestId,
    pub(crate) patience: Patience,
    /// The number of the next run.
    pub(crate) from: RunId,
}

impl Instance {
    /// Up, with a run that begins after this.
    pub(crate) fn renew(&mut self, start: StartRequest) {
        self.ignore(start.request);
        self.answer_if(|_| true, &Became::Superseded);
        let was_up = self.want.is_up() && self.phase.run().is_some();
        let became = if was_up { Became::Restarted } else { Became::Started };
        self.reset_for_person(start.now);
        match &mut self.phase {
            Phase::Down | Phase::Backoff { .. } | Phase::Failed { .. } => {
                self.phase = Phase::Down;
                self.want = Want::Up;
            }
            Phase::Starting { .. } | Phase::Up { .. } => self.want = Want::Renewed,
            Phase::Stopping(stopping) | Phase::Killing { stopping, .. } | Phase::Lost(stopping) => {
                self.want = Want::Up;
                // A person's wish, so its own end is not judged any more.
                if matches!(stopping.cause, Cause::Ended(_) | Cause::Reload) {
                    stopping.cause = Cause::Restarted;
                }
                self.dismiss_second();
                self.retry_kill(start.now);
            }
        }
        let StartRequest { request, patience, from, .. } = start;
        self.waiters.push(Waiter { request, awaited: Awaited::Up { from, patience, became } });
    }

    /// Up; what is up already stays as it is.
    pub(crate) fn raise(&mut self, start: StartRequest) {
        let hopeless = matches!(self.phase, Phase::Failed { .. } | Phase::Lost(_));
        if self.want.is_up() && !hopeless {
            self.ignore(start.request);
            self.answers.push((start.request, Became::Unchanged));
        } else if let Phase::Starting { run } = self.phase {
            // It was not wanted any more while it was being made; now it is again.
            self.ignore(start.request);
            self.answer_if(|_| true, &Became::Superseded);
            self.reset_for_person(start.now);
            self.want = Want::Up;
            let StartRequest { request, patience, .. } = start;
            let awaited = Awaited::Up { from: run, patience, became: Became::Started };
            self.waiters.push(Waiter { request, awaited });
        } else {
            self.renew(start);
        }
    }

    /// A person's start makes a clean slate of all streaks (PM2).
    pub(crate) fn reset_for_person(&mut self, now: Time) {
        self.streaks = Streaks::default();
        self.created = now;
        self.resting = false;
        self.started_by = StartedBy::Person;
        self.stop_cause = Cause::Restarted;
        self.mark_changed();
    }

    /// Down.
    pub(crate) fn stop(&mut self, now: Time, request: RequestId, why: Cause) {
        self.ignore(request);
        self.answer_if(
            |awaited| matches!(awaited, Awaited::Up { .. } | Awaited::Turn),
            &Became::Superseded,
        );
        if self.phase == Phase::Down && !self.want.is_up() && self.second.is_none() {
            if self.resting {
                self.resting = false;
                self.mark_changed();
            }
            self.answers.push((request, Became::Unchanged));
            return;
        }
        self.resting = false;
        if self.want != Want::Gone {
            self.want = Want::Down;
        }
        self.stop_cause = why;
        self.retry_kill(now);
        self.mark_changed();
        self.waiters.push(Waiter { request, awaited: Awaited::Down });
    }

    /// Down and forgotten.
    pub(crate) fn delete(&mut self, now: Time, request: RequestId) {
        self.ignore(request);
        self.answer_if(
            |awaited| matches!(awaited, Awaited::Up { .. } | Awaited::Turn),
            &Became::Superseded,
        );
        self.want = Want::Gone;
        self.resting = false;
        self.stop_cause = Cause::Restarted;
        self.retry_kill(now);
        self.mark_changed();
        self.waiters.push(Waiter { request, awaited: Awaited::Gone });
    }

    /// Counters back to zero.
    pub(crate) fn reset(&mut self, now: Time, request: RequestId) {
        self.restarts = 0;
        // A pause under way keeps its length, by which it is judged plausible after a restore.
        let paused = matches!(self.phase, Phase::Backoff { .. });
        let delay = if paused { self.streaks.delay } else { 0 };
        self.streaks = Streaks { delay, ..Streaks::default() };
        self.created = now;
        self.mark_changed();
        self.answers.push((request, Became::Reset));
    }
}
