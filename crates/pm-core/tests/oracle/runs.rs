//! One run as an oracle follows it, by facts and orders alone.
//!
//! Part of the oracle; the core itself keeps a run's state in its instance's phase.

use std::collections::BTreeSet;
use std::sync::Arc;

use pm_spec::AppSpec;

use super::state::{BrokenLaw, law};
use crate::end::Cause;
use crate::id::{InstanceId, Time};
use crate::phase::Want;
use crate::saved::{InstanceRecord, Record, SavedPhase};

/// What is known of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RunMark {
    /// It said that it is ready.
    Ready,
    /// It has replaced its workers since it was last told to.
    Replaced,
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
pub(crate) struct RunTrace {
    pub(crate) instance: InstanceId,
    pub(crate) asked: Option<Time>,
    pub(crate) grace: u64,
    pub(crate) marks: BTreeSet<RunMark>,
    /// The spec it was made by.
    pub(crate) made: Arc<AppSpec>,
}

impl RunTrace {
    /// Whether this is known of it.
    pub(crate) fn is(&self, mark: RunMark) -> bool {
        self.marks.contains(&mark)
    }

    /// Whether a new run would be made in the same way, as far as the world of tests changes it.
    pub(crate) fn is_made_as(&self, spec: &AppSpec) -> bool {
        let made = &*self.made;
        made.cwd == spec.cwd && made.env == spec.env && made.serving.mode == spec.serving.mode
    }
}

/// Whether one record of an instance may follow the other: what is counted moves with a new run only, and only if
/// there was one to be replaced. `short`: runs in a row that count as short, as the oracle saw them.
pub(crate) fn counted(
    old: &InstanceRecord,
    new: &InstanceRecord,
    short: u32,
    asked: bool,
) -> Result<(), BrokenLaw> {
    let begins = matches!(new.phase, SavedPhase::Starting(_)) && new.phase != old.phase;
    let broken = |what: &str| format!("instance {}: {what}: {old:?} {new:?}", new.id.0);
    // A person's wish begins a new count of everything (PM2: `created_at`), in a reload also later than asked.
    let asked = asked || old.created != new.created;
    let up = new.restarts.checked_sub(old.restarts);
    // What it depends on may hold it back once its run or its pause is over.
    let was_on_its_way = matches!(
        old.phase,
        SavedPhase::Backoff(_)
            | SavedPhase::Starting(_)
            | SavedPhase::Stopping { .. }
            | SavedPhase::Alive { .. }
    );
    let waits = new.phase == SavedPhase::Down && new.want == Want::Up && was_on_its_way;
    let plausible =
        up == Some(0) || (up == Some(1) && (begins || waits)) || (asked && new.restarts <= 1);
    law(plausible, || broken("restarts are counted one by one"))?;
    let paused = matches!(old.phase, SavedPhase::Backoff(_) | SavedPhase::Retry(_));
    let clean = new.unstable == 0 && new.flaps == 0 && (new.last_delay == 0 || paused);
    law(old.created == new.created || clean, || broken("a person begins with a clean slate"))?;
    let counted = !begins || new.unstable <= short;
    law(counted, || broken("only short runs in a row are counted"))?;
    let expected = match &old.phase {
        SavedPhase::Backoff(_)
        | SavedPhase::Stopping {
            cause:
                Cause::Restarted | Cause::Memory { .. } | Cause::Scheduled | Cause::FileChanged(_),
            ..
        } => Some(1),
        SavedPhase::Down
        | SavedPhase::Retry(_)
        | SavedPhase::Failed(_)
        | SavedPhase::Stopping { cause: Cause::Stopped | Cause::Shutdown, .. } => Some(0),
        SavedPhase::Starting(_) | SavedPhase::Alive { .. } | SavedPhase::Stopping { .. } => None,
    };
    let exact = !begins || asked || expected.is_none() || up == expected;
    law(exact, || broken("a restart is counted, a start is not"))
}

/// Whether both say the same. The next numbers may be behind where they are learnt from facts about strangers.
pub(crate) fn same_records(a: &[Record], b: &[Record]) -> bool {
    let known = |records: &[Record]| -> Vec<Record> {
        records.iter().filter(|r| !matches!(r, Record::Counters(_))).cloned().collect()
    };
    known(a) == known(b)
}
