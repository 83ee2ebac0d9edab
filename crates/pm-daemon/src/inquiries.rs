//! Which runs are asked how they are: those that have to show that they are ready, and those with a health check. And
//! what is outside is asked for, while an instance waits for it.
//!
//! Each is asked by a task of its own, which sleeps in between; for all others there is nothing here. What was answered
//! comes back as a fact, and what follows from it is the core's business.

mod command;
mod printed;
mod signs;
mod subject;
mod task;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::mpsc::Sender;

use pm_core::{Change, Core, InstanceId, InstanceView, RunId, SpawnPlan, Status};
use pm_logs::Follow;
use pm_protocol::Home;
use pm_spec::{HealthCheck, LinePattern, OutsideNeed, Question, Readiness, Span};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use printed::{LineSearch, RunLogs};
use subject::Subject;

use crate::clock;
use crate::inlet::Inlet;
use crate::spawner::SpawnerJob;

/// What is to be found out.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Errand {
    /// When it is ready; the first question comes so much later.
    Ready(RunId, Question, Span),
    /// Whether it goes on being well.
    Health(RunId, HealthCheck),
    /// When there are the signs that a server of its kind gives when it is up.
    Loads(RunId),
    /// When it has printed a line.
    Prints(RunId, LinePattern),
    /// When all that it needs before it begins is there.
    Outside(Vec<OutsideNeed>),
}

/// One instance that is asked, for as long as this is kept.
#[derive(Debug)]
struct Inquiry {
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
    home: Home,
    /// The logs of runs that are being made and have to print a line, from where they ended before.
    followed: BTreeMap<RunId, Follow>,
    outlet: mpsc::Sender<Inlet>,
    spawner: Sender<SpawnerJob>,
    begun: BTreeMap<InstanceId, Inquiry>,
    /// Instances that are not as they were.
    changed: BTreeSet<InstanceId>,
    /// Nobody was looked at yet: what the daemon before us asked is asked on.
    fresh: bool,
}

impl Inquiries {
    pub(crate) fn new(
        home: Home,
        outlet: mpsc::Sender<Inlet>,
        spawner: Sender<SpawnerJob>,
    ) -> Self {
        let (followed, begun, changed) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        Self { home, followed, outlet, spawner, begun, changed, fresh: true }
    }

    /// A run is about to be made: what it prints comes after what its logs have now.
    pub(crate) fn before(&mut self, run: RunId, plan: &SpawnPlan) {
        if let Some(Readiness::Prints(_)) = plan.app.checks.ready.as_deref() {
            let follow = RunLogs::of(&plan.app, plan.instance, &self.home).follow();
            self.followed.extend(follow.map(|follow| (run, follow)));
        }
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
        // Those of runs that came to nothing.
        self.followed.retain(|run, _| core.instance_of_run(*run).is_some());
        while let Some(id) = self.changed.pop_first() {
            if let Some(instance) = core.instance(id) {
                self.tend_one(&instance);
            }
        }
    }

    fn tend_one(&mut self, instance: &InstanceView<'_>) {
        let wanted = errand(instance);
        if self.begun.get(&instance.id).map(|known| &known.errand) == wanted.as_ref() {
            return;
        }
        self.begun.remove(&instance.id);
        let Some(errand) = wanted else { return };
        let run = instance.run.map(|(run, _)| run);
        let plan = SpawnPlan {
            app_id: instance.app_id,
            instance: instance.id,
            slot: instance.slot,
            restarts: instance.restarts,
            app: Arc::clone(instance.app),
        };
        let (outlet, spawner) = (self.outlet.clone(), self.spawner.clone());
        let pid = instance.run.and_then(|(_, identity)| identity).map(|identity| identity.pid);
        let subject = Subject { run, pid, plan, outlet, spawner };
        let task = match errand.clone() {
            Errand::Ready(run, question, later) => {
                tokio::spawn(task::until_ready(subject, run, question, later))
            }
            Errand::Loads(run) => tokio::spawn(task::until_loaded(subject, run)),
            Errand::Health(run, check) => tokio::spawn(task::again_and_again(subject, run, check)),
            Errand::Prints(run, pattern) => {
                let logs = RunLogs::of(instance.app, instance.id, &self.home);
                let follow = self.followed.remove(&run);
                let lived =
                    instance.since.map_or(0, |since| clock::now().0.saturating_sub(since.0));
                let since = clock::wall().saturating_sub(lived).try_into().unwrap_or(0);
                let search = LineSearch { pattern, logs, follow, since };
                tokio::spawn(printed::until_printed(subject, run, search))
            }
            Errand::Outside(needs) => tokio::spawn(task::until_all_there(subject, needs)),
        };
        let task = task.abort_handle();
        self.begun.insert(instance.id, Inquiry { errand, task });
    }
}

/// What is to be found out of an instance now.
fn errand(instance: &InstanceView<'_>) -> Option<Errand> {
    let checks = &instance.app.checks;
    if !instance.outside.is_empty() {
        let needs = instance.outside.iter().map(|thing| thing.need.clone());
        return Some(Errand::Outside(needs.collect()));
    }
    let (run, _) = instance.run?;
    match instance.status {
        Status::Launching if instance.since.is_some() => match checks.ready.as_deref() {
            // The old run may answer. By then the new one is seen to take callers, if it can be seen.
            Some(Readiness::Answers(question)) if is_beside_the_old_one(instance) => {
                Some(Errand::Ready(run, question.clone(), instance.app.serving.listen_timeout))
            }
            Some(Readiness::Answers(question)) => {
                Some(Errand::Ready(run, question.clone(), Span::ZERO))
            }
            Some(Readiness::Prints(pattern)) => Some(Errand::Prints(run, pattern.clone())),
            None if instance.app.is_seen_to_serve() && signs::are_of(instance.app) => {
                Some(Errand::Loads(run))
            }
            Some(Readiness::Notifies) | None => None,
        },
        Status::Online => Some(Errand::Health(run, HealthCheck::clone(checks.health.as_deref()?))),
        Status::Launching
        | Status::Stopping
        | Status::Stopped
        | Status::Errored
        | Status::WaitingRestart => None,
    }
}

/// Whether two runs share the sockets, in a reload.
pub(crate) fn is_beside_the_old_one(instance: &InstanceView<'_>) -> bool {
    instance.second.is_some() && !instance.app.listen.is_empty()
}
