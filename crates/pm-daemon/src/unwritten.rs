//! What must not be done while the journal can't be written (a full disk): begin runs, and let go of those that ended.
//!
//! A daemon that came after us would know neither; so the guardian keeps what it has, and starts are told as failed,
//! to be repeated by the core. It writes nothing itself.

use pm_core::{Fact, RunId, SpawnFailure, Time};

/// How long until the next attempt to write, in ms.
const AGAIN: u64 = 1000;

/// What waits for the journal.
#[derive(Debug, Default)]
pub(crate) struct Unwritten {
    /// Why it can't be written; `None` if it can.
    why: Option<String>,
    /// When to try again.
    again: Option<Time>,
    /// Runs that are over; nobody may forget them yet. At most one per run the guardian keeps.
    held: Vec<RunId>,
    /// Runs that were not begun, to be told to the core.
    refused: Vec<RunId>,
}

impl Unwritten {
    /// Takes note of how the journal stands; gives the runs that may be let go now.
    pub(crate) fn settle(&mut self, why: Option<&str>, now: Time) -> Vec<RunId> {
        self.why = why.map(Into::into);
        if self.why.is_none() {
            self.again = None;
            return std::mem::take(&mut self.held);
        }
        if self.again.is_none_or(|at| at <= now) {
            self.again = Some(Time(now.0.saturating_add(AGAIN)));
        }
        Vec::new()
    }

    /// What people are told meanwhile: what they stop, delete or change is done, but not written down.
    pub(crate) fn warning(&self) -> Option<String> {
        let why = self.why.as_deref()?;
        Some(format!(
            "could not write the journal: {why}; a daemon that starts before that works again \
             knows nothing of what is changed now"
        ))
    }

    /// When somebody must try to write again.
    pub(crate) fn due(&self) -> Option<Time> {
        self.again
    }

    /// Whether a run must not begin; the core is told then.
    pub(crate) fn refuses(&mut self, run: RunId) -> bool {
        if self.why.is_some() {
            self.refused.push(run);
        }
        self.why.is_some()
    }

    /// Whether the end of a run must be kept for now.
    pub(crate) fn holds(&mut self, run: RunId) -> bool {
        if self.why.is_some() {
            self.held.push(run);
        }
        self.why.is_some()
    }

    /// What the core must hear of runs that were not begun; it decides when they are tried again.
    pub(crate) fn tell(&mut self) -> Option<Fact> {
        let run = self.refused.pop()?;
        let why = self.why.as_deref().unwrap_or("it was full");
        let why = format!("write the journal: {why}");
        Some(Fact::NotSpawned(run, SpawnFailure::Short(why)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_begins_or_is_forgotten_until_it_is_written_down() {
        let mut unwritten = Unwritten::default();
        assert!(unwritten.settle(None, Time(5)).is_empty());
        assert!(!unwritten.refuses(RunId(1)) && !unwritten.holds(RunId(1)));
        assert_eq!((unwritten.due(), unwritten.tell(), unwritten.warning()), (None, None, None));

        assert!(unwritten.settle(Some("no space"), Time(10)).is_empty());
        assert!(unwritten.refuses(RunId(2)) && unwritten.holds(RunId(1)));
        let why = SpawnFailure::Short("write the journal: no space".into());
        assert_eq!(unwritten.tell(), Some(Fact::NotSpawned(RunId(2), why)));
        assert_eq!(unwritten.tell(), None);
        assert!(unwritten.warning().unwrap().contains("no space"));
        // Other steps meanwhile do not put the next attempt off.
        unwritten.settle(Some("no space"), Time(500));
        assert_eq!(unwritten.due(), Some(Time(1010)));
        unwritten.settle(Some("no space"), Time(1010));
        assert_eq!(unwritten.due(), Some(Time(2010)));

        assert_eq!(unwritten.settle(None, Time(2010)), [RunId(1)]);
        assert!(!unwritten.refuses(RunId(3)) && !unwritten.holds(RunId(3)));
        assert_eq!(unwritten.due(), None);
    }
}
