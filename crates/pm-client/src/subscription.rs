//! The feed of changes, over as many daemons as it takes. To be read by a thread of its own or with deadlines.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use pm_protocol::{Change, Home, Watch};

use crate::daemon_connection::{CallError, DaemonConnection};
use crate::wait::{Deadline, pause};

/// What a subscriber is told.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "there is one at a time, and it is taken at once")]
pub enum Feed {
    /// News; after a reconnection the first is a snapshot again.
    Change(Change),
    /// The daemon is away; told once, the next news means that one is back.
    Reconnecting,
}

/// A subscription that outlives daemons.
#[derive(Debug)]
pub struct Subscription {
    home: Home,
    watch: Watch,
    state: State,
}

#[derive(Debug)]
enum State {
    Up(Box<DaemonConnection>),
    /// The connection ended and the subscriber has not been told.
    Ended,
    /// The subscriber knows; so many attempts have failed since.
    Away(u32),
}

/// The pauses between attempts: 20 ms, doubling, at most this.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How long one attempt may wait for a daemon that does not answer.
const ANSWER: Duration = Duration::from_secs(10);

impl Subscription {
    /// Subscribes; `usage_every` asks for figures that often in ms (at least 250).
    pub fn open(home: &Home, usage_every: Option<u32>) -> Result<Self, CallError> {
        let watch = Watch { usage_every };
        let connection = subscribe(home, watch, Deadline::after(ANSWER))?;
        Ok(Self { home: home.clone(), watch, state: State::Up(Box::new(connection)) })
    }

    /// Readable when there is news that was not read yet, or the connection has ended; `None` while the daemon is away.
    /// What was read already may hold news all the same: wait on it when [`next_before`](Self::next_before) has none.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        match &self.state {
            State::Up(connection) => Some(connection.as_fd()),
            State::Ended | State::Away(_) => None,
        }
    }

    /// The next piece of news; `None` if the deadline passed first. An error (another protocol version, a home that
    /// became someone else's) ends the subscription for good; a missing daemon does not.
    pub fn next_before(&mut self, deadline: Deadline) -> Result<Option<Feed>, CallError> {
        loop {
            match &mut self.state {
                State::Up(connection) => match connection.news(deadline) {
                    Ok(news) => return Ok(news.map(Feed::Change)),
                    Err(CallError::Lost) => self.state = State::Ended,
                    Err(error) => return Err(error),
                },
                State::Ended => {
                    self.state = State::Away(0);
                    return Ok(Some(Feed::Reconnecting));
                }
                State::Away(_) if deadline.is_over() => return Ok(None),
                State::Away(attempts) => {
                    let attempts = *attempts;
                    let wait = Duration::from_millis(10 << attempts.min(10)).min(LONGEST_PAUSE);
                    pause(wait, deadline);
                    let limit = Deadline::after(ANSWER).or(deadline);
                    self.state = match subscribe(&self.home, self.watch, limit) {
                        Ok(connection) => State::Up(Box::new(connection)),
                        Err(CallError::Lost | CallError::Late) => State::Away(attempts + 1),
                        Err(CallError::Connect(error)) if error.is_no_daemon() => {
                            State::Away(attempts + 1)
                        }
                        Err(error) => return Err(error),
                    };
                }
            }
        }
    }
}

/// Waits for ever; ends only with an error that no waiting cures.
impl Iterator for Subscription {
    type Item = Feed;

    fn next(&mut self) -> Option<Feed> {
        loop {
            match self.next_before(Deadline::NEVER) {
                Ok(Some(feed)) => return Some(feed),
                Ok(None) => {}
                Err(_) => return None,
            }
        }
    }
}

fn subscribe(home: &Home, watch: Watch, deadline: Deadline) -> Result<DaemonConnection, CallError> {
    let limit = deadline.left().unwrap_or(ANSWER);
    let mut connection = DaemonConnection::open(home, limit)?;
    connection.call(watch, deadline)?;
    Ok(connection)
}
