//! Whether runs have left anybody at all: a look that costs a tenth of a scan.

use std::collections::{BTreeMap, BTreeSet};

use super::proc_scan::{ProcScanError, RunQuery, for_each_pid};
use crate::procfs;
use crate::tag::{self, Tag};

/// What [`traces`] found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Traces {
    /// Runs with a marked process, dead or alive, or whose leader's number is in use.
    pub runs: BTreeSet<Tag>,
    /// Whether one of the spared has a child without a mark. It can be of any run that has ended.
    pub orphans: bool,
}

/// Which of these runs have left any trace. Without orphans, of a run that is missing here nobody can be found by a
/// scan either (but by [`RunQuery::known`]), and this costs a tenth of one.
pub fn traces(runs: &[RunQuery<'_>], spared: &[i32]) -> Result<Traces, ProcScanError> {
    let proc = procfs::open().map_err(ProcScanError)?;
    let wanted: BTreeSet<Tag> = runs.iter().map(|run| run.tag).collect();
    let leaders: BTreeMap<i32, Tag> =
        runs.iter().filter_map(|run| Some((run.leader?.pid, run.tag))).collect();
    let us = rustix::process::getpid().as_raw_pid();
    let children: BTreeSet<i32> = spared.iter().flat_map(|pid| procfs::children(*pid)).collect();
    let mut found = Traces::default();
    for_each_pid(&proc, |pid| {
        if pid != us && !spared.contains(&pid) {
            found.runs.extend(leaders.get(&pid));
            match tag::of(pid) {
                Some(tag) if wanted.contains(&tag) => _ = found.runs.insert(tag),
                Some(_) => {}
                None => found.orphans |= children.contains(&pid),
            }
        }
        Ok(())
    })
    .map_err(ProcScanError)?;
    Ok(found)
}
