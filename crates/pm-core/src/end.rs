//! How a run ended, and why.

use alloc::boxed::Box;
use alloc::string::String;

use pm_spec::{AppName, ByteString, Bytes, Signal, Span};
use serde::{Deserialize, Serialize};

use crate::id::{Author, RunId, Time};

/// How a main process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// By itself, with this code.
    Exited(u8),
    /// By a signal.
    Signaled {
        /// Which.
        signal: u8,
        /// Whether a core was dumped.
        core: bool,
    },
    /// The kernel killed it, or one of its processes, since together they took more memory than they may (`mem_limit`).
    OutOfMemory {
        /// The code with which the main process ended by itself thereupon; `None`: it was killed.
        code: Option<u8>,
        /// What they may take.
        limit: Bytes,
    },
    /// Nobody was there to see it.
    Unknown,
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
    /// A run that was to end took longer than it may.
    TooLong {
        /// How long it may take.
        limit: Span,
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
    /// It did not show in time that it is ready (`ready`, `wait_ready`); it runs on.
    NotReady {
        /// How long it had.
        within: Span,
        /// What was seen when it was last asked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        saw: Option<String>,
    },
    /// Its health check failed too often in a row.
    Unhealthy {
        /// What the last one saw.
        saw: String,
    },
    /// Told by this signal, its main process did not replace its workers in time; it runs on.
    NotReplaced {
        /// By which.
        signal: Signal,
        /// How long it had.
        within: Span,
    },
    /// An app it depends on is not as it has to be, and this is why.
    Dependency {
        /// The app.
        on: AppName,
        /// Why that one is not.
        why: Box<Self>,
    },
    /// Something outside it depends on is not there.
    Outside {
        /// How long it was waited for before this was told.
        within: Span,
        /// What, and what was seen when it was last asked for.
        saw: String,
    },
    /// There is no such app.
    Missing,
    /// It failed in a reload, and the run that it was to replace goes on.
    Reload,
    /// SIGKILL did not end it (uninterruptible sleep).
    Unkillable,
    /// The manager itself was shut down.
    Shutdown,
}

/// One end of one run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunEnd {
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
    /// Who asked for it, if somebody did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Author>,
}
