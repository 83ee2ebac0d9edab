//! Connections to workers: in turn, to whom has the fewest unanswered, and never more than a few each.
//!
//! A connection is ours until its worker has answered; if that dies, another one gets it. While nobody has room we
//! do not accept: callers wait in the kernel's queue, which also outlives this daemon.

use crate::primary::{Act, Connection, Millis, Primary, SocketId, Stage, With, Worker};

/// So many connections may be on their way to one worker.
const CREDIT: usize = 6;

/// More connections than this do not wait for a worker; they are closed.
const MOST_PARKED: usize = 1024;

/// When a connection that was refused is offered again, in ms.
const AGAIN: Millis = 20;

/// A connection that is about to go to a worker.
#[derive(Debug)]
pub(crate) struct Turn {
    pub(crate) worker: Worker,
    seq: u64,
    /// What its worker is told.
    pub(crate) line: Vec<u8>,
}

impl Primary {
    /// Whether a connection on this socket would find somebody.
    pub(crate) fn is_served(&self, id: SocketId) -> bool {
        self.sockets.get(&id).is_some_and(|socket| socket.is_accepting)
    }

    fn has_room(&self, worker: Worker) -> bool {
        self.members.get(&worker).is_some_and(|member| {
            member.stage == Stage::Serving && member.unanswered.len() < CREDIT
        })
    }

    /// Accepts exactly while somebody has room.
    pub(crate) fn refresh(&mut self, id: SocketId) {
        let Some(socket) = self.sockets.get(&id) else { return };
        let wanted = !socket.is_shared() && socket.workers.iter().any(|one| self.has_room(*one));
        if let Some(socket) = self.sockets.get_mut(&id).filter(|one| one.is_accepting != wanted) {
            socket.is_accepting = wanted;
            self.acts.push(Act::Accept(id, wanted));
        }
    }

    /// A connection was accepted.
    pub(crate) fn accepted(&mut self, id: SocketId, connection: Connection) {
        if !self.deal(id, connection, None) {
            self.park(id, connection, None);
        }
    }

    /// Gives a connection to a worker with room, but not to `except` if there is any other.
    fn deal(&mut self, id: SocketId, connection: Connection, except: Option<Worker>) -> bool {
        if !self.sockets.contains_key(&id) {
            self.acts.push(Act::CloseConnection(connection));
            return true;
        }
        let Some(turn) = self.assign(id, connection, except) else { return false };
        let Turn { worker, line, .. } = turn;
        self.acts.push(Act::Send { worker, line, with: With::Connection(connection) });
        self.taken(worker);
        true
    }

    /// Whose turn it is, decided before the connection is accepted: what was accepted and is not on its way yet would
    /// be lost with this daemon. To be ended by `taken` or `untaken`.
    pub(crate) fn assign(
        &mut self,
        id: SocketId,
        connection: Connection,
        except: Option<Worker>,
    ) -> Option<Turn> {
        let socket = self.sockets.get(&id)?;
        let able = socket.workers.iter().copied().filter(|one| self.has_room(*one));
        let worker = able.filter(|one| Some(*one) != except).min_by_key(|one| {
            self.members.get(one).map(|member| (member.unanswered.len(), member.turn))
        })?;
        let key = serde_json::Value::from(socket.address.key.as_str());
        let member = self.members.get_mut(&worker)?;
        let seq = member.next_seq();
        member.unanswered.insert(seq, (id, connection));
        let line = format!(
            "{{\"cmd\":\"NODE_HANDLE\",\"type\":\"net.Native\",\"msg\":{{\"cmd\":\"NODE_CLUSTER\",\"act\":\"newconn\",\"key\":{key},\"seq\":{seq}}}}}"
        );
        Some(Turn { worker, seq, line: line.into_bytes() })
    }

    /// The connection is on its way to its worker.
    pub(crate) fn taken(&mut self, worker: Worker) {
        self.turns += 1;
        let Some(member) = self.members.get_mut(&worker) else { return };
        member.turn = self.turns;
        if member.unanswered.len() >= CREDIT {
            self.refresh_all_of(worker);
        }
    }

    /// There was no connection to be had.
    pub(crate) fn untaken(&mut self, turn: &Turn) {
        if let Some(member) = self.members.get_mut(&turn.worker) {
            member.unanswered.remove(&turn.seq);
        }
    }

    fn refresh_all_of(&mut self, worker: Worker) {
        let listens = self.members.get(&worker).map(|member| member.listens.clone());
        for id in listens.into_iter().flatten() {
            self.refresh(id);
        }
    }

    fn park(&mut self, id: SocketId, connection: Connection, refused: Option<Worker>) {
        if self.parked.len() >= MOST_PARKED {
            return self.acts.push(Act::CloseConnection(connection));
        }
        self.parked.push_back((id, connection, refused));
    }

    /// Offers again what nobody could take.
    pub(crate) fn unpark(&mut self) {
        for (id, connection, refused) in std::mem::take(&mut self.parked) {
            if !self.deal(id, connection, refused) {
                self.parked.push_back((id, connection, refused));
            }
        }
    }

    /// A worker took a connection, or would not.
    pub(crate) fn answered(&mut self, now: Millis, worker: Worker, to: u64, accepted: bool) {
        let Some(member) = self.members.get_mut(&worker) else { return };
        // An answer to the daemon before us.
        let Some((id, connection)) = member.unanswered.remove(&to) else { return };
        if accepted {
            self.acts.push(Act::CloseConnection(connection));
        } else if !self.deal(id, connection, Some(worker)) {
            self.park(id, connection, Some(worker));
            self.retry_at = self.retry_at.or(Some(now + AGAIN));
        }
        self.refresh_all_of(worker);
        self.unpark();
        self.progress(now, worker);
    }

    /// A worker got a line without its descriptor: the oldest connection is given once more.
    pub(crate) fn missed(&mut self, now: Millis, worker: Worker) {
        let Some(member) = self.members.get_mut(&worker) else { return };
        let Some((_, (id, connection))) = member.unanswered.pop_first() else { return };
        self.accepted(id, connection);
        self.refresh_all_of(worker);
        self.progress(now, worker);
    }

    /// What was on its way to a worker that is gone goes to others.
    pub(crate) fn take_back(&mut self, worker: Worker) {
        let Some(member) = self.members.get_mut(&worker) else { return };
        let lost = std::mem::take(&mut member.unanswered);
        for (id, connection) in lost.into_values() {
            self.accepted(id, connection);
        }
    }

    /// What was refused is offered again, also to who refused it.
    pub(crate) fn retry(&mut self, now: Millis) {
        if self.retry_at.is_none_or(|at| at > now) {
            return;
        }
        self.retry_at = None;
        for parked in &mut self.parked {
            parked.2 = None;
        }
        self.unpark();
    }
}
