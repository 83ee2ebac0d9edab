//! What runs have said of what they are at.

use pm_core::RunId;

use super::RunControl;

impl RunControl {
    /// It said what it is at; nothing: it is at nothing.
    pub(crate) fn says(&mut self, id: RunId, status: String) {
        if let Some(run) = self.owners.runs.get_mut(id) {
            run.words.status = Some(status).filter(|status| !status.is_empty());
        }
    }

    /// It said that it reloads, or that it has; whether it did before.
    pub(crate) fn reloads(&mut self, id: RunId, so: bool) -> bool {
        let run = self.owners.runs.get_mut(id);
        run.is_some_and(|run| std::mem::replace(&mut run.words.reloads, so))
    }
}
