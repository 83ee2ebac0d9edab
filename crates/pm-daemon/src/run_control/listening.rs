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
        if let Some(run) = self.get(id).filter(|run| opens_its_port(run)) {
            self.tree_job(TreeJob::Listens(run.tree(), run.app.shows_ready()));
        }
    }

    /// Has it looked where a run listens that is up, if nobody has seen it yet; whether anybody does.
    pub(crate) fn looks_where(&self, id: RunId) -> bool {
        let run = self.get(id).filter(|run| opens_its_port(run) && run.listens.is_empty());
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

/// Whether it is to listen by itself: a socket of ours listens whoever is there.
fn opens_its_port(run: &Run) -> bool {
    run.app.serving.mode == Mode::Fork && run.app.listen.is_empty()
}
