//! The last word: kills until nobody is left, faster than a run can multiply.

use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::event::PollFlags;

use super::proc_scan::{Depth, ProcScan, ProcScanError, RunQuery, for_each_pid};
use crate::clock;
use crate::identity::{self, NotOurs};
use crate::poll;
use crate::procfs;
use crate::signal::{self, SignalNumber, SignalOutcome};
use crate::tag::{self, Tag};

/// A run that could not be ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SweepError {
    /// `/proc` could not be read.
    #[error(transparent)]
    Scan(#[from] ProcScanError),
    /// Somebody is still there at the deadline: uninterruptible (state `D`), another user's, or
    /// multiplying faster than we kill.
    #[error("kill process {}", list(.pids))]
    Survivors {
        /// Their numbers.
        pids: Vec<i32>,
    },
}

fn list(pids: &[i32]) -> String {
    pids.iter().map(i32::to_string).collect::<Vec<_>>().join(", ")
}

/// Kills every member of a run until two looks in a row find nobody; returns how many were killed.
///
/// Blocks, at most for `patience`. `spared` as for [`ProcScan::take`].
pub fn sweep(run: RunQuery<'_>, spared: &[i32], patience: Duration) -> Result<usize, SweepError> {
    sweep_all(&[run], spared, patience)
}

/// As [`sweep`], for many runs with the same looks at `/proc`: a thousand runs cost little more
/// than one.
pub fn sweep_all(
    runs: &[RunQuery<'_>],
    spared: &[i32],
    patience: Duration,
) -> Result<usize, SweepError> {
    let deadline = clock::monotonic() + patience;
    let wanted: BTreeSet<Tag> = runs.iter().map(|run| run.tag).collect();
    let mut killed = BTreeSet::new();
    let mut empty_looks = 0;
    while empty_looks < 2 {
        let newest = procfs::newest_pid();
        let mut dying = kill_on_sight(&wanted, spared)?;
        let scan = ProcScan::take(Depth::Cookies, spared)?;
        let mut left = Vec::new();
        for member in scan.run_members(runs).into_values().flatten() {
            match member.identity.open() {
                Ok(pidfd) => match signal::send(&pidfd, SignalNumber::KILL) {
                    Ok(SignalOutcome::Sent) => dying.push((member.identity.pid, pidfd)),
                    Ok(SignalOutcome::Gone) => {}
                    Err(_) => left.push(member.identity.pid),
                },
                Err(NotOurs::Gone { .. } | NotOurs::Stranger { .. }) => {}
                Err(NotOurs::Unreadable { pid, .. }) => left.push(pid),
            }
        }
        killed.extend(dying.iter().map(|(pid, _)| *pid));
        let patience = deadline.saturating_sub(clock::monotonic());
        let is_empty = dying.is_empty() && left.is_empty();
        // A look goes up the numbers, so whoever runs from number to number runs into it, unless
        // the numbers began anew below us meanwhile: such a look proves nothing.
        let proves = procfs::newest_pid() >= newest || patience.is_zero();
        empty_looks = if is_empty { empty_looks + u32::from(proves) } else { 0 };
        if !left.is_empty() || (!is_empty && patience.is_zero()) {
            left.extend(scan.run_members(runs).into_values().flatten().map(|m| m.identity.pid));
            left.sort_unstable();
            left.dedup();
            return Err(SweepError::Survivors { pids: left });
        }
        await_death(&dying, patience);
    }
    Ok(killed.len())
}

/// Kills marked processes the moment they are seen: what forks and exits again and again is gone
/// before a whole scan is through.
fn kill_on_sight(
    wanted: &BTreeSet<Tag>,
    spared: &[i32],
) -> Result<Vec<(i32, OwnedFd)>, ProcScanError> {
    let mut dying = Vec::new();
    let proc = procfs::open().map_err(ProcScanError)?;
    for_each_pid(&proc, |pid| {
        dying.extend(kill_if_marked(pid, wanted, spared));
        Ok(())
    })
    .map_err(ProcScanError)?;
    Ok(dying)
}

/// Kills the process with this number if it is one of ours.
///
/// A pid alone suffices here, unlike anywhere else: the mark is read after the pidfd was opened, so
/// whoever has the number by then, it is one of ours.
fn kill_if_marked(pid: i32, wanted: &BTreeSet<Tag>, spared: &[i32]) -> Option<(i32, OwnedFd)> {
    let ours = || tag::of(pid).is_some_and(|tag| wanted.contains(&tag));
    let me = rustix::process::getpid().as_raw_pid();
    if !ours() || pid == me || spared.contains(&pid) {
        return None;
    }
    let pidfd = identity::open_any(pid).ok()?;
    if !ours() || ended(&pidfd) {
        return None;
    }
    // A refusal shows in the scan that follows.
    (signal::send(&pidfd, SignalNumber::KILL) == Ok(SignalOutcome::Sent)).then_some((pid, pidfd))
}

/// Whether the process is dead, a zombie included: then its pidfd is readable.
fn ended(pidfd: &OwnedFd) -> bool {
    poll::ready(pidfd, PollFlags::IN, Duration::ZERO).unwrap_or(false)
}

/// Waits until all have ended, but at most for `patience`, and never long: the next look finds
/// whoever is left.
fn await_death(dying: &[(i32, OwnedFd)], patience: Duration) {
    let until = clock::monotonic() + patience.min(Duration::from_millis(100));
    for (_, pidfd) in dying {
        let rest = until.saturating_sub(clock::monotonic());
        // Refused: the next look tells.
        poll::ready(pidfd, PollFlags::IN, rest).ok();
    }
}
