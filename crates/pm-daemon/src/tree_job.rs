//! What the tree thread is asked, and what it brings.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::Duration;

use pm_core::RunId;
use pm_os::accepting::SocketInode;
use pm_os::identity::ProcIdentity;
use pm_os::signal::SignalNumber;
use pm_os::tag::Tag;
use pm_os::usage::RunUsage;
use tokio::sync::oneshot;

/// A run as the tree thread knows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tree {
    pub(crate) run: RunId,
    pub(crate) tag: Tag,
    pub(crate) leader: Option<ProcIdentity>,
    /// How much memory it may take.
    pub(crate) limit: Option<u64>,
    /// The user it runs as, if we are root and it is not.
    pub(crate) user: Option<u32>,
}

/// A run that is about to leave, and where it has still to accept.
#[derive(Debug)]
pub(crate) struct Leaver {
    pub(crate) tree: Tree,
    pub(crate) sockets: Vec<OwnedFd>,
    pub(crate) within: Duration,
}

/// What can be asked of it.
#[derive(Debug)]
pub(crate) enum TreeJob {
    /// Ask a tree to go: its main process, and who has no parent in it; who has one that leaves, once that has gone.
    Ask(Tree, SignalNumber),
    /// Kill every member; go on while the tree is watched.
    Force(Tree),
    /// The main process ended: is anybody left? If so, watch until nobody is.
    Remains(Tree),
    /// Figures of these runs, and of the machine if wanted.
    Sample(Vec<Tree>, Machine),
    /// Signal its main process, and tell as soon as it has replaced its workers, if it does within so long.
    Replace(Tree, SignalNumber, Duration),
    /// Tell as soon as somebody of it listens, if that is soon; later, if it has to show more before it is up.
    Listens(Tree, bool),
    /// It is up: tell where it listens, now.
    Looks(Tree),
    /// Tell as soon as somebody of it takes callers of one of the sockets it was given, if that is soon.
    Accepts(Tree, Vec<SocketInode>),
    /// Tell as soon as it has accepted and heard all who called it, or had its time.
    Leaves(Leaver),
    /// The pids of a run, the main process first.
    Pids(Tree, oneshot::Sender<Vec<u32>>),
}

/// Whether the machine's figures are wanted as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Machine {
    /// Yes.
    Wanted,
    /// No.
    Unwanted,
}

/// Fresh figures.
#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) usage: BTreeMap<RunId, RunUsage>,
    /// Where those that listen do.
    pub(crate) listens: BTreeMap<RunId, Vec<SocketAddr>>,
    /// Memory of those over their limit, with pages that its processes share counted once.
    pub(crate) proportional: BTreeMap<RunId, u64>,
    pub(crate) host: Option<pm_os::host::HostFigures>,
}
