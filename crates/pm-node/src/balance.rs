//! Connections to workers: in turn, to whom has the fewest unanswered, and never more than a few each.
//!
//! A connection is ours until its worker has answered; if that dies, another one gets it. While nobody has room none
//! is accepted: callers wait in the kernel's queue, which also outlives this daemon. Accepting is the relay's: whose
//! turn it is is promised before, and what the relay says comes later than the worker's own answer, or not at all.

use crate::cluster_worker::WorkerStage;
use crate::ids::{ConnectionId, Millis, SocketId, Worker};
use crate::primary::{Act, Primary, With};

/// So many connections may be on their way to one worker.
const CREDIT: usize = 6;

/// More connections than this do not wait for a worker; they are closed.
const MOST_PARKED: usize = 1024;

/// When a connection that was refused is offered again, in ms.
const AGAIN: Millis = 20;

/// Whose turn it is, promised before there is a connection. To be ended by `taken` or `untaken`.
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
            member.stage == WorkerStage::Serving && !member.is_blocked && member.load() < CREDIT
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

    /// Lines to a worker wait for room, or no longer.
    pub(crate) fn blocked(&mut self, worker: Worker, is_blocked: bool) {
        if let Some(member) = self.members.get_mut(&worker) {
            member.is_blocked = is_blocked;
            self.refresh_all_of(worker);
        }
    }

    /// A connection is to be given to whoever has room.
    fn offer(&mut self, id: SocketId, connection: ConnectionId) {
        if !self.give(id, connection, None) {
            self.park(id, connection, None);
        }
    }

    /// Gives a connection to a worker with room, but not to `except` if there is any other.
    fn give(&mut self, id: SocketId, connection: ConnectionId, except: Option<Worker>) -> bool {
        if !self.sockets.contains_key(&id) {
            self.acts.push(Act::CloseConnection(connection));
            return true;
        }
        let Some(Turn { worker, seq, line }) = self.assign(id, except) else { return false };
        self.acts.push(Act::Send { worker, line, with: With::Connection(connection) });
        if let Some(member) = self.members.get_mut(&worker) {
            member.promised.remove(&seq);
            member.unanswered.insert(seq, (id, connection));
        }
        self.took_its_turn(worker);
        true
    }

    /// Whose turn it is.
    pub(crate) fn assign(&mut self, id: SocketId, except: Option<Worker>) -> Option<Turn> {
        let socket = self.sockets.get(&id)?;
        let able = socket.workers.iter().copied().filter(|one| self.has_room(*one));
        let worker = able
            .filter(|one| Some(*one) != except)
            .min_by_key(|one| self.members.get(one).map(|member| (member.load(), member.turn)))?;
        let key = serde_json::Value::from(socket.address.key.as_str());
        let member = self.members.get_mut(&worker)?;
        let seq = member.next_seq();
        member.promised.insert(seq, None);
        let line = format!(
            "{{\"cmd\":\"NODE_HANDLE\",\"type\":\"net.Native\",\"msg\":{{\"cmd\":\"NODE_CLUSTER\",\"act\":\"newconn\",\"key\":{key},\"seq\":{seq}}}}}"
        );
        self.refresh_all_of(worker);
        Some(Turn { worker, seq, line: line.into_bytes() })
    }

    fn took_its_turn(&mut self, worker: Worker) {
        self.turns += 1;
        if let Some(member) = self.members.get_mut(&worker) {
            member.turn = self.turns;
        }
    }

    /// The promised connection is on its way to its worker, which may have answered already, or be gone.
    pub(crate) fn taken(
        &mut self,
        now: Millis,
        id: SocketId,
        turn: &Turn,
        connection: ConnectionId,
    ) {
        let worker = turn.worker;
        self.took_its_turn(worker);
        let member = self.members.get_mut(&worker);
        match member.and_then(|member| Some((member.promised.remove(&turn.seq)?, member))) {
            Some((None, member)) => _ = member.unanswered.insert(turn.seq, (id, connection)),
            Some((Some(accepted), _)) => self.settle(now, worker, (id, connection), accepted),
            None => self.offer(id, connection),
        }
    }

    /// There was no connection to be had.
    pub(crate) fn untaken(&mut self, now: Millis, turn: &Turn) {
        if let Some(member) = self.members.get_mut(&turn.worker) {
            member.promised.remove(&turn.seq);
            self.refresh_all_of(turn.worker);
            self.unpark();
            self.progress(now, turn.worker);
        }
    }

    fn refresh_all_of(&mut self, worker: Worker) {
        let listens = self.members.get(&worker).map(|member| member.listens.clone());
        for id in listens.into_iter().flatten() {
            self.refresh(id);
        }
    }

    fn park(&mut self, id: SocketId, connection: ConnectionId, refused: Option<Worker>) {
        if self.parked.len() >= MOST_PARKED {
            return self.acts.push(Act::CloseConnection(connection));
        }
        self.parked.push_back((id, connection, refused));
    }

    /// Offers again what nobody could take.
    pub(crate) fn unpark(&mut self) {
        for (id, connection, refused) in std::mem::take(&mut self.parked) {
            if !self.give(id, connection, refused) {
                self.parked.push_back((id, connection, refused));
            }
        }
    }

    /// A worker took a connection, or would not.
    pub(crate) fn answered(&mut self, now: Millis, worker: Worker, to: u64, accepted: bool) {
        let Some(member) = self.members.get_mut(&worker) else { return };
        if let Some(answer) = member.promised.get_mut(&to) {
            // It was quicker than the relay.
            *answer = Some(accepted);
        } else if let Some(which) = member.unanswered.remove(&to) {
            self.settle(now, worker, which, accepted);
        }
        // Else it is an answer to the daemon before us.
    }

    fn settle(
        &mut self,
        now: Millis,
        worker: Worker,
        (id, connection): (SocketId, ConnectionId),
        accepted: bool,
    ) {
        if accepted {
            self.acts.push(Act::CloseConnection(connection));
        } else if !self.give(id, connection, Some(worker)) {
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
        self.offer(id, connection);
        self.refresh_all_of(worker);
        self.progress(now, worker);
    }

    /// What was on its way to a worker that is gone goes to others.
    pub(crate) fn take_back(&mut self, worker: Worker) {
        let Some(member) = self.members.get_mut(&worker) else { return };
        // Promises are broken: what the relay still sends it is offered to others as well.
        member.promised.clear();
        let lost = std::mem::take(&mut member.unanswered);
        for (id, connection) in lost.into_values() {
            self.offer(id, connection);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{PortSharing, WorkerSlot};
    use crate::primary::{Recalled, SocketKey};
    use crate::query::Query;

    const PORT: &str = "null:3000:4:";

    /// Workers 1 to `count` on one port.
    fn primary(count: Worker) -> (Primary, SocketId) {
        let mut primary = Primary::default();
        let query = serde_json::json!({"address": null, "port": 3000, "addressType": 4});
        let address = SocketKey { group: 0, key: PORT.to_owned(), slot: None };
        let query = Query::parse(&query).unwrap();
        let id = primary.recall(address, (query, None), serde_json::Value::Null);
        for worker in 1..=count {
            let slot = u16::try_from(worker).unwrap();
            let place = WorkerSlot { group: 0, slot, sched: PortSharing::RoundRobin, family: None };
            let recalled = Recalled { keys: vec![PORT.to_owned()], has_preload: false };
            primary.attach(worker, place, 100 * worker, &recalled);
        }
        (primary, id)
    }

    fn sent(primary: &mut Primary) -> Vec<(Worker, With)> {
        let sent = |act| {
            let Act::Send { worker, with, .. } = act else { return None };
            Some((worker, with))
        };
        primary.acts().into_iter().filter_map(sent).collect()
    }

    #[test]
    fn promises_are_spread_and_nobody_gets_more_than_fits() {
        let (mut primary, id) = primary(2);
        assert_eq!(primary.acts(), [Act::Accept(id, true)]);
        let turns: Vec<Turn> = std::iter::from_fn(|| primary.assign(id, None)).collect();
        let order: Vec<Worker> = turns.iter().map(|turn| turn.worker).collect();
        assert_eq!(order, [1, 2].repeat(CREDIT));
        assert_eq!(primary.acts(), [Act::Accept(id, false)]);
        // There was one caller only: the next one is for the other worker.
        primary.taken(0, id, &turns[0], 7);
        for turn in &turns[1..] {
            primary.untaken(0, turn);
        }
        assert_eq!(primary.acts(), [Act::Accept(id, true)]);
        primary.answered(0, 1, turns[0].seq, true);
        assert_eq!(primary.acts(), [Act::CloseConnection(7)]);
        assert_eq!(primary.assign(id, None).unwrap().worker, 2);
    }

    #[test]
    fn a_worker_may_answer_before_the_usher_does() {
        let (mut primary, id) = primary(2);
        let (first, second) =
            (primary.assign(id, None).unwrap(), primary.assign(id, None).unwrap());
        primary.answered(0, 1, first.seq, true);
        primary.answered(0, 2, second.seq, false);
        primary.acts();
        primary.taken(0, id, &first, 7);
        assert_eq!(primary.acts(), [Act::CloseConnection(7)]);
        // Refused: it goes to the other one.
        primary.taken(0, id, &second, 8);
        assert_eq!(sent(&mut primary), [(1, With::Connection(8))]);
        assert_eq!(primary.members[&1].load() + primary.members[&2].load(), 1);
    }

    #[test]
    fn a_connection_promised_to_a_worker_that_is_gone_goes_to_another() {
        let (mut primary, id) = primary(2);
        let turn = primary.assign(id, None).unwrap();
        primary.gone(turn.worker);
        primary.taken(0, id, &turn, 7);
        assert_eq!(sent(&mut primary), [(2, With::Connection(7))]);
        // And of one whose channel closed while its process still lives.
        let turn = primary.assign(id, None).unwrap();
        primary.hung_up(0, turn.worker);
        assert_eq!(sent(&mut primary), [], "nobody is left to take what it was given");
        primary.taken(0, id, &turn, 8);
        assert_eq!(primary.parked.len(), 2);
        primary.untaken(0, &turn);
        assert_eq!(primary.parked.len(), 2);
    }

    #[test]
    fn a_worker_leaves_when_the_usher_has_nothing_more_for_it() {
        let (mut primary, id) = primary(1);
        let turn = primary.assign(id, None).unwrap();
        primary.drain(0, 1);
        assert!(matches!(primary.members[&1].stage, WorkerStage::Answers { .. }));
        primary.untaken(1, &turn);
        assert!(matches!(primary.members[&1].stage, WorkerStage::Settling { .. }));
        assert!(primary.assign(id, None).is_none());
    }

    #[test]
    fn a_worker_for_whom_lines_wait_gets_no_connections() {
        let (mut primary, id) = primary(1);
        primary.acts();
        primary.blocked(1, true);
        assert_eq!(primary.acts(), [Act::Accept(id, false)]);
        primary.blocked(1, false);
        assert_eq!(primary.acts(), [Act::Accept(id, true)]);
    }
}
