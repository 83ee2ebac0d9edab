//! Waits for one descriptor.

use std::os::fd::AsFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::clock;

/// Whether a descriptor becomes ready for this while patience lasts; at once if it is.
pub(crate) fn ready(fd: impl AsFd, flags: PollFlags, patience: Duration) -> Result<bool, Errno> {
    let until = clock::monotonic() + patience;
    loop {
        let rest = until.saturating_sub(clock::monotonic());
        let limit = Timespec::try_from(rest).ok();
        match poll(&mut [PollFd::new(&fd, flags)], limit.as_ref()) {
            Err(Errno::INTR) => {}
            other => return other.map(|ready| ready > 0),
        }
    }
}
