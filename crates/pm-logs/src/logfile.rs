//! One open log and its place in the world: notices that it was moved, deleted or emptied by others,
//! and rotates it by rename. Writes nothing itself.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Local;
use rustix::fs::{RenameFlags, fstat, ftruncate, lstat, renameat_with};
use rustix::io::Errno;

use crate::archive::{ArchiveJob, parts};
use crate::file_io::ends_line;
use crate::folder::{IfMissing, listed, open_folder};
use crate::index::TimeIndex;
use crate::log_users::{LogUse, LogUsers};
use crate::open::{FileId, Opened, open_log};
use crate::open_error::OpenError;
use crate::rotate::{LogRotation, part_name, part_of, with_suffix};
use crate::sink::{FileOwner, Sink};

/// While bytes flow, the path is looked at this often for a foreign rotation (pain 19 asks for 5 s).
/// A deleted file is noticed at once, for the size is asked for anyway.
const LOOK: Duration = Duration::from_secs(1);
/// Names that are tried if others make files just then.
const ATTEMPTS: u32 = 16;

/// An open log.
#[derive(Debug)]
pub(crate) struct LogFile {
    path: Arc<Path>,
    owner: Option<FileOwner>,
    /// Later starts may bring other limits.
    pub rotation: LogRotation,
    file: OwnedFd,
    id: FileId,
    used: LogUse,
    looked: Instant,
    indexes: Arc<Path>,
    /// Boxed: an app that says nothing has none.
    index: Option<Box<TimeIndex>>,
}

/// How a log stands just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LogStatus {
    /// Bytes in the file.
    pub size: u64,
    /// Whether it is another file than the last time.
    pub moved: bool,
}

impl LogFile {
    /// The log at `path`, which `open::resolve` has made; `indexes` is the index folder.
    pub(crate) fn new(
        (path, opened): (Arc<Path>, Opened),
        sink: &Sink,
        indexes: &Arc<Path>,
        users: &Arc<LogUsers>,
    ) -> Self {
        LogFile {
            path,
            owner: sink.owner,
            rotation: sink.rotation,
            file: opened.file,
            id: opened.id,
            used: users.enter(opened.id).0,
            looked: Instant::now(),
            indexes: Arc::clone(indexes),
            index: None,
        }
    }

    pub(crate) fn fd(&self) -> &OwnedFd {
        &self.file
    }

    pub(crate) fn id(&self) -> FileId {
        self.id
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What the archiver has to know.
    pub(crate) fn archive_job(&self) -> ArchiveJob {
        ArchiveJob {
            log: self.path.to_path_buf(),
            owner: self.owner,
            rotation: self.rotation,
            index: self.indexes.to_path_buf(),
        }
    }

    /// Asks where the log stands; opens a new one where the old was moved or deleted.
    pub(crate) fn settle(&mut self, now: Instant) -> Result<LogStatus, OpenError> {
        let refused = |source| OpenError::Refused { path: self.path.to_path_buf(), source };
        let stat = fstat(&self.file).map_err(refused)?;
        let gone = stat.st_nlink == 0
            || now.duration_since(self.looked) > LOOK && {
                self.looked = now;
                !self.is_in_place()
            };
        if gone {
            let size = self.reopen()?;
            return Ok(LogStatus { size, moved: true });
        }
        Ok(LogStatus { size: u64::try_from(stat.st_size).unwrap_or(0), moved: false })
    }

    /// Whether the path still means the open file.
    pub(crate) fn is_in_place(&self) -> bool {
        lstat(&*self.path).is_ok_and(|stat| FileId::of(&stat) == self.id)
    }

    /// Opens the path anew, making what is missing; gives the new size.
    pub(crate) fn reopen(&mut self) -> Result<u64, OpenError> {
        self.used.leaving();
        let opened = open_log(&self.path, self.owner)?;
        (self.file, self.id, self.index) = (opened.file, opened.id, None);
        self.used.follow(self.id);
        Ok(opened.size)
    }

    /// Whether the next byte would begin a line.
    pub(crate) fn ends_line(&self, size: u64) -> bool {
        ends_line(&self.file, 0, size)
    }

    /// Renames the log to the name of a part and opens a new one. If that can't be, all stays.
    pub(crate) fn rotate(&mut self) -> Result<(), OpenError> {
        self.used.leaving();
        let path = Arc::clone(&self.path);
        let refused = |source| OpenError::Refused { path: path.to_path_buf(), source };
        let name = self.path.file_name().map(std::ffi::OsStr::to_os_string);
        let (Some(folder), Some(name)) = (self.path.parent(), name) else {
            return Err(refused(Errno::INVAL));
        };
        let folder = open_folder(folder, self.owner, IfMissing::Leave)?;
        let folder = listed(&folder).map_err(refused)?;
        let at = Local::now();
        let parts = parts(&folder, &name).map_err(refused)?;
        let newest = parts.last().and_then(|newest| part_of(&name, newest));
        for attempt in 0..ATTEMPTS {
            let part = part_name(&name, at, newest, attempt);
            if rustix::fs::statat(&folder, with_suffix(&part, ".gz"), rustix::fs::AtFlags::empty())
                .is_ok()
            {
                continue;
            }
            match renameat_with(&folder, &name, &folder, &part, RenameFlags::NOREPLACE) {
                Err(Errno::EXIST) => {}
                Err(error) => return Err(refused(error)),
                Ok(()) => {
                    return self.reopen().map(|_| ()).inspect_err(|_| {
                        // Better a log too big than none.
                        let back = RenameFlags::NOREPLACE;
                        renameat_with(&folder, &part, &folder, &name, back).ok();
                    });
                }
            }
        }
        Err(refused(Errno::EXIST))
    }

    /// Empties the log.
    pub(crate) fn empty(&mut self) -> Result<(), Errno> {
        ftruncate(&self.file, 0)?;
        if let Some(index) = &mut self.index {
            index.clear();
        }
        Ok(())
    }

    /// Notes that the byte at `offset` arrives `at`.
    pub(crate) fn note(&mut self, offset: u64, at: i64) {
        if self.index.is_none() {
            let index = TimeIndex::open(&self.indexes, &self.path, (self.id, offset));
            self.index = index.map(Box::new);
        }
        if let Some(index) = &mut self.index {
            index.note(offset, at);
        }
    }
}
