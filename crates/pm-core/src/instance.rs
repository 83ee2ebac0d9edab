//! One instance: what is wanted of it, where it stands, its counters, and who waits for it.
//!
//! An instance is complete in itself: it sees no other instance, and only appends orders.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

use pm_spec::{AppSpec, Delay, Mode, Signal, Span, Status};

use crate::end::{Cause, RunEnd};
use crate::gate::Gate;
use crate::id::{AppId, Author, InstanceId, RequestId, RunId, Time, after};
use crate::index::IndexEntry;
use crate::job_record::JobRecord;
use crate::order::{Became, Occasion, Order, Reach, RunSignal, SpawnPlan};
use crate::outside::OutsideWait;
use crate::phase::{Phase, SecondRun, Shown, SignalReload, Want};
use crate::request::Waiter;
use crate::saved::{InstanceRecord, Record};
use crate::settle::{Transition, settle};
use crate::verdict::{Streaks, TICK_MS};
use crate::view::{InstanceView, Pause};

/// So many ends are remembered of each instance.
pub(crate) const HISTORY: usize = 20;
/// SIGKILL is repeated this often while somebody of the tree is left.
const KILL_EVERY: Span = Span::from_secs(1);

/// On whose behalf the current run is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StartedBy {
    /// A person's, who is told at once if it can't be spawned.
    Person,
    /// The restart policy's, which tries again.
    Policy,
}

/// Whether an instance goes on being known after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retention {
    Keep,
    Forget,
}

/// One instance.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct Instance {
    pub(crate) id: InstanceId,
    pub(crate) app: AppId,
    pub(crate) slot: u16,
    pub(crate) spec: Arc<AppSpec>,
    pub(crate) want: Want,
    /// Who asked for it.
    pub(crate) by: Option<Author>,
    /// Why the run has to go if `want` says so.
    pub(crate) stop_cause: Cause,
    pub(crate) started_by: StartedBy,
    pub(crate) restarts: u32,
    pub(crate) streaks: Streaks,
    pub(crate) created: Time,
    /// Down because it ended by itself or was never started, not because a person stopped it.
    pub(crate) resting: bool,
    /// What is counted of a job.
    pub(crate) job: JobRecord,
    pub(crate) phase: Phase,
    pub(crate) history: VecDeque<RunEnd>,
    pub(crate) waiters: Vec<Waiter>,
    /// Answers found, to be collected by the core.
    pub(crate) answers: Vec<(RequestId, Became)>,
    /// A run that is over and released as soon as that is written down.
    pub(crate) release: Option<RunId>,
    /// What happened in this step, to be announced as soon as it is written down.
    pub(crate) occasions: Vec<Occasion>,
    /// Its record is out of date.
    pub(crate) unsaved: bool,
    /// Subscribers have not been told.
    pub(crate) changed: bool,
    /// As what its run was made, whatever its app is to be by now.
    pub(crate) run_mode: Mode,
    /// Whether its run was made with the sockets its app finds open.
    pub(crate) shares_sockets: bool,
    /// Its run was made by a spec that differs in what only a new run brings.
    pub(crate) outdated: bool,
    /// Its main process replaces its workers.
    pub(crate) reload: Option<SignalReload>,
    /// A second run, during a reload.
    pub(crate) second: Option<Box<SecondRun>>,
    /// What it was told of its neighbours.
    pub(crate) gate: Gate,
    /// What it waits for outside before it begins.
    pub(crate) outside: Option<Box<OutsideWait>>,
    /// It is on its way out, but whether the daemon before us got to ask it is unknown.
    pub(crate) stop_unconfirmed: bool,
    /// What its run has shown when it was asked.
    pub(crate) shown: Shown,
}

impl Instance {
    /// A new one, down, with nothing behind it.
    pub(crate) fn new(id: InstanceId, app: AppId, slot: u16, spec: Arc<AppSpec>) -> Self {
        Self {
            id,
            app,
            slot,
            spec,
            want: Want::Down,
            by: None,
            stop_cause: Cause::Stopped,
            started_by: StartedBy::Person,
            restarts: 0,
            streaks: Streaks::default(),
            created: Time(0),
            resting: false,
            job: JobRecord::default(),
            phase: Phase::Down,
            history: VecDeque::new(),
            waiters: Vec::new(),
            answers: Vec::new(),
            release: None,
            occasions: Vec::new(),
            unsaved: true,
            changed: true,
            run_mode: Mode::Fork,
            shares_sockets: false,
            outdated: false,
            reload: None,
            second: None,
            gate: Gate::default(),
            outside: None,
            stop_unconfirmed: false,
            shown: Shown::default(),
        }
    }

    /// Something is different: to be written down and told.
    pub(crate) const fn mark_changed(&mut self) {
        self.unsaved = true;
        self.changed = true;
    }

    /// Does everything the table says, until it says rest. `runs` is the next free number.
    pub(crate) fn settle(
        &mut self,
        now: Time,
        runs: &mut RunId,
        orders: &mut Vec<Order>,
    ) -> Retention {
        if ::core::mem::take(&mut self.stop_unconfirmed) {
            self.stop_again(now, orders);
        }
        self.switch_over(now, orders);
        self.settle_queued(now, *runs);
        self.end_overdue(now);
        self.guard(now);
        let retention = loop {
            self.look_outside(now);
            match self.gated(settle(&self.phase, self.want, now)) {
                Transition::Wait => break Retention::Keep,
                Transition::Forget if self.second.is_some() => break Retention::Keep,
                Transition::Forget => break Retention::Forget,
                Transition::Spawn => self.spawn(runs, orders),
                Transition::Stop => self.stop_run(now, orders),
                Transition::Kill => self.kill(now, orders),
                Transition::GiveUp => self.give_up(),
                Transition::GoDown => {
                    self.count_restart();
                    self.phase = Phase::Down;
                    self.mark_changed();
                }
            }
        };
        self.settle_second(now, orders);
        self.settle_reload(now, orders);
        self.announce_ready(now, orders);
        // A forgotten instance needs no last record of its own unless a run of it has to be let go.
        if retention == Retention::Keep || self.release.is_some() {
            self.flush(orders);
        }
        retention
    }

    /// The record first, then what depends on it.
    pub(crate) fn flush(&mut self, orders: &mut Vec<Order>) {
        if self.unsaved {
            self.unsaved = false;
            orders.push(Order::Persist(Record::Instance(self.record())));
        }
        if let Some(run) = self.release.take() {
            orders.push(Order::Release(run));
        }
        orders.extend(self.occasions.drain(..).map(Order::Announce));
    }

    fn spawn(&mut self, runs: &mut RunId, orders: &mut Vec<Order>) {
        self.count_restart();
        self.job.done = false;
        let run = *runs;
        *runs = RunId(run.0.wrapping_add(1));
        self.phase = Phase::Starting { run };
        self.shown = self.nothing_shown();
        self.run_mode = self.spec.serving.mode;
        self.shares_sockets = !self.spec.listen.is_empty();
        self.outdated = false;
        self.want = Want::Up;
        self.mark_changed();
        self.flush(orders);
        let plan = SpawnPlan {
            app_id: self.app,
            instance: self.id,
            slot: self.slot,
            restarts: self.restarts,
            app: Arc::clone(&self.spec),
        };
        orders.push(Order::Spawn(run, plan));
    }

    /// A pause that is over, and not for want of anything else, is followed by a restart.
    fn count_restart(&mut self) {
        if matches!(self.phase, Phase::Backoff { retry: false, .. }) && self.want == Want::Up {
            self.restarts = self.restarts.saturating_add(1);
        }
    }

    pub(crate) fn kill(&mut self, now: Time, orders: &mut Vec<Order>) {
        let patience = Span::from_millis(
            self.spec.stop.timeout.as_millis().saturating_add(KILL_EVERY.as_millis()),
        );
        let (stopping, lost_at) = if let Phase::Killing { stopping, lost_at, .. } = &self.phase {
            (stopping.clone(), *lost_at)
        } else if let Phase::Stopping(stopping) = &self.phase {
            (stopping.clone(), after(now, patience))
        } else {
            return;
        };
        orders.push(Order::Signal(stopping.live.run, RunSignal::Kill(self.reach())));
        self.changed = true;
        self.phase = Phase::Killing { stopping, again_at: after(now, KILL_EVERY), lost_at };
    }

    /// Sends a person's signal to the main process, if there is one.
    pub(crate) fn forward(&self, signal: Signal, orders: &mut Vec<Order>) -> Became {
        let has_main = self.phase.stopping().is_none_or(|stopping| !stopping.ended);
        let Some(live) = self.phase.live().filter(|_| has_main) else { return Became::Unchanged };
        orders.push(Order::Signal(live.run, RunSignal::Forward(signal)));
        Became::Signaled
    }

    /// The word for people: what has to show that it is ready is not online before.
    pub(crate) fn status(&self) -> Status {
        if !self.obstacles().is_empty() || self.outside.is_some() {
            let is_vain = self.hopeless_wait().is_some();
            return if is_vain { Status::Errored } else { Status::Launching };
        }
        if self.is_unshown() { Status::Launching } else { self.phase.status() }
    }

    /// Who gets signals.
    pub(crate) fn reach(&self) -> Reach {
        if self.spec.stop.tree { Reach::Tree } else { Reach::Leader }
    }

    /// When it has to be looked at even if nothing happens.
    pub(crate) fn deadline(&self) -> Option<Time> {
        let waited_for = self.waiters.iter().filter_map(|waiter| self.due_for(waiter)).min();
        let second = self.second.as_ref().and_then(|second| second.phase.deadline());
        let reloads = [self.switch_deadline(), self.reload_deadline(), self.overdue_at()];
        let own = [
            self.phase.deadline(),
            waited_for,
            second,
            self.announced_at(),
            self.needed_at(),
            self.watchdog_at(),
            self.outside_at(),
        ];
        own.into_iter().chain(reloads).flatten().min()
    }

    /// What it is found by.
    pub(crate) fn index_entry(&self) -> IndexEntry {
        IndexEntry {
            run: self.phase.run(),
            second: self.second.as_ref().and_then(|second| second.phase.run()),
            deadline: self.deadline(),
            measured: matches!(self.phase, Phase::Up { .. }) && self.spec.limits.memory.is_some(),
            triggers: self.triggers(),
        }
    }

    /// Why it waits, if it does.
    fn pause_cause(&self) -> Option<Pause> {
        let Phase::Backoff { retry, .. } = self.phase else { return None };
        Some(match (retry, self.spec.restart.delay) {
            (true, _) => Pause::Shortage,
            (false, Delay::Automatic) if self.was_brief() => Pause::Brief,
            (false, _) if self.spec.restart.start_retries.is_some() => {
                Pause::ShortRuns(self.streaks.unstable)
            }
            (false, _) if !self.spec.restart.autorestart => {
                Pause::Retry(self.job.retried, self.spec.job.retries)
            }
            (false, Delay::Fixed(_) | Delay::Exponential(_)) => Pause::Asked,
            (false, Delay::Automatic) if self.streaks.failures() == 0 => Pause::Forgotten,
            (false, Delay::Automatic) if self.streaks.flaps == 0 => {
                Pause::ShortRuns(self.streaks.unstable)
            }
            (false, Delay::Automatic) => Pause::Failures(self.streaks.failures()),
        })
    }

    /// Whether its last run was long enough for all rules and yet shorter than a second.
    fn was_brief(&self) -> bool {
        let uptime = self.history.back().map(|end| end.at.0.saturating_sub(end.since.0));
        let least = self.spec.restart.min_uptime.as_millis();
        self.streaks.failures() == 0 && uptime.is_some_and(|ms| ms >= least && ms < TICK_MS)
    }

    /// As it is written down.
    pub(crate) fn record(&self) -> InstanceRecord {
        InstanceRecord {
            id: self.id,
            app: self.app,
            slot: self.slot,
            want: self.want,
            by: self.by.clone(),
            restarts: self.restarts,
            unstable: self.streaks.unstable,
            flaps: self.streaks.flaps,
            last_delay: self.streaks.delay,
            created: self.created,
            resting: self.resting,
            job: self.job,
            phase: self.phase.saved(),
            worker: self.run_mode == Mode::Cluster,
            shares_sockets: self.shares_sockets,
            outdated: self.outdated,
            second: self.second.as_deref().map(|second| second.saved(&self.spec)),
            health: self.shown.health,
            no_deps: self.gate.is_open,
        }
    }

    /// As readers see it.
    pub(crate) fn view(&self) -> InstanceView<'_> {
        let live = self.phase.live();
        InstanceView {
            id: self.id,
            app_id: self.app,
            app: &self.spec,
            slot: self.slot,
            status: self.status(),
            wanted: self.want.is_up(),
            by: self.by.as_ref(),
            starter: self.starter(),
            resting: self.resting,
            rests: self.rests(),
            job: self.job,
            last_failure: self.last_failure(),
            run: self.phase.run().map(|run| (run, live.map(|live| live.identity))),
            second: self.second.as_ref().and_then(|second| {
                let identity = second.phase.live().map(|live| live.identity);
                second.phase.run().map(|run| (run, identity))
            }),
            since: live.map(|live| live.since),
            restarts: self.restarts,
            unstable: self.streaks.unstable,
            failures: self.streaks.failures(),
            created: self.created,
            next_start: self.phase.next_start(),
            pause: self.pause_cause(),
            last_delay: self.streaks.delay,
            failure: self.phase.failure().or_else(|| self.hopeless_wait()),
            obstacles: self.obstacles(),
            outside: self.outside_things(),
            health: self.health(),
            saw: self.shown.saw.as_deref(),
            history: &self.history,
        }
    }
}
