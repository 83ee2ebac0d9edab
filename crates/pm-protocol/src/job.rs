//! What readers are shown of a job.

use serde::{Deserialize, Serialize};

/// When a job runs next, and how its runs went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct JobView {
    /// Its next time, in ms since 1970, while its schedule is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
    /// Runs that are over.
    pub runs: u32,
    /// Those among them that failed.
    pub failures: u32,
    /// Times at which it was not begun, because it still ran.
    pub skipped: u32,
    /// When its last run ended, in ms since 1970, if that is remembered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<u64>,
    /// Whether that one failed.
    pub failed: bool,
}

impl JobView {
    /// `12 runs, 1 failed, 2 skipped`.
    pub fn counts(&self) -> String {
        let plural = if self.runs == 1 { "" } else { "s" };
        let told = |count, word| {
            if count == 0 { String::new() } else { format!(", {count} {word}") }
        };
        let (failed, skipped) = (told(self.failures, "failed"), told(self.skipped, "skipped"));
        format!("{} run{plural}{failed}{skipped}", self.runs)
    }
}
