//! What happened to apps, for people: found in the facts the core is told and the orders that follow, written to the file of
//! events. Nothing depends on it: an event that can't be written is lost, and so may be one in whose moment we are killed.

use std::collections::BTreeMap;
use std::sync::Arc;

use pm_core::{
    Became, Cause, Core, Ending, Fact, InstanceId, InstanceView, Order, Outcome, Record, Reply,
    RequestId, RunEnd, SpawnFailure, Status,
};
use pm_protocol::{Event, EventKind, Home};
use pm_spec::{AppSpec, Health};

use crate::caller::Caller;
use crate::clock::{self, Clocks};
use crate::server::ends;

mod file;

use file::EventFile;

/// Notices events and writes them down.
#[derive(Debug)]
pub(crate) struct Events {
    file: EventFile,
    subject: Option<Subject>,
}

/// The instance that the fact under way is about, as it stood before, and what there is to tell if that is still so afterwards.
#[derive(Debug)]
struct Subject {
    id: InstanceId,
    app: Arc<AppSpec>,
    status: Status,
    health: Option<Health>,
    failures: u32,
    pid: Option<u32>,
    draft: Option<Event>,
}

impl Events {
    pub(crate) fn new(home: &Home) -> Self {
        Self { file: EventFile::new(home.events()), subject: None }
    }

    /// Something of the daemon itself, told at once.
    pub(crate) fn of_daemon(&mut self, event: EventKind, why: String, clocks: Clocks<'_>) {
        let (now, pid) = (clocks.here(), Some(std::process::id()));
        self.file.add(&Event { at: now, event, pid, why: Some(why), ..Event::default() });
        self.file.write(now);
    }

    /// Something of an instance that is no fact of the core.
    pub(crate) fn of_instance(
        &mut self,
        instance: &InstanceView<'_>,
        (kind, why): (EventKind, String),
        clocks: Clocks<'_>,
    ) {
        let event = Event { why: Some(why), ..draft(kind) };
        self.add(Some(of(instance.app, instance.id, event)), clocks);
    }

    /// The core is about to be told this.
    pub(crate) fn before(&mut self, core: &Core, fact: &Fact) {
        self.subject = None;
        let (run, draft) = match fact {
            Fact::Spawned(run, identity) => {
                (*run, Some(Event { pid: Some(identity.pid), ..draft(EventKind::Started) }))
            }
            Fact::MainProcess(run, identity) => {
                (*run, Some(Event { pid: Some(identity.pid), ..draft(EventKind::MainProcess) }))
            }
            Fact::NotSpawned(run, SpawnFailure::Refused(why) | SpawnFailure::Short(why)) => {
                let why = Some(format!("could not {why}"));
                (*run, Some(Event { why, ..draft(EventKind::NotStarted) }))
            }
            Fact::Ready(run) => (*run, Some(draft(EventKind::Ready))),
            Fact::Checked(run, _) => (*run, Some(draft(EventKind::Healthy))),
            Fact::Ended(run, ..) | Fact::TreeGone(run) => (*run, None),
            Fact::NotSpawned(_, SpawnFailure::Interrupted)
            | Fact::Asked(..)
            | Fact::Withdrawn(_)
            | Fact::Unready(..)
            | Fact::Outside(..)
            | Fact::Notified(..)
            | Fact::WorkersReplaced(_)
            | Fact::MemoryMeasured(..)
            | Fact::ScheduleDue(_)
            | Fact::FileChanged(..)
            | Fact::HookOver(..)
            | Fact::TimePassed => return,
        };
        self.subject = core.instance_of_run(run).map(|instance| Subject {
            id: instance.id,
            app: Arc::clone(instance.app),
            status: instance.status,
            health: instance.health,
            failures: instance.failures,
            pid: instance.run.and_then(|(_, identity)| identity).map(|identity| identity.pid),
            draft,
        });
    }

    /// It was told, and these orders follow.
    pub(crate) fn after(
        &mut self,
        core: &Core,
        orders: &[Order],
        clocks: Clocks<'_>,
        callers: &BTreeMap<RequestId, Caller>,
    ) {
        let subject = self.subject.take();
        if let Some(subject) = &subject {
            self.add(subject.news(core, orders), clocks);
        }
        for order in orders {
            if let Order::Persist(Record::End(id, end)) = order {
                let instance = core.instance(*id);
                let app = instance.as_ref().map(|instance| Arc::clone(instance.app));
                let app = app.or_else(|| subject.as_ref().map(|subject| Arc::clone(&subject.app)));
                let Some(app) = app else { continue };
                let told = ended(end, &app, (instance.as_ref(), clocks));
                self.add(Some(of(&app, *id, told)), clocks);
            } else if let Order::Reply(request, Reply::Done(outcomes)) = order {
                for outcome in outcomes {
                    let told = became(outcome, core, callers.get(request));
                    self.add(told, clocks);
                }
            }
        }
        if let Some(subject) = subject {
            self.add(subject.flaps(core), clocks);
            self.add(subject.given_up(core), clocks);
        }
    }

    /// Writes down what was noticed. Whoever is to be begun or asked does not wait for it: a disk that is busy may take its time.
    pub(crate) fn write(&mut self) {
        self.file.write(clock::wall());
    }

    fn add(&mut self, event: Option<Event>, clocks: Clocks<'_>) {
        let Some(event) = event else { return };
        let at = if event.at == 0 { clocks.here() } else { event.at };
        self.file.add(&Event { at, ..event });
    }
}

impl Subject {
    /// What there is to tell of it, if it became so.
    fn news(&self, core: &Core, orders: &[Order]) -> Option<Event> {
        let draft = self.draft.clone()?;
        let instance = core.instance(self.id)?;
        let told = if draft.event == EventKind::Ready {
            let is_new = self.status == Status::Launching && instance.status == Status::Online;
            is_new.then_some(draft)
        } else if draft.event == EventKind::Healthy {
            self.judged(&instance, orders)
        } else if draft.event == EventKind::Started {
            let by = instance.starter.map(ToString::to_string);
            Some(Event { restarts: Some(instance.restarts), by, ..draft })
        } else if draft.event == EventKind::MainProcess {
            let before = self.pid.map(|pid| format!(", in place of {pid}")).unwrap_or_default();
            Some(Event { why: Some(format!("it says so (MAINPID=){before}")), ..draft })
        } else {
            Some(draft)
        };
        told.map(|told| of(&self.app, self.id, told))
    }

    /// What its health check says from now on.
    fn judged(&self, instance: &InstanceView<'_>, orders: &[Order]) -> Option<Event> {
        // What is being replaced for it shows no health any more.
        let health = orders.iter().filter_map(Order::record).find_map(|record| {
            if let Record::Instance(it) = record
                && it.id == self.id
            {
                return it.health;
            }
            None
        })?;
        let saw = instance.saw.map(str::to_owned);
        match health {
            _ if self.health == Some(health) => None,
            Health::Healthy => Some(draft(EventKind::Healthy)),
            Health::Unhealthy => Some(Event { why: saw, ..draft(EventKind::Unhealthy) }),
            Health::Starting => None,
        }
    }

    /// That it fails again and again, called out once.
    fn flaps(&self, core: &Core) -> Option<Event> {
        let instance = core.instance(self.id)?;
        let limit = instance.app.restart.flapping_limit;
        let is_new = self.failures < limit && instance.failures >= limit;
        let why = is_new.then(|| format!("{limit} failures in a row"))?;
        Some(of(&self.app, self.id, Event { why: Some(why), ..draft(EventKind::Flapping) }))
    }

    /// That nobody tries again. Who asked for what could not be started was told so, and that is all there is to it.
    fn given_up(&self, core: &Core) -> Option<Event> {
        let instance = core.instance(self.id)?;
        let is_new = self.status != Status::Errored && instance.status == Status::Errored;
        let why = instance.failure.filter(|_| is_new)?;
        if matches!(why, Cause::NotSpawned(_)) && instance.unstable == 0 {
            return None;
        }
        let why = Some(ends::cause(why));
        Some(of(&self.app, self.id, Event { why, ..draft(EventKind::GaveUp) }))
    }
}

fn draft(event: EventKind) -> Event {
    Event { event, ..Event::default() }
}

fn of(app: &AppSpec, id: InstanceId, event: Event) -> Event {
    Event {
        app: Some(app.name.to_string()),
        namespace: Some(app.namespace.to_string()),
        id: Some(id.0),
        ..event
    }
}

/// A run ended.
fn ended(
    end: &RunEnd,
    app: &AppSpec,
    (instance, clocks): (Option<&InstanceView<'_>>, Clocks<'_>),
) -> Event {
    let view = ends::end_view(end, clocks);
    let is_own = matches!(end.cause, Cause::Ended(_) | Cause::TooLong { .. });
    let event = if matches!(end.cause, Cause::Stopped | Cause::Shutdown) {
        EventKind::Stopped
    } else if !(is_own && app.is_job()) {
        EventKind::Exited
    } else if end.ending == Ending::Exited(0) {
        EventKind::JobDone
    } else {
        EventKind::JobFailed
    };
    let waits = instance.filter(|it| it.status == Status::WaitingRestart && it.last_delay > 0);
    Event {
        // Its moment has another clock; to the millisecond that may seem to come.
        at: view.at.min(clocks.wall()),
        pid: Some(view.pid),
        code: view.code,
        signal: view.signal,
        lived: Some(view.lived),
        restarts: instance.map(|it| it.restarts),
        pause: waits.map(|it| it.last_delay),
        why: Some(view.why),
        by: end.by.as_ref().map(ToString::to_string),
        ..draft(event)
    }
}

/// What an instance became for whoever asked, where no other event tells it.
fn became(outcome: &Outcome, core: &Core, caller: Option<&Caller>) -> Option<Event> {
    let instance = core.instance(outcome.instance).filter(|it| it.app_id == outcome.app);
    let reloads = caller.is_some_and(Caller::reloads);
    // An end that came of it has told it.
    let has_ended = caller.zip(instance.as_ref().and_then(|it| it.history.back()));
    let has_ended = has_ended.is_some_and(|(caller, end)| end.at >= caller.asked());
    let (event, why) = match &outcome.became {
        Became::Deleted => (EventKind::Deleted, None),
        Became::Reloaded(signal) => {
            (EventKind::Reloaded, Some(format!("workers replaced by {signal}")))
        }
        Became::Restarted if reloads => (EventKind::Reloaded, None),
        Became::Failed(why) if reloads => (EventKind::ReloadFailed, Some(ends::cause(why))),
        Became::Failed(why @ (Cause::NotReady { .. } | Cause::Unkillable)) => {
            (EventKind::Failed, Some(ends::cause(why)))
        }
        Became::Stopped if !has_ended => (EventKind::Stopped, None),
        Became::Signaled => (EventKind::Signaled, None),
        Became::Started
        | Became::Restarted
        | Became::Unchanged
        | Became::Amended
        | Became::Finished
        | Became::Stopped
        | Became::Reset
        | Became::Added
        | Became::Failed(_)
        | Became::Superseded => return None,
    };
    Some(Event {
        app: Some(outcome.name.to_string()),
        namespace: instance.map(|instance| instance.app.namespace.to_string()),
        id: Some(outcome.instance.0),
        why,
        by: caller.and_then(Caller::author).map(ToString::to_string),
        ..draft(event)
    })
}
