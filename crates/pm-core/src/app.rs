//! One app: its spec and which instance sits in which slot.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use pm_spec::{AppName, AppSpec, Schedule};

use crate::id::{AppId, InstanceId};
use crate::order::Order;
use crate::saved::AppRecord;

/// Which senses an instance needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ActiveTriggers {
    pub(crate) schedule: bool,
    pub(crate) watch: bool,
}

/// One app. It exists as long as it has an instance.
#[derive(Clone, Debug)]
pub(crate) struct App {
    pub(crate) id: AppId,
    pub(crate) spec: Arc<AppSpec>,
    pub(crate) slots: BTreeMap<u16, InstanceId>,
    /// How many of its instances need the clock.
    pub(crate) scheduled: usize,
    /// How many of them need their files watched.
    pub(crate) watched: usize,
    /// When the clock was told to wake it.
    pub(crate) schedule: Option<Schedule>,
    /// As what it is being watched.
    pub(crate) watch: Option<Arc<AppSpec>>,
}

impl App {
    pub(crate) const fn new(id: AppId, spec: Arc<AppSpec>) -> Self {
        Self {
            id,
            spec,
            slots: BTreeMap::new(),
            scheduled: 0,
            watched: 0,
            schedule: None,
            watch: None,
        }
    }

    /// What it is found by: name, then namespace.
    pub(crate) fn key(&self) -> (AppName, AppName) {
        (self.spec.name.clone(), self.spec.namespace.clone())
    }

    /// As it is written down.
    pub(crate) fn record(&self) -> AppRecord {
        AppRecord { id: self.id, spec: Arc::clone(&self.spec) }
    }

    pub(crate) fn update_triggers(&mut self, orders: &mut Vec<Order>) {
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
