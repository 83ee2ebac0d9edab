//! The one thread that holds all channels and all listening sockets of cluster workers: it reads and writes, has
//! callers let in, and does what the primary decides. Commands come in by a queue, news go out by a function.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::{Sender, SyncSender, channel};

use pm_os::spawn::Credentials;
use rustix::event::{EventfdFlags, eventfd};
use rustix::io::Errno;

use crate::hall::Hall;
use crate::note::Note;
use crate::primary::{Group, Place, Worker};
use crate::pulse::Pulse;
use crate::usher::Usher;

/// What the daemon learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// A process said that it is ready.
    Ready(Worker),
    /// A cluster worker listens.
    Listening(Worker),
    /// A process that was to leave or to shut down has done what it will do by itself: time for the signal.
    Drained(Worker),
    /// A message to it was cut in two by the death of the daemon before: it must be replaced, for nothing may be
    /// written to it any more.
    Spoilt(Worker),
}

/// What must outlive the daemon. Each socket has a number within its app.
#[derive(Clone, Copy, Debug)]
pub enum Keep<'a> {
    /// Keep this listening socket and its note.
    Socket {
        /// Whose.
        group: Group,
        /// Its number.
        index: u8,
        /// The socket.
        socket: BorrowedFd<'a>,
        /// Its note's memory.
        memory: BorrowedFd<'a>,
    },
    /// It is closed.
    Drop {
        /// Whose.
        group: Group,
        /// Its number.
        index: u8,
    },
}

/// Where the thread tells what happens.
pub struct Ears {
    /// Hears news. It may block; the thread waits.
    pub hear: Box<dyn FnMut(News) + Send>,
    /// Keeps sockets.
    pub keep: Box<dyn FnMut(Keep<'_>) + Send>,
    /// Finds somebody who lets callers in; `None`: not now.
    pub usher: Box<dyn FnMut() -> Option<Box<dyn Usher>> + Send>,
}

impl std::fmt::Debug for Ears {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ears")
    }
}

/// A channel and whose it is.
#[derive(Debug)]
pub struct Attachment {
    /// The process.
    pub worker: Worker,
    /// Our end.
    pub channel: OwnedFd,
    /// The memory of its note, empty or written by a daemon before us.
    pub memory: OwnedFd,
    /// Where it sits, if it is a cluster worker.
    pub place: Option<Place>,
    /// Whose it is, if not ours.
    pub user: Option<Credentials>,
}

/// A question to processes that offer an action.
pub struct Trigger {
    /// Whom.
    pub workers: Vec<(Worker, Called)>,
    /// The action.
    pub action: String,
    /// Its parameter.
    pub param: Option<String>,
    /// So long in ms we wait for answers.
    pub patience: u64,
    /// Gets what came of it.
    pub reply: Box<dyn FnOnce(Result<Answers, NotOffered>) + Send>,
}

impl std::fmt::Debug for Trigger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trigger").field("action", &self.action).finish_non_exhaustive()
    }
}

/// By what a process was meant; it is told so with a parameter, as PM2 does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Called {
    /// The number people know it by.
    Id(u32),
    /// The name of its app.
    Name(String),
}

/// What came from each process that was asked.
pub type Answers = BTreeMap<Worker, Answer>;

/// What came from a process that was asked to do something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It returned this: JSON as it wrote it, `None` where it returned nothing at all.
    Returned(Option<String>),
    /// Nothing in time.
    Late,
    /// It ended, or closed its channel.
    Gone,
}

/// Nobody offers the action.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NotOffered {
    /// What those who were meant do offer.
    pub known: BTreeSet<String>,
}

/// Copies of what the thread holds, for another guardian.
#[derive(Debug, Default)]
pub struct Loans {
    /// Channels with their notes' memory.
    pub channels: Vec<(Worker, OwnedFd, OwnedFd)>,
    /// Sockets with their apps, numbers and notes' memory.
    pub sockets: Vec<(Group, u8, OwnedFd, OwnedFd)>,
}

pub(crate) enum Command {
    Attach(Box<Attachment>),
    Recall { group: Group, index: u8, socket: OwnedFd, memory: OwnedFd },
    Hold(Worker),
    Drain(Worker),
    Shutdown(Worker),
    Gone(Worker),
    Tidy(Group, Vec<u16>),
    Look(Vec<Worker>, Box<dyn FnOnce(BTreeMap<Worker, Pulse>) + Send>),
    Trigger(Box<Trigger>),
    Lend(SyncSender<Loans>),
}

/// The thread, from outside. Dropping the last one ends it.
#[derive(Clone)]
pub struct Exchange {
    commands: Sender<Command>,
    wake: Arc<OwnedFd>,
}

impl std::fmt::Debug for Exchange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Exchange")
    }
}

/// The thread could not begin.
#[derive(Debug, thiserror::Error)]
#[error("start the thread that talks to Node apps")]
pub struct StartError(#[source] std::io::Error);

impl From<Errno> for StartError {
    fn from(errno: Errno) -> Self {
        Self(errno.into())
    }
}

impl Exchange {
    /// Starts the thread.
    pub fn start(ears: Ears) -> Result<Self, StartError> {
        let wake = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        let (commands, queue) = channel();
        let mut hall = Hall::new(Arc::clone(&wake), queue, ears)?;
        std::thread::Builder::new()
            .name("pm-node".into())
            .stack_size(512 << 10)
            .spawn(move || while hall.turn().is_some() {})
            .map_err(StartError)?;
        Ok(Self { commands, wake })
    }

    fn tell(&self, command: Command) {
        // The thread lives as long as we do; a full counter wakes as well.
        self.commands.send(command).ok();
        rustix::io::write(&*self.wake, &1_u64.to_ne_bytes()).ok();
    }

    /// Talks over a channel from now on.
    pub fn attach(&self, attachment: Attachment) {
        self.tell(Command::Attach(Box::new(attachment)));
    }

    /// A listening socket that a daemon before us made. To be told before the workers that share it are attached.
    pub fn recall(&self, group: Group, index: u8, socket: OwnedFd, memory: OwnedFd) {
        self.tell(Command::Recall { group, index, socket, memory });
    }

    /// A signal asks the process to go: it gets no new connections.
    pub fn hold(&self, worker: Worker) {
        self.tell(Command::Hold(worker));
    }

    /// Lets a process leave without cutting anybody off; `Drained` follows.
    pub fn drain(&self, worker: Worker) {
        self.tell(Command::Drain(worker));
    }

    /// Asks a process to go by the message `shutdown`; `Drained` follows only if it can't be told.
    pub fn shutdown(&self, worker: Worker) {
        self.tell(Command::Shutdown(worker));
    }

    /// The process has ended.
    pub fn gone(&self, worker: Worker) {
        self.tell(Command::Gone(worker));
    }

    /// Only these slots of an app are wanted: sockets of others are closed, with none of them all.
    pub fn tidy(&self, group: Group, slots: Vec<u16>) {
        self.tell(Command::Tidy(group, slots));
    }

    /// What these processes said about themselves; nothing of those that said nothing yet.
    pub fn look(
        &self,
        workers: Vec<Worker>,
        reply: impl FnOnce(BTreeMap<Worker, Pulse>) + Send + 'static,
    ) {
        self.tell(Command::Look(workers, Box::new(reply)));
    }

    /// Asks for an action.
    pub fn trigger(&self, trigger: Trigger) {
        self.tell(Command::Trigger(Box::new(trigger)));
    }

    /// Copies of everything, for another guardian. Blocks until the thread has a moment.
    pub fn lend(&self) -> Loans {
        let (reply, loans) = std::sync::mpsc::sync_channel(1);
        self.tell(Command::Lend(reply));
        loans.recv().unwrap_or_default()
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        // The thread sees that nobody can tell it anything any more.
        rustix::io::write(&*self.wake, &1_u64.to_ne_bytes()).ok();
    }
}

/// Both descriptors of a new channel: ours with its note, and the app's end.
#[derive(Debug)]
pub struct Line {
    /// Our end.
    pub ours: OwnedFd,
    /// Its note.
    pub note: Note,
    /// The app's end.
    pub theirs: OwnedFd,
}

impl Line {
    /// A new channel.
    pub fn new() -> Result<Self, Errno> {
        let (ours, theirs) = crate::channel::pair()?;
        Ok(Self { ours, note: Note::new()?, theirs })
    }

    /// What the guardian keeps.
    pub fn kept(&self) -> [BorrowedFd<'_>; 2] {
        [self.ours.as_fd(), self.note.memory()]
    }

    /// What the exchange gets once the app has its end.
    pub fn into_ours(self) -> (OwnedFd, OwnedFd) {
        (self.ours, self.note.into_memory())
    }
}
