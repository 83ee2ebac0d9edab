//! Whether a worker of gunicorn has loaded its app.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Before any file could have been made, in s since 1970.
const LONG_AGO: i64 = 1_000_000_000;

/// Whether the main process with this id has a worker that has loaded the app.
///
/// It shares a deleted file `wgunicorn-*` with each worker, on which the worker tells that it lives, for the first time when
/// it has loaded the app: by the file's time, which is then one of the monotonic clock, or (gunicorn 20) by its mode, 0 or 1.
/// `None`: there is no such file.
pub fn has_loaded(main: u32) -> Option<bool> {
    let entries = fs::read_dir(format!("/proc/{main}/fd")).ok()?;
    let signs = entries.flatten().filter_map(|entry| sign(&entry.path()));
    signs.reduce(|any, one| any | one)
}

/// What a descriptor that is such a file says.
fn sign(descriptor: &Path) -> Option<bool> {
    let file = fs::read_link(descriptor).ok()?;
    if !file.file_name()?.as_bytes().starts_with(b"wgunicorn-") {
        return None;
    }
    let seen = fs::metadata(descriptor).ok()?;
    Some(seen.mtime() < LONG_AGO || seen.mode() & 0o777 <= 1)
}

#[cfg(test)]
mod tests {
    use std::fs::{File, FileTimes, Permissions};
    use std::os::unix::fs::PermissionsExt;
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn a_worker_tells_by_the_time_or_the_mode_of_its_file() {
        let id = std::process::id();
        assert_eq!(has_loaded(id), None);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wgunicorn-x1");
        let file = File::create(&path).unwrap();
        file.set_permissions(Permissions::from_mode(0o600)).unwrap();
        fs::remove_file(&path).unwrap();
        assert_eq!(has_loaded(id), Some(false));
        let monotonic = SystemTime::UNIX_EPOCH + Duration::from_hours(25);
        file.set_times(FileTimes::new().set_modified(monotonic)).unwrap();
        assert_eq!(has_loaded(id), Some(true));
        file.set_times(FileTimes::new().set_modified(SystemTime::now())).unwrap();
        file.set_permissions(Permissions::from_mode(0o001)).unwrap();
        assert_eq!(has_loaded(id), Some(true));
        drop(file);
        assert_eq!(has_loaded(id), None);
    }
}
