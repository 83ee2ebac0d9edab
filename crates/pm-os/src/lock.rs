//! "Who is it?": a kernel lock on a file. The lock is the kernel's and ends with its holder, however
//! that dies; the text in the file is for people. A stale file means nothing (pain 15).

use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Who holds a lock, as written in its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its number.
    pub pid: i32,
    /// Its version.
    pub version: String,
}

/// A lock we hold until this is dropped (or the last copy of its descriptor is closed).
#[derive(Debug)]
pub struct Lock {
    file: File,
}

/// A lock could not be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody has it.
    #[error("lock {}: held by {}", path.display(), told(holder.as_ref()))]
    Held {
        /// The file.
        path: PathBuf,
        /// Who says so in it; `None` if they haven't written yet.
        holder: Option<Holder>,
    },
    /// The file can't be opened, locked or written.
    #[error("lock {}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

fn told(holder: Option<&Holder>) -> String {
    holder.map_or("another process".into(), |holder| {
        format!("process {} (version {})", holder.pid, holder.version)
    })
}

impl Lock {
    /// Takes the lock or says who has it; never waits. The file is made if need be (0600).
    pub fn take(path: &Path, version: &str) -> Result<Self, LockError> {
        let unusable = |source| LockError::Unusable { path: path.to_owned(), source };
        loop {
            let file = File::options()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .custom_flags(libc::O_NOFOLLOW)
                .open(path)
                .map_err(unusable)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(LockError::Held { path: path.to_owned(), holder: read(file) });
                }
                Err(TryLockError::Error(error)) => return Err(unusable(error)),
            }
            // Somebody may have removed or replaced the file between open and lock: then ours is
            // the lock of a file nobody else will ever open.
            if is_at(&file, path).map_err(unusable)? {
                let lock = Self { file };
                lock.sign(version).map_err(unusable)?;
                return Ok(lock);
            }
        }
    }

    /// Continues a lock whose descriptor came through an exec.
    pub fn from_fd(fd: OwnedFd) -> Self {
        Self { file: File::from(fd) }
    }

    /// Writes our number and version into the file, for people.
    pub fn sign(&self, version: &str) -> io::Result<()> {
        let text = format!("{} {version}\n", std::process::id());
        self.file.set_len(0)?;
        rustix::fs::seek(&self.file, rustix::fs::SeekFrom::Start(0))?;
        (&self.file).write_all(text.as_bytes())
    }
}

impl AsFd for Lock {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// Who holds the lock; `None` if nobody does (whatever the file says) or it isn't signed yet.
///
/// Takes a shared lock for a moment to find out, so don't race it against [`Lock::take`] where a
/// spurious "held" would matter.
pub fn holder(path: &Path) -> Option<Holder> {
    let file = File::options()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path)
        .ok()?;
    let is_held = matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock));
    if is_held { read(file) } else { None }
}

fn read(file: File) -> Option<Holder> {
    let mut text = String::new();
    file.take(256).read_to_string(&mut text).ok()?;
    let (pid, version) = text.trim_end().split_once(' ')?;
    Some(Holder { pid: pid.parse().ok()?, version: version.to_owned() })
}

fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let ours = file.metadata()?;
    match std::fs::symlink_metadata(path) {
        Ok(there) => Ok((there.dev(), there.ino()) == (ours.dev(), ours.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_at_a_time_and_it_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pm.lock");
        assert_eq!(holder(&path), None);
        let lock = Lock::take(&path, "1.2.3").unwrap();
        let me = Holder { pid: rustix::process::getpid().as_raw_pid(), version: "1.2.3".into() };
        assert_eq!(holder(&path), Some(me.clone()));
        let error = Lock::take(&path, "x").unwrap_err();
        assert!(
            error.to_string().ends_with(&format!("held by process {} (version 1.2.3)", me.pid))
        );
        drop(lock);
        assert_eq!(holder(&path), None, "a stale text is no holder");
        Lock::take(&path, "1.2").unwrap();
    }

    #[test]
    fn a_removed_file_does_not_make_two_holders_of_one_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pm.lock");
        let first = Lock::take(&path, "1").unwrap();
        std::fs::remove_file(&path).unwrap();
        let second = Lock::take(&path, "2").unwrap();
        assert!(!is_at(&first.file, &path).unwrap() && is_at(&second.file, &path).unwrap());
    }

    #[test]
    fn a_symlink_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pm.lock");
        std::os::unix::fs::symlink("/dev/null", &path).unwrap();
        assert!(matches!(Lock::take(&path, "1"), Err(LockError::Unusable { .. })));
    }
}
