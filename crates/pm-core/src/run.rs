//! What happens to an instance's run: it is there, it isn't, it is ready, too big, over.
//!
//! Facts about any other run than the instance's own never get here.

use alloc::vec::Vec;

use pm_spec::Bytes;

use crate::fact::{Ending, Identity, Rest, SpawnFailure};
use crate::id::{RunId, Time};
use crate::instance::{HISTORY, Hand, Seat, after};
use crate::order::{Became, Knock, Order, Reach};
use crate::phase::{Going, Life, Phase, Want};
use crate::saved::Record;
use crate::verdict::{self, Verdict, verdict};
use crate::view::{Cause, End};

/// The process of a run that ended before anybody told us its pid.
const NOBODY: Identity = Identity { pid: 0, started: 0, inode: 0 };

impl Seat {
    /// The process exists.
    pub(crate) fn spawned(&mut self, now: Time, identity: Identity) {
        if let Phase::Starting { run } = self.phase {
            self.phase = Phase::Up { life: Life { run, identity, since: now }, ready: false };
            self.touch();
        }
    }

    /// There never was a process.
    pub(crate) fn not_spawned(&mut self, now: Time, failure: SpawnFailure) {
        let Phase::Starting { run } = self.phase else { return };
        self.release = Some(run);
        self.touch();
        self.phase = Phase::Down;
        if self.want != Want::Up {
            return;
        }
        if let SpawnFailure::Short(text) | SpawnFailure::Refused(text) = &failure
            && self.fall_back()
        {
            return self.disappoint(run, &Became::Failed(Cause::NotSpawned(text.clone())));
        }
        match failure {
            SpawnFailure::Interrupted => {}
            SpawnFailure::Short(text) => {
                self.disappoint(run, &Became::Failed(Cause::NotSpawned(text)));
                self.streaks = verdict::retry(self.streaks);
                self.pause(now, true);
            }
            SpawnFailure::Refused(text) => {
                let cause = Cause::NotSpawned(text);
                self.disappoint(run, &Became::Failed(cause.clone()));
                let (again, streaks) = match self.hand {
                    Hand::Person => (None, self.streaks),
                    Hand::Policy => verdict::refused(&self.spec.restart, self.streaks),
                };
                self.streaks = streaks;
                match again {
                    Some(_) => self.pause(now, false),
                    None => self.phase = Phase::Failed { cause },
                }
            }
        }
    }

    /// The app said that it is ready.
    pub(crate) fn said_ready(&mut self) {
        if let Phase::Up { ready: ready @ false, .. } = &mut self.phase {
            *ready = true;
            self.touch();
        }
    }

    /// Its tree uses so much memory.
    pub(crate) fn weighed(&mut self, used: Bytes) {
        let Some(limit) = self.spec.limits.memory else { return };
        let is_up = matches!(self.phase, Phase::Up { .. }) && self.want == Want::Up;
        if is_up && used > limit {
            self.want = Want::Renewed;
            self.why = Cause::Memory { used, limit };
            self.touch();
        }
    }

    /// The main process ended.
    pub(crate) fn ended(&mut self, now: Time, ending: Ending, rest: Rest, orders: &mut Vec<Order>) {
        if let Some(true) = self.phase.going().map(|going| going.ended) {
            // Told once more after the daemon's death; news only if the rest is gone meanwhile. The rest was asked to
            // go by the rules of then, and is waited for whatever the rules are now.
            if rest == Rest::Nothing {
                self.swept(now);
            }
            return;
        }
        let rest = if self.spec.stop.tree { rest } else { Rest::Nothing };
        let Some(run) = self.phase.run() else { return };
        let nobody = Life { run, identity: NOBODY, since: now };
        let life = self.phase.life().copied().unwrap_or(nobody);
        let cause = self.note_end(now, &life, ending, orders);
        let done = cause == Cause::Ended(ending) && verdict::is_done(&self.spec.restart, ending);
        if !done {
            let told = if cause == Cause::Reload { Cause::Ended(ending) } else { cause.clone() };
            self.disappoint(run, &Became::Failed(told));
        }
        match (rest, self.phase.going_mut()) {
            (Rest::Nothing, _) => self.conclude(now, run, &cause),
            (Rest::Stragglers, Some(going)) => going.ended = true,
            (Rest::Stragglers, None) => {
                let signal = self.spec.stop.signal;
                orders.push(Order::Signal(run, Knock::Ask(signal, Reach::Tree)));
                let force_at = after(now, self.spec.stop.timeout);
                self.phase = Phase::Stopping(Going { life, force_at, cause, ended: true });
                if self.want == Want::Renewed {
                    self.want = Want::Up;
                }
            }
        }
        self.touch();
    }

    /// The rest of the tree is gone too.
    pub(crate) fn swept(&mut self, now: Time) {
        let Some(going) = self.phase.going() else { return };
        if going.ended {
            let (run, cause) = (going.life.run, going.cause.clone());
            self.conclude(now, run, &cause);
            self.touch();
        }
    }

    /// Puts the end into the history, and says why it came.
    fn note_end(
        &mut self,
        now: Time,
        life: &Life,
        ending: Ending,
        orders: &mut Vec<Order>,
    ) -> Cause {
        let cause = match self.phase.going() {
            Some(going) => going.cause.clone(),
            None if self.want == Want::Up => self.own_end(ending),
            None => self.why.clone(),
        };
        self.write_end(now, (life, ending), cause, orders)
    }

    /// Puts an end into the history; gives the cause that stands there.
    pub(crate) fn write_end(
        &mut self,
        now: Time,
        (life, ending): (&Life, Ending),
        cause: Cause,
        orders: &mut Vec<Order>,
    ) -> Cause {
        let Life { run, identity: Identity { pid, .. }, since } = *life;
        if let Some(known) = self.history.iter().find(|end| end.run == run) {
            // Written down just before the daemon died, and told again: when it ended and why was known better then.
            return known.cause.clone();
        }
        if self.history.len() >= HISTORY {
            self.history.pop_front();
        }
        let end = End { run, pid, since, at: now, ending, cause: cause.clone() };
        orders.push(Order::Remember(Record::End(self.id, end.clone())));
        self.history.push_back(end);
        cause
    }

    /// Nobody of the run is left: what follows?
    fn conclude(&mut self, now: Time, run: RunId, cause: &Cause) {
        self.release = Some(run);
        self.phase = Phase::Down;
        if *cause == Cause::Reload && self.fall_back() {
            return;
        }
        match cause {
            Cause::Ended(ending) if self.want.is_up() => self.judge(now, run, *ending),
            Cause::Restarted | Cause::Memory { .. } | Cause::Scheduled | Cause::Touched(_)
                if self.want.is_up() =>
            {
                self.restarts = self.restarts.saturating_add(1);
                self.want = Want::Up;
                let person = *cause == Cause::Restarted;
                self.hand = if person { Hand::Person } else { Hand::Policy };
            }
            Cause::Ended(_)
            | Cause::Stopped
            | Cause::Restarted
            | Cause::Memory { .. }
            | Cause::Scheduled
            | Cause::Touched(_)
            | Cause::NotSpawned(_)
            | Cause::CrashLoop { .. }
            | Cause::NotReady { .. }
            | Cause::Reload
            | Cause::Unkillable
            | Cause::Shutdown => {}
        }
    }

    /// It ended by itself and is wanted up.
    fn judge(&mut self, now: Time, run: RunId, ending: Ending) {
        let end = self.history.iter().find(|end| end.run == run);
        let uptime = end.map_or(0, |end| end.at.0.saturating_sub(end.since.0));
        let (verdict, streaks) = verdict(&self.spec.restart, self.streaks, uptime, ending);
        self.streaks = streaks;
        match verdict {
            Verdict::Rest => {
                self.want = Want::Down;
                self.resting = true;
                let done = verdict::is_done(&self.spec.restart, ending);
                let failed = Became::Failed(Cause::Ended(ending));
                self.disappoint(run, if done { &Became::Finished } else { &failed });
            }
            Verdict::Again(_) => self.pause(now, false),
            Verdict::Enough(cause) => self.phase = Phase::Failed { cause },
        }
    }

    fn pause(&mut self, now: Time, retry: bool) {
        let until = Time(now.0.saturating_add(self.streaks.delay));
        self.phase = Phase::Backoff { until, retry };
        if !retry {
            self.hand = Hand::Policy;
        }
    }
}
