//! Connections come in through a relay, who accepts each and passes it to its worker in one go, in a process that does
//! not die with whoever asks: what that had accepted itself and not passed on yet would be cut off by its death.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;

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
    /// Accept a connection on `listener`, a listening socket that does not block, and send it with `line` over
    /// `channel`. The line must be short enough to be written as a whole or not at all, a page at most. Never waits; an
    /// error: it can't be asked now.
    fn ask(
        &self,
        listener: BorrowedFd<'_>,
        channel: BorrowedFd<'_>,
        line: &[u8],
    ) -> Result<(), Errno>;

    /// The next answer, `None` if there is none yet. An error: the relay is gone, and with it all that was asked.
    fn hear(&self) -> Result<Option<Relayed>, Errno>;
}
