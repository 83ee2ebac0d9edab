//! What the daemon says about itself: lines on standard error, which the guardian points at `pm.log`. It is put aside
//! when it has grown, by the guardian and by us alike; what could be said again and again is said once a minute.

use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use chrono::Utc;
use pm_core::Time;
use pm_guardian::DAEMON_LOG_LIMIT as LIMIT;
use rustix::fs::FileType;

use crate::clock;

/// What the daemon log is called after it was put aside, besides its name.
const ASIDE: &[u8] = b".old";

/// How long the same complaint stays unsaid, in ms.
const SILENCE: u64 = 60_000;

/// What PM2 and we call it in a home.
const NAMES: [&str; 2] = ["pm.log", "pm2.log"];

/// Names another file in a home of PM2's.
const ELSEWHERE: &str = "PM2_LOG_FILE_PATH";

/// Writes one line, with the time (UTC) as the guardian writes it. A daemon log that can't be written stops nobody.
pub(crate) fn note(text: fmt::Arguments<'_>) {
    turn_over();
    let stamp = Utc::now().format("%Y-%m-%dT%H:%M:%S%.3fZ");
    let line = format!("{stamp} daemon {}: {text}\n", std::process::id());
    io::stderr().write_all(line.as_bytes()).ok();
}

/// Begins the daemon log anew where it has grown.
fn turn_over() {
    if let Ok(Some(file)) = successor(io::stderr().as_fd()) {
        // If it can't be exchanged the old one grows, and the next line tries again.
        rustix::stdio::dup2_stdout(&file).and_then(|()| rustix::stdio::dup2_stderr(&file)).ok();
    }
}

/// Forgets what was said. Lines are appended, so the file may be cut at any time; a missing one is as good as empty.
pub(crate) fn empty(path: &Path) {
    turn_over();
    if let Ok(file) = File::options().write(true).open(path) {
        file.set_len(0).ok();
    }
    let aside = aside(path);
    let ours = rustix::fs::fstat(io::stderr()).ok().map(|stat| (stat.st_dev, stat.st_ino));
    // Not if we still write there.
    if fs::symlink_metadata(&aside).is_ok_and(|meta| ours != Some((meta.dev(), meta.ino()))) {
        fs::remove_file(&aside).ok();
    }
}

fn aside(base: &Path) -> PathBuf {
    OsString::from_vec([base.as_os_str().as_bytes(), ASIDE].concat()).into()
}

fn is_diary(path: &Path) -> bool {
    let name = path.file_name();
    let elsewhere = std::env::var_os(ELSEWHERE).map(PathBuf::from);
    NAMES.iter().any(|known| name == Some(known.as_ref()))
        || name.is_some() && name == elsewhere.as_deref().and_then(Path::file_name)
}

/// The file to go on in if this one is a daemon log that has grown: it becomes `pm.log.old`, unless the guardian has renamed it
/// already.
fn successor(daemon_log: BorrowedFd<'_>) -> io::Result<Option<File>> {
    let stat = rustix::fs::fstat(daemon_log)?;
    let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    if !is_file || u64::try_from(stat.st_size).unwrap_or(0) <= LIMIT {
        return Ok(None);
    }
    let path = fs::read_link(format!("/proc/self/fd/{}", daemon_log.as_raw_fd()))?;
    let there = fs::symlink_metadata(&path)?;
    if (there.dev(), there.ino()) != (stat.st_dev, stat.st_ino) {
        // Removed with its home, or another file by now.
        return Ok(None);
    }
    let bytes = path.as_os_str().as_bytes();
    let base = PathBuf::from(OsString::from_vec(bytes.strip_suffix(ASIDE).unwrap_or(bytes).into()));
    // Any other file that standard error may be is somebody else's.
    if !is_diary(&base) {
        return Ok(None);
    }
    pm_guardian::open_daemon_log(&base).map(Some)
}

/// A complaint with a cause that may last: said at most once a minute, with how often it went unsaid.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    said: Option<Time>,
    unsaid: u64,
}

impl Throttle {
    /// Says it, unless it was said lately.
    pub(crate) fn note(&mut self, text: fmt::Arguments<'_>) {
        match self.due(clock::now()) {
            None => {}
            Some(0) => note(text),
            Some(unsaid) => note(format_args!("{text} ({unsaid} more like it since the last)")),
        }
    }

    /// How many went unsaid, if it is time to speak.
    fn due(&mut self, now: Time) -> Option<u64> {
        if self.said.is_some_and(|said| now.0 < said.0.saturating_add(SILENCE)) {
            self.unsaid += 1;
            return None;
        }
        self.said = Some(now);
        Some(std::mem::take(&mut self.unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_is_heard_once_a_minute() {
        let mut grumble = Throttle::default();
        assert_eq!(grumble.due(Time(1)), Some(0));
        for now in 2..=9 {
            assert_eq!(grumble.due(Time(now)), None);
        }
        assert_eq!(grumble.due(Time(60_001)), Some(8));
        assert_eq!(grumble.due(Time(60_002)), None);
    }

    #[test]
    fn a_diary_that_has_grown_is_put_aside_by_whoever_sees_it_first() {
        let dir = tempfile::tempdir().unwrap();
        // The same in a home of PM2's, where it has another name.
        let path = dir.path().join("pm2.log");
        let daemon_log = File::create(&path).unwrap();
        assert!(successor(daemon_log.as_fd()).unwrap().is_none(), "a small one stays");
        daemon_log.set_len(LIMIT + 1).unwrap();
        let next = successor(daemon_log.as_fd()).unwrap().unwrap();
        let aside = dir.path().join("pm2.log.old");
        assert_eq!(fs::metadata(&aside).unwrap().len(), LIMIT + 1);
        assert_eq!(next.metadata().unwrap().ino(), fs::metadata(&path).unwrap().ino());
        // The guardian was faster: we follow it, and its new file stays where it is.
        let again = successor(daemon_log.as_fd()).unwrap().unwrap();
        assert_eq!(again.metadata().unwrap().ino(), next.metadata().unwrap().ino());
        // A file that is no daemon log of ours is left alone, however large.
        let other = File::create(dir.path().join("other")).unwrap();
        other.set_len(LIMIT + 1).unwrap();
        assert!(successor(other.as_fd()).unwrap().is_none());
    }
}
