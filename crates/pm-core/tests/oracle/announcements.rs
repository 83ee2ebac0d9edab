//! What apps have commands for is announced when it is so: once, and not before it is written down.
//!
//! Part of the oracle; it knows what happened from the records alone.

use std::collections::BTreeSet;

use pm_spec::{AppSpec, HookEvent};

use super::runs::{RunMark, RunTrace};
use super::state::{BrokenLaw, law};
use crate::core::Core;
use crate::id::{InstanceId, RunId, Time};
use crate::order::Occasion;
use crate::saved::{InstanceRecord, SavedPhase};

/// What was announced, and what is to be.
#[derive(Clone, Debug, Default)]
pub(crate) struct AnnouncementLaws {
    /// What the records of this step say, and nobody has announced yet.
    due: BTreeSet<(InstanceId, HookEvent)>,
    announced: BTreeSet<(RunId, HookEvent)>,
}

impl AnnouncementLaws {
    /// An instance is written down.
    pub(crate) fn record(
        &mut self,
        old: Option<&InstanceRecord>,
        new: &InstanceRecord,
        app: Option<&AppSpec>,
    ) {
        let has_failed = |it: &InstanceRecord| matches!(it.phase, SavedPhase::Failed(_));
        let limit = app.map_or(u32::MAX, |app| app.restart.flapping_limit);
        let flaps = |it: &InstanceRecord| it.unstable.saturating_add(it.flaps) >= limit;
        let begins = |is: &dyn Fn(&InstanceRecord) -> bool| is(new) && !old.is_some_and(is);
        let failures = old.map_or(0, |old| old.job.failures);
        for (event, so) in [
            (HookEvent::GaveUp, begins(&has_failed)),
            (HookEvent::Flapping, begins(&flaps)),
            (HookEvent::JobFailed, new.job.failures > failures),
        ] {
            if so && app.is_some_and(|app| app.hooks.contains_key(&event)) {
                self.due.insert((new.id, event));
            }
        }
    }

    /// Something is announced.
    pub(crate) fn order(
        &mut self,
        occasion: &Occasion,
        (instance, app): (Option<&InstanceRecord>, Option<&AppSpec>),
        run: Option<&RunTrace>,
    ) -> Result<(), BrokenLaw> {
        let Occasion { event, .. } = *occasion;
        let broken = |what: &str| format!("{occasion:?} is announced {what}");
        let is_wanted = app.is_some_and(|app| app.hooks.contains_key(&event));
        law(is_wanted, || broken("where there is a command for it"))?;
        law(self.announced.insert((occasion.run, event)), || broken("once"))?;
        let is_due = self.due.remove(&(occasion.instance, event));
        let is = |mark| run.is_some_and(|run| run.is(mark));
        match event {
            HookEvent::Ready => law(!is(RunMark::Ended), || broken("while it lives")),
            HookEvent::Exit | HookEvent::Unhealthy => {
                law(is(RunMark::Written), || broken("when its end is written down"))
            }
            HookEvent::GaveUp | HookEvent::JobFailed | HookEvent::Flapping => {
                law(is_due && instance.is_some(), || broken("when it is written down"))
            }
        }
    }

    /// The step is done.
    pub(crate) fn rest(&mut self, now: Time, core: &Core) -> Result<(), BrokenLaw> {
        law(self.due.is_empty(), || format!("what happened is announced: {:?}", self.due))?;
        let owes = |it: &crate::instance::Instance| {
            it.shown.unannounced && it.ready_from().is_some_and(|from| from <= now)
        };
        let late = core.instances.values().find(|it| owes(it));
        law(late.is_none(), || format!("who is ready is announced: {late:?}"))
    }

    /// The daemon died: what it had still to announce is not announced.
    pub(crate) fn died(&mut self) {
        self.due.clear();
    }
}
