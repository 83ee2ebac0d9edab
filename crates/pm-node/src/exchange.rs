//! The one thread that holds all channels and all listening sockets of cluster workers: it reads and writes, has
//! callers let in, and does what the primary decides. Commands come in by a queue, news go out by a function.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};

use rustix::event::{EventfdFlags, eventfd};
use rustix::io::Errno;

use crate::event_loop::{EventLoop, LoopCommand, now};
use crate::ids::{Group, Worker};
use crate::interface::{ActionRequest, Attachment, Callbacks, HandoverCopies};
use crate::note::Note;
use crate::pmx::PmxState;

/// The thread, from outside. Dropping the last one ends it.
#[derive(Clone, Debug)]
pub struct Exchange {
    commands: Sender<LoopCommand>,
    wake: Arc<OwnedFd>,
}

/// The thread could not begin.
#[derive(Debug, thiserror::Error)]
#[error("start the thread that talks to Node apps")]
pub struct ExchangeError(#[source] std::io::Error);

impl From<Errno> for ExchangeError {
    fn from(errno: Errno) -> Self {
        Self(errno.into())
    }
}

impl Exchange {
    /// Starts the thread.
    pub fn start(callbacks: Callbacks) -> Result<Self, ExchangeError> {
        let wake = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        let (commands, queue) = channel();
        let mut event_loop = EventLoop::new(Arc::clone(&wake), queue, callbacks)?;
        std::thread::Builder::new()
            .name("pm-node".into())
            .stack_size(512 << 10)
            .spawn(move || while event_loop.run_once().is_some() {})
            .map_err(ExchangeError)?;
        Ok(Self { commands, wake })
    }

    fn tell(&self, command: impl FnOnce(&mut EventLoop) + Send + 'static) {
        // The thread lives as long as we do; a full counter wakes as well.
        self.commands.send(Box::new(command)).ok();
        rustix::io::write(&*self.wake, &1_u64.to_ne_bytes()).ok();
    }

    /// Talks over a channel from now on.
    pub fn attach(&self, attachment: Attachment) {
        self.tell(|it| it.attach(attachment));
    }

    /// A listening socket that a daemon before us made. To be told before the workers that share it are attached.
    pub fn recall(&self, group: Group, index: u8, socket: OwnedFd, memory: OwnedFd) {
        self.tell(move |it| it.recall(group, index, socket, memory));
    }

    /// A signal asks the process to go: it gets no new connections.
    pub fn hold(&self, worker: Worker) {
        self.tell(move |it| it.primary.hold(worker));
    }

    /// Lets a process leave without cutting anybody off; `Drained` follows.
    pub fn drain(&self, worker: Worker) {
        self.tell(move |it| it.primary.drain(now(), worker));
    }

    /// Asks a process to go by the message `shutdown`; `Drained` follows only if it can't be told.
    pub fn shutdown(&self, worker: Worker) {
        self.tell(move |it| it.shut_down(worker));
    }

    /// The process has ended.
    pub fn gone(&self, worker: Worker) {
        self.tell(move |it| it.gone(worker));
    }

    /// Only these slots of an app are wanted: sockets of others are closed, with none of them all.
    pub fn tidy(&self, group: Group, slots: Vec<u16>) {
        self.tell(move |it| it.primary.tidy(group, &slots));
    }

    /// What these processes said about themselves; nothing of those that said nothing yet.
    pub fn look(
        &self,
        workers: Vec<Worker>,
        reply: impl FnOnce(BTreeMap<Worker, PmxState>) + Send + 'static,
    ) {
        self.tell(move |it| {
            let pmx = |worker: Worker| Some((worker, it.peers.get(&worker)?.pmx.clone()));
            reply(workers.into_iter().filter_map(pmx).collect());
        });
    }

    /// Asks for an action.
    pub fn trigger(&self, request: ActionRequest) {
        self.tell(|it| it.trigger(request));
    }

    /// Copies of everything, for another guardian. Blocks until the thread has a moment.
    pub fn copies(&self) -> HandoverCopies {
        let (reply, copies) = std::sync::mpsc::sync_channel(1);
        self.tell(move |it| {
            // We wait for it.
            reply.send(it.copies()).ok();
        });
        copies.recv().unwrap_or_default()
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
pub struct ChannelPair {
    /// Our end.
    pub ours: OwnedFd,
    /// Its note.
    pub note: Note,
    /// The app's end.
    pub theirs: OwnedFd,
}

impl ChannelPair {
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
