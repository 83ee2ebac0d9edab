//! An instance that waits for what is outside: servers elsewhere, files, whatever a command finds out.
//!
//! Who asks, and how, is the daemon's business.

use alloc::boxed::Box;
use alloc::string::String;

use pm_spec::Probe;

use crate::end::Cause;
use crate::id::Time;
use crate::instance::Instance;
use crate::outside::{OutsideThing, OutsideWait};
use crate::phase::Phase;

impl Instance {
    /// Begins to wait for what is outside, goes on with it, or is done with it.
    pub(crate) fn look_outside(&mut self, now: Time) {
        if self.outside.is_none() && self.spec.outside.is_empty() {
            return;
        }
        let begins = self.phase == Phase::Down && self.want.is_up() && self.second.is_none();
        let needs = &self.spec.outside;
        if !begins || !self.gate.obstacles.is_empty() || self.gate.is_open || needs.is_empty() {
            self.changed |= self.outside.take().is_some();
            return;
        }
        if self.outside.as_ref().is_none_or(|wait| !wait.is_for(needs)) {
            self.outside = Some(Box::new(OutsideWait::new(now, needs)));
            self.changed = true;
        }
        self.changed |= self.outside.as_mut().is_some_and(|wait| wait.look(now));
    }

    /// Whether all outside is as it has to be for a run to begin.
    pub(crate) fn has_all_outside(&self) -> bool {
        let needs_none = self.spec.outside.is_empty() || self.gate.is_open;
        needs_none || self.outside.as_ref().is_some_and(|wait| wait.is_over)
    }

    /// Something outside was asked for, and is there or not.
    pub(crate) fn seen_outside(&mut self, probe: &Probe, saw: Option<&String>) {
        let things = self.outside.iter_mut().flat_map(|wait| &mut wait.things);
        for thing in things.filter(|it| it.need.question.probe == *probe && !it.is_there) {
            self.changed |= saw.is_none() || thing.saw.as_ref() != saw;
            thing.is_there = saw.is_none();
            thing.saw = saw.cloned();
        }
    }

    /// A person asks anew: it has all its time again.
    pub(crate) fn wait_anew(&mut self, now: Time) {
        if let Some(wait) = &mut self.outside {
            wait.since = now;
        }
    }

    /// What it waits for outside, if it does.
    pub(crate) fn outside_things(&self) -> &[OutsideThing] {
        self.outside.as_ref().map_or(&[], |wait| &wait.things)
    }

    /// What did not come in its time.
    pub(crate) fn late_outside(&self) -> Option<&Cause> {
        self.outside.as_ref().and_then(|wait| wait.late.as_ref())
    }

    /// When the time of something outside is over.
    pub(crate) fn outside_at(&self) -> Option<Time> {
        self.outside.as_ref().and_then(|wait| wait.next)
    }
}
