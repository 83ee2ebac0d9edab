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
pub(super) enum Sight {
    /// A file is new, written, or gone.
    File(PathBuf, BTreeSet<AppId>),
    /// A folder is there that was not.
    NewFolder(PathBuf, BTreeSet<AppId>),
    /// A folder was moved away.
    LostFolder(PathBuf, BTreeSet<AppId>),
    /// So much happened that the kernel forgot some of it.
    Flood,
}

#[derive(Debug)]
struct Place {
    path: PathBuf,
    apps: BTreeSet<AppId>,
}

/// One inotify instance for all apps: a user may have few of them (pain 40).
#[derive(Debug)]
pub(super) struct Eyes {
    inotify: OwnedFd,
    places: BTreeMap<i32, Place>,
}

impl AsFd for Eyes {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}

impl Eyes {
    pub(super) fn open() -> Result<Self, Errno> {
        let inotify = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        Ok(Self { inotify, places: BTreeMap::new() })
    }

    /// Looks at a folder for an app. One that is gone by now is none to look at.
    pub(super) fn look(&mut self, app: AppId, folder: &Path) -> Result<(), Errno> {
        let flags = WatchFlags::CREATE
            | WatchFlags::CLOSE_WRITE
            | WatchFlags::DELETE
            | WatchFlags::MOVED_FROM
            | WatchFlags::MOVED_TO
            | WatchFlags::ONLYDIR
            | WatchFlags::EXCL_UNLINK;
        match inotify::add_watch(&self.inotify, folder, flags) {
            Ok(number) => {
                let new = || Place { path: folder.into(), apps: BTreeSet::new() };
                self.places.entry(number).or_insert_with(new).apps.insert(app);
                Ok(())
            }
            Err(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS | Errno::LOOP) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Looks at nothing for an app any more.
    pub(super) fn forget(&mut self, app: AppId) {
        for place in self.places.values_mut() {
            place.apps.remove(&app);
        }
        self.close(|place| place.apps.is_empty());
    }

    fn close(&mut self, such: impl Fn(&Place) -> bool) {
        let inotify = &self.inotify;
        self.places.retain(|number, place| {
            let goes = such(place);
            if goes {
                // It may have gone with its folder.
                inotify::remove_watch(inotify, *number).ok();
            }
            !goes
        });
    }

    /// Everything seen since the last time.
    pub(super) fn read(&mut self) -> Vec<Sight> {
        let mut sights = Vec::new();
        let mut gone = Vec::new();
        let mut buffer = [MaybeUninit::uninit(); 8192];
        let mut reader = inotify::Reader::new(&self.inotify, &mut buffer);
        while let Ok(event) = reader.next() {
            let flags = event.events();
            if flags.contains(ReadFlags::QUEUE_OVERFLOW) {
                sights.push(Sight::Flood);
            } else if flags.contains(ReadFlags::IGNORED) {
                gone.push(event.wd());
            } else if let (Some(name), Some(place)) =
                (event.file_name(), self.places.get(&event.wd()))
            {
                let path = place.path.join(OsStr::from_bytes(name.to_bytes()));
                sights.extend(sight(flags, path, place.apps.clone()));
            }
        }
        for number in gone {
            self.places.remove(&number);
        }
        for sight in &sights {
            if let Sight::LostFolder(path, _) = sight {
                self.close(|place| place.path.starts_with(path));
            }
        }
        sights
    }
}

fn sight(flags: ReadFlags, path: PathBuf, apps: BTreeSet<AppId>) -> Option<Sight> {
    if !flags.contains(ReadFlags::ISDIR) {
        return Some(Sight::File(path, apps));
    }
    if flags.intersects(ReadFlags::CREATE | ReadFlags::MOVED_TO) {
        return Some(Sight::NewFolder(path, apps));
    }
    // A folder that is removed was empty: its files were seen going.
    flags.contains(ReadFlags::MOVED_FROM).then_some(Sight::LostFolder(path, apps))
}
