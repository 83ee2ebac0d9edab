//! The schedules that are kept, and one alarm for the next of their times.
//!
//! Each time is worked out from the pattern, so that a new daemon goes on as the old one would have. Only of schedules
//! that are made up for it is written down when they came last.

use std::collections::BTreeMap;

use pm_core::AppId;
use pm_os::alarm::{AlarmEvent, WallAlarm};
use pm_protocol::Home;
use pm_spec::Schedule;
use pm_triggers::Timetable;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::stamp::Stamp;
use crate::{clock, daemon_log};

/// A time that is so long past, in ms, is over: after a night's sleep or a jump of the clock nothing is made up for
/// (pain 36).
const LATE: u64 = 60_000;

/// A clock that is set back by no more than this, in ms, does not make a time come twice.
const SET_BACK: u64 = 3_600_000;

/// Where hashes begin.
const SEED: u64 = 0xcbf2_9ce4_8422_2325;

/// So many times are looked through for one that is only put off; of more nobody notices that one is left out.
const LOOKED_THROUGH: usize = 1000;

/// One schedule.
#[derive(Debug)]
struct KeptSchedule {
    table: Timetable,
    /// Each time is put off by something up to this, in ms.
    delay: u64,
    /// What makes it another for each app.
    seed: u64,
    /// Where it is written down when it came; then what it missed is made up for.
    stamp: Option<Stamp>,
    /// The last time that came, in ms since 1970.
    last: Option<u64>,
    /// The next one, and when it comes, having been put off.
    next: Option<(u64, u64)>,
}

impl KeptSchedule {
    /// Works out the next time.
    fn plan(&mut self, now: u64) {
        let is_last = |last: &u64| (now..now.saturating_add(SET_BACK)).contains(last);
        // One that has come already may still have been put off.
        let recent = |last: &u64| *last <= now && now - last <= self.delay;
        let after = self.last.filter(|last| is_last(last) || recent(last));
        self.next = self.put_off(after.unwrap_or(now.saturating_sub(self.delay)), now);
    }

    /// The first time after this one that has not come yet.
    fn put_off(&self, after: u64, now: u64) -> Option<(u64, u64)> {
        let mut time = self.table.next(after)?;
        for _ in 0..LOOKED_THROUGH {
            let comes = time.saturating_add(self.delay_of(time));
            if self.delay == 0 || comes > now {
                return Some((time, comes));
            }
            time = self.table.next(time)?;
        }
        let time = self.table.next(now)?;
        Some((time, time.saturating_add(self.delay_of(time))))
    }

    /// By how much a time is put off. The same whenever it is asked: a new daemon goes on as the old one would have.
    fn delay_of(&self, time: u64) -> u64 {
        if self.delay == 0 { 0 } else { hash(self.seed, &time.to_le_bytes()) % self.delay }
    }

    /// The first time since it came last, if that has been missed.
    fn missed(&self, now: u64) -> Option<(u64, u64)> {
        let last = self.stamp.as_ref()?.read().filter(|last| *last <= now)?;
        let time = self.table.next(last)?;
        let comes = time.saturating_add(self.delay_of(time));
        (comes <= now).then_some((time, comes))
    }

    fn has_come(&self, now: u64) -> bool {
        let late = if self.stamp.is_some() { u64::MAX } else { LATE };
        self.next.is_some_and(|(_, comes)| comes <= now && now - comes < late)
    }

    /// It comes. What came meanwhile comes with it.
    fn comes(&mut self, now: u64) {
        self.last = self.next.map(|(time, _)| time);
        if let Some(stamp) = &self.stamp {
            stamp.write(now);
            let is_past = |last: &u64| now.saturating_sub(*last) > self.delay;
            self.last = self.last.map(|last| if is_past(&last) { now } else { last });
        }
        self.plan(now);
    }
}

/// FNV-1a: the same in each build of ours.
fn hash(seed: u64, bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    // Its last bits alone would be those of the last byte.
    let hash = bytes.iter().fold(seed, step);
    hash ^ (hash >> 32)
}

/// What is to be kept of a schedule.
#[derive(Debug)]
struct NewSchedule {
    table: Timetable,
    delay: u64,
    seed: u64,
    stamp: Option<Stamp>,
}

/// Times that are kept, without an alarm.
#[derive(Debug, Default)]
struct Times(BTreeMap<AppId, KeptSchedule>);

impl Times {
    fn set(&mut self, app: AppId, new: NewSchedule, now: u64) {
        let NewSchedule { table, delay, seed, stamp } = new;
        let mut entry = KeptSchedule { table, delay, seed, stamp, last: None, next: None };
        entry.plan(now);
        // One that is changed begins anew.
        let missed = if self.0.contains_key(&app) { None } else { entry.missed(now) };
        if let Some(stamp) = entry.stamp.as_ref().filter(|_| missed.is_none()) {
            stamp.write(now);
        }
        entry.next = missed.or(entry.next);
        if let Some(old) = self.0.insert(app, entry)
            && let Some(stamp) = old.stamp
            && self.0.get(&app).is_some_and(|entry| entry.stamp.is_none())
        {
            stamp.remove();
        }
    }

    /// Nobody wants its times any more; `leaves`: only because all apps are taken down, to be brought back.
    fn unset(&mut self, app: AppId, leaves: bool) {
        let old = self.0.remove(&app).and_then(|old| old.stamp);
        if let Some(stamp) = old.filter(|_| !leaves) {
            stamp.remove();
        }
    }

    fn first(&self) -> Option<u64> {
        self.0.values().filter_map(|entry| entry.next).map(|(_, comes)| comes).min()
    }

    /// Whose time has come. Where the clock was set, all others are worked out anew.
    fn come(&mut self, now: u64, ring: AlarmEvent) -> Vec<AppId> {
        let mut due = Vec::new();
        for (app, entry) in &mut self.0 {
            if entry.has_come(now) {
                due.push(*app);
                entry.comes(now);
            } else if ring == AlarmEvent::ClockSet
                || entry.next.is_some_and(|(_, comes)| comes <= now)
            {
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
    /// Keeps this schedule for an app of this name from now on.
    pub(crate) fn set(&mut self, app: AppId, schedule: &Schedule, name: (&str, &str), home: &Home) {
        match Timetable::parse(schedule) {
            Ok(table) => {
                let (namespace, name) = name;
                let folder = home.schedules();
                let stamp = schedule.catch_up.then(|| Stamp::of(&folder, namespace, name));
                let home = home.root().as_os_str().as_encoded_bytes();
                let words = [home, namespace.as_bytes(), name.as_bytes()];
                let seed = words.iter().fold(SEED, |seed, word| hash(seed, word));
                let delay = schedule.random_delay.as_millis();
                self.times.set(app, NewSchedule { table, delay, seed, stamp }, clock::wall());
            }
            Err(error) => {
                let app = app.0;
                daemon_log::note(format_args!("could not keep the schedule of app {app}: {error}"));
                self.times.unset(AppId(app), true);
            }
        }
        self.wind();
    }

    /// Keeps none any more; `leaves`: all apps are taken down.
    pub(crate) fn unset(&mut self, app: AppId, leaves: bool) {
        self.times.unset(app, leaves);
        self.wind();
    }

    /// The next time of an app in ms since 1970.
    pub(crate) fn next(&self, app: AppId) -> Option<u64> {
        self.times.0.get(&app).and_then(|entry| entry.next).map(|(_, comes)| comes)
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
    use pm_spec::Span;

    use super::*;

    const APP: AppId = AppId(7);
    /// 2026-11-22T19:44:00Z.
    const NOON: u64 = 1_795_376_640_000;

    fn set(times: &mut Times, schedule: &Schedule, stamp: Option<Stamp>, now: u64) {
        let table = Timetable::parse(schedule).unwrap();
        let delay = schedule.random_delay.as_millis();
        times.set(APP, NewSchedule { table, delay, seed: SEED, stamp }, now);
    }

    fn schedule(pattern: &str) -> Schedule {
        let zone = Some("UTC".into());
        Schedule { pattern: pattern.into(), zone, job: true, ..Schedule::default() }
    }

    fn times(pattern: &str, now: u64) -> Times {
        let mut times = Times::default();
        set(&mut times, &schedule(pattern), None, now);
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
        times.unset(APP, false);
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

    /// All that comes until then, looked at each second.
    fn all(times: &mut Times, from: u64, seconds: u64) -> Vec<u64> {
        let moments = (1..=seconds).map(|second| from + second * 1000);
        moments.filter(|now| !times.come(*now, AlarmEvent::Time).is_empty()).collect()
    }

    #[test]
    fn a_time_that_is_put_off_comes_once_whatever_becomes_of_the_daemon() {
        let late = Schedule { random_delay: Span::from_secs(40), ..schedule("* * * * *") };
        let mut one = Times::default();
        set(&mut one, &late, None, NOON);
        let came = all(&mut one, NOON, 3600);
        assert!((59..=60).contains(&came.len()), "{}", came.len());
        let offs: Vec<u64> = came.iter().map(|at| (at - NOON) % 60_000).collect();
        assert!(offs.iter().all(|off| *off < 41_000), "{offs:?}");
        assert!(offs.iter().any(|off| *off != offs[0]), "another each time");
        // A new daemon each second goes on as the one before.
        let mut again = Vec::new();
        for second in 0..3600 {
            let (mut times, now) = (Times::default(), NOON + second * 1000);
            set(&mut times, &late, None, now);
            again.extend(all(&mut times, now, 1));
        }
        assert_eq!(again, came);
    }

    #[test]
    fn what_was_missed_is_made_up_for_once() {
        let folder = tempfile::tempdir().unwrap();
        let stamp = || Some(Stamp::of(folder.path(), "default", "a/b"));
        let (hour, daily) = (3_600_000, schedule("0 3 * * *"));
        let mut times = Times::default();
        set(&mut times, &daily, stamp(), NOON);
        assert!(
            times.come(NOON, AlarmEvent::Time).is_empty(),
            "nothing was missed before it was known"
        );
        let three = times.first().unwrap();
        // The machine is off for two days.
        let mut times = Times::default();
        let back = three + 49 * hour;
        set(&mut times, &daily, stamp(), back);
        assert!(times.first().unwrap() <= back);
        assert_eq!(times.come(back, AlarmEvent::Time), [APP]);
        assert!(times.come(back, AlarmEvent::Time).is_empty(), "once, however often it was missed");
        assert_eq!(times.first(), Some(three + 72 * hour));
        let mut times = Times::default();
        set(&mut times, &daily, stamp(), back + hour);
        assert_eq!(times.first(), Some(three + 72 * hour), "and not by the next daemon");
        // It sleeps over a time; a step of the clock is nothing else.
        assert_eq!(times.come(three + 80 * hour, AlarmEvent::ClockSet), [APP]);
        assert!(times.come(three + 50 * hour, AlarmEvent::ClockSet).is_empty(), "and back");
        assert_eq!(times.first(), Some(three + 72 * hour));
        // Who is stopped by a person misses nothing, who only leaves does.
        times.unset(APP, true);
        assert!(stamp().unwrap().read().is_some());
        set(&mut times, &daily, stamp(), three + 81 * hour);
        times.unset(APP, false);
        let mut times = Times::default();
        set(&mut times, &daily, stamp(), three + 130 * hour);
        assert_eq!(times.first(), Some(three + 144 * hour));
    }
}
