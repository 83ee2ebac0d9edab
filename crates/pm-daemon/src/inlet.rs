//! What comes into the loop: the one queue that connections, threads and tasks send to.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use pm_core::{AppId, Ask, Fact, RunId, SpawnFailure};
use pm_logs::StreamKey;
use pm_os::accepting::SocketInode;
use pm_os::cgroup::Cgroup;
use pm_os::identity::ProcIdentity;
use pm_protocol::Request;
use pm_spec::{ByteString, HookStage};
use tokio::sync::oneshot;

use crate::caller::Caller;
use crate::self_report::SelfReport;
use crate::slots::ChannelEnd;
use crate::tree_job::Sample;

/// Everything that reaches the loop from our own threads and connections.
#[derive(Debug)]
pub(crate) enum Inlet {
    /// A client calls.
    Called(Box<Request>, Caller),
    /// A process was made.
    Born(RunId, Newborn),
    /// It could not be made.
    NotBorn(RunId, SpawnFailure),
    /// What comes before a run is made begins now (`pre_start`).
    Prepares(RunId),
    /// A command that goes with a run has ended; what was wrong with it.
    HookOver(RunId, HookStage, Option<String>),
    /// Whether anybody is left of a tree whose main process ended.
    Remains(RunId, bool),
    /// Nobody is left.
    Swept(RunId),
    /// A Node app said something.
    Node(pm_node::NodeEvent),
    /// A main process has replaced its workers, as it was told to.
    Replaced(RunId),
    /// A run that somebody waits for listens by now.
    Listens(RunId, Vec<SocketAddr>),
    /// A run that somebody waits for is up, and listens here.
    Looked(RunId, Vec<SocketAddr>),
    /// A run takes callers of the sockets it was given.
    Accepts(RunId),
    /// No new connection goes to a run that is about to leave; those it has still to accept wait at these sockets.
    Left(RunId, Vec<OwnedFd>),
    /// It has accepted them.
    Quiet(RunId),
    /// What a run that was asked has shown.
    Answered(Fact),
    /// What a run has said of itself.
    Noticed(RunId, Notice),
    /// All is heard that a run said of itself before its main process ended.
    Heard(RunId),
    /// Figures.
    Sampled(Sample),
    /// A file of an app has changed.
    Touched(AppId, ByteString),
    /// A stream's end is in its log.
    StreamEnded(StreamKey),
    /// A log takes nothing for a stream, and why; without a cause it does again.
    LogBlocked(PathBuf, Option<String>),
    /// What had to be known first is known, so this is for the core now.
    Known(CoreInput),
    /// The new program was tried and may take over.
    Updating(PathBuf, Caller),
    /// Somebody wants the daemon to end, apps included (SIGTERM, SIGINT).
    Terminate,
}

/// A process that was made.
#[derive(Debug)]
pub(crate) struct Newborn {
    pub(crate) identity: ProcIdentity,
    pub(crate) pidfd: OwnedFd,
    /// Our end of a Node app's channel.
    pub(crate) channel: Option<ChannelEnd>,
    /// The socket over which it says how it is.
    pub(crate) notices: Option<OwnedFd>,
    /// The group that keeps it within limits.
    pub(crate) group: Option<Cgroup>,
    /// The sockets it was given.
    pub(crate) sockets: Vec<SocketInode>,
}

/// One message of a run about itself.
#[derive(Debug)]
pub(crate) struct Notice {
    pub(crate) report: SelfReport,
    /// The process that it wants to have for its main one, or why that can't be.
    pub(crate) main: Option<Result<(ProcIdentity, OwnedFd), String>>,
    /// Who is its main process now, once what was said is done and written down.
    pub(crate) done: oneshot::Sender<Option<ProcIdentity>>,
}

/// What the core is asked or told by others than its runs.
#[derive(Debug)]
pub(crate) enum CoreInput {
    /// Somebody asks for something.
    Asked(Ask, Caller),
    /// By a schedule, a file or memory.
    Told(Fact),
}
