//! Commands beside runs: those before one is made, and those for what happens.

use pm_core::{Core, RunId};
use pm_spec::HookStage;

use super::RunControl;
use crate::clock::Clocks;
use crate::hooks::HookCall;
use crate::preparation;
use crate::runs::Life;
use crate::spawner::{SpawnJob, SpawnerJob};

impl RunControl {
    /// Has a process made, and prepared before, if its app wants that.
    pub(super) fn make(&mut self, job: SpawnJob) {
        let (spawner, outlet) = (&self.owners.spawner, &self.owners.outlet);
        if preparation::is_needed(&job.plan.app) {
            return self.owners.preparations.begin(job, spawner.clone(), outlet.clone());
        }
        // The thread lives as long as we do.
        spawner.send(SpawnerJob::Make(job)).ok();
    }

    /// Has a command of an app run.
    pub(crate) fn run_hook(&self, call: HookCall) {
        call.begin(&self.owners.spawner);
    }

    /// Has a command run that goes with a run.
    pub(crate) fn begin_staged(&mut self, core: &Core, of: (RunId, HookStage), clocks: Clocks<'_>) {
        let ends = (self.owners.spawner.clone(), self.owners.outlet.clone());
        self.staged.begin(core, of, clocks, ends);
    }

    /// It has ended.
    pub(crate) fn staged_over(&mut self, run: RunId, stage: HookStage) {
        self.staged.over(run, stage);
    }

    /// Gives up preparing the runs that nobody wants any more, and ends commands that nobody waits for.
    pub(crate) fn give_up_unwanted(&mut self, core: &Core) {
        self.staged.tend(core);
        self.owners.preparations.tend(core);
    }

    /// Whether a run is being made, so that there may be a process at any moment.
    pub(crate) fn is_being_made(&self, id: RunId) -> bool {
        let is_expected = self.get(id).is_some_and(|run| matches!(run.life, Life::Expected(_)));
        is_expected && !self.owners.preparations.has(id)
    }
}
