//! Two runs of one instance, during a reload: the new one beside the old, until it serves or has failed to.

use alloc::boxed::Box;
use alloc::vec::Vec;

use pm_spec::{Mode, ReloadOrder, Serving, Span};

use crate::end::{Cause, Ending};
use crate::fact::Remaining;
use crate::id::{RunId, Time, after};
use crate::instance::Instance;
use crate::order::{Became, Order};
use crate::phase::{Phase, SecondRun, Shown, Want};
use crate::request::{Awaited, Requester, Waiter};
use crate::settle::{Transition, settle};

/// So long a new run may take to begin serving where nothing else is said: the old one serves meanwhile, and
/// there are programs that read for ten seconds before they listen.
const PATIENT: Span = Span::from_secs(30);

impl Instance {
    /// Whether a run of what is to be can be beside the one there is: cluster workers share their ports, and so does who
    /// finds its sockets open.
    fn may_overlap(&self) -> bool {
        let both_workers =
            self.run_mode == Mode::Cluster && self.spec.serving.mode == Mode::Cluster;
        let share = both_workers || (self.shares_sockets && !self.spec.listen.is_empty());
        match self.spec.reload.order {
            ReloadOrder::Unsaid => share,
            // One that has bound its port itself is in the way of a socket for the new one.
            ReloadOrder::StartFirst => {
                let is_same = self.run_mode == self.spec.serving.mode
                    && self.shares_sockets != self.spec.listen.is_empty();
                share || is_same
            }
            ReloadOrder::StopFirst => false,
        }
    }

    /// A new run beside the one there is, if that can be and it is up; else down and up again.
    pub(crate) fn replace_overlapping(&mut self, requester: Requester) {
        let fits = self.may_overlap()
            && self.want == Want::Up
            && self.second.is_none()
            && matches!(self.phase, Phase::Up { .. });
        if !fits {
            if !self.may_overlap() || !self.waits_for_room(requester) {
                self.renew(requester);
            }
            return;
        }
        self.ignore(requester.request);
        self.answer_if(|_| true, &Became::Superseded);
        self.reset_for_person(requester.now);
        let phase = ::core::mem::replace(&mut self.phase, Phase::Down);
        self.second = Some(Box::new(SecondRun::beside(phase, false)));
        self.restarts = self.restarts.saturating_add(1);
        let Requester { request, patience, from, .. } = requester;
        let awaited = Awaited::Up { from, patience, became: Became::Restarted };
        self.waiters.push(Waiter { request, awaited });
    }

    /// Whether this is its second run.
    pub(crate) fn is_second(&self, run: RunId) -> bool {
        self.second.as_ref().is_some_and(|second| second.phase.run() == Some(run))
    }

    /// Whether the old run still serves and is kept until the new one does.
    pub(crate) fn has_fallback(&self) -> bool {
        let stays =
            |second: &SecondRun| !second.must_stop && matches!(second.phase, Phase::Up { .. });
        self.second.as_deref().is_some_and(stays)
    }

    /// When the new run has had its time to be ready.
    pub(crate) fn switch_deadline(&self) -> Option<Time> {
        let Phase::Up { live, .. } = &self.phase else { return None };
        if let Some(until) = self.second.as_ref().filter(|old| !old.must_stop)?.until {
            return Some(until);
        }
        let at = after(live.since, self.switch_after());
        self.has_fallback().then(|| self.shown.ready_by.map_or(at, |by| by.max(at)))
    }

    /// Whether being ready is seen of its runs and not said by them: they were given sockets, which listen whoever has
    /// them, and it is looked whether anybody takes callers.
    fn is_seen_ready(&self) -> bool {
        let serving = &self.spec.serving;
        let is_given = !self.spec.listen.is_empty() && serving.mode == Mode::Fork;
        is_given && !self.spec.shows_ready()
    }

    /// Whether a new run has to be ready for the old one to go, however long that takes. Of servers that do not show
    /// when they take callers (the old one never did) nobody can ask it.
    fn must_be_ready(&self) -> bool {
        let was_seen = self.second.as_ref().is_some_and(|old| old.phase.is_ready());
        self.spec.shows_ready() || (self.is_seen_ready() && was_seen)
    }

    /// So long a new run has to be ready.
    fn switch_after(&self) -> Span {
        let time = self.spec.ready_within();
        match (self.is_seen_ready(), self.must_be_ready()) {
            (true, true) if time == Serving::default().listen_timeout => PATIENT,
            (true, false) => time.max(self.spec.restart.min_uptime),
            (true, true) | (false, _) => time,
        }
    }

    /// The old run goes once the new one is ready, or has had the time for it and need not say so (PM2). One that had
    /// to say so and did not goes itself, and the old one stays.
    pub(crate) fn switch_over(&mut self, now: Time, orders: &mut Vec<Order>) {
        if !self.has_fallback() {
            return;
        }
        let is_watched = self.is_watched();
        let due = is_watched || self.switch_deadline().is_some_and(|at| now >= at);
        let ready = matches!(self.phase, Phase::Up { ready: true, .. });
        let must_say = self.must_be_ready();
        let is_unwanted = self.want != Want::Up;
        if due && !ready && must_say && !is_unwanted && !is_watched {
            let cause = self.not_ready(self.switch_after());
            return self.take_back(&Became::Failed(cause));
        }
        if !(ready || due || is_unwanted) || (!is_unwanted && self.stands_by(now, orders)) {
            return;
        }
        if let Some(second) = &mut self.second {
            second.must_stop = true;
        }
        self.mark_changed();
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

    /// The main process of the second run ended.
    pub(crate) fn second_ended(
        &mut self,
        now: Time,
        ending: Ending,
        rest: Remaining,
        orders: &mut Vec<Order>,
    ) {
        let Some(second) = &mut self.second else { return };
        let Some(live) = second.phase.live().copied() else { return };
        if second.phase.stopping().is_some_and(|stopping| stopping.ended) {
            if rest == Remaining::Nothing {
                self.second_tree_gone(now, orders);
            }
            return;
        }
        let rest = if self.spec.stop.tree { rest } else { Remaining::Nothing };
        self.append_end(live.end(now, ending, Cause::Restarted), orders);
        self.mark_changed();
        match (rest, self.second.as_mut().and_then(|second| second.phase.stopping_mut())) {
            (Remaining::Nothing, _) => self.nobody_left_of_second(now, orders),
            (Remaining::Stragglers, Some(stopping)) => {
                stopping.ended = true;
                // Nobody who has ended is asked after it, by the next daemon neither.
                if stopping.hook.take().is_some() {
                    self.ask_second_to_go(now, live, orders);
                }
            }
            (Remaining::Stragglers, None) => {
                let phase = self.stop_stragglers(now, live, Cause::Restarted, orders);
                self.second = Some(Box::new(SecondRun::beside(phase, true)));
            }
        }
    }

    /// The rest of its tree is gone too.
    pub(crate) fn second_tree_gone(&mut self, now: Time, orders: &mut Vec<Order>) {
        let stopping = self.second.as_ref().and_then(|second| second.phase.stopping());
        if stopping.is_some_and(|stopping| stopping.ended && stopping.hook.is_none()) {
            self.nobody_left_of_second(now, orders);
        }
    }

    pub(crate) fn second_over(&mut self) {
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
            self.outdated = true;
            self.shown = Shown::default();
        }
        true
    }
}
