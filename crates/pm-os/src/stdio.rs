//! Pipes for an app's output that outlive whoever reads them. The app's end is a description of its
//! own, open for reading and writing, so that neither a dead reader kills the app by SIGPIPE nor a
//! leaked `O_NONBLOCK` reaches the next run. Bytes are moved by `pm-logs`, not here.

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use rustix::fs::{CWD, FileType, Gid, Mode, OFlags, Uid};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};

use crate::errno;
use crate::identity::{NotOurs, ProcIdentity};

/// Whom a pipe belongs to, so that the app may open `/dev/stdout` again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PipeOwner {
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

/// A pipe for an app could not be had.
#[derive(Debug, thiserror::Error)]
pub enum PipeError {
    /// No pipe: usually too many open files.
    #[error("make a pipe: {}", errno::words(*.0))]
    Make(Errno),
    /// No second description of it: `/proc` is missing, or again too many files.
    #[error("open a pipe again through /proc: {}", errno::words(*.0))]
    Reopen(Errno),
    /// It couldn't be given to the app's user.
    #[error("give a pipe to user {uid}: {}", errno::words(*errno))]
    Own {
        /// The user.
        uid: u32,
        /// What the kernel said.
        errno: Errno,
    },
    /// The process whose pipe we wanted is not the one we meant.
    #[error(transparent)]
    NotOurs(#[from] NotOurs),
    /// That descriptor of the app is no pipe of [`app_pipe`] (any more): it was redirected.
    #[error("read descriptor {fd} of process {pid}: it is no pipe of ours")]
    NotAPipe {
        /// The app.
        pid: i32,
        /// Its descriptor.
        fd: u32,
    },
}

/// Makes a pipe: first our end (reads, never blocks), then the app's (reads and writes, blocks).
///
/// `size` in bytes is a wish: the kernel rounds it up to pages and may refuse it to the
/// unprivileged, who then get what everybody gets (64 KiB; 8 KiB once a user has many).
/// Our end sees the end of file once the last copy of the app's end is closed.
pub fn app_pipe(
    owner: Option<PipeOwner>,
    size: Option<usize>,
) -> Result<(OwnedFd, OwnedFd), PipeError> {
    let (reader, writer) = owned_pipe(owner)?;
    if let Some(size) = size {
        // A wish, see above: with the default size everything still works.
        rustix::pipe::fcntl_setpipe_size(&reader, size).ok();
    }
    let app = reopen_child_end(&writer)?;
    rustix::fs::fcntl_setfl(&reader, OFlags::NONBLOCK).map_err(PipeError::Make)?;
    Ok((reader, app))
}

/// A pipe that its owner may open again through `/proc`.
pub(crate) fn owned_pipe(owner: Option<PipeOwner>) -> Result<(OwnedFd, OwnedFd), PipeError> {
    let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).map_err(PipeError::Make)?;
    if let Some(PipeOwner { uid, gid }) = owner {
        rustix::fs::fchown(&writer, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))
            .map_err(|errno| PipeError::Own { uid, errno })?;
    }
    Ok((reader, writer))
}

/// Opens a fresh app's end of a pipe of which we hold any end, for the next run.
pub fn reopen_child_end(pipe: impl AsFd) -> Result<OwnedFd, PipeError> {
    let path = format!("/proc/self/fd/{}", pipe.as_fd().as_raw_fd());
    open(&path, OFlags::RDWR).map_err(PipeError::Reopen)
}

/// Opens our end again from a living app's descriptor `fd`, when nobody holds it any more (guardian
/// and daemon both died). Refused unless the process is the one meant and `fd` is a pipe as made by [`app_pipe`]: to
/// read from a FIFO of its own, or from its pipe to another program, would steal what it writes there.
pub fn reopen_reader(app: &ProcIdentity, fd: u32) -> Result<OwnedFd, PipeError> {
    reopen_app_end(app, fd, OFlags::RDONLY | OFlags::NONBLOCK)
}

/// Opens a living app's descriptor again, in a way of ours.
pub(crate) fn reopen_app_end(
    app: &ProcIdentity,
    fd: u32,
    how: OFlags,
) -> Result<OwnedFd, PipeError> {
    let pid = app.pid;
    let path = format!("/proc/{pid}/fd/{fd}");
    // What is checked is what is opened, for a process may redirect a descriptor at any moment: first a handle that
    // touches nothing, then a look at it and at whose it is.
    let handle = open(&path, OFlags::PATH).map_err(PipeError::Reopen)?;
    let found = rustix::fs::fstat(&handle).map_err(PipeError::Reopen)?;
    if FileType::from_raw_mode(found.st_mode) != FileType::Fifo || !is_app_end(pid, fd) {
        return Err(PipeError::NotAPipe { pid, fd });
    }
    app.open().map(drop)?;
    let path = format!("/proc/self/fd/{}", handle.as_raw_fd());
    open(&path, how).map_err(PipeError::Reopen)
}

/// Whether a descriptor is of the kind we hand out: a nameless pipe, open for reading and writing. The ends of other
/// people's pipes are one or the other.
fn is_app_end(pid: i32, fd: u32) -> bool {
    let named = std::fs::read_link(format!("/proc/{pid}/fd/{fd}"));
    let nameless =
        named.is_ok_and(|name| name.as_os_str().as_encoded_bytes().starts_with(b"pipe:["));
    let about = std::fs::read_to_string(format!("/proc/{pid}/fdinfo/{fd}")).unwrap_or_default();
    let flags = about.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|text| u32::from_str_radix(text.trim(), 8).ok());
    nameless && flags.is_some_and(|flags| flags & OFlags::ACCMODE.bits() == OFlags::RDWR.bits())
}

/// `/dev/null` for reading and writing.
pub fn null() -> std::io::Result<OwnedFd> {
    File::options().read(true).write(true).open("/dev/null").map(OwnedFd::from)
}

fn open(path: &str, how: OFlags) -> Result<OwnedFd, Errno> {
    rustix::fs::openat(CWD, path, how | OFlags::CLOEXEC | OFlags::NOCTTY, Mode::empty())
}
