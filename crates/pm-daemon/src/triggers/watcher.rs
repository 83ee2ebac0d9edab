//! One thread that watches files for all apps: told by the kernel, or by looking itself where it was asked to or where the
//! kernel has no room left (pains 26, 40). It exists from the first watch on, and sleeps while nothing happens.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};

use pm_core::{AppId, Time};
use pm_spec::{AppSpec, ByteString};
use pm_triggers::EntryKind;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::io::Errno;

use super::inotify::{Inotify, WatchEvent};
use super::own_places::OwnPlaces;
use super::watch_tree::{Snapshot, WatchTree};
use crate::{clock, daemon_log};

/// However much goes on, an app is told of it so many ms after the first change that is long enough ago.
const PATIENCE: u64 = 5_000;

/// How often we look ourselves if the kernel has no room, in ms.
const LOOK: u64 = 2_000;

/// A file that changes so often in a row, each time within `HASTE` ms of the last restart, is written by the app itself.
const ROUNDS: u32 = 10;
const HASTE: u64 = 5_000;

/// Such a file is left unseen for so long, in ms.
const MUTED: u64 = 60_000;

/// Tells that a file of an app has changed; false once nobody listens.
pub(crate) type Report = Box<dyn Fn(AppId, ByteString) -> bool + Send>;

/// The thread, as others see it.
#[derive(Debug)]
pub(crate) struct Watcher {
    changes: Sender<(AppId, Option<Arc<AppSpec>>)>,
    wakeup: Arc<OwnedFd>,
}

impl Watcher {
    /// Starts the thread; it ends when this is dropped.
    pub(super) fn start(ours: OwnPlaces, report: Report) -> io::Result<Self> {
        let wakeup = Arc::new(eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?);
        let (sender, changes) = channel();
        let mut watcher = WatcherLoop {
            changes,
            wakeup: Arc::clone(&wakeup),
            report,
            ours,
            inotify: None,
            apps: BTreeMap::new(),
        };
        std::thread::Builder::new()
            .name("pm-watcher".into())
            .stack_size(512 << 10)
            .spawn(move || while watcher.round() {})?;
        Ok(Self { changes: sender, wakeup })
    }

    /// Watches for an app as its spec says, or not any more.
    pub(crate) fn set(&self, app: AppId, spec: Option<Arc<AppSpec>>) {
        // The thread lives as long as we do.
        self.changes.send((app, spec)).ok();
        wake(&self.wakeup);
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.changes = channel().0;
        wake(&self.wakeup);
    }
}

fn wake(wakeup: &OwnedFd) {
    // It fails only if it rings already.
    rustix::io::write(wakeup, &1_u64.to_ne_bytes()).ok();
}

/// What is watched for one app.
struct WatchedApp {
    name: String,
    tree: WatchTree,
    delay: u64,
    polling: Option<Polling>,
    /// The first change that was not told (of a file that is still there, if any is), its time, and that of the last one.
    pending: Option<(PathBuf, Time, Time)>,
    /// The last change that was told, when, and how often in haste.
    told: Option<(PathBuf, Time, u32)>,
    muted: Option<(PathBuf, Time)>,
}

/// Looking from time to time.
struct Polling {
    every: u64,
    next: Time,
    files: Snapshot,
}

impl Polling {
    fn begin(tree: &WatchTree, every: u64) -> Self {
        Self { every, next: later(clock::now(), every), files: tree.snapshot() }
    }

    /// What has changed since the last look.
    fn poll(&mut self, tree: &WatchTree) -> Option<PathBuf> {
        let files = tree.snapshot();
        let changed = files.iter().find(|(path, stamp)| self.files.get(*path) != Some(stamp));
        let gone = self.files.keys().find(|path| !files.contains_key(*path));
        let path = changed.map(|(path, _)| path).or(gone).cloned();
        self.files = files;
        self.next = later(clock::now(), self.every);
        path
    }
}

fn later(now: Time, millis: u64) -> Time {
    Time(now.0.saturating_add(millis))
}

impl WatchedApp {
    fn touch(&mut self, path: &Path, now: Time) {
        if self.muted.as_ref().is_some_and(|(muted, until)| muted == path && now < *until) {
            return;
        }
        match &mut self.pending {
            Some((pending, _, last)) => {
                *last = now;
                // Editors write a file of another name and put it in the place of the old one.
                if pending != path && !pending.exists() && path.exists() {
                    *pending = path.into();
                }
            }
            None => self.pending = Some((path.into(), now, now)),
        }
    }

    /// When the pending change is to be told: when it has been quiet, or at last.
    fn tells_at(&self) -> Option<Time> {
        let (_, first, last) = self.pending.as_ref()?;
        Some(later(*last, self.delay).min(later(*first, self.delay + PATIENCE)))
    }

    /// The change to be told now.
    fn tell(&mut self, now: Time) -> Option<PathBuf> {
        self.tells_at().filter(|at| *at <= now)?;
        let (path, ..) = self.pending.take()?;
        let rounds = match &self.told {
            Some((old, at, rounds)) if *old == path && now.0.saturating_sub(at.0) < HASTE => {
                rounds + 1
            }
            Some(_) | None => 1,
        };
        if rounds >= ROUNDS {
            daemon_log::note(format_args!(
                "{}: {} has changed {rounds} times right after a restart, so the app writes it itself; it is not watched for a minute: put it into ignore_watch",
                self.name,
                self.tree.seen(&path).display()
            ));
            self.muted = Some((path.clone(), later(now, MUTED)));
        }
        self.told = Some((path.clone(), now, if rounds >= ROUNDS { 0 } else { rounds }));
        Some(path)
    }
}

/// The thread's own.
struct WatcherLoop {
    changes: Receiver<(AppId, Option<Arc<AppSpec>>)>,
    wakeup: Arc<OwnedFd>,
    report: Report,
    ours: OwnPlaces,
    inotify: Option<Inotify>,
    apps: BTreeMap<AppId, WatchedApp>,
}

impl WatcherLoop {
    /// One turn: waits, sees, tells. False: the daemon is gone.
    fn round(&mut self) -> bool {
        self.wait();
        let mut count = [0; 8];
        rustix::io::read(&*self.wakeup, &mut count).ok();
        loop {
            match self.changes.try_recv() {
                Ok((app, spec)) => self.set(app, spec.as_deref()),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
        let now = clock::now();
        let events = self.inotify.as_mut().map(Inotify::read).unwrap_or_default();
        for event in events {
            self.on_event(event, now);
        }
        self.poll(now);
        self.tell(now)
    }

    fn wait(&self) {
        let due = self.apps.values().flat_map(|watched| {
            [watched.tells_at(), watched.polling.as_ref().map(|polling| polling.next)]
                .into_iter()
                .flatten()
        });
        let now = clock::now();
        let timeout = due.min().map(|at| {
            let millis = at.0.saturating_sub(now.0);
            let nanos = i32::try_from(millis % 1000).unwrap_or(0) * 1_000_000;
            let seconds = i64::try_from(millis / 1000).unwrap_or(i64::MAX);
            Timespec { tv_sec: seconds, tv_nsec: nanos.into() }
        });
        let mut ready = vec![PollFd::new(&self.wakeup, PollFlags::IN)];
        ready.extend(
            self.inotify
                .iter()
                .map(|inotify| PollFd::from_borrowed_fd(inotify.as_fd(), PollFlags::IN)),
        );
        // A signal ends it early, which is harmless.
        poll(&mut ready, timeout.as_ref()).ok();
    }

    fn set(&mut self, app: AppId, spec: Option<&AppSpec>) {
        self.apps.remove(&app);
        if let Some(inotify) = &mut self.inotify {
            inotify.forget(app);
        }
        let Some((spec, watch)) = spec.and_then(|spec| Some((spec, spec.watch.as_ref()?))) else {
            return;
        };
        let tree = WatchTree::new(spec, watch, &self.ours);
        let mut watched = WatchedApp {
            name: spec.name.to_string(),
            polling: watch.poll.map(|every| Polling::begin(&tree, every.as_millis().max(1))),
            tree,
            delay: watch.delay.as_millis(),
            pending: None,
            told: None,
            muted: None,
        };
        if watched.polling.is_none() {
            let folders = watched.tree.folders();
            self.watch_folders(app, &mut watched, &folders);
        }
        self.apps.insert(app, watched);
    }

    /// Has the kernel tell us of these folders, or looks itself if it won't.
    fn watch_folders(&mut self, app: AppId, watched: &mut WatchedApp, folders: &[PathBuf]) {
        let Err(error) = self.watch_all(app, folders) else { return };
        daemon_log::note(format_args!(
            "{}: inotify has no room for {} folders ({error}), so they are looked at every {LOOK} ms; fs.inotify.max_user_watches or max_user_instances can be raised",
            watched.name,
            folders.len()
        ));
        if let Some(inotify) = &mut self.inotify {
            inotify.forget(app);
        }
        watched.polling = Some(Polling::begin(&watched.tree, LOOK));
    }

    fn watch_all(&mut self, app: AppId, folders: &[PathBuf]) -> Result<(), Errno> {
        let inotify = match &mut self.inotify {
            Some(inotify) => inotify,
            none => none.insert(Inotify::open()?),
        };
        folders.iter().try_for_each(|folder| inotify.add(app, folder))
    }

    fn on_event(&mut self, event: WatchEvent, now: Time) {
        match event {
            WatchEvent::File(path, apps) => self.touch(&path, &apps, EntryKind::File, now),
            WatchEvent::LostFolder(path, apps) => self.touch(&path, &apps, EntryKind::Folder, now),
            WatchEvent::NewFolder(path, apps) => {
                for app in apps {
                    self.enter(app, &path, now);
                }
            }
            WatchEvent::Overflow => {
                let apps: Vec<AppId> = self.apps.keys().copied().collect();
                for app in apps {
                    let Some(mut watched) = self.apps.remove(&app) else { continue };
                    let folders = watched.tree.folders();
                    if watched.polling.is_none() {
                        self.watch_folders(app, &mut watched, &folders);
                        let path = folders.first().cloned().unwrap_or_default();
                        watched.touch(&path, now);
                    }
                    self.apps.insert(app, watched);
                }
            }
        }
    }

    fn touch(&mut self, path: &Path, apps: &BTreeSet<AppId>, kind: EntryKind, now: Time) {
        for app in apps {
            if let Some(watched) = self.apps.get_mut(app)
                && watched.tree.counts(path, kind)
            {
                watched.touch(path, now);
            }
        }
    }

    /// A folder is new: from now on it is looked into, and what is in it already has come with it.
    fn enter(&mut self, app: AppId, path: &Path, now: Time) {
        let Some(mut watched) = self.apps.remove(&app) else { return };
        if watched.tree.counts(path, EntryKind::Folder) {
            let (mut folders, mut file) = (Vec::new(), None);
            watched.tree.walk(path, &mut |folder| folders.push(folder.into()), &mut |_| {});
            self.watch_folders(app, &mut watched, &folders);
            // Only after they are looked at, or a file that comes in between would be missed.
            watched.tree.walk(path, &mut |_| {}, &mut |found| file = file.take().or(Some(found)));
            if let Some(file) = file {
                watched.touch(&file, now);
            }
        }
        self.apps.insert(app, watched);
    }

    fn poll(&mut self, now: Time) {
        for watched in self.apps.values_mut() {
            let Some(polling) = watched.polling.as_mut().filter(|polling| polling.next <= now)
            else {
                continue;
            };
            if let Some(path) = polling.poll(&watched.tree) {
                watched.touch(&path, now);
            }
        }
    }

    fn tell(&mut self, now: Time) -> bool {
        for (app, watched) in &mut self.apps {
            let Some(path) = watched.tell(now) else { continue };
            let seen = watched.tree.seen(&path);
            daemon_log::note(format_args!("{}: {} has changed", watched.name, seen.display()));
            if !(self.report)(*app, ByteString::new(seen.as_os_str().as_bytes())) {
                return false;
            }
        }
        true
    }
}
