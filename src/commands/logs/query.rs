//! What to show of the logs, and why showing ends.

use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use pm_logs::{LineQuery, ReadError};
use pm_protocol::LogSource;
use pm_spec::Select;

use crate::console::Gone;
use crate::failure::{Exit, Failure};

/// What to show, understood.
#[derive(Debug)]
pub(super) struct LogQuery {
    pub(super) select: Vec<Select>,
    pub(super) want: LineQuery,
    pub(super) follow: bool,
    pub(super) streams: WantedStreams,
    pub(super) daemon: bool,
    /// When following ends although somebody still reads; never if `None`.
    pub(super) until: Option<Until>,
}

impl LogQuery {
    /// Both outputs of these, and what comes, until then.
    pub(super) fn following(select: Vec<Select>, want: LineQuery, until: Option<Until>) -> Self {
        Self { select, want, follow: true, streams: WantedStreams::Both, daemon: false, until }
    }
}

/// Which of an app's outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WantedStreams {
    Both,
    Out,
    Err,
}

/// How a follower learns that nothing more will be written.
#[derive(Debug)]
pub(super) struct Until {
    /// Hangs up then.
    pub(super) bell: OwnedFd,
    pub(super) sources: Receiver<Vec<LogSource>>,
    /// Who waits until everything that is written from then on will be shown.
    pub(super) begun: Option<SyncSender<()>>,
}

impl Until {
    /// Only the end is told, and by us that we have begun.
    pub(super) fn hangs_up(bell: OwnedFd, begun: SyncSender<()>) -> Self {
        Self { bell, sources: sync_channel(1).1, begun: Some(begun) }
    }

    /// Whatever is written from now on is shown.
    pub(super) fn has_begun(&self) {
        if let Some(begun) = &self.begun {
            // There is room for it, and nobody who waits is no matter.
            begun.try_send(()).ok();
        }
    }

    /// Where everything was written in the end.
    pub(super) fn take(&self) -> Vec<Vec<LogSource>> {
        self.sources.try_iter().collect()
    }
}

/// Why a story ends before its end.
#[derive(Debug)]
pub(super) enum StoryEnd {
    /// Nobody listens any more.
    Gone,
    Failed(Failure),
}

impl From<Gone> for StoryEnd {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl From<ReadError> for StoryEnd {
    fn from(error: ReadError) -> Self {
        Self::Failed(Failure::could_not(Exit::Failed, &error))
    }
}
