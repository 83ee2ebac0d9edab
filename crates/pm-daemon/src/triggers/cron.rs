//! The schedules that are kept, and one alarm for the next of their times.
//!
//! No time is stored: each is worked out from the pattern, so that a new daemon goes on as the old one would have.

use std::collections::BTreeMap;

use pm_core::AppId;
use pm_os::alarm::{AlarmEvent, WallAlarm};
use pm_spec::Schedule;
use pm_triggers::Timetable;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::{clock, daemon_log};

/// A time that is so long past, in ms, is over: after a night's sleep or a jump of the clock nothing is made up for
/// (pain 36).
const LATE: u64 = 60_000;

/// A clock that is set back by no more than this, in ms, does not make a time come twice.
const SET_BACK: u64 = 3_600_000;

/// One schedule.
#[derive(Debug)]
struct KeptSchedule {
    table: Timetable,
    /// The last time that came, in ms since 1970.
    last: Option<u64>,
    next: Option<u64>,
}

impl KeptSchedule {
    /// Works out the next time.
    fn plan(&mut self, now: u64) {
        let last = self.last.filter(|last| (now..now.saturating_add(SET_BACK)).contains(last));
        self.next = self.table.next(last.unwrap_or(now));
    }

    fn has_come(&self, now: u64) -> bool {
        self.next.is_some_and(|next| next <= now && now - next < LATE)
    }
}

/// Times that are kept, without an alarm.
#[derive(Debug, Default)]
struct Times(BTreeMap<AppId, KeptSchedule>);

impl Times {
    fn set(&mut self, app: AppId, table: Option<Timetable>, now: u64) {
        match table {
            None => drop(self.0.remove(&app)),
            Some(table) => {
                let mut entry = KeptSchedule { table, last: None, next: None };
                entry.plan(now);
                self.0.insert(app, entry);
            }
        }
    }

    fn first(&self) -> Option<u64> {
        self.0.values().filter_map(|entry| entry.next).min()
    }

    /// Whose time has come. Where the clock was set, all others are worked out anew.
    fn come(&mut self, now: u64, ring: AlarmEvent) -> Vec<AppId> {
        let mut due = Vec::new();
        for (app, entry) in &mut self.0 {
            if entry.has_come(now) {
                entry.last = entry.next;
                due.push(*app);
                entry.plan(now);
            } else if ring == AlarmEvent::ClockSet || entry.next.is_some_and(|next| next <= now) {
                entry.plan(now);
            }
        }
        due
    }
}

/// The schedules and the alarm, which exists from the first schedule on.
#[derive(Debug, Default)]
pub(crate) struct Cron {
    times: Times,
    alarm: Option<AsyncFd<WallAlarm>>,
}

impl Cron {
    /// Keeps this schedule for an app from now on, or none.
    pub(crate) fn set(&mut self, app: AppId, schedule: Option<&Schedule>) {
        let table = schedule.map(Timetable::parse).transpose().unwrap_or_else(|error| {
            daemon_log::note(format_args!("could not keep the schedule of app {}: {error}", app.0));
            None
        });
        self.times.set(app, table, clock::wall());
        self.wind();
    }

    /// The next time of an app in ms since 1970.
    pub(crate) fn next(&self, app: AppId) -> Option<u64> {
        self.times.0.get(&app).and_then(|entry| entry.next)
    }

    /// Sets the alarm to the first of all times.
    fn wind(&mut self) {
        let first = self.times.first();
        if self.alarm.is_none() && first.is_some() {
            match new_alarm() {
                Ok(alarm) => self.alarm = Some(alarm),
                Err(error) => {
                    daemon_log::note(format_args!(
                        "could not make an alarm for schedules: {error}"
                    ));
                }
            }
        }
        if let Some(alarm) = &self.alarm
            && let Err(error) = alarm.get_ref().set(first)
        {
            daemon_log::note(format_args!("could not set the alarm for schedules: {error}"));
        }
    }

    /// Waits until the alarm has something to say.
    pub(crate) async fn rings(&self) {
        match &self.alarm {
            Some(alarm) => match alarm.readable().await {
                Ok(mut ready) => ready.clear_ready(),
                // The runtime is ending.
                Err(_) => std::future::pending().await,
            },
            None => std::future::pending().await,
        }
    }

    /// The apps whose time has come.
    pub(crate) fn come(&mut self) -> Vec<AppId> {
        let ring = self.alarm.as_ref().map_or(AlarmEvent::Nothing, |alarm| alarm.get_ref().read());
        if ring == AlarmEvent::Nothing {
            return Vec::new();
        }
        let due = self.times.come(clock::wall(), ring);
        self.wind();
        due
    }
}

#[expect(
    deprecated,
    reason = "the successor is unsafe to call; an alarm keeps its descriptor for its whole life"
)]
fn new_alarm() -> std::io::Result<AsyncFd<WallAlarm>> {
    AsyncFd::with_interest(WallAlarm::new()?, Interest::READABLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP: AppId = AppId(7);
    /// 2026-11-22T19:44:00Z.
    const NOON: u64 = 1_795_376_640_000;

    fn times(pattern: &str, now: u64) -> Times {
        let schedule = Schedule {
            pattern: pattern.into(),
            zone: Some("UTC".into()),
            after_stop: false,
            job: true,
        };
        let mut times = Times::default();
        times.set(APP, Some(Timetable::parse(&schedule).unwrap()), now);
        times
    }

    #[test]
    fn each_time_comes_once_and_none_before_its_time() {
        let mut times = times("* * * * *", NOON);
        assert_eq!(times.first(), Some(NOON + 60_000));
        assert!(times.come(NOON + 59_999, AlarmEvent::Time).is_empty());
        assert_eq!(times.come(NOON + 60_000, AlarmEvent::Time), [APP]);
        assert!(times.come(NOON + 60_000, AlarmEvent::Time).is_empty());
        assert_eq!(
            times.come(NOON + 120_500, AlarmEvent::Time),
            [APP],
            "a little late is not too late"
        );
        assert_eq!(times.first(), Some(NOON + 180_000));
        times.set(APP, None, NOON);
        assert_eq!(times.first(), None, "nothing wakes without cause");
    }

    #[test]
    fn p36_a_clock_that_jumps_fires_no_burst_and_loses_no_future() {
        let mut times = times("* * * * *", NOON);
        let morning = NOON + 8 * 3_600_000;
        assert!(
            times.come(morning + 90_000, AlarmEvent::ClockSet).is_empty(),
            "asleep for eight hours"
        );
        assert_eq!(times.first(), Some(morning + 120_000));
        assert_eq!(
            times.come(morning + 120_400, AlarmEvent::ClockSet),
            [APP],
            "a step over a time"
        );
        assert!(times.come(morning + 119_900, AlarmEvent::ClockSet).is_empty(), "and back");
        assert_eq!(times.first(), Some(morning + 180_000), "it does not come twice");
        assert!(times.come(NOON, AlarmEvent::ClockSet).is_empty());
        assert_eq!(
            times.first(),
            Some(NOON + 60_000),
            "a clock that was wrong by hours is believed"
        );
    }
}
