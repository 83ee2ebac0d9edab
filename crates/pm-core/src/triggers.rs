//! What starts an app anew although nobody asked: the clock and files that change.
//!
//! When a time has come and which files those are is known outside; here is whom it moves, and for which apps somebody
//! has to look at all (law 4).

use alloc::sync::Arc;
use alloc::vec::Vec;

use pm_spec::AppSpec;

use crate::app::App;
use crate::core::Core;
use crate::id::{AppId, Time};
use crate::instance::{Instance, StartedBy};
use crate::order::Order;
use crate::phase::{Phase, Want};
use crate::request::Awaited;
use crate::verdict::Streaks;
use crate::view::Cause;

/// Which senses an instance needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ActiveTriggers {
    pub(crate) schedule: bool,
    pub(crate) watch: bool,
}

impl Core {
    /// A time has come or a file has changed for this app.
    pub(crate) fn triggered(&mut self, now: Time, app: AppId, cause: &Cause) {
        if self.leaving {
            return;
        }
        let ids = self.apps.get(&app).into_iter().flat_map(|app| app.slots.values());
        for id in ids {
            if let Some(instance) = self.instances.get_mut(id) {
                instance.trigger(now, cause);
                self.dirty.insert(*id);
            }
        }
    }

    /// What an instance needs now.
    pub(crate) fn triggers(&self, instance: &Instance) -> ActiveTriggers {
        if self.leaving { ActiveTriggers::default() } else { instance.triggers() }
    }

    /// An instance of an app needs something else than before.
    pub(crate) fn count_triggers(&mut self, app: AppId, old: ActiveTriggers, new: ActiveTriggers) {
        if old == new {
            return;
        }
        if let Some(app) = self.apps.get_mut(&app) {
            app.scheduled = app.scheduled + usize::from(new.schedule) - usize::from(old.schedule);
            app.watched = app.watched + usize::from(new.watch) - usize::from(old.watch);
        }
        self.triggers_changed.insert(app);
    }

    /// Orders what the apps need whose needs may have changed in this step.
    pub(crate) fn update_triggers(&mut self, orders: &mut Vec<Order>) {
        while let Some(id) = self.triggers_changed.pop_first() {
            if let Some(app) = self.apps.get_mut(&id) {
                app.update_triggers(orders);
            }
        }
    }
}

impl App {
    fn update_triggers(&mut self, orders: &mut Vec<Order>) {
        let schedule = self.spec.schedule.as_ref().filter(|_| self.scheduled > 0);
        if schedule != self.schedule.as_ref() {
            self.schedule = schedule.cloned();
            orders.push(Order::Schedule(self.id, self.schedule.clone()));
        }
        let watch = (self.watched > 0).then_some(&self.spec);
        let same = match (watch, &self.watch) {
            (Some(new), Some(old)) => is_watched_alike(new, old),
            (new, old) => new.is_none() && old.is_none(),
        };
        if !same {
            self.watch = watch.cloned();
            orders.push(Order::Watch(self.id, self.watch.clone()));
        }
    }

    /// It is being forgotten.
    pub(crate) fn drop_triggers(&mut self, orders: &mut Vec<Order>) {
        self.scheduled = 0;
        self.watched = 0;
        self.update_triggers(orders);
    }
}

/// Whether both specs are watched alike; what we write ourselves is no change.
fn is_watched_alike(new: &Arc<AppSpec>, old: &Arc<AppSpec>) -> bool {
    new.watch == old.watch
        && new.cwd == old.cwd
        && new.logs == old.logs
        && new.pid_file == old.pid_file
}

impl Instance {
    /// Whether a tick or a change may move it: it is wanted up, or is down only because it ended by itself.
    fn accepts_triggers(&self) -> bool {
        self.want.is_up() || self.resting
    }

    fn triggers(&self) -> ActiveTriggers {
        let stopped_too = self.spec.schedule.as_ref().is_some_and(|it| it.after_stop);
        ActiveTriggers {
            schedule: self.spec.schedule.is_some()
                && self.want != Want::Gone
                && (self.accepts_triggers() || stopped_too),
            watch: self.spec.watch.as_ref().is_some_and(|it| it.on) && self.accepts_triggers(),
        }
    }

    /// A time has come or a file has changed: what runs is replaced, what rests or has failed is started.
    fn trigger(&mut self, now: Time, cause: &Cause) {
        let triggers = self.triggers();
        let is_tick = *cause == Cause::Scheduled;
        if !(if is_tick { triggers.schedule } else { triggers.watch }) {
            return;
        }
        let is_awaited = self.is_awaited();
        match &mut self.phase {
            // It may have read the file already, but a run that somebody waits for is as fresh as a tick wants it; else
            // who waits for an app that is restarted every second would wait for ever.
            Phase::Starting { .. } if is_tick => {}
            Phase::Up { .. } if is_tick && is_awaited => {}
            Phase::Starting { .. } | Phase::Up { .. } if self.want == Want::Up => {
                self.want = Want::Renewed;
                self.stop_cause = cause.clone();
                self.mark_changed();
            }
            // A stop is not over while the run that a reload left behind is on its way out.
            Phase::Down if self.second.is_none() || self.resting => {
                self.want = Want::Up;
                self.reset_for_trigger();
            }
            Phase::Failed { .. } if self.want.is_up() => {
                self.phase = Phase::Down;
                self.reset_for_trigger();
            }
            Phase::Backoff { until, .. } if self.want.is_up() => {
                *until = now;
                self.reset_for_trigger();
            }
            // The next run is on its way, or is not wanted.
            Phase::Down
            | Phase::Starting { .. }
            | Phase::Up { .. }
            | Phase::Stopping(_)
            | Phase::Killing { .. }
            | Phase::Lost(_)
            | Phase::Backoff { .. }
            | Phase::Failed { .. } => {}
        }
    }

    fn is_awaited(&self) -> bool {
        self.waiters.iter().any(|waiter| matches!(waiter.awaited, Awaited::Up { .. }))
    }

    /// What failed before may go well now. A pause keeps its length, by which it is judged plausible after a restore.
    fn reset_for_trigger(&mut self) {
        self.resting = false;
        self.started_by = StartedBy::Policy;
        self.streaks = Streaks { delay: self.streaks.delay, ..Streaks::default() };
        self.mark_changed();
    }
}
