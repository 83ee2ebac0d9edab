//! Lines of a file as they are written, until nobody listens.

use std::io;
use std::ops::ControlFlow;
use std::os::fd::AsFd;
use std::time::Instant;

use pm_logs::{Cursor, Follow, LogFiles, ReadError};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::console;
use crate::prelude::{Exit, Failure};

/// Shows what `tell` makes of each line from `cursor` on.
pub(crate) fn follow(
    log: LogFiles,
    cursor: Cursor,
    tell: impl Fn(&[u8]) -> Option<String>,
) -> Result<(), Failure> {
    let mut follow = Follow::new().map_err(unreadable)?;
    follow.add(log, Some(cursor)).map_err(unreadable)?;
    loop {
        let read =
            follow.read(&mut |line| match tell(&line.bytes).map(|text| console::show(&text)) {
                Some(Err(_)) => ControlFlow::Break(()),
                Some(Ok(())) | None => ControlFlow::Continue(()),
            });
        let is_left = read.map_err(unreadable)?.is_break();
        if is_left || !wait(&follow).map_err(|error| failed(&error))? {
            return Ok(());
        }
    }
}

/// Waits for more; `false`: the reader left.
fn wait(follow: &Follow) -> io::Result<bool> {
    let left = follow.deadline().map(|at| at.saturating_duration_since(Instant::now()));
    let timeout = left.and_then(|left| Timespec::try_from(left).ok());
    let out = io::stdout();
    let out = out.as_fd();
    let mut fds = [
        PollFd::from_borrowed_fd(follow.fd(), PollFlags::IN),
        PollFd::from_borrowed_fd(out, PollFlags::empty()),
    ];
    match poll(&mut fds, timeout.as_ref()) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(errno) => return Err(errno.into()),
    }
    Ok(fds[1].revents().is_empty())
}

/// A file that can't be read.
#[expect(clippy::needless_pass_by_value, reason = "as an error is given to be changed")]
pub(crate) fn unreadable(error: ReadError) -> Failure {
    Failure::could_not(Exit::Failed, &error)
}

fn failed(error: &io::Error) -> Failure {
    Failure::failed(format!("could not follow: {error}"))
}
