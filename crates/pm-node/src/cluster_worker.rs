//! One worker as the primary sees it: how far it is, and which connections are on their way to it.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::{ConnectionId, Millis, SocketId, WorkerSlot};

/// How far a worker is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WorkerStage {
    Serving,
    /// It was asked to go by a signal, or goes by itself: it gets nothing new.
    Held,
    /// We wait for its answers to the connections it was given.
    Answers {
        until: Millis,
    },
    /// And a moment more: Node 26 cuts off connections it has just accepted.
    Settling {
        at: Millis,
    },
    /// Our preload was asked to let connections run out.
    Asked {
        until: Millis,
    },
    /// It was told to disconnect.
    Disconnecting,
    /// It has; its process may end by itself.
    Ending {
        at: Millis,
    },
    /// The rest is the signal's.
    Left,
}

/// One worker.
#[derive(Debug)]
pub(crate) struct ClusterWorker {
    pub(crate) place: WorkerSlot,
    pub(crate) seq: u64,
    pub(crate) listens: BTreeSet<SocketId>,
    /// Connections the relay may have given it, and its answer where that came first.
    pub(crate) promised: BTreeMap<u64, Option<bool>>,
    pub(crate) unanswered: BTreeMap<u64, (SocketId, ConnectionId)>,
    /// When it was last given one, counted in connections.
    pub(crate) turn: u64,
    pub(crate) stage: WorkerStage,
    pub(crate) has_preload: bool,
    /// Lines to it wait for room.
    pub(crate) is_blocked: bool,
}

impl ClusterWorker {
    /// So many connections are on their way to it, or may be.
    pub(crate) fn load(&self) -> usize {
        self.promised.len() + self.unanswered.len()
    }

    pub(crate) fn next_seq(&mut self) -> u64 {
        self.seq += 1;
        self.seq
    }
}
