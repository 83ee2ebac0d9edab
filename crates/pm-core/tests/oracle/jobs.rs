//! Who may begin a job, and that its runs are counted.
//!
//! Part of the oracle; seen from facts and records alone.

use std::collections::BTreeSet;

use pm_spec::{AppSpec, Mode, Overlap, Reload, Restart};

use super::state::{BrokenLaw, law};
use crate::core::Core;
use crate::fact::{Ask, Fact};
use crate::id::{InstanceId, RunId, Time};
use crate::order::SpawnPlan;
use crate::phase::{Phase, Want};
use crate::saved::InstanceRecord;

/// Sees what concerns jobs.
#[derive(Clone, Debug, Default)]
pub(crate) struct JobLaws {
    /// Jobs that may be begun: their time has come, or somebody runs them.
    begun: BTreeSet<InstanceId>,
    /// How many times of each must have been skipped after this step, and whether one waits.
    missed: Vec<(InstanceId, u32, bool)>,
}

impl JobLaws {
    /// A fact is about to be told.
    pub(crate) fn fact(&mut self, core: &Core, fact: &Fact) {
        match fact {
            Fact::ScheduleDue(app) => {
                for one in core.instances.values().filter(|one| one.app == *app && !core.leaving) {
                    self.begun.insert(one.id);
                    let runs = one.phase.run().is_some() || one.second.is_some();
                    let is_job = one.spec.waits_for_its_time() && core.triggers(one).schedule;
                    let (skipped, queued) = match one.spec.job.overlap {
                        _ if !is_job || !runs => continue,
                        Overlap::Kill => continue,
                        Overlap::Queue if !one.job.queued => (one.job.skipped, true),
                        Overlap::Queue | Overlap::Skip => (one.job.skipped + 1, one.job.queued),
                    };
                    self.missed.push((one.id, skipped, queued));
                }
            }
            Fact::FileChanged(app, _) => {
                let own = core.instances.values().filter(|one| one.app == *app);
                self.begun.extend(own.map(|one| one.id));
            }
            Fact::Asked(_, Ask::Run(select, _), _) => {
                self.begun.extend(core.resolve(select).into_iter().flatten());
            }
            // What runs is begun anew.
            Fact::Asked(
                _,
                Ask::Restart(Restart { select, .. }) | Ask::Reload(Reload { select, .. }),
                _,
            ) => {
                let runs = |id: &InstanceId| {
                    core.instances.get(id).is_some_and(|one| {
                        one.want.is_up() && (one.phase.run().is_some() || one.second.is_some())
                    })
                };
                self.begun.extend(core.resolve(select).into_iter().flatten().filter(runs));
            }
            Fact::Asked(..)
            | Fact::Withdrawn(_)
            | Fact::Spawned(..)
            | Fact::NotSpawned(..)
            | Fact::Ready(_)
            | Fact::Ended(..)
            | Fact::TreeGone(_)
            | Fact::MemoryMeasured(..)
            | Fact::Unready(..)
            | Fact::Checked(..)
            | Fact::Outside(..)
            | Fact::MainProcess(..)
            | Fact::Notified(..)
            | Fact::WorkersReplaced(_)
            | Fact::HookOver(..)
            | Fact::TimePassed => {}
        }
    }

    /// A record takes the place of another.
    pub(crate) fn judge(
        &mut self,
        app: Option<&AppSpec>,
        (old, new): (Option<&InstanceRecord>, &InstanceRecord),
        has_ended: impl Fn(RunId) -> bool,
    ) -> Result<(), BrokenLaw> {
        let at_rest = new.phases().all(|phase| phase.run().is_none());
        if at_rest && !matches!(new.want, Want::Up | Want::Renewed) {
            self.begun.remove(&new.id);
        }
        let (Some(app), Some(old)) = (app.filter(|app| !app.restart.autorestart), old) else {
            return Ok(());
        };
        // Of two runs of a worker each is over at another time.
        let is_single = app.serving.mode == Mode::Fork && !old.worker && old.second.is_none();
        if !is_single {
            return Ok(());
        }
        let over = old.phase.run().filter(|run| new.phase.run() != Some(*run));
        let more = new.job.runs.checked_sub(old.job.runs);
        let holds = match over {
            Some(run) if has_ended(run) => more == Some(1),
            Some(_) => more.is_some_and(|more| more <= 1),
            None => more == Some(0),
        };
        law(holds, || format!("instance {}: each run of a job is counted once", new.id.0))
    }

    /// A run is to be made.
    pub(crate) fn spawn(&self, plan: &SpawnPlan) -> Result<(), BrokenLaw> {
        let may = !plan.app.waits_for_its_time() || self.begun.contains(&plan.instance);
        law(may, || format!("instance {}: a job that waits is run by nobody", plan.instance.0))
    }

    /// The step is done.
    pub(crate) fn rest(&mut self, now: Time, core: &Core) -> Result<(), BrokenLaw> {
        for (id, skipped, queued) in std::mem::take(&mut self.missed) {
            let counted = core
                .instances
                .get(&id)
                .is_none_or(|one| (one.job.skipped, one.job.queued) == (skipped, queued));
            law(counted, || format!("instance {}: a skipped time is counted", id.0))?;
        }
        for one in core.instances.values().filter(|one| !one.spec.restart.autorestart) {
            let Some(limit) = one.spec.job.time_limit else { continue };
            let Phase::Up { live, .. } = &one.phase else { continue };
            let waits =
                one.gate.is_held && !matches!(one.stop_cause, crate::end::Cause::TooLong { .. });
            let has_ended = one.history.iter().any(|end| end.run == live.run);
            if has_ended || one.second.is_some() || (one.want != Want::Up && waits) {
                continue;
            }
            let in_time = now.0.saturating_sub(live.since.0) < limit.as_millis();
            law(in_time, || format!("instance {}: no run takes too long", one.id.0))?;
        }
        Ok(())
    }

    /// The daemon died.
    pub(crate) fn died(&mut self) {
        self.missed.clear();
    }
}
