//! Connections are accepted and passed to their workers in one go by the guardian, because between the two
//! a connection belongs to nobody else, and dies with who accepted it. The daemon, which may be killed at any time, says
//! on which socket, to whom, and with which words; nothing is remembered here.
//!
//! A question is one packet: the words, with the listening socket and the worker's channel. Its answer is an error
//! number (0: passed on; -1: accepted only), with a copy of the connection if there is one.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use pm_os::relay::{ConnectionRelay, Relayed};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, SocketFlags, acceptfrom_with};

use crate::epoll_set::{EpollSet, EventFlags};
use crate::link::LinkError;
use crate::message::MAX_MESSAGE;
use crate::packet::{self, Received};

/// Questions answered in one go, so that connections can't keep the guardian from anything else.
const MESSAGES_PER_TURN: usize = 64;

const PASSED: i32 = 0;
const LEFT: i32 = -1;

/// The daemon's end. Its other end goes to the guardian with [`crate::ToGuardian::AcceptRelay`].
#[derive(Debug)]
pub struct AcceptRelay {
    socket: OwnedFd,
}

impl AcceptRelay {
    /// Both ends, first the daemon's.
    pub fn pair() -> Result<(Self, OwnedFd), LinkError> {
        let (socket, theirs) = packet::pair().map_err(|error| LinkError::Pair(error.into()))?;
        Ok((Self { socket }, theirs))
    }
}

impl ConnectionRelay for AcceptRelay {
    fn ask(
        &self,
        listener: BorrowedFd<'_>,
        channel: BorrowedFd<'_>,
        line: &[u8],
    ) -> Result<(), Errno> {
        packet::send(self.as_fd(), line, &[listener, channel], SendFlags::DONTWAIT)
    }

    fn hear(&self) -> Result<Option<Relayed>, Errno> {
        let mut buffer = [0; MAX_MESSAGE + 1];
        match packet::receive(self.as_fd(), &mut buffer, RecvFlags::DONTWAIT)? {
            Received::Packet(length, descriptors) => {
                let code = buffer.get(..length).and_then(|bytes| bytes.try_into().ok());
                let code = code.map(i32::from_le_bytes).ok_or(Errno::PROTO)?;
                match (code, descriptors.into_iter().next()) {
                    (PASSED, Some(connection)) => Ok(Some(Relayed::Passed(connection))),
                    (LEFT, Some(connection)) => Ok(Some(Relayed::Left(connection))),
                    (1.., _) => Ok(Some(Relayed::Nobody(Errno::from_raw_os_error(code)))),
                    _ => Err(Errno::PROTO),
                }
            }
            Received::Nothing => Ok(None),
            Received::Closed | Received::Damaged => Err(Errno::PIPE),
        }
    }
}

impl AsFd for AcceptRelay {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Number of the guardian's end in its watch.
pub(crate) const RELAY: u64 = 5;

/// The guardian's end, while a daemon wants it.
#[derive(Debug, Default)]
pub(crate) struct RelayServer(Option<OwnedFd>);

impl RelayServer {
    /// Questions come on this end from now on.
    pub(crate) fn open(&mut self, descriptors: Vec<OwnedFd>, epoll: &EpollSet) {
        self.close(epoll);
        let end = descriptors.into_iter().next();
        self.0 = end.filter(|end| epoll.add(end, RELAY, EventFlags::IN).is_ok());
    }

    /// The daemon sees that what it asked will not be answered.
    pub(crate) fn close(&mut self, epoll: &EpollSet) {
        if let Some(end) = self.0.take() {
            epoll.remove(&end);
        }
    }

    /// Answers what has been asked.
    pub(crate) fn serve(&mut self, epoll: &EpollSet) {
        if !self.0.as_ref().is_some_and(|end| serve(end.as_fd())) {
            self.close(epoll);
        }
    }
}

/// Answers some questions; false: it can't go on.
fn serve(end: BorrowedFd<'_>) -> bool {
    let mut buffer = [0; MAX_MESSAGE + 1];
    for _ in 0..MESSAGES_PER_TURN {
        match packet::receive(end, &mut buffer, RecvFlags::DONTWAIT) {
            Ok(Received::Packet(length, descriptors)) => {
                let (code, connection) =
                    pass(buffer.get(..length).unwrap_or_default(), descriptors);
                let copy = connection.as_ref().map(AsFd::as_fd);
                let sent =
                    packet::send(end, &code.to_le_bytes(), copy.as_slice(), SendFlags::DONTWAIT);
                if sent.is_err() {
                    return false;
                }
            }
            Ok(Received::Nothing) => return true,
            Ok(Received::Damaged | Received::Closed) | Err(_) => return false,
        }
    }
    true
}

fn pass(payload: &[u8], descriptors: Vec<OwnedFd>) -> (i32, Option<OwnedFd>) {
    let Ok([listener, channel]) = <[OwnedFd; 2]>::try_from(descriptors) else {
        return (Errno::INVAL.raw_os_error(), None);
    };
    match acceptfrom_with(&listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) {
        Ok((connection, _)) => {
            let copy = [connection.as_fd()];
            let sent = packet::send(channel.as_fd(), payload, &copy, SendFlags::DONTWAIT);
            (if sent.is_ok() { PASSED } else { LEFT }, Some(connection))
        }
        Err(error) => (error.raw_os_error(), None),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    use super::*;

    fn a_listener() -> TcpListener {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        listener
    }

    #[test]
    fn a_caller_is_passed_on_with_the_words_and_a_copy_comes_back() {
        let listener = a_listener();
        let (relay, theirs) = AcceptRelay::pair().unwrap();
        let (ours, worker) = packet::pair().unwrap();
        relay.ask(listener.as_fd(), ours.as_fd(), b"hello").unwrap();
        assert!(serve(theirs.as_fd()));
        let Ok(Some(Relayed::Nobody(Errno::AGAIN))) = relay.hear() else { panic!("nobody called") };
        let mut caller = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        relay.ask(listener.as_fd(), ours.as_fd(), b"hello").unwrap();
        assert!(relay.hear().unwrap().is_none(), "not answered yet");
        assert!(serve(theirs.as_fd()));
        let Ok(Some(Relayed::Passed(copy))) = relay.hear() else { panic!("somebody called") };
        // The daemon and the guardian die; the caller does not notice.
        drop((copy, relay, theirs, ours));
        let mut buffer = [0; MAX_MESSAGE + 1];
        let received = packet::receive(worker.as_fd(), &mut buffer, RecvFlags::DONTWAIT).unwrap();
        let Received::Packet(5, mut descriptors) = received else { panic!("{received:?}") };
        assert_eq!(&buffer[..5], b"hello");
        TcpStream::from(descriptors.remove(0)).write_all(b"welcome").unwrap();
        let mut answer = String::new();
        caller.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "welcome");
    }

    #[test]
    fn who_is_not_taken_comes_back() {
        let listener = a_listener();
        let (relay, theirs) = AcceptRelay::pair().unwrap();
        let (ours, worker) = packet::pair().unwrap();
        drop(worker);
        let _caller = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        relay.ask(listener.as_fd(), ours.as_fd(), b"hello").unwrap();
        assert!(serve(theirs.as_fd()));
        assert!(matches!(relay.hear(), Ok(Some(Relayed::Left(_)))));
    }

    #[test]
    fn nonsense_ends_nothing_and_an_end_is_seen() {
        let (relay, theirs) = AcceptRelay::pair().unwrap();
        packet::send(relay.as_fd(), b"?", &[], SendFlags::empty()).unwrap();
        assert!(serve(theirs.as_fd()));
        assert!(matches!(relay.hear(), Ok(Some(Relayed::Nobody(Errno::INVAL)))));
        drop(theirs);
        assert!(relay.hear().is_err());
        let (relay, theirs) = AcceptRelay::pair().unwrap();
        drop(relay);
        assert!(!serve(theirs.as_fd()));
    }
}
