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

use super::eyes::{Eyes, Sight};
use super::grounds::{Grounds, Snapshot};
use crate::{clock, diary};

/// However much goes on, an app is told of it so many ms after the first change that is long enough ago.
const PATIENCE: u64 = 5_000;

/// How often we look ourselves if the kernel has no room, in ms.
const LOOK: u64 = 2_000;

/// A file that changes so often in a row, each time within `HASTE` ms of the last restart, is written by the app itself.
const ROUNDS: u32 = 10;
const HASTE: u64 = 5_000;

/// Such a file is left unseen for so long, in ms.
const BLIND: u64 = 60_000;

/// Tells that a file of an app has changed; false once nobody listens.
pub(crate) type Report = Box<dyn Fn(AppId, ByteString) -> bool + Send>;

/// The thread, as others see it.
#[derive(Debug)]
pub(crate) struct Lookout {
    chores: Sender<(AppId, Option<Arc<AppSpec>>)>,
    bell: Arc<OwnedFd>,
}

impl Lookout {
    /// Starts the thread; it ends when this is dropped.
    pub(crate) fn start(report: Report) -> io::Result<Self> {
        let bell = Arc::new(eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?);
        let (sender, chores) = channel();
        let mut guard =
            Guard { chores, bell: Arc::clone(&bell), report, eyes: None, apps: BTreeMap::new() };
        std::thread::Builder::new()
            .name("pm-lookout".into())
            .stack_size(512 << 10)
            .spawn(move || while guard.round() {})?;
        Ok(Self { chores: sender, bell })
    }

    /// Watches for an app as its spec says, or not any more.
    pub(crate) fn set(&self, app: AppId, spec: Option<Arc<AppSpec>>) {
        // The thread lives as long as we do.
        self.chores.send((app, spec)).ok();
        ring(&self.bell);
    }
}

impl Drop for Lookout {
    fn drop(&mut self) {
        self.chores = channel().0;
        ring(&self.bell);
    }
}

fn ring(bell: &OwnedFd) {
    // It fails only if it rings already.
    rustix::io::write(bell, &1_u64.to_ne_bytes()).ok();
}

/// What is watched for one app.
struct Post {
    name: String,
    grounds: Grounds,
    delay: u64,
    looks: Option<Looks>,
    /// The first change that was not told (of a file that is still there, if any is), its time, and that of the last one.
    pending: Option<(PathBuf, Time, Time)>,
    /// The last change that was told, when, and how often in haste.
    told: Option<(PathBuf, Time, u32)>,
    blind: Option<(PathBuf, Time)>,
}

/// Looking from time to time.
struct Looks {
    every: u64,
    next: Time,
    files: Snapshot,
}

impl Looks {
    fn begin(grounds: &Grounds, every: u64) -> Self {
        Self { every, next: later(clock::now(), every), files: grounds.snapshot() }
    }

    /// What has changed since the last look.
    fn look(&mut self, grounds: &Grounds) -> Option<PathBuf> {
        let files = grounds.snapshot();
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

impl Post {
    fn touch(&mut self, path: &Path, now: Time) {
        if self.blind.as_ref().is_some_and(|(blind, until)| blind == path && now < *until) {
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
            diary::note(format_args!(
                "{}: {} has changed {rounds} times right after a restart, so the app writes it itself; it is not watched for a minute: put it into ignore_watch",
                self.name,
                self.grounds.seen(&path).display()
            ));
            self.blind = Some((path.clone(), later(now, BLIND)));
        }
        self.told = Some((path.clone(), now, if rounds >= ROUNDS { 0 } else { rounds }));
        Some(path)
    }
}

/// The thread's own.
struct Guard {
    chores: Receiver<(AppId, Option<Arc<AppSpec>>)>,
    bell: Arc<OwnedFd>,
    report: Report,
    eyes: Option<Eyes>,
    apps: BTreeMap<AppId, Post>,
}

impl Guard {
    /// One turn: waits, sees, tells. False: the daemon is gone.
    fn round(&mut self) -> bool {
        self.wait();
        let mut count = [0; 8];
        rustix::io::read(&*self.bell, &mut count).ok();
        loop {
            match self.chores.try_recv() {
                Ok((app, spec)) => self.set(app, spec.as_deref()),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
        let now = clock::now();
        let sights = self.eyes.as_mut().map(Eyes::read).unwrap_or_default();
        for sight in sights {
            self.see(sight, now);
        }
        self.look(now);
        self.tell(now)
    }

    fn wait(&self) {
        let due = self.apps.values().flat_map(|post| {
            [post.tells_at(), post.looks.as_ref().map(|looks| looks.next)].into_iter().flatten()
        });
        let now = clock::now();
        let timeout = due.min().map(|at| {
            let millis = at.0.saturating_sub(now.0);
            let nanos = i32::try_from(millis % 1000).unwrap_or(0) * 1_000_000;
            let seconds = i64::try_from(millis / 1000).unwrap_or(i64::MAX);
            Timespec { tv_sec: seconds, tv_nsec: nanos.into() }
        });
        let mut ready = vec![PollFd::new(&self.bell, PollFlags::IN)];
        ready.extend(
            self.eyes.iter().map(|eyes| PollFd::from_borrowed_fd(eyes.as_fd(), PollFlags::IN)),
        );
        // A signal ends it early, which is harmless.
        poll(&mut ready, timeout.as_ref()).ok();
    }

    fn set(&mut self, app: AppId, spec: Option<&AppSpec>) {
        self.apps.remove(&app);
        if let Some(eyes) = &mut self.eyes {
            eyes.forget(app);
        }
        let Some((spec, watch)) = spec.and_then(|spec| Some((spec, spec.watch.as_ref()?))) else {
            return;
        };
        let grounds = Grounds::new(spec, watch);
        let mut post = Post {
            name: spec.name.to_string(),
            looks: watch.poll.map(|every| Looks::begin(&grounds, every.as_millis().max(1))),
            grounds,
            delay: watch.delay.as_millis(),
            pending: None,
            told: None,
            blind: None,
        };
        if post.looks.is_none() {
            let folders = post.grounds.folders();
            self.open_eyes(app, &mut post, &folders);
        }
        self.apps.insert(app, post);
    }

    /// Has the kernel tell us of these folders, or looks itself if it won't.
    fn open_eyes(&mut self, app: AppId, post: &mut Post, folders: &[PathBuf]) {
        let Err(error) = self.watch_all(app, folders) else { return };
        diary::note(format_args!(
            "{}: inotify has no room for {} folders ({error}), so they are looked at every {LOOK} ms; fs.inotify.max_user_watches or max_user_instances can be raised",
            post.name,
            folders.len()
        ));
        if let Some(eyes) = &mut self.eyes {
            eyes.forget(app);
        }
        post.looks = Some(Looks::begin(&post.grounds, LOOK));
    }

    fn watch_all(&mut self, app: AppId, folders: &[PathBuf]) -> Result<(), Errno> {
        let eyes = match &mut self.eyes {
            Some(eyes) => eyes,
            none => none.insert(Eyes::open()?),
        };
        folders.iter().try_for_each(|folder| eyes.look(app, folder))
    }

    fn see(&mut self, sight: Sight, now: Time) {
        match sight {
            Sight::File(path, apps) => self.touch(&path, &apps, EntryKind::File, now),
            Sight::LostFolder(path, apps) => self.touch(&path, &apps, EntryKind::Folder, now),
            Sight::NewFolder(path, apps) => {
                for app in apps {
                    self.enter(app, &path, now);
                }
            }
            Sight::Flood => {
                let apps: Vec<AppId> = self.apps.keys().copied().collect();
                for app in apps {
                    let Some(mut post) = self.apps.remove(&app) else { continue };
                    let folders = post.grounds.folders();
                    if post.looks.is_none() {
                        self.open_eyes(app, &mut post, &folders);
                        let path = folders.first().cloned().unwrap_or_default();
                        post.touch(&path, now);
                    }
                    self.apps.insert(app, post);
                }
            }
        }
    }

    fn touch(&mut self, path: &Path, apps: &BTreeSet<AppId>, kind: EntryKind, now: Time) {
        for app in apps {
            if let Some(post) = self.apps.get_mut(app)
                && post.grounds.counts(path, kind)
            {
                post.touch(path, now);
            }
        }
    }

    /// A folder is new: from now on it is looked into, and what is in it already has come with it.
    fn enter(&mut self, app: AppId, path: &Path, now: Time) {
        let Some(mut post) = self.apps.remove(&app) else { return };
        if post.grounds.counts(path, EntryKind::Folder) {
            let (mut folders, mut file) = (Vec::new(), None);
            post.grounds.walk(path, &mut |folder| folders.push(folder.into()), &mut |_| {});
            self.open_eyes(app, &mut post, &folders);
            // Only after they are looked at, or a file that comes in between would be missed.
            post.grounds.walk(path, &mut |_| {}, &mut |found| file = file.take().or(Some(found)));
            if let Some(file) = file {
                post.touch(&file, now);
            }
        }
        self.apps.insert(app, post);
    }

    fn look(&mut self, now: Time) {
        for post in self.apps.values_mut() {
            let Some(looks) = post.looks.as_mut().filter(|looks| looks.next <= now) else {
                continue;
            };
            if let Some(path) = looks.look(&post.grounds) {
                post.touch(&path, now);
            }
        }
    }

    fn tell(&mut self, now: Time) -> bool {
        for (app, post) in &mut self.apps {
            let Some(path) = post.tell(now) else { continue };
            let seen = post.grounds.seen(&path);
            diary::note(format_args!("{}: {} has changed", post.name, seen.display()));
            if !(self.report)(*app, ByteString::new(seen.as_os_str().as_bytes())) {
                return false;
            }
        }
        true
    }
}
