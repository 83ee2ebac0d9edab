//! Says whose turn it is, and hears from the relay what came of it. A socket is asked about as often at once as it
//! lately paid.

use std::collections::VecDeque;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use pm_os::relay::Relayed;
use rustix::io::Errno;

use crate::accept_relay::RelayQueue;
use crate::balance::Turn;
use crate::event_loop::{EventLoop, now};
use crate::ids::SocketId;
use crate::poller::{About, EventFlags};

/// How long nothing is asked for when descriptors are short or the relay is gone, in ms.
const PAUSE: u64 = 20;

impl EventLoop {
    /// Somebody calls: asks for as many connections as there may be and workers have room for.
    pub(crate) fn on_listener_ready(&mut self, id: SocketId) {
        if self.relay_queue.is_none() {
            let Some(relay) = (self.callbacks.find_relay)() else { return self.pause_accepting() };
            let token = self.poller.token(About::Relay);
            self.poller.set(relay.as_fd(), token, EventFlags::IN);
            self.relay_queue = Some(RelayQueue { relay, token, asked: VecDeque::new() });
        }
        let at_once = self.listeners.get(&id).map_or(0, |listener| listener.pace.at_once);
        for _ in 0..at_once {
            let Some(turn) = self.primary.assign(id, None) else { return };
            if self.ask(id, &turn).is_none() {
                self.primary.untaken(now(), &turn);
                return self.pause_accepting();
            }
            if let Some(relay_queue) = &mut self.relay_queue {
                relay_queue.asked.push_back((id, turn));
            }
        }
    }

    fn ask(&mut self, id: SocketId, turn: &Turn) -> Option<()> {
        let listener = self.listeners.get_mut(&id)?;
        let peer = self.peers.get_mut(&turn.worker)?;
        let line = peer.channel.framed(&turn.line);
        let relay = &self.relay_queue.as_ref()?.relay;
        relay.ask(listener.socket.as_fd(), peer.channel.socket(), &line).ok()?;
        peer.channel.pause_writes();
        listener.pace.open += 1;
        Some(())
    }

    /// The relay answered.
    pub(crate) fn on_relay_ready(&mut self) {
        while let Some(relay_queue) = &mut self.relay_queue {
            match relay_queue.relay.hear() {
                Ok(Some(answer)) => {
                    // An answer that nobody asked for is a copy to be closed.
                    let Some((id, turn)) = relay_queue.asked.pop_front() else { continue };
                    self.relayed(id, &turn, answer);
                }
                Ok(None) => return,
                Err(_) => return self.on_relay_lost(),
            }
        }
    }

    fn on_relay_lost(&mut self) {
        let Some(relay_queue) = self.relay_queue.take() else { return };
        self.poller.forget(relay_queue.relay.as_fd(), relay_queue.token);
        for (id, turn) in relay_queue.asked {
            self.relayed(id, &turn, Relayed::Nobody(Errno::PIPE));
        }
        self.pause_accepting();
    }

    fn relayed(&mut self, id: SocketId, turn: &Turn, answer: Relayed) {
        if let Some(peer) = self.peers.get_mut(&turn.worker) {
            peer.channel.resume_writes();
        }
        let paid = !matches!(answer, Relayed::Nobody(_));
        match answer {
            Relayed::Passed(connection) => self.take(id, turn, Arc::new(connection)),
            Relayed::Left(connection) => {
                let connection = Arc::new(connection);
                let sent = self.write(turn.worker, &turn.line, Some(Arc::clone(&connection)));
                self.take(id, turn, connection);
                if !sent {
                    self.primary.hung_up(now(), turn.worker);
                }
            }
            Relayed::Nobody(errno) => {
                self.primary.untaken(now(), turn);
                if matches!(errno, Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM) {
                    self.pause_accepting();
                }
            }
        }
        self.update_interest(turn.worker);
        if self.listeners.get_mut(&id).is_some_and(|listener| listener.pace.answered(paid)) {
            self.watch_listener(id, self.primary.is_served(id));
        }
    }

    fn take(&mut self, id: SocketId, turn: &Turn, connection: Arc<OwnedFd>) {
        self.next_connection += 1;
        self.connections.insert(self.next_connection, connection);
        self.primary.taken(now(), id, turn, self.next_connection);
    }

    /// Asks again in a moment.
    fn pause_accepting(&mut self) {
        self.accept_at = Some(now() + PAUSE);
        let listeners: Vec<SocketId> = self.listeners.keys().copied().collect();
        for id in listeners {
            self.watch_listener(id, false);
        }
    }
}
