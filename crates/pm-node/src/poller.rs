//! The one place where the thread waits: an epoll set whose members say what they are about.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::io::Errno;

use crate::ids::{Millis, SocketId, Worker};

pub(crate) use rustix::event::epoll::EventFlags;

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum About {
    Commands,
    Channel(Worker),
    Socket(SocketId),
    Relay,
}

/// Under which a descriptor is watched, or may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PollToken(u64);

/// The set.
#[derive(Debug)]
pub(crate) struct Poller {
    set: OwnedFd,
    members: BTreeMap<PollToken, About>,
    next: u64,
}

impl Poller {
    pub(crate) fn new() -> Result<Self, Errno> {
        let set = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        Ok(Self { set, members: BTreeMap::new(), next: 0 })
    }

    /// A token nobody else has. Events of one that is let go are not told any more.
    pub(crate) fn token(&mut self, about: About) -> PollToken {
        self.next += 1;
        self.members.insert(PollToken(self.next), about);
        PollToken(self.next)
    }

    /// Watches a descriptor for this from now on.
    pub(crate) fn set(&self, member: impl AsFd, token: PollToken, flags: EventFlags) {
        let data = epoll::EventData::new_u64(token.0);
        if epoll::add(&self.set, &member, data, flags) == Err(Errno::EXIST) {
            // It is there, so only nonsense could be refused.
            epoll::modify(&self.set, &member, data, flags).ok();
        }
    }

    /// Does not watch it for now.
    pub(crate) fn pause(&self, member: impl AsFd) {
        // It may not have been watched.
        epoll::delete(&self.set, &member).ok();
    }

    /// Never again.
    pub(crate) fn forget(&mut self, member: impl AsFd, token: PollToken) {
        self.members.remove(&token);
        self.pause(member);
    }

    /// What a token is about, if it was not let go meanwhile.
    pub(crate) fn about(&self, token: PollToken) -> Option<About> {
        self.members.get(&token).copied()
    }

    /// Waits until something happens, at most so many milliseconds.
    pub(crate) fn wait(&self, limit: Option<Millis>) -> Vec<(PollToken, EventFlags)> {
        let limit = limit.and_then(|ms| Timespec::try_from(Duration::from_millis(ms)).ok());
        let mut events: Vec<epoll::Event> = Vec::with_capacity(64);
        // An interrupted wait is an empty one: the loop comes back.
        epoll::wait(&self.set, spare_capacity(&mut events), limit.as_ref()).ok();
        events.iter().map(|event| (PollToken(event.data.u64()), event.flags)).collect()
    }
}
