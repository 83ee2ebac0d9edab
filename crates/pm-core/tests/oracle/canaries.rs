//! A rollout with canaries, seen from outside: nobody else gets a new run beside the old one before all of these went well.
//!
//! Part of the oracle. Only rollouts that nothing else meets are looked at: what people ask meanwhile may begin anybody.

use std::collections::{BTreeMap, BTreeSet};

use pm_spec::{AppSpec, Reload};

use super::state::{BrokenLaw, law};
use crate::core::Core;
use crate::fact::{Ask, Fact};
use crate::id::{AppId, InstanceId, RunId, Time};
use crate::phase::Phase;
use crate::saved::{InstanceRecord, SavedPhase};

/// Those that are under way, by app.
#[derive(Clone, Debug, Default)]
pub(super) struct CanaryLaws(BTreeMap<AppId, Watched>);

#[derive(Clone, Debug, Default)]
struct Watched {
    ids: BTreeSet<InstanceId>,
    /// Who got a new run beside the old one, the first one first.
    begun: Vec<(InstanceId, RunId)>,
    /// Whose old run was told to go, and not the new one.
    well: BTreeSet<InstanceId>,
}

impl CanaryLaws {
    /// A fact is about to be told.
    pub(super) fn fact(&mut self, core: &Core, fact: &Fact) {
        let asked = matches!(fact, Fact::Asked(..));
        if asked || matches!(fact, Fact::ScheduleDue(_) | Fact::FileChanged(..)) {
            self.0.clear();
        }
        let Fact::Asked(_, Ask::Reload(Reload { select, again, .. }), _) = fact else { return };
        for id in core.resolve(select).unwrap_or_default() {
            if let Some(instance) = core.instances.get(&id) {
                self.0.entry(instance.app).or_default().ids.insert(id);
            }
        }
        let is_at_rest = |id: &InstanceId| {
            core.instances.get(id).is_some_and(|instance| {
                // Who was begun since this was asked before is a canary that is only waited for.
                let is_old = again.is_none_or(|since| instance.created < Time(since));
                is_old && matches!(instance.phase, Phase::Up { .. }) && instance.second.is_none()
            })
        };
        self.0.retain(|_, watched| watched.ids.iter().all(is_at_rest));
    }

    /// The daemon died, and its rollouts with it.
    pub(super) fn died(&mut self) {
        self.0.clear();
    }

    /// A run is to be made.
    pub(super) fn spawn(
        &mut self,
        run: RunId,
        instance: Option<&InstanceRecord>,
        app: Option<&AppSpec>,
    ) -> Result<(), BrokenLaw> {
        let (Some(instance), Some(app)) = (instance, app) else { return Ok(()) };
        let Some(watched) = self.0.get_mut(&instance.app) else { return Ok(()) };
        // Who is alone may have ended by itself, and who was begun is begun again while its old run is on its way out.
        let is_begun = watched.begun.iter().any(|(id, _)| *id == instance.id);
        if instance.second.is_none() || is_begun || !watched.ids.contains(&instance.id) {
            return Ok(());
        }
        let canaries = usize::try_from(app.reload.canary).unwrap_or(usize::MAX);
        let first = watched.begun.iter().take(canaries);
        let went_well = first.clone().all(|(id, _)| watched.well.contains(id));
        law(first.len() < canaries || went_well, || {
            format!("run {} begins when the canaries went well: {watched:?}", run.0)
        })?;
        watched.begun.push((instance.id, run));
        Ok(())
    }

    /// An instance is written down.
    pub(super) fn record(&mut self, new: &InstanceRecord) {
        let Some(watched) = self.0.get_mut(&new.app) else { return };
        let SavedPhase::Alive { run: main, .. } = &new.phase else { return };
        let is_new = watched.begun.iter().any(|(id, run)| *id == new.id && run <= main);
        let stays = matches!(new.second, Some(SavedPhase::Alive { .. }));
        if is_new && !stays {
            watched.well.insert(new.id);
        }
    }
}
