//! Subscribers of `Watch`: a bounded queue each. Who is too slow misses changes and gets a new snapshot instead.

use std::sync::Arc;

use pm_protocol::{Change, Row};
use tokio::sync::mpsc::{self, error::TrySendError};

/// News that may wait for one subscriber.
const QUEUE: usize = 1024;

/// Figures are sent no oftener than this, in ms.
const FASTEST: u32 = 250;

#[derive(Debug)]
struct Subscriber {
    news: mpsc::Sender<Arc<Change>>,
    usage_every: Option<u64>,
    /// It missed something and wants a snapshot.
    behind: bool,
}

/// All subscribers.
#[derive(Debug, Default)]
pub(crate) struct Feed {
    subscribers: Vec<Subscriber>,
}

impl Feed {
    /// Adds a subscriber; the first thing it is told is everything.
    pub(crate) fn subscribe(
        &mut self,
        usage_every: Option<u32>,
        rows: Vec<Row>,
    ) -> mpsc::Receiver<Arc<Change>> {
        let (news, receiver) = mpsc::channel(QUEUE);
        // The queue is new and has room.
        news.try_send(Arc::new(Change::Snapshot(rows))).ok();
        let usage_every = usage_every.map(|ms| u64::from(ms.max(FASTEST)));
        self.subscribers.push(Subscriber { news, usage_every, behind: false });
        receiver
    }

    /// Whether anybody listens.
    pub(crate) fn is_heard(&self) -> bool {
        !self.subscribers.is_empty()
    }

    /// The shortest interval at which somebody wants figures, in ms.
    pub(crate) fn shortest(&self) -> Option<u64> {
        self.subscribers.iter().filter_map(|subscriber| subscriber.usage_every).min()
    }

    /// Forgets subscribers that are gone.
    pub(crate) fn forget_the_gone(&mut self) {
        self.subscribers.retain(|subscriber| !subscriber.news.is_closed());
    }

    /// Tells everybody.
    pub(crate) fn tell(&mut self, change: Change) {
        let figures = matches!(change, Change::Usage(_) | Change::Host(_));
        let change = Arc::new(change);
        for subscriber in &mut self.subscribers {
            if subscriber.behind || (figures && subscriber.usage_every.is_none()) {
                continue;
            }
            match subscriber.news.try_send(Arc::clone(&change)) {
                Ok(()) | Err(TrySendError::Closed(_)) => {}
                Err(TrySendError::Full(_)) => subscriber.behind = true,
            }
        }
    }

    /// Whether somebody missed something.
    pub(crate) fn is_behind(&self) -> bool {
        self.subscribers.iter().any(|subscriber| subscriber.behind)
    }

    /// Gives those who missed something a new snapshot once their queue has been read.
    pub(crate) fn catch_up(&mut self, rows: impl Fn() -> Vec<Row>) {
        for subscriber in &mut self.subscribers {
            if subscriber.behind && subscriber.news.capacity() == QUEUE {
                subscriber.behind =
                    subscriber.news.try_send(Arc::new(Change::Snapshot(rows()))).is_err();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_subscriber_gets_a_snapshot_instead_of_what_it_missed() {
        let mut feed = Feed::default();
        let mut news = feed.subscribe(None, Vec::new());
        for id in 0..2 * u32::try_from(QUEUE).unwrap() {
            feed.tell(Change::Removed(id));
        }
        feed.catch_up(Vec::new);
        let mut seen = 0;
        while news.try_recv().is_ok() {
            seen += 1;
        }
        assert_eq!(seen, QUEUE);
        assert!(feed.is_behind());
        feed.catch_up(Vec::new);
        assert!(!feed.is_behind());
        assert!(matches!(*news.try_recv().unwrap(), Change::Snapshot(_)));
        feed.tell(Change::Removed(1));
        assert!(matches!(*news.try_recv().unwrap(), Change::Removed(1)));
        drop(news);
        feed.forget_the_gone();
        assert!(!feed.is_heard());
    }
}
