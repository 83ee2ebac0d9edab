//! The file in which daemon and guardian say what happened to themselves. It never grows past a
//! limit for long, and a log that can't be written stops nobody.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::sys;

/// Size in bytes past which the log is put aside and begun anew (pain 4).
pub const DAEMON_LOG_LIMIT: u64 = 1 << 20;

/// Where lines go.
#[derive(Debug)]
pub(crate) struct DaemonLog {
    path: PathBuf,
}

impl DaemonLog {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends one line with the time (UTC).
    pub(crate) fn note(&self, text: &str) {
        if let Some(mut file) = self.open() {
            writeln!(file, "{} guardian: {text}", stamp(sys::unix_ms())).ok();
        }
    }

    /// The log as somebody's standard output or error.
    pub(crate) fn stdio(&self) -> Stdio {
        self.open().map_or_else(Stdio::null, Stdio::from)
    }

    fn open(&self) -> Option<File> {
        open_daemon_log(&self.path).ok()
    }
}

/// Opens the daemon log at its end; one that has grown becomes `<path>.old` first.
pub fn open_daemon_log(path: &Path) -> io::Result<File> {
    if fs::metadata(path).is_ok_and(|meta| meta.len() > DAEMON_LOG_LIMIT) {
        fs::rename(path, path.with_added_extension("old")).ok();
    }
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    File::options().append(true).create(true).mode(0o600).custom_flags(flags).open(path)
}

/// `2026-08-01T12:00:00.123Z`; days to dates after the proleptic Gregorian calendar.
fn stamp(unix_ms: i64) -> String {
    let (days, ms) = (unix_ms.div_euclid(86_400_000), unix_ms.rem_euclid(86_400_000));
    // Years begin in March here, so that the leap day is the last of its year.
    let shifted = days + 719_468;
    let (era, day) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    let rest = ms % 1000;
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{rest:03}Z")
}

#[cfg(test)]
mod tests {
    use super::stamp;

    #[test]
    fn days_become_dates() {
        assert_eq!(stamp(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(stamp(951_782_400_001), "2000-02-29T00:00:00.001Z");
        assert_eq!(stamp(1_772_323_199_999), "2026-02-28T23:59:59.999Z");
        assert_eq!(stamp(1_772_323_200_000), "2026-03-01T00:00:00.000Z");
        assert_eq!(stamp(-1), "1969-12-31T23:59:59.999Z");
    }
}
