//! The core: one fact in, the orders that follow out.
//!
//! It owns all state and no clock, channel or handle; only instances that a fact or a deadline touches are looked at.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;

use pm_spec::{AppName, AppSpec};

use crate::app::App;
use crate::fact::{Ending, Fact, Remaining};
use crate::id::{AppId, InstanceId, RequestId, RunId, Time};
use crate::instance::{Instance, Retention};
use crate::order::{Change, Order, Outcome, Refused, Reply};
use crate::request::{Goal, Then};
use crate::saved::{Counters, Record};
use crate::triggers::ActiveTriggers;
use crate::view::{Cause, InstanceView};

/// What an instance is found by besides its number, as far as the core's indexes know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct IndexEntry {
    pub(crate) run: Option<RunId>,
    pub(crate) second: Option<RunId>,
    pub(crate) deadline: Option<Time>,
    pub(crate) measured: bool,
    pub(crate) triggers: ActiveTriggers,
}

/// Decides. See the crate's description.
#[derive(Clone, Debug)]
pub struct Core {
    pub(crate) apps: BTreeMap<AppId, App>,
    pub(crate) names: BTreeMap<(AppName, AppName), BTreeSet<AppId>>,
    /// Boxed: a map that only grows at its end is half empty.
    pub(crate) instances: BTreeMap<InstanceId, Box<Instance>>,
    pub(crate) goals: BTreeMap<RequestId, Goal>,
    pub(crate) counters: Counters,
    pub(crate) leaving: bool,
    pub(crate) indexed: BTreeMap<InstanceId, IndexEntry>,
    pub(crate) runs: BTreeMap<RunId, InstanceId>,
    pub(crate) deadlines: BTreeSet<(Time, InstanceId)>,
    pub(crate) measured: usize,
    pub(crate) measuring: bool,
    /// Instances to be looked at in this step.
    pub(crate) dirty: BTreeSet<InstanceId>,
    /// Apps whose senses may have to change in this step.
    pub(crate) triggers_changed: BTreeSet<AppId>,
    /// Requests that may have become true in this step.
    pub(crate) finished: BTreeSet<RequestId>,
}

impl Default for Core {
    fn default() -> Self {
        Self::new()
    }
}

impl Core {
    /// Knows nothing yet.
    pub const fn new() -> Self {
        Self {
            apps: BTreeMap::new(),
            names: BTreeMap::new(),
            instances: BTreeMap::new(),
            goals: BTreeMap::new(),
            counters: Counters { app: AppId(0), instance: InstanceId(0), run: RunId(0) },
            leaving: false,
            indexed: BTreeMap::new(),
            runs: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            measured: 0,
            measuring: false,
            dirty: BTreeSet::new(),
            triggers_changed: BTreeSet::new(),
            finished: BTreeSet::new(),
        }
    }

    /// Takes one fact and appends the orders that follow from it and from `now`.
    ///
    /// The fact comes first: what a person wishes or what ended by itself goes before what is merely due.
    pub fn step(&mut self, now: Time, fact: Fact, orders: &mut Vec<Order>) {
        self.apply(now, fact, orders);
        while let Some((due, id)) = self.deadlines.first().copied().filter(|(due, _)| *due <= now) {
            self.deadlines.remove(&(due, id));
            self.dirty.insert(id);
        }
        while let Some(id) = self.dirty.pop_first() {
            self.settle_instance(now, id, orders);
        }
        self.update_triggers(orders);
        self.answer(orders);
        if (self.measured > 0) != self.measuring {
            self.measuring = !self.measuring;
            orders.push(Order::MeasureMemory(self.measuring));
        }
    }

    /// When to step even if nothing happens. `None`: never.
    pub fn next_deadline(&self) -> Option<Time> {
        if !self.dirty.is_empty() {
            return Some(Time(0));
        }
        self.deadlines.first().map(|(due, _)| *due)
    }

    /// All instances in order of their numbers.
    pub fn instances(&self) -> impl Iterator<Item = InstanceView<'_>> {
        self.instances.values().map(|instance| instance.view())
    }

    /// One instance.
    pub fn instance(&self, id: InstanceId) -> Option<InstanceView<'_>> {
        self.instances.get(&id).map(|instance| instance.view())
    }

    /// The instance a run belongs to; `None` if the run is over or unknown.
    pub fn instance_of_run(&self, run: RunId) -> Option<InstanceView<'_>> {
        self.runs.get(&run).and_then(|id| self.instance(*id))
    }

    fn apply(&mut self, now: Time, fact: Fact, orders: &mut Vec<Order>) {
        match fact {
            Fact::Asked(request, ask) => self.asked(now, request, ask, orders),
            Fact::Withdrawn(request) => self.withdrawn(request),
            Fact::Spawned(run, identity) => {
                self.with_run(run, |instance| instance.spawned(now, identity), |_| {});
            }
            Fact::NotSpawned(run, failure) => {
                self.with_run(run, |instance| instance.not_spawned(now, failure), |_| {});
            }
            Fact::Ready(run) => {
                self.with_run(run, Instance::mark_ready, |_| {});
            }
            Fact::Ended(run, ending, rest) => {
                if !self.ended(now, run, (ending, rest), orders) {
                    // Remembered as over before the daemon died, but its exit was not acknowledged yet.
                    orders.push(Order::Release(run));
                }
            }
            Fact::TreeGone(run) => {
                self.with_run(run, |instance| instance.tree_gone(now), Instance::second_tree_gone);
            }
            Fact::MemoryMeasured(run, used) => {
                self.with_run(run, |instance| instance.memory_measured(used), |_| {});
            }
            Fact::ScheduleDue(app) => self.triggered(now, app, &Cause::Scheduled),
            Fact::FileChanged(app, path) => self.triggered(now, app, &Cause::FileChanged(path)),
            Fact::TimePassed => {}
        }
    }

    /// A main process ended. False if nobody remembers the run.
    fn ended(
        &mut self,
        now: Time,
        run: RunId,
        (ending, rest): (Ending, Remaining),
        orders: &mut Vec<Order>,
    ) -> bool {
        let id = self.runs.get(&run).copied();
        let second = id
            .and_then(|id| self.instances.get(&id))
            .is_some_and(|instance| instance.is_second(run));
        if second {
            self.with_run(run, |_| {}, |instance| instance.second_ended(now, ending, rest, orders))
        } else {
            self.with_run(run, |instance| instance.ended(now, ending, rest, orders), |_| {})
        }
    }

    /// Lets the run's instance know, in one way or, of its second run, in the other. False if nobody remembers the
    /// run; then its number is at least never given out.
    fn with_run(
        &mut self,
        run: RunId,
        tell: impl FnOnce(&mut Instance),
        tell_second: impl FnOnce(&mut Instance),
    ) -> bool {
        let instance = self.runs.get(&run).and_then(|id| self.instances.get_mut(id));
        let Some(instance) = instance else {
            self.counters.run = self.counters.run.max(RunId(run.0.saturating_add(1)));
            return false;
        };
        if instance.is_second(run) {
            tell_second(instance);
        } else {
            tell(instance);
        }
        self.dirty.insert(instance.id);
        true
    }

    /// Brings one instance to rest, answers for it, files it anew.
    fn settle_instance(&mut self, now: Time, id: InstanceId, orders: &mut Vec<Order>) {
        let Some(instance) = self.instances.get_mut(&id) else { return };
        let retention = instance.settle(now, &mut self.counters.run, orders);
        match retention {
            Retention::Keep => instance.check(now),
            Retention::Forget => instance.answer_rest(),
        }
        let answers = ::core::mem::take(&mut instance.answers);
        let (app, name) = (instance.app, instance.spec.name.clone());
        if retention == Retention::Keep && ::core::mem::take(&mut instance.changed) {
            orders.push(Order::Publish(Change::Changed(id)));
        }
        if retention == Retention::Forget {
            self.forget(id, orders);
        }
        self.reindex(id);
        for (request, became) in answers {
            self.record_outcome(
                now,
                request,
                Outcome { instance: id, app, name: name.clone(), became },
            );
        }
    }

    /// Files an instance under its run, deadline and limit as they are now.
    pub(crate) fn reindex(&mut self, id: InstanceId) {
        let new = self.instances.get(&id).map_or_else(IndexEntry::default, |instance| IndexEntry {
            run: instance.phase.run(),
            second: instance.second.as_ref().and_then(|second| second.phase.run()),
            deadline: instance.deadline(),
            measured: instance.is_measured(),
            triggers: self.triggers(instance),
        });
        let old = self.indexed.get(&id).copied().unwrap_or_default();
        if let Some(app) = self.instances.get(&id).map(|instance| instance.app) {
            self.count_triggers(app, old.triggers, new.triggers);
        }
        if (old.run, old.second) != (new.run, new.second) {
            for run in [old.run, old.second].into_iter().flatten() {
                self.runs.remove(&run);
            }
            for run in [new.run, new.second].into_iter().flatten() {
                self.runs.insert(run, id);
            }
        }
        // The old deadline may have been taken out by `step`, so the new one is put in even if it is the same.
        if old.deadline != new.deadline {
            old.deadline.map(|due| self.deadlines.remove(&(due, id)));
        }
        new.deadline.map(|due| self.deadlines.insert((due, id)));
        self.measured = self.measured + usize::from(new.measured) - usize::from(old.measured);
        if self.instances.contains_key(&id) {
            self.indexed.insert(id, new);
        } else {
            self.indexed.remove(&id);
        }
    }

    /// An instance is gone, and with the last one its app.
    fn forget(&mut self, id: InstanceId, orders: &mut Vec<Order>) {
        let Some(instance) = self.instances.remove(&id) else { return };
        let triggers = self.indexed.get(&id).map(|indexed| indexed.triggers).unwrap_or_default();
        self.count_triggers(instance.app, triggers, ActiveTriggers::default());
        orders.push(Order::Persist(Record::InstanceGone(id)));
        if let Some(app) = self.apps.get_mut(&instance.app) {
            app.slots.remove(&instance.slot);
            if app.slots.is_empty() {
                self.remove_name(instance.app);
                if let Some(mut app) = self.apps.remove(&instance.app) {
                    app.drop_triggers(orders);
                }
                orders.push(Order::Persist(Record::AppGone(instance.app)));
            }
        }
        if self.instances.is_empty() {
            self.counters.instance = InstanceId(0);
            orders.push(Order::Persist(Record::Counters(self.counters)));
        }
        orders.push(Order::Publish(Change::Removed(id)));
    }

    /// One instance has become something for a request.
    pub(crate) fn record_outcome(&mut self, now: Time, request: RequestId, outcome: Outcome) {
        let Some(goal) = self.goals.get_mut(&request) else { return };
        goal.open.remove(&outcome.instance);
        if goal.open.is_empty() {
            self.finished.insert(request);
        }
        let (app, id, became) = (outcome.app, outcome.instance, outcome.became.clone());
        goal.outcomes.insert(id, outcome);
        if goal.rollouts.get(&app).is_some_and(|rollout| rollout.in_progress.contains(&id)) {
            self.advance(now, request, (app, id), &became);
        }
    }

    /// Replies to all requests that have become true.
    fn answer(&mut self, orders: &mut Vec<Order>) {
        while let Some(request) = self.finished.pop_first() {
            if self.goals.get(&request).is_none_or(|goal| !goal.open.is_empty()) {
                continue;
            }
            let Some(goal) = self.goals.remove(&request) else { continue };
            if goal.has_client {
                let outcomes = goal.outcomes.into_values().collect();
                orders.push(Order::Reply(request, Reply::Done(outcomes)));
            }
            if goal.then == Then::Leave {
                orders.push(Order::Leave);
            }
        }
    }

    /// Nobody waits for the reply any more. What was wished goes on.
    fn withdrawn(&mut self, request: RequestId) {
        let Some(goal) = self.goals.get_mut(&request) else { return };
        if goal.then == Then::Leave || !goal.rollouts.is_empty() {
            goal.has_client = false;
            return;
        }
        for id in ::core::mem::take(&mut goal.open) {
            if let Some(instance) = self.instances.get_mut(&id) {
                instance.ignore(request);
                self.dirty.insert(id);
            }
        }
        self.goals.remove(&request);
    }

    /// A new app.
    pub(crate) fn add_app(&mut self, mut spec: AppSpec, orders: &mut Vec<Order>) -> AppId {
        let id = self.counters.app;
        self.counters.app = AppId(id.0.saturating_add(1));
        // Apps started one by one from the same shell mostly have the same environment.
        if let Some(before) = self.apps.values().next_back() {
            spec.env.share(&before.spec.env);
        }
        let app = App::new(id, Arc::new(spec));
        orders.push(Order::Persist(Record::App(Box::new(app.record()))));
        self.names.entry(app.key()).or_default().insert(id);
        self.apps.insert(id, app);
        id
    }

    /// A new instance, down, with this number or, if `None`, the next.
    pub(crate) fn add_instance(
        &mut self,
        app: AppId,
        slot: u16,
        id: Option<InstanceId>,
    ) -> Option<&mut Instance> {
        let id = id.unwrap_or(self.counters.instance);
        let app = self.apps.get_mut(&app)?;
        self.counters.instance = self.counters.instance.max(InstanceId(id.0.saturating_add(1)));
        app.slots.insert(slot, id);
        self.dirty.insert(id);
        let instance = Instance::new(id, app.id, slot, Arc::clone(&app.spec));
        Some(self.instances.entry(id).or_insert(Box::new(instance)))
    }

    /// A new spec for an app; what runs goes on with the old one, but is stopped and restarted as the new one says.
    pub(crate) fn set_spec(&mut self, app: AppId, spec: AppSpec, orders: &mut Vec<Order>) {
        let Some(app) = self.apps.get_mut(&app) else { return };
        if *app.spec == spec {
            return;
        }
        let limits = (app.spec.logs.rotation, app.spec.logs.full);
        app.spec = Arc::new(spec);
        let is_retuned = limits != (app.spec.logs.rotation, app.spec.logs.full);
        self.triggers_changed.insert(app.id);
        orders.push(Order::Persist(Record::App(Box::new(app.record()))));
        for id in app.slots.values() {
            if let Some(instance) = self.instances.get_mut(id) {
                instance.spec = Arc::clone(&app.spec);
                instance.changed = true;
                if let Some(run) = instance.phase.run().filter(|_| is_retuned) {
                    orders.push(Order::UpdateLogRules(run, Arc::clone(&app.spec)));
                }
                self.dirty.insert(*id);
            }
        }
    }

    /// A wish is refused: nothing was done.
    pub(crate) fn refuse(&mut self, request: RequestId, why: Refused, orders: &mut Vec<Order>) {
        self.goals.remove(&request);
        orders.push(Order::Reply(request, Reply::Refused(why)));
    }
}
