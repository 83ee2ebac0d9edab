//! When nothing will ever happen again by itself: everybody is where people want them, and nobody is lost.

use pm_core::{Condition, Core, Standing, Status};
use pm_spec::HookStage;

use super::{Truth, World};

impl World<'_> {
    /// Nothing will ever happen again by itself: everybody is where people want them.
    pub(super) fn quiet(&mut self) -> Result<(), String> {
        let Some(core) = &self.core else { return Err("no daemon".into()) };
        // Who waits for the end of something that has none waits for ever, and so if nobody asks it how it is.
        let is_endless = core.instances().flat_map(|instance| instance.obstacles).any(|one| {
            let comes = matches!(one.standing, Standing::Coming(_));
            comes && matches!(one.condition, Condition::Completed | Condition::Healthy)
        });
        if self.oracle.owed() > 0 && !is_endless {
            return Err("somebody still waits for a reply".into());
        }
        for instance in core.instances() {
            let run = instance.run.map(|(run, _)| run);
            let rests = match instance.status {
                Status::Online => {
                    instance.wanted && run.and_then(|r| self.truth(r)) == Some(Truth::Alive)
                }
                Status::Stopped => !instance.wanted && run.is_none(),
                Status::Errored => instance.failure.is_some() && (instance.wanted || run.is_some()),
                // It runs, and nobody waits for it to say that it is ready.
                Status::Launching => {
                    let waits = instance.app.shows_ready() && instance.wanted;
                    let is_alone = instance.obstacles.is_empty() && instance.outside.is_empty();
                    let held_up = instance.wanted && !is_alone;
                    held_up || waits && run.and_then(|r| self.truth(r)) == Some(Truth::Alive)
                }
                Status::Stopping | Status::WaitingRestart => false,
            };
            if !rests {
                return Err(format!("it never comes to rest: {instance:?}"));
            }
        }
        self.accounted(core)
    }

    /// No process without an instance, no exit that is never acknowledged.
    fn accounted(&self, core: &Core) -> Result<(), String> {
        for (run, process) in &self.processes {
            let known = core.instance_of_run(*run).is_some();
            let fine = match process.truth {
                Truth::Making | Truth::Alive => known,
                Truth::Orphaned(_) => known || !process.tree,
                Truth::Gone(_) | Truth::Never => {
                    process.acknowledged || core.wants_hook(*run, HookStage::PostStop)
                }
            };
            if !fine {
                return Err(format!("run {} is lost: {process:?}", run.0));
            }
        }
        Ok(())
    }

    /// The daemon has left for good: nobody lives but those whom SIGKILL does not end.
    pub(super) fn left(&self) -> Result<(), String> {
        let Some(core) = &self.core else { return Ok(()) };
        if self.oracle.owed() > 0 {
            return Err("it left with a debt".into());
        }
        // One of those that went after all has nobody left, and a last command that nobody waits for.
        let is_gone = |(run, _)| core.wants_hook(run, HookStage::PostStop);
        let immortal = core
            .instances()
            .all(|instance| instance.run.is_none_or(is_gone) || instance.status == Status::Errored);
        if immortal { self.accounted(core) } else { Err("it left somebody behind".into()) }
    }
}
