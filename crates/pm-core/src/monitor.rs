//! The time in which a reload watches a new run that serves already (`reload_monitor`): the old one stands by, and serves again
//! if the new one ends, is unhealthy or too big.

use alloc::vec::Vec;

use crate::end::Cause;
use crate::id::{Time, after};
use crate::instance::Instance;
use crate::order::{Became, Order, RunSignal};
use crate::phase::Phase;

impl Instance {
    /// Whether its run serves and is watched, while the old one stands by. Who has ended is not, whatever it left behind.
    pub(crate) fn is_watched(&self) -> bool {
        let old = self.second.as_ref().filter(|old| !old.must_stop);
        let serves = matches!(self.phase, Phase::Up { .. });
        serves && old.is_some_and(|old| old.until.is_some())
    }

    /// Whether its run is to be judged: of two, only one that is watched.
    pub(crate) fn is_judged(&self) -> bool {
        self.second.is_none() || self.is_watched()
    }

    /// The new run takes callers from now on. Whether the old one has still to stay.
    pub(crate) fn stands_by(&mut self, now: Time, orders: &mut Vec<Order>) -> bool {
        let monitor = self.spec.reload.monitor;
        let Some(old) = &mut self.second else { return false };
        if let Some(until) = old.until {
            return now < until;
        }
        let Some(run) = old.phase.run().filter(|_| monitor.as_millis() > 0) else { return false };
        old.until = Some(after(now, monitor));
        orders.push(Order::Signal(run, RunSignal::StandBy));
        true
    }

    /// Its run has to go for this. The old one takes its place, if there still is one that can.
    pub(crate) fn takes_back(&mut self, cause: &Cause) -> bool {
        let can = self.has_fallback();
        if can {
            self.take_back(&Became::Failed(cause.clone()));
        }
        can
    }
}
