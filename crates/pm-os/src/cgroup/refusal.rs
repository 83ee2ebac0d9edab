//! Why a run can't be kept within limits of all its processes together, in words that help.

use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::errno;

/// Why a run can't be kept within such limits.
#[derive(Debug, thiserror::Error)]
pub enum CgroupError {
    /// No hierarchy has the controller.
    #[error(
        "make it a cgroup: none is mounted below /sys/fs/cgroup with the controller `{0}`; `mount -t cgroup2 none /sys/fs/cgroup` \
         mounts those of version 2, if no others have it"
    )]
    NotMounted(&'static str),
    /// A group can't have subgroups with the controller.
    #[error(
        "make it a cgroup: {path} does not give its subgroups the controller `{controller}`; systemd's Delegate=yes does, for the \
         unit that runs pm or for user@.service",
        path = path.display()
    )]
    NotGiven {
        /// The group.
        path: PathBuf,
        /// The controller.
        controller: &'static str,
    },
    /// A group with processes has no subgroups with limits.
    #[error(
        "make it a cgroup: there are processes in {path} itself, so that the kernel lets it have no subgroups with limits; run pm \
         in a cgroup below it, or as a service of systemd (`pm startup`)",
        path = path.display()
    )]
    Inhabited {
        /// The group.
        path: PathBuf,
    },
    /// The folder can't be made, or a file in it not be written.
    #[error("make it a cgroup: {path}: {}; {}", errno::words(*errno), advice(*errno), path = path.display())]
    Denied {
        /// Which.
        path: PathBuf,
        /// What the kernel said.
        errno: Errno,
    },
}

impl CgroupError {
    /// Whether trying again later may help.
    pub fn is_shortage(&self) -> bool {
        matches!(self, Self::Denied { errno, .. } if errno::is_shortage(*errno))
    }
}

fn advice(errno: Errno) -> &'static str {
    match errno {
        Errno::ACCESS | Errno::PERM => {
            "it takes root, or a pm that systemd runs for its user (`pm startup`) in cgroups that are the user's"
        }
        Errno::ROFS => {
            "give the container these limits instead, or start it with cgroups it may write"
        }
        _ => "see cgroups(7)",
    }
}

impl CgroupError {
    pub(super) fn denied(path: &Path, error: &io::Error) -> Self {
        let errno = error.raw_os_error().map_or(Errno::IO, Errno::from_raw_os_error);
        Self::Denied { path: path.to_owned(), errno }
    }
}
