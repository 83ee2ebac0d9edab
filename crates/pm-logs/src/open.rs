//! Opens log files safely: regular files only, and for a root daemon with an unprivileged app no
//! symbolic or hard link the app could have planted (`folder.rs` is the way there).
//! Deliberately never changes owner or mode of something that was there before.

use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags, Stat, fstat};
use rustix::io::Errno;
use rustix::process::geteuid;

use crate::folder::{IfMissing, MOST_LINKS, chown_to, current_path, foreign, open_folder};
use crate::open_error::OpenError;
use crate::sink::FileOwner;

/// Which file a descriptor or a path means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FileId {
    pub dev: u64,
    pub ino: u64,
}

impl FileId {
    pub(crate) fn of(stat: &Stat) -> Self {
        FileId { dev: stat.st_dev, ino: stat.st_ino }
    }
}

/// An open log and what it is.
#[derive(Debug)]
pub(crate) struct Opened {
    pub file: OwnedFd,
    pub id: FileId,
    pub size: u64,
}

/// The path by which a log is known inside: its folder without links, then its name. A log that is
/// itself a link means the file behind it, there or not, unless `owner` makes links suspect.
pub(crate) fn resolve(path: &Path, owner: Option<FileOwner>) -> PathBuf {
    let (path, folder) = if foreign(owner).is_some() {
        // By its name a user's folder may be another one by now, behind a link.
        let folder = path.parent().and_then(|it| open_folder(it, owner, IfMissing::Leave).ok());
        (path.to_path_buf(), folder.and_then(|folder| current_path(&folder)))
    } else {
        let path = behind_links(path);
        let folder = path.parent().and_then(|folder| folder.canonicalize().ok());
        (path, folder)
    };
    match (folder, path.file_name()) {
        (Some(folder), Some(name)) => folder.join(name),
        _ => path,
    }
}

/// Where the links at the end of `path` lead, also to a file that a rotation has just taken away.
fn behind_links(path: &Path) -> PathBuf {
    let mut path = path.to_path_buf();
    for _ in 0..MOST_LINKS {
        match (path.read_link(), path.parent()) {
            (Ok(link), Some(folder)) => path = folder.join(link),
            _ => break,
        }
    }
    path
}

/// Opens `path` for reading and positional writing, making it and its folders if missing.
pub(crate) fn open_log(path: &Path, owner: Option<FileOwner>) -> Result<Opened, OpenError> {
    let site = LogSite::find(path, owner, IfMissing::Make)?;
    // Twice: the file may come or go between the two questions.
    for _ in 0..2 {
        match site.open(OFlags::empty()) {
            Err(Errno::NOENT) => {}
            other => return site.judge(other),
        }
        match site.open(OFlags::CREATE | OFlags::EXCL) {
            Err(Errno::EXIST) => {}
            Ok(file) => {
                if let Some(owner) = site.foreign {
                    chown_to(&file, owner).map_err(|error| site.refused(error))?;
                }
                return site.judge(Ok(file));
            }
            other => return site.judge(other),
        }
    }
    Err(site.refused(Errno::NOENT))
}

/// Opens `path` as [`open_log`] does if it is there.
pub(crate) fn open_present(
    path: &Path,
    owner: Option<FileOwner>,
) -> Result<Option<Opened>, OpenError> {
    let present = LogSite::find(path, owner, IfMissing::Leave).and_then(|site| {
        let file = site.open(OFlags::empty());
        site.judge(file)
    });
    match present {
        Ok(opened) => Ok(Some(opened)),
        Err(OpenError::Refused { source: Errno::NOENT | Errno::NOTDIR, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Where a log is or would be.
struct LogSite<'a> {
    path: &'a Path,
    folder: OwnedFd,
    name: PathBuf,
    foreign: Option<FileOwner>,
}

impl<'a> LogSite<'a> {
    fn find(
        path: &'a Path,
        owner: Option<FileOwner>,
        missing: IfMissing,
    ) -> Result<Self, OpenError> {
        let folder = open_folder(path.parent().unwrap_or(path), owner, missing)?;
        let foreign = foreign(owner);
        let name = match (path.file_name(), foreign) {
            (None, _) => return Err(OpenError::NotAFile { path: path.to_path_buf() }),
            (Some(name), Some(_)) => name.into(),
            // A link of our own may lead to another folder.
            (Some(_), None) => resolve(path, None),
        };
        Ok(LogSite { path, folder, name, foreign })
    }

    fn open(&self, making: OFlags) -> Result<OwnedFd, Errno> {
        // O_NONBLOCK: a FIFO in this place must not stop the one thread that serves all logs.
        let flags =
            OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let mode = if making.is_empty() { Mode::empty() } else { Mode::from_raw_mode(0o640) };
        rustix::fs::openat(&self.folder, &self.name, flags | making, mode)
    }

    fn refused(&self, source: Errno) -> OpenError {
        let path = self.path.to_path_buf();
        match (source, self.foreign) {
            (Errno::LOOP, Some(owner)) => OpenError::Planted { path, uid: owner.uid },
            (Errno::ISDIR, _) => OpenError::NotAFile { path },
            _ => OpenError::Refused { path, source },
        }
    }

    /// Whether what was opened may be written.
    fn judge(&self, file: Result<OwnedFd, Errno>) -> Result<Opened, OpenError> {
        let file = file.map_err(|error| self.refused(error))?;
        let stat = fstat(&file).map_err(|error| self.refused(error))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(OpenError::NotAFile { path: self.path.to_path_buf() });
        }
        if let Some(owner) = self.foreign {
            let ours =
                stat.st_uid == owner.uid || stat.st_uid == geteuid().as_raw() && stat.st_nlink == 1;
            if !ours {
                let path = self.path.to_path_buf();
                return Err(OpenError::Planted { path, uid: owner.uid });
            }
        }
        Ok(Opened { file, id: FileId::of(&stat), size: u64::try_from(stat.st_size).unwrap_or(0) })
    }
}

/// Where bytes are forgotten.
pub(crate) fn null() -> Result<OwnedFd, OpenError> {
    let path = "/dev/null";
    rustix::fs::open(path, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())
        .map_err(|source| OpenError::Refused { path: path.into(), source })
}

/// A fixed name for a path: what `path` is called inside the state folder.
pub(crate) fn hashed_name(path: &Path) -> OsString {
    use std::os::unix::ffi::OsStrExt;
    OsString::from(format!("{:016x}", fnv(path.as_os_str().as_bytes())))
}

/// FNV-1a, 64 bits: stable over versions and machines, unlike the standard library's hasher.
pub(crate) fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
