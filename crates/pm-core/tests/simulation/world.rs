//! Performs orders as the daemon and the kernel would, and knows what is really true.

use std::collections::{BTreeMap, BTreeSet};

use pm_core::{
    AppId, Ask, Core, Ending, Existing, Fact, InstanceId, Notified, Order, Patience, Record,
    Remaining, RequestId, RunId, RunSignal, SavedApp, SpawnFailure, Time,
};
use pm_spec::{
    AppName, ByteString, Bytes, Environment, HookStage, Mode, Reload, ReloadOrder, Rename, Restart,
    Scale, Select, Signal, Span, Start,
};

mod rest;

use super::common::identity;
use super::schedule::{Answer, Children, Pick, Schedule, Script, Spawning, What, name, select};
use crate::oracle::Oracle;

/// A schedule that takes more steps than this never comes to rest.
const STEPS: usize = 20_000;

#[derive(Clone, Copy, Debug)]
enum Event {
    Exec(RunId),
    Ready(RunId),
    Weigh(RunId, u64),
    Answer(RunId, Answer),
    Leave(RunId),
    End(RunId, Ending),
    Sweep(RunId),
    Replaced(RunId),
    Act(usize),
    /// An instance waits for it at this place of its list: it comes, or does not.
    Outside(InstanceId, usize, bool),
    /// A command that goes with a run ends; nobody wants it any more.
    Hook(RunId, HookStage),
    Dropped(RunId, HookStage),
    Birth,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Truth {
    /// The spawner is at it.
    Making,
    /// There never was a process.
    Never,
    Alive,
    /// The main process is gone, children live.
    Orphaned(Ending),
    Gone(Ending),
}

#[derive(Debug)]
struct Puppet {
    app: AppId,
    instance: InstanceId,
    script: Script,
    truth: Truth,
    acknowledged: bool,
    tree: bool,
    overlaps: bool,
}

/// The world.
pub(crate) struct World<'a> {
    schedule: &'a Schedule,
    now: Time,
    sequence: u64,
    events: BTreeMap<(Time, u64), Event>,
    processes: BTreeMap<RunId, Puppet>,
    core: Option<Core>,
    oracle: Oracle,
    requests: u64,
    deaths: usize,
    fuse: Option<u32>,
    saved: Vec<SavedApp>,
    backlog: Vec<usize>,
    /// Apps whose schedule is kept, and whose files are watched.
    clocked: BTreeSet<AppId>,
    watched: BTreeSet<AppId>,
    /// Who is known to wait for something outside, and since when.
    waiting: BTreeMap<InstanceId, Time>,
    /// Commands that run.
    hooks: BTreeSet<(RunId, HookStage)>,
    /// What happened, for people; only filled if asked for.
    pub(crate) log: Option<Vec<String>>,
}

/// Runs a schedule to its end; the broken law if there is one.
pub(crate) fn run(
    schedule: &Schedule,
    log: Option<Vec<String>>,
) -> (Result<(), String>, Vec<String>) {
    let mut world = World {
        schedule,
        now: Time(1_000_000),
        sequence: 0,
        events: BTreeMap::new(),
        processes: BTreeMap::new(),
        core: Some(Core::new()),
        oracle: Oracle::new(),
        requests: 0,
        deaths: 0,
        fuse: schedule.deaths.first().map(|death| death.orders),
        saved: Vec::new(),
        backlog: Vec::new(),
        clocked: BTreeSet::new(),
        watched: BTreeSet::new(),
        waiting: BTreeMap::new(),
        hooks: BTreeSet::new(),
        log,
    };
    let result = world.play();
    (result, world.log.unwrap_or_default())
}

impl World<'_> {
    fn play(&mut self) -> Result<(), String> {
        self.at(0, Event::Act(0));
        for _ in 0..STEPS {
            if self.oracle.has_left() {
                return self.left();
            }
            let due = self.core.as_ref().and_then(Core::next_deadline);
            let next = self.events.first_key_value().map(|((time, _), _)| *time);
            match (next, due) {
                (None, None) => return self.quiet(),
                (Some(time), due) if due.is_none_or(|due| time <= due) => {
                    self.now = self.now.max(time);
                    if let Some((_, event)) = self.events.pop_first() {
                        self.happen(event)?;
                    }
                }
                (_, due) => {
                    self.now = self.now.max(due.unwrap_or(self.now));
                    self.tell(Fact::TimePassed)?;
                }
            }
        }
        Err("it never comes to rest".into())
    }

    fn at(&mut self, after: u64, event: Event) {
        self.sequence += 1;
        self.events.insert((Time(self.now.0 + after), self.sequence), event);
    }

    fn note(&mut self, text: impl FnOnce() -> String) {
        let now = self.now.0;
        if let Some(log) = &mut self.log {
            log.push(format!("{now}: {}", text()));
        }
    }

    /// One step of the core, its orders performed one by one; the daemon may die before any of them.
    fn tell(&mut self, fact: Fact) -> Result<(), String> {
        let Some(mut core) = self.core.take() else { return Ok(()) };
        self.note(|| format!("{fact:?}"));
        self.oracle.fact(&core, &fact);
        let mut orders = Vec::new();
        core.step(self.now, fact, &mut orders);
        for order in &orders {
            match &mut self.fuse {
                Some(0) => {
                    self.die();
                    return Ok(());
                }
                Some(left) => *left -= 1,
                None => {}
            }
            self.note(|| format!("    {order:?}"));
            self.oracle.order(self.now, order).map_err(|broken| broken.to_string())?;
            self.perform(order)?;
        }
        self.oracle.rest(self.now, &core).map_err(|broken| broken.to_string())?;
        self.ask_outside(&core);
        self.tend_hooks(&core);
        self.core = Some(core);
        Ok(())
    }

    /// Who begins to wait for something outside has asked for it until it is there.
    fn ask_outside(&mut self, core: &Core) {
        let waits = |id: &InstanceId| core.instance(*id).is_some_and(|it| !it.outside.is_empty());
        self.waiting.retain(|id, _| waits(id));
        for instance in core.instances().filter(|it| !it.outside.is_empty()) {
            if self.waiting.insert(instance.id, self.now).is_some() {
                continue;
            }
            let mut setups = (0..).zip(&self.schedule.apps);
            let setup = setups.find(|(number, _)| name(*number) == instance.app.name);
            for (at, thing) in setup.iter().flat_map(|(_, it)| &it.outside).enumerate() {
                self.at(1, Event::Outside(instance.id, at, false));
                if let Some(after) = thing.comes {
                    self.at(after.max(1), Event::Outside(instance.id, at, true));
                }
            }
        }
    }

    fn outside(&mut self, id: InstanceId, at: usize, is_there: bool) -> Result<(), String> {
        let instance = self.core.as_ref().and_then(|core| core.instance(id));
        let Some(thing) = instance.and_then(|it| it.outside.get(at)) else { return Ok(()) };
        let answer = if is_there { Ok(()) } else { Err("connection refused".into()) };
        self.tell(Fact::Outside(id, thing.need.question.probe.clone(), answer))
    }

    /// Commands that nobody waits for any more are ended, which is told a little later.
    fn tend_hooks(&mut self, core: &Core) {
        let is_unwanted = |(run, stage): &(RunId, HookStage)| !core.wants_hook(*run, *stage);
        for hook in self.hooks.clone().into_iter().filter(is_unwanted) {
            self.hooks.remove(&hook);
            self.at(1, Event::Dropped(hook.0, hook.1));
        }
    }

    fn die(&mut self) {
        self.note(|| "the daemon dies".into());
        self.oracle.died();
        self.clocked.clear();
        self.watched.clear();
        self.waiting.clear();
        self.hooks.clear();
        for process in self.processes.values_mut() {
            // What has no process and no exit is dropped by the next daemon's adoption.
            if matches!(process.truth, Truth::Making | Truth::Never) {
                process.truth = Truth::Never;
                process.acknowledged = true;
            }
        }
        let down = self.schedule.deaths.get(self.deaths).map_or(0, |death| death.down);
        self.deaths += 1;
        self.fuse = self.schedule.deaths.get(self.deaths).map(|death| death.orders);
        self.at(down, Event::Birth);
    }

    /// The next daemon: journal, then what the guardian and the process table know.
    fn birth(&mut self) -> Result<(), String> {
        let core = Core::restore(self.now, self.oracle.journal().iter().cloned());
        let journal = self.log.is_some().then(|| format!("{:?}", self.oracle.journal()));
        self.note(|| format!("a daemon is born: {}", journal.unwrap_or_default()));
        self.oracle.born(&core);
        let remembered: Vec<_> = core
            .instances()
            .flat_map(|instance| [instance.run, instance.second])
            .flatten()
            .collect();
        let mut facts = Vec::new();
        for (run, known) in &remembered {
            let unspoken = known.is_none() && run.0.is_multiple_of(2);
            match self.processes.get(run).map(|process| process.truth) {
                None | Some(Truth::Making | Truth::Never) => {
                    facts.push(Fact::NotSpawned(*run, SpawnFailure::Interrupted));
                }
                Some(Truth::Alive) if known.is_none() => {
                    facts.push(Fact::Spawned(*run, identity(*run)));
                }
                Some(Truth::Alive) => {}
                Some(Truth::Orphaned(ending)) => {
                    facts.extend(unspoken.then(|| Fact::Spawned(*run, identity(*run))));
                    facts.push(Fact::Ended(*run, ending, Remaining::Stragglers));
                }
                Some(Truth::Gone(ending)) => {
                    facts.extend(unspoken.then(|| Fact::Spawned(*run, identity(*run))));
                    facts.push(Fact::Ended(*run, ending, Remaining::Nothing));
                }
            }
        }
        let knows = |run: &RunId| remembered.iter().any(|(known, _)| known == run);
        for (run, process) in
            self.processes.iter().filter(|(run, p)| !p.acknowledged && !knows(run))
        {
            match process.truth {
                Truth::Gone(ending) => facts.push(Fact::Ended(*run, ending, Remaining::Nothing)),
                Truth::Orphaned(ending) => {
                    facts.push(Fact::Ended(*run, ending, Remaining::Stragglers));
                }
                Truth::Making | Truth::Never | Truth::Alive => {}
            }
        }
        for number in std::mem::take(&mut self.backlog) {
            self.at(1, Event::Act(number));
        }
        self.core = Some(core);
        facts.into_iter().try_for_each(|fact| self.tell(fact))?;
        self.tell(Fact::TimePassed)
    }

    fn perform(&mut self, order: &Order) -> Result<(), String> {
        match order {
            Order::Spawn(run, plan) => {
                // In a reload of a cluster worker there may be one, whatever it is to be by now.
                let others = self.processes.iter().filter(|(_, process)| {
                    process.instance == plan.instance
                        && (matches!(process.truth, Truth::Making | Truth::Alive)
                            || (process.tree && matches!(process.truth, Truth::Orphaned(_))))
                });
                let others: Vec<_> = others.collect();
                let allowed = usize::from(others.iter().all(|(_, one)| one.overlaps));
                if let Some((other, _)) = others.get(allowed) {
                    return Err(format!("run {} beside run {}", run.0, other.0));
                }
                let script = self.schedule.scripts.get(self.processes.len());
                let script = script.unwrap_or(&Script::GOOD).clone();
                self.at(script.after, Event::Exec(*run));
                let (instance, tree) = (plan.instance, plan.app.stop.tree);
                let truth = Truth::Making;
                let app = plan.app_id;
                let is_worker = plan.app.serving.mode == Mode::Cluster;
                let is_first = plan.app.reload.order == ReloadOrder::StartFirst;
                let overlaps = is_worker || !plan.app.listen.is_empty() || is_first;
                let acknowledged = false;
                let process = Puppet { app, instance, script, truth, acknowledged, tree, overlaps };
                self.processes.insert(*run, process);
            }
            Order::Persist(Record::App(record)) => {
                // A rule that may change while it runs.
                let tree = record.spec.stop.tree;
                for process in self.processes.values_mut().filter(|one| one.app == record.id) {
                    // Children who were left behind by the old rule stay so by the new one.
                    let is_over = matches!(process.truth, Truth::Orphaned(_) | Truth::Gone(_));
                    process.tree = tree && (process.tree || !is_over);
                }
            }
            Order::Signal(run, RunSignal::Stop(..) | RunSignal::Drain(..)) => {
                self.signalled(*run, false);
            }
            Order::Signal(run, RunSignal::Kill(_)) => self.signalled(*run, true),
            Order::Signal(run, RunSignal::Replace(..)) => {
                let process = self.processes.get(run).filter(|it| it.truth == Truth::Alive);
                if let Some(after) = process.and_then(|process| process.script.replaces) {
                    self.at(after, Event::Replaced(*run));
                }
            }
            Order::Hook(run, stage) => {
                let script = self.processes.get(run).map(|process| &process.script);
                let takes = script.map_or(1, |script| script.hook);
                self.hooks.insert((*run, *stage));
                self.at(takes, Event::Hook(*run, *stage));
            }
            Order::Release(run) => {
                if let Some(process) = self.processes.get_mut(run) {
                    process.acknowledged = true;
                }
            }
            Order::Schedule(app, Some(_)) => drop(self.clocked.insert(*app)),
            Order::Schedule(app, None) => drop(self.clocked.remove(app)),
            Order::Watch(app, Some(_)) => drop(self.watched.insert(*app)),
            Order::Watch(app, None) => drop(self.watched.remove(app)),
            Order::Signal(_, RunSignal::Forward(_) | RunSignal::StandBy)
            | Order::Persist(_)
            | Order::MeasureMemory(_)
            | Order::UpdateLogRules(..)
            | Order::Announce(_)
            | Order::Publish(_)
            | Order::Reply(..)
            | Order::Leave => {}
        }
        Ok(())
    }

    fn signalled(&mut self, run: RunId, force: bool) {
        let Some(process) = self.processes.get(&run) else { return };
        let (truth, script) = (process.truth, process.script.clone());
        let after = if force { script.on_force } else { script.on_ask };
        let ending =
            if force { Ending::Signaled { signal: 9, core: false } } else { script.ending };
        match (truth, after) {
            (Truth::Alive, Some(after)) => self.at(after, Event::End(run, ending)),
            (Truth::Orphaned(_), Some(after)) => self.at(after, Event::Sweep(run)),
            _ => {}
        }
    }

    fn happen(&mut self, event: Event) -> Result<(), String> {
        match event {
            Event::Exec(run) => self.exec(run),
            Event::Ready(run) if self.truth(run) == Some(Truth::Alive) => {
                self.tell(Fact::Ready(run))
            }
            Event::Replaced(run) if self.truth(run) == Some(Truth::Alive) => {
                self.tell(Fact::WorkersReplaced(run))
            }
            Event::Weigh(run, used) if self.truth(run) == Some(Truth::Alive) => {
                self.tell(Fact::MemoryMeasured(run, Bytes::new(used)))
            }
            Event::Answer(run, answer) if self.truth(run) == Some(Truth::Alive) => {
                self.tell(match answer {
                    Answer::Unready => Fact::Unready(run, "it is not ready".into()),
                    Answer::Good => Fact::Checked(run, Ok(())),
                    Answer::Bad => Fact::Checked(run, Err("it is not well".into())),
                    Answer::Alive => Fact::Notified(run, Notified::Alive),
                    Answer::Unwell => Fact::Notified(run, Notified::Unwell),
                })
            }
            Event::Leave(run) if self.truth(run) == Some(Truth::Alive) => {
                self.tell(Fact::Notified(run, Notified::Leaves))
            }
            Event::End(run, ending) if self.truth(run) == Some(Truth::Alive) => {
                let children = self.processes.get(&run).map(|process| process.script.children);
                let (truth, rest) = match children {
                    Some(Children::Staying | Children::Leaving(_)) => {
                        (Truth::Orphaned(ending), Remaining::Stragglers)
                    }
                    Some(Children::Nobody) | None => (Truth::Gone(ending), Remaining::Nothing),
                };
                self.set(run, truth);
                if let Some(Children::Leaving(after)) = children {
                    self.at(after, Event::Sweep(run));
                }
                self.tell(Fact::Ended(run, ending, rest))
            }
            Event::Sweep(run) => {
                let Some(Truth::Orphaned(ending)) = self.truth(run) else { return Ok(()) };
                self.set(run, Truth::Gone(ending));
                self.tell(Fact::TreeGone(run))
            }
            Event::Act(number) => self.act(number),
            Event::Outside(id, at, is_there) => self.outside(id, at, is_there),
            Event::Hook(run, stage) if self.hooks.remove(&(run, stage)) => {
                self.tell(Fact::HookOver(run, stage))
            }
            Event::Dropped(run, stage) if !self.hooks.contains(&(run, stage)) => {
                self.tell(Fact::HookOver(run, stage))
            }
            Event::Birth => self.birth(),
            Event::Ready(_)
            | Event::Replaced(_)
            | Event::Weigh(..)
            | Event::Answer(..)
            | Event::Leave(_)
            | Event::Hook(..)
            | Event::Dropped(..)
            | Event::End(..) => Ok(()),
        }
    }

    fn truth(&self, run: RunId) -> Option<Truth> {
        self.processes.get(&run).map(|process| process.truth)
    }

    fn set(&mut self, run: RunId, truth: Truth) {
        if let Some(process) = self.processes.get_mut(&run) {
            process.truth = truth;
        }
    }

    /// Whether it has to give signs of life.
    fn is_guarded(&self, run: RunId) -> bool {
        let instance = self.core.as_ref().and_then(|core| core.instance_of_run(run));
        instance.is_some_and(|instance| instance.app.checks.watchdog.is_some())
    }

    fn exec(&mut self, run: RunId) -> Result<(), String> {
        let Some(process) = self.processes.get_mut(&run) else { return Ok(()) };
        if process.truth != Truth::Making {
            return Ok(());
        }
        let script = process.script.clone();
        let failure = match script.spawns {
            Spawning::Well => None,
            Spawning::Refused => Some(SpawnFailure::Refused("no such file".into())),
            Spawning::Short => Some(SpawnFailure::Short("no memory".into())),
        };
        if let Some(failure) = failure {
            process.truth = Truth::Never;
            return self.tell(Fact::NotSpawned(run, failure));
        }
        process.truth = Truth::Alive;
        let events = [
            script.lives.map(|after| (after, Event::End(run, script.ending))),
            script.ready.map(|after| (after, Event::Ready(run))),
            self.is_guarded(run).then_some((script.leaves, Event::Leave(run))),
            script.weighs.map(|(after, used)| (after, Event::Weigh(run, used))),
        ];
        for (after, event) in events.into_iter().flatten() {
            self.at(after, event);
        }
        for (after, answer) in script.answers {
            self.at(after, Event::Answer(run, answer));
        }
        self.tell(Fact::Spawned(run, identity(run)))
    }

    fn act(&mut self, number: usize) -> Result<(), String> {
        let Some(core) = self.core.clone() else {
            // The client waits in the guardian's backlog.
            self.backlog.push(number);
            return Ok(());
        };
        let Some(act) = self.schedule.acts.get(number) else { return Ok(()) };
        if let Some(next) = self.schedule.acts.get(number + 1) {
            self.at(next.after, Event::Act(number + 1));
        }
        if number.is_multiple_of(3) {
            self.saved = core.saved_list();
        }
        let Some(ask) = self.ask(&core, &act.what)? else { return Ok(()) };
        self.requests += 1;
        let by = format!("client {}", self.requests);
        self.tell(Fact::Asked(RequestId(self.requests), ask, Some(by.as_str().into())))
    }

    /// What somebody changed in the file meanwhile: nothing, something that takes a new run, or rules.
    fn edit(&self, existing: Existing, spec: &mut pm_spec::AppSpec) {
        if !matches!(existing, Existing::Converge | Existing::Reload) {
            return;
        }
        match self.requests % 5 {
            0 | 1 => {}
            2 => spec.cwd = format!("/srv/{}", self.requests).as_str().into(),
            3 => {
                spec.stop.timeout = Span::from_millis(self.requests * 100);
                spec.limits.memory = Some(Bytes::new(5000));
                spec.logs.rotation.keep = 3;
            }
            _ => {
                spec.restart.max_restarts = 2;
                spec.stop.tree = !spec.stop.tree;
                spec.serving.mode = Mode::Cluster;
            }
        }
    }

    fn ask(&mut self, core: &Core, what: &What) -> Result<Option<Ask>, String> {
        let env = None::<Environment>;
        let apps = || self.schedule.apps.iter().enumerate();
        let ask = match *what {
            What::StartAll => Ask::Start(Start {
                apps: apps().map(|(number, setup)| setup.spec(number)).collect(),
                existing: Existing::Restart,
                wait: Patience::Settled,
                no_deps: false,
            }),
            What::Start { app, existing, patience, instances } => {
                let chosen = apps().filter(|(number, _)| *number == app);
                let spec = |(number, setup): (usize, &super::schedule::Setup)| {
                    let mut spec = setup.spec(number);
                    spec.instances = instances;
                    self.edit(existing, &mut spec);
                    spec
                };
                Ask::Start(Start {
                    apps: chosen.map(spec).collect(),
                    existing,
                    wait: patience,
                    no_deps: false,
                })
            }
            What::Restart(pick, patience) => {
                let mut env = Environment::new();
                env.set("GENERATION", self.requests.to_string());
                let env = self.requests.is_multiple_of(2).then_some(env);
                let no_deps = self.requests.is_multiple_of(5);
                Ask::Restart(Restart { select: select(pick), env, wait: patience, no_deps })
            }
            What::Reload(pick) => {
                let force = self.requests.is_multiple_of(2);
                // Asked of the daemon before, which may have begun it.
                let again = self.requests.wrapping_rem(6) < 2;
                let again = again.then(|| self.now.0.saturating_sub(self.requests * 50));
                Ask::Reload(Reload { select: select(pick), env, force, again })
            }
            What::Run(pick, to_its_end) => Ask::Run(select(pick), to_its_end),
            What::Stop(pick) => Ask::Stop(select(pick)),
            What::Delete(pick) => Ask::Delete(select(pick)),
            What::Scale(pick, to) => Ask::Scale(Scale { select: select(pick), to }),
            // There and back, so that the other names of the schedule mean somebody again.
            What::Reset(Pick::App(app)) if self.requests.is_multiple_of(3) => {
                let (own, other) = (name(app), AppName::parse("other").expect("a good name"));
                let is_known = core.instances().any(|instance| instance.app.name == own);
                let (from, to) = if is_known { (own, other) } else { (other, own) };
                let select = vec![Select::Name(from.as_str().into())];
                Ask::Rename(Rename { select, name: to, namespace: AppName::default_namespace() })
            }
            What::Reset(pick) => Ask::Reset(select(pick)),
            What::Signal(pick) => Ask::Signal(select(pick), Signal::TERM),
            What::Restore => Ask::Restore(self.saved.clone()),
            What::Leave => Ask::Leave,
            What::Withdraw => {
                let last = RequestId(self.requests);
                return self.tell(Fact::Withdrawn(last)).map(|()| None);
            }
            What::Due(app, times) => {
                for _ in 0..times {
                    self.sense(core, app, Fact::ScheduleDue)?;
                }
                return Ok(None);
            }
            What::Touch(app) => {
                let touched = |id| Fact::FileChanged(id, ByteString::from("app.js"));
                return self.sense(core, app, touched).map(|()| None);
            }
            What::Stale(kind, number) => return self.stale(core, kind, number).map(|()| None),
        };
        Ok(Some(ask))
    }

    /// The clock or a file moves an app. What is not looked out for is old news, and moves nobody.
    fn sense(
        &mut self,
        core: &Core,
        app: usize,
        fact: impl Fn(AppId) -> Fact,
    ) -> Result<(), String> {
        let name = name(app);
        let ids: BTreeSet<AppId> = core
            .instances()
            .filter(|instance| instance.app.name == name)
            .map(|instance| instance.app_id)
            .collect();
        for id in ids {
            let fact = fact(id);
            let heard = match fact {
                Fact::ScheduleDue(_) => self.clocked.contains(&id),
                _ => self.watched.contains(&id),
            };
            if heard {
                self.tell(fact)?;
            } else if let Some(core) = self.core.clone() {
                self.no_news(&core, None, &fact)?;
            }
        }
        Ok(())
    }

    /// A fact about a run that is over, or an old one once more, changes nothing.
    fn stale(&mut self, core: &Core, kind: u8, number: usize) -> Result<(), String> {
        let Some((run, process)) = self.processes.iter().nth(number) else { return Ok(()) };
        let run = *run;
        let current = core.instance_of_run(run).is_some();
        let fact = match (kind, process.truth) {
            (0, truth) if !current || truth != Truth::Making => Fact::Spawned(run, identity(run)),
            (1, truth) if !current || truth != Truth::Making => {
                Fact::NotSpawned(run, SpawnFailure::Short("late".into()))
            }
            (2, _) if !current => Fact::Ready(run),
            (3, Truth::Gone(ending)) => Fact::Ended(run, ending, Remaining::Nothing),
            (4, Truth::Orphaned(ending)) => Fact::Ended(run, ending, Remaining::Stragglers),
            (4, truth) if truth != Truth::Making => Fact::TreeGone(run),
            (5, _) if !current => Fact::MemoryMeasured(run, Bytes::new(u64::MAX)),
            _ => Fact::TimePassed,
        };
        self.no_news(core, Some(run), &fact)
    }

    /// This fact changes nothing; a run that is over may be let go once more.
    fn no_news(&mut self, core: &Core, run: Option<RunId>, fact: &Fact) -> Result<(), String> {
        self.note(|| format!("stale: {fact:?}"));
        let after = |fact: Fact| {
            let (mut core, mut orders) = (core.clone(), Vec::new());
            core.step(self.now, fact, &mut orders);
            orders.retain(|order| !matches!(order, Order::Release(over) if Some(*over) == run));
            // Whom a fact is about is looked at first; who is late in the same moment may follow in any order.
            orders.sort_by_cached_key(|order| format!("{order:?}"));
            (core.records(), orders)
        };
        let (news, nothing) = (after(fact.clone()), after(Fact::TimePassed));
        if news == nothing { Ok(()) } else { Err(format!("{fact:?} is no news: {news:?}")) }
    }
}
