//! "Is this still the process we mean?" A pid is reused; pid, start time, boot and the number the
//! kernel's pidfs gives each process together are not. Nothing here sends a signal.

use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::clock::{self, BootId};
use crate::procfs;
use crate::{errno, poll};

/// Magic number of pidfs in `statfs` (linux/magic.h, since 6.9).
const PIDFS: i64 = 0x5049_4446;

/// One process for all time: plain numbers to be written down and compared after a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProcIdentity {
    /// Its number, greater than 0.
    pub pid: i32,
    /// Clock ticks from boot to its start (field 22 of proc(5)); 0 if `/proc` couldn't say.
    pub started: u64,
    /// The boot it lives in; `None` if `/proc` couldn't say.
    pub boot: Option<BootId>,
    /// Inode of its pidfd, unique in one boot; 0 before Linux 6.9.
    pub inode: u64,
}

/// Why a process may not be touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotOurs {
    /// It ended and was reaped (or the machine was booted since).
    #[error("find process {pid}: it is gone")]
    Gone {
        /// The number it had.
        pid: i32,
    },
    /// Its number belongs to another process now.
    #[error("find process {pid}: that number belongs to another process now")]
    Stranger {
        /// The number both had.
        pid: i32,
    },
    /// We can't tell, so we must not.
    #[error("look at process {pid}: {}", errno::words(*errno))]
    Unreadable {
        /// Its number.
        pid: i32,
        /// What the kernel said.
        errno: Errno,
    },
}

/// The identity of whatever process has this number now, dead ones included until reaped.
pub fn of(pid: i32) -> Result<ProcIdentity, NotOurs> {
    let pidfd = open_any(pid)?;
    let started = start_of(pid)?;
    // Had the process ended and its number been reused between the two look-ups, the pidfd would
    // be that of a reaped process by now, and it would say so.
    if reaped(&pidfd) {
        return Err(NotOurs::Gone { pid });
    }
    Ok(ProcIdentity { pid, started, boot: clock::boot_id(), inode: inode(&pidfd) })
}

/// The user as whom a process runs.
pub fn user_of(pid: i32) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    line.split_whitespace().next()?.parse().ok()
}

impl ProcIdentity {
    /// Opens a pidfd and only then checks that it refers to this very process.
    ///
    /// The process may be a zombie; it can't be another one. The order matters: once the pidfd is
    /// open, a matching start time can only come from the process the pidfd refers to.
    pub fn open(&self) -> Result<OwnedFd, NotOurs> {
        let pid = self.pid;
        if self.boot.is_some() && clock::boot_id() != self.boot {
            return Err(NotOurs::Gone { pid });
        }
        let pidfd = open_any(pid)?;
        let number = inode(&pidfd);
        if self.inode != 0 && number != 0 {
            return if number == self.inode { Ok(pidfd) } else { Err(NotOurs::Stranger { pid }) };
        }
        if start_of(pid)? == self.started { Ok(pidfd) } else { Err(NotOurs::Stranger { pid }) }
    }
}

/// Opens a pidfd for whatever process has this number now.
pub(crate) fn open_any(pid: i32) -> Result<OwnedFd, NotOurs> {
    let number =
        Some(pid).filter(|&pid| pid > 0).and_then(Pid::from_raw).ok_or(NotOurs::Gone { pid })?;
    match pidfd_open(number, PidfdFlags::empty()) {
        Ok(pidfd) => Ok(pidfd),
        // EINVAL: the number is that of a thread, hence not of a process.
        Err(Errno::SRCH | Errno::INVAL) => Err(NotOurs::Gone { pid }),
        Err(errno) => Err(NotOurs::Unreadable { pid, errno }),
    }
}

/// The pidfs inode behind a pidfd; 0 where pidfds are still anonymous (before 6.9).
pub fn inode(pidfd: impl AsFd) -> u64 {
    let numbered = rustix::fs::fstatfs(&pidfd).is_ok_and(|at| at.f_type == PIDFS);
    if !numbered {
        return 0;
    }
    rustix::fs::fstat(&pidfd).map_or(0, |at| at.st_ino)
}

fn start_of(pid: i32) -> Result<u64, NotOurs> {
    match procfs::stat_once(pid) {
        Ok(Some(stat)) => Ok(stat.started),
        Ok(None) => Err(NotOurs::Gone { pid }),
        Err(errno) => Err(NotOurs::Unreadable { pid, errno }),
    }
}

/// Whether the process behind a pidfd has ended, reaped or not.
pub fn has_ended(pidfd: impl AsFd) -> bool {
    poll::ready(pidfd, PollFlags::IN, Duration::ZERO) == Ok(true)
}

/// Whether the process behind a pidfd was reaped: signal 0 finds a zombie but nothing after it.
fn reaped(pidfd: &OwnedFd) -> bool {
    crate::signal::probe(pidfd.as_fd()) == Err(Errno::SRCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn me() -> ProcIdentity {
        of(rustix::process::getpid().as_raw_pid()).unwrap()
    }

    #[test]
    fn we_find_ourselves_again() {
        let me = me();
        assert!(me.started > 0 && me.boot.is_some());
        let pidfd = me.open().unwrap();
        assert_eq!(inode(&pidfd), me.inode);
    }

    #[test]
    fn a_forged_start_time_is_a_stranger() {
        let forged = ProcIdentity { started: me().started + 1, inode: 0, ..me() };
        assert_eq!(forged.open().unwrap_err(), NotOurs::Stranger { pid: forged.pid });
    }

    #[test]
    fn a_forged_inode_is_a_stranger_where_pidfs_exists() {
        let me = me();
        let forged = ProcIdentity { inode: me.inode + 1, ..me };
        if me.inode == 0 {
            assert!(
                ProcIdentity { inode: 1, ..me }.open().is_ok(),
                "no pidfs: the start time decides"
            );
        } else {
            assert_eq!(forged.open().unwrap_err(), NotOurs::Stranger { pid: me.pid });
        }
    }

    #[test]
    fn another_boot_is_gone() {
        let old = ProcIdentity { boot: Some(BootId(7)), ..me() };
        assert_eq!(old.open().unwrap_err(), NotOurs::Gone { pid: old.pid });
    }

    #[test]
    fn impossible_numbers_are_gone() {
        for pid in [0, -1, i32::MIN, i32::MAX] {
            assert_eq!(of(pid).unwrap_err(), NotOurs::Gone { pid });
        }
    }
}
