//! What the daemon tells, made something one can wait for together with signals.

use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, sync_channel};
use std::{io, thread};

use pm_client::{CallError, Feed, Subscription};
use pm_protocol::Home;
use rustix::pipe::{PipeFlags, pipe_with};

use crate::failure::Failure;

/// So many changes may wait; a subscriber that is slower still gets a snapshot.
const QUEUE: usize = 256;

/// News from a thread that reads them.
#[derive(Debug)]
pub(super) struct News {
    /// Readable when there are some.
    pub(super) bell: OwnedFd,
    feed: Receiver<Feed>,
}

impl News {
    /// Subscribes; over as many daemons as it takes.
    pub(super) fn subscribe(home: &Home) -> Result<Self, Failure> {
        let failed =
            |error: io::Error| Failure::failed(format!("could not watch the apps: {error}"));
        let pipe = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK);
        let (bell, rope) = pipe.map_err(|errno| failed(errno.into()))?;
        let subscription =
            Subscription::open(home, None).map_err(|error: CallError| Failure::from(error))?;
        let (sender, feed) = sync_channel(QUEUE);
        // It ends with the process, or when its news find no taker.
        let read = move || {
            for news in subscription {
                if sender.send(news).is_err() {
                    return;
                }
                // A full pipe has rung enough already.
                rustix::io::write(&rope, b"!").ok();
            }
        };
        thread::Builder::new().name("news".into()).spawn(read).map_err(failed)?;
        Ok(Self { bell, feed })
    }

    /// All that came in.
    pub(super) fn take(&self) -> Vec<Feed> {
        let mut rings = [0; 64];
        while rustix::io::read(&self.bell, &mut rings).is_ok_and(|count| count == rings.len()) {}
        self.feed.try_iter().collect()
    }
}
