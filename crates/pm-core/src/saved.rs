//! What survives the daemon: the core's state as plain records, last one wins.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use pm_spec::{AppSpec, Health, HookStage};
use serde::{Deserialize, Serialize};

use crate::end::{Cause, RunEnd};
use crate::id::{AppId, Author, Identity, InstanceId, RunId, Time};
use crate::job_record::JobRecord;
use crate::phase::{AwaitedHook, Haste, LiveRun, Phase, SecondRun, StoppingRun, Want};

/// One line of the journal. Replaying all records in order gives the state; later ones replace earlier ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// An app as it is specified now.
    App(Box<AppRecord>),
    /// An app is forgotten, with all its instances.
    AppGone(AppId),
    /// An instance as it stands now. An instance in `Starting` is the intent that precedes each spawn.
    #[serde(rename = "seat")]
    Instance(InstanceRecord),
    /// An instance is forgotten.
    #[serde(rename = "seat_gone")]
    InstanceGone(InstanceId),
    /// A run ended; appended to the instance's history (last twenty are kept).
    End(InstanceId, RunEnd),
    /// The next free numbers.
    Counters(Counters),
}

impl Record {
    /// The next free numbers, if these records say any: the last ones count.
    pub fn last_counters(records: &[Self]) -> Option<Counters> {
        records.iter().rev().find_map(|record| match record {
            Self::Counters(counters) => Some(*counters),
            Self::App(_)
            | Self::AppGone(_)
            | Self::Instance(_)
            | Self::InstanceGone(_)
            | Self::End(..) => None,
        })
    }
}

/// An app and its number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AppRecord {
    /// Its number.
    pub id: AppId,
    /// What was asked for; written down often and copied never.
    pub spec: Arc<AppSpec>,
}

/// The next free numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// For the next app.
    pub app: AppId,
    /// For the next instance.
    pub instance: InstanceId,
    /// For the next run.
    pub run: RunId,
}

/// One instance as it must be known after the daemon's death.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct InstanceRecord {
    /// Its number.
    pub id: InstanceId,
    /// Its app.
    pub app: AppId,
    /// Its slot within the app.
    pub slot: u16,
    /// What people want of it.
    pub want: Want,
    /// Who asked for that, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Author>,
    /// How often it was restarted (PM2: `restart_time`).
    pub restarts: u32,
    /// Short runs in a row (PM2: `unstable_restarts`).
    pub unstable: u32,
    /// Runs in a row of at least `min_uptime` but less than 30 s, for growing pauses.
    pub flaps: u32,
    /// The last pause before a restart in ms (PM2: `prev_restart_delay`).
    pub last_delay: u64,
    /// When people last started it (PM2: `created_at`).
    pub created: Time,
    /// It is down because it ended by itself or was never started, so its schedule and its files may start it.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub resting: bool,
    /// What is counted of a job.
    #[serde(default, skip_serializing_if = "JobRecord::is_empty")]
    pub job: JobRecord,
    /// Where it stands.
    pub phase: SavedPhase,
    /// Whether its run was made as a cluster worker, whatever its app is to be by now.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub worker: bool,
    /// Whether its run was made with the sockets its app finds open.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub shares_sockets: bool,
    /// Whether its run was made by a spec that differs in what only a new run brings.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub outdated: bool,
    /// Whether it begins whatever it depends on.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub no_deps: bool,
    /// A second run, during a reload.
    #[serde(default, rename = "beside", skip_serializing_if = "Option::is_none")]
    pub second: Option<SavedPhase>,
    /// What the health checks said of its run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
}

/// A phase as it is written down.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SavedPhase {
    /// No run.
    Down,
    /// A run is being made; whether it was is for adoption to find out.
    Starting(RunId),
    /// A run lives.
    Alive {
        /// Which.
        run: RunId,
        /// Its main process.
        identity: Identity,
        /// Since when.
        since: Time,
        /// Whether it counts as up.
        up: bool,
    },
    /// A run is on its way out, or its main process is gone and its children are.
    #[serde(rename = "going")]
    Stopping {
        /// Which.
        run: RunId,
        /// Its main process.
        identity: Identity,
        /// Since when it ran.
        since: Time,
        /// When it is forced.
        force_at: Time,
        /// Why it goes.
        cause: Cause,
        /// Whether the main process has ended already.
        ended: bool,
        /// The command it waits for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hook: Option<HookStage>,
    },
    /// The next run begins at this time and counts as a restart.
    Backoff(Time),
    /// The machine was short of something; tried again at this time, which is no restart.
    Retry(Time),
    /// It is not tried again until a person asks.
    Failed(Cause),
}

impl InstanceRecord {
    /// Where its run stands, and its second one in a reload.
    pub fn phases(&self) -> impl Iterator<Item = &SavedPhase> {
        [Some(&self.phase), self.second.as_ref()].into_iter().flatten()
    }
}

impl SavedPhase {
    /// The run it is about.
    pub const fn run(&self) -> Option<RunId> {
        match self {
            Self::Starting(run) | Self::Alive { run, .. } | Self::Stopping { run, .. } => {
                Some(*run)
            }
            Self::Down | Self::Backoff(_) | Self::Retry(_) | Self::Failed(_) => None,
        }
    }
}

/// One app of the saved list (`pm save`), for `Ask::Restore`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedApp {
    /// What was asked for.
    pub spec: AppSpec,
    /// Its instances: number, slot, and whether it is wanted up.
    #[serde(rename = "seats")]
    pub instances: Vec<SavedInstance>,
}

/// One instance of the saved list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedInstance {
    /// Its number when it was saved.
    pub id: InstanceId,
    /// Its slot.
    pub slot: u16,
    /// Whether it is wanted up.
    pub wanted: bool,
    /// Whether it is down without a person having stopped it.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub resting: bool,
    /// Whether its work is done, so that `apply` leaves it alone.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub done: bool,
}

impl SecondRun {
    /// As it is written down. One that has to go is on its way, whether it was asked or not.
    pub(crate) fn saved(&self, spec: &AppSpec) -> SavedPhase {
        if let Phase::Up { live, .. } = self.phase
            && self.must_stop
        {
            let (force_at, cause) = (live.since, Cause::Restarted);
            let (stage, haste) = (HookStage::PreStop, Haste::Nobody);
            let hook = spec.staged.contains_key(&stage).then_some(AwaitedHook { stage, haste });
            let stopping = StoppingRun { live, force_at, cause, ended: false, hook };
            return Phase::Stopping(stopping).saved();
        }
        self.phase.saved()
    }
}

impl Phase {
    /// As it is written down. After a restore it is asked again, and force follows again, so how far that got needs
    /// no record.
    pub(crate) fn saved(&self) -> SavedPhase {
        match self {
            Self::Down => SavedPhase::Down,
            Self::Starting { run } => SavedPhase::Starting(*run),
            Self::Up { live, ready } => SavedPhase::Alive {
                run: live.run,
                identity: live.identity,
                since: live.since,
                up: *ready,
            },
            Self::Stopping(stopping) | Self::Killing { stopping, .. } | Self::Lost(stopping) => {
                SavedPhase::Stopping {
                    run: stopping.live.run,
                    identity: stopping.live.identity,
                    since: stopping.live.since,
                    force_at: stopping.force_at,
                    cause: stopping.cause.clone(),
                    ended: stopping.ended,
                    hook: stopping.hook.map(|hook| hook.stage),
                }
            }
            Self::Backoff { until, retry: false } => SavedPhase::Backoff(*until),
            Self::Backoff { until, retry: true } => SavedPhase::Retry(*until),
            Self::Failed { cause } => SavedPhase::Failed(cause.clone()),
        }
    }

    /// Back from what was written down.
    pub(crate) fn restored(saved: SavedPhase) -> Self {
        match saved {
            SavedPhase::Down => Self::Down,
            SavedPhase::Starting(run) => Self::Starting { run },
            SavedPhase::Alive { run, identity, since, up } => {
                Self::Up { live: LiveRun { run, identity, since }, ready: up }
            }
            SavedPhase::Stopping { run, identity, since, force_at, cause, ended, hook } => {
                let live = LiveRun { run, identity, since };
                let hook = hook.map(|stage| AwaitedHook { stage, haste: Haste::Inherited });
                Self::Stopping(StoppingRun { live, force_at, cause, ended, hook })
            }
            SavedPhase::Backoff(until) => Self::Backoff { until, retry: false },
            SavedPhase::Retry(until) => Self::Backoff { until, retry: true },
            SavedPhase::Failed(cause) => Self::Failed { cause },
        }
    }
}
