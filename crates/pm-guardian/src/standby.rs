//! Standing by: whoever keeps us in the foreground (a service manager, a container) wants a process that lives as
//! long as the apps are looked after, also when another guardian looks after them. It becomes the guardian if that one
//! dies, and passes on the wish to end. It touches nothing else.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use pm_os::lock;
use pm_os::notify::Notifier;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::error::GuardianError;
use crate::sys;

/// How often to ask who holds the lock where nobody can be waited for, in nanoseconds.
const POLL_NS: i64 = 50_000_000;

/// After so many times in vain nobody is there to be told to end.
const POLLS: u32 = 100;

/// How standing by ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StandbyOutcome {
    /// Nobody looks after this home any more: our turn.
    TakeOver,
    /// The other guardian has left, because we or somebody else wished so.
    Ended,
}

/// Waits until the guardian that has `lock` is gone. SIGTERM and SIGINT are passed on to it. Call it after [`crate::run`]
/// has found an existing guardian, in the same process.
pub fn stand_by(socket: &Path, lock: &Path) -> Result<StandbyOutcome, GuardianError> {
    let signals = sys::block_signals().map_err(GuardianError::system("take signals"))?;
    if let Ok(Some(manager)) = Notifier::find() {
        manager.ready("another guardian looks after the apps; standing by").ok();
    }
    let mut is_told = false;
    let mut polls = 0;
    loop {
        let guardian = guardian_of(lock);
        if is_told && let Some(guardian) = &guardian {
            pidfd_send_signal(guardian, Signal::TERM).ok();
        }
        let is_gone = wait(&signals, guardian.as_ref(), &mut is_told)?;
        // A guardian that leaves takes its socket along; one that dies can't.
        polls = if guardian.is_none() { polls + 1 } else { 0 };
        if is_gone && !socket.exists() || polls > POLLS && is_told {
            return Ok(StandbyOutcome::Ended);
        }
        // Between two guardians the daemon of the first holds the place; with none at all it is ours.
        if is_gone && !is_told {
            return Ok(StandbyOutcome::TakeOver);
        }
    }
}

fn guardian_of(lock: &Path) -> Option<OwnedFd> {
    let pid = Pid::from_raw(lock::holder(lock)?.pid)?;
    pidfd_open(pid, PidfdFlags::empty()).ok()
}

/// Waits for a signal, which is noted, or for the end of the guardian; `true`: there is none.
fn wait(
    signals: &OwnedFd,
    guardian: Option<&OwnedFd>,
    is_told: &mut bool,
) -> Result<bool, GuardianError> {
    let mut fds = vec![PollFd::new(signals, PollFlags::IN)];
    fds.extend(guardian.map(|guardian| PollFd::from_borrowed_fd(guardian.as_fd(), PollFlags::IN)));
    let limit = Timespec { tv_sec: 0, tv_nsec: POLL_NS };
    let limit = guardian.is_none().then_some(&limit);
    match poll(&mut fds, limit) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(error) => return Err(GuardianError::system("wait for the guardian")(error)),
    }
    let is_gone = fds.get(1).is_none_or(|fd| !fd.revents().is_empty());
    *is_told |= sys::read_signals(signals).into_iter().any(|signal| signal != libc::SIGCHLD);
    Ok(is_gone)
}
