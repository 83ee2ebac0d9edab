//! One subscription for all of the panel: a thread of its own hears the daemon, over as many daemons as it takes, tells each
//! listener what is new to it, and passes everything on to history and alerts. While nobody listens there is no
//! subscription, and figures are asked for only as often as somebody needs them (law 4).

use std::collections::BTreeMap;
use std::io;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::Builder;
use std::time::{Duration, Instant};

use hyper::body::Bytes;
use pm_client::{CallError, Client, Deadline, Feed, Subscription, ThreadWaker};
use pm_protocol::{Change, Home, List};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::sync::{mpsc, oneshot};

use crate::app_pattern::AppPattern;
use crate::clock::now_ms;
use crate::ears::{HubEars, HubNeed};
use crate::events::{COMMENT, EventNumber, Topics};
use crate::hub_call::{HubCall, HubEar, HubList, HubTrouble};
use crate::listener::{EventListener, ToldPayloads};
use crate::roll::Roll;
use crate::tails::{LogListener, Tails};

/// Calls that may wait for the thread.
const CALLS: usize = 256;
/// Events that may wait for one listener.
const QUEUE: usize = 64;
/// News that is heard before it is told: under a flood each listener is told the sum of it.
const AT_ONCE: usize = 4096;
/// How often to look for a daemon where none runs: while somebody looks, and while nobody does.
const LOOK: Duration = Duration::from_millis(500);
const LOOK_ALONE: Duration = Duration::from_secs(2);
/// How often to look whether a slow listener has caught up.
const CATCH_UP: Duration = Duration::from_millis(100);
/// How often we say that we are there.
const COMMENT_EVERY: Duration = Duration::from_secs(20);
/// So long a list may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The way to the thread.
#[derive(Debug)]
pub(crate) struct Hub {
    calls: SyncSender<HubCall>,
    waker: ThreadWaker,
    epoch: u64,
    next: AtomicU64,
}

impl Hub {
    /// Starts the thread; it lives as long as the panel.
    pub(crate) fn start(home: &Home) -> io::Result<Self> {
        let waker = ThreadWaker::new()?;
        let (calls, inbox) = sync_channel(CALLS);
        let epoch = now_ms();
        let thread = HubThread::new(home, waker.clone(), epoch)?;
        Builder::new().name("hub".into()).spawn(move || thread.run(&inbox))?;
        Ok(Self { calls, waker, epoch, next: AtomicU64::new(0) })
    }

    /// All apps that may be seen, with figures if those are needed.
    pub(crate) async fn list(
        &self,
        apps: AppPattern,
        need: HubNeed,
    ) -> Result<HubList, HubTrouble> {
        let (reply, answer) = oneshot::channel();
        self.call(HubCall::List(apps, need, reply))?;
        answer.await.unwrap_or(Err(HubTrouble::Busy))
    }

    /// Events of these topics, for as long as somebody takes them. `heard` is the last one somebody who comes back had.
    pub(crate) fn listen(
        &self,
        topics: Topics,
        apps: AppPattern,
        heard: Option<&str>,
    ) -> Result<mpsc::Receiver<Bytes>, HubTrouble> {
        let (sender, events) = mpsc::channel(QUEUE);
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let heard = heard.and_then(EventNumber::parse).filter(|it| it.epoch == self.epoch);
        let listener =
            EventListener::new((id, topics, apps), sender.clone(), heard.map(|it| it.seq));
        self.call(HubCall::Join(Box::new(listener)))?;
        let (calls, waker) = (self.calls.clone(), self.waker.clone());
        tokio::spawn(async move {
            sender.closed().await;
            // A full queue means that the thread is about to look at all of them anyway.
            calls.try_send(HubCall::Leave(id)).ok();
            waker.wake();
        });
        Ok(events)
    }

    /// A way to hear everything, for as long as that is wanted.
    pub(crate) fn ear(&self) -> HubEar {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        HubEar::new(id, self.calls.clone(), self.waker.clone())
    }

    fn call(&self, call: HubCall) -> Result<(), HubTrouble> {
        self.calls.try_send(call).map_err(|_| HubTrouble::Busy)?;
        self.waker.wake();
        Ok(())
    }
}

/// Whether a daemon tells us what happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DaemonLink {
    /// It has told everything since the subscription began.
    Up,
    /// It has been asked.
    Asked,
    /// None is there.
    Away,
}

struct HubThread {
    home: Home,
    waker: ThreadWaker,
    epoch: u64,
    roll: Roll,
    listeners: BTreeMap<u64, EventListener>,
    ears: HubEars,
    feed: Option<(Subscription, HubNeed)>,
    link: DaemonLink,
    /// When to look for a daemon again.
    look_at: Option<Instant>,
    comment_at: Instant,
    tails: Tails,
}

impl HubThread {
    fn new(home: &Home, waker: ThreadWaker, epoch: u64) -> io::Result<Self> {
        Ok(Self {
            home: home.clone(),
            waker,
            epoch,
            roll: Roll::default(),
            listeners: BTreeMap::new(),
            ears: HubEars::default(),
            feed: None,
            link: DaemonLink::Away,
            look_at: None,
            comment_at: Instant::now(),
            tails: Tails::start(home)?,
        })
    }

    fn run(mut self, inbox: &Receiver<HubCall>) {
        while self.run_calls(inbox).is_continue() {
            self.subscribe();
            let is_more = self.hear();
            self.tell();
            self.comment();
            if !is_more {
                self.wait();
            }
        }
    }

    /// It breaks when no more calls can come.
    fn run_calls(&mut self, inbox: &Receiver<HubCall>) -> ControlFlow<()> {
        self.waker.clear();
        loop {
            match inbox.try_recv() {
                Ok(HubCall::Join(listener)) => self.join(*listener),
                Ok(HubCall::Leave(id)) => self.leave(id),
                Ok(HubCall::Hear(id, ear)) => {
                    // It begins with a snapshot, and that is what a subscription begins with.
                    self.feed.take_if(|_| ear.is_some());
                    self.ears.set(id, ear);
                }
                Ok(HubCall::List(apps, need, reply)) => {
                    let list = self.list(&apps, need);
                    // Who asked may be gone.
                    reply.send(list).ok();
                }
                Err(TryRecvError::Empty) => return ControlFlow::Continue(()),
                Err(TryRecvError::Disconnected) => return ControlFlow::Break(()),
            }
        }
    }

    fn join(&mut self, listener: EventListener) {
        if self.listeners.is_empty() {
            // Somebody who looks does not wait as long as we would alone.
            (self.comment_at, self.look_at) = (Instant::now() + COMMENT_EVERY, None);
        }
        if let Some(log) = LogListener::of(&listener) {
            self.tails.follow(log);
        }
        self.listeners.insert(listener.id, listener);
    }

    fn leave(&mut self, id: u64) {
        if self.listeners.remove(&id).is_some_and(|listener| listener.topics.logs.is_some()) {
            self.tails.leave(id);
        }
    }

    fn number(&self) -> EventNumber {
        EventNumber { epoch: self.epoch, seq: self.roll.seq() }
    }

    /// The list: what is known where it is fresh, else what the daemon says.
    fn list(&mut self, apps: &AppPattern, need: HubNeed) -> Result<HubList, HubTrouble> {
        if self.link == DaemonLink::Up {
            // What was told before the question belongs to the answer.
            self.hear();
            self.tell();
        }
        let is_known = self.feed.as_ref().is_some_and(|(_, known)| *known >= need);
        if self.link != DaemonLink::Up || !is_known {
            let mut client = Client::open(&self.home).map_err(CallError::from)?;
            let usage = need == HubNeed::Figures;
            let call = List { select: Vec::new(), usage, host: false };
            let listing = client.call(&call, Deadline::after(PATIENCE))?;
            if self.link == DaemonLink::Up {
                // How they stand the subscription knows better.
                let figures = listing.rows.into_iter().map(|row| (row.id, row.usage));
                self.roll.take(Change::Usage(figures.collect()));
            } else {
                self.roll.replace(listing.rows);
            }
            self.tell();
        }
        let rows = self.roll.all(apps).into_iter().cloned().collect();
        Ok(HubList { rows, number: self.number() })
    }

    /// Asks for what is needed, and for nothing if nobody listens.
    fn subscribe(&mut self) {
        let topics = self.listeners.values().map(|listener| &listener.topics);
        let seen = topics
            .map(Topics::wants_figures)
            .max()
            .map(|figures| if figures { HubNeed::Figures } else { HubNeed::Changes });
        let need = seen.max(self.ears.need());
        if self.feed.as_ref().map(|(_, need)| *need) == need {
            return;
        }
        let Some(need) = need else {
            (self.feed, self.link, self.look_at) = (None, DaemonLink::Away, None);
            return;
        };
        if self.look_at.is_some_and(|at| at > Instant::now()) {
            return;
        }
        match Subscription::open(&self.home, need.usage_every()) {
            Ok(feed) => {
                (self.feed, self.look_at) = (Some((feed, need)), None);
                if self.link == DaemonLink::Away {
                    self.link = DaemonLink::Asked;
                }
            }
            Err(_) => self.lose(),
        }
    }

    /// No daemon tells us anything; one is looked for.
    fn lose(&mut self) {
        let look = if self.listeners.is_empty() { LOOK_ALONE } else { LOOK };
        (self.feed, self.look_at) = (None, Some(Instant::now() + look));
        self.say_away();
    }

    fn say_away(&mut self) {
        self.link = DaemonLink::Away;
        self.ears.say_away();
        let number = self.number();
        self.listeners.values_mut().for_each(|listener| listener.say_away(number));
    }

    /// Takes in what the daemon has told, and says whether there may be more at once.
    fn hear(&mut self) -> bool {
        for _ in 0..AT_ONCE {
            let Some((feed, _)) = &mut self.feed else { return false };
            // While the daemon is away this waits for it, and calls wait with us.
            let patience = if feed.fd().is_some() { Duration::ZERO } else { LOOK };
            match feed.next_before(Deadline::after(patience)) {
                Ok(Some(Feed::Change(change))) => {
                    if matches!(change, Change::Snapshot(_)) {
                        self.link = DaemonLink::Up;
                    }
                    let is_missed = self.ears.hear(&change);
                    self.roll.take(change);
                    if is_missed {
                        self.feed = None;
                        return true;
                    }
                }
                Ok(Some(Feed::Reconnecting)) => self.say_away(),
                Ok(None) => return false,
                Err(_) => self.lose(),
            }
        }
        true
    }

    /// Tells everybody what is new to them.
    fn tell(&mut self) {
        let news = self.roll.settle();
        if news.members {
            self.tails.look_again();
        }
        let number = self.number();
        self.listeners.retain(|_, listener| !listener.is_gone());
        match self.link {
            DaemonLink::Up => {}
            // Whoever is new waits for the answer with us.
            DaemonLink::Asked => return,
            DaemonLink::Away => {
                self.listeners.values_mut().for_each(|listener| listener.say_away_if_new(number));
                return;
            }
        }
        let mut payloads = ToldPayloads::new(&self.roll, number, &news);
        for listener in self.listeners.values_mut() {
            listener.hear(&mut payloads);
        }
    }

    fn comment(&mut self) {
        if !self.listeners.is_empty() && Instant::now() >= self.comment_at {
            self.comment_at = Instant::now() + COMMENT_EVERY;
            self.listeners.values().for_each(|listener| listener.comment(COMMENT));
        }
    }

    /// Sleeps until there is something to do.
    fn wait(&self) {
        let Some(at) = self.wakes_at() else {
            return self.sleep(None);
        };
        let left = at.saturating_duration_since(Instant::now());
        self.sleep(Timespec::try_from(left).ok().as_ref());
    }

    /// When there is something to do whatever happens; `None`: never.
    fn wakes_at(&self) -> Option<Instant> {
        let now = Instant::now();
        if self.feed.as_ref().is_some_and(|(feed, _)| feed.fd().is_none()) {
            return Some(now);
        }
        let comment = (!self.listeners.is_empty()).then_some(self.comment_at);
        let behind = self.listeners.values().any(EventListener::is_behind).then(|| now + CATCH_UP);
        [self.look_at, comment, behind].into_iter().flatten().min()
    }

    fn sleep(&self, timeout: Option<&Timespec>) {
        let mut fds = vec![PollFd::new(&self.waker, PollFlags::IN)];
        let feed = self.feed.as_ref().and_then(|(feed, _)| feed.fd());
        fds.extend(feed.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
        // An interruption is as good a reason to look as any.
        poll(&mut fds, timeout).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daemon_that_has_yet_to_answer_is_not_away() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path().into(), None).unwrap();
        let mut hub = HubThread::new(&home, ThreadWaker::new().unwrap(), 1).unwrap();
        let (sender, mut events) = mpsc::channel(QUEUE);
        hub.join(EventListener::new((1, Topics::default(), AppPattern::default()), sender, None));
        hub.link = DaemonLink::Asked;
        hub.tell();
        assert!(events.try_recv().is_err(), "it is told that there is no daemon");
        hub.link = DaemonLink::Away;
        hub.tell();
        assert!(events.try_recv().unwrap().starts_with(b"event: reconnecting"));
    }
}
