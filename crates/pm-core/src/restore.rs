//! From records back to a core, and from a core to records.
//!
//! Tolerant: a record about something unknown is skipped, times that can't be are pulled back to now.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;

use pm_spec::{AppSpec, Mode, Span};

use crate::app::App;
use crate::beside::{Beside, grace};
use crate::core::Core;
use crate::id::{AppId, InstanceId, RunId, Time};
use crate::instance::{HISTORY, Hand, Seat, after};
use crate::phase::{Phase, Want};
use crate::saved::{Counters, Record, SavedApp, SavedPhase, SavedSeat, SeatRecord};
use crate::verdict::Streaks;
use crate::view::{Cause, End};

/// What is known while records are read.
struct Replay {
    apps: BTreeMap<AppId, Arc<AppSpec>>,
    seats: BTreeMap<InstanceId, SeatRecord>,
    ends: BTreeMap<InstanceId, VecDeque<End>>,
    counters: Counters,
}

impl Core {
    /// What the records say. The next step (with any fact) goes on where the last daemon stopped, so take it soon.
    pub fn restore(now: Time, records: impl IntoIterator<Item = Record>) -> Self {
        let mut replay = Replay {
            apps: BTreeMap::new(),
            seats: BTreeMap::new(),
            ends: BTreeMap::new(),
            counters: Self::new().counters,
        };
        for record in records {
            replay.take(record);
        }
        replay.finish(now)
    }

    /// Everything as records, for a snapshot: `restore` of them is this core without what it owes to clients.
    pub fn records(&self) -> Vec<Record> {
        let mut records = Vec::with_capacity(1 + self.apps.len() + self.seats.len() * 2);
        records.push(Record::Counters(self.counters));
        records.extend(self.apps.values().map(|app| Record::App(Box::new(app.record()))));
        for seat in self.seats.values() {
            records.push(Record::Seat(seat.record()));
            records.extend(seat.history.iter().map(|end| Record::End(seat.id, end.clone())));
        }
        records
    }

    /// What `pm save` writes: every app that is not being deleted, and how its instances are wanted.
    pub fn saved_list(&self) -> Vec<SavedApp> {
        let mut list = Vec::with_capacity(self.apps.len());
        for app in self.apps.values() {
            let seats = app.seats.values().filter_map(|id| self.seats.get(id));
            let seats: Vec<SavedSeat> = seats
                .filter(|seat| seat.want != Want::Gone)
                .map(|seat| SavedSeat {
                    id: seat.id,
                    slot: seat.slot,
                    wanted: seat.want.is_up(),
                    resting: seat.resting,
                })
                .collect();
            if !seats.is_empty() {
                list.push(SavedApp { spec: AppSpec::clone(&app.spec), seats });
            }
        }
        list
    }
}

impl Replay {
    fn take(&mut self, record: Record) {
        match record {
            Record::App(app) => {
                self.seen_app(app.id);
                let mut spec = app.spec;
                if let Some(before) = self.apps.values().next_back() {
                    Arc::make_mut(&mut spec).env.share(&before.env);
                }
                self.apps.insert(app.id, spec);
            }
            Record::AppGone(id) => {
                self.apps.remove(&id);
                self.seats.retain(|_, seat| seat.app != id);
            }
            Record::Seat(seat) => {
                let next = InstanceId(seat.id.0.saturating_add(1));
                self.counters.instance = self.counters.instance.max(next);
                seat.phases().filter_map(SavedPhase::run).for_each(|run| self.seen_run(run));
                self.seats.insert(seat.id, seat);
            }
            Record::SeatGone(id) => {
                self.seats.remove(&id);
                self.ends.remove(&id);
            }
            Record::End(id, end) => {
                self.seen_run(end.run);
                let ends = self.ends.entry(id).or_default();
                // Told again after a daemon's death, if it was not acknowledged before.
                ends.retain(|known| known.run != end.run);
                ends.push_back(end);
                if ends.len() > HISTORY {
                    ends.pop_front();
                }
            }
            Record::Counters(counters) => {
                self.counters.instance = counters.instance;
                self.counters.app = self.counters.app.max(counters.app);
                self.counters.run = self.counters.run.max(counters.run);
            }
        }
    }

    fn seen_app(&mut self, app: AppId) {
        self.counters.app = self.counters.app.max(AppId(app.0.saturating_add(1)));
    }

    fn seen_run(&mut self, run: RunId) {
        self.counters.run = self.counters.run.max(RunId(run.0.saturating_add(1)));
    }

    fn finish(self, now: Time) -> Core {
        let mut core = Core::new();
        core.counters = self.counters;
        core.apps.extend(self.apps.into_iter().map(|(id, spec)| (id, App::new(id, spec))));
        let mut ends = self.ends;
        for (id, record) in self.seats {
            core.counters.instance = core.counters.instance.max(InstanceId(id.0.saturating_add(1)));
            let Some(app) = core.apps.get_mut(&record.app) else { continue };
            let free = |slot: &u16| !app.seats.contains_key(slot);
            let slot = Some(record.slot).filter(free).or_else(|| (0..=u16::MAX).find(free));
            let Some(slot) = slot else { continue };
            app.seats.insert(slot, id);
            let mut seat = seat(now, record, slot, Arc::clone(&app.spec));
            seat.history = ends.remove(&id).unwrap_or_default();
            core.seats.insert(id, Box::new(seat));
        }
        core.apps.retain(|_, app| !app.seats.is_empty());
        for app in core.apps.values() {
            core.names.entry(app.key()).or_default().insert(app.id);
        }
        let ids: Vec<InstanceId> = core.seats.keys().copied().collect();
        if ids.is_empty() {
            core.counters.instance = InstanceId(0);
        }
        for id in ids {
            core.file(id);
            core.dirty.insert(id);
        }
        core
    }
}

/// One instance as it was written down.
fn seat(now: Time, record: SeatRecord, slot: u16, spec: Arc<AppSpec>) -> Seat {
    let phase = plausible(now, Phase::restored(record.phase), record.last_delay, spec.stop.timeout);
    let unasked = matches!(phase, Phase::Stopping(_));
    let beside = record.beside.map(|saved| {
        let phase = plausible(now, Phase::restored(saved), record.last_delay, grace(&spec.stop));
        let leaves = matches!(phase, Phase::Stopping(_));
        Beside { phase, leaves, unasked: leaves }
    });
    let why = match record.want {
        Want::Down => Cause::Stopped,
        Want::Up | Want::Renewed | Want::Gone => Cause::Restarted,
    };
    let streaks =
        Streaks { unstable: record.unstable, flaps: record.flaps, delay: record.last_delay };
    Seat {
        want: record.want,
        why,
        // Whoever asked for the run under way has lost the connection: nobody is there to be told.
        hand: Hand::Policy,
        restarts: record.restarts,
        streaks,
        created: record.created.min(now),
        resting: record.resting && record.want == Want::Down,
        phase,
        unsaved: false,
        changed: false,
        made_as: if record.worker { Mode::Cluster } else { Mode::Fork },
        beside,
        unasked,
        ..Seat::new(record.id, record.app, slot, spec)
    }
}

/// Times that can't be are pulled back to now.
fn plausible(now: Time, mut phase: Phase, last_delay: u64, grace: Span) -> Phase {
    match &mut phase {
        Phase::Stopping(going) => {
            going.force_at = going.force_at.min(after(now, grace));
            going.life.since = going.life.since.min(now);
        }
        Phase::Up { life, .. } => life.since = life.since.min(now),
        Phase::Backoff { until, .. } => {
            *until = (*until).min(Time(now.0.saturating_add(last_delay)));
        }
        Phase::Down
        | Phase::Starting { .. }
        | Phase::Killing { .. }
        | Phase::Lost(_)
        | Phase::Failed { .. } => {}
    }
    phase
}
