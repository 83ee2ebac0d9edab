//! Where an instance stands, in the words people know.

use serde::{Deserialize, Serialize};

/// The word for an instance's phase, spelled as PM2 does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
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

impl Status {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Launching => "launching",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Errored => "errored",
            Self::WaitingRestart => "waiting restart",
        }
    }
}
