//! What the log writer's handle and its thread say to each other, and what its owner is told.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use crate::log_users::LogUse;
use crate::rotate::LogRotation;
use crate::sink::{FileOwner, Sink, StreamKey, WhenFull};

/// Bounds of the log writer as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriterLimits {
    /// Bytes of one stream that may wait in its spool while its log can't be written.
    pub spool: u64,
    /// After so much time as the only one a raw stream goes straight into its log again.
    pub calm: Duration,
}

impl WriterLimits {
    /// 64 MiB of spool a stream; a second, in which a new daemon has taken over all streams.
    pub const STANDARD: WriterLimits =
        WriterLimits { spool: 64 << 20, calm: Duration::from_secs(1) };
}

/// What a log writer needs to start.
#[derive(Debug, Clone)]
pub struct LogWriterPlan {
    /// A folder of our own, 0700, for spools, ledgers and indexes. Must survive the daemon, so not
    /// a folder that is emptied at its start; one log writer at a time.
    pub state_dir: PathBuf,
    /// Bounds.
    pub limits: WriterLimits,
}

/// What the log writer tells. Given to the callback in the log writer's thread: it should hand over and
/// return, and must not call a method of [`crate::LogWriter`] that could wait for the queue.
#[derive(Debug)]
pub enum Notice {
    /// These streams go to another file now (rotation, reopening, another stream that joins or leaves): the guardian wants this
    /// descriptor instead of the old one; the pipe stays the same. Bytes go there only after the callback has returned, so
    /// one that sends it to the guardian before returning keeps the order of bytes over any kill.
    Moved {
        /// The streams.
        keys: Vec<StreamKey>,
        /// A duplicate of the new descriptor.
        fd: OwnedFd,
    },
    /// The last writer is gone and everything is in the log; the stream is forgotten.
    Ended {
        /// The stream.
        key: StreamKey,
    },
    /// So many bytes were dropped since the last notice of this stream; at most one a minute while
    /// it lasts, and one at the end of it.
    Dropped {
        /// The log that could not be written.
        path: PathBuf,
        /// How many.
        bytes: u64,
        /// The system's word for it.
        cause: String,
    },
    /// A stream's log takes nothing, so that what comes for it waits or is dropped; without a cause: it does again, or nothing
    /// comes any more. Told once each.
    Blocked {
        /// The log.
        path: PathBuf,
        /// The system's word for it.
        cause: Option<String>,
    },
    /// Something a person should know.
    Warned {
        /// A sentence.
        text: String,
    },
}

/// Given what the log writer tells.
pub type NoticeCallback = Box<dyn Fn(Notice) + Send>;

/// Called when a command is done, with what could not be done.
pub type DoneCallback = Box<dyn FnOnce(Vec<String>) + Send>;

/// What a flush did besides emptying the files it was given.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct FlushReport {
    /// Rotated parts of theirs that are gone.
    pub parts: usize,
    /// What could not be done, a sentence each.
    pub problems: Vec<String>,
}

/// Called when a flush is done.
pub type FlushCallback = Box<dyn FnOnce(FlushReport) + Send>;

pub(crate) enum WriterCommand {
    Attach { key: StreamKey, pipe: OwnedFd, target: StreamTarget, sink: Box<Sink> },
    Flush(Vec<(PathBuf, Option<FileOwner>)>, FlushCallback),
    Retune(StreamKey, LogRotation, WhenFull),
    Reopen(DoneCallback),
    Settle(SyncSender<()>),
    Lend(SyncSender<Vec<HandedStream>>),
    Stop,
}

/// What the bytes of a stream are spliced into: its log or its spool.
#[derive(Debug)]
pub struct StreamTarget {
    /// `None`: the log is opened when something comes for it.
    pub(crate) fd: Option<OwnedFd>,
    /// Its logs, until the thread has them; `None` if it was opened by a log writer before.
    pub(crate) uses: Option<Vec<LogUse>>,
}

impl StreamTarget {
    /// What the guardian kept for a stream, if not its pipe alone.
    pub fn kept(fd: Option<OwnedFd>) -> Self {
        StreamTarget { fd, uses: None }
    }

    /// Closes a log that can be opened again, where descriptors are short: while no daemon runs its bytes wait in the
    /// pipe.
    pub fn spare(&mut self, sink: &Sink) {
        if sink.is_direct() {
            self.fd = None;
        }
    }

    /// What the guardian is to keep beside the pipe.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.fd.as_ref().map(AsFd::as_fd)
    }
}

/// A stream for the next log writer: its pipe, and what its bytes are spliced into.
#[derive(Debug)]
pub struct HandedStream {
    /// The stream.
    pub key: StreamKey,
    /// The read end of its pipe.
    pub pipe: OwnedFd,
    /// Its log or spool; none if the log is not open, so that the bytes wait in the pipe.
    pub fd: Option<OwnedFd>,
}
