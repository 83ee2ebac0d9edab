//! Orders to their owners. Never waits for an outcome and never fails: failures come back as facts.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use pm_core::{
    Change, Core, Ending, Fact, InstanceId, Order, Reach, Remaining, Reply, RequestId, RunId,
    RunSignal, SpawnFailure,
};
use pm_guardian::{Exit, Link, ToGuardian};
use pm_logs::{Scribe, Stream, StreamKey};
use pm_os::identity::Identity;
use pm_os::knock::{self, Signal};
use pm_os::tag::Tag;
use pm_protocol::Row;
use pm_spec::AppSpec;

use crate::app_events;
use crate::caller::Caller;
use crate::clock::{self, Clocks};
use crate::daemon_log;
use crate::journal::Journal;
use crate::node::Node;
use crate::pidfile::PidFile;
use crate::plan;
use crate::runs::{self, Life, Run, Runs, Told};
use crate::sampler::Figures;
use crate::server::answer;
use crate::server::feed::Feed;
use crate::slots::{Address, CHANNEL_SLOT, ChannelEnd, PIDFD_SLOT, slot_of};
use crate::spawner::Job;
use crate::tree_job::{Machine, TreeJob};
use crate::triggers::Triggers;
use crate::unwritten::Unwritten;

mod drain;

/// So long after a reply, in ms, whoever runs one command after the other has gone.
const QUIET: u64 = 1000;

/// Whether the daemon is on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leaving {
    /// It isn't.
    No,
    /// All apps are down; the last output is being written.
    Soon,
}

/// Every owner an order can go to.
#[derive(Debug)]
pub(crate) struct Executor {
    pub(crate) link: Arc<Link>,
    pub(crate) journal: Journal,
    pub(crate) unwritten: Unwritten,
    pub(crate) spawner: Sender<Job>,
    pub(crate) trees: Sender<TreeJob>,
    pub(crate) scribe: Scribe,
    pub(crate) home_id: u32,
    pub(crate) runs: Runs,
    pub(crate) callers: BTreeMap<RequestId, Caller>,
    pub(crate) feed: Feed,
    pub(crate) figures: Figures,
    pub(crate) node: Node,
    pub(crate) triggers: Triggers,
    pub(crate) leaving: Leaving,
    /// When to give memory back.
    pub(crate) give_back_at: Option<pm_core::Time>,
}

impl Executor {
    /// Writes down what is to be remembered, then performs the rest in order.
    pub(crate) fn perform(&mut self, core: &Core, orders: &mut Vec<Order>) {
        self.journal.append(orders.iter().filter_map(Order::record));
        self.balance();
        let mut news = BTreeSet::new();
        let is_news = orders.iter().any(|order| matches!(order, Order::Publish(_)));
        for order in orders.drain(..) {
            match order {
                Order::Persist(_) => {}
                Order::Spawn(run, _) if self.unwritten.refuses(run) => {}
                Order::Spawn(run, plan) => self.spawn(run, plan),
                Order::Signal(run, sent) => self.send_signal(run, sent),
                Order::Release(run) if self.unwritten.holds(run) => {}
                Order::Release(run) => {
                    app_events::over(self.runs.get(run), core);
                    self.release(run);
                }
                Order::UpdateLogRules(run, app) => self.runs.retune(run, &app, &self.scribe),
                Order::MeasureMemory(limits) => self.figures.set_limits(limits),
                Order::Schedule(app, schedule) => self.triggers.cron.set(app, schedule.as_ref()),
                Order::Watch(app, spec) => self.triggers.watch(app, spec),
                Order::Publish(change) => self.tell(&change, &mut news),
                Order::Reply(request, reply) => self.reply(core, request, reply),
                Order::Leave => self.leaving = Leaving::Soon,
            }
        }
        self.publish(core, &news);
        if is_news {
            self.node.tidy(core);
        }
        if self.journal.is_long() {
            self.journal.rewrite(&core.records());
        }
    }

    /// Tries again to write what a full disk refused.
    pub(crate) fn write_again(&mut self, core: &Core) {
        self.journal.retry(|| core.records());
        self.balance();
    }

    /// Notes whether everything is written down; once it is, what waited for that is done.
    fn balance(&mut self) {
        for run in self.unwritten.settle(self.journal.unwritten(), clock::now()) {
            self.release(run);
        }
    }

    fn spawn(&mut self, run: RunId, plan: pm_core::SpawnPlan) {
        app_events::starting(&plan);
        let tag = Tag::new(self.home_id, run.0);
        let address = Address { app: plan.app_id, instance: plan.instance };
        self.runs.insert(run, Run::expected(tag, address, plan.slot, Arc::clone(&plan.app)));
        // The thread lives as long as we do.
        self.spawner.send(Job { run, plan }).ok();
    }

    fn send_signal(&mut self, id: RunId, sent: RunSignal) {
        let (signal, reach, forced) = match sent {
            RunSignal::Stop(signal, reach) | RunSignal::Drain(signal, reach) => {
                (signal.number(), reach, false)
            }
            RunSignal::Kill(reach) => (Signal::KILL.number(), reach, true),
            RunSignal::Forward(signal) => (signal.number(), Reach::Leader, false),
        };
        let Some(signal) = Signal::from_number(signal) else { return };
        app_events::signalled(self.runs.get_mut(id), sent);
        let otherwise = match sent {
            RunSignal::Stop(..) => self.ask_by_message(id, signal, reach),
            RunSignal::Drain(..) => self.ask_to_drain(id, signal, reach),
            RunSignal::Kill(_) | RunSignal::Forward(_) => false,
        };
        if otherwise {
            return;
        }
        self.signal(id, (signal, reach), forced);
    }

    /// A signal to a run; `forced`: again and again until nobody is left.
    fn signal(&self, id: RunId, (signal, reach): (Signal, Reach), forced: bool) {
        let Some(run) = self.runs.get(id) else { return };
        match reach {
            Reach::Tree if forced => self.tree_job(TreeJob::Force(run.tree())),
            Reach::Tree => self.tree_job(TreeJob::Knock(run.tree(), signal)),
            Reach::Leader => {
                let Some(pidfd) = &run.pidfd else { return };
                if let Err(error) = knock::signal(pidfd, signal) {
                    daemon_log::note(format_args!("could not {error}"));
                }
            }
        }
    }

    /// Hands a job to the tree thread, which lives as long as we do.
    pub(crate) fn tree_job(&self, tree_job: TreeJob) {
        self.trees.send(tree_job).ok();
    }

    fn tell_guardian(&self, message: &ToGuardian) {
        // A guardian that is gone is noticed by the reactor, which hands everything to the next one.
        self.link.send(message, &[]).ok();
    }

    /// The run is over and written down.
    fn release(&mut self, id: RunId) {
        let Some(run) = self.runs.get_mut(id) else { return };
        run.released = true;
        let tag = run.tag.raw();
        let pid = run.identity.map(|identity| identity.pid);
        let file = PidFile::of(&run.app, run.address.instance);
        if let Some(pid) = pid {
            self.tell_guardian(&ToGuardian::Ack { tag, pid });
            if let Some(file) = file {
                file.remove(pid);
            }
        }
        let had_channel = self.runs.get(id).is_some_and(|run| run.app.serving.channel);
        if had_channel {
            self.tell_guardian(&ToGuardian::Drop { tag, slot: Some(CHANNEL_SLOT) });
        }
        self.tell_guardian(&ToGuardian::Drop { tag, slot: Some(PIDFD_SLOT) });
        self.forget_if_done(id);
    }

    fn forget_if_done(&mut self, id: RunId) {
        if self.runs.get(id).is_some_and(|run| run.released && run.open.is_empty()) {
            self.runs.remove(id);
        }
    }

    /// A stream reached its end and is in its log.
    pub(crate) fn stream_ended(&mut self, key: StreamKey) {
        let Some(run) = self.runs.of_stream(key) else {
            return self.tell_guardian(&ToGuardian::Drop {
                tag: key.tag,
                slot: Some(slot_of(key.stream)),
            });
        };
        let id = RunId(run.tag.run());
        // The guardian must own something of a run from before its birth until its end.
        if matches!(run.life, Life::Expected(_)) {
            run.ended_early.push(key.stream);
            return;
        }
        run.open.retain(|stream| *stream != key.stream);
        self.tell_guardian(&ToGuardian::Drop { tag: key.tag, slot: Some(slot_of(key.stream)) });
        self.forget_if_done(id);
    }

    /// A process exists. Returns the fact, and exits that were told before.
    pub(crate) fn born(
        &mut self,
        id: RunId,
        identity: Identity,
        pidfd: OwnedFd,
        channel: Option<ChannelEnd>,
    ) -> (Option<Fact>, Vec<Exit>) {
        let Some(run) = self.runs.get_mut(id) else { return (None, Vec::new()) };
        let early = match std::mem::replace(&mut run.life, Life::Alive) {
            Life::Expected(exits) => exits,
            Life::Alive | Life::Ended(..) => Vec::new(),
        };
        run.identity = Some(identity);
        run.pidfd = Some(pidfd);
        run.open = streams(&run.app, run.address.instance);
        if !run.app.serving.wait_ready {
            app_events::online(run);
        }
        if let Some(end) = channel {
            self.node.attach(run.tag, run.slot, (run.address.app, &run.app), end);
        }
        let tag = run.tag.raw();
        for stream in std::mem::take(&mut run.ended_early) {
            self.stream_ended(StreamKey { tag, stream });
        }
        (Some(Fact::Spawned(id, runs::to_core(identity))), early)
    }

    /// There is no process; the spawner has told the guardian to drop everything.
    pub(crate) fn not_born(&mut self, id: RunId, failure: &SpawnFailure) {
        app_events::not_born(self.runs.remove(id).as_ref(), failure);
    }

    /// The guardian saw an end. Returns the fact if nobody needs to look who is left.
    pub(crate) fn exited(&mut self, exit: Exit) -> Option<Fact> {
        let tag = Tag::from_raw(exit.tag)?;
        let acknowledge = ToGuardian::Ack { tag: exit.tag, pid: exit.pid };
        let id = RunId(tag.run());
        let run = match self.runs.get_mut(id) {
            Some(run) if run.tag == tag => run,
            // Nothing of ours: a run that was released, or of a home that lost its journal.
            Some(_) | None => {
                self.tell_guardian(&acknowledge);
                return None;
            }
        };
        match &mut run.life {
            Life::Expected(early) => early.push(exit),
            Life::Alive if run.identity.is_some_and(|identity| identity.pid == exit.pid) => {
                return self.ended(id, runs::ending(exit.status));
            }
            // Not the main process, or told again.
            Life::Ended(..) if run.identity.is_some_and(|identity| identity.pid == exit.pid) => {}
            Life::Alive | Life::Ended(..) => self.tell_guardian(&acknowledge),
        }
        None
    }

    /// A main process ended. With a tree to end as well, somebody looks first who is left.
    pub(crate) fn ended(&mut self, id: RunId, ending: Ending) -> Option<Fact> {
        let run = self.runs.get_mut(id)?;
        app_events::exited(run, ending);
        run.waiting = None;
        if run.app.serving.channel {
            self.node.gone(run.tag);
        }
        if !run.app.stop.tree {
            run.life = Life::Ended(ending, Told::Yes);
            return Some(Fact::Ended(id, ending, Remaining::Nothing));
        }
        run.life = Life::Ended(ending, Told::NotYet);
        let tree = run.tree();
        self.tree_job(TreeJob::Remains(tree));
        None
    }

    /// The tree thread has looked.
    pub(crate) fn remains(&mut self, id: RunId, stragglers: bool) -> Option<Fact> {
        let run = self.runs.get_mut(id)?;
        match run.life {
            Life::Ended(ending, Told::NotYet) => {
                run.life = Life::Ended(ending, Told::Yes);
                let rest = if stragglers { Remaining::Stragglers } else { Remaining::Nothing };
                Some(Fact::Ended(id, ending, rest))
            }
            Life::Ended(_, Told::Yes) => (!stragglers).then_some(Fact::TreeGone(id)),
            Life::Expected(_) | Life::Alive => None,
        }
    }

    fn reply(&mut self, core: &Core, request: RequestId, reply: Reply) {
        let Some(caller) = self.callers.remove(&request) else { return };
        match reply {
            Reply::Done(outcomes) => {
                let asked = caller.asked();
                let outcome = |one| answer::outcome(one, core, asked);
                caller.outcomes(outcomes.iter().map(outcome).collect());
            }
            Reply::Refused(why) => caller.refuse(answer::refusal(&why)),
        }
        self.rest_soon();
    }

    /// What a call took is not needed to keep watch, but perhaps for the next one.
    pub(crate) fn rest_soon(&mut self) {
        self.give_back_at = Some(pm_core::Time(clock::now().0.saturating_add(QUIET)));
    }

    fn tell(&mut self, change: &Change, changed: &mut BTreeSet<InstanceId>) {
        match change {
            Change::Changed(id) => {
                changed.insert(*id);
            }
            Change::Removed(id) => {
                changed.remove(id);
                self.feed.tell(pm_protocol::Change::Removed(id.0));
            }
        }
    }

    fn publish(&mut self, core: &Core, changed: &BTreeSet<InstanceId>) {
        if !self.feed.is_heard() {
            return;
        }
        let clocks = Clocks::read();
        for id in changed {
            if let Some(instance) = core.instance(*id) {
                let row = answer::row(&instance, &self.figures, clocks);
                self.feed.tell(pm_protocol::Change::Changed(row));
            }
        }
        let figures = &self.figures;
        self.feed.catch_up(|| rows(core, figures));
    }

    /// Orders figures unless they are on their way.
    pub(crate) fn sample(&mut self, now: pm_core::Time, machine: Machine) {
        if self.figures.order(now) {
            let alive = |run: &Run| matches!(run.life, Life::Alive) && run.identity.is_some();
            let trees = self.runs.iter().filter(|(_, run)| alive(run)).map(|(_, run)| run.tree());
            self.tree_job(TreeJob::Sample(trees.collect(), machine));
        }
    }
}

/// The whole list.
pub(crate) fn rows(core: &Core, figures: &Figures) -> Vec<Row> {
    let clocks = Clocks::read();
    core.instances().map(|instance| answer::row(&instance, figures, clocks)).collect()
}

/// The streams of an app's run: one if both go to the same place.
pub(crate) fn streams(app: &AppSpec, instance: InstanceId) -> Vec<Stream> {
    if plan::one_pipe(&plan::sinks(app, instance, None)) {
        vec![Stream::Out]
    } else {
        vec![Stream::Out, Stream::Err]
    }
}

impl Executor {
    /// Output of a run that ended before us may still be on its way: the run is kept until it is written.
    pub(crate) fn keep_output(&mut self, key: StreamKey, address: Address, app: &Arc<AppSpec>) {
        let Some(tag) = Tag::from_raw(key.tag) else { return };
        let id = RunId(tag.run());
        if self.runs.get(id).is_none() {
            let mut run = Run::expected(tag, address, 0, Arc::clone(app));
            run.life = Life::Ended(Ending::Unknown, Told::Yes);
            run.released = true;
            self.runs.insert(id, run);
        }
        if let Some(run) = self.runs.get_mut(id)
            && !run.open.contains(&key.stream)
        {
            run.open.push(key.stream);
        }
    }
}
