//! Which runs are asked how they are: those that have to show that they are ready, and those with a health check.
//!
//! Each is asked by a task of its own, which sleeps in between; for all others there is nothing here. What was answered
//! comes back as a fact, and what follows from it is the core's business.

mod command;
mod subject;
mod task;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::mpsc::Sender;

use pm_core::{Change, Core, InstanceId, InstanceView, RunId, SpawnPlan, Status};
use pm_spec::{HealthCheck, Question, Readiness};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use subject::Subject;

use crate::inlet::Inlet;
use crate::spawner::SpawnerJob;

/// What is to be found out.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Errand {
    /// When it is ready.
    Ready(Question),
    /// Whether it goes on being well.
    Health(HealthCheck),
}

/// One run that is asked, for as long as this is kept.
#[derive(Debug)]
struct Inquiry {
    run: RunId,
    errand: Errand,
    task: AbortHandle,
}

impl Drop for Inquiry {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// All runs that are asked.
#[derive(Debug)]
pub(crate) struct Inquiries {
    outlet: mpsc::Sender<Inlet>,
    spawner: Sender<SpawnerJob>,
    begun: BTreeMap<InstanceId, Inquiry>,
    /// Instances that are not as they were.
    changed: BTreeSet<InstanceId>,
    /// Nobody was looked at yet: what the daemon before us asked is asked on.
    fresh: bool,
}

impl Inquiries {
    pub(crate) fn new(outlet: mpsc::Sender<Inlet>, spawner: Sender<SpawnerJob>) -> Self {
        Self { outlet, spawner, begun: BTreeMap::new(), changed: BTreeSet::new(), fresh: true }
    }

    /// Notes who is to be looked at.
    pub(crate) fn note(&mut self, change: &Change) {
        match change {
            Change::Changed(id) => _ = self.changed.insert(*id),
            Change::Removed(id) => drop(self.begun.remove(id)),
        }
    }

    /// Has asked who is to be asked now, and nobody else.
    pub(crate) fn tend(&mut self, core: &Core) {
        if std::mem::take(&mut self.fresh) {
            self.changed.extend(core.instances().map(|instance| instance.id));
        }
        while let Some(id) = self.changed.pop_first() {
            if let Some(instance) = core.instance(id) {
                self.tend_one(&instance);
            }
        }
    }

    fn tend_one(&mut self, instance: &InstanceView<'_>) {
        let wanted = errand(instance);
        let known = self.begun.get(&instance.id).map(|known| (known.run, &known.errand));
        if known == wanted.as_ref().map(|(run, errand)| (*run, errand)) {
            return;
        }
        self.begun.remove(&instance.id);
        let Some((run, errand)) = wanted else { return };
        let plan = SpawnPlan {
            app_id: instance.app_id,
            instance: instance.id,
            slot: instance.slot,
            restarts: instance.restarts,
            app: Arc::clone(instance.app),
        };
        let (outlet, spawner) = (self.outlet.clone(), self.spawner.clone());
        let subject = Subject { run, plan, outlet, spawner };
        let task = match errand.clone() {
            Errand::Ready(question) => tokio::spawn(task::until_ready(subject, question)),
            Errand::Health(check) => tokio::spawn(task::again_and_again(subject, check)),
        };
        let task = task.abort_handle();
        self.begun.insert(instance.id, Inquiry { run, errand, task });
    }
}

/// What is to be found out of an instance now.
fn errand(instance: &InstanceView<'_>) -> Option<(RunId, Errand)> {
    let checks = &instance.app.checks;
    let (run, _) = instance.run?;
    let errand = match instance.status {
        Status::Launching => match checks.ready.as_deref()? {
            Readiness::Answers(question) if instance.since.is_some() => {
                Errand::Ready(question.clone())
            }
            Readiness::Answers(_) | Readiness::Notifies => return None,
        },
        Status::Online => Errand::Health(HealthCheck::clone(checks.health.as_deref()?)),
        Status::Stopping | Status::Stopped | Status::Errored | Status::WaitingRestart => {
            return None;
        }
    };
    Some((run, errand))
}
