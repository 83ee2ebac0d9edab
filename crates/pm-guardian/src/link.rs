//! The daemon's end of the talk with its guardian.
//! A thin, blocking or non-blocking wrapper: no thread, no queue, no opinion. Share it between
//! threads freely: every call is one system call for one whole packet.

use std::env;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use rustix::event::{PollFd, Timespec, poll};
use rustix::io::{Errno, FdFlags, fcntl_getfd, fcntl_setfd};
use rustix::net::{RecvFlags, SendFlags};

use crate::codec::DecodeError;
use crate::message::{FromGuardian, MAX_MESSAGE, ToGuardian};
use crate::packet::{self, Received};

/// The environment variable in which a daemon finds the number of its link's descriptor.
pub const LINK_VARIABLE: &str = "PM_GUARDIAN_FD";

/// One end of the link. The daemon's end comes from [`Link::inherit`].
#[derive(Debug)]
pub struct Link {
    socket: OwnedFd,
}

/// What a non-blocking receive found.
#[derive(Debug)]
pub enum Arrival {
    /// A message.
    Message(FromGuardian, Vec<OwnedFd>),
    /// Nothing now.
    Nothing,
    /// The guardian is dead and everything it said has been read.
    Closed,
}

/// Why the talk with the guardian failed.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The variable [`LINK_VARIABLE`] is missing or no number: not started by a guardian.
    #[error("find the guardian: {LINK_VARIABLE} is not set to a descriptor")]
    NoVariable,
    /// The descriptor is not a link.
    #[error("use descriptor {0} as a link to the guardian")]
    NotALink(RawFd),
    /// Making the pair of sockets failed.
    #[error("make a link")]
    Pair(#[source] io::Error),
    /// The guardian is dead.
    #[error("reach the guardian: it is gone")]
    Gone,
    /// Sending failed for another reason.
    #[error("send {message:?} to the guardian")]
    Send {
        /// What was to be sent.
        message: ToGuardian,
        /// The system's reason.
        source: io::Error,
    },
    /// The number of descriptors, or the length of a path, does not fit the message.
    #[error("send {message:?} with {descriptors} descriptors")]
    Misfit {
        /// What was to be sent.
        message: ToGuardian,
        /// How many descriptors were given.
        descriptors: usize,
    },
    /// Receiving failed.
    #[error("hear the guardian")]
    Receive(#[source] io::Error),
    /// A message was too long, or our table of descriptors is full (`RLIMIT_NOFILE`).
    #[error("take a message of the guardian with all its descriptors")]
    Damaged,
    /// The guardian speaks another language.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

impl Link {
    /// The link a guardian gave to this process, named by [`LINK_VARIABLE`]. Call it once, early,
    /// before anything else is spawned: it makes the descriptor close-on-exec.
    pub fn inherit() -> Result<Self, LinkError> {
        let number = env::var(LINK_VARIABLE).ok().and_then(|text| text.parse::<RawFd>().ok());
        Self::inherit_number(number.ok_or(LinkError::NoVariable)?)
    }

    /// The same with the number known. The descriptor must not be owned by anything else.
    pub fn inherit_number(number: RawFd) -> Result<Self, LinkError> {
        let socket = adopt(number).filter(packet::is_link).ok_or(LinkError::NotALink(number))?;
        fcntl_setfd(&socket, FdFlags::CLOEXEC).map_err(|_| LinkError::NotALink(number))?;
        Ok(Self { socket })
    }

    /// A link to a guardian that is yet to be started, for a daemon whose guardian died: keep the
    /// first, pass the second on as `GuardianPlan::predecessor`.
    pub fn pair() -> Result<(Self, OwnedFd), LinkError> {
        let (ours, theirs) = packet::pair().map_err(|error| LinkError::Pair(error.into()))?;
        Ok((Self { socket: ours }, theirs))
    }

    /// Sends one message; waits while the buffer is full. When it returns, the message will be
    /// acted upon even if this process is killed now.
    pub fn send(
        &self,
        message: &ToGuardian,
        descriptors: &[BorrowedFd<'_>],
    ) -> Result<(), LinkError> {
        if !message.allows(descriptors.len()) {
            let descriptors = descriptors.len();
            return Err(LinkError::Misfit { message: message.clone(), descriptors });
        }
        let mut bytes = Vec::with_capacity(128);
        message.encode(&mut bytes);
        loop {
            match packet::send(self.as_fd(), &bytes, descriptors, SendFlags::empty()) {
                Ok(()) => return Ok(()),
                Err(Errno::PIPE | Errno::CONNRESET | Errno::NOTCONN) => {
                    return Err(LinkError::Gone);
                }
                // Too many descriptors under way: the guardian takes them out within moments.
                Err(error) if packet::is_momentary(error) => pause(),
                Err(error) => {
                    return Err(LinkError::Send { message: message.clone(), source: error.into() });
                }
            }
        }
    }

    /// Waits for a message; `None`: the guardian is dead and everything it said has been read.
    pub fn receive(&self) -> Result<Option<(FromGuardian, Vec<OwnedFd>)>, LinkError> {
        match self.receive_with(RecvFlags::empty())? {
            Arrival::Message(message, descriptors) => Ok(Some((message, descriptors))),
            Arrival::Nothing | Arrival::Closed => Ok(None),
        }
    }

    /// Takes a message if there is one. Poll [`Link::as_fd`] for readability in between.
    pub fn receive_now(&self) -> Result<Arrival, LinkError> {
        self.receive_with(RecvFlags::DONTWAIT)
    }

    fn receive_with(&self, flags: RecvFlags) -> Result<Arrival, LinkError> {
        let mut buffer = [0; MAX_MESSAGE + 1];
        let received = packet::receive(self.as_fd(), &mut buffer, flags)
            .map_err(|error| LinkError::Receive(error.into()))?;
        match received {
            Received::Packet(length, descriptors) => {
                let bytes = buffer.get(..length).unwrap_or_default();
                Ok(Arrival::Message(FromGuardian::decode(bytes)?, descriptors))
            }
            Received::Damaged => Err(LinkError::Damaged),
            Received::Closed => Ok(Arrival::Closed),
            Received::Nothing => Ok(Arrival::Nothing),
        }
    }
}

impl AsFd for Link {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsRawFd for Link {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

/// Waits a millisecond; the result does not matter, the caller tries again.
fn pause() {
    let limit = Timespec { tv_sec: 0, tv_nsec: 1_000_000 };
    let nothing: &mut [PollFd<'_>] = &mut [];
    poll(nothing, Some(&limit)).ok();
}

/// Takes ownership of a descriptor that came to us by number through `execve`.
#[expect(unsafe_code, reason = "a number in the environment is the only way over execve")]
pub(crate) fn adopt(number: RawFd) -> Option<OwnedFd> {
    if number < 0 {
        return None;
    }
    // SAFETY: only borrowed for one fcntl; a number that is not open answers EBADF.
    let there = fcntl_getfd(unsafe { BorrowedFd::borrow_raw(number) });
    // SAFETY: the number is open, and by the contract of our callers nobody else in this process
    // owns it: it was inherited through execve for exactly this purpose.
    there.is_ok().then(|| unsafe { OwnedFd::from_raw_fd(number) })
}
