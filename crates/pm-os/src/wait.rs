//! How one run ended: for children by waitid on their pidfd, for others by what the kernel keeps.
//! It never waits for "any" child (that is the guardian's), and never blocks.

use std::os::fd::{AsFd, AsRawFd};

use rustix::io::Errno;
use rustix::process::{WaitId, WaitIdOptions, WaitIdStatus, waitid};

use crate::errno;
use crate::procfs;

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Termination {
    /// It called exit with this code.
    Exited(u8),
    /// A signal ended it.
    Signaled {
        /// Number of the signal, see signal(7).
        signal: i32,
        /// Whether the kernel wrote a core dump.
        core: bool,
    },
    /// It is gone and nobody can say how.
    Unknown,
}

/// We could not learn how a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WaitError {
    /// It isn't our child (or was reaped already), so waiting can't tell.
    #[error("wait for a process that is no child of ours")]
    NotOurChild,
    /// The kernel refused.
    #[error("wait for a process: {}", errno::words(*.0))]
    Refused(Errno),
}

impl Termination {
    /// Decodes the status word of wait(2), which is also that of `/proc/PID/stat` and pidfds.
    ///
    /// A word that means "stopped" or "continued" is no ending and gives [`Termination::Unknown`].
    pub fn from_status(status: i32) -> Self {
        let signal = status & 0x7f;
        let code = u8::try_from((status >> 8) & 0xff).unwrap_or(u8::MAX);
        match signal {
            0 => Self::Exited(code),
            0x7f => Self::Unknown,
            signal => Self::Signaled { signal, core: status & 0x80 != 0 },
        }
    }

    fn from_wait(status: &WaitIdStatus) -> Self {
        if let Some(code) = status.exit_status() {
            // The kernel hands out only the low eight bits.
            return Self::Exited(u8::try_from(code & 0xff).unwrap_or(u8::MAX));
        }
        match status.terminating_signal() {
            Some(signal) => Self::Signaled { signal, core: status.dumped() },
            None => Self::Unknown,
        }
    }
}

/// Reaps our child if it ended; `None` while it lives.
pub fn reap(pidfd: impl AsFd) -> Result<Option<Termination>, WaitError> {
    let how = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
    loop {
        return match waitid(WaitId::PidFd(pidfd.as_fd()), how) {
            Ok(status) => Ok(status.as_ref().map(Termination::from_wait)),
            Err(Errno::INTR) => continue,
            Err(Errno::CHILD) => Err(WaitError::NotOurChild),
            Err(errno) => Err(WaitError::Refused(errno)),
        };
    }
}

/// `PIDFD_INFO_EXIT` of linux/pidfd.h (6.15): the exit fields are wanted and, in the answer, valid.
const INFO_EXIT: u64 = 1 << 3;

/// The first published form of `struct pidfd_info` (linux/pidfd.h), 64 bytes.
#[repr(C)]
#[derive(Default)]
struct PidfdAnswer {
    mask: u64,
    cgroup: u64,
    ids: [u32; 11],
    exit_code: i32,
}

/// `PIDFD_GET_INFO` = `_IOWR(0xFF, 11, struct pidfd_info)`.
const GET_INFO: libc::c_ulong = 0xC000_0000 | (64 << 16) | (0xFF << 8) | 0x0B;
const _: () = assert!(size_of::<PidfdAnswer>() == 64, "the kernel's first form of the struct");

/// How a process that is not our child ended, as a status word, from a pidfd somebody held when it ended.
///
/// `None` until its parent has reaped it (wait for `POLLHUP`, not for `POLLIN`), and for ever on
/// kernels before 6.15; [`zombie`] may know meanwhile.
#[expect(unsafe_code, reason = "an ioctl nobody wraps yet")]
pub fn of_stranger(pidfd: impl AsFd) -> Option<i32> {
    let mut answer = PidfdAnswer { mask: INFO_EXIT, ..PidfdAnswer::default() };
    // SAFETY: the request encodes the size of `PidfdAnswer`, so the kernel writes no more than
    // that into a live local of plain integers.
    let result = unsafe { libc::ioctl(pidfd.as_fd().as_raw_fd(), GET_INFO, &raw mut answer) };
    (result == 0 && answer.mask & INFO_EXIT != 0).then_some(answer.exit_code)
}

/// How a zombie that nobody reaps ended, as a status word; `None` if `pid` is no zombie.
///
/// For a process of another user the kernel shows 0 to the unprivileged, which is then
/// not reported, rather than as a success nobody saw.
pub fn zombie(pid: i32) -> Option<i32> {
    let stat = procfs::stat_once(pid).ok().flatten().filter(|stat| !stat.alive)?;
    (stat.exit_code != 0 || may_inspect(pid)).then_some(stat.exit_code)
}

/// Whether the kernel shows us the real exit code: the same user, or root.
fn may_inspect(pid: i32) -> bool {
    let me = rustix::process::geteuid();
    let owner = rustix::fs::stat(format!("/proc/{pid}")).map(|at| at.st_uid);
    me.is_root() || owner == Ok(me.as_raw())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_words() {
        assert_eq!(Termination::from_status(42 << 8), Termination::Exited(42));
        assert_eq!(Termination::from_status(9), Termination::Signaled { signal: 9, core: false });
        assert_eq!(
            Termination::from_status(0x8b),
            Termination::Signaled { signal: 11, core: true }
        );
        assert_eq!(Termination::from_status(0x137f), Termination::Unknown);
        assert_eq!(Termination::from_status(0), Termination::Exited(0));
        assert_eq!(Termination::from_status(255 << 8), Termination::Exited(255));
    }
}
