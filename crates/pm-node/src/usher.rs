//! Connections come in through the usher, who accepts each and passes it to its worker in one go, in a process that
//! does not die with us: what we had accepted ourselves and not passed on yet would be cut off by our death.
//!
//! We say whose turn it is, and hear what came of it. A socket is asked about as often at once as it lately paid.

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::io::Errno;

use crate::deal::Turn;
use crate::hall::{Hall, now};
use crate::primary::SocketId;
use crate::watch::{About, EventFlags, Token};

/// At most so many connections are asked for at once on one socket.
const MOST_ASKED: usize = 16;

/// How long nothing is asked for when descriptors are short or the usher is gone, in ms.
const PAUSE: u64 = 20;

/// What came of one question.
#[derive(Debug)]
pub enum Ushered {
    /// A connection was passed on; our copy, in case its worker will not have it.
    Passed(OwnedFd),
    /// A connection was accepted, but its worker did not take it.
    Left(OwnedFd),
    /// There was none to be had.
    Nobody(Errno),
}

/// Accepts connections and passes them on. Answers come in the order of the questions.
pub trait Usher: AsFd + Send {
    /// Accept a connection on `door` and send it with `line` over `channel`. An error: it can't be asked now.
    fn ask(&self, door: BorrowedFd<'_>, channel: BorrowedFd<'_>, line: &[u8]) -> Result<(), Errno>;

    /// The next answer, `None` if there is none yet. An error: the usher is gone, and with it all that was asked.
    fn hear(&self) -> Result<Option<Ushered>, Errno>;
}

/// The usher and what it was asked.
pub(crate) struct Desk {
    usher: Box<dyn Usher>,
    token: Token,
    asked: VecDeque<(SocketId, Turn)>,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").field("asked", &self.asked).finish_non_exhaustive()
    }
}

/// How often a socket is asked about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// So many questions at once.
    at_once: usize,
    /// Questions without an answer yet.
    pub(crate) open: usize,
    /// Answers of this round that were connections.
    paid: usize,
}

impl Pace {
    pub(crate) fn new() -> Self {
        Self { at_once: 1, open: 0, paid: 0 }
    }

    /// An answer came; true: it was the last of its round.
    fn answered(&mut self, paid: bool) -> bool {
        self.open = self.open.saturating_sub(1);
        self.paid += usize::from(paid);
        if self.open > 0 {
            return false;
        }
        let all = self.paid >= self.at_once;
        self.at_once = if all { self.at_once * 2 } else { self.paid }.clamp(1, MOST_ASKED);
        self.paid = 0;
        true
    }
}

impl Hall {
    /// Somebody calls: asks for as many connections as there may be and workers have room for.
    pub(crate) fn welcome(&mut self, id: SocketId) {
        if self.desk.is_none() {
            let Some(usher) = (self.ears.usher)() else { return self.rest() };
            let token = self.watch.token(About::Usher);
            self.watch.set(usher.as_fd(), token, EventFlags::IN);
            self.desk = Some(Desk { usher, token, asked: VecDeque::new() });
        }
        let at_once = self.doors.get(&id).map_or(0, |door| door.pace.at_once);
        for _ in 0..at_once {
            let Some(turn) = self.primary.assign(id, None) else { return };
            if self.ask(id, &turn).is_none() {
                self.primary.untaken(now(), &turn);
                return self.rest();
            }
            if let Some(desk) = &mut self.desk {
                desk.asked.push_back((id, turn));
            }
        }
    }

    fn ask(&mut self, id: SocketId, turn: &Turn) -> Option<()> {
        let door = self.doors.get_mut(&id)?;
        let guest = self.guests.get_mut(&turn.worker)?;
        let line = guest.channel.framed(&turn.line);
        let usher = &self.desk.as_ref()?.usher;
        usher.ask(door.socket.as_fd(), guest.channel.socket(), &line).ok()?;
        guest.channel.lend();
        door.pace.open += 1;
        Some(())
    }

    /// The usher answered.
    pub(crate) fn hear_usher(&mut self) {
        while let Some(desk) = &mut self.desk {
            match desk.usher.hear() {
                Ok(Some(answer)) => {
                    // An answer that nobody asked for is a copy to be closed.
                    let Some((id, turn)) = desk.asked.pop_front() else { continue };
                    self.ushered(id, &turn, answer);
                }
                Ok(None) => return,
                Err(_) => return self.lose_usher(),
            }
        }
    }

    fn lose_usher(&mut self) {
        let Some(desk) = self.desk.take() else { return };
        self.watch.forget(desk.usher.as_fd(), desk.token);
        for (id, turn) in desk.asked {
            self.ushered(id, &turn, Ushered::Nobody(Errno::PIPE));
        }
        self.rest();
    }

    fn ushered(&mut self, id: SocketId, turn: &Turn, answer: Ushered) {
        if let Some(guest) = self.guests.get_mut(&turn.worker) {
            guest.channel.take_back();
        }
        let paid = !matches!(answer, Ushered::Nobody(_));
        match answer {
            Ushered::Passed(connection) => self.take(id, turn, Arc::new(connection)),
            Ushered::Left(connection) => {
                let connection = Arc::new(connection);
                let sent = self.write(turn.worker, &turn.line, Some(Arc::clone(&connection)));
                self.take(id, turn, connection);
                if !sent {
                    self.primary.hung_up(now(), turn.worker);
                }
            }
            Ushered::Nobody(errno) => {
                self.primary.untaken(now(), turn);
                if matches!(errno, Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM) {
                    self.rest();
                }
            }
        }
        self.settle_guest(turn.worker);
        if self.doors.get_mut(&id).is_some_and(|door| door.pace.answered(paid)) {
            self.watch_door(id, self.primary.is_served(id));
        }
    }

    fn take(&mut self, id: SocketId, turn: &Turn, connection: Arc<OwnedFd>) {
        self.next_connection += 1;
        self.connections.insert(self.next_connection, connection);
        self.primary.taken(now(), id, turn, self.next_connection);
    }

    /// Asks again in a moment.
    fn rest(&mut self) {
        self.accept_at = Some(now() + PAUSE);
        let doors: Vec<SocketId> = self.doors.keys().copied().collect();
        for id in doors {
            self.watch_door(id, false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_asked_about_as_often_as_it_pays() {
        let mut pace = Pace::new();
        let mut round = |paid: usize| {
            let asked = pace.at_once;
            pace.open = asked;
            for number in 0..asked {
                assert_eq!(pace.answered(number < paid), number + 1 == asked);
            }
            asked
        };
        let asked: Vec<usize> =
            [1, 2, 4, 8, 16, 16, 3, 3, 0, 1].into_iter().map(&mut round).collect();
        assert_eq!(asked, [1, 2, 4, 8, 16, 16, 16, 3, 6, 1]);
    }
}
