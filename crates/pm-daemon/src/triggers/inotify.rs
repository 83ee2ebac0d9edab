//! inotify: which folders are looked at for whom, and what is seen in them.
//!
//! Through `rustix`, since what we want is not to be told of files that are merely opened or still being written
//! (docs/decisions/0020).

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use pm_core::AppId;
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;

/// What was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum WatchEvent {
    /// A file is new, written, or gone.
    File(PathBuf, BTreeSet<AppId>),
    /// A folder is there that was not.
    NewFolder(PathBuf, BTreeSet<AppId>),
    /// A folder was moved away.
    LostFolder(PathBuf, BTreeSet<AppId>),
    /// So much happened that the kernel forgot some of it.
    Overflow,
}

#[derive(Debug)]
struct Folder {
    path: PathBuf,
    apps: BTreeSet<AppId>,
}

/// One inotify instance for all apps: a user may have few of them (pain 40).
#[derive(Debug)]
pub(super) struct Inotify {
    inotify: OwnedFd,
    folders: BTreeMap<i32, Folder>,
}

impl AsFd for Inotify {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}

impl Inotify {
    pub(super) fn open() -> Result<Self, Errno> {
        let inotify = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        Ok(Self { inotify, folders: BTreeMap::new() })
    }

    /// Looks at a folder for an app. One that is gone by now is none to look at.
    pub(super) fn add(&mut self, app: AppId, folder: &Path) -> Result<(), Errno> {
        let flags = WatchFlags::CREATE
            | WatchFlags::CLOSE_WRITE
            | WatchFlags::DELETE
            | WatchFlags::MOVED_FROM
            | WatchFlags::MOVED_TO
            | WatchFlags::ONLYDIR
            | WatchFlags::EXCL_UNLINK;
        match inotify::add_watch(&self.inotify, folder, flags) {
            Ok(number) => {
                let new = || Folder { path: folder.into(), apps: BTreeSet::new() };
                self.folders.entry(number).or_insert_with(new).apps.insert(app);
                Ok(())
            }
            Err(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS | Errno::LOOP) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Looks at nothing for an app any more.
    pub(super) fn forget(&mut self, app: AppId) {
        for folder in self.folders.values_mut() {
            folder.apps.remove(&app);
        }
        self.close(|folder| folder.apps.is_empty());
    }

    fn close(&mut self, such: impl Fn(&Folder) -> bool) {
        let inotify = &self.inotify;
        self.folders.retain(|number, folder| {
            let goes = such(folder);
            if goes {
                // It may have gone with its folder.
                inotify::remove_watch(inotify, *number).ok();
            }
            !goes
        });
    }

    /// Everything seen since the last time.
    pub(super) fn read(&mut self) -> Vec<WatchEvent> {
        let mut events = Vec::new();
        let mut gone = Vec::new();
        let mut buffer = [MaybeUninit::uninit(); 8192];
        let mut reader = inotify::Reader::new(&self.inotify, &mut buffer);
        while let Ok(event) = reader.next() {
            let flags = event.events();
            if flags.contains(ReadFlags::QUEUE_OVERFLOW) {
                events.push(WatchEvent::Overflow);
            } else if flags.contains(ReadFlags::IGNORED) {
                gone.push(event.wd());
            } else if let (Some(name), Some(folder)) =
                (event.file_name(), self.folders.get(&event.wd()))
            {
                let path = folder.path.join(OsStr::from_bytes(name.to_bytes()));
                events.extend(watch_event(flags, path, folder.apps.clone()));
            }
        }
        for number in gone {
            self.folders.remove(&number);
        }
        for watch_event in &events {
            if let WatchEvent::LostFolder(path, _) = watch_event {
                self.close(|folder| folder.path.starts_with(path));
            }
        }
        events
    }
}

fn watch_event(flags: ReadFlags, path: PathBuf, apps: BTreeSet<AppId>) -> Option<WatchEvent> {
    if !flags.contains(ReadFlags::ISDIR) {
        return Some(WatchEvent::File(path, apps));
    }
    if flags.intersects(ReadFlags::CREATE | ReadFlags::MOVED_TO) {
        return Some(WatchEvent::NewFolder(path, apps));
    }
    // A folder that is removed was empty: its files were seen going.
    flags.contains(ReadFlags::MOVED_FROM).then_some(WatchEvent::LostFolder(path, apps))
}
