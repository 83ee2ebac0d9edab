//! Sends signals, only ever through pidfds, so that a reused pid can't be hit (pain 35). Which
//! signal when is not decided here; who belongs to a tree is [`crate::tree`]'s.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use rustix::io::Errno;

use crate::errno;

/// A signal by number, 1 to 64 (signal(7)), real-time ones included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SignalNumber(i32);

impl SignalNumber {
    /// Interrupt: what PM2 sends first.
    pub const INT: Self = Self(libc::SIGINT);
    /// Terminate.
    pub const TERM: Self = Self(libc::SIGTERM);
    /// `SIGUSR1`.
    pub const USR1: Self = Self(libc::SIGUSR1);
    /// Kill; can't be refused.
    pub const KILL: Self = Self(libc::SIGKILL);

    /// Accepts 1 to 64.
    pub const fn from_number(number: i32) -> Option<Self> {
        if number >= 1 && number <= 64 { Some(Self(number)) } else { None }
    }

    /// Its number.
    pub const fn number(self) -> i32 {
        self.0
    }
}

/// A signal was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("send signal {signal}: {}", errno::words(*.errno))]
pub struct SignalRefused {
    /// Number of the signal.
    pub signal: i32,
    /// Usually `EPERM`: it runs as somebody else and we aren't root.
    pub errno: Errno,
}

/// Sends one signal to the process behind a pidfd. That nobody is left to take it is no refusal; a zombie takes it
/// without effect.
pub fn send(pidfd: impl AsFd, signal: SignalNumber) -> Result<(), SignalRefused> {
    match send_raw(pidfd.as_fd(), signal.0) {
        Ok(()) | Err(Errno::SRCH) => Ok(()),
        Err(errno) => Err(SignalRefused { signal: signal.0, errno }),
    }
}

/// Signal 0: whether the process is there at all (a zombie is).
pub(crate) fn probe(pidfd: BorrowedFd<'_>) -> Result<(), Errno> {
    send_raw(pidfd, 0)
}

#[expect(unsafe_code, reason = "rustix can't make real-time signals without unsafe either")]
fn send_raw(pidfd: BorrowedFd<'_>, number: i32) -> Result<(), Errno> {
    // SAFETY: pidfd_send_signal(2) with no siginfo touches no memory of ours; the number is 0 to
    // 64 and the descriptor is open for as long as it is borrowed.
    let result = unsafe {
        libc::syscall(
            libc::SYS_pidfd_send_signal,
            pidfd.as_raw_fd(),
            number,
            std::ptr::null::<libc::siginfo_t>(),
            0,
        )
    };
    if result == 0 { Ok(()) } else { Err(errno::last()) }
}
