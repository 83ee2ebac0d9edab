//! The handle to the one thread that moves, shapes, rotates and flushes; `writer_loop.rs` is the thread.
//! The handle only sends commands, over a bounded queue; nothing here touches a byte of output.

use std::fmt;
use std::fs::DirBuilder;
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};

use rustix::event::{EventfdFlags, eventfd};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::messages::{
    DoneCallback, FlushCallback, HandedStream, LogWriterPlan, NoticeCallback, StreamTarget,
    WriterCommand,
};
use crate::open::{FileId, null, open_log};

use crate::log_users::{LogUse, LogUsers};
use crate::open_error::OpenError;
use crate::rotate::LogRotation;
use crate::sink::{FileOwner, LogDestination, Sink, StreamKey, WhenFull};
use crate::spool::Spool;
use crate::writer_loop::WriterLoop;

/// Commands that may wait; a sender beyond that waits too.
const QUEUE: usize = 1024;

/// Why a log writer could not start.
#[derive(Debug, thiserror::Error)]
pub enum LogWriterError {
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

/// Hands streams to the log writer's thread. Clones are handles to the same thread.
#[derive(Clone)]
pub struct LogWriter {
    state: Arc<PathBuf>,
    users: Arc<LogUsers>,
    /// Before `wake`, so that it is closed when that rings for the last time.
    commands: SyncSender<WriterCommand>,
    wake: WakeFd,
}

impl fmt::Debug for LogWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogWriter").field("state", &self.state).finish_non_exhaustive()
    }
}

impl LogWriter {
    /// Starts the thread. It ends after [`LogWriter::stop`] or when all handles are gone.
    pub fn start(
        plan: &LogWriterPlan,
        notices: NoticeCallback,
    ) -> Result<(Self, std::thread::JoinHandle<()>), LogWriterError> {
        for name in ["spool", "ledger", "index"] {
            let made =
                DirBuilder::new().recursive(true).mode(0o700).create(plan.state_dir.join(name));
            let path = plan.state_dir.clone();
            made.map_err(|source| LogWriterError::State { path, source })?;
        }
        let thread = |error: Errno| LogWriterError::Thread(error.into());
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map_err(thread)?;
        let wake = Arc::new(wake);
        let (commands, inbox) = sync_channel(QUEUE);
        let users = LogUsers::new();
        let writer_loop =
            WriterLoop::new(plan, notices, (inbox, Arc::clone(&wake)), &users).map_err(thread)?;
        let handle = std::thread::Builder::new()
            .name("pm-log-writer".into())
            .spawn(move || writer_loop.run())
            .map_err(LogWriterError::Thread)?;
        let state = Arc::new(plan.state_dir.clone());
        Ok((LogWriter { state, users, commands, wake: WakeFd(wake) }, handle))
    }

    /// Opens, in the calling thread, what the bytes of `key` are to be spliced into: the log itself
    /// or its spool. To be stored in the guardian before the app is spawned, then given to
    /// [`LogWriter::attach`]. The log is opened in any case, so that a wrong path is refused here.
    pub fn prepare(&self, key: StreamKey, sink: &Sink) -> Result<StreamTarget, OpenError> {
        let mut uses = Vec::new();
        let mut log = None;
        if let LogDestination::File(path) = &sink.place {
            let opened = open_log(path, sink.owner)?;
            uses.push(self.enter(opened.id));
            log = Some(opened.file);
        }
        if let Some(path) = &sink.combined {
            uses.push(self.enter(open_log(path, sink.owner)?.id));
        }
        let fd = match log {
            Some(log) if sink.is_direct() => log,
            None if sink.is_nowhere() => null()?,
            Some(_) | None => {
                let folder = self.state.join("spool");
                let refused = |source| OpenError::Refused { path: folder.clone(), source };
                Spool::open(&folder, key).map_err(refused)?.into_file()
            }
        };
        Ok(StreamTarget { fd: Some(fd), uses: Some(uses) })
    }

    fn enter(&self, log: FileId) -> LogUse {
        let (used, is_shared) = self.users.enter(log);
        if is_shared {
            self.users.unsettle();
        }
        used
    }

    /// Whether [`LogWriter::prepare`] could open what it must for such a stream, without keeping anything open.
    pub fn probe(&self, sink: &Sink) -> Result<(), OpenError> {
        let place = if let LogDestination::File(path) = &sink.place { Some(path) } else { None };
        for path in place.into_iter().chain(&sink.combined) {
            open_log(path, sink.owner)?;
        }
        if sink.is_direct() || sink.is_nowhere() {
            return Ok(());
        }
        let path = self.state.join("spool").join(format!("probe-{}", std::process::id()));
        let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::CLOEXEC;
        let made = rustix::fs::open(&path, flags, Mode::RUSR | Mode::WUSR);
        std::fs::remove_file(&path).ok();
        match made {
            // The folder is made with the first spool.
            Ok(_) | Err(Errno::NOENT) => Ok(()),
            Err(source) => Err(OpenError::Refused { path, source }),
        }
    }

    /// Takes over a stream: `pipe` is its read end, `target` what [`LogWriter::prepare`] gave or, at an
    /// adoption, what the guardian kept. Somebody must hold a write end until the app is born, or
    /// the stream ends at once. A pipe whose writer is gone brings a left behind spool to its log.
    pub fn attach(&self, key: StreamKey, pipe: OwnedFd, target: StreamTarget, sink: Sink) {
        if target.uses.is_none() {
            // Its logs are not known here.
            self.users.unsettle();
        }
        self.send(WriterCommand::Attach { key, pipe, target, sink: Box::new(sink) });
    }

    /// Waits until everything asked so far is done, if a stream was prepared whose log is also another's. Before an app
    /// may write: only then does such a stream go where it is to go while no daemon runs.
    pub fn settle(&self) {
        if !self.users.take_unsettled() {
            return;
        }
        let (sender, done) = sync_channel(1);
        self.send(WriterCommand::Settle(sender));
        // It fails if the thread has ended; then everything asked is undone, and the daemon about to end.
        done.recv().ok();
    }

    /// The logs of a stream are kept by new rules from now on; nothing for a stream nobody knows.
    pub fn reconfigure(&self, key: StreamKey, rotation: LogRotation, full: WhenFull) {
        self.send(WriterCommand::Retune(key, rotation, full));
    }

    /// Empties these logs, each with the owner it was opened for, and what waits for them, and removes
    /// their rotated parts. A missing file is no error.
    pub fn flush(&self, logs: Vec<(PathBuf, Option<FileOwner>)>, done: FlushCallback) {
        self.send(WriterCommand::Flush(logs, done));
    }

    /// Opens all logs anew (`reloadLogs`, SIGUSR2); those still in place stay as they are.
    pub fn reopen_all(&self, done: DoneCallback) {
        self.send(WriterCommand::Reopen(done));
    }

    /// Ends the thread and gives all streams, for a guardian that has none of them: after the
    /// return no byte is moved any more. Waits for the thread; nothing if that has ended already.
    pub fn hand_over(&self) -> Vec<HandedStream> {
        let (sender, streams) = sync_channel(1);
        self.send(WriterCommand::Lend(sender));
        streams.recv().unwrap_or_default()
    }

    /// Ends the thread; streams stay as they are, for the guardian and the next daemon.
    pub fn stop(&self) {
        self.send(WriterCommand::Stop);
    }

    fn send(&self, command: WriterCommand) {
        // Both fail only if the thread has ended; then there is nobody left to want anything.
        self.commands.send(command).ok();
        self.wake.ring();
    }
}

/// Wakes the thread; also when the last handle goes, after its end of the queue.
#[derive(Clone)]
struct WakeFd(Arc<OwnedFd>);

impl WakeFd {
    fn ring(&self) {
        // It can only fail when it is ringing already.
        rustix::io::write(&*self.0, &1_u64.to_ne_bytes()).ok();
    }
}

impl Drop for WakeFd {
    fn drop(&mut self) {
        self.ring();
    }
}
