//! The only place where the daemon asks what time it is.

use std::time::{SystemTime, UNIX_EPOCH};

use pm_core::Time;
use serde::{Deserialize, Serialize};

/// A date is shown with the clock of its moment; only a clock that was set, or a machine that slept, moves by more.
const DRIFT: u64 = 100;

/// The core's time: milliseconds of the monotonic clock, the same for every incarnation of the daemon.
pub(crate) fn now() -> Time {
    Time(u64::try_from(pm_os::clock::monotonic().as_millis()).unwrap_or(u64::MAX))
}

/// Milliseconds since 1970, for showing only.
pub(crate) fn wall() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// From this moment on the date is so much ahead of the core's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DateMark {
    from: Time,
    ahead: u64,
}

/// The dates of moments, oldest first: written down, so that a moment keeps its date whoever tells it and when.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Dates(Vec<DateMark>);

impl Dates {
    /// What is to be written down before a moment that is `now`, if anything.
    pub(crate) fn due(&self, now: Time, wall: u64) -> Option<DateMark> {
        let mark = DateMark { from: now, ahead: wall.saturating_sub(now.0) };
        let known = self.0.last();
        known.is_none_or(|last| last.ahead.abs_diff(mark.ahead) > DRIFT).then_some(mark)
    }

    /// Takes what was written down.
    pub(crate) fn extend(&mut self, marks: Self) {
        self.0.extend(marks.0);
    }

    /// Whether nothing is known.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Of moments before the first mark the first one is the best that is known.
    fn date(&self, moment: Time) -> Option<u64> {
        let mark = self.0.iter().rev().find(|mark| mark.from <= moment).or(self.0.first())?;
        Some(mark.ahead.saturating_add(moment.0))
    }
}

impl From<DateMark> for Dates {
    fn from(mark: DateMark) -> Self {
        Self(vec![mark])
    }
}

/// One look at both clocks, to show the core's times as dates.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clocks<'a> {
    now: Time,
    wall: u64,
    dates: &'a Dates,
}

impl<'a> Clocks<'a> {
    /// Looks.
    pub(crate) fn read(dates: &'a Dates) -> Self {
        Self { now: now(), wall: wall(), dates }
    }

    /// Milliseconds since 1970 of a moment, past or coming.
    pub(crate) fn date(self, moment: Time) -> u64 {
        let kept = self.dates.date(moment).filter(|_| moment <= self.now);
        kept.unwrap_or_else(|| (self.wall + moment.0).saturating_sub(self.now.0))
    }

    /// Milliseconds since 1970 of the look itself, by the same reckoning as those of moments before it.
    pub(crate) fn here(self) -> u64 {
        self.date(self.now)
    }

    /// Milliseconds since 1970 of the look itself.
    pub(crate) fn wall(self) -> u64 {
        self.wall
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_keeps_its_date_whatever_becomes_of_the_clock() {
        let mut dates = Dates::default();
        let look = |dates: &Dates, now, wall| dates.due(Time(now), wall);
        dates.extend(look(&dates, 1000, 51_000).unwrap().into());
        // A look takes its time, and both clocks are cut off at milliseconds.
        assert_eq!(look(&dates, 2000, 52_001), None);
        // The clock was set, and the machine slept.
        dates.extend(look(&dates, 3000, 43_000).unwrap().into());
        dates.extend(look(&dates, 4000, 94_000).unwrap().into());
        for (wall, now) in [(94_000, 4000), (1_000_000, 5000)] {
            let clocks = Clocks { now: Time(now), wall, dates: &dates };
            let told = [500, 1000, 2999, 3000, 4000].map(|moment| clocks.date(Time(moment)));
            assert_eq!(told, [50_500, 51_000, 52_999, 43_000, 94_000]);
        }
        let coming = Clocks { now: Time(5000), wall: 1_000_000, dates: &dates };
        assert_eq!(coming.date(Time(6000)), 1_001_000);
    }
}
