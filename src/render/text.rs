//! Small things of showing: colours, widths, times. All pure.

use std::borrow::Cow;

use chrono::{DateTime, Local};
use pm_client::{Colours, plain};
pub(crate) use pm_client::{count, span};
use pm_protocol::{Row, Status};
use pm_spec::ByteString;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::console::Look;

/// A colour with a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    /// As it comes.
    Plain,
    /// Names of columns and fields.
    Head,
    /// Frames and side remarks.
    Dim,
    /// Well.
    Good,
    /// Failed.
    Bad,
    /// Passing, or to be looked at.
    Wait,
    /// What to type elsewhere: ids, names.
    Key,
    /// One app among several, by its number.
    App(usize),
}

/// Colours of apps beside each other; none is red, which means failure.
const APPS: [&str; 10] = ["36", "33", "32", "35", "34", "96", "93", "92", "95", "94"];

impl Paint {
    /// `text` in this colour, if colours are wanted.
    pub(crate) fn on(self, text: &str, colour: bool) -> String {
        let mut painted = String::with_capacity(text.len() + 12);
        self.push(&mut painted, text, colour);
        painted
    }

    /// Appends `text` in this colour, if colours are wanted.
    pub(crate) fn push(self, out: &mut String, text: &str, colour: bool) {
        let code = match self {
            Self::Plain => "",
            Self::Head => "1;36",
            Self::Dim => "2",
            Self::Good => "32",
            Self::Bad => "31",
            Self::Wait => "33",
            Self::Key => "1",
            Self::App(number) => APPS.get(number % APPS.len()).copied().unwrap_or_default(),
        };
        if colour && !code.is_empty() && !text.is_empty() {
            out.extend(["\x1b[", code, "m", text, "\x1b[0m"]);
        } else {
            out.push_str(text);
        }
    }

    /// The colour of where something stands.
    pub(crate) fn of_row(row: &Row) -> Self {
        match row.waiting_job() {
            Some(_) if row.standing() == "scheduled" => Self::Plain,
            None if row.is_unhealthy() => Self::Bad,
            Some(_) | None => Self::of(row.status),
        }
    }

    /// The colour of a status, PM2's where it has one.
    pub(crate) fn of(status: Status) -> Self {
        match status {
            Status::Online => Self::Good,
            Status::Launching | Status::Stopping | Status::WaitingRestart => Self::Wait,
            Status::Stopped | Status::Errored => Self::Bad,
        }
    }
}

/// Bytes of others, fit to be shown.
pub(crate) fn safe(bytes: &ByteString) -> Cow<'_, str> {
    plain(bytes.as_bytes(), Colours::Drop)
}

/// [`one_line`], as a string of its own.
pub(crate) fn safe_text(text: &str) -> String {
    one_line(text).into_owned()
}

/// A text of others, fit to be shown in one line.
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    let shown = plain(text.as_bytes(), Colours::Drop);
    let is_one = !shown.bytes().any(|byte| matches!(byte, b'\n' | b'\t'));
    if is_one { shown } else { shown.replace(['\n', '\t'], " ").into() }
}

/// How many columns a text takes.
pub(crate) fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { UnicodeWidthStr::width(text) }
}

/// `text` in at most `columns`, its cut marked with `…`.
pub(crate) fn clip(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.into();
    }
    let mut clipped = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += UnicodeWidthChar::width(c).unwrap_or(0);
        if used > columns {
            break;
        }
        clipped.push(c);
    }
    if columns > 0 {
        clipped.push('…');
    }
    clipped
}

/// `text` as far as it fits where it is shown.
pub(crate) fn fitted(text: &str, look: Look) -> String {
    clip(text, look.width.unwrap_or(usize::MAX))
}

/// How long a row has run at `now` (ms since 1970), as PM2 shows it: each unit is used from two on.
pub(crate) fn uptime(row: &Row, now: u64) -> String {
    if row.pid == 0 || row.started_at == 0 {
        return "0".into();
    }
    span(now.saturating_sub(row.started_at) / 1000)
}

/// Milliseconds in words that fit a line: `350ms`, then as [`span`].
pub(crate) fn millis(ms: u64) -> String {
    if ms < 2000 { format!("{ms}ms") } else { span(ms / 1000) }
}

/// A moment to come, and how far it is from `now`.
pub(crate) fn ahead(at: u64, now: u64) -> String {
    format!("{} (in {})", moment(at), millis(at.saturating_sub(now)))
}

/// A moment in local time; empty for 0.
pub(crate) fn moment(ms: u64) -> String {
    let time = i64::try_from(ms).ok().and_then(DateTime::from_timestamp_millis);
    match time {
        Some(time) if ms > 0 => {
            time.with_timezone(&Local).format("%Y-%m-%d %H:%M:%S%.3f").to_string()
        }
        Some(_) | None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_clipped_by_columns_not_bytes() {
        assert_eq!(clip("abcdef", 4), "abc…");
        assert_eq!(clip("abcd", 4), "abcd");
        assert_eq!(clip("日本語", 4), "日…");
        assert_eq!(clip("abc", 1), "…");
        assert_eq!(clip("abc", 0), "");
    }
}
