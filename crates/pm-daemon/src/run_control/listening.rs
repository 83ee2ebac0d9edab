//! Where runs listen, and whether they take callers: who looks, and what was seen.

use std::net::SocketAddr;

use pm_core::RunId;
use pm_os::accepting::SocketInode;
use pm_spec::Mode;

use super::RunControl;
use crate::runs::{Life, Run};
use crate::tree_job::TreeJob;

impl RunControl {
    /// Has it looked for where a run listens, which says that it is up where nothing else does.
    pub(crate) fn await_listening(&self, id: RunId) {
        let Some(run) = self.get(id) else { return };
        let serving = &run.app.serving;
        // A socket of ours listens whoever is there.
        if serving.mode == Mode::Fork && run.app.listen.is_empty() {
            self.tree_job(TreeJob::Listens(run.tree(), run.app.shows_ready()));
        }
    }

    /// Has it looked where a run listens that is up, if nobody has seen it yet; whether anybody does.
    pub(crate) fn looks_where(&self, id: RunId) -> bool {
        let opens_its_port = |run: &&Run| {
            run.app.serving.mode == Mode::Fork
                && run.app.listen.is_empty()
                && run.listens.is_empty()
        };
        let run = self.get(id).filter(opens_its_port);
        let tree = run.filter(|run| matches!(run.life, Life::Alive)).map(Run::tree);
        tree.is_some_and(|tree| self.owners.trees.send(TreeJob::Looks(tree)).is_ok())
    }

    /// Has it looked for whether a run takes callers of the sockets it was given, unless it says so itself.
    pub(crate) fn await_accepting(&self, id: RunId, sockets: Vec<SocketInode>) {
        if let Some(run) = self.get(id).filter(|run| !run.app.serving.wait_ready) {
            self.tree_job(TreeJob::Accepts(run.tree(), sockets));
        }
    }

    /// It listens at these addresses.
    pub(crate) fn listens(&mut self, id: RunId, addresses: Vec<SocketAddr>) {
        if let Some(run) = self.owners.runs.get_mut(id) {
            run.listens = addresses;
        }
    }
}
