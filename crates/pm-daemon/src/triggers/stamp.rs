//! When a schedule came last, in a file of its own: what a boot, or a daemon that was not there, has made it miss is made up
//! for.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::{daemon_log, own_file};

/// The file of one schedule.
#[derive(Debug)]
pub(super) struct Stamp(PathBuf);

impl Stamp {
    /// That of an app.
    pub(super) fn of(folder: &Path, namespace: &str, name: &str) -> Self {
        // A slash can't stand in the name of a file, and no two apps may have one file.
        let plain = |text: &str| text.replace('%', "%25").replace('/', "%2f").replace(':', "%3a");
        Self(folder.join(format!("{}:{}", plain(namespace), plain(name))))
    }

    /// When it came last, in ms since 1970.
    pub(super) fn read(&self) -> Option<u64> {
        fs::read_to_string(&self.0).ok()?.trim().parse().ok()
    }

    /// It has come, or is looked at from now on.
    pub(super) fn write(&self, at: u64) {
        let folder = self.0.parent().map_or(Ok(()), fs::create_dir_all);
        let text = format!("{at}\n");
        if let Err(error) = folder.and_then(|()| own_file::replace(&self.0, text.as_bytes())) {
            daemon_log::note(format_args!("could not write {}: {error}", self.0.display()));
        }
    }

    /// Nothing is made up for any more.
    pub(super) fn remove(&self) {
        match fs::remove_file(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                daemon_log::note(format_args!("could not remove {}: {error}", self.0.display()));
            }
            Ok(()) | Err(_) => {}
        }
    }
}
