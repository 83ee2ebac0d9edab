//! The core: one fact in, the orders that follow out.
//!
//! It owns all state and no clock, channel or handle; only instances that a fact or a deadline touches are looked at.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;

use pm_spec::{AppName, AppSpec};

use crate::app::App;
use crate::fact::{Ending, Fact, Rest};
use crate::id::{AppId, InstanceId, RequestId, RunId, Time};
use crate::instance::{Fate, Seat};
use crate::order::{Became, Change, Knock, Order, Outcome, Refused, Reply};
use crate::request::{Goal, Then};
use crate::saved::{Counters, Record};
use crate::senses::Needs;
use crate::view::{Cause, SeatView};

/// What an instance is filed under besides its number, as far as the core's indexes know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filed {
    pub(crate) run: Option<RunId>,
    pub(crate) beside: Option<RunId>,
    pub(crate) deadline: Option<Time>,
    pub(crate) weighed: bool,
    pub(crate) needs: Needs,
}

/// Decides. See the crate's description.
#[derive(Clone, Debug)]
pub struct Core {
    pub(crate) apps: BTreeMap<AppId, App>,
    pub(crate) names: BTreeMap<(AppName, AppName), BTreeSet<AppId>>,
    /// Boxed: a map that only grows at its end is half empty.
    pub(crate) seats: BTreeMap<InstanceId, Box<Seat>>,
    pub(crate) goals: BTreeMap<RequestId, Goal>,
    pub(crate) counters: Counters,
    pub(crate) leaving: bool,
    pub(crate) filed: BTreeMap<InstanceId, Filed>,
    pub(crate) runs: BTreeMap<RunId, InstanceId>,
    pub(crate) deadlines: BTreeSet<(Time, InstanceId)>,
    pub(crate) weighed: usize,
    pub(crate) weighing: bool,
    /// Instances to be looked at in this step.
    pub(crate) dirty: BTreeSet<InstanceId>,
    /// Apps whose senses may have to change in this step.
    pub(crate) attended: BTreeSet<AppId>,
    /// Requests that may have become true in this step.
    pub(crate) finished: BTreeSet<RequestId>,
}

impl Default for Core {
    fn default() -> Self {
        Self::new()
    }
}

impl Core {
    /// Knows nothing yet.
    pub const fn new() -> Self {
        Self {
            apps: BTreeMap::new(),
            names: BTreeMap::new(),
            seats: BTreeMap::new(),
            goals: BTreeMap::new(),
            counters: Counters { app: AppId(0), instance: InstanceId(0), run: RunId(0) },
            leaving: false,
            filed: BTreeMap::new(),
            runs: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            weighed: 0,
            weighing: false,
            dirty: BTreeSet::new(),
            attended: BTreeSet::new(),
            finished: BTreeSet::new(),
        }
    }

    /// Takes one fact and appends the orders that follow from it and from `now`.
    ///
    /// The fact comes first: what a person wishes or what ended by itself goes before what is merely due.
    pub fn step(&mut self, now: Time, fact: Fact, orders: &mut Vec<Order>) {
        self.take(now, fact, orders);
        while let Some((due, id)) = self.deadlines.first().copied().filter(|(due, _)| *due <= now) {
            self.deadlines.remove(&(due, id));
            self.dirty.insert(id);
        }
        while let Some(id) = self.dirty.pop_first() {
            self.tend(now, id, orders);
        }
        self.attend(orders);
        self.answer(orders);
        if (self.weighed > 0) != self.weighing {
            self.weighing = !self.weighing;
            orders.push(Order::Weigh(self.weighing));
        }
    }

    /// When to step even if nothing happens. `None`: never.
    pub fn next_deadline(&self) -> Option<Time> {
        if !self.dirty.is_empty() {
            return Some(Time(0));
        }
        self.deadlines.first().map(|(due, _)| *due)
    }

    /// All instances in order of their numbers.
    pub fn seats(&self) -> impl Iterator<Item = SeatView<'_>> {
        self.seats.values().map(|seat| seat.view())
    }

    /// One instance.
    pub fn seat(&self, id: InstanceId) -> Option<SeatView<'_>> {
        self.seats.get(&id).map(|seat| seat.view())
    }

    /// The instance a run belongs to; `None` if the run is over or unknown.
    pub fn seat_of_run(&self, run: RunId) -> Option<SeatView<'_>> {
        self.runs.get(&run).and_then(|id| self.seat(*id))
    }

    fn take(&mut self, now: Time, fact: Fact, orders: &mut Vec<Order>) {
        match fact {
            Fact::Asked(request, ask) => self.asked(now, request, ask, orders),
            Fact::Withdrawn(request) => self.withdrawn(request),
            Fact::Spawned(run, identity) => {
                self.with_run(run, |seat| seat.spawned(now, identity), |_| {});
            }
            Fact::NotSpawned(run, failure) => {
                self.with_run(run, |seat| seat.not_spawned(now, failure), |_| {});
            }
            Fact::Ready(run) => {
                self.with_run(run, Seat::said_ready, |_| {});
            }
            Fact::Ended(run, ending, rest) => {
                if !self.ended(now, run, (ending, rest), orders) {
                    // Remembered as over before the daemon died, but its exit was not acknowledged yet.
                    orders.push(Order::Release(run));
                }
            }
            Fact::Swept(run) => {
                self.with_run(run, |seat| seat.swept(now), Seat::beside_swept);
            }
            Fact::Weighed(run, used) => {
                self.with_run(run, |seat| seat.weighed(used), |_| {});
            }
            Fact::Due(app) => self.nudged(now, app, &Cause::Scheduled),
            Fact::Touched(app, path) => self.nudged(now, app, &Cause::Touched(path)),
            Fact::Woke => {}
        }
    }

    /// A main process ended. False if nobody remembers the run.
    fn ended(
        &mut self,
        now: Time,
        run: RunId,
        (ending, rest): (Ending, Rest),
        orders: &mut Vec<Order>,
    ) -> bool {
        let id = self.runs.get(&run).copied();
        let second = id.and_then(|id| self.seats.get(&id)).is_some_and(|seat| seat.is_beside(run));
        if second {
            self.with_run(run, |_| {}, |seat| seat.beside_ended(now, ending, rest, orders))
        } else {
            self.with_run(run, |seat| seat.ended(now, ending, rest, orders), |_| {})
        }
    }

    /// Lets the run's instance know, in one way or, of its second run, in the other. False if nobody remembers the
    /// run; then its number is at least never given out.
    fn with_run(
        &mut self,
        run: RunId,
        tell: impl FnOnce(&mut Seat),
        tell_second: impl FnOnce(&mut Seat),
    ) -> bool {
        let seat = self.runs.get(&run).and_then(|id| self.seats.get_mut(id));
        let Some(seat) = seat else {
            self.counters.run = self.counters.run.max(RunId(run.0.saturating_add(1)));
            return false;
        };
        if seat.is_beside(run) {
            tell_second(seat);
        } else {
            tell(seat);
        }
        self.dirty.insert(seat.id);
        true
    }

    /// Brings one instance to rest, answers for it, files it anew.
    fn tend(&mut self, now: Time, id: InstanceId, orders: &mut Vec<Order>) {
        let Some(seat) = self.seats.get_mut(&id) else { return };
        let fate = seat.settle(now, &mut self.counters.run, orders);
        match fate {
            Fate::Stays => seat.check(now),
            Fate::Leaves => seat.farewell(),
        }
        let answers = ::core::mem::take(&mut seat.answers);
        let (app, name) = (seat.app, seat.spec.name.clone());
        if fate == Fate::Stays && ::core::mem::take(&mut seat.changed) {
            orders.push(Order::Tell(Change::Changed(id)));
        }
        if fate == Fate::Leaves {
            self.forget(id, orders);
        }
        self.file(id);
        for (request, became) in answers {
            self.note(now, request, Outcome { instance: id, app, name: name.clone(), became });
        }
    }

    /// Files an instance under its run, deadline and limit as they are now.
    pub(crate) fn file(&mut self, id: InstanceId) {
        let new = self.seats.get(&id).map_or_else(Filed::default, |seat| Filed {
            run: seat.phase.run(),
            beside: seat.beside.as_ref().and_then(|beside| beside.phase.run()),
            deadline: seat.deadline(),
            weighed: seat.is_weighed(),
            needs: self.needs(seat),
        });
        let old = self.filed.get(&id).copied().unwrap_or_default();
        if let Some(app) = self.seats.get(&id).map(|seat| seat.app) {
            self.count_needs(app, old.needs, new.needs);
        }
        if (old.run, old.beside) != (new.run, new.beside) {
            for run in [old.run, old.beside].into_iter().flatten() {
                self.runs.remove(&run);
            }
            for run in [new.run, new.beside].into_iter().flatten() {
                self.runs.insert(run, id);
            }
        }
        // The old deadline may have been taken out by `step`, so the new one is put in even if it is the same.
        if old.deadline != new.deadline {
            old.deadline.map(|due| self.deadlines.remove(&(due, id)));
        }
        new.deadline.map(|due| self.deadlines.insert((due, id)));
        self.weighed = self.weighed + usize::from(new.weighed) - usize::from(old.weighed);
        if self.seats.contains_key(&id) {
            self.filed.insert(id, new);
        } else {
            self.filed.remove(&id);
        }
    }

    /// An instance is gone, and with the last one its app.
    fn forget(&mut self, id: InstanceId, orders: &mut Vec<Order>) {
        let Some(seat) = self.seats.remove(&id) else { return };
        let needed = self.filed.get(&id).map(|filed| filed.needs).unwrap_or_default();
        self.count_needs(seat.app, needed, Needs::default());
        orders.push(Order::Remember(Record::SeatGone(id)));
        if let Some(app) = self.apps.get_mut(&seat.app) {
            app.seats.remove(&seat.slot);
            if app.seats.is_empty() {
                self.unname(seat.app);
                if let Some(mut app) = self.apps.remove(&seat.app) {
                    app.unattend(orders);
                }
                orders.push(Order::Remember(Record::AppGone(seat.app)));
            }
        }
        if self.seats.is_empty() {
            self.counters.instance = InstanceId(0);
            orders.push(Order::Remember(Record::Counters(self.counters)));
        }
        orders.push(Order::Tell(Change::Removed(id)));
    }

    /// One instance has become something for a request.
    pub(crate) fn note(&mut self, now: Time, request: RequestId, outcome: Outcome) {
        let Some(goal) = self.goals.get_mut(&request) else { return };
        goal.open.remove(&outcome.instance);
        if goal.open.is_empty() {
            self.finished.insert(request);
        }
        let (app, id, became) = (outcome.app, outcome.instance, outcome.became.clone());
        goal.outcomes.insert(id, outcome);
        if goal.rollouts.get(&app).is_some_and(|rollout| rollout.current.contains(&id)) {
            self.advance(now, request, (app, id), &became);
        }
    }

    /// Replies to all requests that have become true.
    fn answer(&mut self, orders: &mut Vec<Order>) {
        while let Some(request) = self.finished.pop_first() {
            if self.goals.get(&request).is_none_or(|goal| !goal.open.is_empty()) {
                continue;
            }
            let Some(goal) = self.goals.remove(&request) else { continue };
            if goal.heard {
                let outcomes = goal.outcomes.into_values().collect();
                orders.push(Order::Reply(request, Reply::Done(outcomes)));
            }
            if goal.then == Then::Leave {
                orders.push(Order::Leave);
            }
        }
    }

    /// Nobody waits for the reply any more. What was wished goes on.
    fn withdrawn(&mut self, request: RequestId) {
        let Some(goal) = self.goals.get_mut(&request) else { return };
        if goal.then == Then::Leave || !goal.rollouts.is_empty() {
            goal.heard = false;
            return;
        }
        for id in ::core::mem::take(&mut goal.open) {
            if let Some(seat) = self.seats.get_mut(&id) {
                seat.ignore(request);
                self.dirty.insert(id);
            }
        }
        self.goals.remove(&request);
    }

    /// A new app.
    pub(crate) fn add_app(&mut self, mut spec: AppSpec, orders: &mut Vec<Order>) -> AppId {
        let id = self.counters.app;
        self.counters.app = AppId(id.0.saturating_add(1));
        // Apps started one by one from the same shell mostly have the same environment.
        if let Some(before) = self.apps.values().next_back() {
            spec.env.share(&before.spec.env);
        }
        let app = App::new(id, Arc::new(spec));
        orders.push(Order::Remember(Record::App(Box::new(app.record()))));
        self.names.entry(app.key()).or_default().insert(id);
        self.apps.insert(id, app);
        id
    }

    /// A new instance, down, with this number or, if `None`, the next.
    pub(crate) fn add_seat(
        &mut self,
        app: AppId,
        slot: u16,
        id: Option<InstanceId>,
    ) -> Option<&mut Seat> {
        let id = id.unwrap_or(self.counters.instance);
        let app = self.apps.get_mut(&app)?;
        self.counters.instance = self.counters.instance.max(InstanceId(id.0.saturating_add(1)));
        app.seats.insert(slot, id);
        self.dirty.insert(id);
        let seat = Seat::new(id, app.id, slot, Arc::clone(&app.spec));
        Some(self.seats.entry(id).or_insert(Box::new(seat)))
    }

    /// A new spec for an app; what runs goes on with the old one, but is stopped and restarted as the new one says.
    pub(crate) fn respec(&mut self, app: AppId, spec: AppSpec, orders: &mut Vec<Order>) {
        let Some(app) = self.apps.get_mut(&app) else { return };
        if *app.spec == spec {
            return;
        }
        let limits = (app.spec.logs.rotation, app.spec.logs.full);
        app.spec = Arc::new(spec);
        let is_retuned = limits != (app.spec.logs.rotation, app.spec.logs.full);
        self.attended.insert(app.id);
        orders.push(Order::Remember(Record::App(Box::new(app.record()))));
        for id in app.seats.values() {
            if let Some(seat) = self.seats.get_mut(id) {
                seat.spec = Arc::clone(&app.spec);
                seat.changed = true;
                if let Some(run) = seat.phase.run().filter(|_| is_retuned) {
                    orders.push(Order::Retune(run, Arc::clone(&app.spec)));
                }
                self.dirty.insert(*id);
            }
        }
    }

    /// A wish is refused: nothing was done.
    pub(crate) fn refuse(&mut self, request: RequestId, why: Refused, orders: &mut Vec<Order>) {
        self.goals.remove(&request);
        orders.push(Order::Reply(request, Reply::Refused(why)));
    }

    /// Sends a person's signal to the main process, if there is one.
    pub(crate) fn pass(&self, id: InstanceId, signal: pm_spec::Signal) -> (Became, Option<Order>) {
        let seat = self.seats.get(&id);
        let alive = seat.is_some_and(|seat| seat.phase.going().is_none_or(|going| !going.ended));
        match seat.and_then(|seat| seat.phase.life()) {
            Some(life) if alive => {
                (Became::Signaled, Some(Order::Signal(life.run, Knock::Pass(signal))))
            }
            Some(_) | None => (Became::Unchanged, None),
        }
    }
}
