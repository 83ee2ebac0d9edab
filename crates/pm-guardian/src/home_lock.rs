//! The place only one process per home can take: the locked file, and the socket clients connect
//! to. The lock decides who is the guardian, never the socket. Nothing here accepts connections.

use std::fs::{self, DirBuilder};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use pm_os::lock::{Lock, LockError};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, inotify};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, connect, listen, socket_with,
};
use rustix::process::umask;

use crate::error::GuardianError;
use crate::sys;

/// Connections that may wait while a daemon is being replaced; the system caps it further
/// (`net.core.somaxconn`).
const BACKLOG: i32 = 4096;

/// How long to wait for a rival to listen, or for a lock to come free, in milliseconds.
const TIMEOUT_MS: i64 = 5_000;

/// Longest path that fits a socket address with its NUL (`unix(7)`).
const ADDRESS_LIMIT: usize = 107;

/// How often a guardian whose place another one has taken looks whether it is free again, in
/// milliseconds.
pub(crate) const RECLAIM_MS: i64 = 5_000;

/// A file's identity: device and inode.
pub(crate) type FileIdentity = (u64, u64);

/// Who came first.
#[derive(Debug)]
pub(crate) enum LockClaim {
    Ours(HomeLock),
    Theirs,
}

/// What a look at lock and socket found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LockCheck {
    /// Both are ours and in their place.
    Intact,
    /// The socket was gone; it is a new one now, and the daemon must be given it.
    Restored,
    /// The whole home was removed, and another guardian has begun there.
    Taken {
        /// Whether we didn't know yet.
        is_news: bool,
    },
}

/// Lock and socket of one home.
#[derive(Debug)]
pub(crate) struct HomeLock {
    pub(crate) socket: PathBuf,
    pub(crate) lock: PathBuf,
    pub(crate) held: Lock,
    pub(crate) listener: Option<OwnedFd>,
    pub(crate) socket_identity: Option<FileIdentity>,
    pub(crate) changes: OwnedFd,
    /// When to look whether lock and socket are still there, in milliseconds since boot.
    pub(crate) check_at: Option<i64>,
    /// Another guardian has our place.
    is_lost: bool,
}

impl HomeLock {
    /// Takes the lock, unless another guardian serves this home. An heir (a guardian started by an
    /// orphaned daemon, whose link it has) insists, since the socket that answers is the one it is
    /// about to inherit; but not if that daemon dies while another guardian has the lock.
    pub(crate) fn claim(
        socket: &Path,
        lock: &Path,
        predecessor: Option<BorrowedFd<'_>>,
    ) -> Result<LockClaim, GuardianError> {
        let deadline = sys::boot_ms() + TIMEOUT_MS;
        loop {
            let locked = try_lock(lock)?;
            if predecessor.is_none() && answers(socket) {
                return Ok(LockClaim::Theirs);
            }
            if let Some(held) = locked {
                return Self::restore(socket, lock, held).map(LockClaim::Ours);
            }
            if sys::boot_ms() > deadline {
                let holder = fs::read_to_string(lock).unwrap_or_default().trim().to_owned();
                return Err(GuardianError::Held { path: lock.to_path_buf(), holder });
            }
            // Only the end of the link is waited for, which is told unasked.
            let mut link: Vec<_> = predecessor
                .map(|link| PollFd::from_borrowed_fd(link, PollFlags::empty()))
                .into_iter()
                .collect();
            let ended = poll(&mut link, Some(&Timespec { tv_sec: 0, tv_nsec: 3_000_000 }));
            if ended.is_ok_and(|ended| ended > 0) {
                return Ok(LockClaim::Theirs);
            }
        }
    }

    /// One whose lock is already ours.
    pub(crate) fn restore(socket: &Path, lock: &Path, held: Lock) -> Result<Self, GuardianError> {
        let changes = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK)
            .map_err(GuardianError::system("watch files with inotify"))?;
        let home_lock = Self {
            socket: socket.to_path_buf(),
            lock: lock.to_path_buf(),
            held,
            listener: None,
            socket_identity: None,
            changes,
            check_at: None,
            is_lost: false,
        };
        home_lock.watch_files();
        Ok(home_lock)
    }

    /// Makes the socket and puts it at its path in one step, so that whoever finds it can connect.
    pub(crate) fn listen(&mut self) -> Result<(), GuardianError> {
        let listener = listen_at(&self.socket)
            .map_err(|source| GuardianError::Listen { path: self.socket.clone(), source })?;
        self.inherit(listener);
        Ok(())
    }

    /// Goes on with a socket that already listens at our path.
    pub(crate) fn inherit(&mut self, listener: OwnedFd) {
        self.listener = Some(listener);
        self.socket_identity = path_identity(&self.socket);
        self.watch_files();
    }

    pub(crate) fn listener(&self) -> Option<BorrowedFd<'_>> {
        self.listener.as_ref().map(AsFd::as_fd)
    }

    /// Watches the two files themselves, not their folder: other files change there all the time,
    /// and idle must cost nothing. Unlinking shows as a change of attributes, for our own open
    /// descriptors keep the inodes alive.
    fn watch_files(&self) {
        let flags = inotify::WatchFlags::ATTRIB
            | inotify::WatchFlags::MOVE_SELF
            | inotify::WatchFlags::DELETE_SELF;
        for path in [&self.socket, &self.lock] {
            inotify::add_watch(&self.changes, path, flags).ok();
        }
    }

    /// Something happened to the files. The look comes a moment later: whoever removes the whole
    /// folder should not find it refilled while at work.
    pub(crate) fn note_change(&mut self) {
        let mut space = [MaybeUninit::uninit(); 4096];
        while let Ok((read, _)) = rustix::io::read(&self.changes, &mut space)
            && !read.is_empty()
        {}
        self.check_at.get_or_insert(sys::boot_ms() + 500);
    }

    /// Whether the file at the lock's path is not ours: then the home, journal and all, is
    /// another guardian's. A missing file is nobody's.
    pub(crate) fn is_taken(&self) -> bool {
        path_identity(&self.lock)
            .is_some_and(|identity| Some(identity) != file_identity(&self.held))
    }

    /// Puts lock and socket back if somebody removed them (pain 63). Whoever holds the lock at its
    /// path is the guardian of the home: the socket's path is never taken from that one.
    pub(crate) fn check(&mut self) -> Result<LockCheck, GuardianError> {
        self.check_at = Some(sys::boot_ms() + 2_000);
        if let Some(folder) = self.lock.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(folder).ok();
        }
        if path_identity(&self.lock) != file_identity(&self.held) {
            let Some(held) = try_lock(&self.lock)? else {
                self.check_at = Some(sys::boot_ms() + RECLAIM_MS);
                let is_news = !std::mem::replace(&mut self.is_lost, true);
                return Ok(LockCheck::Taken { is_news });
            };
            self.held = held;
        }
        self.is_lost = false;
        let is_gone =
            self.listener.is_some() && path_identity(&self.socket) != self.socket_identity;
        if is_gone {
            self.listen()?;
        }
        self.watch_files();
        self.check_at = None;
        Ok(if is_gone { LockCheck::Restored } else { LockCheck::Intact })
    }

    /// Removes our socket, and our name from the lock.
    pub(crate) fn leave(self) {
        if self.socket_identity.is_some() && path_identity(&self.socket) == self.socket_identity {
            fs::remove_file(&self.socket).ok();
        }
        rustix::fs::ftruncate(&self.held, 0).ok();
    }
}

/// `None`: somebody else has it.
fn try_lock(path: &Path) -> Result<Option<Lock>, GuardianError> {
    match Lock::take(path, env!("CARGO_PKG_VERSION")) {
        Ok(lock) => Ok(Some(lock)),
        Err(LockError::Held { .. }) => Ok(None),
        Err(LockError::Unusable { path, source }) => Err(GuardianError::Lock { path, source }),
    }
}

fn file_identity(file: impl AsFd) -> Option<FileIdentity> {
    rustix::fs::fstat(file).ok().map(|stat| (stat.st_dev, stat.st_ino))
}

fn path_identity(path: &Path) -> Option<FileIdentity> {
    fs::symlink_metadata(path).ok().map(|meta| (meta.dev(), meta.ino()))
}

/// A path that fits a socket address: a long one goes through a descriptor of its folder.
fn short(path: &Path) -> io::Result<(PathBuf, Option<OwnedFd>)> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(Errno::INVAL.into());
    };
    if path.as_os_str().len() <= ADDRESS_LIMIT {
        return Ok((path.to_path_buf(), None));
    }
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let folder = rustix::fs::open(folder, flags, Mode::empty())?;
    let near = Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string()).join(name);
    Ok((near, Some(folder)))
}

fn stream_socket() -> rustix::io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)
}

/// Whether somebody listens there. A full backlog is an answer too.
fn answers(path: &Path) -> bool {
    let Ok((near, _folder)) = short(path) else { return false };
    let attempt = SocketAddrUnix::new(&near)
        .and_then(|address| stream_socket().and_then(|socket| connect(&socket, &address)));
    matches!(attempt, Ok(()) | Err(Errno::AGAIN))
}

fn listen_at(path: &Path) -> io::Result<OwnedFd> {
    let fresh = path.with_added_extension("new");
    let (near, _folder) = short(&fresh)?;
    // Left over by a guardian that was killed right here; the lock is ours, so it is nobody's.
    fs::remove_file(&fresh).ok();
    let socket = stream_socket()?;
    let before = umask(Mode::from_raw_mode(0o177));
    let bound = SocketAddrUnix::new(&near).and_then(|address| bind(&socket, &address));
    umask(before);
    bound?;
    listen(&socket, BACKLOG)?;
    fs::rename(&fresh, path)?;
    Ok(socket)
}
