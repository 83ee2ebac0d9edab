//! An app's standard input: a pipe nobody holds but the app itself, which has it open for reading and writing.
//!
//! So it never ends, whoever dies, costs us no descriptor, and whoever has something to say opens it through `/proc`
//! for that moment. What the words are is not our business here.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::PollFlags;
use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::errno;
use crate::identity::{NotOurs, ProcIdentity};
use crate::poll;
use crate::stdio::{PipeError, PipeOwner, reopen_app_end, reopen_child_end};

/// Room for so many bytes: enough for what people type, little of a user's budget of pipe pages (pipe(7)).
const ROOM: usize = 16 << 10;

/// Nothing was written to an app's standard input, or not all of it.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// The process meant is gone.
    #[error(transparent)]
    NotOurs(#[from] NotOurs),
    /// Its standard input is not the pipe it was given: it was redirected, or given none.
    #[error("write to it: its standard input is not the one it was given")]
    NotAPipe,
    /// It does not read.
    #[error("write to it: it took {written} of {all} bytes and reads no more")]
    Full {
        /// Bytes that are on their way to it.
        written: usize,
        /// Bytes there were.
        all: usize,
    },
    /// The kernel refused.
    #[error("write to it: {}", errno::words(*.0))]
    System(Errno),
}

/// The end of such a pipe for an app that is about to be made.
pub fn pipe(owner: Option<PipeOwner>) -> Result<OwnedFd, PipeError> {
    let (reader, _writer) = crate::stdio::owned_pipe(owner)?;
    // A wish: with the default size everything works as well.
    rustix::pipe::fcntl_setpipe_size(&reader, ROOM).ok();
    reopen_child_end(&reader)
}

/// Writes to the standard input of a living app; blocks for at most `patience` while that is full.
///
/// Up to 4096 bytes (`PIPE_BUF`) are written as a whole or not at all.
pub fn write(app: &ProcIdentity, bytes: &[u8], patience: Duration) -> Result<(), InputError> {
    let pipe = open(app)?;
    let until = Instant::now() + patience;
    let mut written = 0;
    while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
        match rustix::io::write(&pipe, rest) {
            Ok(count) => written += count,
            Err(Errno::INTR) => {}
            // Nobody reads any more: it has just ended.
            Err(Errno::PIPE) => return Err(NotOurs::Gone { pid: app.pid }.into()),
            Err(Errno::AGAIN) => {
                let left = until.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return Err(InputError::Full { written, all: bytes.len() });
                }
                poll::ready(&pipe, PollFlags::OUT, left).map_err(InputError::System)?;
            }
            Err(errno) => return Err(InputError::System(errno)),
        }
    }
    Ok(())
}

/// A way in that never blocks.
fn open(app: &ProcIdentity) -> Result<OwnedFd, InputError> {
    reopen_app_end(app, 0, OFlags::WRONLY | OFlags::NONBLOCK).or_else(|error| match error {
        // It closed its standard input, or is a zombie, or gone.
        PipeError::Reopen(Errno::NOENT | Errno::SRCH) => {
            app.open().map(drop)?;
            Err(InputError::NotAPipe)
        }
        PipeError::NotAPipe { .. } => Err(InputError::NotAPipe),
        PipeError::NotOurs(error) => Err(error.into()),
        PipeError::Make(errno) | PipeError::Reopen(errno) | PipeError::Own { errno, .. } => {
            Err(InputError::System(errno))
        }
    })
}
