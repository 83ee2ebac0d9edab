//! A reload that comes while two runs of an instance are there: it waits until one of them has gone, for there are never
//! three; and one that is asked once more, for the daemon that was asked first has died.

use pm_spec::Patience;

use crate::end::{Cause, RunEnd};
use crate::id::{RunId, Time};
use crate::instance::Instance;
use crate::order::Became;
use crate::phase::{Phase, Shown, Want};
use crate::request::{Awaited, Requester, Waiter};

/// A reload meets two runs.
impl Instance {
    /// Has a reload wait for room beside the run that is up. False: there is no second run, or nothing that serves.
    pub(crate) fn waits_for_room(&mut self, requester: Requester) -> bool {
        let serves = matches!(self.phase, Phase::Starting { .. } | Phase::Up { .. });
        if self.second.is_none() || self.want != Want::Up || !serves {
            return false;
        }
        self.ignore(requester.request);
        self.answer_if(|awaited| *awaited == Awaited::Room, &Became::Superseded);
        self.retry_kill(requester.now);
        self.waiters.push(Waiter { request: requester.request, awaited: Awaited::Room });
        true
    }

    /// Makes room for a reload that waits, and lets it begin when there is. `from` is the number of the next run.
    pub(crate) fn settle_queued(&mut self, now: Time, from: RunId) {
        let waits = |waiter: &&Waiter| waiter.awaited == Awaited::Room;
        let Some(request) = self.waiters.iter().find(waits).map(|waiter| waiter.request) else {
            return;
        };
        if self.second.is_none() {
            // Whoever waited for the reload before has it, and does not wait for another run.
            self.check(now);
            let patience = Patience::Settled;
            self.replace_overlapping(Requester { now, request, patience, from });
        } else if self.has_fallback() && matches!(self.phase, Phase::Up { .. }) {
            self.take_back(&Became::Superseded);
        }
    }

    /// The new run goes, and the old one stays.
    pub(crate) fn take_back(&mut self, became: &Became) {
        if let Some(run) = self.phase.run() {
            self.fail_waiters(run, became);
        }
        if let Some(second) = &mut self.second {
            ::core::mem::swap(&mut self.phase, &mut second.phase);
            second.must_stop = true;
            self.shown = Shown::default();
            // It may have been made by the spec before.
            self.outdated = true;
        }
        self.mark_changed();
    }
}

/// A reload is asked once more.
impl Instance {
    /// Waits for what a daemon before us began for this request, asked `since`. False: nothing was.
    pub(crate) fn resume(&mut self, requester: Requester, since: Time) -> bool {
        if self.created < since {
            return false;
        }
        let Requester { request, patience, from, .. } = requester;
        let became = self.came_to(since);
        self.ignore(request);
        if let Some(became) = became {
            self.answers.push((request, became));
        } else {
            // The end of the run before is no failure; where it stands beside, it may come back.
            let leaves = self.phase.stopping().is_some() && !self.has_fallback();
            let from = if leaves { from } else { RunId(0) };
            let awaited = Awaited::Up { from, patience, became: Became::Restarted };
            self.waiters.push(Waiter { request, awaited });
        }
        true
    }

    /// What has come of a reload that began after `since`, if that is known.
    fn came_to(&self, since: Time) -> Option<Became> {
        let newest = self.history.iter().filter(|end| end.since >= since).max_by_key(|end| end.run);
        let failed = newest.filter(|end| end.cause.is_news() || end.cause == Cause::Reload);
        let cause = |end: &RunEnd| {
            let is_of_reload = end.cause == Cause::Reload;
            if is_of_reload { Cause::Ended(end.ending) } else { end.cause.clone() }
        };
        let failed = failed.map(cause);
        if !self.want.is_up() {
            let is_done = failed.is_some() && self.is_done();
            let ended = failed.map_or(Became::Superseded, Became::Failed);
            return Some(if is_done { Became::Finished } else { ended });
        }
        let is_old = matches!(&self.phase, Phase::Up { live, .. } if live.since < since);
        if is_old && !self.has_fallback() {
            // The old run came back.
            let late = || Cause::NotReady { within: self.spec.ready_within(), saw: None };
            return Some(Became::Failed(failed.unwrap_or_else(late)));
        }
        failed.map(Became::Failed)
    }
}
