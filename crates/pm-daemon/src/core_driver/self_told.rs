//! What runs say of themselves over their notification sockets becomes facts: that one is ready, what it is at, who its main process is.

use pm_core::{Fact, RunId};
use pm_spec::Readiness;

use super::CoreDriver;
use crate::inlet::Notice;
use crate::runs::Run;
use crate::self_report::SelfReport;

impl CoreDriver {
    /// A run said something of itself.
    pub(crate) fn noticed(&mut self, run: RunId, notice: Notice) {
        let Notice { report, main, done } = notice;
        match main {
            Some(Ok(named)) => {
                let fact = self.executor.runs_mut().main_named(run, named);
                self.step_if(fact);
            }
            Some(Err(why)) if self.executor.runs_mut().main_refused(run, &why) => {
                if let Some(instance) = self.core.instance_of_run(run) {
                    self.executor.main_refused(&instance, why);
                }
            }
            Some(Err(_)) | None => {}
        }
        self.reported(run, report);
        // Who said it may be gone, and the one who heard it.
        done.send(self.executor.runs().get(run).and_then(|run| run.identity)).ok();
    }

    /// All is heard that a run said before its main process ended.
    pub(crate) fn heard(&mut self, run: RunId) {
        let fact = self.executor.runs_mut().heard(run);
        self.step_if(fact);
    }

    fn reported(&mut self, run: RunId, report: SelfReport) {
        let SelfReport { is_ready, is_reloading, status, main: _, said } = report;
        if let Some(status) = status {
            self.executor.runs_mut().says(run, status.clone());
            // While it is not ready this says why not.
            self.step(Fact::Unready(run, status));
        }
        for said in said {
            self.step(Fact::Notified(run, said));
        }
        if is_reloading != is_ready
            && self.executor.runs_mut().reloads(run, is_reloading)
            && is_ready
        {
            self.step(Fact::WorkersReplaced(run));
        }
        let known = self.executor.runs().get(run);
        let says_it = |run: &Run| run.app.checks.ready.as_deref() == Some(&Readiness::Notifies);
        if is_ready && known.is_some_and(says_it) {
            self.is_up(run);
        }
    }
}
