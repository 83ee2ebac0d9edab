//! The times of a schedule, in its time zone.

use croner::Cron;
use croner::errors::CronError;
use croner::parser::{CronParser, Seconds, Year};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use pm_spec::Schedule;

/// A schedule that can be asked when it comes next.
#[derive(Clone, Debug)]
pub struct Timetable {
    cron: Cron,
    /// `None`: local time, looked up at each question, for it may change while we run.
    zone: Option<TimeZone>,
}

/// Why there is no timetable for a schedule.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// The pattern is none.
    #[error("`{pattern}` is no cron pattern: {why}")]
    Pattern {
        /// As it was written.
        pattern: String,
        /// In words.
        why: String,
    },
    /// It is well-formed, but there is no such day.
    #[error("`{0}` never comes")]
    Never(String),
    /// Nobody knows this time zone.
    #[error("there is no time zone `{0}` in this machine's time zone database")]
    Zone(String),
}

impl Timetable {
    /// Reads a schedule: five fields, or six with seconds first; `@daily` and the like work too.
    pub fn parse(schedule: &Schedule) -> Result<Self, ScheduleError> {
        let pattern = schedule.pattern.trim();
        let parser =
            CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build();
        let cron = parser.parse(&from_there_on(pattern)).map_err(|error| {
            ScheduleError::Pattern { pattern: pattern.to_owned(), why: in_words(error, pattern) }
        })?;
        let zone = match &schedule.zone {
            None => None,
            Some(name) => Some(TimeZone::get(name).map_err(|_| ScheduleError::Zone(name.clone()))?),
        };
        let timetable = Self { cron, zone };
        // From a day long past, so that the answer does not depend on when it is asked.
        match timetable.next(0) {
            Some(_) => Ok(timetable),
            None => Err(ScheduleError::Never(pattern.to_owned())),
        }
    }

    /// The first time after this one, both in ms since 1970. A time that a change of clocks leaves out comes right after
    /// the change, one that it repeats comes once.
    pub fn next(&self, after: u64) -> Option<u64> {
        let zone = self.zone.clone().unwrap_or_else(TimeZone::system);
        let after = Timestamp::from_millisecond(i64::try_from(after).ok()?).ok()?;
        let next = self.cron.find_next_occurrence(&after.to_zoned(zone), false).ok()?;
        // Whole seconds are what patterns are made of; what is asked about may lie within one.
        let next = next.timestamp().as_second();
        u64::try_from(next).ok()?.checked_mul(1000)
    }
}

/// `5/10` means from 5 on each 10th, `5-59/10`, as PM2's reader and Quartz have it.
fn from_there_on(pattern: &str) -> String {
    /// The last value of each field, seconds first.
    const LAST: [&str; 6] = ["59", "59", "23", "31", "12", "6"];
    let fields: Vec<_> = pattern.split_whitespace().collect();
    let last = LAST.iter().skip(LAST.len().saturating_sub(fields.len()));
    let is_one = |from: &str| !from.is_empty() && from.chars().all(|c| c.is_ascii_alphanumeric());
    let part = |part: &str, last: &str| match part.split_once('/') {
        Some((from, step)) if is_one(from) => format!("{from}-{last}/{step}"),
        _ => part.to_owned(),
    };
    let field = |(field, last): (&&str, &&str)| {
        field.split(',').map(|one| part(one, last)).collect::<Vec<_>>().join(",")
    };
    if fields.len() > LAST.len() || pattern.starts_with('@') {
        return pattern.to_owned();
    }
    fields.iter().zip(last).map(field).collect::<Vec<_>>().join(" ")
}

fn in_words(error: CronError, pattern: &str) -> String {
    let text = match error {
        CronError::EmptyPattern => "it is empty".into(),
        CronError::InvalidPattern(text)
        | CronError::IllegalCharacters(text)
        | CronError::ComponentError(text)
            if !text.contains("years are disallowed") =>
        {
            text
        }
        CronError::InvalidPattern(_)
        | CronError::IllegalCharacters(_)
        | CronError::ComponentError(_) => format!(
            "it has {} fields instead of five (minute, hour, day, month, day of the week; seconds may come before)",
            pattern.split_whitespace().count()
        ),
        CronError::InvalidDate | CronError::InvalidTime | CronError::TimeSearchLimitExceeded => {
            "there is no such time".into()
        }
    };
    let text = text.trim_end_matches('.');
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_lowercase().to_string()).unwrap_or_default();
    first + letters.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(pattern: &str, zone: &str) -> Result<Timetable, ScheduleError> {
        Timetable::parse(&Schedule {
            pattern: pattern.into(),
            zone: Some(zone.into()),
            after_stop: false,
            job: false,
            ..Schedule::default()
        })
    }

    /// The next `count` times after this one, as RFC 3339 without zone.
    fn times(pattern: &str, zone: &str, after: &str, count: usize) -> Vec<String> {
        let table = table(pattern, zone).unwrap();
        let mut at = u64::try_from(after.parse::<Timestamp>().unwrap().as_millisecond()).unwrap();
        let mut times = Vec::new();
        for _ in 0..count {
            at = table.next(at).unwrap();
            let time = Timestamp::from_millisecond(i64::try_from(at).unwrap()).unwrap();
            times.push(time.to_string());
        }
        times
    }

    #[test]
    fn five_fields_six_with_seconds_and_nicknames() {
        let at = "2026-11-22T19:44:08.250Z";
        for (pattern, next) in [
            ("* * * * *", "2026-11-22T19:45:00Z"),
            ("*/5 * * * * *", "2026-11-22T19:44:10Z"),
            ("0 3 * * *", "2026-11-23T03:00:00Z"),
            ("  0 3 * * MON ", "2026-11-23T03:00:00Z"),
            ("0 0 1 * 5", "2026-11-27T00:00:00Z"),
            ("@daily", "2026-11-23T00:00:00Z"),
            ("0 0 29 2 *", "2028-02-29T00:00:00Z"),
            ("8 44 19 * * *", "2026-11-23T19:44:08Z"),
        ] {
            assert_eq!(times(pattern, "UTC", at, 1), [next], "{pattern}");
        }
    }

    #[test]
    fn a_value_with_a_step_is_where_the_steps_begin() {
        let at = "2026-11-22T19:44:08Z";
        for (short, long) in [
            ("0/5 * * * *", "*/5 * * * *"),
            ("5/10 * * * *", "5,15,25,35,45,55 * * * *"),
            ("0 1/8 * * *", "0 1,9,17 * * *"),
            ("1,30/10 * * * *", "1,30,40,50 * * * *"),
            ("7/20 * * * * *", "7,27,47 * * * * *"),
            ("0 0 10/10 * *", "0 0 10,20,30 * *"),
            ("0 0 1 2/5 *", "0 0 1 2,7,12 *"),
            ("0 0 1 FEB/5 *", "0 0 1 2,7,12 *"),
            ("0 0 * * 1/2", "0 0 * * 1,3,5"),
            ("0 0 * * MON/2", "0 0 * * 1,3,5"),
        ] {
            assert_eq!(times(short, "UTC", at, 9), times(long, "UTC", at, 9), "{short}");
        }
        assert!(table("70/5 * * * *", "UTC").is_err() && table("0/x * * * *", "UTC").is_err());
    }

    #[test]
    fn p27_a_time_that_the_clocks_leave_out_or_repeat_comes_once() {
        let (zone, spring) = ("Europe/Berlin", "2026-03-28T12:00:00Z");
        assert_eq!(
            times("30 2 * * *", zone, spring, 2),
            ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"],
            "03:00 on the day without 02:30"
        );
        let autumn = "2026-10-24T12:00:00Z";
        assert_eq!(
            times("30 2 * * *", zone, autumn, 2),
            ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"],
            "the first of two 02:30"
        );
        assert_eq!(
            times("*/30 * * * *", zone, "2026-10-25T00:00:00Z", 4),
            [
                "2026-10-25T00:30:00Z",
                "2026-10-25T01:00:00Z",
                "2026-10-25T01:30:00Z",
                "2026-10-25T02:00:00Z"
            ],
            "every half hour stays every half hour"
        );
    }

    #[test]
    fn what_is_no_schedule_says_why() {
        for (pattern, why) in [
            ("* * *", "`* * *` is no cron pattern: it has 3 fields instead of five (minute, "),
            (
                "* * * * * * *",
                "`* * * * * * *` is no cron pattern: it has 7 fields instead of five (minute, ",
            ),
            ("61 * * * *", "`61 * * * *` is no cron pattern: number out of bounds"),
            ("", "`` is no cron pattern: it is empty"),
            ("* * * * * * 2030", "is no cron pattern"),
            ("often", "is no cron pattern"),
            ("0 0 30 2 *", "`0 0 30 2 *` never comes"),
        ] {
            let error = table(pattern, "UTC").unwrap_err().to_string();
            assert!(error.contains(why), "{pattern}: {error}");
        }
        let error = table("* * * * *", "Mars/Olympus").unwrap_err().to_string();
        assert!(error.contains("no time zone `Mars/Olympus`"), "{error}");
    }
}
