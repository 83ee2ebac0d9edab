//! The primary of cluster workers, as pure decisions: what workers say goes in, what is to be done comes out.
//!
//! It holds no socket and asks no clock; sockets and connections are numbers here. How connections are dealt out is
//! `balance`'s, how workers leave is `leave`'s.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Value, json};

use crate::cluster_worker::{ClusterWorker, WorkerStage};
use crate::ids::{ConnectionId, Group, Millis, PortSharing, SocketId, Worker, WorkerSlot};
use crate::message::WorkerMessage;
use crate::query::Query;

/// What goes with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum With {
    Nothing,
    Connection(ConnectionId),
    Socket(SocketId),
}

/// Something to be done.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Act {
    /// Make this socket and say `opened`.
    Open(Box<WantedSocket>),
    /// Write a line to a worker.
    Send { worker: Worker, line: Vec<u8>, with: With },
    /// Have connections on it accepted from now on, or stop that: callers wait in the kernel's queue.
    Accept(SocketId, bool),
    /// Close a listening socket.
    CloseSocket(SocketId),
    /// Close our copy of a connection.
    CloseConnection(ConnectionId),
    /// It listens: it can serve.
    Listening(Worker),
    /// It has let its connections run out, or never will: time for the signal.
    Drained(Worker),
}

/// A socket that has to be made, and for whom.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct WantedSocket {
    pub(crate) worker: Worker,
    pub(crate) seq: u64,
    pub(crate) address: SocketKey,
    pub(crate) query: Query,
    /// In which port the other slots share, once one was found.
    pub(crate) sibling: Option<SocketId>,
}

/// Under which a socket is found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SocketKey {
    pub(crate) group: Group,
    pub(crate) key: String,
    /// Whose it is where each slot has its own.
    pub(crate) slot: Option<u16>,
}

/// One listening socket.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) address: SocketKey,
    pub(crate) query: Query,
    pub(crate) name: Value,
    pub(crate) workers: BTreeSet<Worker>,
    pub(crate) is_accepting: bool,
}

impl Socket {
    /// Whether workers get the socket itself instead of connections.
    pub(crate) fn is_shared(&self) -> bool {
        self.address.slot.is_some() || self.query.kind.is_udp()
    }
}

/// What is known of a worker from the daemon before us.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Recalled {
    pub(crate) keys: Vec<String>,
    pub(crate) has_preload: bool,
}

/// The primary.
#[derive(Debug, Default)]
pub(crate) struct Primary {
    pub(crate) members: BTreeMap<Worker, ClusterWorker>,
    pub(crate) sockets: BTreeMap<SocketId, Socket>,
    pub(crate) addresses: BTreeMap<SocketKey, SocketId>,
    /// Connections nobody could take yet, and who refused them.
    pub(crate) parked: VecDeque<(SocketId, ConnectionId, Option<Worker>)>,
    pub(crate) retry_at: Option<Millis>,
    pub(crate) turns: u64,
    next_socket: SocketId,
    pub(crate) acts: Vec<Act>,
}

impl Primary {
    /// What is to be done by now.
    pub(crate) fn acts(&mut self) -> Vec<Act> {
        std::mem::take(&mut self.acts)
    }

    /// A worker. `first`: a number above every one it may have seen from a daemon before us.
    pub(crate) fn attach(
        &mut self,
        worker: Worker,
        place: WorkerSlot,
        first: u64,
        recalled: &Recalled,
    ) {
        let member = ClusterWorker {
            place,
            seq: first,
            listens: BTreeSet::new(),
            promised: BTreeMap::new(),
            unanswered: BTreeMap::new(),
            turn: self.turns,
            stage: WorkerStage::Serving,
            has_preload: recalled.has_preload,
            is_blocked: false,
        };
        self.members.insert(worker, member);
        for key in &recalled.keys {
            if let Some(socket) = self.find(place, key) {
                self.join(worker, socket);
            }
        }
    }

    /// A socket that the daemon before us made.
    pub(crate) fn recall(&mut self, address: SocketKey, query: Query, name: Value) -> SocketId {
        self.insert(address, query, name)
    }

    fn insert(&mut self, address: SocketKey, query: Query, name: Value) -> SocketId {
        self.next_socket += 1;
        let id = self.next_socket;
        self.addresses.insert(address.clone(), id);
        let workers = BTreeSet::new();
        self.sockets.insert(id, Socket { address, query, name, workers, is_accepting: false });
        id
    }

    /// Whether somebody is known by this number.
    pub(crate) fn knows(&self, worker: Worker) -> bool {
        self.members.contains_key(&worker)
    }

    /// The sockets a worker serves.
    pub(crate) fn sockets_of(&self, worker: Worker) -> impl Iterator<Item = SocketId> {
        self.members.get(&worker).into_iter().flat_map(|member| member.listens.iter().copied())
    }

    /// What the next daemon must know of a worker.
    pub(crate) fn remember(&self, worker: Worker) -> Option<Recalled> {
        let member = self.members.get(&worker)?;
        let sockets = self.sockets_of(worker).filter_map(|id| self.sockets.get(&id));
        let keys = sockets.map(|socket| socket.address.key.clone()).collect();
        Some(Recalled { keys, has_preload: member.has_preload })
    }

    /// A worker said something.
    pub(crate) fn on_message(&mut self, now: Millis, worker: Worker, said: WorkerMessage) {
        match said {
            WorkerMessage::Query { seq, query } => self.asked(worker, seq, *query),
            WorkerMessage::Listening => {
                if self.knows(worker) {
                    self.acts.push(Act::Listening(worker));
                }
            }
            WorkerMessage::Answer { to, accepted } => self.answered(now, worker, to, accepted),
            WorkerMessage::HandleMissed => self.missed(now, worker),
            WorkerMessage::Close { key } => self.closed_server(worker, &key),
            WorkerMessage::Leaving { seq } => {
                self.hold(worker);
                self.send(worker, &json!({"ack": seq}), With::Nothing);
            }
            WorkerMessage::Preloaded => {
                if let Some(member) = self.members.get_mut(&worker) {
                    member.has_preload = true;
                }
            }
            WorkerMessage::Draining { by_itself } => self.is_draining(worker, by_itself),
            WorkerMessage::Online
            | WorkerMessage::HandleTaken
            | WorkerMessage::Handle(_)
            | WorkerMessage::Internal
            | WorkerMessage::User(_) => {}
        }
    }

    /// An internal message of the cluster.
    pub(crate) fn send(&mut self, worker: Worker, message: &Value, with: With) {
        let Some(member) = self.members.get_mut(&worker) else { return };
        let mut message = message.clone();
        if let Value::Object(fields) = &mut message {
            fields.insert("cmd".into(), "NODE_CLUSTER".into());
            fields.insert("seq".into(), member.next_seq().into());
        }
        let wrapped = |kind: &str| json!({"cmd": "NODE_HANDLE", "type": kind, "msg": message});
        let line = match with {
            With::Nothing => message.to_string(),
            With::Connection(_) => wrapped("net.Native").to_string(),
            With::Socket(id) => {
                let is_udp = self.sockets.get(&id).is_some_and(|one| one.query.kind.is_udp());
                wrapped(if is_udp { "dgram.Native" } else { "net.Native" }).to_string()
            }
        };
        self.acts.push(Act::Send { worker, line: line.into_bytes(), with });
    }

    fn find(&self, place: WorkerSlot, key: &str) -> Option<SocketId> {
        let address = |slot| SocketKey { group: place.group, key: key.to_owned(), slot };
        let own = self.addresses.get(&address(Some(place.slot)));
        own.or_else(|| self.addresses.get(&address(None))).copied()
    }

    /// A worker wants to listen.
    fn asked(&mut self, worker: Worker, seq: u64, query: Query) {
        let Some(member) = self.members.get(&worker) else { return };
        if member.stage != WorkerStage::Serving {
            return;
        }
        let place = member.place;
        let key = query.key();
        if let Some(socket) = self.find(place, &key) {
            return self.reply(worker, seq, socket);
        }
        let is_tcp = !query.kind.is_udp() && query.kind != crate::query::SocketKind::Path;
        let slot = (place.sched == PortSharing::Slot && is_tcp).then_some(place.slot);
        let sibling = self.sockets.iter().find_map(|(id, socket)| {
            let same = socket.address.group == place.group && socket.address.key == key;
            same.then_some(*id)
        });
        let address = SocketKey { group: place.group, key, slot };
        self.acts.push(Act::Open(Box::new(WantedSocket { worker, seq, address, query, sibling })));
    }

    /// The socket was made (its name), or it could not be (the positive error number). Gives its number.
    pub(crate) fn opened(
        &mut self,
        wanted: WantedSocket,
        made: Result<Value, i32>,
    ) -> Option<SocketId> {
        let WantedSocket { worker, seq, address, query, .. } = wanted;
        match made {
            Ok(name) => {
                let id = self.insert(address, query, name);
                self.reply(worker, seq, id);
                Some(id)
            }
            Err(errno) => {
                let no =
                    json!({"errno": -errno, "key": address.key, "ack": seq, "data": query.data});
                self.send(worker, &no, With::Nothing);
                None
            }
        }
    }

    /// Here it is: the socket itself, or the promise of connections.
    fn reply(&mut self, worker: Worker, seq: u64, id: SocketId) {
        let Some(socket) = self.sockets.get(&id) else { return };
        let key = &socket.address.key;
        let mut message = json!({"errno": 0, "key": key, "ack": seq, "data": socket.query.data});
        let is_shared = socket.is_shared();
        if let (Value::Object(fields), false) = (&mut message, is_shared || socket.name.is_null()) {
            fields.insert("sockname".into(), socket.name.clone());
        }
        let with = if is_shared { With::Socket(id) } else { With::Nothing };
        self.send(worker, &message, with);
        self.join(worker, id);
    }

    fn join(&mut self, worker: Worker, id: SocketId) {
        if let (Some(member), Some(socket)) =
            (self.members.get_mut(&worker), self.sockets.get_mut(&id))
        {
            member.listens.insert(id);
            socket.workers.insert(worker);
            self.refresh(id);
        }
    }

    /// A worker closed one of its servers. The socket goes with the last of those who stay: a worker that leaves
    /// takes nothing with it.
    fn closed_server(&mut self, worker: Worker, key: &str) {
        let Some(member) = self.members.get_mut(&worker) else { return };
        let (stays, place) = (member.stage == WorkerStage::Serving, member.place);
        let Some(id) = self.find(place, key) else { return };
        self.part(worker, id);
        let is_last = self.sockets.get(&id).is_some_and(|socket| socket.workers.is_empty());
        if stays && is_last {
            self.close_socket(id);
        }
    }

    pub(crate) fn part(&mut self, worker: Worker, id: SocketId) {
        if let Some(member) = self.members.get_mut(&worker) {
            member.listens.remove(&id);
        }
        if let Some(socket) = self.sockets.get_mut(&id) {
            socket.workers.remove(&worker);
        }
        self.refresh(id);
    }

    fn close_socket(&mut self, id: SocketId) {
        let Some(socket) = self.sockets.remove(&id) else { return };
        self.addresses.remove(&socket.address);
        for worker in &socket.workers {
            if let Some(member) = self.members.get_mut(worker) {
                member.listens.remove(&id);
            }
        }
        let (gone, kept): (Vec<_>, Vec<_>) =
            self.parked.drain(..).partition(|(socket, ..)| *socket == id);
        self.parked = kept.into();
        self.acts
            .extend(gone.into_iter().map(|(_, connection, _)| Act::CloseConnection(connection)));
        self.acts.push(Act::CloseSocket(id));
    }

    /// Only these slots of the app are wanted; nobody may wait for a socket that nobody will serve.
    pub(crate) fn tidy(&mut self, group: Group, slots: &[u16]) {
        let of_group = self.sockets.iter().filter(|(_, one)| one.address.group == group);
        let unwanted = of_group.filter(|(_, socket)| {
            slots.is_empty() || socket.address.slot.is_some_and(|slot| !slots.contains(&slot))
        });
        let unwanted: Vec<SocketId> = unwanted.map(|(id, _)| *id).collect();
        for id in unwanted {
            self.close_socket(id);
        }
    }
}
