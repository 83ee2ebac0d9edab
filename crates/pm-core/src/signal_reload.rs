//! A reload that keeps the run: its main process is told by a signal to replace its workers, and whoever asked is answered
//! when it has.
//!
//! It brings new code, but neither arguments nor an environment: what was made by an older spec takes a new run. It does
//! not survive the daemon: the main process goes on with it alone, and whoever asked asks again.

use alloc::vec::Vec;

use pm_spec::{Mode, Span};

use crate::end::Cause;
use crate::id::{Time, after};
use crate::instance::Instance;
use crate::order::{Became, Order, RunSignal};
use crate::phase::{Phase, SignalReload, Want};
use crate::request::{Awaited, Requester, Waiter};

/// So long the new workers have to be the same: who can't load the app is replaced again and again.
const STEADY: Span = Span::from_secs(1);

impl Instance {
    /// Its main process is to replace its workers, if that brings all there is to bring. False: it takes a new run.
    pub(crate) fn reload_by_signal(&mut self, requester: Requester) -> bool {
        let Some(signal) = self.spec.reload_signal else { return false };
        let Phase::Up { live, .. } = &self.phase else { return false };
        // Who shares its sockets is replaced by a run beside it.
        let is_alone = self.run_mode == Mode::Fork && !self.shares_sockets && self.second.is_none();
        if !is_alone || self.want != Want::Up || self.outdated {
            return false;
        }
        self.reload = Some(SignalReload { run: live.run, signal, until: None });
        self.ignore(requester.request);
        self.answer_if(|awaited| *awaited == Awaited::Workers, &Became::Superseded);
        self.waiters.push(Waiter { request: requester.request, awaited: Awaited::Workers });
        true
    }

    /// Tells it once, and waits no longer than it may take. One that is to go for another reason is told nothing.
    pub(crate) fn settle_reload(&mut self, now: Time, orders: &mut Vec<Order>) {
        let Some(SignalReload { run, signal, until }) = self.reload else { return };
        let is_up = matches!(&self.phase, Phase::Up { live, .. } if live.run == run);
        let within = self.replacing_time();
        let failed = match until {
            _ if !is_up => self.phase.stopping().map(|stopping| stopping.cause.clone()),
            None => {
                let until = Some(after(now, within));
                self.reload = Some(SignalReload { run, signal, until });
                orders.push(Order::Signal(run, RunSignal::Replace(signal, within)));
                return;
            }
            Some(until) if now < until => return,
            Some(_) => Some(Cause::NotReplaced { signal, within }),
        };
        self.reload = None;
        let became = failed.map_or(Became::Superseded, Became::Failed);
        self.answer_if(|awaited| *awaited == Awaited::Workers, &became);
    }

    /// All its workers are new.
    pub(crate) fn workers_replaced(&mut self) {
        let told = self.reload.filter(|reload| reload.until.is_some());
        if let Some(SignalReload { signal, .. }) = told {
            self.reload = None;
            self.answer_if(|awaited| *awaited == Awaited::Workers, &Became::Reloaded(signal));
        }
    }

    /// Until when its workers have to be new.
    pub(crate) fn reload_deadline(&self) -> Option<Time> {
        self.reload.and_then(|reload| reload.until)
    }

    /// The old workers have as long as in a stop, and the new ones as long as any new process, and then have to stay.
    fn replacing_time(&self) -> Span {
        let times = [self.spec.stop.timeout, self.spec.serving.listen_timeout, STEADY];
        let sum = |sum: u64, span: Span| sum.saturating_add(span.as_millis());
        Span::from_millis(times.into_iter().fold(0, sum))
    }
}
