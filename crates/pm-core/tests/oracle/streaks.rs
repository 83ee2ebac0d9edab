//! Short runs in a row, counted from facts and records alone: what has to be enough, and when it is forgotten.
//!
//! Part of the oracle; the core itself keeps this in its instances' streaks.

use std::collections::BTreeMap;

use pm_spec::RestartPolicy;

use super::state::{BrokenLaw, law};
use crate::end::{Cause, RunEnd};
use crate::id::InstanceId;
use crate::saved::{InstanceRecord, SavedPhase};

/// What has been counted of an instance.
#[derive(Clone, Copy, Debug, Default)]
struct Row {
    short: u32,
    /// Spawns that were refused count as short runs.
    refused: u32,
    /// How long a run lived in ms that ended by itself and is not judged yet.
    unjudged: Option<u64>,
}

/// Counts for all instances.
#[derive(Clone, Debug, Default)]
pub(crate) struct ShortRuns {
    rows: BTreeMap<InstanceId, Row>,
}

impl ShortRuns {
    /// A spawn was refused.
    pub(crate) fn refused(&mut self, id: InstanceId) {
        self.rows.entry(id).or_default().refused += 1;
    }

    /// An end is written down for the first time.
    pub(crate) fn ended(&mut self, id: InstanceId, end: &RunEnd) {
        if matches!(end.cause, Cause::Ended(_) | Cause::Unhealthy { .. }) {
            let uptime = end.at.0.saturating_sub(end.since.0);
            self.rows.entry(id).or_default().unjudged = Some(uptime);
        }
    }

    /// How many runs in a row count as short at most.
    pub(crate) fn most(&self, id: InstanceId) -> u32 {
        self.rows.get(&id).map_or(0, |row| row.short + row.refused)
    }

    /// A run that ended by itself is judged by the rules of the moment in which nobody of it is left, unless a person's
    /// wish comes before.
    pub(crate) fn judge(
        &mut self,
        old: Option<&InstanceRecord>,
        new: &InstanceRecord,
        rules: Option<&RestartPolicy>,
    ) -> Result<(), BrokenLaw> {
        let (Some(row), Some(rules)) = (self.rows.get_mut(&new.id), rules) else { return Ok(()) };
        if old.is_some_and(|old| old.created != new.created) {
            row.unjudged = None;
        }
        let Some(uptime) = row.unjudged.filter(|_| !is_waited_for(new)) else { return Ok(()) };
        row.unjudged = None;
        if uptime >= rules.min_uptime.as_millis() {
            // Nobody counts these, so that they would begin again for ever.
            let again = matches!(new.phase, SavedPhase::Backoff(_));
            let late = rules.start_retries.is_none() || uptime + new.last_delay >= 1000;
            law(!again || late, || format!("instance {}: twice within a second", new.id.0))?;
            *row = Row::default();
            return Ok(());
        }
        row.short += 1;
        // What is to end is tried again as often as it asks for.
        let again = matches!(new.phase, SavedPhase::Backoff(_) | SavedPhase::Starting(_));
        let enough = match rules.start_retries {
            Some(retries) => again && row.short > retries,
            None => again && rules.autorestart && row.short >= rules.max_restarts.max(1),
        };
        law(!enough, || format!("instance {}: so many short runs are enough", new.id.0))
    }

    /// A person, the clock or a file begins a new count.
    pub(crate) fn forget(&mut self, instance: &InstanceRecord) {
        // A run whose children are waited for is judged after that.
        let refused = u32::from(is_waited_for(instance));
        self.rows.insert(instance.id, Row { refused, ..Row::default() });
    }
}

/// So many ms an app has to live to count as up.
pub(crate) fn settles(rules: &RestartPolicy) -> u64 {
    let whole = rules.min_uptime.as_millis();
    if rules.start_retries.is_some() { whole } else { whole.min(1000) }
}

fn is_waited_for(instance: &InstanceRecord) -> bool {
    matches!(instance.phase, SavedPhase::Stopping { ended: true, .. })
}
