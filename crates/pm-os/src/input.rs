//! An app's standard input: a pipe nobody holds but the app itself, which has it open for reading and writing.
//!
//! So it never ends, whoever dies, costs us no descriptor, and whoever has something to say opens it through `/proc`
//! for that moment. What the words are is not our business here.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{CWD, FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::errno;
use crate::identity::{NotOurs, ProcIdentity};
use crate::stdio::{PipeError, PipeOwner, is_app_end, reopen_child_end};

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
                await_room(&pipe, left)?;
            }
            Err(errno) => return Err(InputError::System(errno)),
        }
    }
    Ok(())
}

fn await_room(pipe: &OwnedFd, left: Duration) -> Result<(), InputError> {
    let mut fds = [PollFd::new(pipe, PollFlags::OUT)];
    match poll(&mut fds, Timespec::try_from(left).ok().as_ref()) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(errno) => Err(InputError::System(errno)),
    }
}

/// A way in that never blocks. What is checked is what is opened: first a handle that touches nothing, then a look at
/// it and at whose it is, and only then an end to write to.
fn open(app: &ProcIdentity) -> Result<OwnedFd, InputError> {
    let pid = app.pid;
    let found = |path: &str, how: OFlags| {
        rustix::fs::openat(CWD, path, how | OFlags::CLOEXEC | OFlags::NOCTTY, Mode::empty())
    };
    let handle = match found(&format!("/proc/{pid}/fd/0"), OFlags::PATH) {
        Ok(handle) => handle,
        // It closed its standard input, or is a zombie, or gone.
        Err(Errno::NOENT | Errno::SRCH) => {
            app.open().map(drop)?;
            return Err(InputError::NotAPipe);
        }
        Err(errno) => return Err(InputError::System(errno)),
    };
    let about = rustix::fs::fstat(handle.as_fd()).map_err(InputError::System)?;
    let is_pipe = FileType::from_raw_mode(about.st_mode) == FileType::Fifo;
    if !is_pipe || !is_app_end(pid, 0) {
        return Err(InputError::NotAPipe);
    }
    app.open().map(drop)?;
    let path = format!("/proc/self/fd/{}", handle.as_raw_fd());
    found(&path, OFlags::WRONLY | OFlags::NONBLOCK).map_err(InputError::System)
}
