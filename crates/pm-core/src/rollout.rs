//! Reload: one instance of an app after the other (of many cluster workers two at once), each only after the one before
//! is up; the first failure ends it, and who is left goes on as it was.
//!
//! It only sets wants, and only for instances nobody has wished anything else for meanwhile. It does not survive the
//! daemon: who is not replaced by then keeps running as it was.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};

use pm_spec::{AppName, Mode};

use crate::core::Core;
use crate::fact::Patience;
use crate::id::{AppId, InstanceId, RequestId, Time};
use crate::order::{Became, Outcome};
use crate::request::{Awaited, Rollout, StartRequest, Waiter};

impl Core {
    /// Begins a reload of these instances.
    pub(crate) fn reload(&mut self, now: Time, request: RequestId, ids: &[InstanceId]) {
        let mut queues: BTreeMap<AppId, VecDeque<InstanceId>> = BTreeMap::new();
        for id in ids {
            if let Some(instance) = self.instances.get_mut(id) {
                instance.answer_if(|awaited| *awaited == Awaited::Turn, &Became::Superseded);
                instance.waiters.push(Waiter { request, awaited: Awaited::Turn });
                queues.entry(instance.app).or_default().push_back(*id);
                self.dirty.insert(*id);
            }
        }
        for (app, queue) in queues {
            let max_parallel = self.max_parallel(app, queue.len());
            if let Some(goal) = self.goals.get_mut(&request) {
                goal.rollouts
                    .insert(app, Rollout { max_parallel, in_progress: BTreeSet::new(), queue });
            }
            self.start_next(now, request, app);
        }
    }

    /// How many may be replaced at once: of cluster workers two, if there are more (PM2), of others one.
    fn max_parallel(&self, app: AppId, count: usize) -> usize {
        let spec = self.apps.get(&app).map(|app| &app.spec);
        let is_cluster = spec.is_some_and(|spec| spec.serving.mode == Mode::Cluster);
        if is_cluster && count > 2 { 2 } else { 1 }
    }

    /// This one became that: on to the next, or an end of it.
    pub(crate) fn advance(
        &mut self,
        now: Time,
        request: RequestId,
        (app, id): (AppId, InstanceId),
        became: &Became,
    ) {
        let went_well = matches!(became, Became::Started | Became::Restarted | Became::Finished);
        let rollout = self.goals.get_mut(&request).and_then(|goal| goal.rollouts.get_mut(&app));
        let Some(rollout) = rollout else { return };
        rollout.in_progress.remove(&id);
        if went_well {
            return self.start_next(now, request, app);
        }
        let queue = ::core::mem::take(&mut rollout.queue);
        for next in queue {
            if self.waits(request, next) {
                self.skip_turn(request, next);
            }
        }
        self.start_next(now, request, app);
    }

    fn waits(&self, request: RequestId, id: InstanceId) -> bool {
        let waits = |w: &Waiter| w.request == request && w.awaited == Awaited::Turn;
        self.instances.get(&id).is_some_and(|instance| instance.waiters.iter().any(waits))
    }

    /// As many as may be are being replaced; with none left, the rollout is over.
    fn start_next(&mut self, now: Time, request: RequestId, app: AppId) {
        loop {
            let goal = self.goals.get_mut(&request);
            let Some(goal) = goal else { return };
            let Some(rollout) = goal.rollouts.get_mut(&app) else { return };
            if rollout.in_progress.len() >= rollout.max_parallel {
                return;
            }
            let Some(next) = rollout.queue.pop_front() else {
                if rollout.in_progress.is_empty() {
                    goal.rollouts.remove(&app);
                }
                return;
            };
            if !self.waits(request, next) {
                continue;
            }
            let rollout = self.goals.get_mut(&request).and_then(|goal| goal.rollouts.get_mut(&app));
            if let Some(rollout) = rollout {
                rollout.in_progress.insert(next);
            }
            self.replace(now, request, next);
        }
    }

    /// An app among these that is being reloaded already.
    pub(crate) fn reloading(&self, ids: &[InstanceId]) -> Option<AppName> {
        let mut apps =
            ids.iter().filter_map(|id| self.instances.get(id)).map(|instance| instance.app);
        let busy = |app: &AppId| self.goals.values().any(|goal| goal.rollouts.contains_key(app));
        let found = apps.find(busy);
        found.and_then(|app| self.apps.get(&app)).map(|app| app.spec.name.clone())
    }

    fn replace(&mut self, now: Time, request: RequestId, id: InstanceId) {
        let start =
            StartRequest { now, request, patience: Patience::Settled, from: self.counters.run };
        if let Some(instance) = self.instances.get_mut(&id) {
            instance.replace_overlapping(start);
            self.dirty.insert(id);
        }
    }

    /// Its turn won't come: it goes on as it was.
    fn skip_turn(&mut self, request: RequestId, id: InstanceId) {
        let Some(instance) = self.instances.get_mut(&id) else { return };
        instance.ignore(request);
        let (app, name) = (instance.app, instance.spec.name.clone());
        let outcome = Outcome { instance: id, app, name, became: Became::Unchanged };
        if let Some(goal) = self.goals.get_mut(&request) {
            goal.open.remove(&id);
            goal.outcomes.insert(id, outcome);
            if goal.open.is_empty() {
                self.finished.insert(request);
            }
        }
    }
}
