//! The core: one fact in, the orders that follow out.
//!
//! It owns all state and no clock, channel or handle; only instances that a fact or a deadline touches are looked at.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;

use pm_spec::{AppName, AppSpec, Select};

use crate::app::{ActiveTriggers, App};
use crate::end::Cause;
use crate::fact::Fact;
use crate::graph::DependencyGraph;
use crate::id::{AppId, InstanceId, RequestId, RunId, Time};
use crate::index::{IndexEntry, InstanceIndex};
use crate::instance::{Instance, Retention};
use crate::order::{Change, Order, Outcome, Refused};
use crate::phase::Want;
use crate::request::Requests;
use crate::resolve::Resolver;
use crate::restore::Restored;
use crate::saved::{Counters, Record, SavedApp, SavedInstance};
use crate::view::InstanceView;

/// Decides. See the crate's description.
#[derive(Clone, Debug, Default)]
pub struct Core {
    pub(crate) apps: BTreeMap<AppId, App>,
    pub(crate) names: BTreeMap<(AppName, AppName), BTreeSet<AppId>>,
    /// Boxed: a map that only grows at its end is half empty.
    pub(crate) instances: BTreeMap<InstanceId, Box<Instance>>,
    pub(crate) requests: Requests,
    pub(crate) counters: Counters,
    pub(crate) leaving: bool,
    pub(crate) index: InstanceIndex,
    pub(crate) graph: DependencyGraph,
    pub(crate) measuring: bool,
    /// Instances to be looked at in this step.
    pub(crate) dirty: BTreeSet<InstanceId>,
    /// Apps whose senses may have to change in this step.
    pub(crate) triggers_changed: BTreeSet<AppId>,
}

impl Core {
    /// Knows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// What the records say. The next step (with any fact) goes on where the last daemon stopped, so take it soon.
    pub fn restore(now: Time, records: impl IntoIterator<Item = Record>) -> Self {
        let Restored { counters, apps, instances } = Restored::read(now, records);
        let mut core = Self { apps, instances, counters, ..Self::new() };
        for app in core.apps.values() {
            core.names.entry(app.key()).or_default().insert(app.id);
        }
        core.graph.is_stale = true;
        core.dirty.extend(core.instances.keys().copied());
        for id in core.dirty.clone() {
            core.reindex(id);
        }
        core
    }

    /// Takes one fact and appends the orders that follow from it and from `now`.
    ///
    /// The fact comes first: what a person wishes or what ended by itself goes before what is merely due.
    pub fn step(&mut self, now: Time, fact: Fact, orders: &mut Vec<Order>) {
        self.apply(now, fact, orders);
        while let Some(id) = self.index.take_due(now) {
            self.dirty.insert(id);
        }
        while let Some(id) = self.next_dirty() {
            self.settle_instance(now, id, orders);
        }
        self.update_triggers(orders);
        self.requests.answer(orders);
        if (self.index.measured > 0) != self.measuring {
            self.measuring = !self.measuring;
            orders.push(Order::MeasureMemory(self.measuring));
        }
    }

    /// When to step even if nothing happens. `None`: never.
    pub fn next_deadline(&self) -> Option<Time> {
        if !self.dirty.is_empty() {
            return Some(Time(0));
        }
        self.index.next_deadline()
    }

    /// Whether everything is taken down, and then there is no daemon any more.
    pub const fn is_leaving(&self) -> bool {
        self.leaving
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
        self.index.owner(run).and_then(|id| self.instance(id))
    }

    /// The instances these selectors mean together, in order of number, each once.
    ///
    /// `All` may mean none; any other selector that means none is `NoMatch`.
    pub fn resolve(&self, selects: &[Select]) -> Result<Vec<InstanceId>, Refused> {
        Resolver { apps: &self.apps, instances: &self.instances }.resolve(selects)
    }

    fn apply(&mut self, now: Time, fact: Fact, orders: &mut Vec<Order>) {
        match fact {
            Fact::Asked(request, ask, by) => self.asked(now, (request, by), ask, orders),
            Fact::Withdrawn(request) => self.withdrawn(request),
            Fact::Spawned(run, identity) => {
                self.with_main(run, |instance| instance.spawned(now, identity));
            }
            Fact::MainProcess(run, identity) => {
                self.with_run(run, |instance| instance.main_process(run, identity));
            }
            Fact::NotSpawned(run, failure) => {
                self.with_main(run, |instance| instance.not_spawned(now, failure));
            }
            Fact::Ready(run) => self.with_main(run, Instance::mark_ready),
            Fact::Unready(run, saw) => self.with_main(run, |instance| instance.not_shown(saw)),
            Fact::Checked(run, answer) => {
                self.with_main(run, |instance| instance.checked(now, answer));
            }
            Fact::Outside(id, probe, answer) => {
                if let Some(instance) = self.instances.get_mut(&id) {
                    instance.seen_outside(&probe, answer.err().as_ref());
                    self.dirty.insert(id);
                }
            }
            Fact::Notified(run, what) => {
                self.with_main(run, |instance| instance.notified(now, what));
            }
            Fact::WorkersReplaced(run) => self.with_main(run, Instance::workers_replaced),
            Fact::MemoryMeasured(run, used) => {
                self.with_main(run, |instance| instance.memory_measured(used));
            }
            Fact::Ended(run, ending, rest) => {
                let is_known = self.with_run(run, |instance| {
                    if instance.is_second(run) {
                        instance.second_ended(now, ending, rest, orders);
                    } else {
                        instance.ended(now, ending, rest, orders);
                    }
                });
                if !is_known {
                    // Remembered as over before the daemon died, but its exit was not acknowledged yet.
                    orders.push(Order::Release(run));
                }
            }
            Fact::TreeGone(run) => {
                self.with_run(run, |instance| {
                    if instance.is_second(run) {
                        instance.second_tree_gone(now, orders);
                    } else {
                        instance.tree_gone(now, orders);
                    }
                });
            }
            Fact::HookOver(run, stage) => {
                self.with_run(run, |instance| {
                    if instance.is_second(run) {
                        instance.second_hook_over(now, stage, orders);
                    } else {
                        instance.hook_over(now, (run, stage), orders);
                    }
                });
            }
            Fact::ScheduleDue(app) => self.triggered(now, app, &Cause::Scheduled),
            Fact::FileChanged(app, path) => self.triggered(now, app, &Cause::FileChanged(path)),
            Fact::TimePassed => {}
        }
    }

    /// Lets a run's instance know. False if nobody remembers the run; then its number is at least never given out.
    fn with_run(&mut self, run: RunId, tell: impl FnOnce(&mut Instance)) -> bool {
        let id = self.index.owner(run);
        let instance = id.and_then(|id| self.instances.get_mut(&id));
        let Some(instance) = instance else {
            self.counters.run = self.counters.run.max(RunId(run.0.saturating_add(1)));
            return false;
        };
        tell(instance);
        self.dirty.insert(instance.id);
        true
    }

    /// The same of a run that is not the second one of its instance; what is said of that one is no news.
    fn with_main(&mut self, run: RunId, tell: impl FnOnce(&mut Instance)) {
        self.with_run(run, |instance| {
            if !instance.is_second(run) {
                tell(instance);
            }
        });
    }

    /// Brings one instance to rest, answers for it, files it anew.
    fn settle_instance(&mut self, now: Time, id: InstanceId, orders: &mut Vec<Order>) {
        self.tell_of_neighbours(now, id);
        let Some(instance) = self.instances.get_mut(&id) else { return };
        let retention = instance.settle(now, &mut self.counters.run, orders);
        match retention {
            Retention::Keep => instance.check(now),
            Retention::Forget => instance.answer_rest(),
        }
        // A run beside the one before begins whoever its app needs.
        if instance.phase.run().is_some() {
            instance.gate.obstacles.clear();
        }
        let answers = ::core::mem::take(&mut instance.answers);
        let (app, name) = (instance.app, instance.spec.name.clone());
        if retention == Retention::Keep && ::core::mem::take(&mut instance.changed) {
            orders.push(Order::Publish(Change::Changed(id)));
        }
        if retention == Retention::Forget {
            self.forget(id, orders);
        }
        self.tell_neighbours(now, id);
        self.reindex(id);
        for (request, became) in answers {
            self.record_outcome(
                now,
                request,
                Outcome { instance: id, app, name: name.clone(), became },
            );
        }
    }

    /// Has an instance found as it is now.
    pub(crate) fn reindex(&mut self, id: InstanceId) {
        let Some(instance) = self.instances.get(&id) else { return };
        let triggers = self.triggers(instance);
        let (app, new) = (instance.app, IndexEntry { triggers, ..instance.index_entry() });
        let old = self.index.put(id, Some(new));
        self.count_triggers(app, old.triggers, triggers);
    }

    /// An instance is gone, and with the last one its app.
    fn forget(&mut self, id: InstanceId, orders: &mut Vec<Order>) {
        let Some(instance) = self.instances.remove(&id) else { return };
        let old = self.index.put(id, None);
        self.count_triggers(instance.app, old.triggers, ActiveTriggers::default());
        self.left_the_graph(instance.app, id);
        orders.push(Order::Persist(Record::InstanceGone(id)));
        if let Some(app) = self.apps.get_mut(&instance.app) {
            app.slots.remove(&instance.slot);
            if app.slots.is_empty() {
                self.remove_name(instance.app);
                self.graph.is_stale = true;
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
    fn record_outcome(&mut self, now: Time, request: RequestId, outcome: Outcome) {
        let (app, id, became) = (outcome.app, outcome.instance, outcome.became.clone());
        if self.requests.note(request, outcome) {
            self.advance(now, request, (app, id), &became);
        }
    }

    /// Nobody waits for the reply any more. What was wished goes on.
    fn withdrawn(&mut self, request: RequestId) {
        for id in self.requests.withdraw(request) {
            if let Some(instance) = self.instances.get_mut(&id) {
                instance.ignore(request);
                self.dirty.insert(id);
            }
        }
    }

    /// A new app.
    pub(crate) fn add_app(&mut self, mut spec: AppSpec, orders: &mut Vec<Order>) -> AppId {
        let id = self.counters.app;
        self.counters.app = AppId(id.0.saturating_add(1));
        // Apps started one by one from the same shell mostly have the same environment, and more.
        if let Some(before) = self.apps.values().next_back() {
            spec.share(&before.spec);
        }
        let app = App::new(id, Arc::new(spec));
        orders.push(Order::Persist(Record::App(Box::new(app.record()))));
        self.names.entry(app.key()).or_default().insert(id);
        self.graph.is_stale = true;
        self.apps.insert(id, app);
        id
    }

    /// A new instance, down, with this number or, if `None`, the next.
    pub(crate) fn add_instance(
        &mut self,
        app: AppId,
        slot: u16,
        id: Option<InstanceId>,
    ) -> Option<InstanceId> {
        let id = id.unwrap_or(self.counters.instance);
        let app = self.apps.get_mut(&app)?;
        self.counters.instance = self.counters.instance.max(InstanceId(id.0.saturating_add(1)));
        app.slots.insert(slot, id);
        self.dirty.insert(id);
        let instance = Instance::new(id, app.id, slot, Arc::clone(&app.spec));
        self.instances.entry(id).or_insert(Box::new(instance));
        Some(id)
    }

    /// A new spec for an app; what runs goes on with the old one, but is stopped and restarted as the new one says.
    pub(crate) fn set_spec(&mut self, app: AppId, mut spec: AppSpec, orders: &mut Vec<Order>) {
        self.outdate_runs(app, &spec, orders);
        let Some(app) = self.apps.get_mut(&app) else { return };
        if *app.spec == spec {
            return;
        }
        let limits = (app.spec.logs.rotation, app.spec.logs.full);
        spec.share(&app.spec);
        app.spec = Arc::new(spec);
        let is_retuned = limits != (app.spec.logs.rotation, app.spec.logs.full);
        self.triggers_changed.insert(app.id);
        self.graph.is_stale = true;
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

    /// Everything as records, for a snapshot: `restore` of them is this core without what it owes to clients.
    pub fn records(&self) -> Vec<Record> {
        let mut records = Vec::with_capacity(1 + self.apps.len() + self.instances.len() * 2);
        records.push(Record::Counters(self.counters));
        records.extend(self.apps.values().map(|app| Record::App(Box::new(app.record()))));
        for instance in self.instances.values() {
            records.push(Record::Instance(instance.record()));
            records
                .extend(instance.history.iter().map(|end| Record::End(instance.id, end.clone())));
        }
        records
    }

    /// What `pm save` writes: every app that is not being deleted, and how its instances are wanted.
    pub fn saved_list(&self) -> Vec<SavedApp> {
        let mut list = Vec::with_capacity(self.apps.len());
        for app in self.apps.values() {
            let instances = app.slots.values().filter_map(|id| self.instances.get(id));
            let instances: Vec<SavedInstance> = instances
                .filter(|instance| instance.want != Want::Gone)
                .map(|instance| SavedInstance {
                    id: instance.id,
                    slot: instance.slot,
                    wanted: instance.want.is_up(),
                    resting: instance.resting,
                    done: instance.is_done(),
                })
                .collect();
            if !instances.is_empty() {
                list.push(SavedApp { spec: AppSpec::clone(&app.spec), instances });
            }
        }
        list
    }
}
