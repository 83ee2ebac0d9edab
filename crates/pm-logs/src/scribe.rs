//! The handle to the one thread that moves, shapes, rotates and flushes; `desk.rs` is the thread.
//! The handle only sends commands, over a bounded queue; nothing here touches a byte of output.

use std::fmt;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

use rustix::event::{EventfdFlags, eventfd};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::desk::Desk;
use crate::ledger::room;
use crate::open::{OpenError, open_log};
use crate::rotate::Rotation;
use crate::sink::{Owner, Place, Sink, StreamKey, WhenFull};
use crate::spool::Spool;

/// Commands that may wait; a sender beyond that waits too.
const QUEUE: usize = 1024;

/// Bounds of the scribe as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one stream that may wait in its spool while its log can't be written.
    pub spool: u64,
    /// After so much time as the only one a raw stream goes straight into its log again.
    pub calm: Duration,
}

impl Limits {
    /// 64 MiB of spool a stream; a second, in which a new daemon has taken over all streams.
    pub const STANDARD: Limits = Limits { spool: 64 << 20, calm: Duration::from_secs(1) };
}

/// What a scribe needs to start.
#[derive(Debug, Clone)]
pub struct ScribePlan {
    /// A folder of our own, 0700, for spools, ledgers and indexes. Must survive the daemon, so not
    /// a folder that is emptied at its start; one scribe at a time.
    pub state_dir: PathBuf,
    /// Bounds.
    pub limits: Limits,
}

/// Why a scribe could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The state folder can't be used.
    #[error("use the log state folder {path:?}: {source}")]
    State {
        /// Which folder.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The system gave no thread or descriptor.
    #[error("start the log thread: {0}")]
    Thread(std::io::Error),
}

/// What the scribe tells. Given to the callback in the scribe's thread: it should hand over and
/// return, and must not call a method of [`Scribe`] that could wait for the queue.
#[derive(Debug)]
pub enum Notice {
    /// These streams go to another file now (rotation, reopening, another stream that joins or leaves): the guardian wants this
    /// descriptor instead of the old one; the pipe stays the same. Bytes go there only after the callback has returned, so
    /// one that sends it to the guardian before returning keeps the order of bytes over any kill.
    Moved {
        /// The streams.
        keys: Vec<StreamKey>,
        /// A duplicate of the new descriptor.
        fd: OwnedFd,
    },
    /// Everything that was in the pipe when asked is in the log ([`Scribe::drain`], or the last
    /// notice after [`Scribe::detach`]).
    Drained {
        /// The stream.
        key: StreamKey,
    },
    /// The last writer is gone and everything is in the log; the stream is forgotten.
    Ended {
        /// The stream.
        key: StreamKey,
    },
    /// So many bytes were dropped since the last notice of this stream; at most one a minute while
    /// it lasts, and one at the end of it.
    Dropped {
        /// The log that could not be written.
        path: PathBuf,
        /// How many.
        bytes: u64,
        /// The system's word for it.
        cause: String,
    },
    /// Something a person should know.
    Warned {
        /// A sentence.
        text: String,
    },
}

/// Called when a command is done, with what could not be done.
pub type Done = Box<dyn FnOnce(Vec<String>) + Send>;

/// What a flush did besides emptying the files it was given.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Flushed {
    /// Rotated parts of theirs that are gone.
    pub parts: usize,
    /// What could not be done, a sentence each.
    pub problems: Vec<String>,
}

/// Called when a flush is done.
pub type FlushDone = Box<dyn FnOnce(Flushed) + Send>;

pub(crate) enum Command {
    Attach { key: StreamKey, pipe: OwnedFd, fd: OwnedFd, sink: Box<Sink> },
    Drain(StreamKey),
    Detach(StreamKey),
    Flush(Vec<(PathBuf, Option<Owner>)>, FlushDone),
    Retune(StreamKey, Rotation, WhenFull),
    Reopen(Done),
    Settle(SyncSender<()>),
    Lend(SyncSender<Vec<Loan>>),
    Stop,
}

/// A stream for the next scribe: its pipe, and what its bytes are spliced into.
#[derive(Debug)]
pub struct Loan {
    /// The stream.
    pub key: StreamKey,
    /// The read end of its pipe.
    pub pipe: OwnedFd,
    /// Its log or spool; nothing that can be written if the log could not be opened, so that the
    /// bytes wait in the pipe.
    pub fd: OwnedFd,
}

/// Hands streams to the scribe's thread. Clones are handles to the same thread.
#[derive(Clone)]
pub struct Scribe {
    state: Arc<PathBuf>,
    /// Before the bell, so that it is closed when the bell rings for the last time.
    commands: SyncSender<Command>,
    bell: Bell,
}

impl fmt::Debug for Scribe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scribe").field("state", &self.state).finish_non_exhaustive()
    }
}

impl Scribe {
    /// Starts the thread. It ends after [`Scribe::stop`] or when all handles are gone.
    pub fn start(
        plan: &ScribePlan,
        notices: Box<dyn Fn(Notice) + Send>,
    ) -> Result<(Self, std::thread::JoinHandle<()>), StartError> {
        for name in ["spool", "ledger", "index"] {
            let path = plan.state_dir.clone();
            room(&plan.state_dir, name).map_err(|source| StartError::State { path, source })?;
        }
        let thread = |error: Errno| StartError::Thread(error.into());
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map_err(thread)?;
        let bell = Arc::new(bell);
        let (commands, inbox) = sync_channel(QUEUE);
        let desk = Desk::new(plan, notices, (inbox, Arc::clone(&bell))).map_err(thread)?;
        let handle = std::thread::Builder::new()
            .name("pm-scribe".into())
            .spawn(move || desk.run())
            .map_err(StartError::Thread)?;
        Ok((Scribe { state: Arc::new(plan.state_dir.clone()), commands, bell: Bell(bell) }, handle))
    }

    /// Opens, in the calling thread, what the bytes of `key` are to be spliced into: the log itself
    /// or its spool. To be stored in the guardian before the app is spawned, then given to
    /// [`Scribe::attach`]. The log is opened in any case, so that a wrong path is refused here.
    pub fn prepare(&self, key: StreamKey, sink: &Sink) -> Result<OwnedFd, OpenError> {
        prepare(&self.state, key, sink)
    }

    /// Whether [`Scribe::prepare`] could open what it must for such a stream, without keeping anything open.
    pub fn probe(&self, sink: &Sink) -> Result<(), OpenError> {
        probe(&self.state, sink)
    }

    /// Takes over a stream: `pipe` is its read end, `fd` what [`Scribe::prepare`] gave or, at an
    /// adoption, what the guardian kept. Somebody must hold a write end until the app is born, or
    /// the stream ends at once. A pipe whose writer is gone brings a left behind spool to its log.
    pub fn attach(&self, key: StreamKey, pipe: OwnedFd, fd: OwnedFd, sink: Sink) {
        self.send(Command::Attach { key, pipe, fd, sink: Box::new(sink) });
    }

    /// Waits until everything asked so far is done. Before an app may write: only then does its stream go where it is
    /// to go while no daemon runs, if its log is also another's.
    pub fn settle(&self) {
        let (sender, done) = sync_channel(1);
        self.send(Command::Settle(sender));
        // It fails if the thread has ended; then everything asked is undone, and the daemon about to end.
        done.recv().ok();
    }

    /// Asks for [`Notice::Drained`] as soon as the pipe is empty; the stream goes on.
    pub fn drain(&self, key: StreamKey) {
        self.send(Command::Drain(key));
    }

    /// Takes what is in the pipe, then forgets the stream although somebody still holds its writing
    /// end; [`Notice::Drained`] is the last word. At once the same for a stream nobody knows.
    pub fn detach(&self, key: StreamKey) {
        self.send(Command::Detach(key));
    }

    /// The logs of a stream are kept by new rules from now on; nothing for a stream nobody knows.
    pub fn retune(&self, key: StreamKey, rotation: Rotation, full: WhenFull) {
        self.send(Command::Retune(key, rotation, full));
    }

    /// Empties these logs, each with the owner it was opened for, and what waits for them, and removes
    /// their rotated parts. A missing file is no error.
    pub fn flush(&self, logs: Vec<(PathBuf, Option<Owner>)>, done: FlushDone) {
        self.send(Command::Flush(logs, done));
    }

    /// Opens all logs anew (`reloadLogs`, SIGUSR2); those still in place stay as they are.
    pub fn reopen_all(&self, done: Done) {
        self.send(Command::Reopen(done));
    }

    /// Ends the thread and gives all streams, for a guardian that has none of them: after the
    /// return no byte is moved any more. Waits for the thread; nothing if that has ended already.
    pub fn lend(&self) -> Vec<Loan> {
        let (sender, loans) = sync_channel(1);
        self.send(Command::Lend(sender));
        loans.recv().unwrap_or_default()
    }

    /// Ends the thread; streams stay as they are, for the guardian and the next daemon.
    pub fn stop(&self) {
        self.send(Command::Stop);
    }

    fn send(&self, command: Command) {
        // Both fail only if the thread has ended; then there is nobody left to want anything.
        self.commands.send(command).ok();
        self.bell.ring();
    }
}

/// Wakes the thread; also when the last handle goes, after its end of the queue.
struct Bell(Arc<OwnedFd>);

impl Bell {
    fn ring(&self) {
        // It can only fail when it is ringing already.
        rustix::io::write(&*self.0, &1_u64.to_ne_bytes()).ok();
    }
}

impl Clone for Bell {
    fn clone(&self) -> Self {
        Bell(Arc::clone(&self.0))
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        self.ring();
    }
}

/// See [`Scribe::prepare`].
pub(crate) fn prepare(state: &Path, key: StreamKey, sink: &Sink) -> Result<OwnedFd, OpenError> {
    let log = match &sink.place {
        Place::File(path) => Some(open_log(path, sink.owner)?),
        Place::Discard => None,
    };
    if let Some(path) = &sink.combined {
        open_log(path, sink.owner)?;
    }
    if sink.is_nowhere() {
        return null();
    }
    match log {
        Some(log) if sink.is_direct() => Ok(log.file),
        Some(_) | None => {
            let folder = state.join("spool");
            let refused = |source| OpenError::Refused { path: folder.clone(), source };
            let spool = Spool::open(&folder, key).map_err(refused)?;
            spool.file().try_clone().map_err(|source| OpenError::Folder { path: folder, source })
        }
    }
}

/// See [`Scribe::probe`].
fn probe(state: &Path, sink: &Sink) -> Result<(), OpenError> {
    let place = if let Place::File(path) = &sink.place { Some(path) } else { None };
    for path in place.into_iter().chain(&sink.combined) {
        open_log(path, sink.owner)?;
    }
    if sink.is_direct() || sink.is_nowhere() {
        return Ok(());
    }
    let path = state.join("spool").join(format!("probe-{}", std::process::id()));
    let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::CLOEXEC;
    let made = rustix::fs::open(&path, flags, Mode::RUSR | Mode::WUSR);
    std::fs::remove_file(&path).ok();
    match made {
        // The folder is made with the first spool.
        Ok(_) | Err(Errno::NOENT) => Ok(()),
        Err(source) => Err(OpenError::Refused { path, source }),
    }
}

/// Where bytes are forgotten.
pub(crate) fn null() -> Result<OwnedFd, OpenError> {
    let path = "/dev/null";
    rustix::fs::open(path, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())
        .map_err(|source| OpenError::Refused { path: path.into(), source })
}
