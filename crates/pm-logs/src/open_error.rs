//! Why a log, or the folder it lies in, could not be opened.

use std::path::PathBuf;

use rustix::io::Errno;

/// Why a log could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder is missing and could not be made.
    #[error("make the log folder {path:?}: {source}")]
    Folder {
        /// Which folder.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The system refused.
    #[error("open the log {path:?}: {source}")]
    Refused {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: Errno,
    },
    /// A folder, a device, a socket.
    #[error("use {path:?} as a log: it is not a regular file")]
    NotAFile {
        /// Which file.
        path: PathBuf,
    },
    /// A link the user of the app could have made.
    #[error("open the log {path:?}: it is reached through a link that user {uid} could have made")]
    Planted {
        /// Which file.
        path: PathBuf,
        /// Whose app it is.
        uid: u32,
    },
}

impl OpenError {
    /// The system's number of the cause, as far as there is one.
    pub(crate) fn errno(&self) -> Errno {
        match self {
            OpenError::Folder { source, .. } => {
                source.raw_os_error().map_or(Errno::IO, Errno::from_raw_os_error)
            }
            OpenError::Refused { source, .. } => *source,
            OpenError::NotAFile { .. } => Errno::INVAL,
            OpenError::Planted { .. } => Errno::LOOP,
        }
    }

    /// Whether it may be well again by itself: the disk is full, out of inodes, read-only or broken, or descriptors or memory
    /// are short.
    pub fn may_pass(&self) -> bool {
        let of_the_disk =
            matches!(self.errno(), Errno::ROFS | Errno::NOSPC | Errno::DQUOT | Errno::IO);
        of_the_disk || matches!(self.errno(), Errno::MFILE | Errno::NFILE | Errno::NOMEM)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortage_passes_and_a_wrong_path_stays_wrong() {
        let refused = |source| OpenError::Refused { path: "log".into(), source };
        for errno in [Errno::NOSPC, Errno::ROFS, Errno::MFILE, Errno::NFILE, Errno::NOMEM] {
            assert!(refused(errno).may_pass(), "{errno:?}");
        }
        for errno in [Errno::ACCESS, Errno::ISDIR, Errno::NAMETOOLONG] {
            assert!(!refused(errno).may_pass(), "{errno:?}");
        }
    }
}
