//! What instances are found by besides their numbers: runs, deadlines, and whose memory matters.

use alloc::collections::{BTreeMap, BTreeSet};

use crate::app::ActiveTriggers;
use crate::id::{InstanceId, RunId, Time};

/// What one instance is found by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct IndexEntry {
    pub(crate) run: Option<RunId>,
    pub(crate) second: Option<RunId>,
    pub(crate) deadline: Option<Time>,
    /// Whether its memory matters.
    pub(crate) measured: bool,
    pub(crate) triggers: ActiveTriggers,
}

/// The entries of all instances.
#[derive(Clone, Debug, Default)]
pub(crate) struct InstanceIndex {
    entries: BTreeMap<InstanceId, IndexEntry>,
    runs: BTreeMap<RunId, InstanceId>,
    deadlines: BTreeSet<(Time, InstanceId)>,
    /// Of how many the memory matters.
    pub(crate) measured: usize,
}

impl InstanceIndex {
    /// Whose run this is.
    pub(crate) fn owner(&self, run: RunId) -> Option<InstanceId> {
        self.runs.get(&run).copied()
    }

    /// The first deadline.
    pub(crate) fn next_deadline(&self) -> Option<Time> {
        self.deadlines.first().map(|(due, _)| *due)
    }

    /// Takes out one whose deadline has come; it is put in again as it is then.
    pub(crate) fn take_due(&mut self, now: Time) -> Option<InstanceId> {
        self.deadlines.first().filter(|(due, _)| *due <= now)?;
        self.deadlines.pop_first().map(|(_, id)| id)
    }

    /// Puts an instance in as it is now, or takes it out; what stood there.
    pub(crate) fn put(&mut self, id: InstanceId, new: Option<IndexEntry>) -> IndexEntry {
        let old = self.entries.remove(&id).unwrap_or_default();
        for run in [old.run, old.second].into_iter().flatten() {
            self.runs.remove(&run);
        }
        old.deadline.map(|due| self.deadlines.remove(&(due, id)));
        self.measured -= usize::from(old.measured);
        if let Some(new) = new {
            self.runs.extend([new.run, new.second].into_iter().flatten().map(|run| (run, id)));
            self.deadlines.extend(new.deadline.map(|due| (due, id)));
            self.measured += usize::from(new.measured);
            self.entries.insert(id, new);
        }
        old
    }
}

#[cfg(test)]
impl InstanceIndex {
    /// For laws: entries, runs and deadlines, and how many count as measured.
    #[expect(clippy::type_complexity, reason = "all it has")]
    pub(crate) fn parts(
        &self,
    ) -> (
        &BTreeMap<InstanceId, IndexEntry>,
        &BTreeMap<RunId, InstanceId>,
        &BTreeSet<(Time, InstanceId)>,
        usize,
    ) {
        (&self.entries, &self.runs, &self.deadlines, self.measured)
    }
}
