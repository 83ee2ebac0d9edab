//! Reloads, seen from outside: who can have a run beside the one that serves is not restarted, however many reloads meet.
//!
//! Part of the oracle; the core itself has a reload wait for room.

use std::collections::{BTreeMap, BTreeSet};

use pm_spec::{AppSpec, Mode, Reload, ReloadOrder};

use super::state::{BrokenLaw, law};
use crate::core::Core;
use crate::end::Cause;
use crate::fact::{Ask, Fact};
use crate::id::{InstanceId, RunId, Time};
use crate::order::RunSignal;
use crate::phase::{Phase, Want};
use crate::saved::{InstanceRecord, SavedPhase};

/// Of whom nobody has asked anything but a reload since it was up.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReloadLaws {
    reloaded: BTreeSet<InstanceId>,
    /// Old runs that stand by, since when.
    aside: BTreeMap<RunId, Time>,
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
        &mut self,
        old: Option<&InstanceRecord>,
        (now, new): (Time, &InstanceRecord),
        app: Option<&AppSpec>,
    ) -> Result<(), BrokenLaw> {
        let (Some(old), Some(app)) = (old, app) else { return Ok(()) };
        self.left(old, (now, new), app)?;
        let is_up = |one: &InstanceRecord| matches!(one.phase, SavedPhase::Alive { .. });
        let goes =
            matches!(new.phase, SavedPhase::Stopping { cause: Cause::Restarted, ended: false, .. });
        let share = (old.shares_sockets && !app.listen.is_empty())
            || (old.worker && app.serving.mode == Mode::Cluster);
        let overlaps = share && app.reload.order != ReloadOrder::StopFirst;
        let is_held = self.reloaded.contains(&new.id);
        law(!(is_up(old) && goes && overlaps && is_held), || {
            format!("a reload leaves somebody who serves: {old:?} {new:?}")
        })?;
        if !is_up(new) && new.second.is_none() {
            self.reloaded.remove(&new.id);
        }
        Ok(())
    }
}

impl ReloadLaws {
    /// A run gets a signal.
    pub(crate) fn signal(
        &mut self,
        now: Time,
        (run, sent): (RunId, RunSignal),
        instance: Option<&InstanceRecord>,
        app: Option<&AppSpec>,
    ) -> Result<(), BrokenLaw> {
        if sent != RunSignal::StandBy {
            return Ok(());
        }
        self.aside.insert(run, now);
        let is_watched = app.is_some_and(|app| app.reload.monitor.as_millis() > 0);
        law(is_watched && instance.is_some_and(|it| it.second.is_some()), || {
            format!("run {} stands by for one that is watched", run.0)
        })
    }

    /// The old run is told to go when the new one, which stays, has been watched.
    fn left(
        &self,
        old: &InstanceRecord,
        (now, new): (Time, &InstanceRecord),
        app: &AppSpec,
    ) -> Result<(), BrokenLaw> {
        let (Some(SavedPhase::Alive { .. }), Some(SavedPhase::Stopping { run, ended: false, .. })) =
            (&old.second, &new.second)
        else {
            return Ok(());
        };
        let stays = matches!(new.phase, SavedPhase::Alive { run: main, .. } if main > *run);
        let aside = self.aside.get(run).map_or(0, |since| now.0.saturating_sub(since.0));
        let is_over = aside >= app.reload.monitor.as_millis();
        law(!stays || new.want != Want::Up || is_over, || {
            format!("run {} goes when the new one has been watched", run.0)
        })
    }
}

/// Whether somebody may serve, and is wanted to.
fn is_up(core: &Core, id: InstanceId) -> bool {
    core.instances.get(&id).is_some_and(|it| {
        it.want == Want::Up && (matches!(it.phase, Phase::Up { .. }) || it.second.is_some())
    })
}
