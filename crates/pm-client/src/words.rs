//! Small texts that the lists and the monitor have in common. All pure.

use pm_protocol::Row;
use pm_spec::ByteString;

use crate::plain::{Colours, plain};

/// `1 app`, `2 apps`.
pub fn count<N: Copy + std::fmt::Display + PartialEq + From<u8>>(number: N, noun: &str) -> String {
    let plural = if number == N::from(1) { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// The unit in which PM2 shows so many seconds, and how many it has: each is used from two on (`119s`, then `2m`).
pub fn unit_of(seconds: u64) -> (u64, &'static str) {
    const UNITS: [(u64, &str); 5] =
        [(31_536_000, "Y"), (2_592_000, "M"), (86_400, "D"), (3_600, "h"), (60, "m")];
    UNITS.into_iter().find(|(unit, _)| seconds / unit >= 2).unwrap_or((1, "s"))
}

/// Seconds as PM2 shows them: `12s`, `3m`, `5h`, `2D`, `4M`, `2Y`.
pub fn span(seconds: u64) -> String {
    let (unit, letter) = unit_of(seconds);
    format!("{}{letter}", seconds / unit)
}

/// How long a job waits for its next time: `in 7h`; nothing if it does not wait.
pub fn wait_of(row: &Row, now: u64) -> Option<String> {
    let (_, next) = row.waiting_job()?;
    Some(format!("in {}", span(next.saturating_sub(now).div_ceil(1000))))
}

/// The status as lists tell it: `online`, `scheduled in 7h`, `failed, next in 7h`, `waiting for db`.
pub fn standing(row: &Row, now: u64) -> String {
    if let Some(app) = &row.waits_for {
        return format!("{} for {}", row.standing(), plain(app.as_bytes(), Colours::Drop));
    }
    match (row.standing(), wait_of(row, now)) {
        (word @ "failed", Some(wait)) => format!("{word}, next {wait}"),
        (word, Some(wait)) => format!("{word} {wait}"),
        (word, None) => word.into(),
    }
}

/// A word as a shell would need it, so that one can see where each begins and ends.
pub fn quoted(word: &ByteString) -> String {
    let text = plain(word.as_bytes(), Colours::Drop);
    let is_plain = |c: char| c.is_alphanumeric() || "-_=+:,./@%^".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.into_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uptimes_are_pm2s() {
        for (seconds, shown) in [
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (7199, "119m"),
            (7200, "2h"),
            (172_799, "47h"),
            (172_800, "2D"),
            (5_184_000, "2M"),
            (63_072_000, "2Y"),
        ] {
            assert_eq!(span(seconds), shown);
        }
    }

    #[test]
    fn words_are_quoted_only_where_needed() {
        for (word, shown) in [
            ("--bind=0.0.0.0:5000", "--bind=0.0.0.0:5000"),
            ("a b", "'a b'"),
            ("", "''"),
            ("it's", r"'it'\''s'"),
        ] {
            assert_eq!(quoted(&word.into()), shown);
        }
    }

    #[test]
    fn one_is_one() {
        assert_eq!((count(1_u32, "app"), count(2_usize, "app")), ("1 app".into(), "2 apps".into()));
    }
}
