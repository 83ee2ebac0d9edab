//! The second run of an instance, during a reload: the old one, which serves until the new one does, or a new one that
//! failed. Whichever is not wanted leaves gently; there are never three.

use alloc::vec::Vec;

use pm_spec::{Mode, Span, StopPolicy};

use crate::fact::{Ending, Remaining};
use crate::id::{RunId, Time};
use crate::instance::{Instance, after};
use crate::order::{Became, Order, Reach, RunSignal};
use crate::phase::{Phase, StoppingRun, Want};
use crate::request::{Awaited, StartRequest, Waiter};
use crate::settle::{Transition, settle};
use crate::view::Cause;

/// What a run that leaves in a reload has for the requests it is at, where the app says nothing else (PM2:
/// `GRACEFUL_TIMEOUT`, 8 s): the 1.6 s of a stop would cut off slow ones.
const DRAIN_TIMEOUT: Span = Span::from_secs(8);

/// The second run; its phase is one of those with a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SecondRun {
    pub(crate) phase: Phase,
    /// It has to go; else it stays until the other one is ready.
    pub(crate) must_stop: bool,
    /// It is on its way out, but whether the daemon before us got to ask it is unknown.
    pub(crate) stop_unconfirmed: bool,
}

impl Instance {
    /// A new run beside the one there is, if it is a cluster worker that is up; else down and up again.
    pub(crate) fn replace_overlapping(&mut self, start: StartRequest) {
        let fits = self.run_mode == Mode::Cluster
            && self.spec.serving.mode == Mode::Cluster
            && self.want == Want::Up
            && self.second.is_none()
            && matches!(self.phase, Phase::Up { .. });
        if !fits {
            return self.renew(start);
        }
        self.ignore(start.request);
        self.answer_if(|_| true, &Became::Superseded);
        self.reset_for_person(start.now);
        let phase = ::core::mem::replace(&mut self.phase, Phase::Down);
        self.second = Some(SecondRun { phase, must_stop: false, stop_unconfirmed: false });
        self.restarts = self.restarts.saturating_add(1);
        let StartRequest { request, patience, from, .. } = start;
        let awaited = Awaited::Up { from, patience, became: Became::Restarted };
        self.waiters.push(Waiter { request, awaited });
    }

    /// Whether this is its second run.
    pub(crate) fn is_second(&self, run: RunId) -> bool {
        self.second.as_ref().is_some_and(|second| second.phase.run() == Some(run))
    }

    /// Whether force did not end the second run.
    pub(crate) fn is_second_lost(&self) -> bool {
        self.second.as_ref().is_some_and(|second| matches!(second.phase, Phase::Lost(_)))
    }

    /// Whether its other run is up, over, or won't go either.
    pub(crate) fn has_settled_main(&self) -> bool {
        let gone = self.phase.run().is_none() && !matches!(self.phase, Phase::Backoff { .. });
        gone || matches!(self.phase, Phase::Up { .. } | Phase::Lost(_))
    }

    /// A person asked again about a run that force did not end.
    pub(crate) fn retry_kill_second(&mut self, now: Time) {
        if let Some(second) = &mut self.second
            && let Phase::Lost(stopping) = &second.phase
        {
            second.phase = Phase::Stopping(StoppingRun { force_at: now, ..stopping.clone() });
            self.mark_changed();
        }
    }

    /// Whether the old run still serves and is kept until the new one does.
    fn has_fallback(&self) -> bool {
        let stays =
            |second: &SecondRun| !second.must_stop && matches!(second.phase, Phase::Up { .. });
        self.second.as_ref().is_some_and(stays)
    }

    /// When the new run has had its time to be ready.
    pub(crate) fn switch_deadline(&self) -> Option<Time> {
        match &self.phase {
            Phase::Up { live, .. } if self.has_fallback() => {
                Some(after(live.since, self.spec.serving.listen_timeout))
            }
            Phase::Up { .. }
            | Phase::Down
            | Phase::Starting { .. }
            | Phase::Stopping(_)
            | Phase::Killing { .. }
            | Phase::Lost(_)
            | Phase::Backoff { .. }
            | Phase::Failed { .. } => None,
        }
    }

    /// The old run goes once the new one is ready, or has had the time for it and need not say so (PM2). One that had
    /// to say so and did not goes itself, and the old one stays.
    pub(crate) fn switch_over(&mut self, now: Time) {
        if !self.has_fallback() {
            return;
        }
        let due = self.switch_deadline().is_some_and(|at| now >= at);
        let ready = matches!(self.phase, Phase::Up { ready: true, .. });
        let must_say = self.spec.serving.wait_ready;
        let is_unwanted = self.want != Want::Up;
        if due && !ready && must_say && !is_unwanted {
            let cause = Cause::NotReady { within: self.spec.serving.listen_timeout };
            if let Some(run) = self.phase.run() {
                self.fail_waiters(run, &Became::Failed(cause));
            }
            if let Some(second) = &mut self.second {
                ::core::mem::swap(&mut self.phase, &mut second.phase);
            }
        } else if !(ready || due || is_unwanted) {
            return;
        }
        if let Some(second) = &mut self.second {
            second.must_stop = true;
        }
        self.mark_changed();
    }

    /// A person wants a run that begins from now on: there is nothing to fall back to.
    pub(crate) fn dismiss_second(&mut self) {
        if let Some(second) = &mut self.second {
            second.must_stop = true;
        }
    }

    /// Does what the table says of the second run.
    pub(crate) fn settle_second(&mut self, now: Time, orders: &mut Vec<Order>) {
        loop {
            let Some(second) = &mut self.second else { return };
            if ::core::mem::take(&mut second.stop_unconfirmed) {
                self.drain_second(now, orders);
                continue;
            }
            let want = if second.must_stop { Want::Down } else { Want::Up };
            match settle(&second.phase, want, now) {
                Transition::Stop => self.drain_second(now, orders),
                Transition::Kill => self.with_second(|instance| instance.kill(now, orders)),
                Transition::GiveUp => self.with_second(Self::give_up),
                Transition::Wait | Transition::Spawn | Transition::GoDown | Transition::Forget => {
                    return;
                }
            }
        }
    }

    /// As if the second run were the only one.
    fn with_second(&mut self, act: impl FnOnce(&mut Self)) {
        let Some(mut second) = self.second.take() else { return };
        ::core::mem::swap(&mut self.phase, &mut second.phase);
        act(self);
        ::core::mem::swap(&mut self.phase, &mut second.phase);
        self.second = Some(second);
    }

    fn drain_second(&mut self, now: Time, orders: &mut Vec<Order>) {
        self.flush(orders);
        let (signal, reach) = (self.spec.stop.signal, self.reach());
        let force_at = after(now, drain_timeout(&self.spec.stop));
        let Some(second) = &mut self.second else { return };
        let Some(live) = second.phase.live().copied() else { return };
        orders.push(Order::Signal(live.run, RunSignal::Drain(signal, reach)));
        let stopping = StoppingRun { live, force_at, cause: Cause::Restarted, ended: false };
        let ended = second.phase.stopping().is_some_and(|stopping| stopping.ended);
        second.phase = Phase::Stopping(StoppingRun { ended, ..stopping });
        second.must_stop = true;
        self.mark_changed();
    }

    /// The main process of the second run ended.
    pub(crate) fn second_ended(
        &mut self,
        now: Time,
        ending: Ending,
        rest: Remaining,
        orders: &mut Vec<Order>,
    ) {
        let Some(second) = &mut self.second else { return };
        let known = second.phase.stopping().map(|stopping| stopping.ended);
        let Some(live) = second.phase.live().copied() else { return };
        if known == Some(true) {
            if rest == Remaining::Nothing {
                self.second_over();
            }
            return;
        }
        let rest = if self.spec.stop.tree { rest } else { Remaining::Nothing };
        self.append_end(now, (&live, ending), Cause::Restarted, orders);
        self.mark_changed();
        match (rest, self.second.as_mut().and_then(|second| second.phase.stopping_mut())) {
            (Remaining::Nothing, _) => self.second_over(),
            (Remaining::Stragglers, Some(stopping)) => stopping.ended = true,
            (Remaining::Stragglers, None) => {
                let signal = self.spec.stop.signal;
                orders.push(Order::Signal(live.run, RunSignal::Stop(signal, Reach::Tree)));
                let force_at = after(now, self.spec.stop.timeout);
                let stopping = StoppingRun { live, force_at, cause: Cause::Restarted, ended: true };
                if let Some(second) = &mut self.second {
                    second.phase = Phase::Stopping(stopping);
                    second.must_stop = true;
                }
            }
        }
    }

    /// The rest of its tree is gone too.
    pub(crate) fn second_tree_gone(&mut self) {
        let second = self.second.as_ref();
        if second.and_then(|second| second.phase.stopping()).is_some_and(|stopping| stopping.ended)
        {
            self.second_over();
        }
    }

    fn second_over(&mut self) {
        self.release = self.second.take().and_then(|second| second.phase.run());
        self.mark_changed();
    }

    /// The new run is no more: the old one goes on as if nothing had been. False: there is none that could.
    pub(crate) fn fall_back(&mut self) -> bool {
        if !self.has_fallback() || self.want != Want::Up {
            return false;
        }
        if let Some(second) = self.second.take() {
            self.phase = second.phase;
        }
        true
    }

    /// Why a run that ended by itself ended, as the history tells it.
    pub(crate) fn end_cause(&self, ending: Ending) -> Cause {
        if self.has_fallback() { Cause::Reload } else { Cause::Ended(ending) }
    }
}

/// How long a run that leaves gently has.
pub(crate) fn drain_timeout(stop: &StopPolicy) -> Span {
    if stop.timeout == StopPolicy::default().timeout { DRAIN_TIMEOUT } else { stop.timeout }
}
