//! From records back to a core, and from a core to records.
//!
//! Tolerant: a record about something unknown is skipped, times that can't be are pulled back to now.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;

use pm_spec::{AppSpec, Mode, Span};

use crate::app::App;
use crate::core::Core;
use crate::id::{AppId, InstanceId, RunId, Time};
use crate::instance::{HISTORY, Instance, StartedBy, after};
use crate::phase::{Phase, Want};
use crate::saved::{Counters, InstanceRecord, Record, SavedApp, SavedInstance, SavedPhase};
use crate::second_run::{SecondRun, drain_timeout};
use crate::verdict::Streaks;
use crate::view::{Cause, End};

/// What is known while records are read.
struct Replay {
    apps: BTreeMap<AppId, Arc<AppSpec>>,
    instances: BTreeMap<InstanceId, InstanceRecord>,
    ends: BTreeMap<InstanceId, VecDeque<End>>,
    counters: Counters,
}

impl Core {
    /// What the records say. The next step (with any fact) goes on where the last daemon stopped, so take it soon.
    pub fn restore(now: Time, records: impl IntoIterator<Item = Record>) -> Self {
        let mut replay = Replay {
            apps: BTreeMap::new(),
            instances: BTreeMap::new(),
            ends: BTreeMap::new(),
            counters: Self::new().counters,
        };
        for record in records {
            replay.apply(record);
        }
        replay.finish(now)
    }

    /// Everything as records, for a snapshot: `restore` of them is this core without what it owes to clients.
    pub fn records(&self) -> Vec<Record> {
        let mut records = Vec::with_capacity(1 + self.apps.len() + self.instances.len() * 2);
        records.push(Record::Counters(self.counters));
        records.extend(self.apps.values().map(|app| Record::App(Box::new(app.record()))));
        for instance in self.instances.values() {
            records.push(Record::Instance(instance.record()));
            records
                .extend(instance.history.iter().map(|end| Record::End(instance.id, end.clone())));
        }
        records
    }

    /// What `pm save` writes: every app that is not being deleted, and how its instances are wanted.
    pub fn saved_list(&self) -> Vec<SavedApp> {
        let mut list = Vec::with_capacity(self.apps.len());
        for app in self.apps.values() {
            let instances = app.slots.values().filter_map(|id| self.instances.get(id));
            let instances: Vec<SavedInstance> = instances
                .filter(|instance| instance.want != Want::Gone)
                .map(|instance| SavedInstance {
                    id: instance.id,
                    slot: instance.slot,
                    wanted: instance.want.is_up(),
                    resting: instance.resting,
                })
                .collect();
            if !instances.is_empty() {
                list.push(SavedApp { spec: AppSpec::clone(&app.spec), instances });
            }
        }
        list
    }
}

impl Replay {
    fn apply(&mut self, record: Record) {
        match record {
            Record::App(app) => {
                self.reserve_app(app.id);
                let mut spec = app.spec;
                if let Some(before) = self.apps.values().next_back() {
                    Arc::make_mut(&mut spec).env.share(&before.env);
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

    fn reserve_app(&mut self, app: AppId) {
        self.counters.app = self.counters.app.max(AppId(app.0.saturating_add(1)));
    }

    fn reserve_run(&mut self, run: RunId) {
        self.counters.run = self.counters.run.max(RunId(run.0.saturating_add(1)));
    }

    fn finish(self, now: Time) -> Core {
        let mut core = Core::new();
        core.counters = self.counters;
        core.apps.extend(self.apps.into_iter().map(|(id, spec)| (id, App::new(id, spec))));
        let mut ends = self.ends;
        for (id, record) in self.instances {
            core.counters.instance = core.counters.instance.max(InstanceId(id.0.saturating_add(1)));
            let Some(app) = core.apps.get_mut(&record.app) else { continue };
            let free = |slot: &u16| !app.slots.contains_key(slot);
            let slot = Some(record.slot).filter(free).or_else(|| (0..=u16::MAX).find(free));
            let Some(slot) = slot else { continue };
            app.slots.insert(slot, id);
            let mut instance = instance(now, record, slot, Arc::clone(&app.spec));
            instance.history = ends.remove(&id).unwrap_or_default();
            core.instances.insert(id, Box::new(instance));
        }
        core.apps.retain(|_, app| !app.slots.is_empty());
        for app in core.apps.values() {
            core.names.entry(app.key()).or_default().insert(app.id);
        }
        let ids: Vec<InstanceId> = core.instances.keys().copied().collect();
        if ids.is_empty() {
            core.counters.instance = InstanceId(0);
        }
        for id in ids {
            core.reindex(id);
            core.dirty.insert(id);
        }
        core
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
        SecondRun { phase, must_stop, stop_unconfirmed: must_stop }
    });
    let stop_cause = match record.want {
        Want::Down => Cause::Stopped,
        Want::Up | Want::Renewed | Want::Gone => Cause::Restarted,
    };
    let streaks =
        Streaks { unstable: record.unstable, flaps: record.flaps, delay: record.last_delay };
    Instance {
        want: record.want,
        stop_cause,
        // Whoever asked for the run under way has lost the connection: nobody is there to be told.
        started_by: StartedBy::Policy,
        restarts: record.restarts,
        streaks,
        created: record.created.min(now),
        resting: record.resting && record.want == Want::Down,
        phase,
        unsaved: false,
        changed: false,
        run_mode: if record.worker { Mode::Cluster } else { Mode::Fork },
        second,
        stop_unconfirmed,
        ..Instance::new(record.id, record.app, slot, spec)
    }
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
