//! One run as a witness follows it, by facts and orders alone.
//!
//! Part of the witness; the core itself keeps a run's state in its instance's phase.

use alloc::collections::BTreeSet;

use crate::id::{InstanceId, Time};

/// What is known of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mark {
    /// It said that it is ready.
    Ready,
    /// It was asked to go, by this daemon.
    Asked,
    /// Its main process ended.
    Ended,
    /// Nobody is left of it, or there never was anybody.
    Over,
    /// Its end is written down, or there is none to write.
    Written,
    /// It was let go, by this daemon.
    Released,
}

/// What became of one run, as far as facts and orders tell.
#[derive(Clone, Debug)]
pub(crate) struct Trail {
    pub(crate) instance: InstanceId,
    pub(crate) asked: Option<Time>,
    pub(crate) grace: u64,
    pub(crate) marks: BTreeSet<Mark>,
}

impl Trail {
    /// Whether this is known of it.
    pub(crate) fn is(&self, mark: Mark) -> bool {
        self.marks.contains(&mark)
    }
}
