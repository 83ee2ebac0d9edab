//! Runs from the order to make one until nothing of it is left: who makes, signals and watches them is told here.
//!
//! Never waits for an outcome: what became of it is told from outside, and turned into facts.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use pm_core::{Core, Ending, Fact, Reach, Remaining, RunId, RunSignal, SpawnFailure};
use pm_guardian::{LeaderExit, Link, ToGuardian};
use pm_logs::{LogWriter, StreamKey};
use pm_os::signal::{self, SignalNumber};
use pm_os::tag::Tag;
use pm_spec::{AppSpec, Signal, Span};
use tokio::sync::mpsc;

use crate::inlet::{Inlet, Newborn};
use crate::node::Node;
use crate::notices::NoticeReader;
use crate::pidfile::PidFile;
use crate::preparation::Preparations;
use crate::runs::{self, Life, Run, Runs, Told};
use crate::shared_sockets::SocketUse;
use crate::slots::{Address, CHANNEL_SLOT, NOTICE_SLOT, PIDFD_SLOT, slot_of};
use crate::spawner::{SpawnJob, SpawnerJob};
use crate::tree_job::{Leaver, Machine, TreeJob};
use crate::{app_events, daemon_log, plan, staged_commands};

mod commands;
mod drain;
mod listening;
mod own_words;

/// Everybody who has to do with runs, as the daemon begins.
#[derive(Debug)]
pub(crate) struct Owners {
    pub(crate) link: Arc<Link>,
    pub(crate) spawner: Sender<SpawnerJob>,
    pub(crate) trees: Sender<TreeJob>,
    pub(crate) log_writer: LogWriter,
    pub(crate) home_id: u32,
    pub(crate) runs: Runs,
    pub(crate) node: Node,
    pub(crate) sockets: SocketUse,
    pub(crate) preparations: Preparations,
    /// Where tasks bring what they find.
    pub(crate) outlet: mpsc::Sender<Inlet>,
}

/// The runs in hand, and everybody who has to do with them.
#[derive(Debug)]
pub(crate) struct RunControl {
    owners: Owners,
    staged: staged_commands::StagedRuns,
}

impl Owners {
    /// Hears from now on what a run says of itself.
    pub(crate) fn hear(&mut self, id: RunId, socket: OwnedFd) {
        let Some(run) = self.runs.get_mut(id) else { return };
        let (trees, outlet) = (self.trees.clone(), self.outlet.clone());
        match NoticeReader::begin(socket, run.tree(), trees, outlet) {
            Ok(reader) => run.notices = Some(reader),
            Err(error) => {
                daemon_log::note(format_args!("could not hear {}: {error}", run.app.name));
            }
        }
    }

    /// Closes listening sockets that nobody will serve.
    pub(crate) fn tidy(&mut self, core: &Core) {
        self.node.tidy(core);
        for (app, spec, demand) in self.sockets.news(core) {
            self.spawner.send(SpawnerJob::Sockets(app, spec, demand)).ok();
        }
    }
}

impl RunControl {
    pub(crate) fn new(owners: Owners) -> Self {
        Self { owners, staged: staged_commands::StagedRuns::default() }
    }

    /// A run in hand.
    pub(crate) fn get(&self, id: RunId) -> Option<&Run> {
        self.owners.runs.get(id)
    }

    /// All runs in hand.
    pub(crate) fn all(&self) -> &Runs {
        &self.owners.runs
    }

    /// What tells our tags from those of other homes.
    pub(crate) fn home_id(&self) -> u32 {
        self.owners.home_id
    }

    /// Has a process made.
    pub(crate) fn spawn(&mut self, run: RunId, plan: pm_core::SpawnPlan) {
        app_events::starting(&plan);
        let tag = Tag::new(self.owners.home_id, run.0);
        let address = Address { app: plan.app_id, instance: plan.instance };
        let shares_sockets = !plan.app.listen.is_empty();
        if shares_sockets {
            self.owners.sockets.add(plan.app_id);
        }
        let old = shares_sockets.then(|| self.owners.runs.alive(address)).flatten();
        self.owners.runs.insert(run, Run::expected(tag, address, plan.slot, Arc::clone(&plan.app)));
        self.make(SpawnJob { run, old, plan, printed: Vec::new() });
    }

    /// Sends a signal, perhaps not before a Node app has done what it does by itself.
    pub(crate) fn send_signal(&mut self, id: RunId, sent: RunSignal) {
        let (signal, reach, forced) = match sent {
            RunSignal::Stop(signal, reach) | RunSignal::Drain(signal, reach) => {
                (signal.number(), reach, false)
            }
            RunSignal::Kill(reach) => (SignalNumber::KILL.number(), reach, true),
            RunSignal::Forward(signal) => (signal.number(), Reach::Leader, false),
            RunSignal::StandBy => return self.stand_by(id),
            RunSignal::Replace(signal, within) => return self.replace(id, (signal, within)),
        };
        let Some(signal) = SignalNumber::from_number(signal) else { return };
        let Some(run) = self.owners.runs.get_mut(id) else { return };
        app_events::signalled(run, sent);
        if drain::is_begun(&self.owners.node, run, sent, (signal, reach)) {
            return;
        }
        if drain::leaves_sockets(run, sent, (signal, reach)) {
            let app = run.address.app;
            self.owners.spawner.send(SpawnerJob::Leave(app, id)).ok();
        } else {
            self.signal(id, (signal, reach), forced);
        }
    }

    /// Has a main process told to replace its workers, and looked whether it does.
    fn replace(&mut self, id: RunId, (signal, within): (Signal, Span)) {
        // One that it is at already was not asked for by this.
        self.reloads(id, false);
        let Some(signal) = SignalNumber::from_number(signal.number()) else { return };
        let within = Duration::from_millis(within.as_millis());
        if let Some(run) = self.get(id) {
            self.tree_job(TreeJob::Replace(run.tree(), signal, within));
        }
    }

    /// A newer run takes the callers of this one.
    fn stand_by(&self, id: RunId) {
        let Some(run) = self.get(id).filter(|run| !run.app.listen.is_empty()) else { return };
        self.owners.spawner.send(SpawnerJob::StandBy(run.address.app, id)).ok();
    }

    /// No new connection goes to a run that is about to leave. It has half its time to accept those that wait at these
    /// sockets.
    pub(crate) fn left(&mut self, id: RunId, sockets: Vec<OwnedFd>) {
        let waits = |run: &&Run| run.waiting.is_some() && !sockets.is_empty();
        let Some(run) = self.get(id).filter(waits) else { return self.drained(id) };
        let within = Duration::from_millis(run.app.stop.timeout.as_millis() / 2);
        self.tree_job(TreeJob::Leaves(Leaver { tree: run.tree(), sockets, within }));
    }

    /// It has done what it does before it gets its signal.
    pub(crate) fn drained(&mut self, id: RunId) {
        if let Some(waiting) = self.owners.runs.get_mut(id).and_then(|run| run.waiting.take()) {
            self.signal(id, waiting, false);
        }
    }

    /// A signal to a run; `forced`: again and again until nobody is left.
    fn signal(&self, id: RunId, (signal, reach): (SignalNumber, Reach), forced: bool) {
        let Some(run) = self.owners.runs.get(id) else { return };
        match reach {
            Reach::Tree if forced => self.tree_job(TreeJob::Force(run.tree())),
            Reach::Tree => self.tree_job(TreeJob::Ask(run.tree(), signal)),
            Reach::Leader => {
                let Some(pidfd) = &run.pidfd else { return };
                if let Err(error) = signal::send(pidfd, signal) {
                    daemon_log::note(format_args!("could not {error}"));
                }
            }
        }
    }

    /// Hands a job to the tree thread, which lives as long as we do.
    pub(crate) fn tree_job(&self, job: TreeJob) {
        self.owners.trees.send(job).ok();
    }

    fn tell_guardian(&self, message: &ToGuardian) {
        // A guardian that is gone is noticed by the reactor, which hands everything to the next one.
        self.owners.link.send(message, &[]).ok();
    }

    /// The run is over and written down.
    pub(crate) fn release(&mut self, id: RunId) {
        let Some(run) = self.owners.runs.get_mut(id) else { return };
        run.released = true;
        let (tag, pid) = (run.tag.raw(), run.identity.map(|identity| identity.pid));
        let (had_channel, had_notices) = (run.app.serving.channel, run.notices.take().is_some());
        let (group, had_secrets) = (run.group.take(), !run.app.secrets.is_empty());
        let file = PidFile::of(&run.app, run.address.instance);
        if let Some(pid) = pid {
            self.tell_guardian(&ToGuardian::Ack { tag, pid });
            if let Some(file) = file {
                file.remove(pid);
            }
        }
        let had = [(had_channel, CHANNEL_SLOT), (had_notices, NOTICE_SLOT), (true, PIDFD_SLOT)];
        for (_, slot) in had.into_iter().filter(|(had, _)| *had) {
            self.tell_guardian(&ToGuardian::Drop { tag, slot: Some(slot) });
        }
        if group.is_some() || had_secrets {
            self.owners.spawner.send(SpawnerJob::Over(id, group)).ok();
        }
        self.owners.runs.forget_if_done(id);
    }

    /// A stream reached its end and is in its log.
    pub(crate) fn stream_ended(&mut self, key: StreamKey) {
        if self.owners.runs.stream_ended(key) {
            self.tell_guardian(&ToGuardian::Drop { tag: key.tag, slot: Some(slot_of(key.stream)) });
        }
    }

    /// A process exists. Returns the fact, and exits that were told before.
    pub(crate) fn born(&mut self, id: RunId, newborn: Newborn) -> (Option<Fact>, Vec<LeaderExit>) {
        let Newborn { identity, pidfd, channel, notices, group, sockets: _ } = newborn;
        self.owners.preparations.over(id);
        let Some(run) = self.owners.runs.get_mut(id) else { return (None, Vec::new()) };
        let early = match std::mem::replace(&mut run.life, Life::Alive) {
            Life::Expected(exits) => exits,
            Life::Alive | Life::Ended(..) => Vec::new(),
        };
        run.identity = Some(identity);
        run.pidfd = Some(pidfd);
        run.group = group;
        run.open = plan::streams(&run.app, run.address.instance);
        if !run.app.shows_ready() {
            app_events::online(run);
        }
        if let Some(end) = channel {
            self.owners.node.attach(run.tag, run.slot, (run.address.app, &run.app), end);
        }
        let tag = run.tag.raw();
        for stream in std::mem::take(&mut run.ended_early) {
            self.stream_ended(StreamKey { tag, stream });
        }
        if let Some(socket) = notices {
            self.owners.hear(id, socket);
        }
        (Some(Fact::Spawned(id, runs::to_core(identity))), early)
    }

    /// There is no process; the spawner has told the guardian to drop everything.
    pub(crate) fn not_born(&mut self, id: RunId, failure: &SpawnFailure) {
        self.owners.preparations.over(id);
        app_events::not_born(self.owners.runs.remove(id).as_ref(), failure);
    }

    /// The guardian saw an end. Returns the fact if nobody needs to look who is left.
    pub(crate) fn exited(&mut self, exit: LeaderExit) -> Option<Fact> {
        let tag = Tag::from_raw(exit.tag)?;
        let acknowledge = ToGuardian::Ack { tag: exit.tag, pid: exit.pid };
        let id = RunId(tag.run());
        let run = match self.owners.runs.get_mut(id) {
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
                let ending = run.ending(exit.status);
                return self.ended(id, ending);
            }
            // Not the main process, or told again.
            Life::Ended(..) if run.identity.is_some_and(|identity| identity.pid == exit.pid) => {}
            Life::Alive | Life::Ended(..) => self.tell_guardian(&acknowledge),
        }
        None
    }

    /// It is up, or says so for the first time.
    pub(crate) fn online(&mut self, id: RunId) {
        if let Some(run) = self.owners.runs.get_mut(id) {
            app_events::online(run);
        }
    }

    /// A main process ended. What it said before comes first.
    pub(crate) fn ended(&mut self, id: RunId, ending: Ending) -> Option<Fact> {
        let run = self.owners.runs.get_mut(id)?;
        let Some(notices) = &run.notices else { return self.is_over(id, ending) };
        notices.hear_last_words();
        run.life = Life::Ended(ending, Told::Unheard);
        None
    }

    /// All is heard that it said before its end.
    pub(crate) fn heard(&mut self, id: RunId) -> Option<Fact> {
        match self.get(id)?.life {
            Life::Ended(ending, Told::Unheard) => self.is_over(id, ending),
            Life::Ended(..) | Life::Alive | Life::Expected(_) => None,
        }
    }

    /// With a tree to end as well, somebody looks first who is left.
    fn is_over(&mut self, id: RunId, ending: Ending) -> Option<Fact> {
        let run = self.owners.runs.get_mut(id)?;
        app_events::exited(run, ending);
        run.waiting = None;
        if run.app.serving.channel {
            self.owners.node.gone(run.tag);
        }
        if !run.app.stop.tree {
            run.life = Life::Ended(ending, Told::Yes);
            return Some(Fact::Ended(id, ending, Remaining::Nothing));
        }
        run.life = Life::Ended(ending, Told::NotYet);
        self.look_who_remains(id);
        None
    }

    /// The tree thread has looked.
    pub(crate) fn remains(&mut self, id: RunId, stragglers: bool) -> Option<Fact> {
        let run = self.owners.runs.get_mut(id)?;
        match run.life {
            Life::Ended(ending, Told::NotYet) => {
                run.life = Life::Ended(ending, Told::Yes);
                let rest = if stragglers { Remaining::Stragglers } else { Remaining::Nothing };
                Some(Fact::Ended(id, ending, rest))
            }
            Life::Ended(_, Told::Yes) => (!stragglers).then_some(Fact::TreeGone(id)),
            Life::Ended(_, Told::Unheard) | Life::Expected(_) | Life::Alive => None,
        }
    }

    /// Has somebody look who is left of a tree.
    pub(crate) fn look_who_remains(&self, id: RunId) {
        if let Some(run) = self.owners.runs.get(id) {
            self.tree_job(TreeJob::Remains(run.tree()));
        }
    }

    /// Those who talk to Node apps.
    pub(crate) fn node(&self) -> &Node {
        &self.owners.node
    }

    /// The log plane.
    pub(crate) fn log_writer(&self) -> &LogWriter {
        &self.owners.log_writer
    }

    /// Its logs are kept by new rules from now on.
    pub(crate) fn retune(&self, id: RunId, app: Arc<AppSpec>) {
        let Some(run) = self.get(id) else { return };
        let tag = run.tag.raw();
        let keys = run.open.iter().map(|stream| StreamKey { tag, stream: *stream }).collect();
        self.owners.spawner.send(SpawnerJob::Retune(keys, app)).ok();
    }

    /// Closes listening sockets that nobody will serve.
    pub(crate) fn tidy(&mut self, core: &Core) {
        self.owners.tidy(core);
    }

    /// Gives another guardian the sockets that apps find open.
    pub(crate) fn hand_over_sockets(&self, link: &Arc<Link>) {
        let (done, wait) = std::sync::mpsc::sync_channel(1);
        self.owners.spawner.send(SpawnerJob::HandOver(Arc::clone(link), done)).ok();
        wait.recv().ok();
    }

    /// Orders figures of all that live.
    pub(crate) fn sample(&self, machine: Machine) {
        let alive = |run: &Run| matches!(run.life, Life::Alive) && run.identity.is_some();
        let trees = self.all().iter().filter(|(_, run)| alive(run)).map(|(_, run)| run.tree());
        self.tree_job(TreeJob::Sample(trees.collect(), machine));
    }
}
