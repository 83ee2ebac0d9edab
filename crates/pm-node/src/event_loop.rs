//! The thread itself: one wait for all channels, sockets and commands, then whatever follows from what came.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Duration;

use rustix::io::Errno;
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

use crate::accept_relay::{Pace, RelayQueue};
use crate::channel::{IpcChannel, WriteBlock};
use crate::ids::{ConnectionId, Group, Millis, SocketId, Worker};
use crate::interface::{
    ActionRequest, Attachment, Callbacks, HandoverCopies, KeepRequest, NodeEvent, NotOffered,
};
use crate::listener::Listener;
use crate::message::{WorkerMessage, parse, understand};
use crate::note::Note;
use crate::pending::PendingActions;
use crate::pmx::{self, Meaning, PmxState};
use crate::poller::{About, EventFlags, PollToken, Poller};
use crate::primary::{Primary, Recalled};
use crate::query::Query;
use crate::socket::{self, Maker};

/// A process we talk to.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) channel: IpcChannel,
    pub(crate) pmx: PmxState,
    token: PollToken,
    write_block: WriteBlock,
    /// As whom sockets are made for it.
    pub(crate) maker: Maker,
}

/// Something the thread is to do between two waits.
pub(crate) type LoopCommand = Box<dyn FnOnce(&mut EventLoop) + Send>;

/// Everything the thread owns.
pub(crate) struct EventLoop {
    pub(crate) poller: Poller,
    wake: Arc<OwnedFd>,
    commands: Receiver<LoopCommand>,
    pub(crate) callbacks: Callbacks,
    pub(crate) primary: Primary,
    pub(crate) peers: BTreeMap<Worker, Peer>,
    pub(crate) listeners: BTreeMap<SocketId, Listener>,
    pub(crate) connections: BTreeMap<ConnectionId, Arc<OwnedFd>>,
    pub(crate) next_connection: ConnectionId,
    pub(crate) pending: PendingActions,
    /// Workers of whom the next daemon must know more than before.
    pub(crate) noteworthy: BTreeSet<Worker>,
    /// Who lets callers in; begins with the first.
    pub(crate) relay_queue: Option<RelayQueue>,
    /// Nobody is let in before.
    pub(crate) accept_at: Option<Millis>,
}

/// Milliseconds since boot.
pub(crate) fn now() -> Millis {
    micros() / 1000
}

/// Microseconds since boot: numbers of messages begin here, so that they are above all of a daemon before us.
fn micros() -> u64 {
    let time = Duration::try_from(clock_gettime(ClockId::Monotonic)).unwrap_or_default();
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

impl EventLoop {
    pub(crate) fn new(
        wake: Arc<OwnedFd>,
        commands: Receiver<LoopCommand>,
        callbacks: Callbacks,
    ) -> Result<Self, Errno> {
        let mut poller = Poller::new()?;
        let token = poller.token(About::Commands);
        poller.set(&*wake, token, EventFlags::IN);
        Ok(Self {
            poller,
            wake,
            commands,
            callbacks,
            primary: Primary::default(),
            peers: BTreeMap::new(),
            listeners: BTreeMap::new(),
            connections: BTreeMap::new(),
            next_connection: 0,
            pending: PendingActions::default(),
            noteworthy: BTreeSet::new(),
            relay_queue: None,
            accept_at: None,
        })
    }

    /// Waits, then does everything that follows. `None`: the daemon is gone.
    pub(crate) fn run_once(&mut self) -> Option<()> {
        let due = [self.primary.deadline(), self.pending.deadline(), self.accept_at];
        let limit = due.into_iter().flatten().min().map(|at| at.saturating_sub(now()));
        for (token, flags) in self.poller.wait(limit) {
            match self.poller.about(token) {
                Some(About::Commands) => self.run_commands()?,
                Some(About::Channel(worker)) => self.on_channel_ready(worker, flags),
                Some(About::Socket(id)) => self.on_listener_ready(id),
                Some(About::Relay) => self.on_relay_ready(),
                None => {}
            }
            self.carry_out();
        }
        let now = now();
        self.primary.tick(now);
        self.pending.tick(now);
        if self.accept_at.is_some_and(|at| at <= now) {
            self.accept_at = None;
            let listeners: Vec<SocketId> = self.listeners.keys().copied().collect();
            for id in listeners {
                let is_served = self.primary.is_served(id);
                self.watch_listener(id, is_served);
            }
        }
        self.carry_out();
        Some(())
    }

    fn run_commands(&mut self) -> Option<()> {
        let mut count = [0; 8];
        rustix::io::read(&*self.wake, &mut count).ok();
        loop {
            match self.commands.try_recv() {
                Ok(command) => {
                    command(self);
                    self.carry_out();
                }
                Err(TryRecvError::Empty) => return Some(()),
                Err(TryRecvError::Disconnected) => return None,
            }
        }
    }

    pub(crate) fn attach(&mut self, attachment: Attachment) {
        let Attachment { worker, channel, memory, place, user } = attachment;
        let (note, known) = Note::found(memory);
        let channel = IpcChannel::new(channel, note);
        let pmx = PmxState::from_note(&known);
        let token = self.poller.token(About::Channel(worker));
        self.poller.set(channel.socket(), token, EventFlags::IN);
        let (is_spoilt, is_ready) = (channel.is_spoilt(), pmx.is_ready);
        let (write_block, maker) = (WriteBlock::None, Maker::of(user.as_ref()));
        self.peers.insert(worker, Peer { channel, pmx, token, write_block, maker });
        if let Some(place) = place {
            let keys = known.get("keys").and_then(Value::as_array).into_iter().flatten();
            let keys = keys.filter_map(Value::as_str).map(str::to_owned).collect();
            let has_preload = known.get("preload").and_then(Value::as_bool).unwrap_or(false);
            self.primary.attach(worker, place, micros(), &Recalled { keys, has_preload });
            if self.primary.remember(worker).is_some_and(|known| !known.keys.is_empty()) {
                self.tell_listening(worker);
            }
        }
        if is_ready {
            (self.callbacks.event)(NodeEvent::Ready(worker));
        }
        if is_spoilt {
            self.primary.hold(worker);
            (self.callbacks.event)(NodeEvent::Spoilt(worker));
        }
    }

    pub(crate) fn recall(&mut self, group: Group, index: u8, socket: OwnedFd, memory: OwnedFd) {
        let (note, known) = Note::found(memory);
        let query = known.get("query").and_then(Query::parse);
        let key = known.get("key").and_then(Value::as_str);
        let (Some(query), Some(key)) = (query, key) else {
            (self.callbacks.keep)(KeepRequest::Drop { group, index });
            return;
        };
        let slot = known.get("slot").and_then(Value::as_u64);
        let slot = slot.and_then(|slot| u16::try_from(slot).ok());
        let address = crate::primary::SocketKey { group, key: key.to_owned(), slot };
        let family = known.get("family").and_then(Value::as_u64);
        let family = family.and_then(|family| u32::try_from(family).ok());
        let name = socket::name_of(&socket);
        let id = self.primary.recall(address, (query.clone(), family), name);
        let maker = known.get("user").and_then(Maker::parse);
        self.add_listener(id, (group, Some(index)), (socket, note), (query, maker));
    }

    /// Keeps a socket, which is not watched yet.
    pub(crate) fn add_listener(
        &mut self,
        id: SocketId,
        (group, index): (Group, Option<u8>),
        (socket, note): (OwnedFd, Note),
        (query, maker): (Query, Option<Maker>),
    ) {
        let token = self.poller.token(About::Socket(id));
        let socket = Arc::new(socket);
        let pace = Pace::new();
        self.listeners
            .insert(id, Listener { socket, note, query, group, index, pace, maker, token });
    }

    pub(crate) fn watch_listener(&self, id: SocketId, is_served: bool) {
        let Some(listener) = self.listeners.get(&id) else { return };
        let socket = listener.socket.as_fd();
        if !is_served || self.accept_at.is_some() {
            self.poller.pause(socket);
        } else if listener.pace.open == 0 {
            // Who calls while we have asked is told with the answers.
            self.poller.set(socket, listener.token, EventFlags::IN | EventFlags::ONESHOT);
        }
    }

    pub(crate) fn remove_listener(&mut self, id: SocketId) -> Option<Listener> {
        let listener = self.listeners.remove(&id)?;
        self.poller.forget(listener.socket.as_fd(), listener.token);
        Some(listener)
    }

    /// Something happened on a channel.
    fn on_channel_ready(&mut self, worker: Worker, flags: EventFlags) {
        let Some(peer) = self.peers.get_mut(&worker) else { return };
        if flags.contains(EventFlags::OUT) {
            peer.channel.write();
        }
        peer.channel.read();
        self.update_interest(worker);
        while let Some(line) = self.peers.get_mut(&worker).and_then(|one| one.channel.next_line()) {
            // What is no message is nobody's: the beginning may have gone with the daemon before us.
            if let Some(said) = parse(&line) {
                self.on_message(worker, said, &line);
            }
        }
        let Some(peer) = self.peers.get(&worker) else { return };
        if !peer.channel.is_open() {
            self.poller.forget(peer.channel.socket(), peer.token);
            self.pending.lost(worker);
            self.primary.hung_up(now(), worker);
        }
    }

    fn on_message(&mut self, worker: Worker, said: WorkerMessage, line: &[u8]) {
        let said = if let WorkerMessage::Handle(inner) = said {
            if !self.take_handle(worker) {
                return;
            }
            understand(inner)
        } else {
            said
        };
        if let WorkerMessage::User(message) = said {
            return self.on_app_message(worker, &message, line);
        }
        if matches!(
            said,
            WorkerMessage::Query { .. } | WorkerMessage::Preloaded | WorkerMessage::Close { .. }
        ) {
            self.noteworthy.insert(worker);
        }
        self.primary.on_message(now(), worker, said);
    }

    /// A process sent a descriptor, which we have no use for; but until it hears so it sends nothing else.
    fn take_handle(&mut self, worker: Worker) -> bool {
        let Some(peer) = self.peers.get_mut(&worker) else { return false };
        let came = peer.channel.claim().is_some();
        let word = if came { "NODE_HANDLE_ACK" } else { "NODE_HANDLE_NACK" };
        self.write(worker, json!({"cmd": word}).to_string().as_bytes(), None);
        came
    }

    fn on_app_message(&mut self, worker: Worker, message: &Value, line: &[u8]) {
        let Some(peer) = self.peers.get_mut(&worker) else { return };
        match peer.pmx.on_message(message) {
            Meaning::Ready => {
                self.noteworthy.insert(worker);
                (self.callbacks.event)(NodeEvent::Ready(worker));
            }
            Meaning::Reply { action } => {
                self.pending.replied(worker, &action, pmx::returned(line));
            }
            Meaning::Noteworthy => {
                self.noteworthy.insert(worker);
            }
            Meaning::Nothing => {}
        }
    }

    /// Writes a line; false if it can't be.
    pub(crate) fn write(
        &mut self,
        worker: Worker,
        line: &[u8],
        descriptor: Option<Arc<OwnedFd>>,
    ) -> bool {
        let Some(peer) = self.peers.get_mut(&worker) else { return false };
        let sent = peer.channel.send(line, descriptor);
        self.update_interest(worker);
        sent
    }

    /// After something was written, or was not: who has no room gets no connections, and is watched for room.
    pub(crate) fn update_interest(&mut self, worker: Worker) {
        let Some(peer) = self.peers.get_mut(&worker) else { return };
        let write_block = peer.channel.write_block();
        if std::mem::replace(&mut peer.write_block, write_block) == write_block {
            return;
        }
        if peer.channel.is_open() {
            let mut flags = EventFlags::IN;
            flags.set(EventFlags::OUT, write_block == WriteBlock::PeerFull);
            self.poller.set(peer.channel.socket(), peer.token, flags);
        }
        self.primary.blocked(worker, write_block != WriteBlock::None);
    }

    /// Asks everybody who offers the action.
    pub(crate) fn trigger(&mut self, trigger: ActionRequest) {
        let (mut open, mut known) = (BTreeSet::new(), BTreeSet::new());
        for (worker, called) in &trigger.workers {
            let Some(peer) = self.peers.get(worker) else { continue };
            if !peer.pmx.offers(&trigger.action) {
                known.extend(peer.pmx.names());
                continue;
            }
            let line = pmx::request(&trigger.action, trigger.param.as_deref(), called);
            if self.write(*worker, &line, None) {
                open.insert(*worker);
            }
        }
        if open.is_empty() {
            return (trigger.reply)(Err(NotOffered { known }));
        }
        self.pending.begin(now(), trigger, open);
    }

    pub(crate) fn shut_down(&mut self, worker: Worker) {
        self.primary.hold(worker);
        if !self.write(worker, b"\"shutdown\"", None) {
            (self.callbacks.event)(NodeEvent::Drained(worker));
        }
    }

    pub(crate) fn gone(&mut self, worker: Worker) {
        self.primary.gone(worker);
        self.pending.lost(worker);
        self.noteworthy.remove(&worker);
        if let Some(peer) = self.peers.remove(&worker) {
            self.poller.forget(peer.channel.socket(), peer.token);
        }
    }

    pub(crate) fn copies(&self) -> HandoverCopies {
        let mut copies = HandoverCopies::default();
        for (worker, peer) in self.peers.iter().filter(|(_, peer)| peer.channel.is_open()) {
            let ends = peer.channel.copies();
            copies.channels.extend(ends.map(|(socket, memory)| (*worker, socket, memory)));
        }
        copies.sockets = self.listeners.values().filter_map(Listener::copies).collect();
        copies
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use rustix::event::{EventfdFlags, eventfd};

    use super::*;

    fn event_loop() -> (EventLoop, std::sync::mpsc::Sender<LoopCommand>) {
        let callbacks = Callbacks {
            event: Box::new(|_| ()),
            keep: Box::new(|_| ()),
            find_relay: Box::new(|| None),
        };
        let (commands, queue) = channel();
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).unwrap();
        (EventLoop::new(Arc::new(wake), queue, callbacks).unwrap(), commands)
    }

    #[test]
    fn once_there_is_room_again_nobody_waits_for_it() {
        let (mut event_loop, _commands) = event_loop();
        let (ours, theirs) = crate::channel::pair().unwrap();
        let memory = Note::new().unwrap().into_memory();
        event_loop.attach(Attachment { worker: 1, channel: ours, memory, place: None, user: None });
        let mut theirs = IpcChannel::new(theirs, Note::new().unwrap());
        let line = vec![b'x'; 1 << 20];
        assert!(event_loop.write(1, &line, None));
        assert_eq!(event_loop.peers[&1].write_block, WriteBlock::PeerFull);
        theirs.read();
        while theirs.next_line().is_none() {
            event_loop.run_once().unwrap();
            theirs.read();
        }
        assert_eq!(event_loop.peers[&1].write_block, WriteBlock::None);
        let events = event_loop.poller.wait(Some(0));
        assert!(events.is_empty(), "woken for nothing: {events:?}");
    }
}
