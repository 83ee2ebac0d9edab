//! Connections come in through the relay, who accepts each and passes it to its worker in one go, in a process that
//! does not die with us: what we had accepted ourselves and not passed on yet would be cut off by our death.
//!
//! This is how it is asked; who asks, and when, is in `accept`.

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;

use crate::balance::Turn;
use crate::ids::SocketId;
use crate::poller::PollToken;

/// At most so many connections are asked for at once on one socket.
const MOST_ASKED: usize = 16;

/// What came of one question.
#[derive(Debug)]
pub enum Relayed {
    /// A connection was passed on; our copy, in case its worker will not have it.
    Passed(OwnedFd),
    /// A connection was accepted, but its worker did not take it.
    Left(OwnedFd),
    /// There was none to be had.
    Nobody(Errno),
}

/// Accepts connections and passes them on. Answers come in the order of the questions.
pub trait ConnectionRelay: AsFd + Send {
    /// Accept a connection on `listener` and send it with `line` over `channel`. An error: it can't be asked now.
    fn ask(
        &self,
        listener: BorrowedFd<'_>,
        channel: BorrowedFd<'_>,
        line: &[u8],
    ) -> Result<(), Errno>;

    /// The next answer, `None` if there is none yet. An error: the relay is gone, and with it all that was asked.
    fn hear(&self) -> Result<Option<Relayed>, Errno>;
}

/// The relay and what it was asked.
pub(crate) struct RelayQueue {
    pub(crate) relay: Box<dyn ConnectionRelay>,
    pub(crate) token: PollToken,
    pub(crate) asked: VecDeque<(SocketId, Turn)>,
}

/// How often a socket is asked about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// So many questions at once.
    pub(crate) at_once: usize,
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
    pub(crate) fn answered(&mut self, paid: bool) -> bool {
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
