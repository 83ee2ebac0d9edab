//! Commands that are run when something happens to an app.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::{ByteString, TimedCommand};

/// What can have happened. Its name is the key of its command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum HookEvent {
    /// A run is ready: it has shown it, or has been up for long enough.
    #[serde(rename = "on_ready")]
    Ready,
    /// A run ended that nobody and nothing told to end.
    #[serde(rename = "on_exit")]
    Exit,
    /// So many runs in a row as `flapping_limit` says were short or failed.
    #[serde(rename = "on_flapping")]
    Flapping,
    /// It is errored: not tried again until a person asks.
    #[serde(rename = "on_gave_up")]
    GaveUp,
    /// Its health check failed too often, so that it is restarted.
    #[serde(rename = "on_unhealthy")]
    Unhealthy,
    /// A run of a job failed or took too long.
    #[serde(rename = "on_job_failed")]
    JobFailed,
}

impl HookEvent {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Ready, Self::Exit, Self::Flapping, Self::GaveUp, Self::Unhealthy, Self::JobFailed];

    /// The key of an app.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Ready => "on_ready",
            Self::Exit => "on_exit",
            Self::Flapping => "on_flapping",
            Self::GaveUp => "on_gave_up",
            Self::Unhealthy => "on_unhealthy",
            Self::JobFailed => "on_job_failed",
        }
    }
}

/// The commands of an app, each with its arguments; the program is an absolute path.
pub type HookCommands = BTreeMap<HookEvent, Vec<ByteString>>;

/// When in the life of a run a command is run that goes with it. Its name is the key of its command; the one before all of
/// them, `pre_start`, is a field of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HookStage {
    /// It is ready (systemd: `ExecStartPost=`; Compose: `post_start`).
    PostStart,
    /// It is about to be asked to go, and waits for this (systemd: `ExecStop=`; Compose: `pre_stop`).
    PreStop,
    /// Nobody of it is left, and nothing follows before this is over (systemd: `ExecStopPost=`).
    PostStop,
}

impl HookStage {
    /// All of them, in their order.
    pub const ALL: [Self; 3] = [Self::PostStart, Self::PreStop, Self::PostStop];

    /// The key of an app.
    pub const fn key(self) -> &'static str {
        match self {
            Self::PostStart => "post_start",
            Self::PreStop => "pre_stop",
            Self::PostStop => "post_stop",
        }
    }
}

/// The commands that go with each run of an app.
pub type StagedCommands = BTreeMap<HookStage, TimedCommand>;
