//! What people, the clock and files ask of one instance, and when whoever asked has the answer.
//!
//! Each wish sets what is wanted; `settle` says what follows.

use pm_spec::Patience;

use crate::app::ActiveTriggers;
use crate::end::{Cause, Ending};
use crate::id::{RequestId, RunId, Time, after};
use crate::instance::{Instance, StartedBy};
use crate::order::Became;
use crate::phase::{Phase, Want};
use crate::request::{Awaited, Requester, Waiter};
use crate::verdict::Streaks;

impl Instance {
    /// Up, with a run that begins after this.
    pub(crate) fn renew(&mut self, requester: Requester) {
        if self.waits_instead(requester) {
            return;
        }
        self.ignore(requester.request);
        self.answer_if(|_| true, &Became::Superseded);
        let was_up = self.want.is_up() && self.phase.run().is_some();
        let became = if was_up { Became::Restarted } else { Became::Started };
        self.reset_for_person(requester.now);
        match &mut self.phase {
            Phase::Down | Phase::Backoff { .. } | Phase::Failed { .. } => {
                self.phase = Phase::Down;
                self.want = Want::Up;
            }
            Phase::Starting { .. } | Phase::Up { .. } => self.want = Want::Renewed,
            Phase::Stopping(stopping) | Phase::Killing { stopping, .. } | Phase::Lost(stopping) => {
                self.want = Want::Up;
                // A person's wish, so its own end is not judged any more.
                if matches!(stopping.cause, Cause::Ended(_) | Cause::TooLong { .. } | Cause::Reload)
                {
                    stopping.cause = Cause::Restarted;
                }
                // Nor is there anything to fall back to.
                if let Some(second) = &mut self.second {
                    second.must_stop = true;
                }
                self.retry_kill(requester.now);
            }
        }
        let Requester { request, patience, from, .. } = requester;
        self.waiters.push(Waiter { request, awaited: Awaited::Up { from, patience, became } });
    }

    /// Up; what is up already stays as it is.
    pub(crate) fn raise(&mut self, requester: Requester) {
        if self.want.is_up() && !self.is_hopeless() {
            self.come_up(requester);
        } else if let Phase::Starting { run } = self.phase {
            // It was not wanted any more while it was being made; now it is again.
            self.ignore(requester.request);
            self.answer_if(|_| true, &Became::Superseded);
            self.reset_for_person(requester.now);
            self.want = Want::Up;
            let Requester { request, patience, .. } = requester;
            let awaited = Awaited::Up { from: run, patience, became: Became::Started };
            self.waiters.push(Waiter { request, awaited });
        } else {
            self.renew(requester);
        }
    }

    /// It is on its way, or there: whoever asks waits for that. A pause after a failure is over.
    fn come_up(&mut self, requester: Requester) {
        let Requester { now, request, patience, from } = requester;
        // Of what is to end, or pauses between runs that end well, nobody waits for the next one.
        let good = Cause::Ended(Ending::Exited(0));
        let ended_well = self.history.back().is_some_and(|end| end.cause == good);
        let pauses = matches!(self.phase, Phase::Backoff { retry: false, .. }) && ended_well;
        if pauses || !self.spec.restart.autorestart {
            return self.answer(request, Became::Unchanged);
        }
        self.ignore(request);
        if let Phase::Backoff { until, .. } = &mut self.phase {
            *until = now.min(*until);
            self.mark_changed();
        }
        // Of a run that has ended and is swept up, its own end may still be the last.
        let has_ended = self.phase.stopping().is_some_and(|stopping| stopping.ended);
        let stays = self.want == Want::Up && self.phase.stopping().is_none();
        let from = match self.phase.run().filter(|_| has_ended || stays) {
            // The old run may come back.
            _ if self.has_fallback() => RunId(0),
            run => run.unwrap_or(from),
        };
        let is_there = stays && self.phase.run().is_some();
        let became = if is_there { Became::Unchanged } else { Became::Started };
        self.waiters.push(Waiter { request, awaited: Awaited::Up { from, patience, became } });
    }

    /// A person's start makes a clean slate of all streaks (PM2).
    pub(crate) fn reset_for_person(&mut self, now: Time) {
        self.streaks = Streaks::default();
        self.created = now;
        self.resting = false;
        self.job.once = false;
        self.forget_tries();
        self.started_by = StartedBy::Person;
        self.stop_cause = Cause::Restarted;
        self.gate.is_open = false;
        self.wait_anew(now);
        self.mark_changed();
    }

    /// Down.
    pub(crate) fn stop(&mut self, now: Time, request: RequestId, why: Cause) {
        self.ignore(request);
        self.hurry();
        self.answer_if(
            |awaited| !matches!(awaited, Awaited::Down | Awaited::Gone),
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
        self.forget_tries();
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
        self.hurry();
        self.answer_if(
            |awaited| !matches!(awaited, Awaited::Down | Awaited::Gone),
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

    /// Known, but not wanted up.
    pub(crate) fn add(&mut self, requester: Requester) {
        self.ignore(requester.request);
        if self.want == Want::Gone {
            self.answer_if(|_| true, &Became::Superseded);
            self.want = Want::Down;
        }
        self.resting = true;
        self.mark_changed();
        self.answers.push((requester.request, Became::Added));
    }
}

/// Who waits for it.
impl Instance {
    /// When time alone makes it true.
    pub(crate) fn due_for(&self, waiter: &Waiter) -> Option<Time> {
        match (&waiter.awaited, &self.phase) {
            _ if self.second.is_some() => None,
            (
                Awaited::Up { from, patience: Patience::Settled, .. },
                Phase::Up { live, ready: false },
            ) if live.run >= *from => {
                let late = || {
                    let within = after(live.since, self.spec.ready_within());
                    self.shown.ready_by.map_or(within, |by| by.max(within))
                };
                Some(self.ready_from().unwrap_or_else(late))
            }
            _ => None,
        }
    }

    /// What it has become for it, if that is settled.
    pub(crate) fn answer_for(&self, waiter: &Waiter, now: Time) -> Option<Became> {
        let is_lost = |phase: &Phase| matches!(phase, Phase::Lost(_));
        let lost = is_lost(&self.phase);
        let is_second_lost = self.second.as_ref().is_some_and(|second| is_lost(&second.phase));
        match &waiter.awaited {
            Awaited::Turn | Awaited::Workers => None,
            // Both of two runs have to be as wished, or known not to become so.
            _ if self.second.is_some() && !is_second_lost => None,
            _ if self.second.is_some() && self.phase.is_settled() => {
                Some(Became::Failed(Cause::Unkillable))
            }
            _ if self.second.is_some() => None,
            Awaited::Room => None,
            _ if lost => Some(Became::Failed(Cause::Unkillable)),
            Awaited::Down if self.phase.run().is_none() => Some(Became::Stopped),
            Awaited::End { .. } => self.vain_wait().cloned().map(Became::Failed),
            Awaited::Down | Awaited::Gone => None,
            Awaited::Up { from, patience, became } => match &self.phase {
                Phase::Failed { cause } => Some(Became::Failed(cause.clone())),
                Phase::Up { live, .. } if live.run < *from => None,
                Phase::Up { .. } => {
                    let due = self.due_for(waiter);
                    let settled = *patience == Patience::Spawned || due.is_none_or(|at| now >= at);
                    // Not ready in time: it runs on, but nobody is told that it is up (pain 13).
                    let late = self.spec.shows_ready() && *patience == Patience::Settled;
                    settled.then(|| match due {
                        Some(_) if late => Became::Failed(self.not_ready(self.spec.ready_within())),
                        Some(_) | None => became.clone(),
                    })
                }
                Phase::Down => self.vain_wait().cloned().map(Became::Failed),
                // What comes before it takes its time, and whoever does not wait does not wait for that either.
                Phase::Starting { run } if *run >= *from && *patience == Patience::Spawned => {
                    self.spec.pre_start.is_some().then(|| became.clone())
                }
                Phase::Starting { .. }
                | Phase::Stopping(_)
                | Phase::Killing { .. }
                | Phase::Lost(_)
                | Phase::Backoff { .. } => None,
            },
        }
    }

    /// Answers whom it can.
    pub(crate) fn check(&mut self, now: Time) {
        if self.waiters.is_empty() {
            return;
        }
        let waiters = ::core::mem::take(&mut self.waiters);
        for waiter in waiters {
            match self.answer_for(&waiter, now) {
                Some(became) => self.answers.push((waiter.request, became)),
                None => self.waiters.push(waiter),
            }
        }
    }

    /// The run did not stay up: so much for those who waited for it.
    pub(crate) fn fail_waiters(&mut self, run: RunId, became: &Became) {
        let waited = |awaited: &Awaited| match awaited {
            Awaited::Up { from, .. } => *from <= run,
            Awaited::Workers => true,
            Awaited::Down | Awaited::Gone | Awaited::End { .. } | Awaited::Turn | Awaited::Room => {
                false
            }
        };
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

    /// This is what it became for a request.
    pub(crate) fn answer(&mut self, request: RequestId, became: Became) {
        self.ignore(request);
        self.answers.push((request, became));
    }

    /// One request's interest in it ends without an answer.
    pub(crate) fn ignore(&mut self, request: RequestId) {
        self.waiters.retain(|waiter| waiter.request != request);
        self.answers.retain(|(asked, _)| *asked != request);
    }
}

/// The clock and files.
impl Instance {
    /// Whether a tick or a change may move it: it is wanted up, or is down only because it ended by itself.
    fn accepts_triggers(&self) -> bool {
        (self.want.is_up() && !self.job.once) || self.resting
    }

    pub(crate) fn triggers(&self) -> ActiveTriggers {
        let stopped_too = self.spec.schedule.as_ref().is_some_and(|it| it.after_stop);
        ActiveTriggers {
            schedule: self.spec.schedule.is_some()
                && self.want != Want::Gone
                && (self.accepts_triggers() || stopped_too),
            watch: self.spec.watch.as_ref().is_some_and(|it| it.on) && self.accepts_triggers(),
        }
    }

    /// Whether it is a job that is down as it should be: until its time comes, or since its work is done.
    pub(crate) fn rests(&self) -> bool {
        let is_down = self.phase == Phase::Down && self.want == Want::Down;
        is_down && ((self.spec.is_job() && self.triggers().schedule) || self.is_done())
    }

    /// A time has come or a file has changed: what runs is replaced, what rests or has failed is started.
    pub(crate) fn trigger(&mut self, now: Time, cause: &Cause) {
        let triggers = self.triggers();
        let is_tick = *cause == Cause::Scheduled;
        if !(if is_tick { triggers.schedule } else { triggers.watch }) {
            return;
        }
        if is_tick && self.skips() {
            return;
        }
        let is_awaited = self.is_awaited();
        match &mut self.phase {
            // It may have read the file already, but a run that somebody waits for is as fresh as a tick wants it; else
            // who waits for an app that is restarted every second would wait for ever.
            Phase::Starting { .. } if is_tick => {}
            Phase::Up { .. } if is_tick && is_awaited => {}
            Phase::Starting { .. } | Phase::Up { .. } if self.want == Want::Up => {
                self.want = Want::Renewed;
                self.stop_cause = cause.clone();
                self.mark_changed();
            }
            // A stop is not over while the run that a reload left behind is on its way out.
            Phase::Down if self.second.is_none() || self.resting => {
                self.want = Want::Up;
                self.reset_for_trigger();
            }
            Phase::Failed { .. } if self.want.is_up() => {
                self.phase = Phase::Down;
                self.reset_for_trigger();
            }
            Phase::Backoff { until, .. } if self.want.is_up() => {
                *until = now;
                self.reset_for_trigger();
            }
            // The next run is on its way, or is not wanted.
            Phase::Down
            | Phase::Starting { .. }
            | Phase::Up { .. }
            | Phase::Stopping(_)
            | Phase::Killing { .. }
            | Phase::Lost(_)
            | Phase::Backoff { .. }
            | Phase::Failed { .. } => {}
        }
    }

    fn is_awaited(&self) -> bool {
        self.waiters.iter().any(|waiter| matches!(waiter.awaited, Awaited::Up { .. }))
    }

    /// What failed before may go well now. A pause keeps its length, by which it is judged plausible after a restore.
    pub(crate) fn reset_for_trigger(&mut self) {
        self.resting = false;
        self.forget_tries();
        self.started_by = StartedBy::Policy;
        self.streaks = Streaks { delay: self.streaks.delay, ..Streaks::default() };
        self.mark_changed();
    }
}
