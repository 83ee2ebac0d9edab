//! Wakes a thread that sleeps in `poll`.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::event::{EventfdFlags, eventfd};

/// What wakes one thread; clones wake the same one.
#[derive(Clone, Debug)]
pub struct ThreadWaker(Arc<OwnedFd>);

impl ThreadWaker {
    /// Nobody was woken yet.
    pub fn new() -> io::Result<Self> {
        let fd = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self(Arc::new(fd)))
    }

    /// It fails only if 2^64 calls were not heard yet.
    pub fn wake(&self) {
        rustix::io::write(&*self.0, &1_u64.to_ne_bytes()).ok();
    }

    /// Sleeps again until the next call; without one before it does nothing.
    pub fn clear(&self) {
        rustix::io::read(&*self.0, &mut [0; 8]).ok();
    }
}

impl AsFd for ThreadWaker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
