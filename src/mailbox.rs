//! What a thread hears, made something one can wait for together with other descriptors.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use rustix::pipe::{PipeFlags, pipe_with};

/// So much may wait to be taken; who tells more waits itself.
const QUEUE: usize = 256;

/// News of one kind. Its descriptor is readable when there are some.
#[derive(Debug)]
pub(crate) struct Mailbox<T> {
    bell: OwnedFd,
    news: Receiver<T>,
}

impl<T: Send + 'static> Mailbox<T> {
    /// Begins to listen in a thread of this name.
    pub(crate) fn open(
        name: &str,
        source: impl Iterator<Item = T> + Send + 'static,
    ) -> io::Result<Self> {
        let (bell, rope) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        let (sender, news) = sync_channel(QUEUE);
        // It ends with the process, or when its news find no taker.
        thread::Builder::new().name(name.into()).spawn(move || {
            for one in source {
                if sender.send(one).is_err() {
                    return;
                }
                // A full pipe has rung enough already.
                rustix::io::write(&rope, b"!").ok();
            }
        })?;
        Ok(Self { bell, news })
    }

    /// All that came in.
    pub(crate) fn take(&self) -> Vec<T> {
        let mut rings = [0; 64];
        while rustix::io::read(&self.bell, &mut rings).is_ok_and(|count| count == rings.len()) {}
        self.news.try_iter().collect()
    }
}

impl<T> AsFd for Mailbox<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}
