//! Low descriptor numbers kept for children. A child that is cloned with a table of its own gets a copy of all our
//! descriptors and closes them again when it executes: with a thousand apps that is most of a birth. A child that
//! shares our table instead, and first of all leaves it with what lies below a number, copies next to nothing; but what
//! it is to have must lie there.

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};

use rustix::fs::{Mode, OFlags};
use rustix::io::{DupFlags, dup3};

use super::child::can_leave_a_table;

/// As many as an app usually gets: three, a channel, some listening sockets.
const COUNT: usize = 8;

/// The numbers, each held by something of no use while there is no child.
#[derive(Debug)]
pub(super) struct FdSlots {
    idle: OwnedFd,
    slots: Vec<OwnedFd>,
    filled: usize,
}

impl FdSlots {
    /// Takes the lowest free numbers; `None` where the kernel (before 5.9) or a sandbox has no use for them.
    pub(super) fn new() -> Option<Self> {
        if !can_leave_a_table() {
            return None;
        }
        let idle = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty());
        let idle = idle.ok()?;
        let slots: Result<Vec<OwnedFd>, _> =
            (0..COUNT).map(|_| rustix::io::fcntl_dupfd_cloexec(&idle, 3)).collect();
        Some(Self { slots: slots.ok()?, idle, filled: 0 })
    }

    /// Puts copies of these at low numbers, and tells these and below which number they all lie; `None` if they are
    /// too many. To be followed by `clear`.
    pub(super) fn fill(&mut self, fds: &[BorrowedFd<'_>]) -> Option<(Vec<RawFd>, RawFd)> {
        if fds.len() > self.slots.len() {
            return None;
        }
        let place = |(slot, fd): (&mut OwnedFd, &BorrowedFd<'_>)| {
            self.filled += 1;
            dup3(fd, slot, DupFlags::CLOEXEC).ok().map(|()| slot.as_raw_fd())
        };
        let numbers: Option<Vec<RawFd>> = self.slots.iter_mut().zip(fds).map(place).collect();
        numbers.and_then(|numbers| {
            let end = numbers.iter().max()? + 1;
            Some((numbers, end))
        })
    }

    /// Lets go of what the child has now, or a pipe would never end.
    pub(super) fn clear(&mut self) {
        for slot in self.slots.iter_mut().take(std::mem::take(&mut self.filled)) {
            // Both are there, and nothing new is needed for it.
            dup3(&self.idle, slot, DupFlags::CLOEXEC).ok();
        }
    }
}
