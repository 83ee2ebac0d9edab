//! One app: its spec and which instance sits in which slot.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;

use pm_spec::{AppName, AppSpec, Schedule};

use crate::id::{AppId, InstanceId};
use crate::saved::AppRecord;

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
}
