//! What comes from outside without anybody asking: times of schedules, and files that change.
//!
//! The wall clock ends here: the core is told that a time has come, not which.

mod agenda;
mod eyes;
mod grounds;
mod lookout;

use std::sync::Arc;

use pm_core::AppId;
use pm_spec::AppSpec;
use tokio::sync::mpsc;

use agenda::Agenda;
use lookout::Lookout;

use crate::diary;
use crate::reactor::Inlet;

/// All of them.
#[derive(Debug)]
pub(crate) struct Senses {
    pub(crate) agenda: Agenda,
    /// It exists from the first watch on.
    lookout: Option<Lookout>,
    outlet: mpsc::Sender<Inlet>,
}

impl Senses {
    pub(crate) fn new(outlet: mpsc::Sender<Inlet>) -> Self {
        Self { agenda: Agenda::default(), lookout: None, outlet }
    }

    /// Watches an app's files as this spec says from now on, or not any more.
    pub(crate) fn watch(&mut self, app: AppId, spec: Option<Arc<AppSpec>>) {
        if self.lookout.is_none() && spec.is_some() {
            let outlet = self.outlet.clone();
            let report = move |app, path| outlet.blocking_send(Inlet::Touched(app, path)).is_ok();
            match Lookout::start(Box::new(report)) {
                Ok(lookout) => self.lookout = Some(lookout),
                Err(error) => diary::note(format_args!("could not watch files: {error}")),
            }
        }
        if let Some(lookout) = &self.lookout {
            lookout.set(app, spec);
        }
    }
}
