//! Why a daemon could not begin or go on.

use std::path::{Path, PathBuf};

use pm_guardian::LinkError;

/// Why the daemon could not begin or go on.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The guardian can't be reached.
    #[error("talk to the guardian")]
    Guardian(#[from] LinkError),
    /// Something of ours could not be opened.
    #[error("{what} {path}", path = path.display())]
    File {
        /// The attempt.
        what: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The system refused threads, timers or signals.
    #[error("{what}")]
    System {
        /// The attempt.
        what: &'static str,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The log plane could not begin.
    #[error(transparent)]
    Logs(#[from] pm_logs::LogWriterError),
    /// Without /proc nothing can be known about processes.
    #[error(transparent)]
    Scan(#[from] pm_os::tree::ProcScanError),
}

/// A file or folder of ours.
pub(crate) fn file(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> DaemonError {
    let path = path.to_owned();
    move |source| DaemonError::File { what, path, source }
}

/// Something of the system.
pub(crate) fn system(what: &'static str) -> impl FnOnce(std::io::Error) -> DaemonError {
    move |source| DaemonError::System { what, source }
}
