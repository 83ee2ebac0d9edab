//! What is counted of the runs of a job.

use serde::{Deserialize, Serialize};

/// What is known of the runs of a job; written down with its instance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct JobRecord {
    /// Runs that are over, those included that could not be begun.
    #[serde(skip_serializing_if = "is_zero")]
    pub runs: u32,
    /// Those among them that failed.
    #[serde(skip_serializing_if = "is_zero")]
    pub failures: u32,
    /// Times at which it was not begun, because it still ran.
    #[serde(skip_serializing_if = "is_zero")]
    pub skipped: u32,
    /// How often the run that failed last was tried again.
    #[serde(skip_serializing_if = "is_zero")]
    pub retried: u32,
    /// A time has come while it ran: it is begun again when that has ended.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub queued: bool,
    /// Its work had been done when it was saved; its ends are not known any more.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub done: bool,
    /// Its schedule is stopped, and a person runs it all the same: then it is stopped again.
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    pub once: bool,
}

impl JobRecord {
    /// Whether nothing is known, as of all that is no job.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants a reference")]
const fn is_zero(count: &u32) -> bool {
    *count == 0
}
