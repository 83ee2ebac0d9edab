//! What the relay was asked, and how often it is; who asks, and when, is in `accept`.

use std::collections::VecDeque;

use pm_os::relay::ConnectionRelay;

use crate::balance::Turn;
use crate::ids::SocketId;
use crate::poller::PollToken;

/// At most so many connections are asked for at once on one socket.
const MOST_ASKED: usize = 16;

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
