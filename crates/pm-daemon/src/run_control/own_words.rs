//! What runs have said of what they are at, and who their main process is.

use std::os::fd::OwnedFd;

use pm_core::{Fact, RunId};
use pm_os::identity::ProcIdentity;

use super::RunControl;
use crate::app_events;
use crate::pidfile::PidFile;
use crate::runs::{self, Life, Told};
use crate::slots::store_pidfd;

impl RunControl {
    /// It said what it is at; nothing: it is at nothing.
    pub(crate) fn says(&mut self, id: RunId, status: String) {
        if let Some(run) = self.owners.runs.get_mut(id) {
            run.words.status = Some(status).filter(|status| !status.is_empty());
        }
    }

    /// It has named another process as its main one; that one before it may have ended, if nobody was told yet. The guardian
    /// knows it first: whose process it keeps is the main one, whatever the journal says.
    pub(crate) fn main_named(
        &mut self,
        id: RunId,
        (named, pidfd): (ProcIdentity, OwnedFd),
    ) -> Option<Fact> {
        let run = self.owners.runs.get_mut(id)?;
        if !matches!(run.life, Life::Alive | Life::Ended(_, Told::Unheard)) {
            return None;
        }
        run.life = Life::Alive;
        app_events::main_named(run, named.pid);
        // A guardian that is gone is noticed by the reactor.
        store_pidfd(&self.owners.link, run.tag, run.address, (named.pid, &pidfd)).ok();
        (run.identity, run.pidfd, run.words.refused) = (Some(named), Some(pidfd), None);
        if let Some(file) = PidFile::of(&run.app, run.address.instance) {
            file.write(named.pid);
        }
        Some(Fact::MainProcess(id, runs::to_core(named)))
    }

    /// It has named one that can't be it; whether that is news.
    pub(crate) fn main_refused(&mut self, id: RunId, why: &str) -> bool {
        let Some(run) = self.owners.runs.get_mut(id) else { return false };
        let is_news = run.words.refused.as_deref() != Some(why);
        if is_news {
            run.words.refused = Some(why.to_owned());
        }
        is_news
    }

    /// It said that it reloads, or that it has; whether it did before.
    pub(crate) fn reloads(&mut self, id: RunId, so: bool) -> bool {
        let run = self.owners.runs.get_mut(id);
        run.is_some_and(|run| std::mem::replace(&mut run.words.reloads, so))
    }
}
