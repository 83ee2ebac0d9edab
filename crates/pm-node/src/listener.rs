//! A listening socket of cluster workers, and what is remembered of it.

use std::os::fd::OwnedFd;
use std::sync::Arc;

use crate::accept_relay::Pace;
use crate::ids::Group;
use crate::note::Note;
use crate::poller::PollToken;
use crate::query::Query;
use crate::socket::Maker;

/// Most sockets of an app that outlive us; others of its sockets may be kept under higher numbers.
pub const MOST_SOCKETS: u8 = 192;

/// A listening socket.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) socket: Arc<OwnedFd>,
    pub(crate) note: Note,
    pub(crate) query: Query,
    pub(crate) group: Group,
    /// Its number with the guardian; `None`: too many, this one ends with us.
    pub(crate) index: Option<u8>,
    pub(crate) pace: Pace,
    /// Who made it; `None`: a daemon that did not say, and its path stays.
    pub(crate) maker: Option<Maker>,
    pub(crate) token: PollToken,
}

impl Listener {
    /// What another guardian is to keep, if this one keeps it.
    pub(crate) fn copies(&self) -> Option<(Group, u8, OwnedFd, OwnedFd)> {
        let memory = self.note.memory().try_clone_to_owned().ok()?;
        Some((self.group, self.index?, self.socket.try_clone().ok()?, memory))
    }
}
