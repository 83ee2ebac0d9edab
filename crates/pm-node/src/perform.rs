//! What the primary decided, done: sockets are opened and closed, lines written.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use serde_json::json;

use crate::event_loop::{EventLoop, now};
use crate::ids::{Group, SocketId, Worker};
use crate::interface::{KeepRequest, NodeEvent};
use crate::listener::MOST_SOCKETS;
use crate::note::Note;
use crate::primary::{Act, WantedSocket, With};
use crate::socket::{self, Maker, Sharing};

impl EventLoop {
    /// Does everything that is decided, and what that leads to. What the next daemon must know is written first.
    pub(crate) fn carry_out(&mut self) {
        loop {
            self.remember();
            let acts = self.primary.acts();
            if acts.is_empty() {
                return;
            }
            for act in acts {
                self.perform(act);
            }
        }
    }

    fn remember(&mut self) {
        for worker in std::mem::take(&mut self.noteworthy) {
            let cluster = self.primary.remember(worker).unwrap_or_default();
            let Some(peer) = self.peers.get_mut(&worker) else { continue };
            let mut note = peer.pmx.to_note();
            if let serde_json::Value::Object(fields) = &mut note {
                fields.insert("keys".into(), cluster.keys.into());
                fields.insert("preload".into(), cluster.has_preload.into());
            }
            peer.channel.note().write(&note);
        }
    }

    fn perform(&mut self, act: Act) {
        match act {
            Act::Open(wanted) => self.open(*wanted),
            Act::Send { worker, line, with } => self.send(worker, &line, with),
            Act::Accept(id, is_served) => self.watch_listener(id, is_served),
            Act::CloseSocket(id) => self.close(id),
            Act::Bequeath(id, heir) => self.bequeath(id, heir),
            Act::CloseConnection(connection) => {
                self.connections.remove(&connection);
            }
            Act::Listening(worker) => self.tell_listening(worker),
            Act::Drained(worker) => (self.callbacks.event)(NodeEvent::Drained(worker)),
        }
    }

    /// It can serve, and where.
    pub(crate) fn tell_listening(&mut self, worker: Worker) {
        let sockets = self.primary.sockets_of(worker).filter_map(|id| self.listeners.get(&id));
        let tcp = sockets.filter(|one| !one.query.kind.is_udp());
        let addresses = tcp.filter_map(|one| socket::address(&one.socket)).collect();
        (self.callbacks.event)(NodeEvent::Listening(worker, addresses));
    }

    fn open(&mut self, wanted: WantedSocket) {
        let sharing = if wanted.address.slot.is_some() {
            let sibling = wanted.sibling.and_then(|id| self.listeners.get(&id));
            Sharing::Port(sibling.and_then(|listener| socket::port_of(&listener.socket)))
        } else {
            Sharing::Alone
        };
        let Some(peer) = self.peers.get(&wanted.worker) else { return };
        let maker = peer.maker.clone();
        let made = socket::open(&wanted.query, sharing, &maker)
            .and_then(|socket| Note::new().map(|note| (socket, note)));
        self.noteworthy.insert(wanted.worker);
        match made {
            Ok(made) => self.opened(wanted, made, maker),
            Err(errno) => {
                self.primary.opened(wanted, Err(errno.raw_os_error()));
            }
        }
    }

    fn opened(&mut self, wanted: WantedSocket, (socket, mut note): (OwnedFd, Note), maker: Maker) {
        let group = wanted.address.group;
        let (address, query, family) =
            (wanted.address.clone(), wanted.query.clone(), wanted.family);
        let name = socket::name_of(&socket);
        let Some(id) = self.primary.opened(wanted, Ok(name)) else { return };
        note.write(&json!({
            "key": address.key, "slot": address.slot, "query": query.to_json(), "user": maker.to_json(), "family": family,
        }));
        let index = self.free_index(group);
        if let Some(index) = index {
            let (socket, memory) = (socket.as_fd(), note.memory());
            (self.callbacks.keep)(KeepRequest::Socket { group, index, socket, memory });
        }
        self.add_listener(id, (group, index), (socket, note), (query, Some(maker)));
    }

    /// The guardian has it twice for a moment, so that at no time it has it not.
    fn bequeath(&mut self, id: SocketId, heir: Group) {
        let index = self.free_index(heir);
        let Some(listener) = self.listeners.get_mut(&id) else { return };
        if let Some(index) = index {
            let (socket, memory) = (listener.socket.as_fd(), listener.note.memory());
            (self.callbacks.keep)(KeepRequest::Socket { group: heir, index, socket, memory });
        }
        let group = std::mem::replace(&mut listener.group, heir);
        if let Some(index) = std::mem::replace(&mut listener.index, index) {
            (self.callbacks.keep)(KeepRequest::Drop { group, index });
        }
    }

    fn free_index(&self, group: Group) -> Option<u8> {
        let taken = |index: u8| {
            self.listeners
                .values()
                .any(|listener| listener.group == group && listener.index == Some(index))
        };
        (0..MOST_SOCKETS).find(|index| !taken(*index))
    }

    fn close(&mut self, id: SocketId) {
        let Some(listener) = self.remove_listener(id) else { return };
        if let Some(index) = listener.index {
            (self.callbacks.keep)(KeepRequest::Drop { group: listener.group, index });
        }
        if let Some(maker) = &listener.maker {
            socket::unlink(&listener.query, maker);
        }
    }

    fn send(&mut self, worker: Worker, line: &[u8], with: With) {
        let descriptor = match with {
            With::Nothing => None,
            With::Connection(connection) => self.connections.get(&connection).map(Arc::clone),
            With::Socket(id) => {
                self.listeners.get(&id).map(|listener| Arc::clone(&listener.socket))
            }
        };
        if !self.write(worker, line, descriptor) {
            self.primary.hung_up(now(), worker);
        }
    }
}
