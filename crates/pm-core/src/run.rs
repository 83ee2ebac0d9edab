//! What happens to an instance's run: it is there, it isn't, it is ready, too big, over.
//!
//! Facts about any other run than the instance's own never get here.

use alloc::vec::Vec;

use pm_spec::Bytes;

use crate::end::{Cause, Ending, RunEnd};
use crate::fact::{Remaining, SpawnFailure};
use crate::id::{Identity, RunId, Time, after};
use crate::instance::{HISTORY, Instance, StartedBy};
use crate::order::{Became, Order, Reach, RunSignal};
use crate::phase::{LiveRun, Phase, StoppingRun, Want};
use crate::saved::Record;
use crate::verdict::{self, Verdict, verdict};

/// The process of a run that ended before anybody told us its pid.
const NOBODY: Identity = Identity { pid: 0, started: 0, inode: 0 };

impl Instance {
    /// The process exists.
    pub(crate) fn spawned(&mut self, now: Time, identity: Identity) {
        if let Phase::Starting { run } = self.phase {
            self.phase = Phase::Up { live: LiveRun { run, identity, since: now }, ready: false };
            self.mark_changed();
        }
    }

    /// Another process of this run is the main one from now on: what is known of the run stays.
    pub(crate) fn main_process(&mut self, run: RunId, identity: Identity) {
        let second = self.second.as_mut().map(|second| &mut second.phase);
        for phase in [Some(&mut self.phase), second].into_iter().flatten() {
            if let Some(live) = phase.live_mut().filter(|live| live.run == run) {
                live.identity = identity;
                (self.unsaved, self.changed) = (true, true);
            }
        }
    }

    /// There never was a process.
    pub(crate) fn not_spawned(&mut self, now: Time, failure: SpawnFailure) {
        let Phase::Starting { run } = self.phase else { return };
        self.release = Some(run);
        self.mark_changed();
        self.phase = Phase::Down;
        if self.want != Want::Up {
            return;
        }
        if let SpawnFailure::Short(text) | SpawnFailure::Refused(text) = &failure
            && self.fall_back()
        {
            return self.fail_waiters(run, &Became::Failed(Cause::NotSpawned(text.clone())));
        }
        match failure {
            SpawnFailure::Interrupted => {}
            SpawnFailure::Short(text) => {
                self.fail_waiters(run, &Became::Failed(Cause::NotSpawned(text)));
                self.streaks = verdict::retry(self.streaks);
                self.pause(now, true);
            }
            SpawnFailure::Refused(text) => {
                let cause = Cause::NotSpawned(text);
                self.fail_waiters(run, &Became::Failed(cause.clone()));
                self.count_run(run, &cause);
                self.tell_end(run, &Became::Failed(cause.clone()));
                let (again, streaks) = match self.started_by {
                    StartedBy::Person => (None, self.streaks),
                    StartedBy::Policy => verdict::refused(&self.spec.restart, self.streaks),
                };
                self.judged(run, streaks, Some(&cause));
                match again {
                    Some(_) => self.pause(now, false),
                    None => self.phase = Phase::Failed { cause },
                }
                self.announce_failure(run);
            }
        }
    }

    /// The app said that it is ready.
    pub(crate) fn mark_ready(&mut self) {
        if let Phase::Up { ready: ready @ false, .. } = &mut self.phase {
            *ready = true;
            self.shown.saw = None;
            self.mark_changed();
        }
    }

    /// Its tree uses so much memory.
    pub(crate) fn memory_measured(&mut self, used: Bytes) {
        let Some(limit) = self.spec.limits.memory else { return };
        let is_up = matches!(self.phase, Phase::Up { .. }) && self.want == Want::Up;
        if is_up && used > limit && !self.takes_back(&Cause::Memory { used, limit }) {
            self.want = Want::Renewed;
            self.stop_cause = Cause::Memory { used, limit };
            self.mark_changed();
        }
    }

    /// The main process ended.
    pub(crate) fn ended(
        &mut self,
        now: Time,
        ending: Ending,
        rest: Remaining,
        orders: &mut Vec<Order>,
    ) {
        if self.phase.stopping().is_some_and(|stopping| stopping.ended) {
            // Told once more after the daemon's death; news only if the rest is gone meanwhile. The rest was asked to
            // go by the rules of then, and is waited for whatever the rules are now.
            if rest == Remaining::Nothing {
                self.tree_gone(now, orders);
            }
            return;
        }
        let rest = if self.spec.stop.tree { rest } else { Remaining::Nothing };
        let Some(run) = self.phase.run() else { return };
        let nobody = LiveRun { run, identity: NOBODY, since: now };
        let live = self.phase.live().copied().unwrap_or(nobody);
        let cause = self.append_end(live.end(now, ending, self.cause_of(ending)), orders);
        let done = cause == Cause::Ended(ending) && verdict::is_done(&self.spec.restart, ending);
        if !done {
            let told = if cause == Cause::Reload { Cause::Ended(ending) } else { cause.clone() };
            self.fail_waiters(run, &Became::Failed(told));
        }
        match (rest, self.phase.stopping_mut()) {
            (Remaining::Nothing, _) => self.nobody_left(now, (live, cause), orders),
            (Remaining::Stragglers, Some(stopping)) => {
                stopping.ended = true;
                if stopping.hook.is_some() {
                    self.ask_to_go(now, orders);
                }
            }
            (Remaining::Stragglers, None) => {
                self.phase = self.stop_stragglers(now, live, cause, orders);
                if self.want == Want::Renewed {
                    self.want = Want::Up;
                }
            }
        }
        self.mark_changed();
    }

    /// The rest of the tree is gone too.
    pub(crate) fn tree_gone(&mut self, now: Time, orders: &mut Vec<Order>) {
        let Some(stopping) = self.phase.stopping() else { return };
        if stopping.ended && stopping.hook.is_none() {
            let of = (stopping.live, stopping.cause.clone());
            self.nobody_left(now, of, orders);
            self.mark_changed();
        }
    }

    /// Why the run ended: what it was told to go for, if it was.
    fn cause_of(&self, ending: Ending) -> Cause {
        match self.phase.stopping() {
            Some(stopping) => stopping.cause.clone(),
            None if self.want == Want::Up && self.has_fallback() => Cause::Reload,
            None if self.want == Want::Up => Cause::Ended(ending),
            None => self.stop_cause.clone(),
        }
    }

    /// Puts an end into the history; gives the cause that stands there.
    pub(crate) fn append_end(&mut self, end: RunEnd, orders: &mut Vec<Order>) -> Cause {
        if let Some(known) = self.history.iter().find(|known| known.run == end.run) {
            // Written down just before the daemon died, and told again: when it ended and why was known better then.
            return known.cause.clone();
        }
        if self.history.len() >= HISTORY {
            self.history.pop_front();
        }
        let cause = end.cause.clone();
        self.announce_end(&end);
        let end = RunEnd { by: self.author_of(&cause), ..end };
        orders.push(Order::Persist(Record::End(self.id, end.clone())));
        self.history.push_back(end);
        cause
    }

    /// A main process ended, others of its tree did not: they are told to go too.
    pub(crate) fn stop_stragglers(
        &self,
        now: Time,
        live: LiveRun,
        cause: Cause,
        orders: &mut Vec<Order>,
    ) -> Phase {
        orders.push(Order::Signal(live.run, RunSignal::Stop(self.spec.stop.signal, Reach::Tree)));
        let force_at = after(now, self.spec.stop.timeout);
        Phase::Stopping(StoppingRun { live, force_at, cause, ended: true, hook: None })
    }

    /// The run is over: what follows?
    pub(crate) fn run_over(&mut self, now: Time, run: RunId, cause: &Cause) {
        self.release = Some(run);
        self.phase = Phase::Down;
        self.count_run(run, cause);
        if *cause == Cause::Reload && self.fall_back() {
            return;
        }
        match cause {
            Cause::Ended(ending) if self.want.is_up() => {
                self.apply_restart_policy(now, run, *ending);
            }
            Cause::TooLong { .. } if self.want.is_up() => self.run_ended(now, run, cause),
            Cause::Restarted | Cause::Memory { .. } | Cause::Scheduled | Cause::FileChanged(_)
                if self.want.is_up() =>
            {
                self.restarts = self.restarts.saturating_add(1);
                self.want = Want::Up;
                let person = *cause == Cause::Restarted;
                self.started_by = if person { StartedBy::Person } else { StartedBy::Policy };
            }
            Cause::Unhealthy { .. } if self.want.is_up() => {
                self.want = Want::Up;
                // However it ended when it was asked to: for this it was no success.
                self.apply_restart_policy(now, run, Ending::Unknown);
                if let Phase::Failed { cause: given_up } = &mut self.phase {
                    *given_up = cause.clone();
                }
            }
            Cause::Ended(_)
            | Cause::Stopped
            | Cause::Restarted
            | Cause::Unhealthy { .. }
            | Cause::Memory { .. }
            | Cause::TooLong { .. }
            | Cause::Scheduled
            | Cause::FileChanged(_)
            | Cause::NotSpawned(_)
            | Cause::CrashLoop { .. }
            | Cause::NotReady { .. }
            | Cause::NotReplaced { .. }
            | Cause::Dependency { .. }
            | Cause::Outside { .. }
            | Cause::Missing
            | Cause::Reload
            | Cause::Unkillable
            | Cause::Shutdown => {}
        }
        self.announce_failure(run);
    }

    /// It ended by itself and is wanted up.
    fn apply_restart_policy(&mut self, now: Time, run: RunId, ending: Ending) {
        let end = self.history.iter().find(|end| end.run == run);
        let uptime = end.map_or(0, |end| end.at.0.saturating_sub(end.since.0));
        let (verdict, streaks) = verdict(&self.spec.restart, self.streaks, uptime, ending);
        self.judged(run, streaks, None);
        if verdict != Verdict::StayDown {
            self.tell_end(run, &Became::Failed(Cause::Ended(ending)));
        }
        match verdict {
            Verdict::StayDown => self.run_ended(now, run, &Cause::Ended(ending)),
            Verdict::RestartAfter(_) => self.pause(now, false),
            Verdict::GiveUp(cause) => self.phase = Phase::Failed { cause },
        }
    }

    pub(crate) fn pause(&mut self, now: Time, retry: bool) {
        let until = Time(now.0.saturating_add(self.streaks.delay));
        self.phase = Phase::Backoff { until, retry };
        if !retry {
            self.started_by = StartedBy::Policy;
        }
    }

    /// Force did not end it: nobody waits any longer.
    pub(crate) fn give_up(&mut self) {
        if let Some(stopping) = self.phase.stopping().cloned() {
            self.phase = Phase::Lost(stopping);
            self.changed = true;
        }
    }

    /// A person asked again about a run that force did not end: try once more, as if its grace were over.
    pub(crate) fn retry_kill(&mut self, now: Time) {
        let second = self.second.as_mut().map(|second| &mut second.phase);
        for phase in [Some(&mut self.phase), second].into_iter().flatten() {
            if let Phase::Lost(stopping) = phase {
                *phase = Phase::Stopping(StoppingRun { force_at: now, ..stopping.clone() });
                (self.unsaved, self.changed) = (true, true);
            }
        }
    }
}
