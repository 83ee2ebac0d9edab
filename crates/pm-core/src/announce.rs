//! Moments of an app's life that it may have commands for (`on_exit` and its like): each is announced where it is decided,
//! and only to apps with a command for it.

use alloc::vec::Vec;

use pm_spec::{HookEvent, HookStage};

use crate::end::{Cause, RunEnd};
use crate::id::{RunId, Time};
use crate::instance::Instance;
use crate::order::{Occasion, Order};
use crate::phase::{Phase, Shown};
use crate::verdict::Streaks;

impl Instance {
    /// Has it announced in this step, once everything is written down.
    pub(crate) fn announce(&mut self, event: HookEvent, run: RunId, cause: Option<&Cause>) {
        if self.spec.hooks.contains_key(&event) {
            let cause = cause.cloned();
            self.occasions.push(Occasion { instance: self.id, event, run, cause });
        }
    }

    /// A run ended.
    pub(crate) fn announce_end(&mut self, end: &RunEnd) {
        if end.cause.is_news() {
            self.announce(HookEvent::Exit, end.run, None);
        }
        if matches!(end.cause, Cause::Unhealthy { .. }) {
            self.announce(HookEvent::Unhealthy, end.run, None);
        }
    }

    /// What its runs are like by now; flapping is called out once.
    pub(crate) fn judged(&mut self, run: RunId, streaks: Streaks, cause: Option<&Cause>) {
        let before = self.streaks.failures();
        self.streaks = streaks;
        let limit = self.spec.restart.flapping_limit;
        if before < limit && streaks.failures() >= limit {
            self.announce(HookEvent::Flapping, run, cause);
        }
    }

    /// It may have been given up.
    pub(crate) fn announce_failure(&mut self, run: RunId) {
        if let Phase::Failed { cause } = &self.phase {
            let cause = cause.clone();
            self.announce(HookEvent::GaveUp, run, Some(&cause));
        }
    }

    /// A new run has shown nothing, and it is to be announced when it is ready.
    pub(crate) fn nothing_shown(&self) -> Shown {
        let has_hook = self.spec.hooks.contains_key(&HookEvent::Ready);
        let unannounced = has_hook || self.spec.staged.contains_key(&HookStage::PostStart);
        Shown { unannounced, ..Shown::default() }
    }

    /// The same of a run that a daemon before us made; one that was ready by now was announced.
    pub(crate) fn still_unannounced(&self, now: Time) -> bool {
        self.nothing_shown().unannounced && self.ready_from().is_none_or(|from| from > now)
    }

    /// It may be ready by now.
    pub(crate) fn announce_ready(&mut self, now: Time, orders: &mut Vec<Order>) {
        let is_due = self.announced_at().is_some_and(|at| at <= now);
        if let Some(run) = self.phase.run().filter(|_| is_due) {
            self.shown.unannounced = false;
            self.announce(HookEvent::Ready, run, None);
            if self.spec.staged.contains_key(&HookStage::PostStart) {
                self.flush(orders);
                orders.push(Order::Hook(run, HookStage::PostStart));
            }
        }
    }

    /// When it is to be announced that it is ready; `None`: that is not known, or not wanted.
    pub(crate) fn announced_at(&self) -> Option<Time> {
        if self.shown.unannounced { self.ready_from() } else { None }
    }
}

impl Cause {
    /// Whether an end is one that nobody asked for.
    pub const fn is_news(&self) -> bool {
        match self {
            Self::Ended(_)
            | Self::Memory { .. }
            | Self::TooLong { .. }
            | Self::Unhealthy { .. }
            | Self::NotSpawned(_)
            | Self::CrashLoop { .. }
            | Self::NotReady { .. }
            | Self::Unkillable => true,
            Self::Stopped
            | Self::Restarted
            | Self::Scheduled
            | Self::FileChanged(_)
            | Self::Reload
            | Self::NotReplaced { .. }
            | Self::Dependency { .. }
            | Self::Outside { .. }
            | Self::Missing
            | Self::Shutdown => false,
        }
    }
}
