//! Reloads, seen from outside: who can have a run beside the one that serves is not restarted, however many reloads meet.
//!
//! Part of the oracle; the core itself has a reload wait for room.

use std::collections::BTreeSet;

use pm_spec::{AppSpec, Mode, Reload};

use super::state::{BrokenLaw, law};
use crate::core::Core;
use crate::end::Cause;
use crate::fact::{Ask, Fact};
use crate::id::InstanceId;
use crate::phase::{Phase, Want};
use crate::saved::{InstanceRecord, SavedPhase};

/// Of whom nobody has asked anything but a reload since it was up.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReloadLaws {
    reloaded: BTreeSet<InstanceId>,
}

impl ReloadLaws {
    /// A fact is about to be told.
    pub(crate) fn fact(&mut self, core: &Core, fact: &Fact) {
        if let Fact::Asked(_, Ask::Reload(Reload { select, .. }), _) = fact {
            let ids = core.resolve(select).unwrap_or_default();
            self.reloaded.extend(ids.into_iter().filter(|id| is_up(core, *id)));
        } else if matches!(fact, Fact::Asked(..) | Fact::ScheduleDue(_) | Fact::FileChanged(..)) {
            self.reloaded.clear();
        }
    }

    /// The daemon died: why somebody was to be replaced is not written down.
    pub(crate) fn died(&mut self) {
        self.reloaded.clear();
    }

    /// An instance is written down.
    pub(crate) fn record(
        &self,
        old: Option<&InstanceRecord>,
        new: &InstanceRecord,
        app: Option<&AppSpec>,
    ) -> Result<(), BrokenLaw> {
        let (Some(old), Some(app)) = (old, app) else { return Ok(()) };
        let was_up = matches!(old.phase, SavedPhase::Alive { .. });
        let goes = matches!(new.phase, SavedPhase::Stopping { cause: Cause::Restarted, .. });
        let overlaps = (old.shares_sockets && !app.listen.is_empty())
            || (old.worker && app.serving.mode == Mode::Cluster);
        law(!(was_up && goes && overlaps && self.reloaded.contains(&new.id)), || {
            format!("a reload leaves somebody who serves: {old:?} {new:?}")
        })
    }
}

/// Whether somebody may serve, and is wanted to.
fn is_up(core: &Core, id: InstanceId) -> bool {
    core.instances.get(&id).is_some_and(|it| {
        it.want == Want::Up && (matches!(it.phase, Phase::Up { .. }) || it.second.is_some())
    })
}
