//! The thread itself: one wait for all channels, sockets and commands, then whatever follows from what came.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};

use rustix::io::Errno;
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

use crate::channel::{Channel, Crowd};
use crate::exchange::{Attachment, Command, Ears, Keep, Loans, News};
use crate::message::{Said, parse, understand};
use crate::note::Note;
use crate::primary::{Connection, Group, Millis, Primary, Recalled, SocketId, Worker};
use crate::pulse::{self, Meaning, Pulse};
use crate::query::Query;
use crate::rounds::Rounds;
use crate::socket::{self, Maker};
use crate::usher::{Desk, Pace};
use crate::watch::{About, EventFlags, Token, Watch};

/// A process we talk to.
#[derive(Debug)]
pub(crate) struct Guest {
    pub(crate) channel: Channel,
    pub(crate) pulse: Pulse,
    token: Token,
    crowd: Crowd,
    /// As whom sockets are made for it.
    pub(crate) maker: Maker,
}

/// A listening socket.
#[derive(Debug)]
pub(crate) struct Door {
    pub(crate) socket: Arc<OwnedFd>,
    pub(crate) note: Note,
    pub(crate) query: Query,
    pub(crate) group: Group,
    /// Its number with the guardian; `None`: too many, this one ends with us.
    pub(crate) index: Option<u8>,
    pub(crate) pace: Pace,
    /// Who made it; `None`: a daemon that did not say, and its path stays.
    pub(crate) maker: Option<Maker>,
    token: Token,
}

/// Everything the thread owns.
#[derive(Debug)]
pub(crate) struct Hall {
    pub(crate) watch: Watch,
    wake: Arc<OwnedFd>,
    commands: Receiver<Command>,
    pub(crate) ears: Ears,
    pub(crate) primary: Primary,
    pub(crate) guests: BTreeMap<Worker, Guest>,
    pub(crate) doors: BTreeMap<SocketId, Door>,
    pub(crate) connections: BTreeMap<Connection, Arc<OwnedFd>>,
    pub(crate) next_connection: Connection,
    pub(crate) rounds: Rounds,
    /// Workers of whom the next daemon must know more than before.
    pub(crate) noteworthy: BTreeSet<Worker>,
    /// Who lets callers in; begins with the first.
    pub(crate) desk: Option<Desk>,
    /// Nobody is let in before.
    pub(crate) accept_at: Option<Millis>,
}

/// Milliseconds since boot.
pub(crate) fn now() -> Millis {
    micros() / 1000
}

/// Microseconds since boot: numbers of messages begin here, so that they are above all of a daemon before us.
fn micros() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds * 1_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0) / 1000
}

impl Hall {
    pub(crate) fn new(
        wake: Arc<OwnedFd>,
        commands: Receiver<Command>,
        ears: Ears,
    ) -> Result<Self, Errno> {
        let mut watch = Watch::new()?;
        let token = watch.token(About::Commands);
        watch.set(&*wake, token, EventFlags::IN);
        Ok(Self {
            watch,
            wake,
            commands,
            ears,
            primary: Primary::default(),
            guests: BTreeMap::new(),
            doors: BTreeMap::new(),
            connections: BTreeMap::new(),
            next_connection: 0,
            rounds: Rounds::default(),
            noteworthy: BTreeSet::new(),
            desk: None,
            accept_at: None,
        })
    }

    /// Waits, then does everything that follows. `None`: the daemon is gone.
    pub(crate) fn turn(&mut self) -> Option<()> {
        let due = [self.primary.deadline(), self.rounds.deadline(), self.accept_at];
        let limit = due.into_iter().flatten().min().map(|at| at.saturating_sub(now()));
        for (token, flags) in self.watch.wait(limit) {
            match self.watch.about(token) {
                Some(About::Commands) => self.obey()?,
                Some(About::Channel(worker)) => self.attend(worker, flags),
                Some(About::Socket(id)) => self.welcome(id),
                Some(About::Usher) => self.hear_usher(),
                None => {}
            }
            self.carry_out();
        }
        let now = now();
        self.primary.tick(now);
        self.rounds.tick(now);
        if self.accept_at.is_some_and(|at| at <= now) {
            self.accept_at = None;
            let doors: Vec<SocketId> = self.doors.keys().copied().collect();
            for id in doors {
                let is_served = self.primary.is_served(id);
                self.watch_door(id, is_served);
            }
        }
        self.carry_out();
        Some(())
    }

    fn obey(&mut self) -> Option<()> {
        let mut count = [0; 8];
        rustix::io::read(&*self.wake, &mut count).ok();
        loop {
            match self.commands.try_recv() {
                Ok(command) => self.heed(command),
                Err(TryRecvError::Empty) => return Some(()),
                Err(TryRecvError::Disconnected) => return None,
            }
        }
    }

    fn heed(&mut self, command: Command) {
        let now = now();
        match command {
            Command::Attach(attachment) => self.attach(*attachment),
            Command::Recall { group, index, socket, memory } => {
                self.recall(group, index, socket, memory);
            }
            Command::Hold(worker) => self.primary.hold(worker),
            Command::Drain(worker) => self.primary.drain(now, worker),
            Command::Shutdown(worker) => self.shut_down(worker),
            Command::Gone(worker) => self.gone(worker),
            Command::Tidy(group, slots) => self.primary.tidy(group, &slots),
            Command::Look(workers, reply) => {
                let pulse =
                    |worker: Worker| Some((worker, self.guests.get(&worker)?.pulse.clone()));
                reply(workers.into_iter().filter_map(pulse).collect());
            }
            Command::Trigger(trigger) => self.trigger(now, *trigger),
            Command::Lend(reply) => {
                // Whoever asked waits for it.
                reply.send(self.loans()).ok();
            }
        }
        self.carry_out();
    }

    fn attach(&mut self, attachment: Attachment) {
        let Attachment { worker, channel, memory, place, user } = attachment;
        let (note, known) = Note::found(memory);
        let channel = Channel::new(channel, note);
        let pulse = Pulse::from_note(&known);
        let token = self.watch.token(About::Channel(worker));
        self.watch.set(channel.socket(), token, EventFlags::IN);
        let (is_spoilt, is_ready) = (channel.is_spoilt(), pulse.is_ready);
        let (crowd, maker) = (Crowd::None, Maker::of(user.as_ref()));
        self.guests.insert(worker, Guest { channel, pulse, token, crowd, maker });
        if let Some(place) = place {
            let keys = known.get("keys").and_then(Value::as_array).into_iter().flatten();
            let keys = keys.filter_map(Value::as_str).map(str::to_owned).collect();
            let has_preload = known.get("preload").and_then(Value::as_bool).unwrap_or(false);
            self.primary.attach(worker, place, micros(), &Recalled { keys, has_preload });
            if self.primary.remember(worker).is_some_and(|known| !known.keys.is_empty()) {
                (self.ears.hear)(News::Listening(worker));
            }
        }
        if is_ready {
            (self.ears.hear)(News::Ready(worker));
        }
        if is_spoilt {
            self.primary.hold(worker);
            (self.ears.hear)(News::Spoilt(worker));
        }
    }

    fn recall(&mut self, group: Group, index: u8, socket: OwnedFd, memory: OwnedFd) {
        let (note, known) = Note::found(memory);
        let query = known.get("query").and_then(Query::parse);
        let key = known.get("key").and_then(Value::as_str);
        let (Some(query), Some(key)) = (query, key) else {
            (self.ears.keep)(Keep::Drop { group, index });
            return;
        };
        let slot = known.get("slot").and_then(Value::as_u64);
        let slot = slot.and_then(|slot| u16::try_from(slot).ok());
        let address = crate::primary::Address { group, key: key.to_owned(), slot };
        let id = self.primary.recall(address, query.clone(), socket::name_of(&socket));
        let maker = known.get("user").and_then(Maker::parse);
        self.hang(id, (group, Some(index)), (socket, note), (query, maker));
    }

    /// Keeps a socket, which is not watched yet.
    pub(crate) fn hang(
        &mut self,
        id: SocketId,
        (group, index): (Group, Option<u8>),
        (socket, note): (OwnedFd, Note),
        (query, maker): (Query, Option<Maker>),
    ) {
        let token = self.watch.token(About::Socket(id));
        let socket = Arc::new(socket);
        let pace = Pace::new();
        self.doors.insert(id, Door { socket, note, query, group, index, pace, maker, token });
    }

    pub(crate) fn watch_door(&self, id: SocketId, is_served: bool) {
        let Some(door) = self.doors.get(&id) else { return };
        let socket = door.socket.as_fd();
        if !is_served || self.accept_at.is_some() {
            self.watch.pause(socket);
        } else if door.pace.open == 0 {
            // Who calls while we have asked is told with the answers.
            self.watch.set(socket, door.token, EventFlags::IN | EventFlags::ONESHOT);
        }
    }

    pub(crate) fn unhang(&mut self, id: SocketId) -> Option<Door> {
        let door = self.doors.remove(&id)?;
        self.watch.forget(door.socket.as_fd(), door.token);
        Some(door)
    }

    /// Something happened on a channel.
    fn attend(&mut self, worker: Worker, flags: EventFlags) {
        let Some(guest) = self.guests.get_mut(&worker) else { return };
        if flags.contains(EventFlags::OUT) {
            guest.channel.write();
        }
        guest.channel.read();
        self.settle_guest(worker);
        while let Some(line) = self.guests.get_mut(&worker).and_then(|one| one.channel.next_line())
        {
            // What is no message is nobody's: the beginning may have gone with the daemon before us.
            if let Some(said) = parse(&line) {
                self.hear(worker, said, &line);
            }
        }
        let Some(guest) = self.guests.get(&worker) else { return };
        if !guest.channel.is_open() {
            self.watch.forget(guest.channel.socket(), guest.token);
            self.rounds.lost(worker);
            self.primary.hung_up(now(), worker);
        }
    }

    fn hear(&mut self, worker: Worker, said: Said, line: &[u8]) {
        let said = if let Said::Handle(inner) = said {
            if !self.take_handle(worker) {
                return;
            }
            understand(inner)
        } else {
            said
        };
        if let Said::User(message) = said {
            return self.hear_app(worker, &message, line);
        }
        if matches!(said, Said::Query { .. } | Said::Preloaded | Said::Close { .. }) {
            self.noteworthy.insert(worker);
        }
        self.primary.said(now(), worker, said);
    }

    /// A process sent a descriptor, which we have no use for; but until it hears so it sends nothing else.
    fn take_handle(&mut self, worker: Worker) -> bool {
        let Some(guest) = self.guests.get_mut(&worker) else { return false };
        let came = guest.channel.claim().is_some();
        let word = if came { "NODE_HANDLE_ACK" } else { "NODE_HANDLE_NACK" };
        self.write(worker, json!({"cmd": word}).to_string().as_bytes(), None);
        came
    }

    fn hear_app(&mut self, worker: Worker, message: &Value, line: &[u8]) {
        let Some(guest) = self.guests.get_mut(&worker) else { return };
        match guest.pulse.hear(message) {
            Meaning::Ready => {
                self.noteworthy.insert(worker);
                (self.ears.hear)(News::Ready(worker));
            }
            Meaning::Reply { action } => {
                self.rounds.replied(worker, &action, pulse::returned(line));
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
        let Some(guest) = self.guests.get_mut(&worker) else { return false };
        let sent = guest.channel.send(line, descriptor).is_ok();
        self.settle_guest(worker);
        sent
    }

    /// After something was written, or was not: who has no room gets no connections, and is watched for room.
    pub(crate) fn settle_guest(&mut self, worker: Worker) {
        let Some(guest) = self.guests.get_mut(&worker) else { return };
        let crowd = guest.channel.crowd();
        if std::mem::replace(&mut guest.crowd, crowd) == crowd {
            return;
        }
        if guest.channel.is_open() {
            let mut flags = EventFlags::IN;
            flags.set(EventFlags::OUT, crowd == Crowd::WantsRoom);
            self.watch.set(guest.channel.socket(), guest.token, flags);
        }
        self.primary.crowded(worker, crowd != Crowd::None);
    }

    fn shut_down(&mut self, worker: Worker) {
        self.primary.hold(worker);
        if !self.write(worker, b"\"shutdown\"", None) {
            (self.ears.hear)(News::Drained(worker));
        }
    }

    fn gone(&mut self, worker: Worker) {
        self.primary.gone(worker);
        self.rounds.lost(worker);
        self.noteworthy.remove(&worker);
        if let Some(guest) = self.guests.remove(&worker) {
            self.watch.forget(guest.channel.socket(), guest.token);
        }
    }

    fn loans(&self) -> Loans {
        let mut loans = Loans::default();
        for (worker, guest) in self.guests.iter().filter(|(_, guest)| guest.channel.is_open()) {
            let copies = guest.channel.copies();
            loans.channels.extend(copies.map(|(socket, memory)| (*worker, socket, memory)));
        }
        for door in self.doors.values() {
            let memory = door.note.memory().try_clone_to_owned();
            if let (Some(index), Ok(socket), Ok(memory)) =
                (door.index, door.socket.try_clone(), memory)
            {
                loans.sockets.push((door.group, index, socket, memory));
            }
        }
        loans
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use rustix::event::{EventfdFlags, eventfd};

    use super::*;

    fn hall() -> (Hall, std::sync::mpsc::Sender<Command>) {
        let ears =
            Ears { hear: Box::new(|_| ()), keep: Box::new(|_| ()), usher: Box::new(|| None) };
        let (commands, queue) = channel();
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).unwrap();
        (Hall::new(Arc::new(wake), queue, ears).unwrap(), commands)
    }

    #[test]
    fn once_there_is_room_again_nobody_waits_for_it() {
        let (mut hall, _commands) = hall();
        let (ours, theirs) = crate::channel::pair().unwrap();
        let memory = Note::new().unwrap().into_memory();
        hall.attach(Attachment { worker: 1, channel: ours, memory, place: None, user: None });
        let mut theirs = Channel::new(theirs, Note::new().unwrap());
        let line = vec![b'x'; 1 << 20];
        assert!(hall.write(1, &line, None));
        assert_eq!(hall.guests[&1].crowd, Crowd::WantsRoom);
        theirs.read();
        while theirs.next_line().is_none() {
            hall.turn().unwrap();
            theirs.read();
        }
        assert_eq!(hall.guests[&1].crowd, Crowd::None);
        let events = hall.watch.wait(Some(0));
        assert!(events.is_empty(), "woken for nothing: {events:?}");
    }
}
