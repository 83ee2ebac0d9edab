//! What wakes apps besides people: schedules and watched files, kept only while an instance needs them.

use alloc::vec::Vec;

use crate::app::ActiveTriggers;
use crate::core::Core;
use crate::end::Cause;
use crate::id::{AppId, Time};
use crate::instance::Instance;
use crate::order::Order;

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
