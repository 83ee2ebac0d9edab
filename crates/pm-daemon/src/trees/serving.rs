//! Runs that somebody waits for, or that were given their sockets: whether they serve by now.

use pm_os::tree::{Depth, ProcScan};

use super::TreeThread;
use crate::accept_watch;
use crate::inlet::Inlet;
use crate::tree_job::{Leaver, TreeJob};
use crate::tree_queries::run_of;

impl TreeThread {
    /// Adds what waits, and takes out who is only to be looked at now and then.
    pub(super) fn set_apart(&mut self, mut batch: Vec<TreeJob>) -> Vec<TreeJob> {
        batch.extend(self.jobs.try_iter());
        batch.retain_mut(|job| match job {
            TreeJob::Listens(tree, shows_more) => {
                self.awaited.add(*tree, *shows_more);
                false
            }
            TreeJob::Accepts(tree, sockets) => {
                self.accepting.add(*tree, std::mem::take(sockets));
                false
            }
            TreeJob::Leaves(Leaver { tree, sockets, within }) => {
                let sockets = std::mem::take(sockets);
                self.leaving.add(Leaver { tree: *tree, sockets, within: *within });
                false
            }
            TreeJob::Ask(..)
            | TreeJob::Force(_)
            | TreeJob::Remains(_)
            | TreeJob::Sample(..)
            | TreeJob::Replace(..)
            | TreeJob::Looks(_)
            | TreeJob::Pids(..) => true,
        });
        batch
    }

    /// Looks whether those that are awaited listen: cheap as long as no new socket does.
    pub(super) fn probe(&mut self) -> Option<()> {
        if !self.awaited.is_due() || !self.listening.has_news() {
            return Some(());
        }
        let Ok(scan) = ProcScan::take(Depth::Tags, &[self.guardian]) else { return Some(()) };
        let queries: Vec<_> =
            self.awaited.trees().map(|tree| run_of(tree, &self.unmarked)).collect();
        let listens = self.listening.look(&scan.run_members(&queries));
        for (run, addresses) in self.awaited.take(listens) {
            self.tell(Inlet::Listens(run, addresses))?;
        }
        Some(())
    }

    /// Looks whether those that are about to leave have accepted and heard all who called them.
    pub(super) fn look_who_is_quiet(&mut self) -> Option<()> {
        let quiet = self.leaving.quiet();
        if quiet.is_empty() {
            return Some(());
        }
        let queries: Vec<_> = quiet.iter().map(accept_watch::query).collect();
        // Without /proc it is taken that they have.
        let scan = ProcScan::take(Depth::Tags, &[self.guardian]).ok();
        let by_run = scan.map(|scan| scan.run_members(&queries)).unwrap_or_default();
        self.leaving.done(&by_run).into_iter().try_for_each(|run| self.tell(Inlet::Quiet(run)))
    }

    /// Looks whether those that were given sockets take callers.
    pub(super) fn look_who_accepts(&mut self) -> Option<()> {
        let due = self.accepting.due();
        if due.is_empty() {
            return Some(());
        }
        let Ok(scan) = ProcScan::take(Depth::Tags, &[self.guardian]) else { return Some(()) };
        let queries: Vec<_> = due.iter().map(accept_watch::query).collect();
        for run in self.accepting.look(&scan.run_members(&queries)) {
            self.tell(Inlet::Accepts(run))?;
        }
        Some(())
    }
}
