//! What readers may see.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::sync::Arc;

use pm_spec::{AppSpec, ByteString, Bytes, Span};
use serde::{Deserialize, Serialize};

use crate::fact::{Ending, Identity};
use crate::id::{AppId, InstanceId, RunId, Time};

/// The word shown to users, computed from the phase, never stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Up, or spawned and on probation.
    Online,
    /// Not spawned yet, or waited for (`wait_ready`).
    Launching,
    /// Asked to go.
    Stopping,
    /// Down.
    Stopped,
    /// Given up until a person asks.
    Errored,
    /// Pausing before the next run.
    #[serde(rename = "waiting restart")]
    WaitingRestart,
}

/// Why a run ended or an app is not up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// By itself.
    Ended(Ending),
    /// A person stopped it.
    Stopped,
    /// A person restarted, reloaded or deleted it.
    Restarted,
    /// Memory of the tree above the limit.
    Memory {
        /// What it used.
        used: Bytes,
        /// What it may use.
        limit: Bytes,
    },
    /// A time of its schedule had come.
    Scheduled,
    /// This file had changed.
    #[serde(rename = "touched")]
    FileChanged(ByteString),
    /// It could not be started; in words.
    NotSpawned(String),
    /// Too many short runs in a row; the last ended so.
    CrashLoop {
        /// How many.
        runs: u32,
        /// The last end.
        last: Ending,
    },
    /// It did not say in time that it is ready (`wait_ready`); it runs on.
    NotReady {
        /// How long it had.
        within: Span,
    },
    /// It failed in a reload, and the run that it was to replace goes on.
    Reload,
    /// SIGKILL did not end it (uninterruptible sleep).
    Unkillable,
    /// The manager itself was shut down.
    Shutdown,
}

/// One end of one run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// The run.
    pub run: RunId,
    /// Its main process.
    pub pid: u32,
    /// When it began.
    pub since: Time,
    /// When it ended.
    pub at: Time,
    /// How.
    pub ending: Ending,
    /// Why.
    pub cause: Cause,
}

/// One instance as readers see it.
#[derive(Clone, Debug)]
pub struct InstanceView<'a> {
    /// Its number.
    pub id: InstanceId,
    /// Its app's number.
    pub app_id: AppId,
    /// Its app.
    pub app: &'a Arc<AppSpec>,
    /// Its slot.
    pub slot: u16,
    /// The word for its phase.
    pub status: Status,
    /// Whether people want it up.
    pub wanted: bool,
    /// Whether it is down without a person having stopped it.
    pub resting: bool,
    /// The living run, if there is one.
    pub run: Option<(RunId, Option<Identity>)>,
    /// A second living run, during a reload.
    pub second: Option<(RunId, Option<Identity>)>,
    /// Since when the run lives.
    pub since: Option<Time>,
    /// How often it was restarted.
    pub restarts: u32,
    /// Short runs in a row.
    pub unstable: u32,
    /// When people last started it.
    pub created: Time,
    /// The next run's time while waiting.
    pub next_start: Option<Time>,
    /// The last pause before a restart in ms.
    pub last_delay: u64,
    /// Why it failed, if it did.
    pub failure: Option<&'a Cause>,
    /// The last ends, oldest first, at most twenty.
    pub history: &'a VecDeque<End>,
}
