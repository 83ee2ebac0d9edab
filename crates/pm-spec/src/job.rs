//! Jobs: apps that run to their end, at the times of a schedule.

use crate::AppSpec;

impl AppSpec {
    /// Whether it runs to its end at the times of a schedule.
    pub fn is_job(&self) -> bool {
        self.schedule.is_some() && !self.restart.autorestart
    }

    /// Whether nothing but its times and `pm run` begins it, so that a start only has it wait.
    pub fn waits_for_its_time(&self) -> bool {
        self.is_job() && self.schedule.as_ref().is_some_and(|schedule| schedule.job)
    }
}
