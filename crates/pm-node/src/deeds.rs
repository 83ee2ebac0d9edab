//! What the primary decided, done: sockets are opened and closed, lines written.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use serde_json::json;

use crate::exchange::{Keep, News};
use crate::hall::{Hall, now};
use crate::note::Note;
use crate::primary::{Act, SocketId, Wanted, With, Worker};
use crate::socket::{self, Maker, Sharing};

impl Hall {
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
            let Some(guest) = self.guests.get_mut(&worker) else { continue };
            let mut note = guest.pulse.to_note();
            if let serde_json::Value::Object(fields) = &mut note {
                fields.insert("keys".into(), cluster.keys.into());
                fields.insert("preload".into(), cluster.has_preload.into());
            }
            guest.channel.note().write(&note);
        }
    }

    fn perform(&mut self, act: Act) {
        match act {
            Act::Open(wanted) => self.open(*wanted),
            Act::Send { worker, line, with } => self.send(worker, &line, with),
            Act::Accept(id, is_served) => self.watch_door(id, is_served),
            Act::CloseSocket(id) => self.close(id),
            Act::CloseConnection(connection) => {
                self.connections.remove(&connection);
            }
            Act::Listening(worker) => (self.ears.hear)(News::Listening(worker)),
            Act::Drained(worker) => (self.ears.hear)(News::Drained(worker)),
        }
    }

    fn open(&mut self, wanted: Wanted) {
        let sharing = if wanted.address.slot.is_some() {
            let sibling = wanted.sibling.and_then(|id| self.doors.get(&id));
            Sharing::Port(sibling.and_then(|door| socket::port_of(&door.socket)))
        } else {
            Sharing::Alone
        };
        let Some(guest) = self.guests.get(&wanted.worker) else { return };
        let maker = guest.maker.clone();
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

    fn opened(&mut self, wanted: Wanted, (socket, mut note): (OwnedFd, Note), maker: Maker) {
        let group = wanted.address.group;
        let (address, query) = (wanted.address.clone(), wanted.query.clone());
        let name = socket::name_of(&socket);
        let Some(id) = self.primary.opened(wanted, Ok(name)) else { return };
        note.write(&json!({
            "key": address.key, "slot": address.slot, "query": query.to_json(), "user": maker.to_json(),
        }));
        let index = self.free_index(group);
        if let Some(index) = index {
            let (socket, memory) = (socket.as_fd(), note.memory());
            (self.ears.keep)(Keep::Socket { group, index, socket, memory });
        }
        self.hang(id, (group, index), (socket, note), (query, Some(maker)));
    }

    fn free_index(&self, group: u32) -> Option<u8> {
        let taken = |index: u8| {
            self.doors.values().any(|door| door.group == group && door.index == Some(index))
        };
        (0..=u8::MAX).find(|index| !taken(*index))
    }

    fn close(&mut self, id: SocketId) {
        let Some(door) = self.unhang(id) else { return };
        if let Some(index) = door.index {
            (self.ears.keep)(Keep::Drop { group: door.group, index });
        }
        if let Some(maker) = &door.maker {
            socket::unlink(&door.query, maker);
        }
    }

    fn send(&mut self, worker: Worker, line: &[u8], with: With) {
        let descriptor = match with {
            With::Nothing => None,
            With::Connection(connection) => self.connections.get(&connection).map(Arc::clone),
            With::Socket(id) => self.doors.get(&id).map(|door| Arc::clone(&door.socket)),
        };
        if !self.write(worker, line, descriptor) {
            self.primary.hung_up(now(), worker);
        }
    }
}
