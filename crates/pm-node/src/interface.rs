//! What goes into the thread and what comes out of it, for those outside.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::os::fd::{BorrowedFd, OwnedFd};

use pm_os::relay::ConnectionRelay;
use pm_os::spawn::Credentials;

use crate::ids::{Group, Worker, WorkerSlot};
use crate::pmx::Called;

/// What the daemon is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeEvent {
    /// A process said that it is ready.
    Ready(Worker),
    /// A cluster worker listens, by now at these TCP addresses.
    Listening(Worker, Vec<SocketAddr>),
    /// A process that was to leave or to shut down has done what it will do by itself: time for the signal.
    Drained(Worker),
    /// A message to it was cut in two by the death of the daemon before: it must be replaced, for nothing may be
    /// written to it any more.
    Spoilt(Worker),
}

/// What must outlive the daemon. Each socket has a number within its app.
#[derive(Clone, Copy, Debug)]
pub enum KeepRequest<'a> {
    /// Keep this listening socket and its note.
    Socket {
        /// Whose.
        group: Group,
        /// Its number.
        index: u8,
        /// The socket.
        socket: BorrowedFd<'a>,
        /// Its note's memory.
        memory: BorrowedFd<'a>,
    },
    /// It is closed.
    Drop {
        /// Whose.
        group: Group,
        /// Its number.
        index: u8,
    },
}

/// Where the thread tells what happens.
pub struct Callbacks {
    /// Told of an event. It may block; the thread waits.
    pub event: Box<dyn FnMut(NodeEvent) + Send>,
    /// Keeps sockets.
    pub keep: Box<dyn FnMut(KeepRequest<'_>) + Send>,
    /// Finds somebody who lets callers in; `None`: not now.
    pub find_relay: Box<dyn FnMut() -> Option<Box<dyn ConnectionRelay>> + Send>,
}

impl std::fmt::Debug for Callbacks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Callbacks")
    }
}

/// A channel and whose it is.
#[derive(Debug)]
pub struct Attachment {
    /// The process.
    pub worker: Worker,
    /// Our end.
    pub channel: OwnedFd,
    /// The memory of its note, empty or written by a daemon before us.
    pub memory: OwnedFd,
    /// Where it sits, if it is a cluster worker.
    pub place: Option<WorkerSlot>,
    /// Whose it is, if not ours.
    pub user: Option<Credentials>,
}

/// A question to processes that offer an action.
pub struct ActionRequest {
    /// Whom.
    pub workers: Vec<(Worker, Called)>,
    /// The action.
    pub action: String,
    /// Its parameter.
    pub param: Option<String>,
    /// So long in ms we wait for answers.
    pub patience: u64,
    /// Gets what came of it.
    pub reply: Box<dyn FnOnce(Result<ActionResults, NotOffered>) + Send>,
}

impl std::fmt::Debug for ActionRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ActionRequest").field("action", &self.action).finish_non_exhaustive()
    }
}

/// What came from each process that was asked.
pub type ActionResults = BTreeMap<Worker, ActionResult>;

/// What came from a process that was asked to do something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActionResult {
    /// It returned this: JSON as it wrote it, `None` where it returned nothing at all.
    Returned(Option<String>),
    /// Nothing in time.
    Late,
    /// It ended, or closed its channel.
    Gone,
}

/// Nobody offers the action.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NotOffered {
    /// What those who were meant do offer.
    pub known: BTreeSet<String>,
}

/// Copies of what the thread holds, for another guardian.
#[derive(Debug, Default)]
pub struct HandoverCopies {
    /// Channels with their notes' memory.
    pub channels: Vec<(Worker, OwnedFd, OwnedFd)>,
    /// Sockets with their apps, numbers and notes' memory.
    pub sockets: Vec<(Group, u8, OwnedFd, OwnedFd)>,
}
