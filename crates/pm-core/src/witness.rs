//! Laws about the order of things: a witness sees every fact and every order as it is performed.
//!
//! For tests and debug builds. It knows only what crosses the boundary, and keeps the journal the orders write.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::vec::Vec;

use pm_spec::AppSpec;

use crate::core::Core;
use crate::fact::{Fact, Remaining, SpawnFailure};
use crate::id::{AppId, InstanceId, RequestId, RunId, Time};
use crate::law::{Broken, law};
use crate::order::{Change, Order, Outcome, Reach, Reply, RunSignal, SpawnPlan};
use crate::phase::Want;
use crate::promise::Owed;
use crate::saved::{InstanceRecord, Record, SavedPhase};
use crate::tally::Tally;
use crate::trail::{Mark, Trail, counted, same_records};
use crate::view::Status;
use crate::vigil::Vigil;

/// Reading everything back costs more than all other laws together.
const REPLAY_EVERY: u32 = 16;

/// What a reader saw of an instance.
type Glance = (Status, bool, Option<RunId>, u32, u32, Option<Time>);

/// Sees everything.
#[derive(Clone, Debug, Default)]
pub struct Witness {
    journal: Vec<Record>,
    instances: BTreeMap<InstanceId, InstanceRecord>,
    apps: BTreeMap<AppId, AppSpec>,
    runs: BTreeMap<RunId, Trail>,
    last_run: Option<RunId>,
    owed: BTreeMap<RequestId, Owed>,
    replies: Vec<(RequestId, Vec<Outcome>)>,
    glances: BTreeMap<InstanceId, Glance>,
    told: BTreeSet<InstanceId>,
    tally: Tally,
    fact: Option<Fact>,
    vigil: Vigil,
    weighing: bool,
    left: bool,
    steps: u32,
}

impl Witness {
    /// Has seen nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Everything written down so far, compacted.
    pub fn journal(&self) -> &[Record] {
        &self.journal
    }

    /// Requests nobody has answered.
    pub fn owed(&self) -> usize {
        self.owed.len()
    }

    /// Whether the daemon was told to leave.
    pub const fn has_left(&self) -> bool {
        self.left
    }

    /// A fact is about to be told to this core.
    pub fn fact(&mut self, core: &Core, fact: &Fact) {
        self.vigil.fact(core, fact);
        match fact {
            Fact::Asked(request, ask) => {
                self.owed.insert(*request, Owed::new(core, ask, self.last_run));
            }
            Fact::Withdrawn(request) => {
                self.owed.remove(request);
            }
            Fact::Spawned(..)
            | Fact::MemoryMeasured(..)
            | Fact::ScheduleDue(_)
            | Fact::FileChanged(..)
            | Fact::TimePassed => {}
            Fact::Ready(run) => self.trail(*run, |trail| {
                trail.marks.insert(Mark::Ready);
            }),
            Fact::NotSpawned(run, failure) => {
                self.trail(*run, |trail| trail.marks.extend([Mark::Over, Mark::Written]));
                let refused = matches!(failure, SpawnFailure::Refused(_));
                if let Some(trail) = self.runs.get(run).filter(|_| refused) {
                    self.tally.refused(trail.instance);
                }
            }
            Fact::Ended(run, _, rest) => {
                let tree = self.spec_of(*run).is_none_or(|spec| spec.stop.tree);
                let over = *rest == Remaining::Nothing || !(tree || self.is_swept(*run));
                self.trail(*run, |trail| {
                    trail.marks.insert(Mark::Ended);
                    trail.marks.extend(over.then_some(Mark::Over));
                });
            }
            Fact::TreeGone(run) => self.trail(*run, |trail| {
                let ended = trail.is(Mark::Ended);
                trail.marks.extend(ended.then_some(Mark::Over));
            }),
        }
        self.fact = Some(fact.clone());
    }

    /// Whether the main process of this run is gone and its children are waited for.
    fn is_swept(&self, run: RunId) -> bool {
        self.instances.values().flat_map(InstanceRecord::phases).any(
            |phase| matches!(phase, SavedPhase::Stopping { run: own, ended: true, .. } if *own == run),
        )
    }

    fn trail(&mut self, run: RunId, change: impl FnOnce(&mut Trail)) {
        if let Some(trail) = self.runs.get_mut(&run) {
            change(trail);
        }
    }

    fn spec_of(&self, run: RunId) -> Option<&AppSpec> {
        let trail = self.runs.get(&run)?;
        self.apps.get(&self.instances.get(&trail.instance)?.app)
    }

    /// An order is being performed.
    pub fn order(&mut self, now: Time, order: &Order) -> Result<(), Broken> {
        law(!self.left, || format!("nothing after leaving: {order:?}"))?;
        match order {
            Order::Persist(record) => self.remember(now, record),
            Order::Spawn(run, plan) => self.spawn(*run, plan),
            Order::Signal(run, sent) => self.signal(now, *run, *sent),
            Order::Release(run) => self.release(*run),
            Order::UpdateLogRules(run, spec) => {
                let same = self.spec_of(*run) == Some(&**spec);
                law(same, || format!("run {} is retuned as is written down", run.0))
            }
            Order::MeasureMemory(weigh) => {
                law(*weigh != self.weighing, || "weighing is ordered when it changes".into())?;
                self.weighing = *weigh;
                Ok(())
            }
            Order::Schedule(..) | Order::Watch(..) => self.vigil.order(order),
            Order::Publish(Change::Changed(id) | Change::Removed(id)) => {
                law(self.told.insert(*id), || format!("instance {} is told once a step", id.0))
            }
            Order::Reply(request, reply) => {
                let open = self.owed.contains_key(request);
                law(open, || format!("request {} is answered once", request.0))?;
                match reply {
                    Reply::Done(outcomes) => self.replies.push((*request, outcomes.clone())),
                    Reply::Refused(_) => {
                        self.owed.remove(request);
                    }
                }
                Ok(())
            }
            Order::Leave => {
                self.left = true;
                Ok(())
            }
        }
    }

    fn remember(&mut self, now: Time, record: &Record) -> Result<(), Broken> {
        match record {
            Record::App(app) => {
                self.apps.insert(app.id, AppSpec::clone(&app.spec));
                let grace = app.spec.stop.timeout.as_millis();
                let instances = &self.instances;
                let its = |trail: &&mut Trail| {
                    instances.get(&trail.instance).is_some_and(|instance| instance.app == app.id)
                };
                self.runs.values_mut().filter(its).for_each(|run| run.grace = run.grace.min(grace));
            }
            Record::AppGone(id) => {
                self.apps.remove(id);
            }
            Record::Instance(instance) => {
                let old = self.instances.get(&instance.id);
                let rules = self.apps.get(&instance.app).map(|app| &app.restart);
                self.tally.judge(old, instance, rules)?;
                if let Some(old) = old {
                    // A reload asked for before comes to it in the moment of another wish.
                    let wished =
                        matches!(self.fact, Some(Fact::Asked(..))) || instance.created == now;
                    counted(old, instance, self.tally.most(instance.id), wished)?;
                }
                let asked = matches!(
                    self.fact,
                    Some(Fact::Asked(..) | Fact::ScheduleDue(_) | Fact::FileChanged(..))
                );
                let old = self.instances.insert(instance.id, instance.clone());
                let anew = old.is_none_or(|old| old.created != instance.created);
                if instance.want == Want::Gone {
                    self.vigil.gone(instance.id);
                }
                if anew || (asked && instance.unstable == 0) {
                    self.tally.forget(instance);
                }
            }
            Record::InstanceGone(id) => {
                let alive =
                    self.runs.values().any(|trail| trail.instance == *id && !trail.is(Mark::Over));
                law(!alive, || format!("instance {} is forgotten when it is gone", id.0))?;
                self.instances.remove(id);
                self.vigil.gone(*id);
            }
            Record::End(id, end) => {
                let known = self.runs.get(&end.run);
                law(known.is_none_or(|t| t.is(Mark::Ended)), || {
                    format!("run {} ended", end.run.0)
                })?;
                let fresh = known.is_some_and(|trail| !trail.is(Mark::Written));
                if fresh {
                    self.tally.ended(*id, end);
                }
                self.trail(end.run, |trail| {
                    trail.marks.insert(Mark::Written);
                });
            }
            Record::Counters(_) => {}
        }
        self.journal.push(record.clone());
        Ok(())
    }

    fn spawn(&mut self, run: RunId, plan: &SpawnPlan) -> Result<(), Broken> {
        let broken = |what: &str| format!("spawn of run {}: {what}", run.0);
        law(self.last_run < Some(run), || broken("numbers are never reused"))?;
        self.last_run = Some(run);
        self.vigil.spawn(plan.instance)?;
        let instance = self.instances.get(&plan.instance);
        let intent = instance.is_some_and(|instance| instance.phase == SavedPhase::Starting(run));
        law(intent, || broken("the intent is written down first"))?;
        let second = instance.and_then(|instance| instance.second.as_ref()?.run());
        let mut others = self.runs.iter().filter(|(_, trail)| trail.instance == plan.instance);
        let alone = others.all(|(other, trail)| trail.is(Mark::Over) || Some(*other) == second);
        law(alone, || broken("never two of one instance, but for a reload"))?;
        let app = instance.and_then(|instance| self.apps.get(&instance.app));
        law(app == Some(&*plan.app), || broken("the app is written down as it is started"))?;
        let same = instance.is_some_and(|s| s.slot == plan.slot && s.restarts == plan.restarts);
        law(same, || broken("the plan says what is written down"))?;
        let trail = Trail {
            instance: plan.instance,
            asked: None,
            grace: plan.app.stop.timeout.as_millis(),
            marks: BTreeSet::new(),
        };
        self.runs.insert(run, trail);
        Ok(())
    }

    fn signal(&mut self, now: Time, run: RunId, sent: RunSignal) -> Result<(), Broken> {
        let broken = |what: &str| format!("{sent:?} to run {}: {what}", run.0);
        let spec = self.spec_of(run).cloned();
        let Some(trail) = self.runs.get_mut(&run) else { return law(false, || broken("known")) };
        law(!trail.is(Mark::Over), || broken("only the living are signalled"))?;
        let instance = self.instances.get(&trail.instance);
        let tree = spec.as_ref().is_some_and(|spec| spec.stop.tree);
        let meant = if tree { Reach::Tree } else { Reach::Leader };
        match sent {
            RunSignal::Stop(signal, reach) | RunSignal::Drain(signal, reach) => {
                // Another one may be wanted already while this one is on its way out.
                let on_its_way = |instance: &InstanceRecord| {
                    matches!(instance.phase, SavedPhase::Stopping { .. })
                };
                let second = |instance: &InstanceRecord| {
                    instance.second.as_ref().and_then(SavedPhase::run) == Some(run)
                };
                let unwanted = instance.is_some_and(|instance| {
                    instance.want != Want::Up || on_its_way(instance) || second(instance)
                });
                law(unwanted || trail.is(Mark::Ended), || {
                    broken("only the unwanted are asked to go")
                })?;
                law(trail.marks.insert(Mark::Asked), || broken("once"))?;
                law(spec.as_ref().is_some_and(|s| s.stop.signal == signal), || {
                    broken("as specified")
                })?;
                law(reach == meant, || broken("the whole tree or the leader, as specified"))?;
                // Rules may change while it runs; those hold by which it was asked.
                trail.grace = spec.map_or(trail.grace, |spec| spec.stop.timeout.as_millis());
                trail.asked = trail.asked.or(Some(now));
            }
            RunSignal::Kill(reach) => {
                let due = trail.asked.map(|asked| asked.0.saturating_add(trail.grace));
                law(due.is_some_and(|due| now.0 >= due), || broken("never before its grace"))?;
                law(reach == meant, || broken("the whole tree or the leader, as specified"))?;
            }
            RunSignal::Forward(_) => {
                law(!trail.is(Mark::Ended), || broken("a person's signal is for a main process"))?;
            }
        }
        Ok(())
    }

    fn release(&mut self, run: RunId) -> Result<(), Broken> {
        let broken = |what: &str| format!("release of run {}: {what}", run.0);
        let held = self
            .instances
            .values()
            .flat_map(InstanceRecord::phases)
            .any(|phase| phase.run() == Some(run));
        law(!held, || broken("written down as over"))?;
        let again = matches!(self.fact, Some(Fact::Ended(told, ..)) if told == run);
        if let Some(trail) = self.runs.get_mut(&run) {
            law(trail.is(Mark::Over) && trail.is(Mark::Written), || {
                broken("over, and its end is written down")
            })?;
            law(trail.marks.insert(Mark::Released) || again, || broken("once"))?;
        }
        Ok(())
    }

    /// The step is done.
    pub fn rest(&mut self, now: Time, core: &Core) -> Result<(), Broken> {
        core.check(now).and_then(|()| self.vigil.rest(core))?;
        for (request, outcomes) in ::core::mem::take(&mut self.replies) {
            let Some(owed) = self.owed.remove(&request) else { continue };
            let ready = |run| self.runs.get(&run).is_some_and(|trail| trail.is(Mark::Ready));
            owed.kept(now, core, &outcomes, ready).map_err(|Broken(text)| {
                Broken(format!("reply to {}: {text}: {outcomes:?}", request.0))
            })?;
        }
        let fresh: BTreeMap<InstanceId, Glance> =
            core.instances().map(|instance| (instance.id, glance(&instance))).collect();
        for id in fresh.keys().chain(self.glances.keys()) {
            let same = fresh.get(id) == self.glances.get(id);
            law(same || self.told.contains(id), || format!("changes of {} are told", id.0))?;
        }
        self.glances = fresh;
        self.told.clear();
        for instance in core.instances.values() {
            let written = self.instances.get(&instance.id);
            law(written == Some(&instance.record()), || {
                format!("what is written down is what is: {written:?} {:?}", instance.record())
            })?;
        }
        law(core.instances.len() == self.instances.len(), || {
            "who is forgotten is written down".into()
        })?;
        self.steps += 1;
        if self.steps.is_multiple_of(REPLAY_EVERY) {
            self.replay(now, core)?;
        }
        let over = |instance: &InstanceRecord| matches!(instance.phase, SavedPhase::Down);
        let done = core.next_deadline().is_none() && self.instances.values().all(over);
        law(!done || self.owed.is_empty(), || "nobody waits when all is quiet".into())
    }

    /// Reading back everything that is written down gives what is.
    fn replay(&mut self, now: Time, core: &Core) -> Result<(), Broken> {
        let replayed = Core::restore(now, self.journal.iter().cloned()).records();
        let records = core.records();
        law(same_records(&replayed, &records), || {
            format!("what is read back is what is:\n {replayed:?}\n {records:?}")
        })?;
        let again = Core::restore(now, records.iter().cloned()).records();
        law(again == records, || format!("a snapshot is the whole:\n {again:?}\n {records:?}"))?;
        self.journal = records;
        Ok(())
    }

    /// The daemon died: clients are gone, the journal stays.
    pub fn died(&mut self) {
        self.owed.clear();
        self.replies.clear();
        self.told.clear();
        self.glances.clear();
        self.weighing = false;
        self.fact = None;
        self.vigil.died(&self.instances);
        for trail in self.runs.values_mut() {
            trail.marks.remove(&Mark::Asked);
            trail.marks.remove(&Mark::Released);
        }
        // What had been told but not been written down is unknown to the next daemon, who will be told again.
        for phase in self.instances.values().flat_map(InstanceRecord::phases) {
            let Some(run) = phase.run() else { continue };
            if let Some(trail) = self.runs.get_mut(&run) {
                trail.marks.remove(&Mark::Over);
                if !trail.is(Mark::Written) {
                    trail.marks.remove(&Mark::Ended);
                }
            }
        }
    }

    /// A daemon was born from the journal; what readers see now is where it begins.
    pub fn born(&mut self, core: &Core) {
        self.glances = core.instances().map(|instance| (instance.id, glance(&instance))).collect();
    }
}

fn glance(instance: &crate::view::InstanceView<'_>) -> Glance {
    let run = instance.run.map(|(run, _)| run);
    (
        instance.status,
        instance.wanted,
        run,
        instance.restarts,
        instance.unstable,
        instance.next_start,
    )
}
