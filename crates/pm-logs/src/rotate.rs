//! When a log is full, what its old parts are called and which of them go. Pure; renaming is
//! `logfile.rs`, compressing and deleting is `archive.rs`.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use chrono::{DateTime, Local};

use crate::cut::LONGEST_LINE;

/// Limits of one log and of its rotated parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogRotation {
    /// Bytes after which the log is renamed at the next line end; `u64::MAX` means never.
    pub max_size: u64,
    /// How many rotated parts stay.
    pub keep: usize,
    /// Bytes all rotated parts together may take; `u64::MAX` means no such limit.
    pub total: u64,
    /// Whether rotated parts become `.gz`.
    pub compress: bool,
}

impl LogRotation {
    /// On by default (pain 4): ten parts of 10 MiB, as they are.
    pub const STANDARD: LogRotation =
        LogRotation { max_size: 10 << 20, keep: 10, total: u64::MAX, compress: false };

    /// Never rotates, never deletes.
    pub const NEVER: LogRotation =
        LogRotation { max_size: u64::MAX, keep: usize::MAX, total: u64::MAX, compress: false };
}

/// How much of what waits belongs into the present file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LimitSplit {
    /// So many bytes first.
    pub take: usize,
    /// Then a new file.
    pub then_rotate: bool,
}

/// Divides `window`, the bytes that wait, at a line end near the limit of a file of `size` bytes.
pub(crate) fn split_at_limit(window: &[u8], size: u64, rotation: &LogRotation) -> LimitSplit {
    let room = rotation.max_size.saturating_sub(size);
    let room = usize::try_from(room).unwrap_or(usize::MAX);
    if window.len() <= room {
        return LimitSplit { take: window.len(), then_rotate: false };
    }
    let before = memchr::memrchr(b'\n', &window[..room]);
    let after = || memchr::memchr(b'\n', &window[room..]).map(|at| at + room);
    if let Some(at) = before.or_else(after) {
        return LimitSplit { take: at + 1, then_rotate: true };
    }
    let longest = u64::try_from(LONGEST_LINE).unwrap_or(u64::MAX);
    let overlong = size > rotation.max_size.saturating_add(longest);
    LimitSplit { take: window.len(), then_rotate: overlong }
}

/// `NAME__YYYY-MM-DD_HH-mm-ss[-n].log`: the part of `log` (a file name) rotated at `at`, the `attempt`th try. It never
/// orders before `newest`, or it would be the first to be deleted: many may be rotated within a second, the first of
/// them gone already, and clocks are set back (pain 36).
pub(crate) fn part_name(
    log: &OsStr,
    at: DateTime<Local>,
    newest: Option<RotatedPart<'_>>,
    attempt: u32,
) -> OsString {
    let now = at.format("%Y-%m-%d_%H-%M-%S").to_string();
    let (stamp, first) = match newest {
        Some(part) if part.stamp >= now.as_bytes() => (part.stamp, part.number.saturating_add(1)),
        Some(_) | None => (now.as_bytes(), 0),
    };
    let (stem, extension) = divide(log);
    let mut name = [stem, b"__", stamp].concat();
    let number = first.saturating_add(attempt);
    if number > 0 {
        name.extend_from_slice(format!("-{number}").as_bytes());
    }
    name.extend_from_slice(extension);
    OsString::from_vec(name)
}

/// `NAME` and `.gz` or another suffix.
pub(crate) fn with_suffix(name: impl AsRef<OsStr>, suffix: &str) -> OsString {
    let mut name = name.as_ref().to_os_string();
    name.push(suffix);
    name
}

fn divide(log: &OsStr) -> (&[u8], &[u8]) {
    let bytes = log.as_bytes();
    match memchr::memrchr(b'.', bytes) {
        Some(at) if at > 0 => bytes.split_at(at),
        Some(_) | None => (bytes, b""),
    }
}

/// Orders parts of `log` by age and tells them from other files: `(stamp, n, compressed)`.
pub(crate) fn part_of<'a>(log: &OsStr, name: &'a OsStr) -> Option<RotatedPart<'a>> {
    let (stem, extension) = divide(log);
    let bytes = name.as_bytes();
    let rest = bytes.strip_prefix(stem)?.strip_prefix(b"__")?;
    let (rest, compressed) = match rest.strip_suffix(b".gz") {
        Some(rest) => (rest, true),
        None => (rest, false),
    };
    let rest = rest.strip_suffix(extension)?;
    let stamp = rest.get(..STAMP.len())?;
    let fits = stamp.iter().zip(STAMP).all(|(have, want)| match want {
        b'0' => have.is_ascii_digit(),
        _ => have == want,
    });
    let number = match rest.get(STAMP.len()..)? {
        [] => Some(0),
        [b'-', digits @ ..] => std::str::from_utf8(digits).ok()?.parse().ok(),
        _ => None,
    }?;
    fits.then_some(RotatedPart { stamp, number, compressed })
}

/// The log (a file name) that a file of this name is a rotated part of, if it is one.
pub fn log_of(name: &OsStr) -> Option<OsString> {
    let bytes = name.as_bytes();
    let (stem, extension) = divide(OsStr::from_bytes(bytes.strip_suffix(b".gz").unwrap_or(bytes)));
    let end = memchr::memmem::rfind(stem, b"__")?;
    let log = OsString::from_vec([&stem[..end], extension].concat());
    part_of(&log, name).map(|_| log)
}

const STAMP: &[u8] = b"0000-00-00_00-00-00";

/// A rotated part, as its name tells; orders from oldest to newest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RotatedPart<'a> {
    /// When it was rotated, sortable as text.
    pub stamp: &'a [u8],
    /// Which one of that second.
    pub number: u32,
    /// Whether it is a `.gz`.
    pub compressed: bool,
}

/// How many of the oldest parts must go; `sizes` from oldest to newest.
pub(crate) fn surplus(sizes: &[u64], rotation: &LogRotation) -> usize {
    let mut total: u64 = sizes.iter().fold(0, |sum, size| sum.saturating_add(*size));
    let mut gone = 0;
    for size in sizes {
        if sizes.len() - gone <= rotation.keep && total <= rotation.total {
            break;
        }
        total = total.saturating_sub(*size);
        gone += 1;
    }
    gone
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;
    use proptest::prelude::*;

    use super::*;

    const TEN: LogRotation = LogRotation { max_size: 10, ..LogRotation::STANDARD };

    #[test]
    fn a_log_is_divided_at_a_line_end() {
        let rows: &[(&[u8], u64, usize, bool)] = &[
            (b"abc\n", 0, 4, false),
            (b"abcd\nabcd\n", 0, 10, false),
            (b"abcd\nabcd\nx", 0, 10, true),
            (b"abcd\nabcdefgh\n", 0, 5, true),
            (b"abcdefghijklm\nxyz", 0, 14, true),
            (b"abcdefghijklm", 0, 13, false),
            (b"a\nb\n", 10, 2, true),
            (b"a", 10 + (1 << 20), 1, false),
            (b"a", 11 + (1 << 20), 1, true),
        ];
        for (window, size, take, then_rotate) in rows {
            let want = LimitSplit { take: *take, then_rotate: *then_rotate };
            assert_eq!(split_at_limit(window, *size, &TEN), want, "{window:?} at {size}");
        }
    }

    #[test]
    fn names_are_made_and_known_again() {
        let at = Local.with_ymd_and_hms(2026, 2, 3, 4, 5, 6).single().expect("a time");
        let log = OsStr::new("web-out.log");
        assert_eq!(part_name(log, at, None, 0), "web-out__2026-02-03_04-05-06.log");
        assert_eq!(part_name(log, at, None, 2), "web-out__2026-02-03_04-05-06-2.log");
        assert_eq!(part_name(OsStr::new("web"), at, None, 0), "web__2026-02-03_04-05-06");
        let part = part_of(log, OsStr::new("web-out__2026-02-03_04-05-06-2.log.gz"));
        assert_eq!(part.map(|part| (part.number, part.compressed)), Some((2, true)));
        for stranger in ["web-out.log", "web-out__2026.log", "web-out__2026-02-03_04-05-06.txt"] {
            assert_eq!(part_of(log, OsStr::new(stranger)), None, "{stranger}");
        }
    }

    #[test]
    fn p36_a_new_part_is_always_the_newest() {
        let at = Local.with_ymd_and_hms(2026, 2, 3, 4, 5, 6).single().expect("a time");
        let log = OsStr::new("a.log");
        let rows = [
            // An earlier second, this second, and a clock that was set back.
            ("a__2026-02-03_04-05-05-7.log.gz", "a__2026-02-03_04-05-06.log"),
            ("a__2026-02-03_04-05-06.log", "a__2026-02-03_04-05-06-1.log"),
            ("a__2026-02-03_04-05-06-9.log.gz", "a__2026-02-03_04-05-06-10.log"),
            ("a__2027-01-01_00-00-00-3.log", "a__2027-01-01_00-00-00-4.log"),
        ];
        for (newest, want) in rows {
            let newest = part_of(log, OsStr::new(newest)).expect("a part");
            let name = part_name(log, at, Some(newest), 0);
            assert_eq!(name, want);
            assert!(part_of(log, &name).expect("a part") > newest, "{name:?}");
        }
    }

    #[test]
    fn the_oldest_go_first() {
        let rotation = LogRotation { keep: 2, total: 100, ..TEN };
        assert_eq!(surplus(&[10, 10], &rotation), 0);
        assert_eq!(surplus(&[10, 10, 10], &rotation), 1);
        assert_eq!(surplus(&[90, 60], &rotation), 1);
        assert_eq!(surplus(&[90, 160], &rotation), 2);
        assert_eq!(surplus(&[], &rotation), 0);
    }

    proptest! {
        #[test]
        fn what_is_shared_is_never_more_than_there_is(
            window in proptest::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..64),
            size in 0_u64..20,
        ) {
            let split = split_at_limit(&window, size, &TEN);
            prop_assert!(split.take <= window.len());
            prop_assert!(split.take > 0 || window.is_empty());
            if split.then_rotate && size <= 10 + (1 << 20) {
                prop_assert_eq!(window[split.take - 1], b'\n');
            }
        }
    }
}
