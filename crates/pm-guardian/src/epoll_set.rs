//! The one place the guardian waits at: an epoll set with numbered members.

use std::os::fd::{AsFd, OwnedFd};

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::io::{Errno, Result};

pub(crate) use rustix::event::epoll::EventFlags;

/// Descriptors that can wake us, each under a number of our choice.
#[derive(Debug)]
pub(crate) struct EpollSet {
    set: OwnedFd,
}

impl EpollSet {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self { set: epoll::create(epoll::CreateFlags::CLOEXEC)? })
    }

    /// Starts to watch; a descriptor that is already watched gets the new flags and number.
    pub(crate) fn add(&self, member: impl AsFd, number: u64, flags: EventFlags) -> Result<()> {
        let data = epoll::EventData::new_u64(number);
        match epoll::add(&self.set, &member, data, flags) {
            Err(Errno::EXIST) => epoll::modify(&self.set, &member, data, flags),
            other => other,
        }
    }

    /// Stops to watch. To close a descriptor isn't enough: the daemon may hold the same pipe, and
    /// then the kernel goes on reporting it under a number that can't be removed any more.
    pub(crate) fn remove(&self, member: impl AsFd) {
        epoll::delete(&self.set, &member).ok();
    }

    /// Waits until something happens, or at most so many milliseconds; gives numbers and flags.
    pub(crate) fn wait(&self, limit_ms: Option<i64>) -> Vec<(u64, EventFlags)> {
        let limit =
            limit_ms.map(|ms| Timespec { tv_sec: ms / 1000, tv_nsec: ms % 1000 * 1_000_000 });
        let mut events: Vec<epoll::Event> = Vec::with_capacity(64);
        // An interrupted wait is an empty one: the loop comes back.
        epoll::wait(&self.set, spare_capacity(&mut events), limit.as_ref()).ok();
        events.iter().map(|event| (event.data.u64(), event.flags)).collect()
    }
}
