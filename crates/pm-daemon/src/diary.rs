//! What the daemon says about itself: lines on standard error, which the guardian points at `pm.log`. It is put aside
//! when it has grown, by the guardian and by us alike; what could be said again and again is said once a minute.

use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::PathBuf;

use chrono::Local;
use pm_core::Time;

use crate::clock;

/// Size in bytes past which the diary is put aside and begun anew, the same as the guardian's.
const LIMIT: u64 = 1 << 20;

/// What the diary is called after it was put aside, besides its name.
const ASIDE: &[u8] = b".old";

/// How long the same complaint stays unsaid, in ms.
const SILENCE: u64 = 60_000;

/// Writes one line. A diary that can't be written stops nobody.
pub(crate) fn note(text: fmt::Arguments<'_>) {
    if let Ok(Some(file)) = successor(io::stderr().as_fd()) {
        // If it can't be exchanged the old one grows, and the next line tries again.
        rustix::stdio::dup2_stdout(&file).and_then(|()| rustix::stdio::dup2_stderr(&file)).ok();
    }
    let stamp = Local::now().format("%Y-%m-%dT%H:%M:%S%.3f");
    let line = format!("{stamp} daemon {}: {text}\n", std::process::id());
    io::stderr().write_all(line.as_bytes()).ok();
}

/// The file to go on in if this one is a `pm.log` that has grown: it becomes `pm.log.old`, unless the guardian has
/// renamed it already.
fn successor(diary: BorrowedFd<'_>) -> io::Result<Option<File>> {
    let meta = File::from(diary.try_clone_to_owned()?).metadata()?;
    if !meta.is_file() || meta.len() <= LIMIT {
        return Ok(None);
    }
    let path = fs::read_link(format!("/proc/self/fd/{}", diary.as_raw_fd()))?;
    let there = fs::symlink_metadata(&path)?;
    if (there.dev(), there.ino()) != (meta.dev(), meta.ino()) {
        // Removed with its home, or another file by now.
        return Ok(None);
    }
    let bytes = path.as_os_str().as_bytes();
    let base = PathBuf::from(OsString::from_vec(bytes.strip_suffix(ASIDE).unwrap_or(bytes).into()));
    if base.file_name().is_none_or(|name| name != "pm.log") {
        return Ok(None);
    }
    if base == path {
        fs::rename(&base, OsString::from_vec([bytes, ASIDE].concat()))?;
    }
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).unwrap_or(0);
    let mut options = File::options();
    options.append(true).create(true).mode(0o600).custom_flags(flags);
    options.open(&base).map(Some)
}

/// A complaint with a cause that may last: said at most once a minute, with how often it went unsaid.
#[derive(Debug, Default)]
pub(crate) struct Grumble {
    said: Option<Time>,
    unsaid: u64,
}

impl Grumble {
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
        let mut grumble = Grumble::default();
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
        let path = dir.path().join("pm.log");
        let diary = File::create(&path).unwrap();
        assert!(successor(diary.as_fd()).unwrap().is_none(), "a small one stays");
        diary.set_len(LIMIT + 1).unwrap();
        let next = successor(diary.as_fd()).unwrap().unwrap();
        let aside = dir.path().join("pm.log.old");
        assert_eq!(fs::metadata(&aside).unwrap().len(), LIMIT + 1);
        assert_eq!(next.metadata().unwrap().ino(), fs::metadata(&path).unwrap().ino());
        // The guardian was faster: we follow it, and its new file stays where it is.
        let again = successor(diary.as_fd()).unwrap().unwrap();
        assert_eq!(again.metadata().unwrap().ino(), next.metadata().unwrap().ino());
        // A file that is no diary of ours is left alone, however large.
        let other = File::create(dir.path().join("other")).unwrap();
        other.set_len(LIMIT + 1).unwrap();
        assert!(successor(other.as_fd()).unwrap().is_none());
    }
}
