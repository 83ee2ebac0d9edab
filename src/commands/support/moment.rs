//! Moments as people type them: `10m` (ago), `2026-11-22 10:00`, `10:00` (today).

use chrono::{DateTime, Local, NaiveDate, NaiveDateTime, NaiveTime, TimeZone};
use pm_spec::Span;

use crate::failure::Failure;

/// The moment in unix milliseconds; `now` likewise.
pub(crate) fn parse(text: &str, now: i64) -> Result<i64, Failure> {
    let text = text.trim();
    let bad = || {
        Failure::input(format!("could not understand the time `{text}`"))
            .hint("write 10m, 2h or 1d (ago), or a local time such as `2026-11-22 10:00` or 10:00")
    };
    // A bare number would be milliseconds ago, which nobody means.
    let ago = text.strip_suffix("ago").unwrap_or(text).trim_end();
    if ago.ends_with(|c: char| c.is_ascii_alphabetic())
        && let Ok(span) = Span::parse(ago)
    {
        return Ok(now.saturating_sub(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)));
    }
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Ok(moment.timestamp_millis());
    }
    let today = DateTime::from_timestamp_millis(now).ok_or_else(bad)?.with_timezone(&Local);
    let local = naive(text, today.date_naive()).ok_or_else(bad)?;
    // A time that clocks show twice is the earlier one; one they skip does not exist.
    let moment = Local.from_local_datetime(&local).earliest().ok_or_else(bad)?;
    Ok(moment.timestamp_millis())
}

fn naive(text: &str, today: NaiveDate) -> Option<NaiveDateTime> {
    let text = text.replacen('T', " ", 1);
    for format in ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M"] {
        if let Ok(moment) = NaiveDateTime::parse_from_str(&text, format) {
            return Some(moment);
        }
    }
    if let Ok(date) = NaiveDate::parse_from_str(&text, "%Y-%m-%d") {
        return Some(date.and_time(NaiveTime::MIN));
    }
    let time = ["%H:%M:%S%.f", "%H:%M"];
    time.iter()
        .find_map(|format| NaiveTime::parse_from_str(&text, format).ok())
        .map(|time| today.and_time(time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        let now = Local.with_ymd_and_hms(2026, 11, 22, 15, 0, 0).unwrap().timestamp_millis();
        let at =
            |h, m, s| Local.with_ymd_and_hms(2026, 11, 22, h, m, s).unwrap().timestamp_millis();
        for (text, moment) in [
            ("10m", now - 600_000),
            ("2h ago", now - 7_200_000),
            ("1.5h", now - 5_400_000),
            ("10:00", at(10, 0, 0)),
            ("10:00:07", at(10, 0, 7)),
            ("2026-11-22 10:00", at(10, 0, 0)),
            ("2026-11-22T10:00:01", at(10, 0, 1)),
            ("2026-11-22", at(0, 0, 0)),
            ("2026-11-22T10:00:00Z", 1_795_341_600_000),
        ] {
            assert_eq!(parse(text, now).ok(), Some(moment), "{text}");
        }
        for text in ["", "10", "yesterday", "25:00", "2026-13-01", "10 parsecs"] {
            assert!(parse(text, now).is_err(), "{text}");
        }
    }
}
