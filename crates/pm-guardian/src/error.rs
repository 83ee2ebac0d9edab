//! Why there is no guardian, or not this one.

use std::io;
use std::os::fd::RawFd;
use std::path::PathBuf;

/// Why there is no guardian.
#[derive(Debug, thiserror::Error)]
pub enum GuardianError {
    /// [`crate::GuardianPlan::daemon`] is empty.
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
    /// Its text with that of its cause.
    pub(crate) fn with_cause(&self) -> String {
        match std::error::Error::source(self) {
            Some(source) => format!("{self}: {source}"),
            None => self.to_string(),
        }
    }

    /// For `map_err`: names the attempt.
    pub(crate) fn system<E: Into<io::Error>>(what: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::System { what, source: source.into() }
    }
}

/// Why a state can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ResumeError {
    /// It can't be read.
    #[error("read the state of the guardian before")]
    Read(#[source] io::Error),
    /// It is of another version, or damaged.
    #[error("understand the state of the guardian before")]
    Damaged,
    /// A descriptor it names isn't open.
    #[error("find descriptor {0} of the guardian before")]
    Missing(RawFd),
}
