//! What a guardian is told at its start, and how it may end.

use std::ffi::CString;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

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
    /// here; past 1 MiB it is renamed to `<daemon_log>.old`.
    pub daemon_log: PathBuf,
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
pub enum GuardianOutcome {
    /// The daemon asked it to leave and ended with code 0; the socket is removed.
    Left,
    /// Another guardian serves this home; nothing was done.
    Existing,
}
