//! Laws about the order of things: an oracle sees every fact and every order as it is performed.
//!
//! It knows only what crosses the boundary, and keeps the journal the orders write.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pm_spec::{AppSpec, HookStage};

mod announcements;
mod canaries;
mod checks;
mod dependencies;
mod hooks;
mod jobs;
mod outside;
mod reloads;
mod replies;
mod runs;
mod state;
mod streaks;
mod triggers;

use announcements::AnnouncementLaws;
use canaries::CanaryLaws;
use checks::CheckLaws;
use hooks::HookLaws;
use jobs::JobLaws;
use outside::OutsideLaws;
use reloads::ReloadLaws;
use replies::ExpectedReply;
use runs::{RunMark, RunTrace, counted, same_records};
use state::{BrokenLaw, law};
use streaks::ShortRuns;
use triggers::TriggerLaws;

use crate::core::Core;
use crate::end::Cause;
use crate::fact::{Fact, Remaining, SpawnFailure};
use crate::gate::Obstacle;
use crate::id::{AppId, InstanceId, RequestId, RunId, Time};
use crate::order::{Change, Order, Outcome, Reach, Reply, RunSignal, SpawnPlan};
use crate::outside::OutsideThing;
use crate::phase::Want;
use crate::saved::{InstanceRecord, Record, SavedPhase};
use pm_spec::Status;

/// Reading everything back costs more than all other laws together.
const REPLAY_EVERY: u32 = 16;

/// What a reader saw of an instance.
type Seen =
    (Status, bool, Option<RunId>, u32, u32, Option<Time>, (Vec<Obstacle>, Vec<OutsideThing>));

/// Sees everything.
#[derive(Clone, Debug, Default)]
pub(crate) struct Oracle {
    journal: Vec<Record>,
    instances: BTreeMap<InstanceId, InstanceRecord>,
    apps: BTreeMap<AppId, AppSpec>,
    runs: BTreeMap<RunId, RunTrace>,
    last_run: Option<RunId>,
    owed: BTreeMap<RequestId, ExpectedReply>,
    replies: Vec<(RequestId, Vec<Outcome>)>,
    seen: BTreeMap<InstanceId, Seen>,
    told: BTreeSet<InstanceId>,
    /// Runs that were asked to go in this step.
    going: Vec<RunId>,
    short_runs: ShortRuns,
    fact: Option<Fact>,
    triggers: TriggerLaws,
    jobs: JobLaws,
    reloads: ReloadLaws,
    canaries: CanaryLaws,
    checks: CheckLaws,
    announcements: AnnouncementLaws,
    outside: OutsideLaws,
    hooks: HookLaws,
    weighing: bool,
    left: bool,
    steps: u32,
}

impl Oracle {
    /// Has seen nothing yet.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Everything written down so far, compacted.
    pub(crate) fn journal(&self) -> &[Record] {
        &self.journal
    }

    /// Requests nobody has answered, but for those that wait for what runs to end.
    pub(crate) fn owed(&self) -> usize {
        self.owed.values().filter(|owed| owed.is_due()).count()
    }

    /// Whether the daemon was told to leave.
    pub(crate) const fn has_left(&self) -> bool {
        self.left
    }

    /// A fact is about to be told to this core.
    pub(crate) fn fact(&mut self, core: &Core, fact: &Fact) {
        self.triggers.fact(core, fact);
        self.jobs.fact(core, fact);
        self.reloads.fact(core, fact);
        self.canaries.fact(core, fact);
        self.checks.fact(core, fact);
        self.outside.fact(fact);
        self.hooks.fact(fact);
        match fact {
            Fact::Asked(request, ask, _) => {
                self.owed.insert(*request, ExpectedReply::new(core, ask, self.last_run));
            }
            Fact::Withdrawn(request) => {
                self.owed.remove(request);
            }
            Fact::Spawned(..)
            | Fact::Unready(..)
            | Fact::Checked(..)
            | Fact::Outside(..)
            | Fact::MainProcess(..)
            | Fact::Notified(..)
            | Fact::MemoryMeasured(..)
            | Fact::HookOver(..)
            | Fact::ScheduleDue(_)
            | Fact::FileChanged(..)
            | Fact::TimePassed => {}
            Fact::Ready(run) => self.trace(*run, |trace| {
                trace.marks.insert(RunMark::Ready);
            }),
            Fact::WorkersReplaced(run) => self.trace(*run, |trace| {
                trace.marks.insert(RunMark::Replaced);
            }),
            Fact::NotSpawned(run, failure) => {
                self.trace(*run, |trace| trace.marks.extend([RunMark::Over, RunMark::Written]));
                let refused = matches!(failure, SpawnFailure::Refused(_));
                if let Some(trace) = self.runs.get(run).filter(|_| refused) {
                    self.short_runs.refused(trace.instance);
                }
            }
            Fact::Ended(run, _, rest) => {
                let tree = self.spec_of(*run).is_none_or(|spec| spec.stop.tree);
                let over = *rest == Remaining::Nothing || !(tree || self.is_swept(*run));
                self.trace(*run, |trace| {
                    trace.marks.insert(RunMark::Ended);
                    trace.marks.extend(over.then_some(RunMark::Over));
                });
            }
            Fact::TreeGone(run) => self.trace(*run, |trace| {
                let ended = trace.is(RunMark::Ended);
                trace.marks.extend(ended.then_some(RunMark::Over));
            }),
        }
        self.fact = Some(fact.clone());
    }

    /// Whether the main process of this run is gone and its children are waited for.
    fn is_swept(&self, run: RunId) -> bool {
        self.instances.values().flat_map(InstanceRecord::phases).any(
            |phase| matches!(phase, SavedPhase::Stopping { run: own, ended: true, hook: None, .. } if *own == run),
        )
    }

    fn trace(&mut self, run: RunId, change: impl FnOnce(&mut RunTrace)) {
        if let Some(trace) = self.runs.get_mut(&run) {
            change(trace);
        }
    }

    fn spec_of(&self, run: RunId) -> Option<&AppSpec> {
        let trace = self.runs.get(&run)?;
        self.apps.get(&self.instances.get(&trace.instance)?.app)
    }

    /// An order is being performed.
    pub(crate) fn order(&mut self, now: Time, order: &Order) -> Result<(), BrokenLaw> {
        law(!self.left, || format!("nothing after leaving: {order:?}"))?;
        match order {
            Order::Persist(record) => self.remember(now, record),
            Order::Spawn(run, plan) => self.spawn(now, *run, plan),
            Order::Signal(run, sent) => self.signal(now, *run, *sent),
            Order::Hook(run, stage) => self.hook(*run, *stage),
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
            Order::Schedule(..) | Order::Watch(..) => self.triggers.order(order),
            Order::Announce(occasion) => {
                let instance = self.instances.get(&occasion.instance);
                let app = instance.and_then(|instance| self.apps.get(&instance.app));
                self.announcements.order(occasion, (instance, app), self.runs.get(&occasion.run))
            }
            Order::Publish(Change::Changed(id) | Change::Removed(id)) => {
                // One that others depend on, or that depends on others, is looked at again when they have moved.
                let is_alone = self.apps.values().all(|app| app.depends_on.is_empty());
                law(self.told.insert(*id) || !is_alone, || {
                    format!("instance {} is told once a step", id.0)
                })
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

    fn remember(&mut self, now: Time, record: &Record) -> Result<(), BrokenLaw> {
        match record {
            Record::App(app) => {
                self.apps.insert(app.id, AppSpec::clone(&app.spec));
                let grace = app.spec.stop.timeout.as_millis();
                let instances = &self.instances;
                let its = |trace: &&mut RunTrace| {
                    instances.get(&trace.instance).is_some_and(|instance| instance.app == app.id)
                };
                self.runs.values_mut().filter(its).for_each(|run| run.grace = run.grace.min(grace));
            }
            Record::AppGone(id) => drop(self.apps.remove(id)),
            Record::Instance(instance) => {
                let old = self.instances.get(&instance.id);
                let app = self.apps.get(&instance.app);
                self.checks.record(old, (now, instance), app)?;
                self.announcements.record(old, instance, app);
                self.short_runs.judge(old, instance, app.map(|app| &app.restart))?;
                let has_ended = |run| self.runs.get(&run).is_some_and(|it| it.is(RunMark::Ended));
                self.jobs.judge(app, (old, instance), has_ended)?;
                self.reloads.record(old, (now, instance), app)?;
                self.canaries.record(instance);
                if let Some(old) = old {
                    // A reload asked for before comes to it in the moment of another wish.
                    let wished =
                        matches!(self.fact, Some(Fact::Asked(..))) || instance.created == now;
                    counted(old, instance, self.short_runs.most(instance.id), wished)?;
                }
                let asked = matches!(
                    self.fact,
                    Some(Fact::Asked(..) | Fact::ScheduleDue(_) | Fact::FileChanged(..))
                );
                let old = self.instances.insert(instance.id, instance.clone());
                let anew = old.is_none_or(|old| old.created != instance.created);
                if instance.want == Want::Gone {
                    self.triggers.gone(instance.id);
                }
                if anew || (asked && instance.unstable == 0) {
                    self.short_runs.forget(instance);
                }
            }
            Record::InstanceGone(id) => {
                let alive = self
                    .runs
                    .values()
                    .any(|trace| trace.instance == *id && !trace.is(RunMark::Over));
                law(!alive, || format!("instance {} is forgotten when it is gone", id.0))?;
                self.instances.remove(id);
                self.triggers.gone(*id);
            }
            Record::End(id, end) => {
                let known = self.runs.get(&end.run);
                law(known.is_none_or(|t| t.is(RunMark::Ended)), || {
                    format!("run {} ended", end.run.0)
                })?;
                let fresh = known.is_some_and(|trace| !trace.is(RunMark::Written));
                if fresh {
                    self.short_runs.ended(*id, end);
                    // Here nobody asks without a name, so who asked is known over any death of a daemon.
                    let is_asked =
                        matches!(end.cause, Cause::Stopped | Cause::Restarted | Cause::Shutdown);
                    law(end.by.is_some() == is_asked, || {
                        format!("whoever asked is named: {end:?}")
                    })?;
                }
                self.trace(end.run, |trace| {
                    trace.marks.insert(RunMark::Written);
                });
            }
            Record::Counters(_) => {}
        }
        self.journal.push(record.clone());
        Ok(())
    }

    fn spawn(&mut self, now: Time, run: RunId, plan: &SpawnPlan) -> Result<(), BrokenLaw> {
        let broken = |what: &str| format!("spawn of run {}: {what}", run.0);
        law(self.last_run < Some(run), || broken("numbers are never reused"))?;
        self.last_run = Some(run);
        self.triggers.spawn(plan.instance)?;
        self.jobs.spawn(plan)?;
        self.may_begin(now, plan.instance, &plan.app)?;
        let instance = self.instances.get(&plan.instance);
        let intent = instance.is_some_and(|instance| instance.phase == SavedPhase::Starting(run));
        law(intent, || broken("the intent is written down first"))?;
        let second = instance.and_then(|instance| instance.second.as_ref()?.run());
        let mut others = self.runs.iter().filter(|(_, trace)| trace.instance == plan.instance);
        let alone = others.all(|(other, trace)| trace.is(RunMark::Over) || Some(*other) == second);
        law(alone, || broken("never two of one instance, but for a reload"))?;
        let app = instance.and_then(|instance| self.apps.get(&instance.app));
        law(app == Some(&*plan.app), || broken("the app is written down as it is started"))?;
        self.canaries.spawn(run, instance, app)?;
        let same = instance.is_some_and(|s| s.slot == plan.slot && s.restarts == plan.restarts);
        law(same, || broken("the plan says what is written down"))?;
        let trace = RunTrace {
            instance: plan.instance,
            asked: None,
            grace: plan.app.stop.timeout.as_millis(),
            marks: BTreeSet::new(),
            made: Arc::clone(&plan.app),
        };
        self.runs.insert(run, trace);
        Ok(())
    }

    fn signal(&mut self, now: Time, run: RunId, sent: RunSignal) -> Result<(), BrokenLaw> {
        let broken = |what: &str| format!("{sent:?} to run {}: {what}", run.0);
        let spec = self.spec_of(run).cloned();
        if matches!(sent, RunSignal::Stop(..)) {
            self.asked_to_go(run);
        }
        if let Some(trace) = self.runs.get(&run) {
            let instance = self.instances.get(&trace.instance);
            self.reloads.signal(now, (run, sent), instance, spec.as_ref())?;
        }
        let Some(trace) = self.runs.get_mut(&run) else { return law(false, || broken("known")) };
        law(!trace.is(RunMark::Over), || broken("only the living are signalled"))?;
        let instance = self.instances.get(&trace.instance);
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
                law(unwanted || trace.is(RunMark::Ended), || {
                    broken("only the unwanted are asked to go")
                })?;
                law(trace.marks.insert(RunMark::Asked), || broken("once"))?;
                self.hooks.signal(run, trace)?;
                law(spec.as_ref().is_some_and(|s| s.stop.signal == signal), || {
                    broken("as specified")
                })?;
                law(reach == meant, || broken("the whole tree or the leader, as specified"))?;
                // Rules may change while it runs; those hold by which it was asked.
                trace.grace = spec.map_or(trace.grace, |spec| spec.stop.timeout.as_millis());
                trace.asked = trace.asked.or(Some(now));
            }
            RunSignal::Kill(reach) => {
                let due = trace.asked.map(|asked| asked.0.saturating_add(trace.grace));
                law(due.is_some_and(|due| now.0 >= due), || broken("never before its grace"))?;
                law(reach == meant, || broken("the whole tree or the leader, as specified"))?;
            }
            RunSignal::Replace(signal, _) => {
                let stays = !trace.is(RunMark::Ended) && !trace.is(RunMark::Asked);
                law(stays, || broken("only who stays replaces its workers"))?;
                let Some(spec) = spec else { return Ok(()) };
                law(spec.reload_signal == Some(signal), || broken("as specified"))?;
                law(trace.is_made_as(&spec), || broken("it brings all there is to bring"))?;
                trace.marks.remove(&RunMark::Replaced);
            }
            RunSignal::StandBy => {}
            RunSignal::Forward(_) => {
                law(!trace.is(RunMark::Ended), || {
                    broken("a person's signal is for a main process")
                })?;
            }
        }
        Ok(())
    }

    fn hook(&mut self, run: RunId, stage: HookStage) -> Result<(), BrokenLaw> {
        let trace = self.runs.get(&run);
        let mut phases = self.instances.values().flat_map(InstanceRecord::phases);
        let phase = phases.find(|phase| phase.run() == Some(run));
        self.hooks.order((run, stage), trace, phase)
    }

    fn release(&mut self, run: RunId) -> Result<(), BrokenLaw> {
        let broken = |what: &str| format!("release of run {}: {what}", run.0);
        let held = self
            .instances
            .values()
            .flat_map(InstanceRecord::phases)
            .any(|phase| phase.run() == Some(run));
        law(!held, || broken("written down as over"))?;
        let again = matches!(self.fact, Some(Fact::Ended(told, ..)) if told == run);
        if let Some(trace) = self.runs.get_mut(&run) {
            law(trace.is(RunMark::Over) && trace.is(RunMark::Written), || {
                broken("over, and its end is written down")
            })?;
            law(trace.marks.insert(RunMark::Released) || again, || broken("once"))?;
            self.hooks.release(run, trace)?;
        }
        Ok(())
    }

    /// The step is done.
    pub(crate) fn rest(&mut self, now: Time, core: &Core) -> Result<(), BrokenLaw> {
        core.check(now).and_then(|()| self.triggers.rest(core))?;
        self.checks.rest(now, core)?;
        self.went_last(core)?;
        self.jobs.rest(now, core)?;
        self.announcements.rest(now, core)?;
        self.outside.rest(now, core)?;
        self.hooks.rest(core)?;
        for (request, outcomes) in std::mem::take(&mut self.replies) {
            let Some(owed) = self.owed.remove(&request) else { continue };
            let is = |run, mark| self.runs.get(&run).is_some_and(|trace| trace.is(mark));
            owed.kept(now, core, &outcomes, is).map_err(|BrokenLaw(text)| {
                BrokenLaw(format!("reply to {}: {text}: {outcomes:?}", request.0))
            })?;
        }
        let fresh: BTreeMap<InstanceId, Seen> =
            core.instances().map(|instance| (instance.id, seen(&instance))).collect();
        for id in fresh.keys().chain(self.seen.keys()) {
            let same = fresh.get(id) == self.seen.get(id);
            law(same || self.told.contains(id), || format!("changes of {} are told", id.0))?;
        }
        self.seen = fresh;
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
        let over = |instance: &InstanceRecord| {
            matches!(instance.phase, SavedPhase::Down) && instance.second.is_none()
        };
        let done = core.next_deadline().is_none() && self.instances.values().all(over);
        law(!done || self.owed.is_empty(), || "nobody waits when all is quiet".into())
    }

    /// Reading back everything that is written down gives what is.
    fn replay(&mut self, now: Time, core: &Core) -> Result<(), BrokenLaw> {
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
    pub(crate) fn died(&mut self) {
        self.owed.clear();
        self.replies.clear();
        self.told.clear();
        self.going.clear();
        self.seen.clear();
        self.weighing = false;
        self.fact = None;
        self.triggers.died(&self.instances);
        self.jobs.died();
        self.reloads.died();
        self.canaries.died();
        self.checks.died();
        self.announcements.died();
        self.outside.died();
        self.hooks.died();
        for trace in self.runs.values_mut() {
            trace.marks.remove(&RunMark::Asked);
            trace.marks.remove(&RunMark::Released);
        }
        // What had been told but not been written down is unknown to the next daemon, who will be told again.
        for phase in self.instances.values().flat_map(InstanceRecord::phases) {
            let Some(run) = phase.run() else { continue };
            if let Some(trace) = self.runs.get_mut(&run) {
                // But for one whose last command is waited for.
                let stage = Some(HookStage::PostStop);
                if !matches!(phase, SavedPhase::Stopping { hook, .. } if *hook == stage) {
                    trace.marks.remove(&RunMark::Over);
                }
                if !trace.is(RunMark::Written) {
                    trace.marks.remove(&RunMark::Ended);
                }
            }
        }
    }

    /// A daemon was born from the journal; what readers see now is where it begins.
    pub(crate) fn born(&mut self, core: &Core) {
        self.seen = core.instances().map(|instance| (instance.id, seen(&instance))).collect();
    }
}

fn seen(instance: &crate::view::InstanceView<'_>) -> Seen {
    let run = instance.run.map(|(run, _)| run);
    (
        instance.status,
        instance.wanted,
        run,
        instance.restarts,
        instance.unstable,
        instance.next_start,
        (instance.obstacles.to_vec(), instance.outside.to_vec()),
    )
}
