//! The only place where the daemon asks what time it is.

use std::time::{SystemTime, UNIX_EPOCH};

use pm_core::Time;

/// The core's time: milliseconds of the monotonic clock, the same for every incarnation of the daemon.
pub(crate) fn now() -> Time {
    Time(u64::try_from(pm_os::clock::monotonic().as_millis()).unwrap_or(u64::MAX))
}

/// Milliseconds since 1970, for showing only.
pub(crate) fn wall() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// One look at both clocks, to show the core's times as dates.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clocks {
    now: Time,
    wall: u64,
}

impl Clocks {
    /// Looks.
    pub(crate) fn read() -> Self {
        Self { now: now(), wall: wall() }
    }

    /// Milliseconds since 1970 of a moment, past or coming.
    pub(crate) fn date(self, moment: Time) -> u64 {
        (self.wall + moment.0).saturating_sub(self.now.0)
    }

    /// Milliseconds since 1970 of the look itself.
    pub(crate) fn wall(self) -> u64 {
        self.wall
    }
}
