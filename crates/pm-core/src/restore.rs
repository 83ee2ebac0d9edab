//! From records back to a core, and from a core to records.
//!
//! Tolerant: a record about something unknown is skipped, times that can't be are pulled back to now.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;

use pm_spec::{AppSpec, Mode, Span};

use crate::app::App;
use crate::end::{Cause, RunEnd};
use crate::gate::Gate;
use crate::id::{AppId, InstanceId, RunId, Time, after};
use crate::instance::{HISTORY, Instance, StartedBy};
use crate::phase::{Phase, SecondRun, Shown, Want, drain_timeout};
use crate::saved::{Counters, InstanceRecord, Record, SavedPhase};
use crate::verdict::Streaks;

/// What the records say, in the end.
pub(crate) struct Restored {
    pub(crate) counters: Counters,
    pub(crate) apps: BTreeMap<AppId, App>,
    pub(crate) instances: BTreeMap<InstanceId, Box<Instance>>,
}

impl Restored {
    pub(crate) fn read(now: Time, records: impl IntoIterator<Item = Record>) -> Self {
        let mut reader = RecordReader::default();
        for record in records {
            reader.apply(record);
        }
        reader.finish(now)
    }
}

/// What is known while records are read.
#[derive(Default)]
struct RecordReader {
    apps: BTreeMap<AppId, Arc<AppSpec>>,
    instances: BTreeMap<InstanceId, InstanceRecord>,
    ends: BTreeMap<InstanceId, VecDeque<RunEnd>>,
    counters: Counters,
}

impl RecordReader {
    fn apply(&mut self, record: Record) {
        match record {
            Record::App(app) => {
                self.counters.app = self.counters.app.max(AppId(app.id.0.saturating_add(1)));
                let mut spec = app.spec;
                if let Some(before) = self.apps.values().next_back() {
                    Arc::make_mut(&mut spec).share(before);
                }
                self.apps.insert(app.id, spec);
            }
            Record::AppGone(id) => {
                self.apps.remove(&id);
                self.instances.retain(|_, instance| instance.app != id);
            }
            Record::Instance(instance) => {
                let next = InstanceId(instance.id.0.saturating_add(1));
                self.counters.instance = self.counters.instance.max(next);
                instance.phases().filter_map(SavedPhase::run).for_each(|run| self.reserve_run(run));
                self.instances.insert(instance.id, instance);
            }
            Record::InstanceGone(id) => {
                self.instances.remove(&id);
                self.ends.remove(&id);
            }
            Record::End(id, end) => {
                self.reserve_run(end.run);
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

    fn reserve_run(&mut self, run: RunId) {
        self.counters.run = self.counters.run.max(RunId(run.0.saturating_add(1)));
    }

    fn finish(self, now: Time) -> Restored {
        let mut counters = self.counters;
        let mut apps: BTreeMap<AppId, App> =
            self.apps.into_iter().map(|(id, spec)| (id, App::new(id, spec))).collect();
        let mut instances = BTreeMap::new();
        let mut ends = self.ends;
        for (id, record) in self.instances {
            counters.instance = counters.instance.max(InstanceId(id.0.saturating_add(1)));
            let Some(app) = apps.get_mut(&record.app) else { continue };
            let free = |slot: &u16| !app.slots.contains_key(slot);
            let slot = Some(record.slot).filter(free).or_else(|| (0..=u16::MAX).find(free));
            let Some(slot) = slot else { continue };
            app.slots.insert(slot, id);
            let mut instance = instance(now, record, slot, Arc::clone(&app.spec));
            instance.history = ends.remove(&id).unwrap_or_default();
            instances.insert(id, Box::new(instance));
        }
        apps.retain(|_, app| !app.slots.is_empty());
        if instances.is_empty() {
            counters.instance = InstanceId(0);
        }
        Restored { counters, apps, instances }
    }
}

/// One instance as it was written down.
fn instance(now: Time, record: InstanceRecord, slot: u16, spec: Arc<AppSpec>) -> Instance {
    let phase = clamped(now, Phase::restored(record.phase), record.last_delay, spec.stop.timeout);
    let stop_unconfirmed = matches!(phase, Phase::Stopping(_));
    let second = record.second.map(|saved| {
        let phase =
            clamped(now, Phase::restored(saved), record.last_delay, drain_timeout(&spec.stop));
        let must_stop = matches!(phase, Phase::Stopping(_));
        SecondRun { phase, must_stop, stop_unconfirmed: must_stop, until: None }
    });
    let stop_cause = match record.want {
        Want::Down => Cause::Stopped,
        Want::Up | Want::Renewed | Want::Gone => Cause::Restarted,
    };
    let streaks =
        Streaks { unstable: record.unstable, flaps: record.flaps, delay: record.last_delay };
    let mut instance = Instance {
        want: record.want,
        by: record.by,
        stop_cause,
        // Whoever asked for the run under way has lost the connection: nobody is there to be told.
        started_by: StartedBy::Policy,
        restarts: record.restarts,
        streaks,
        created: record.created.min(now),
        resting: record.resting && record.want == Want::Down,
        job: record.job,
        phase,
        unsaved: false,
        changed: false,
        run_mode: if record.worker { Mode::Cluster } else { Mode::Fork },
        shares_sockets: record.shares_sockets,
        outdated: record.outdated,
        second: second.map(Box::new),
        gate: Gate { is_open: record.no_deps, ..Gate::default() },
        stop_unconfirmed,
        shown: Shown { health: record.health, ..Shown::default() },
        ..Instance::new(record.id, record.app, slot, spec)
    };
    instance.shown.unannounced = instance.still_unannounced(now);
    instance
}

/// Times that can't be are pulled back to now.
fn clamped(now: Time, mut phase: Phase, last_delay: u64, grace: Span) -> Phase {
    match &mut phase {
        Phase::Stopping(stopping) => {
            stopping.force_at = stopping.force_at.min(after(now, grace));
            stopping.live.since = stopping.live.since.min(now);
        }
        Phase::Up { live, .. } => live.since = live.since.min(now),
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
