//! Orders to their owners. Never waits for an outcome and never fails: failures come back as facts.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use pm_core::{AppId, Core, Fact, InstanceView, Order, Record, Reply, RequestId, RunId, Time};
use pm_logs::StreamKey;
use pm_protocol::{Change, EventKind, Home};
use pm_spec::{HookStage, TimedCommand};
use tokio::sync::mpsc;

use crate::caller::Caller;
use crate::clock::Clocks;
use crate::crash_files::CrashFiles;
use crate::events::Events;
use crate::hooks::HookRuns;
use crate::inquiries::Inquiries;
use crate::journal::{self, Journal};
use crate::publisher::Publisher;
use crate::run_control::RunControl;
use crate::server::answer;
use crate::strangers::Strangers;
use crate::tree_job::Machine;
use crate::triggers::Triggers;
use crate::unwritten::Unwritten;
use crate::{app_events, clock, daemon_log, home_id};

/// So long after a reply, in ms, whoever runs one command after the other has gone.
const QUIET: u64 = 1000;

/// Performs orders: has their owners, and whom an answer is owed.
#[derive(Debug)]
pub(crate) struct Executor {
    journal: Journal,
    unwritten: Unwritten,
    strangers: Strangers,
    runs: RunControl,
    triggers: Triggers,
    hooks: HookRuns,
    events: Events,
    crash_files: CrashFiles,
    inquiries: Inquiries,
    publisher: Publisher,
    callers: BTreeMap<RequestId, Caller>,
    /// All apps are down; the last output is being written.
    leaving: bool,
    /// When to give memory back.
    give_back_at: Option<Time>,
}

impl Executor {
    pub(crate) fn new(
        journal: Journal,
        runs: RunControl,
        (triggers, inquiries): (Triggers, Inquiries),
        (events, crash_files): (Events, CrashFiles),
    ) -> Self {
        Self {
            journal,
            unwritten: Unwritten::default(),
            strangers: Strangers::default(),
            runs,
            triggers,
            hooks: HookRuns::default(),
            events,
            crash_files,
            inquiries,
            publisher: Publisher::default(),
            callers: BTreeMap::new(),
            leaving: false,
            give_back_at: None,
        }
    }

    /// The same, while these run that nobody knows.
    pub(crate) fn beside(self, strangers: Strangers) -> Self {
        Self { strangers, ..self }
    }

    /// Who runs and belongs to nobody.
    pub(crate) fn strangers(&self) -> &Strangers {
        &self.strangers
    }

    /// Writes down what is to be remembered, then performs the rest in order.
    pub(crate) fn perform(&mut self, core: &Core, now: Time, orders: &mut Vec<Order>) {
        if orders.iter().any(|order| order.record().is_some()) {
            self.journal.date(now, clock::wall());
        }
        self.journal.append(orders.iter().filter_map(Order::record));
        self.balance();
        let clocks = Clocks::read(self.journal.dates());
        self.events.after(core, orders, clocks, &self.callers);
        let is_news = orders.iter().any(|order| matches!(order, Order::Publish(_)));
        if orders.iter().any(|order| matches!(order, Order::Spawn(..))) {
            // What those before them have left is closed by then, so that each may get a socket of its own.
            self.runs.tidy(core);
        }
        let mut ends = Vec::new();
        for order in orders.drain(..) {
            match order {
                Order::Persist(Record::End(id, end)) => ends.push((id, end)),
                Order::Persist(_) => {}
                Order::Spawn(run, _) if self.unwritten.refuses(run) => {}
                Order::Spawn(run, plan) => {
                    self.inquiries.before(run, &plan);
                    self.runs.spawn(run, plan);
                }
                Order::Signal(run, sent) => self.runs.send_signal(run, sent),
                Order::Hook(run, stage) => {
                    self.publisher.staged_begun(core, (run, stage));
                    self.runs.begin_staged(core, (run, stage), Clocks::read(self.journal.dates()));
                }
                Order::Release(run) if self.unwritten.holds(run) => {}
                Order::Release(run) => {
                    app_events::over(self.runs.get(run), core);
                    self.publisher.commands().forget(run);
                    self.runs.release(run);
                }
                Order::UpdateLogRules(run, app) => self.runs.retune(run, app),
                Order::MeasureMemory(limits) => self.publisher.set_limits(limits),
                Order::Schedule(app, schedule) => {
                    self.triggers.schedule(core, app, schedule.as_ref());
                }
                Order::Watch(app, spec) => self.triggers.watch(app, spec),
                Order::Announce(occasion) => {
                    if let Some(call) = self.hooks.call(core, &occasion, self.journal.dates()) {
                        self.runs.run_hook(call);
                    }
                }
                Order::Publish(change) => {
                    self.inquiries.note(&change);
                    self.publisher.note(&change);
                }
                Order::Reply(request, reply) => self.reply(core, request, reply),
                Order::Leave => self.leaving = true,
            }
        }
        // What follows an end is on its way by now.
        self.crash_files.note(core, &ends, Clocks::read(self.journal.dates()));
        self.crash_files.write(|run| self.runs.get(run).is_some());
        self.inquiries.tend(core);
        self.runs.give_up_unwanted(core);
        self.publisher.publish(core, self.journal.dates(), &self.triggers.cron);
        if is_news {
            self.runs.tidy(core);
        }
        self.events.write();
        if self.journal.is_long() {
            self.journal.rewrite(&core.records());
        }
    }

    /// Does what is due: tries again to write what a full disk refused, takes figures, gives memory back.
    pub(crate) fn run_due(&mut self, core: &Core, now: Time) {
        if self.unwritten.due().is_some_and(|at| at <= now) {
            self.journal.retry(|| core.records());
            self.balance();
        }
        if let Some(machine) =
            self.publisher.run_due(core, now, (self.journal.dates(), &self.triggers.cron))
        {
            self.sample(now, machine);
        }
        if self.give_back_at.is_some_and(|at| at <= now) {
            self.give_back_at = None;
            pm_os::memory::give_back();
        }
    }

    /// When something is due although nothing happens.
    pub(crate) fn due(&self, now: Time) -> Option<Time> {
        let due = [self.publisher.due(now), self.unwritten.due(), self.give_back_at];
        due.into_iter().flatten().min()
    }

    /// What the core must hear of runs that could not be begun.
    pub(crate) fn refused(&mut self) -> Option<Fact> {
        self.unwritten.tell()
    }

    /// Notes whether everything is written down; once it is, what waited for that is done.
    fn balance(&mut self) {
        for run in self.unwritten.settle(self.journal.unwritten(), clock::now()) {
            self.runs.release(run);
        }
    }

    /// This request is owed an answer.
    pub(crate) fn owe(&mut self, request: RequestId, caller: Caller) {
        self.callers.insert(request, caller);
    }

    fn reply(&mut self, core: &Core, request: RequestId, reply: Reply) {
        let Some(caller) = self.callers.remove(&request) else { return };
        match reply {
            Reply::Done(outcomes) => {
                let asked = caller.asked();
                let outcome = |one: &pm_core::Outcome| {
                    let run = core.instance(one.instance).and_then(|instance| instance.run);
                    let run = run.and_then(|(run, _)| self.runs.get(run));
                    let listens = run.map_or(&[][..], |run| &run.listens);
                    answer::outcome(one, core, (asked, listens))
                };
                caller.outcomes(outcomes.iter().map(outcome).collect());
            }
            Reply::Refused(why) => caller.refuse(answer::refusal(&why)),
        }
        self.give_back_soon();
    }

    /// What a call took is not needed to keep watch, but perhaps for the next one.
    pub(crate) fn give_back_soon(&mut self) {
        self.give_back_at = Some(Time(clock::now().0.saturating_add(QUIET)));
    }

    /// A stream reached its end and is in its log.
    pub(crate) fn stream_ended(&mut self, key: StreamKey) {
        self.runs.stream_ended(key);
        self.crash_files.write(|run| self.runs.get(run).is_some());
    }

    /// Something happened to the daemon itself.
    pub(crate) fn tell_of_us(&mut self, event: EventKind, why: &str) {
        let clocks = Clocks::read(self.journal.dates());
        self.events.of_daemon(event, why.into(), clocks);
    }

    /// A command that goes with a run begins now, or what comes before it; whoever looks sees it.
    pub(crate) fn command_begun(
        &mut self,
        core: &Core,
        run: RunId,
        command: (&'static str, &TimedCommand),
    ) {
        self.publisher.command_begun(core, run, command);
        self.publisher.publish(core, self.journal.dates(), &self.triggers.cron);
    }

    /// A command that goes with a run of it failed.
    pub(crate) fn hook_failed(&mut self, instance: &InstanceView<'_>, stage: HookStage, why: &str) {
        let (name, id, key) = (&instance.app.name, instance.id.0, stage.key());
        daemon_log::note(format_args!("{key} of {name} (id {id}) {why}"));
        let clocks = Clocks::read(self.journal.dates());
        let why = format!("its {key} {why}");
        if let Some((run, _)) = instance.run {
            self.publisher.commands().failed(run, stage, why.clone());
        }
        self.events.of_instance(instance, (EventKind::HookFailed, why), clocks);
    }

    /// The process that a run named is not its main one.
    pub(crate) fn main_refused(&mut self, instance: &InstanceView<'_>, why: String) {
        daemon_log::note(format_args!("{} (id {}): {why}", instance.app.name, instance.id.0));
        let clocks = Clocks::read(self.journal.dates());
        self.events.of_instance(instance, (EventKind::MainProcess, why), clocks);
        self.events.write();
    }

    /// What happened to apps, written down for people.
    pub(crate) fn events_mut(&mut self) -> &mut Events {
        &mut self.events
    }

    /// Orders figures unless they are on their way.
    pub(crate) fn sample(&mut self, now: Time, machine: Machine) {
        if self.publisher.order_sample(now) {
            self.runs.sample(machine);
        }
    }

    /// What readers are told.
    pub(crate) fn publisher(&self) -> &Publisher {
        &self.publisher
    }

    /// The same, to be told something by somebody else.
    pub(crate) fn publisher_mut(&mut self) -> &mut Publisher {
        &mut self.publisher
    }

    /// Both clocks, to show moments as dates.
    pub(crate) fn clocks(&self) -> Clocks<'_> {
        Clocks::read(self.journal.dates())
    }

    /// A log takes nothing, or does again; whose it is shows it.
    pub(crate) fn log_blocked(&mut self, core: &Core, log: PathBuf, cause: Option<String>) {
        self.publisher.log_blocked(core, log, cause);
        self.publisher.publish(core, self.journal.dates(), &self.triggers.cron);
    }

    /// Adds somebody who is told of all changes.
    pub(crate) fn subscribe(
        &mut self,
        core: &Core,
        usage_every: Option<u32>,
    ) -> mpsc::Receiver<Arc<Change>> {
        self.publisher.subscribe(core, (self.journal.dates(), &self.triggers.cron), usage_every)
    }

    /// All runs in hand.
    pub(crate) fn runs(&self) -> &RunControl {
        &self.runs
    }

    /// The same, to tell what became of them.
    pub(crate) fn runs_mut(&mut self) -> &mut RunControl {
        &mut self.runs
    }

    /// What people are told while the journal can't be written, or has lost who runs.
    pub(crate) fn warning(&self) -> Option<String> {
        let warnings = [self.unwritten.warning(), self.strangers.warning()];
        warnings.into_iter().flatten().reduce(|one, other| format!("{one}\n{other}"))
    }

    /// Schedules, and files that are watched.
    pub(crate) fn triggers(&self) -> &Triggers {
        &self.triggers
    }

    /// The apps whose time has come.
    pub(crate) fn due_schedules(&mut self) -> Vec<AppId> {
        self.triggers.cron.come()
    }

    /// All apps are down, and what waits now is their last output.
    pub(crate) fn is_leaving(&self) -> bool {
        self.leaving
    }

    /// The socket's path had to be made anew, so the whole home may be gone: what was in it is written again.
    pub(crate) fn restore_home(&mut self, core: &Core, home: &Home) {
        let path = home.id_file();
        if let Err(error) = home_id::restore(&path, self.runs.home_id()) {
            daemon_log::note(format_args!("could not write {}: {error}", path.display()));
        }
        self.journal.restore(&core.records());
    }

    /// Forgets all apps, which are down.
    pub(crate) fn forget_apps(&mut self, core: &Core) {
        self.journal.rewrite(&journal::numbers(&core.records()));
    }
}
