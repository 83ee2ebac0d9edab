//! Who the main process of a run is that the daemon before left behind: by the journal, by the guardian, by its mark.

use std::os::fd::OwnedFd;

use pm_core::{Fact, RunId};
use pm_os::identity::ProcIdentity;
use pm_os::tag::Tag;
use pm_os::tree::ProcEntry;

use crate::runs;

/// What is known of it besides the journal.
pub(super) struct MainTraces<'a> {
    /// The marked processes of the run.
    pub(super) seen: &'a [ProcEntry],
    /// Whom the guardian keeps for it.
    pub(super) kept: Option<&'a (i32, OwnedFd)>,
    /// Whose end the guardian tells.
    pub(super) exited: Option<i32>,
}

/// The main process of a run, if it ever had one; that it was found, or is another one, is told.
pub(super) fn main_process(
    tag: Tag,
    written: Option<pm_core::Identity>,
    traces: &MainTraces<'_>,
    facts: &mut Vec<Fact>,
) -> Option<ProcIdentity> {
    let id = RunId(tag.run());
    let Some(written) = written else {
        let found = first_process(traces)?;
        facts.push(Fact::Spawned(id, runs::to_core(found)));
        return Some(found);
    };
    let named = traces.kept.and_then(|kept| named(written.pid, kept));
    facts.extend(named.map(|named| Fact::MainProcess(id, runs::to_core(named))));
    Some(named.unwrap_or_else(|| runs::from_core(written)))
}

/// The main process that a run has named: the guardian keeps it, and the daemon before died before that was written down.
fn named(written: u32, (pid, pidfd): &(i32, OwnedFd)) -> Option<ProcIdentity> {
    if u32::try_from(*pid) == Ok(written) {
        return None;
    }
    let inode = pm_os::identity::inode(pidfd);
    let ended = ProcIdentity { pid: *pid, started: 0, boot: pm_os::clock::boot_id(), inode };
    let found = pm_os::identity::of(*pid).ok().filter(|found| found.inode == inode);
    Some(found.unwrap_or(ended))
}

/// The main process of a run that was being made when the daemon died: it leads its own session and is the oldest;
/// or it has ended already, and the guardian knows its pid.
fn first_process(traces: &MainTraces<'_>) -> Option<ProcIdentity> {
    let seen = traces.seen;
    let leads = |seen: &&ProcEntry| seen.session == seen.pid;
    let oldest = seen.iter().filter(leads).min_by_key(|seen| seen.started);
    if let Some(found) = oldest.or(seen.iter().min_by_key(|seen| seen.started)) {
        let boot = pm_os::clock::boot_id();
        return Some(match pm_os::identity::of(found.pid) {
            Ok(identity) if identity.started == found.started => identity,
            Ok(_) | Err(_) => {
                ProcIdentity { pid: found.pid, started: found.started, boot, inode: 0 }
            }
        });
    }
    let pid = traces.kept.map(|(pid, _)| *pid).or(traces.exited)?;
    Some(ProcIdentity { pid, started: 0, boot: pm_os::clock::boot_id(), inode: 0 })
}
