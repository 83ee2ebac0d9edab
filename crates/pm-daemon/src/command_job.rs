//! A command that asks an app how it is: what is wanted of the thread that makes processes, and what comes of it.

use std::os::fd::OwnedFd;

use pm_core::{RunId, SpawnPlan};
use pm_os::identity::ProcIdentity;
use pm_os::tag::Tag;
use pm_spec::ByteString;
use tokio::sync::oneshot;

/// A command that was begun.
#[derive(Debug)]
pub(crate) struct Begun {
    pub(crate) identity: ProcIdentity,
    pub(crate) pidfd: OwnedFd,
    /// The end of the pipe it writes to.
    pub(crate) output: OwnedFd,
    /// Of the run it asks.
    pub(crate) tag: Tag,
}

/// A command to be begun by the thread that makes processes.
#[derive(Debug)]
pub(crate) struct CommandJob {
    pub(crate) run: RunId,
    pub(crate) plan: SpawnPlan,
    /// What `/bin/sh` is told.
    pub(crate) words: Vec<ByteString>,
    pub(crate) reply: oneshot::Sender<Result<Begun, String>>,
}
