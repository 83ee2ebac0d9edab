//! Figures and foreign text as people read them.
//! No layout, no colour; sizes come from `pm-spec` so that `pm list` and `pm monit` agree.

use std::borrow::Cow;

use pm_client::{span, unit_of, visible};
use pm_protocol::{Row, Status};
use pm_spec::Bytes;

/// An age in milliseconds as PM2 shows uptimes: `12s`, `3m`, `5h`, `2D`, `4M`, `2Y`.
pub(crate) fn uptime(age: u64) -> String {
    span(age / 1000)
}

/// Milliseconds until [`uptime`] says something else about this age.
pub(crate) fn uptime_changes_in(age: u64) -> u64 {
    let (unit, _) = unit_of(age / 1000);
    let unit = unit * 1000;
    unit - age % unit
}

/// A share of one core or of all, in at most six columns.
pub(crate) fn percent(value: f32) -> String {
    if value >= 999.5 {
        format!("{:.0}%", value.min(99_999.0))
    } else {
        format!("{:.1}%", value.max(0.0))
    }
}

/// Bytes as `pm list` shows them.
pub(crate) fn bytes(count: u64) -> String {
    Bytes::new(count).to_string()
}

/// Bytes without the fraction, for narrow places.
pub(crate) fn short_bytes(count: u64) -> String {
    let text = bytes(count);
    let Some((whole, rest)) = text.split_once('.') else { return text };
    if whole.len() == 1 {
        return text;
    }
    format!("{whole}{}", rest.trim_start_matches(|c: char| c.is_ascii_digit()))
}

/// Per cent of a whole.
pub(crate) fn share(part: u64, whole: u64) -> f32 {
    if whole == 0 {
        return 0.0;
    }
    let thousandths = u128::from(part) * 1000 / u128::from(whole);
    f32::from(u16::try_from(thousandths).unwrap_or(u16::MAX)) / 10.0
}

/// A length of time in milliseconds, for the ends of runs: `340ms`, `12.4s`, `3m`.
pub(crate) fn duration(millis: u64) -> String {
    match millis {
        0..1_000 => format!("{millis}ms"),
        1_000..60_000 => format!("{}.{}s", millis / 1000, millis % 1000 / 100),
        _ => uptime(millis),
    }
}

/// A time of day `HH:MM:SS` of a moment in ms since 1970, `offset` seconds east of Greenwich.
pub(crate) fn time_of_day(at: i64, offset: i32) -> String {
    let day = (at.div_euclid(1000) + i64::from(offset)).rem_euclid(86_400);
    format!("{:02}:{:02}:{:02}", day / 3600, day / 60 % 60, day % 60)
}

/// A moment to come, both in ms since 1970: `in 5h, at 03:00:00`; further away than a day `in 3D`.
pub(crate) fn ahead(at: u64, now: u64, offset: i32) -> String {
    let wait = at.saturating_sub(now);
    match i64::try_from(at) {
        Ok(at) if wait < 86_400_000 => {
            format!("in {}, at {}", duration(wait), time_of_day(at, offset))
        }
        Ok(_) | Err(_) => format!("in {}", duration(wait)),
    }
}

/// A sign for each status, so that colour is never needed.
pub(crate) fn status_sign(status: Status) -> &'static str {
    match status {
        Status::Online => "●",
        Status::Launching => "◐",
        Status::Stopping => "◑",
        Status::Stopped => "○",
        Status::Errored => "✖",
        Status::WaitingRestart => "◌",
    }
}

/// PM2's word; the only one of two words is cut to its first.
pub(crate) fn status_word(status: Status) -> &'static str {
    match status {
        Status::WaitingRestart => "waiting",
        Status::Online
        | Status::Launching
        | Status::Stopping
        | Status::Stopped
        | Status::Errored => status.as_str(),
    }
}

/// The sign and the word of a row; a job that waits has how long: `◷ in 7h`, `✖ in 7h` after a failure.
pub(crate) fn row_status(row: &Row, now: u64) -> String {
    match pm_client::wait_of(row, now) {
        Some(wait) => format!("{} {wait}", row_sign(row)),
        None if row.is_unhealthy() || row.waits_for.is_some() => {
            format!("{} {}", row_sign(row), row.standing())
        }
        None => format!("{} {}", row_sign(row), status_word(row.status)),
    }
}

/// In how many ms the time that a job waits is shown as another one.
pub(crate) fn wait_changes_in(wait: u64) -> Option<u64> {
    let seconds = wait.div_ceil(1000);
    let (unit, _) = unit_of(seconds);
    let last = (seconds / unit * unit).checked_sub(1)?;
    Some(wait.saturating_sub(last * 1000))
}

/// The sign of a row.
pub(crate) fn row_sign(row: &Row) -> &'static str {
    match row.standing() {
        "scheduled" => "◷",
        "failed" => status_sign(Status::Errored),
        _ if row.is_unhealthy() => status_sign(Status::Errored),
        _ => status_sign(row.status),
    }
}

/// Text of others (names, notes, paths) that can't disturb the screen.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if text.chars().any(|c| visible(c) != c) {
        text.chars().map(visible).collect::<String>().into()
    } else {
        text.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uptimes_are_pm2s_and_say_when_they_change() {
        for (age, text, lasts) in [
            (0, "0s", 1000),
            (12_300, "12s", 700),
            (119_999, "119s", 1),
            (120_000, "2m", 60_000),
            (3_600_000, "60m", 60_000),
            (7_200_000, "2h", 3_600_000),
            (172_800_000, "2D", 86_400_000),
        ] {
            assert_eq!(uptime(age), text);
            assert_eq!(uptime_changes_in(age), lasts, "{text}");
        }
    }

    #[test]
    fn a_job_that_waits_has_how_long_and_says_when_that_changes() {
        let mut row = pm_testkit::samples::row(0, "job", Status::Stopped);
        let job = pm_protocol::JobView { next: Some(7_300_000), ..Default::default() };
        row.job = Some(Box::new(job));
        assert_eq!(row_status(&row, 0), "◷ in 2h");
        row.job = Some(Box::new(pm_protocol::JobView { failed: true, ..job }));
        assert_eq!(row_status(&row, 7_299_500), "✖ in 1s");
        row.pid = 7;
        assert_eq!(row_status(&row, 0), "○ stopped");
        for (wait, lasts) in [
            (0, None),
            (1, Some(1)),
            (1500, Some(500)),
            (120_000, Some(1000)),
            (179_000, Some(60_000)),
        ] {
            assert_eq!(wait_changes_in(wait), lasts, "{wait}");
        }
    }

    #[test]
    fn figures_stay_narrow() {
        assert_eq!(percent(0.04), "0.0%");
        assert_eq!(percent(100.0), "100.0%");
        assert_eq!(percent(6400.4), "6400%");
        assert_eq!(short_bytes(50_855_936), "48mb");
        assert_eq!(short_bytes(5 << 20), "5.0mb");
        assert_eq!(duration(12_450), "12.4s");
        assert_eq!(time_of_day(86_399_999, 0), "23:59:59");
        assert_eq!(time_of_day(-1, 3600), "00:59:59");
        assert_eq!(ahead(10_800_000, 1000, 0), "in 2h, at 03:00:00");
        assert_eq!(ahead(518_400_000, 0, 0), "in 6D");
    }

    #[test]
    fn p54_hostile_characters_get_a_stand_in() {
        assert_eq!(clean("web"), "web");
        assert_eq!(clean("a\x1b[2Jb\u{202e}c\x7f"), "a\u{241b}[2Jb\u{fffd}c\u{2421}");
    }
}
