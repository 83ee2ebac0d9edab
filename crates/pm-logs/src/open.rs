//! Opens log files safely: regular files only, folders made when missing, and for a root daemon
//! with an unprivileged app no symbolic or hard link the app could have planted.
//! Deliberately never changes owner or mode of something that was there before.

use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, Stat, fchown, fstat};
use rustix::io::Errno;
use rustix::process::{Gid, Uid, geteuid};

use crate::sink::Owner;

/// Why a log could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder is missing and could not be made.
    #[error("make the log folder {path:?}: {source}")]
    Folder {
        /// Which folder.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The system refused.
    #[error("open the log {path:?}: {source}")]
    Refused {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: Errno,
    },
    /// A folder, a device, a socket.
    #[error("use {path:?} as a log: it is not a regular file")]
    NotAFile {
        /// Which file.
        path: PathBuf,
    },
    /// A link the user of the app could have made.
    #[error("open the log {path:?}: it is reached through a link that user {uid} could have made")]
    Planted {
        /// Which file.
        path: PathBuf,
        /// Whose app it is.
        uid: u32,
    },
}

impl OpenError {
    /// The system's number of the cause, as far as there is one.
    pub(crate) fn errno(&self) -> Errno {
        match self {
            OpenError::Folder { source, .. } => {
                source.raw_os_error().map_or(Errno::IO, Errno::from_raw_os_error)
            }
            OpenError::Refused { source, .. } => *source,
            OpenError::NotAFile { .. } => Errno::INVAL,
            OpenError::Planted { .. } => Errno::LOOP,
        }
    }
}

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
/// itself a link means the file behind it, unless `owner` makes links suspect.
pub(crate) fn resolve(path: &Path, owner: Option<Owner>) -> PathBuf {
    if foreign(owner).is_none()
        && let Ok(real) = path.canonicalize()
    {
        return real;
    }
    match (path.parent().map(Path::canonicalize), path.file_name()) {
        (Some(Ok(folder)), Some(name)) => folder.join(name),
        _ => path.to_path_buf(),
    }
}

/// Opens `path` for reading and positional writing, making it and its folders if missing.
pub(crate) fn open_log(path: &Path, owner: Option<Owner>) -> Result<Opened, OpenError> {
    if let Some(folder) = path.parent() {
        make_folders(folder, owner)?;
    }
    let foreign = foreign(owner);
    if let Some(owner) = foreign {
        check_links(path, owner)?;
    }
    let real = resolve(path, foreign);
    let file = open_or_make(&real, foreign)?;
    let refused = |source| OpenError::Refused { path: path.to_path_buf(), source };
    let stat = fstat(&file).map_err(refused)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(OpenError::NotAFile { path: path.to_path_buf() });
    }
    if let Some(owner) = foreign {
        let ours =
            stat.st_uid == owner.uid || stat.st_uid == geteuid().as_raw() && stat.st_nlink == 1;
        if !ours {
            return Err(OpenError::Planted { path: path.to_path_buf(), uid: owner.uid });
        }
    }
    Ok(Opened { file, id: FileId::of(&stat), size: u64::try_from(stat.st_size).unwrap_or(0) })
}

fn open_or_make(path: &Path, foreign: Option<Owner>) -> Result<OwnedFd, OpenError> {
    let refused = |source| match (source, foreign) {
        (Errno::LOOP, Some(owner)) => {
            OpenError::Planted { path: path.to_path_buf(), uid: owner.uid }
        }
        (Errno::ISDIR, _) => OpenError::NotAFile { path: path.to_path_buf() },
        _ => OpenError::Refused { path: path.to_path_buf(), source },
    };
    // O_NONBLOCK: a FIFO in this place must not stop the one thread that serves all logs.
    let flags =
        OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let open = |flags: OFlags, mode: Mode| match foreign {
        Some(_) => rustix::fs::openat2(CWD, path, flags, mode, ResolveFlags::NO_SYMLINKS).or_else(
            |error| {
                if error == Errno::NOSYS { rustix::fs::open(path, flags, mode) } else { Err(error) }
            },
        ),
        None => rustix::fs::open(path, flags, mode),
    };
    // Twice: the file may come or go between the two questions.
    for _ in 0..2 {
        match open(flags, Mode::empty()) {
            Err(Errno::NOENT) => {}
            other => return other.map_err(refused),
        }
        match open(flags | OFlags::CREATE | OFlags::EXCL, Mode::from_raw_mode(0o640)) {
            Err(Errno::EXIST) => {}
            other => {
                let file = other.map_err(refused)?;
                if let Some(owner) = foreign {
                    give(&file, owner).map_err(refused)?;
                }
                return Ok(file);
            }
        }
    }
    Err(refused(Errno::NOENT))
}

/// The owner, if that is somebody else than us.
fn foreign(owner: Option<Owner>) -> Option<Owner> {
    owner.filter(|owner| owner.uid != geteuid().as_raw())
}

fn give(file: &OwnedFd, owner: Owner) -> Result<(), Errno> {
    fchown(file, Some(Uid::from_raw(owner.uid)), Some(Gid::from_raw(owner.gid)))
}

fn make_folders(folder: &Path, owner: Option<Owner>) -> Result<(), OpenError> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    if let Some(above) = folder.parent() {
        make_folders(above, owner)?;
    }
    let failed = |source| OpenError::Folder { path: folder.to_path_buf(), source };
    match std::fs::create_dir(folder) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && folder.is_dir() => {
            return Ok(());
        }
        Err(error) => return Err(failed(error)),
    }
    if let Some(owner) = foreign(owner) {
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        rustix::fs::open(folder, flags, Mode::empty())
            .and_then(|made| give(&made, owner))
            .map_err(|source| failed(source.into()))?;
    }
    Ok(())
}

/// Links in the way are fine where root made them (`/home` on another disk), and only there.
fn check_links(path: &Path, owner: Owner) -> Result<(), OpenError> {
    for step in path.ancestors().filter(|step| !step.as_os_str().is_empty()) {
        let Ok(stat) = rustix::fs::lstat(step) else { continue };
        let link = FileType::from_raw_mode(stat.st_mode) == FileType::Symlink;
        if link && (step == path || stat.st_uid != 0) {
            return Err(OpenError::Planted { path: path.to_path_buf(), uid: owner.uid });
        }
    }
    Ok(())
}

/// A fixed name for a path: what `path` is called inside the state folder.
pub(crate) fn nickname(path: &Path) -> OsString {
    use std::os::unix::ffi::OsStrExt;
    OsString::from(format!("{:016x}", fnv(path.as_os_str().as_bytes())))
}

/// FNV-1a, 64 bits: stable over versions and machines, unlike the standard library's hasher.
pub(crate) fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
