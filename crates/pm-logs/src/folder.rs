//! Folders of files that belong to an app: opened, and made when missing. For an app of another user the path is
//! walked step by step, so that no link which that user could have made, before or meanwhile, leads elsewhere.
//! Deliberately never changes owner or mode of a folder that was there before.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, Dir, FileType, Mode, OFlags, fchown, fstat, mkdirat, openat, readlinkat};
use rustix::io::Errno;
use rustix::process::{Gid, Uid, geteuid};

use crate::open_error::OpenError;
use crate::sink::FileOwner;

/// As many links as the kernel follows (`path_resolution(7)`).
pub(crate) const MOST_LINKS: u32 = 40;

/// Enough to go on from there, even where listing is forbidden.
const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// For those who read or change the folder itself.
const READ: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// What to do about something that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfMissing {
    /// Make it.
    Make,
    /// Leave it at that.
    Leave,
}

/// Opens the folder `path` for `openat` and its relatives (`O_PATH`). With an `owner` other than us it is reached through no link but root's, and
/// a folder that has to be made becomes the owner's only below one the owner has already.
pub fn open_folder(
    path: &Path,
    owner: Option<FileOwner>,
    missing: IfMissing,
) -> Result<OwnedFd, OpenError> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    if let Some(owner) = foreign(owner) {
        return FolderWalk { path, owner, missing }.all();
    }
    if missing == IfMissing::Make {
        std::fs::create_dir_all(path)
            .map_err(|source| OpenError::Folder { path: path.to_path_buf(), source })?;
    }
    rustix::fs::open(path, FOLDER, Mode::empty()).map_err(refused(path))
}

/// A folder of [`open_folder`] for listing.
pub(crate) fn listed(folder: &OwnedFd) -> Result<OwnedFd, Errno> {
    openat(folder, c".", READ, Mode::empty())
}

/// Where an open folder is; `None` if it was removed.
pub(crate) fn current_path(folder: &OwnedFd) -> Option<PathBuf> {
    let is_there = fstat(folder).is_ok_and(|stat| stat.st_nlink > 0);
    is_there.then(|| std::fs::read_link(format!("/proc/self/fd/{}", folder.as_raw_fd())).ok())?
}

/// The owner, if that is somebody else than us.
pub(crate) fn foreign(owner: Option<FileOwner>) -> Option<FileOwner> {
    owner.filter(|owner| owner.uid != geteuid().as_raw())
}

/// Makes something of ours the owner's.
pub(crate) fn chown_to(file: &OwnedFd, owner: FileOwner) -> Result<(), Errno> {
    fchown(file, Some(Uid::from_raw(owner.uid)), Some(Gid::from_raw(owner.gid)))
}

fn refused(path: &Path) -> impl Fn(Errno) -> OpenError {
    let path = path.to_path_buf();
    move |source| OpenError::Refused { path: path.clone(), source }
}

/// On the way to a folder of another user's app.
struct FolderWalk<'a> {
    path: &'a Path,
    owner: FileOwner,
    missing: IfMissing,
}

impl FolderWalk<'_> {
    fn all(&self) -> Result<OwnedFd, OpenError> {
        let refused = refused(self.path);
        let mut at = openat(CWD, c".", FOLDER, Mode::empty()).map_err(&refused)?;
        let mut left = steps(self.path);
        let mut links = 0;
        while let Some(step) = left.pop() {
            match openat(&at, &step, FOLDER | OFlags::NOFOLLOW, Mode::empty()) {
                Ok(next) => at = next,
                Err(Errno::NOTDIR | Errno::LOOP) if links < MOST_LINKS => {
                    links += 1;
                    left.extend(self.link(&at, &step)?);
                }
                Err(Errno::NOENT) if self.missing == IfMissing::Make => {
                    at = self.make(&at, &step)?;
                }
                Err(error) => return Err(refused(error)),
            }
        }
        Ok(at)
    }

    /// Where a link leads. Root's are fine (`/home` on another disk), and only they, where root put them: a user may have
    /// made another name for one in a folder of theirs.
    fn link(&self, at: &OwnedFd, name: &OsStr) -> Result<Vec<OsString>, OpenError> {
        let refused = refused(self.path);
        // The link itself, so that the one that is judged is the one that is followed.
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let link = openat(at, name, flags, Mode::empty()).map_err(&refused)?;
        let stat = fstat(&link).map_err(&refused)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::Symlink {
            return Err(refused(Errno::NOTDIR));
        }
        let is_moved = stat.st_nlink > 1 && fstat(at).map_err(&refused)?.st_uid != 0;
        if stat.st_uid != 0 || is_moved {
            return Err(OpenError::Planted { path: self.path.to_path_buf(), uid: self.owner.uid });
        }
        let target = readlinkat(&link, c"", Vec::new()).map_err(&refused)?;
        Ok(steps(Path::new(OsStr::from_bytes(target.to_bytes()))))
    }

    fn make(&self, at: &OwnedFd, name: &OsStr) -> Result<OwnedFd, OpenError> {
        let failed = |source: Errno| OpenError::Folder {
            path: self.path.to_path_buf(),
            source: source.into(),
        };
        match mkdirat(at, name, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(failed(error)),
        }
        let made = openat(at, name, READ | OFlags::NOFOLLOW, Mode::empty()).map_err(failed)?;
        let (above, stat) = (fstat(at).map_err(failed)?, fstat(&made).map_err(failed)?);
        let ours = stat.st_uid == geteuid().as_raw();
        // The owner could have moved another folder of ours to this place meanwhile; but an empty one they could
        // just as well have deleted and made anew.
        if above.st_uid == self.owner.uid && ours && is_empty(&made).map_err(failed)? {
            chown_to(&made, self.owner).map_err(failed)?;
        }
        Ok(made)
    }
}

/// The steps of a path, the first one last.
fn steps(path: &Path) -> Vec<OsString> {
    path.components().rev().map(Component::as_os_str).map(OsStr::to_os_string).collect()
}

fn is_empty(folder: impl AsFd) -> Result<bool, Errno> {
    for entry in Dir::read_from(folder)? {
        if !matches!(entry?.file_name().to_bytes(), b"." | b"..") {
            return Ok(false);
        }
    }
    Ok(true)
}
