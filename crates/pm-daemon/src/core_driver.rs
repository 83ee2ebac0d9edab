//! Drives the core: each fact is one step, and its orders are handed out before the next. What the guardian, threads
//! and apps tell becomes facts here.

use std::net::SocketAddr;

use pm_core::{
    Ask, Core, Ending, Fact, InstanceId, InstanceView, Order, RequestId, RunId, SpawnFailure, Time,
};
use pm_guardian::LeaderExit;
use pm_node::{NodeEvent, Worker};
use pm_os::accepting::SocketInode;
use pm_os::tag::Tag;
use pm_spec::{Bytes, HookStage, Readiness, Reload, Select};

use crate::caller::Caller;
use crate::executor::Executor;
use crate::inlet::{CoreInput, Newborn};
use crate::inquiries;
use crate::renewal::Renewals;
use crate::server::answer;
use crate::tree_job::Sample;
use crate::{clock, daemon_log};

mod self_told;

/// So many orders have room between two steps.
const ROOM: usize = 16;

/// The core, and who performs its orders.
#[derive(Debug)]
pub(crate) struct CoreDriver {
    core: Core,
    executor: Executor,
    /// Kept for its room.
    orders: Vec<Order>,
    last_request: u64,
    renewals: Renewals,
}

impl CoreDriver {
    pub(crate) fn new(core: Core, executor: Executor, renewals: Renewals) -> Self {
        Self { core, executor, orders: Vec::new(), last_request: 0, renewals }
    }

    pub(crate) fn core(&self) -> &Core {
        &self.core
    }

    pub(crate) fn executor(&self) -> &Executor {
        &self.executor
    }

    /// The executor for what is no order, and the core for it to read.
    pub(crate) fn parts(&mut self) -> (&mut Executor, &Core) {
        (&mut self.executor, &self.core)
    }

    /// Tells the core a fact and has its orders performed.
    pub(crate) fn step(&mut self, fact: Fact) {
        let mut next = Some(fact);
        while let Some(fact) = next {
            let now = clock::now();
            self.executor.events_mut().before(&self.core, &fact);
            self.core.step(now, fact, &mut self.orders);
            self.executor.perform(&self.core, now, &mut self.orders);
            // What a thousand apps needed at once would stay for ever.
            self.orders.shrink_to(ROOM);
            next = self.executor.refused();
        }
    }

    /// Asks the core for somebody, as soon as it is known that what it replaces can begin anew.
    pub(crate) fn ask(&mut self, ask: Ask, caller: Caller) {
        self.renew(CoreInput::Asked(ask, caller));
    }

    /// The same of what nobody asks for: nothing that replaces a run gets by here unseen.
    pub(crate) fn renew(&mut self, input: CoreInput) {
        let log_writer = self.executor.runs().log_writer();
        if let Some(input) = self.renewals.check(&self.core, log_writer, input) {
            self.perform(input);
        }
    }

    /// Does what may be done.
    pub(crate) fn perform(&mut self, input: CoreInput) {
        match input {
            CoreInput::Asked(ask, caller) => {
                let request = self.number();
                let by = caller.author().cloned();
                self.executor.owe(request, caller);
                self.step(Fact::Asked(request, ask, by));
            }
            CoreInput::Told(fact) => self.step(fact),
        }
    }

    /// Asks the core for nobody who would want an answer.
    pub(crate) fn ask_ourselves(&mut self, ask: Ask) -> RequestId {
        let request = self.number();
        self.step(Fact::Asked(request, ask, Some("pm itself".into())));
        request
    }

    fn number(&mut self) -> RequestId {
        self.last_request += 1;
        RequestId(self.last_request)
    }

    /// The ids of the selected instances, `None` if nothing is selected and so all are meant, for somebody who is refused
    /// if that can't be.
    pub(crate) fn chosen(
        &self,
        select: &[Select],
        caller: Caller,
    ) -> Option<(Option<Vec<InstanceId>>, Caller)> {
        if select.is_empty() {
            return Some((None, caller));
        }
        match self.core.resolve(select) {
            Ok(ids) => Some((Some(ids), caller)),
            Err(refused) => {
                caller.refuse(answer::refusal(&refused));
                None
            }
        }
    }

    /// What [`CoreDriver::chosen`] means.
    pub(crate) fn viewed(
        &self,
        chosen: Option<&[InstanceId]>,
    ) -> impl Iterator<Item = InstanceView<'_>> {
        let all = chosen.is_none().then(|| self.core.instances());
        let some = chosen.unwrap_or_default().iter().filter_map(|id| self.core.instance(*id));
        all.into_iter().flatten().chain(some)
    }

    /// The selected instances, all if nothing is selected, for somebody who is refused if that can't be.
    pub(crate) fn selected(
        &self,
        select: &[Select],
        caller: Caller,
    ) -> Option<(Vec<InstanceView<'_>>, Caller)> {
        let (chosen, caller) = self.chosen(select, caller)?;
        Some((self.viewed(chosen.as_deref()).collect(), caller))
    }

    /// When something is due although nothing happens.
    pub(crate) fn due(&self, now: Time) -> Option<Time> {
        [self.executor.due(now), self.core.next_deadline()].into_iter().flatten().min()
    }

    /// Does what is due.
    pub(crate) fn run_due(&mut self) {
        let now = clock::now();
        self.executor.run_due(&self.core, now);
        if self.core.next_deadline().is_some_and(|at| at <= now) {
            self.step(Fact::TimePassed);
        }
    }

    /// The alarm of the schedules rang.
    pub(crate) fn schedules_due(&mut self) {
        for app in self.executor.due_schedules() {
            self.renew(CoreInput::Told(Fact::ScheduleDue(app)));
        }
    }

    /// The guardian saw an end.
    pub(crate) fn exited(&mut self, exit: LeaderExit) {
        let fact = self.executor.runs_mut().exited(exit);
        self.step_if(fact);
    }

    /// A main process has ended, and nobody saw how.
    pub(crate) fn vanished(&mut self, run: RunId) {
        let fact = self.executor.runs_mut().ended(run, Ending::Unknown);
        self.step_if(fact);
    }

    /// A process was made; exits that were told before its birth come after it.
    pub(crate) fn born(&mut self, run: RunId, newborn: Newborn) {
        let sockets = newborn.sockets.clone();
        self.executor.publisher_mut().commands().over(run, "pre_start");
        let (fact, early) = self.executor.runs_mut().born(run, newborn);
        self.step_if(fact);
        self.serves_shared(run, sockets);
        for exit in early {
            self.exited(exit);
        }
        if self.core.is_awaited(run) {
            self.executor.runs().await_listening(run);
        }
    }

    /// It was given sockets that listen: nobody has to look where, but whether it takes callers by now.
    fn serves_shared(&mut self, run: RunId, sockets: Vec<SocketInode>) {
        let known = self.executor.runs().get(run);
        let Some(known) = known.filter(|run| !run.app.listen.is_empty()) else { return };
        let addresses = pm_spec::tcp_addresses(&known.app.listen);
        self.executor.runs().await_accepting(run, sockets);
        self.executor.runs_mut().listens(run, addresses.clone());
        self.executor.publisher_mut().serves(run, addresses);
    }

    /// The same for runs that were there before us.
    pub(crate) fn adopt_shared(&mut self) {
        let runs = self.executor.runs().all().iter();
        let sharing = runs.filter(|(_, run)| !run.app.listen.is_empty() && !run.released);
        for run in sharing.map(|(id, _)| id).collect::<Vec<_>>() {
            self.serves_shared(run, Vec::new());
        }
    }

    /// Somebody waits for it, and it can be reached: what ends now does so in the sight of all. One that has to show
    /// more is up when it does.
    pub(crate) fn listens(&mut self, run: RunId, addresses: Vec<SocketAddr>) {
        self.executor.runs_mut().listens(run, addresses);
        let Some(known) = self.executor.runs().get(run) else { return };
        if known.app.is_up_when_it_listens() {
            self.executor.runs_mut().online(run);
        } else if known.app.shows_ready() {
            return;
        }
        self.step(Fact::Ready(run));
    }

    /// It takes callers of the sockets it was given: that says that it is up, unless it has to show something else. In a
    /// reload what it could be asked would be answered by the old run.
    pub(crate) fn accepts(&mut self, run: RunId) {
        let Some(instance) = self.core.instance_of_run(run) else { return };
        let counts = match instance.app.checks.ready.as_deref() {
            None => true,
            Some(Readiness::Answers(_)) => inquiries::is_beside_the_old_one(&instance),
            Some(Readiness::Notifies | Readiness::Prints(_)) => false,
        };
        if !counts {
            return;
        }
        if instance.app.shows_ready() {
            self.executor.runs_mut().online(run);
        }
        self.step(Fact::Ready(run));
    }

    /// A run that was asked has shown how it is. Whoever waits for it is told where it listens, which is looked for all the
    /// while, but not in step with the question.
    pub(crate) fn answered(&mut self, fact: Fact) {
        let Fact::Ready(run) = fact else { return self.step(fact) };
        let is_looked = self.core.is_awaited(run) && self.executor.runs().looks_where(run);
        if !is_looked {
            self.is_up(run);
        }
    }

    /// It is up, and it was looked where it listens.
    pub(crate) fn looked(&mut self, run: RunId, addresses: Vec<SocketAddr>) {
        self.executor.runs_mut().listens(run, addresses);
        self.is_up(run);
    }

    fn is_up(&mut self, run: RunId) {
        self.executor.runs_mut().online(run);
        self.step(Fact::Ready(run));
    }

    /// It has replaced its workers, or has none. One that says itself that it reloads says when it has.
    pub(crate) fn replaced(&mut self, run: RunId) {
        if !self.executor.runs().get(run).is_some_and(|run| run.words.reloads) {
            self.step(Fact::WorkersReplaced(run));
        }
    }

    /// A process could not be made.
    pub(crate) fn not_born(&mut self, run: RunId, failure: SpawnFailure) {
        self.executor.publisher_mut().commands().forget(run);
        self.executor.runs_mut().not_born(run, &failure);
        self.step(Fact::NotSpawned(run, failure));
    }

    /// What comes before a run is made begins now.
    pub(crate) fn prepares(&mut self, run: RunId) {
        let Some(instance) = self.core.instance_of_run(run) else { return };
        if let Some(command) = &instance.app.pre_start {
            self.executor.command_begun(&self.core, run, ("pre_start", command));
        }
    }

    /// A command that goes with a run has ended. That it failed is told, and changes nothing.
    pub(crate) fn hook_over(&mut self, (run, stage): (RunId, HookStage), trouble: Option<String>) {
        if let Some(instance) = self.core.instance_of_run(run)
            && let Some(why) = trouble
        {
            self.executor.hook_failed(&instance, stage, &why);
        }
        self.executor.runs_mut().staged_over(run, stage);
        self.executor.publisher_mut().commands().over(run, stage.key());
        self.step(Fact::HookOver(run, stage));
    }

    /// Whether anybody is left of a tree.
    pub(crate) fn remains(&mut self, run: RunId, stragglers: bool) {
        let fact = self.executor.runs_mut().remains(run, stragglers);
        self.step_if(fact);
    }

    fn step_if(&mut self, fact: Option<Fact>) {
        if let Some(fact) = fact {
            self.step(fact);
        }
    }

    /// Figures have come: memory limits are the core's business.
    pub(crate) fn sampled(&mut self, sample: Sample) {
        let limited = |run: &RunId| {
            let instance = self.core.instance_of_run(*run);
            instance.is_some_and(|instance| instance.app.limits.memory.is_some())
        };
        let limited = sample.usage.iter().filter(|(run, _)| limited(run));
        // What a worker shares with its parent since a fork is there once.
        let weight = |run: &RunId, summed| sample.proportional.get(run).copied().unwrap_or(summed);
        let weights: Vec<_> =
            limited.map(|(run, usage)| (*run, weight(run, usage.memory))).collect();
        self.executor.publisher_mut().sampled(&self.core, sample);
        for (run, memory) in weights {
            self.renew(CoreInput::Told(Fact::MemoryMeasured(run, Bytes::new(memory))));
        }
    }

    /// A Node app said something.
    pub(crate) fn node_says(&mut self, news: NodeEvent) {
        match news {
            NodeEvent::Ready(worker) => self.said_ready(worker),
            // An app that says itself when it is ready may listen before that.
            NodeEvent::Listening(worker, addresses) => {
                let Some(run) = self.run_of(worker) else { return };
                self.executor.runs_mut().listens(run, addresses.clone());
                self.executor.publisher_mut().serves(run, addresses);
                let run = self.executor.runs().get(run);
                if run.is_some_and(|run| !run.app.shows_ready()) {
                    self.said_ready(worker);
                }
            }
            NodeEvent::Drained(worker) => {
                if let Some(run) = self.run_of(worker) {
                    self.executor.runs_mut().drained(run);
                }
            }
            NodeEvent::Spoilt(worker) => self.replace(worker),
        }
    }

    fn run_of(&self, worker: Worker) -> Option<RunId> {
        let tag = Tag::from_raw(worker)?;
        let run = RunId(tag.run());
        self.executor.runs().get(run).filter(|known| known.tag == tag).map(|_| run)
    }

    fn said_ready(&mut self, worker: Worker) {
        let Some(run) = self.run_of(worker) else { return };
        let known = self.executor.runs().get(run);
        // Who is asked from outside has no word in it.
        if known.is_some_and(|known| known.app.checks.ready.is_none()) {
            self.is_up(run);
        }
    }

    /// Nothing may be written to it any more, so it could neither serve nor be asked anything.
    fn replace(&mut self, worker: Worker) {
        let Some(run) = self.run_of(worker) else { return };
        let Some(id) = self.core.instance_of_run(run).map(|instance| instance.id) else { return };
        daemon_log::note(format_args!(
            "a message to instance {} was cut in two; it is replaced",
            id.0
        ));
        let (select, env) = (vec![Select::Id(id.0)], None);
        let request =
            self.ask_ourselves(Ask::Reload(Reload { select, env, force: true, again: None }));
        self.step(Fact::Withdrawn(request));
    }
}
