//! What comes from outside without anybody asking: times of schedules, and files that change.
//!
//! The wall clock ends here: the core is told that a time has come, not which.

mod cron;
mod inotify;
mod own_places;
mod stamp;
mod watch_tree;
mod watcher;

use std::sync::Arc;

use pm_core::{AppId, Core};
use pm_protocol::Home;
use pm_spec::{AppSpec, Schedule};
use tokio::sync::mpsc;

pub(crate) use cron::Cron;
use own_places::OwnPlaces;
use watcher::Watcher;

use crate::daemon_log;
use crate::inlet::Inlet;

/// All of them.
#[derive(Debug)]
pub(crate) struct Triggers {
    pub(crate) cron: Cron,
    /// It exists from the first watch on.
    watcher: Option<Watcher>,
    home: Home,
    outlet: mpsc::Sender<Inlet>,
}

impl Triggers {
    pub(crate) fn new(home: Home, outlet: mpsc::Sender<Inlet>) -> Self {
        Self { cron: Cron::default(), watcher: None, home, outlet }
    }

    /// Keeps this schedule for an app from now on, or none.
    pub(crate) fn schedule(&mut self, core: &Core, app: AppId, schedule: Option<&Schedule>) {
        let known = core.instances().find(|instance| instance.app_id == app);
        match schedule.zip(known) {
            Some((schedule, known)) => {
                let name = (known.app.namespace.as_str(), known.app.name.as_str());
                self.cron.set(app, schedule, name, &self.home);
            }
            None => self.cron.unset(app, core.is_leaving()),
        }
    }

    /// Watches an app's files as this spec says from now on, or not any more.
    pub(crate) fn watch(&mut self, app: AppId, spec: Option<Arc<AppSpec>>) {
        if self.watcher.is_none() && spec.is_some() {
            let outlet = self.outlet.clone();
            let report = move |app, path| outlet.blocking_send(Inlet::Touched(app, path)).is_ok();
            match Watcher::start(OwnPlaces::of(&self.home), Box::new(report)) {
                Ok(watcher) => self.watcher = Some(watcher),
                Err(error) => daemon_log::note(format_args!("could not watch files: {error}")),
            }
        }
        if let Some(watcher) = &self.watcher {
            watcher.set(app, spec);
        }
    }
}
