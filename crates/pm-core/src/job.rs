//! Jobs: runs that are to end. What is counted of them, and who begins one: its times and `run`, nobody else.

use pm_spec::{Delay, HookEvent, Overlap};

use crate::core::Core;
use crate::end::Cause;
use crate::id::{InstanceId, RunId, Time, after};
use crate::instance::Instance;
use crate::order::{Became, Refused};
use crate::phase::{Phase, Want};
use crate::request::{Awaited, Requester, Waiter};
use crate::verdict;

/// No pause before a try is longer, where nothing is said of it.
const LONGEST_RETRY_MS: u64 = 60_000;

impl Core {
    /// Runs jobs now, whatever their times. All or none: one that runs, or that is restarted when it ends, refuses all.
    pub(crate) fn run_jobs(
        &mut self,
        requester: Requester,
        ids: &[InstanceId],
        to_its_end: bool,
    ) -> Result<(), Refused> {
        for instance in ids.iter().filter_map(|id| self.instances.get(id)) {
            let name = || instance.spec.name.clone();
            if instance.spec.restart.autorestart {
                return Err(Refused::NoJob(name()));
            }
            if instance.phase.run().is_some() || instance.second.is_some() {
                return Err(Refused::Running(name()));
            }
        }
        self.each(requester.request, ids, |instance| instance.run_now(requester, to_its_end));
        Ok(())
    }
}

impl Instance {
    /// A person runs it; answered when it has begun, or at its end.
    fn run_now(&mut self, requester: Requester, to_its_end: bool) {
        let Requester { now, request, patience, from } = requester;
        self.ignore(request);
        self.answer_if(|_| true, &Became::Superseded);
        let was_stopped = !self.want.is_up() && !self.resting;
        self.reset_for_person(now);
        self.job.once = was_stopped && self.spec.is_job();
        self.phase = Phase::Down;
        self.want = Want::Up;
        let awaited = if to_its_end {
            Awaited::End { from }
        } else {
            Awaited::Up { from, patience, became: Became::Started }
        };
        self.waiters.push(Waiter { request, awaited });
    }

    /// A start of a job that does not run has it wait for its time. False: it is to be done as for others.
    pub(crate) fn waits_instead(&mut self, requester: Requester) -> bool {
        let runs = self.want.is_up() && (self.phase.run().is_some() || self.second.is_some());
        if !self.spec.waits_for_its_time() || runs {
            return false;
        }
        // One that could not be begun, or is about to be begun again, also has its next time.
        if self.want.is_up() || (self.resting && self.want == Want::Down) {
            self.answer(requester.request, Became::Unchanged);
        } else {
            self.add(requester);
        }
        true
    }

    /// Its time has come while it runs. False: it is to be done as for others.
    pub(crate) fn skips(&mut self) -> bool {
        let runs = self.phase.run().is_some() || self.second.is_some();
        if !self.spec.waits_for_its_time() || !runs {
            return false;
        }
        match self.spec.job.overlap {
            Overlap::Kill => return false,
            Overlap::Queue if !self.job.queued => self.job.queued = true,
            Overlap::Queue | Overlap::Skip => {
                self.job.skipped = self.job.skipped.saturating_add(1);
            }
        }
        self.mark_changed();
        true
    }

    /// When its run has taken too long.
    pub(crate) fn overdue_at(&self) -> Option<Time> {
        let limit = self.spec.job.time_limit.filter(|_| !self.spec.restart.autorestart)?;
        let Phase::Up { live, .. } = &self.phase else { return None };
        // Of two runs in a reload one goes in any case. What ended as the daemon died is told once more.
        let has_ended = self.history.iter().any(|end| end.run == live.run);
        (self.want == Want::Up && self.second.is_none() && !has_ended)
            .then(|| after(live.since, limit))
    }

    /// A run that takes too long has to go.
    pub(crate) fn end_overdue(&mut self, now: Time) {
        let is_due = self.overdue_at().is_some_and(|at| now >= at);
        if let Some(limit) = self.spec.job.time_limit.filter(|_| is_due) {
            self.want = Want::Renewed;
            self.stop_cause = Cause::TooLong { limit };
            self.mark_changed();
        }
    }

    /// A run that was to end has ended, and nobody wished otherwise: again if it failed and may be tried again, else it
    /// rests until its next time, which may have come already.
    pub(crate) fn run_ended(&mut self, now: Time, run: RunId, cause: &Cause) {
        let has_failed = self.is_failure(cause);
        if has_failed && self.job.retried < self.spec.job.retries {
            self.streaks.delay = self.retry_pause();
            self.job.retried += 1;
            self.want = Want::Up;
            return self.pause(now, false);
        }
        let became = if has_failed { Became::Failed(cause.clone()) } else { Became::Finished };
        self.tell_end(run, &became);
        self.want = Want::Down;
        self.resting = !::core::mem::take(&mut self.job.once);
        let another = ::core::mem::take(&mut self.job.queued) && self.resting;
        // Without another run, who asked for one while the last of this one were leaving waits for none any more.
        self.fail_waiters(if another { run } else { RunId(u32::MAX) }, &became);
        if another {
            self.want = Want::Up;
            self.reset_for_trigger();
        }
    }

    /// The pause before the next try in ms.
    fn retry_pause(&self) -> u64 {
        match self.spec.restart.delay {
            Delay::Automatic => LONGEST_RETRY_MS.min(1000 << self.job.retried.min(10)),
            Delay::Fixed(_) | Delay::Exponential(_) => {
                verdict::pause(self.spec.restart.delay, self.streaks)
            }
        }
    }

    /// Nobody waits for another run any more.
    pub(crate) fn forget_tries(&mut self) {
        (self.job.queued, self.job.retried) = (false, 0);
    }

    /// A run is over, or could not be begun.
    pub(crate) fn count_run(&mut self, run: RunId, cause: &Cause) {
        if self.spec.restart.autorestart {
            return;
        }
        self.job.runs = self.job.runs.saturating_add(1);
        if self.is_failure(cause) {
            self.job.failures = self.job.failures.saturating_add(1);
            self.announce(HookEvent::JobFailed, run, Some(cause));
        }
    }

    fn is_failure(&self, cause: &Cause) -> bool {
        let is_done = |ending| verdict::is_done(&self.spec.restart, ending);
        matches!(cause, Cause::Ended(ending) if !is_done(*ending))
            || matches!(cause, Cause::NotSpawned(_) | Cause::TooLong { .. })
    }

    /// How its last run failed, while none runs.
    pub(crate) fn last_failure(&self) -> Option<&Cause> {
        let end = self.history.back().filter(|_| self.phase.run().is_none())?;
        (self.spec.is_job() && self.is_failure(&end.cause)).then_some(&end.cause)
    }

    /// Whether its work is done: it rests since a good end.
    pub(crate) fn is_done(&self) -> bool {
        let ended_well = || {
            let last = self.history.back();
            last.is_some_and(|end| verdict::is_done(&self.spec.restart, end.ending))
        };
        self.resting && (self.job.done || ended_well())
    }

    /// Who waits for the end of this run has it.
    pub(crate) fn tell_end(&mut self, run: RunId, became: &Became) {
        self.answer_if(|it| matches!(it, Awaited::End { from } if *from <= run), became);
    }
}
