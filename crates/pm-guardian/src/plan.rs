//! What a guardian is told at its start, how it may end, and why it could not begin.

use std::ffi::CString;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use crate::state::ResumeError;

/// Says through [`GuardianPlan::ready`]: the socket listens, this guardian is new.
pub const READY_NEW: &[u8] = b"\0";

/// Says through [`GuardianPlan::ready`]: another guardian was faster; its socket listens. Begins
/// as [`READY_NEW`] does, for most launchers need not know the difference.
pub const READY_EXISTING: &[u8] = b"\0\x01";

/// Everything a guardian needs to know. It reads no file and no other configuration.
#[derive(Debug)]
pub struct GuardianPlan {
    /// Path of the listening socket. May be longer than a socket address.
    pub socket: PathBuf,
    /// Path of the lock file; it holds pid and version for humans. Whoever has it locked
    /// (`flock(2)`) is the guardian of this home.
    pub lock: PathBuf,
    /// Standard output and error of the daemon, and the guardian's own few lines, are appended
    /// here; past 1 MiB it is renamed to `<diary>.old`.
    pub diary: PathBuf,
    /// The daemon's program and arguments, passed as they are; the link's descriptor is named in
    /// [`crate::LINK_VARIABLE`]. Never empty.
    pub daemon: Vec<CString>,
    /// Arguments (without the program) with which a new binary is told to go on as guardian; the
    /// number of a descriptor is added as the last argument, which it gives to [`crate::resume`].
    pub resume: Vec<CString>,
    /// Gets [`READY_NEW`], [`READY_EXISTING`], or the text of an error (completing "could not
    /// ..."); then it is closed.
    pub ready: Option<OwnedFd>,
    /// The link of a daemon that lost its guardian and started us ([`crate::Link::pair`]). That
    /// daemon waits for our word through `ready` before it stores everything and exits.
    pub predecessor: Option<OwnedFd>,
}

/// How a guardian's life ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The daemon asked it to leave and ended with code 0; the socket is removed.
    Left,
    /// Another guardian serves this home; nothing was done.
    Existing,
}

/// Why there is no guardian.
#[derive(Debug, thiserror::Error)]
pub enum GuardianError {
    /// [`GuardianPlan::daemon`] is empty.
    #[error("start a daemon without a program")]
    NoProgram,
    /// The kernel refused something every kernel since 5.4 has.
    #[error("{what}")]
    System {
        /// The attempt.
        what: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// The lock file can't be opened or locked.
    #[error("lock {path}", path = path.display())]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Another guardian holds the lock but doesn't listen, for five seconds.
    #[error("lock {path}: it is held by {holder}, who doesn't answer", path = path.display())]
    Held {
        /// The lock file.
        path: PathBuf,
        /// What the lock file says.
        holder: String,
    },
    /// The socket can't be made.
    #[error("listen at {path}", path = path.display())]
    Listen {
        /// The socket's path.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// What the guardian before handed over can't be used.
    #[error(transparent)]
    Resume(#[from] ResumeError),
}

impl GuardianError {
    /// For `map_err`: names the attempt.
    pub(crate) fn system<E: Into<io::Error>>(what: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::System { what, source: source.into() }
    }
}
