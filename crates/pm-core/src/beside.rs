//! The second run of an instance, during a reload: the old one, which serves until the new one does, or a new one that
//! failed. Whichever is not wanted leaves gently; there are never three.

use alloc::vec::Vec;

use pm_spec::{Mode, Span, StopPolicy};

use crate::fact::{Ending, Rest};
use crate::id::{RunId, Time};
use crate::instance::{Seat, after};
use crate::order::{Became, Knock, Order, Reach};
use crate::phase::{Going, Phase, Want};
use crate::request::{Aim, Waiter, Wish};
use crate::settle::{Step, settle};
use crate::view::Cause;

/// What a run that leaves in a reload has for the requests it is at, where the app says nothing else (PM2:
/// `GRACEFUL_TIMEOUT`, 8 s): the 1.6 s of a stop would cut off slow ones.
const GENTLE: Span = Span::from_secs(8);

/// The second run; its phase is one of those with a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Beside {
    pub(crate) phase: Phase,
    /// It has to go; else it stays until the other one is ready.
    pub(crate) leaves: bool,
    /// It is on its way out, but whether the daemon before us got to ask it is unknown.
    pub(crate) unasked: bool,
}

impl Seat {
    /// A new run beside the one there is, if it is a cluster worker that is up; else down and up again.
    pub(crate) fn overlap(&mut self, wish: Wish) {
        let fits = self.made_as == Mode::Cluster
            && self.spec.serving.mode == Mode::Cluster
            && self.want == Want::Up
            && self.beside.is_none()
            && matches!(self.phase, Phase::Up { .. });
        if !fits {
            return self.renew(wish);
        }
        self.ignore(wish.request);
        self.answer_if(|_| true, &Became::Superseded);
        self.begin_anew(wish.now);
        let phase = ::core::mem::replace(&mut self.phase, Phase::Down);
        self.beside = Some(Beside { phase, leaves: false, unasked: false });
        self.restarts = self.restarts.saturating_add(1);
        let Wish { request, patience, from, .. } = wish;
        let aim = Aim::Up { from, patience, became: Became::Restarted };
        self.waiters.push(Waiter { request, aim });
    }

    /// Whether this is its second run.
    pub(crate) fn is_beside(&self, run: RunId) -> bool {
        self.beside.as_ref().is_some_and(|beside| beside.phase.run() == Some(run))
    }

    /// Whether force did not end the second run.
    pub(crate) fn is_beside_lost(&self) -> bool {
        self.beside.as_ref().is_some_and(|beside| matches!(beside.phase, Phase::Lost(_)))
    }

    /// Whether its other run is up, over, or won't go either.
    pub(crate) fn has_settled_main(&self) -> bool {
        let gone = self.phase.run().is_none() && !matches!(self.phase, Phase::Backoff { .. });
        gone || matches!(self.phase, Phase::Up { .. } | Phase::Lost(_))
    }

    /// A person asked again about a run that force did not end.
    pub(crate) fn rouse_beside(&mut self, now: Time) {
        if let Some(beside) = &mut self.beside
            && let Phase::Lost(going) = &beside.phase
        {
            beside.phase = Phase::Stopping(Going { force_at: now, ..going.clone() });
            self.touch();
        }
    }

    /// Whether the old run still serves and is kept until the new one does.
    fn has_fallback(&self) -> bool {
        let stays = |beside: &Beside| !beside.leaves && matches!(beside.phase, Phase::Up { .. });
        self.beside.as_ref().is_some_and(stays)
    }

    /// When the new run has had its time to be ready.
    pub(crate) fn handover(&self) -> Option<Time> {
        match &self.phase {
            Phase::Up { life, .. } if self.has_fallback() => {
                Some(after(life.since, self.spec.serving.listen_timeout))
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
    pub(crate) fn hand_over(&mut self, now: Time) {
        if !self.has_fallback() {
            return;
        }
        let due = self.handover().is_some_and(|at| now >= at);
        let ready = matches!(self.phase, Phase::Up { ready: true, .. });
        let must_say = self.spec.serving.wait_ready;
        let is_unwanted = self.want != Want::Up;
        if due && !ready && must_say && !is_unwanted {
            let cause = Cause::NotReady { within: self.spec.serving.listen_timeout };
            if let Some(run) = self.phase.run() {
                self.disappoint(run, &Became::Failed(cause));
            }
            if let Some(beside) = &mut self.beside {
                ::core::mem::swap(&mut self.phase, &mut beside.phase);
            }
        } else if !(ready || due || is_unwanted) {
            return;
        }
        if let Some(beside) = &mut self.beside {
            beside.leaves = true;
        }
        self.touch();
    }

    /// A person wants a run that begins from now on: there is nothing to fall back to.
    pub(crate) fn dismiss_beside(&mut self) {
        if let Some(beside) = &mut self.beside {
            beside.leaves = true;
        }
    }

    /// Does what the table says of the second run.
    pub(crate) fn settle_beside(&mut self, now: Time, orders: &mut Vec<Order>) {
        loop {
            let Some(beside) = &mut self.beside else { return };
            if ::core::mem::take(&mut beside.unasked) {
                self.ask_beside(now, orders);
                continue;
            }
            let want = if beside.leaves { Want::Down } else { Want::Up };
            match settle(&beside.phase, want, now) {
                Step::Ask => self.ask_beside(now, orders),
                Step::Force => self.with_beside(|seat| seat.force(now, orders)),
                Step::Lose => self.with_beside(Self::lose),
                Step::Rest | Step::Spawn | Step::Calm | Step::Forget => return,
            }
        }
    }

    /// As if the second run were the only one.
    fn with_beside(&mut self, act: impl FnOnce(&mut Self)) {
        let Some(mut beside) = self.beside.take() else { return };
        ::core::mem::swap(&mut self.phase, &mut beside.phase);
        act(self);
        ::core::mem::swap(&mut self.phase, &mut beside.phase);
        self.beside = Some(beside);
    }

    fn ask_beside(&mut self, now: Time, orders: &mut Vec<Order>) {
        self.flush(orders);
        let (signal, reach) = (self.spec.stop.signal, self.reach());
        let force_at = after(now, grace(&self.spec.stop));
        let Some(beside) = &mut self.beside else { return };
        let Some(life) = beside.phase.life().copied() else { return };
        orders.push(Order::Signal(life.run, Knock::Drain(signal, reach)));
        let going = Going { life, force_at, cause: Cause::Restarted, ended: false };
        let ended = beside.phase.going().is_some_and(|going| going.ended);
        beside.phase = Phase::Stopping(Going { ended, ..going });
        beside.leaves = true;
        self.touch();
    }

    /// The main process of the second run ended.
    pub(crate) fn beside_ended(
        &mut self,
        now: Time,
        ending: Ending,
        rest: Rest,
        orders: &mut Vec<Order>,
    ) {
        let Some(beside) = &mut self.beside else { return };
        let known = beside.phase.going().map(|going| going.ended);
        let Some(life) = beside.phase.life().copied() else { return };
        if known == Some(true) {
            if rest == Rest::Nothing {
                self.beside_over();
            }
            return;
        }
        let rest = if self.spec.stop.tree { rest } else { Rest::Nothing };
        self.write_end(now, (&life, ending), Cause::Restarted, orders);
        self.touch();
        match (rest, self.beside.as_mut().and_then(|beside| beside.phase.going_mut())) {
            (Rest::Nothing, _) => self.beside_over(),
            (Rest::Stragglers, Some(going)) => going.ended = true,
            (Rest::Stragglers, None) => {
                let signal = self.spec.stop.signal;
                orders.push(Order::Signal(life.run, Knock::Ask(signal, Reach::Tree)));
                let force_at = after(now, self.spec.stop.timeout);
                let going = Going { life, force_at, cause: Cause::Restarted, ended: true };
                if let Some(beside) = &mut self.beside {
                    beside.phase = Phase::Stopping(going);
                    beside.leaves = true;
                }
            }
        }
    }

    /// The rest of its tree is gone too.
    pub(crate) fn beside_swept(&mut self) {
        let beside = self.beside.as_ref();
        if beside.and_then(|beside| beside.phase.going()).is_some_and(|going| going.ended) {
            self.beside_over();
        }
    }

    fn beside_over(&mut self) {
        self.release = self.beside.take().and_then(|beside| beside.phase.run());
        self.touch();
    }

    /// The new run is no more: the old one goes on as if nothing had been. False: there is none that could.
    pub(crate) fn fall_back(&mut self) -> bool {
        if !self.has_fallback() || self.want != Want::Up {
            return false;
        }
        if let Some(beside) = self.beside.take() {
            self.phase = beside.phase;
        }
        true
    }

    /// Why a run that ended by itself ended, as the history tells it.
    pub(crate) fn own_end(&self, ending: Ending) -> Cause {
        if self.has_fallback() { Cause::Reload } else { Cause::Ended(ending) }
    }
}

/// How long a run that leaves gently has.
pub(crate) fn grace(stop: &StopPolicy) -> Span {
    if stop.timeout == StopPolicy::default().timeout { GENTLE } else { stop.timeout }
}
