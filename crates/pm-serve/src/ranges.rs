//! What a client has already and which part it wants: `If-None-Match`, `If-Modified-Since`, `If-Range`, `Range`
//! (RFC 9110, 13 and 14). Pure.

use std::ops::Range;
use std::time::{Duration, SystemTime};

/// What tells one content of a file from the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Version {
    /// An entity tag with its quotes.
    pub(crate) tag: String,
    /// When it was changed, in whole seconds, as HTTP counts.
    pub(crate) changed: Option<SystemTime>,
    /// Bytes.
    pub(crate) size: u64,
}

/// What a client asks, as it was sent; `None`: not asked.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ConditionalHeaders<'a> {
    pub(crate) if_none_match: Option<&'a str>,
    pub(crate) if_modified_since: Option<&'a str>,
    pub(crate) if_range: Option<&'a str>,
    pub(crate) range: Option<&'a str>,
}

/// What it gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ResponsePart {
    /// Everything.
    Whole,
    /// Nothing: it has it.
    Unchanged,
    /// These bytes; at least one.
    Bytes(Range<u64>),
    /// Nothing: there are no such bytes.
    NoSuchBytes,
}

impl Version {
    /// From a file's size and time of change.
    pub(crate) fn new(size: u64, modified: Option<SystemTime>) -> Self {
        let since = modified.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
        let stamp = since.unwrap_or(Duration::ZERO);
        let changed =
            since.map(|since| SystemTime::UNIX_EPOCH + Duration::from_secs(since.as_secs()));
        Self { tag: format!("\"{size:x}-{:x}\"", stamp.as_nanos()), changed, size }
    }

    /// What to send. A request that can't be understood is one for everything.
    pub(crate) fn part(&self, asked: ConditionalHeaders<'_>) -> ResponsePart {
        let unchanged = match (asked.if_none_match, asked.if_modified_since) {
            (Some(tags), _) => self.is_among(tags),
            (None, Some(date)) => self.is_older_than(date),
            (None, None) => false,
        };
        if unchanged {
            return ResponsePart::Unchanged;
        }
        match asked.range {
            Some(range) if asked.if_range.is_none_or(|it| self.is_exactly(it)) => {
                bytes(range, self.size)
            }
            Some(_) | None => ResponsePart::Whole,
        }
    }

    fn is_among(&self, tags: &str) -> bool {
        let mut tags = tags.split(',').map(str::trim);
        tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == self.tag)
    }

    fn is_older_than(&self, date: &str) -> bool {
        let date = httpdate::parse_http_date(date).ok();
        date.is_some_and(|date| self.changed.is_some_and(|changed| changed <= date))
    }

    fn is_exactly(&self, tag_or_date: &str) -> bool {
        let date = httpdate::parse_http_date(tag_or_date).ok();
        tag_or_date.trim() == self.tag || (date.is_some() && date == self.changed)
    }
}

/// One range of bytes; several at once are answered with everything, which is allowed and simple.
fn bytes(range: &str, size: u64) -> ResponsePart {
    let Some((first, last)) = range
        .trim()
        .strip_prefix("bytes=")
        .filter(|range| !range.contains(','))
        .and_then(|range| range.trim().split_once('-'))
    else {
        return ResponsePart::Whole;
    };
    // What no file can reach is past the end, however many digits it has.
    let number = |text: &str| match text.bytes().all(|byte| byte.is_ascii_digit()) {
        true if text.is_empty() => Some(None),
        true => Some(Some(text.parse().unwrap_or(u64::MAX))),
        false => None,
    };
    let (Some(first), Some(last)) = (number(first), number(last)) else {
        return ResponsePart::Whole;
    };
    let wanted: Range<u64> = match (first, last) {
        (Some(first), Some(last)) if last < first => return ResponsePart::Whole,
        (Some(first), Some(last)) => first..last.saturating_add(1).min(size),
        (Some(first), None) => first..size,
        (None, Some(count)) => size.saturating_sub(count)..size,
        (None, None) => return ResponsePart::Whole,
    };
    if wanted.is_empty() { ResponsePart::NoSuchBytes } else { ResponsePart::Bytes(wanted) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_cut_to_what_there_is() {
        for (range, part) in [
            ("bytes=0-0", ResponsePart::Bytes(0..1)),
            ("bytes=2-", ResponsePart::Bytes(2..10)),
            ("bytes=-3", ResponsePart::Bytes(7..10)),
            ("bytes=-30", ResponsePart::Bytes(0..10)),
            ("bytes=8-99999999999999999999", ResponsePart::Bytes(8..10)),
            ("bytes=99999999999999999999-", ResponsePart::NoSuchBytes),
            ("bytes=8-18446744073709551615", ResponsePart::Bytes(8..10)),
            ("bytes=10-", ResponsePart::NoSuchBytes),
            ("bytes=-0", ResponsePart::NoSuchBytes),
            ("bytes=5-4", ResponsePart::Whole),
            ("bytes=0-1,3-4", ResponsePart::Whole),
            ("bytes=-", ResponsePart::Whole),
            ("bytes=+1-2", ResponsePart::Whole),
            ("lines=1-2", ResponsePart::Whole),
        ] {
            assert_eq!(bytes(range, 10), part, "{range}");
        }
        assert_eq!(bytes("bytes=0-", 0), ResponsePart::NoSuchBytes);
    }

    #[test]
    fn what_the_client_has_is_not_sent_again() {
        let changed = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_500);
        let version = Version::new(10, Some(changed));
        let date = httpdate::fmt_http_date(changed);
        let earlier = httpdate::fmt_http_date(changed - Duration::from_secs(2));
        let weak = format!("\"x\", W/{}", version.tag);
        let asked = ConditionalHeaders::default();
        for (asked, part) in [
            (
                ConditionalHeaders { if_none_match: Some(&version.tag), ..asked },
                ResponsePart::Unchanged,
            ),
            (ConditionalHeaders { if_none_match: Some(&weak), ..asked }, ResponsePart::Unchanged),
            (ConditionalHeaders { if_none_match: Some("*"), ..asked }, ResponsePart::Unchanged),
            (
                ConditionalHeaders { if_modified_since: Some(&date), ..asked },
                ResponsePart::Unchanged,
            ),
            (
                ConditionalHeaders { if_modified_since: Some(&earlier), ..asked },
                ResponsePart::Whole,
            ),
            (
                ConditionalHeaders { if_modified_since: Some("yesterday"), ..asked },
                ResponsePart::Whole,
            ),
            (
                ConditionalHeaders {
                    if_none_match: Some("\"x\""),
                    if_modified_since: Some(&date),
                    ..asked
                },
                ResponsePart::Whole,
            ),
            (ConditionalHeaders { range: Some("bytes=1-2"), ..asked }, ResponsePart::Bytes(1..3)),
            (
                ConditionalHeaders {
                    range: Some("bytes=1-2"),
                    if_range: Some(&version.tag),
                    ..asked
                },
                ResponsePart::Bytes(1..3),
            ),
            (
                ConditionalHeaders { range: Some("bytes=1-2"), if_range: Some(&date), ..asked },
                ResponsePart::Bytes(1..3),
            ),
            (
                ConditionalHeaders { range: Some("bytes=1-2"), if_range: Some(&earlier), ..asked },
                ResponsePart::Whole,
            ),
            (
                ConditionalHeaders { range: Some("bytes=1-2"), if_range: Some("\"x\""), ..asked },
                ResponsePart::Whole,
            ),
        ] {
            assert_eq!(version.part(asked), part, "{asked:?}");
        }
    }

    #[test]
    fn a_change_is_a_new_version() {
        let at = |ms| Some(SystemTime::UNIX_EPOCH + Duration::from_millis(ms));
        assert_ne!(Version::new(1, at(5)).tag, Version::new(1, at(6)).tag);
        assert_ne!(Version::new(1, at(5)).tag, Version::new(2, at(5)).tag);
    }
}
