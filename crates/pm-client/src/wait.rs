//! Waiting with an end: deadlines on descriptors, and pauses between attempts. No threads, no busy loops.

use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// A moment on the monotonic clock after which waiting ends, or never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline(Option<Instant>);

impl Deadline {
    /// Waiting never ends by itself: for answers that depend on how long apps take.
    pub const NEVER: Self = Self(None);

    /// So long from now; a span too long for the clock is never.
    pub fn after(span: Duration) -> Self {
        Self(Instant::now().checked_add(span))
    }

    /// What is left, zero if it has passed, `None` if it never does.
    pub fn left(self) -> Option<Duration> {
        self.0.map(|at| at.saturating_duration_since(Instant::now()))
    }

    /// Whether it has passed.
    pub fn is_over(self) -> bool {
        self.left() == Some(Duration::ZERO)
    }

    /// The earlier of both.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match (self.0, other.0) {
            (Some(a), Some(b)) => Self(Some(a.min(b))),
            (Some(at), None) | (None, Some(at)) => Self(Some(at)),
            (None, None) => Self::NEVER,
        }
    }
}

/// Waits until `fd` is ready for one of `flags` or broken; false if the deadline passed first.
pub(crate) fn ready(
    fd: BorrowedFd<'_>,
    flags: PollFlags,
    deadline: Deadline,
) -> std::io::Result<bool> {
    loop {
        let mut fds = [PollFd::from_borrowed_fd(fd, flags)];
        match poll(&mut fds, timespec(deadline).as_ref()) {
            Ok(0) | Err(Errno::INTR) if deadline.is_over() => return Ok(false),
            Ok(0) | Err(Errno::INTR) => {}
            Ok(_) => return Ok(true),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Lets `span` pass, at most up to `deadline`: the pause between two attempts at something nobody announces.
pub fn pause(span: Duration, deadline: Deadline) {
    let until = Deadline::after(span).or(deadline);
    while !until.is_over() {
        // A failing poll(2) without descriptors can only be an interruption; the loop looks at the clock anyway.
        if poll(&mut [], timespec(until).as_ref()).is_err() {}
    }
}

fn timespec(deadline: Deadline) -> Option<Timespec> {
    deadline.left().and_then(|left| Timespec::try_from(left).ok())
}
