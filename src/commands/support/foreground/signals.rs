//! The signals of a program that stands for its apps: as process 1 of a container it also has children it never made.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rustix::process::{WaitOptions, wait};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR2};
use signal_hook::{flag, low_level::pipe};

/// What came in. Each is a descriptor that becomes readable.
#[derive(Debug)]
pub(super) struct ForegroundSignals {
    /// SIGTERM, SIGINT or SIGQUIT: everything is to end.
    pub(super) end: UnixStream,
    /// SIGUSR2: log files are to be opened anew (PM2).
    pub(super) reopen: UnixStream,
    /// SIGCHLD: somebody is to be reaped.
    pub(super) child: UnixStream,
}

impl ForegroundSignals {
    /// Begins to receive them. SIGHUP has no effect from now on (PM2): a terminal that closes ends nothing.
    pub(super) fn subscribe() -> io::Result<Self> {
        flag::register(SIGHUP, Arc::new(AtomicBool::new(false)))?;
        Ok(Self {
            end: ear(&[SIGTERM, SIGINT, SIGQUIT])?,
            reopen: ear(&[SIGUSR2])?,
            child: ear(&[SIGCHLD])?,
        })
    }
}

/// A descriptor that becomes readable when one of these signals comes in.
pub(crate) fn ear(signals: &[i32]) -> io::Result<UnixStream> {
    let (ear, mouth) = UnixStream::pair()?;
    ear.set_nonblocking(true)?;
    mouth.set_nonblocking(true)?;
    for signal in signals {
        pipe::register(*signal, mouth.try_clone()?)?;
    }
    Ok(ear)
}

/// Whether something came in since the last look.
pub(crate) fn heard(mut ear: &UnixStream) -> bool {
    let mut bytes = [0; 64];
    let mut any = false;
    while matches!(ear.read(&mut bytes), Ok(1..)) {
        any = true;
    }
    any
}

/// Reaps every child that has ended: the guardian's forebears, and in a container orphans of whatever was executed in it.
pub(super) fn reap() {
    while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
}
