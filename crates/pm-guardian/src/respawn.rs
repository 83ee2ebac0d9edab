//! Which daemon comes next, and when. Pure: no clock, no process.

use std::ffi::CString;

use crate::message::{StartReason, WaitStatus};

/// Pauses before the next daemon, in milliseconds, by the number of short lives in a row.
const PAUSES_MS: [i64; 6] = [0, 10, 50, 250, 1_000, 5_000];

/// A daemon that lived so long, in milliseconds, clears the past.
const LONG_LIFE_MS: i64 = 10_000;

/// So many daemons of a new binary may fail to become ready before the old one comes back.
const TRIALS: u32 = 3;

/// The status of a process that got SIGKILL (wait(2)).
const KILLED: WaitStatus = WaitStatus::Wait(9);

/// What decides about the next daemon.
#[derive(Debug)]
pub(crate) struct Respawn {
    /// Program and arguments; never empty.
    pub(crate) command: Vec<CString>,
    /// Short lives in a row.
    pub(crate) failures: u32,
    /// During an update: the program from before it, and how many of the new one have failed.
    trial: Option<(CString, u32)>,
    /// What the living daemon asked for.
    wanted: Option<CString>,
}

/// What was asked of us and isn't done yet.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PendingRequests {
    /// The daemon wants us to end when it does.
    pub(crate) is_leaving: bool,
    /// We were told to end; the daemon hears of it once it is ready.
    pub(crate) must_end: bool,
    /// An update succeeded: become the new binary when nothing is half told.
    pub(crate) must_become_new: bool,
}

/// How a daemon's life was.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DaemonLife {
    pub(crate) status: WaitStatus,
    pub(crate) length_ms: i64,
    pub(crate) was_ready: bool,
}

impl Respawn {
    pub(crate) fn new(command: Vec<CString>, failures: u32) -> Self {
        Self { command, failures, trial: None, wanted: None }
    }

    /// The daemon wants this program to be its successor.
    pub(crate) fn want(&mut self, program: CString) {
        self.wanted = Some(program);
    }

    /// The daemon is ready. `true`: an update has thereby succeeded.
    pub(crate) fn confirm(&mut self) -> bool {
        self.trial.take().is_some()
    }

    /// The reason for the next daemon, and the pause before it in milliseconds.
    pub(crate) fn after(&mut self, life: DaemonLife) -> (StartReason, i64) {
        if let Some(program) = self.wanted.take() {
            let before = self.replace(program);
            self.trial = Some((before, 0));
            self.failures = 0;
            return (StartReason::Updated, self.pause());
        }
        if life.length_ms >= LONG_LIFE_MS {
            self.failures = 0;
        }
        if let Some((before, failed)) = self.trial.take()
            && !life.was_ready
        {
            if failed + 1 >= TRIALS {
                self.replace(before);
                self.failures = 0;
                return (StartReason::RolledBack, self.pause());
            }
            self.trial = Some((before, failed + 1));
        }
        if life.status == KILLED {
            // Somebody's kill or the system's need for memory, not a fault of its own.
            self.failures = self.failures.min(1);
        }
        (StartReason::Ended(life.status), self.pause())
    }

    fn replace(&mut self, program: CString) -> CString {
        match self.command.first_mut() {
            Some(first) => std::mem::replace(first, program),
            None => program,
        }
    }

    fn pause(&mut self) -> i64 {
        let index = usize::try_from(self.failures).unwrap_or(usize::MAX);
        self.failures = self.failures.saturating_add(1);
        PAUSES_MS.get(index).copied().unwrap_or(5_000)
    }
}

#[cfg(test)]
mod tests {
    use super::{DaemonLife, KILLED, Respawn};
    use crate::message::{StartReason, WaitStatus};

    const FAILED: WaitStatus = WaitStatus::Wait(1 << 8);

    fn life(length_ms: i64, was_ready: bool) -> DaemonLife {
        DaemonLife { status: FAILED, length_ms, was_ready }
    }

    fn respawn() -> Respawn {
        Respawn::new(vec![c"/old".to_owned(), c"daemon".to_owned()], 0)
    }

    #[test]
    fn short_lives_wait_longer_and_longer() {
        let mut line = respawn();
        let pauses: Vec<i64> = (0..8).map(|_| line.after(life(9_999, true)).1).collect();
        assert_eq!(pauses, [0, 10, 50, 250, 1_000, 5_000, 5_000, 5_000]);
        assert_eq!(line.after(life(10_000, true)), (StartReason::Ended(FAILED), 0), "a long life");
        assert_eq!(line.after(life(1, true)).1, 10, "counted anew");
    }

    #[test]
    fn a_killed_daemon_is_replaced_without_long_pauses() {
        let mut line = respawn();
        let killed = || DaemonLife { status: KILLED, length_ms: 3, was_ready: false };
        let pauses: Vec<i64> = (0..8).map(|_| line.after(killed()).1).collect();
        assert_eq!(pauses, [0, 10, 10, 10, 10, 10, 10, 10]);
    }

    #[test]
    fn an_update_that_becomes_ready_stays() {
        let mut line = respawn();
        line.want(c"/new".to_owned());
        assert_eq!(line.after(life(5, true)), (StartReason::Updated, 0));
        assert_eq!(line.command, [c"/new".to_owned(), c"daemon".to_owned()]);
        assert!(line.confirm(), "the update is confirmed");
        assert!(!line.confirm(), "once");
        for _ in 0..5 {
            assert_eq!(line.after(life(5, false)).0, StartReason::Ended(FAILED));
        }
        assert_eq!(line.command.first(), Some(&c"/new".to_owned()));
    }

    #[test]
    fn an_update_that_never_becomes_ready_is_rolled_back() {
        let mut line = respawn();
        line.want(c"/new".to_owned());
        line.after(life(5, true));
        let reasons: Vec<StartReason> = (0..4).map(|_| line.after(life(5, false)).0).collect();
        let ended = StartReason::Ended(FAILED);
        assert_eq!(reasons, [ended, ended, StartReason::RolledBack, ended]);
        assert_eq!(line.command.first(), Some(&c"/old".to_owned()));
    }
}
