//! What readers are told: changed rows for subscribers, and figures for as long as somebody looks.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use pm_core::{Core, InstanceId, InstanceView, RunId, Time};
use pm_protocol::{Change, Row};
use pm_spec::{HookStage, TimedCommand};
use tokio::sync::mpsc;

use crate::blocked_logs;
use crate::clock::{self, Clocks, Dates};
use crate::running_commands::RunningCommands;
use crate::sampler::Figures;
use crate::server::answer;
use crate::server::feed::Feed;
use crate::tree_job::{Machine, Sample};
use crate::triggers::Cron;

/// Subscribers, and the last figures.
#[derive(Debug, Default)]
pub(crate) struct Publisher {
    feed: Feed,
    figures: Figures,
    /// Some running app has a memory limit.
    limits: bool,
    /// Instances that look different since it was last told.
    changed: BTreeSet<InstanceId>,
}

impl Publisher {
    /// The last figures.
    pub(crate) fn figures(&self) -> &Figures {
        &self.figures
    }

    /// Some running app has a memory limit, or none has.
    pub(crate) fn set_limits(&mut self, limits: bool) {
        self.limits = limits;
    }

    /// Notes that a sample was ordered; `false` if one is under way already.
    pub(crate) fn order_sample(&mut self, now: Time) -> bool {
        self.figures.order(now)
    }

    /// Notes what is to be told.
    pub(crate) fn note(&mut self, change: &pm_core::Change) {
        match change {
            pm_core::Change::Changed(id) => _ = self.changed.insert(*id),
            pm_core::Change::Removed(id) => {
                self.changed.remove(id);
                self.feed.tell(Change::Removed(id.0));
            }
        }
    }

    /// Tells what was noted.
    pub(crate) fn publish(&mut self, core: &Core, dates: &Dates, cron: &Cron) {
        let changed = std::mem::take(&mut self.changed);
        if !self.feed.is_heard() {
            return;
        }
        let clocks = Clocks::read(dates);
        for instance in changed.iter().filter_map(|id| core.instance(*id)) {
            let next = cron.next(instance.app_id);
            let row = answer::row(&instance, &self.figures, (clocks, next));
            self.feed.tell(Change::Changed(row));
        }
        self.feed.catch_up(|| rows(core, &self.figures, (dates, cron)));
    }

    /// Adds a subscriber; the first thing it is told is everything.
    pub(crate) fn subscribe(
        &mut self,
        core: &Core,
        (dates, cron): (&Dates, &Cron),
        usage_every: Option<u32>,
    ) -> mpsc::Receiver<Arc<Change>> {
        self.feed.subscribe(usage_every, rows(core, &self.figures, (dates, cron)))
    }

    /// Connections to these addresses are accepted for a run.
    pub(crate) fn serves(&mut self, run: RunId, addresses: Vec<SocketAddr>) {
        self.figures.serves(run, addresses);
    }

    /// A command that goes with a run begins now.
    pub(crate) fn staged_begun(&mut self, core: &Core, (run, stage): (RunId, HookStage)) {
        let app = core.instance_of_run(run).map(|instance| Arc::clone(instance.app));
        if let Some(command) = app.as_ref().and_then(|app| app.staged.get(&stage)) {
            self.command_begun(core, run, (stage.key(), command));
        }
    }

    /// The same of any.
    pub(crate) fn command_begun(
        &mut self,
        core: &Core,
        run: RunId,
        command: (&'static str, &TimedCommand),
    ) {
        self.figures.commands.begun(run, command, clock::now());
        self.changed.extend(core.instance_of_run(run).map(|instance| instance.id));
    }

    /// Commands that go with runs.
    pub(crate) fn commands(&mut self) -> &mut RunningCommands {
        &mut self.figures.commands
    }

    /// A log takes nothing for a stream, or does again.
    pub(crate) fn log_blocked(&mut self, core: &Core, log: PathBuf, cause: Option<String>) {
        let own = core.instances().filter(|one| blocked_logs::of(one, &log));
        self.changed.extend(own.map(|one| one.id));
        self.figures.blocked.note(log, cause);
    }

    /// Takes fresh figures in and tells them.
    pub(crate) fn sampled(&mut self, core: &Core, sample: Sample) {
        self.figures.take(clock::now(), sample);
        if !self.feed.is_heard() {
            return;
        }
        let running = core.instances().filter_map(|one| Some((one.id.0, one.run?.0)));
        let usage = running.map(|(id, run)| (id, self.figures.of(run))).collect();
        self.feed.tell(Change::Usage(usage));
        if let Some(host) = self.figures.host() {
            self.feed.tell(Change::Host(host.clone()));
        }
    }

    /// Whether a subscriber missed something.
    pub(crate) fn is_behind(&self) -> bool {
        self.feed.is_behind()
    }

    /// When the next figures are due; `None`: nobody looks.
    pub(crate) fn due(&self, now: Time) -> Option<Time> {
        self.figures.due(now, self.feed.shortest(), self.limits)
    }

    /// Forgets who is gone and catches up with who is behind. What of a sample is due, if one is.
    pub(crate) fn run_due(
        &mut self,
        core: &Core,
        now: Time,
        (dates, cron): (&Dates, &Cron),
    ) -> Option<Machine> {
        if self.feed.is_behind() {
            self.feed.catch_up(|| rows(core, &self.figures, (dates, cron)));
        }
        self.feed.forget_the_gone();
        let machine =
            if self.feed.shortest().is_some() { Machine::Wanted } else { Machine::Unwanted };
        self.due(now).filter(|at| *at <= now).map(|_| machine)
    }

    /// Tells everybody that the daemon leaves, and nothing more.
    pub(crate) fn close(&mut self) {
        self.feed.tell(Change::Leaving);
        self.feed = Feed::default();
    }
}

/// The whole list.
fn rows(core: &Core, figures: &Figures, (dates, cron): (&Dates, &Cron)) -> Vec<Row> {
    let clocks = Clocks::read(dates);
    let row = |instance: InstanceView<'_>| {
        answer::row(&instance, figures, (clocks, cron.next(instance.app_id)))
    };
    core.instances().map(row).collect()
}
