//! Follows logs for all tabs: a thread of its own, started when the first log is asked for. Who asks for the same is told by
//! one reader of the files; who takes too little misses lines and is told how many bytes. Quiet files cost nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::Builder;
use std::time::{Duration, Instant};

use hyper::body::Bytes;
use pm_client::{CallError, Client, Deadline, ThreadWaker};
use pm_logs::{ReadError, Tail, TailLine, TailRound};
use pm_protocol::{Home, LogSource, Logs};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::Serialize;
use tokio::sync::mpsc::Sender;

use crate::app_pattern::AppPattern;
use crate::clock::now_ms;
use crate::events::aside;
use crate::listener::EventListener;
use crate::logs::{LineRow, OwnedLogs, PageWish, WantedLogs, page};

/// Calls that may wait for the thread.
const CALLS: usize = 256;
/// So long the daemon may take to say where logs lie.
const PATIENCE: Duration = Duration::from_secs(5);
/// When to ask it again if it could not.
const AGAIN: Duration = Duration::from_secs(1);

/// The way to the thread, which lives as long as the panel.
#[derive(Debug)]
pub(crate) struct Tails {
    home: Home,
    waker: ThreadWaker,
    calls: Option<SyncSender<TailCall>>,
}

#[derive(Debug)]
enum TailCall {
    Follow(Box<LogListener>),
    Leave(u64),
    /// Apps came or went.
    LookAgain,
}

/// Who wants to be told lines.
#[derive(Debug)]
pub(crate) struct LogListener {
    id: u64,
    key: GroupKey,
    past: usize,
    events: Sender<Bytes>,
    /// Bytes of lines it was too slow for.
    missed: u64,
    /// It has been told the past.
    begun: bool,
}

impl LogListener {
    /// What a listener wants of logs.
    pub(crate) fn of(listener: &EventListener) -> Option<Self> {
        let wanted = listener.topics.logs.clone()?;
        Some(Self {
            id: listener.id,
            key: GroupKey { wanted, apps: listener.apps.clone().into() },
            past: listener.topics.past,
            events: listener.events.clone(),
            missed: 0,
            begun: false,
        })
    }
}

impl Tails {
    /// No thread yet.
    pub(crate) fn start(home: &Home) -> io::Result<Self> {
        Ok(Self { home: home.clone(), waker: ThreadWaker::new()?, calls: None })
    }

    /// Tells lines to somebody from now on.
    pub(crate) fn follow(&mut self, listener: LogListener) {
        if self.calls.is_none() {
            let (calls, inbox) = sync_channel(CALLS);
            let (home, waker) = (self.home.clone(), self.waker.clone());
            let thread = TailThread {
                home,
                waker,
                listeners: BTreeMap::new(),
                groups: BTreeMap::new(),
                look_at: None,
            };
            // Without a thread there are no lines, and everything else goes on.
            let spawned = Builder::new().name("tails".into()).spawn(move || thread.run(&inbox));
            self.calls = spawned.is_ok().then_some(calls);
        }
        self.call(TailCall::Follow(Box::new(listener)));
    }

    /// Somebody is gone.
    pub(crate) fn leave(&self, id: u64) {
        self.call(TailCall::Leave(id));
    }

    /// Apps came or went, and with them perhaps logs.
    pub(crate) fn look_again(&self) {
        self.call(TailCall::LookAgain);
    }

    /// A queue this long means a thread stuck in a dead file system; then calls are of no use.
    fn call(&self, call: TailCall) {
        if let Some(calls) = &self.calls {
            calls.try_send(call).ok();
            self.waker.wake();
        }
    }
}

/// What is asked for, and by whom: equal ones share a reader.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct GroupKey {
    wanted: WantedLogs,
    apps: String,
}

/// Logs that are followed together.
struct TailGroup {
    tail: Tail,
    owned: OwnedLogs,
    /// When it was looked last which logs there are, in ms since 1970.
    looked: i64,
}

#[derive(Serialize)]
struct LineEvent<'a> {
    lines: Vec<LineRow<'a>>,
    /// Bytes that came too fast to be told.
    #[serde(skip_serializing_if = "is_zero")]
    skipped: u64,
}

/// The first one of a stream: the past, and how to ask for what was before.
#[derive(Serialize)]
struct FirstLines<'a> {
    full: bool,
    lines: Vec<LineRow<'a>>,
    before: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

struct TailThread {
    home: Home,
    waker: ThreadWaker,
    listeners: BTreeMap<u64, LogListener>,
    groups: BTreeMap<GroupKey, TailGroup>,
    /// When to ask the daemon again where logs lie.
    look_at: Option<Instant>,
}

impl TailThread {
    fn run(mut self, inbox: &Receiver<TailCall>) {
        while self.run_calls(inbox).is_continue() {
            let now = Instant::now();
            if self.look_at.is_some_and(|at| at <= now) {
                self.look();
            }
            self.read(now);
            self.wait();
        }
    }

    /// It breaks when no more calls can come.
    fn run_calls(&mut self, inbox: &Receiver<TailCall>) -> ControlFlow<()> {
        self.waker.clear();
        loop {
            match inbox.try_recv() {
                Ok(TailCall::Follow(listener)) => {
                    self.listeners.insert(listener.id, *listener);
                    self.look_at = Some(Instant::now());
                }
                Ok(TailCall::Leave(id)) => self.leave(id),
                Ok(TailCall::LookAgain) if self.listeners.is_empty() => {}
                Ok(TailCall::LookAgain) => self.look_at = Some(Instant::now()),
                Err(TryRecvError::Empty) => return ControlFlow::Continue(()),
                Err(TryRecvError::Disconnected) => return ControlFlow::Break(()),
            }
        }
    }

    fn leave(&mut self, id: u64) {
        self.listeners.remove(&id);
        let is_wanted = |key: &GroupKey| self.listeners.values().any(|it| it.key == *key);
        self.groups.retain(|key, _| is_wanted(key));
    }

    /// Asks where the logs are, follows those that are new, and tells the past to whoever came.
    fn look(&mut self) {
        if self.listeners.is_empty() {
            self.look_at = None;
            return;
        }
        let Ok(sources) = sources(&self.home) else {
            self.look_at = Some(Instant::now() + AGAIN);
            return;
        };
        self.look_at = None;
        let keys: BTreeSet<_> = self.listeners.values().map(|it| it.key.clone()).collect();
        for key in keys {
            let apps = AppPattern::from(key.apps.clone());
            let owned = OwnedLogs::new(&self.home, &sources, &key.wanted, &apps);
            // What can't be read now may be readable when it is looked for again.
            if let Some(group) = self.groups.get_mut(&key) {
                let Ok(lines) = group.extend(owned) else { continue };
                self.tell(&key, &TailRound { lines, skipped: 0 });
            } else if let Ok((tail, _)) = Tail::open(owned.logs.clone(), 0) {
                self.groups.insert(key, TailGroup { tail, owned, looked: now() });
            }
        }
        let begun = self.listeners.values_mut().filter(|listener| !listener.begun);
        for listener in begun {
            if let Some(group) = self.groups.get_mut(&listener.key) {
                group.begin(listener);
            }
        }
    }

    fn read(&mut self, now: Instant) {
        let keys: Vec<_> = self.groups.keys().cloned().collect();
        for key in keys {
            let Some(group) = self.groups.get_mut(&key).filter(|it| it.tail.is_due(now)) else {
                continue;
            };
            match group.tail.read_some() {
                Ok(None) => {}
                Ok(Some(round)) => self.tell(&key, &round),
                // A log that can't be read is tried again with all others of its group.
                Err(_) => {
                    self.groups.remove(&key);
                    self.look_at = Some(Instant::now() + AGAIN);
                }
            }
        }
    }

    /// Tells what came to all who asked for it.
    fn tell(&mut self, key: &GroupKey, round: &TailRound) {
        let Some(group) = self.groups.get(key).filter(|_| !round.lines.is_empty()) else { return };
        let size: usize = round.lines.iter().map(|it| it.line.bytes.len() + it.left_out).sum();
        let rows = || round.lines.iter().filter_map(|line| group.owned.view(line)).collect();
        let mut plain: Option<Bytes> = None;
        let begun = |it: &&mut LogListener| it.begun && it.key == *key;
        for listener in self.listeners.values_mut().filter(begun) {
            let skipped = round.skipped + listener.missed;
            let bytes = match &plain {
                Some(bytes) if listener.missed == 0 => bytes.clone(),
                _ => aside("log", &LineEvent { lines: rows(), skipped }),
            };
            if listener.missed == 0 {
                plain = Some(bytes.clone());
            }
            listener.missed = match listener.events.try_send(bytes) {
                Ok(()) => 0,
                Err(_) => skipped + u64::try_from(size).unwrap_or(u64::MAX),
            };
        }
    }

    /// Sleeps until calls come, a file grows or it is time for one.
    fn wait(&self) {
        let now = Instant::now();
        let due = self.groups.values().filter(|group| group.tail.is_due(now));
        let files: Vec<_> = due.map(|group| group.tail.fd()).collect();
        let mut fds = vec![PollFd::new(&self.waker, PollFlags::IN)];
        fds.extend(files.into_iter().map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
        let next = self.groups.values().filter_map(|group| group.tail.wakes_at());
        let left = next.chain(self.look_at).min().map(|at| at.saturating_duration_since(now));
        let timeout = left.and_then(|left| Timespec::try_from(left).ok());
        // An interruption is as good a reason to look as any.
        poll(&mut fds, timeout.as_ref()).ok();
    }
}

impl TailGroup {
    /// Follows logs that are new; gives what was written into them since it was looked last.
    fn extend(&mut self, owned: OwnedLogs) -> Result<Vec<TailLine>, ReadError> {
        let (since, mut lines) = (self.looked, Vec::new());
        for log in self.owned.extend(owned) {
            lines.extend(self.tail.add(log, since)?);
        }
        self.looked = now();
        Ok(lines)
    }

    /// Tells somebody who came the lines before those that come.
    fn begin(&self, listener: &mut LogListener) {
        let places = self.tail.cursors();
        let wish = PageWish { limit: listener.past, places, ..PageWish::default() };
        let page = if listener.past == 0 { None } else { page(&self.owned, &wish).ok() };
        let (lines, before) = page.map(|page| (page.lines, page.before)).unwrap_or_default();
        let lines = lines.iter().filter_map(|line| self.owned.view(line)).collect();
        let before = before.map(|before| before.to_string());
        let first = aside("log", &FirstLines { full: true, lines, before });
        listener.begun = true;
        // Its queue is new; if it is full all the same, it goes on with what comes.
        listener.events.try_send(first).ok();
    }
}

fn now() -> i64 {
    i64::try_from(now_ms()).unwrap_or(i64::MAX)
}

/// Where the logs of all apps lie.
pub(crate) fn sources(home: &Home) -> Result<Vec<LogSource>, CallError> {
    let mut client = Client::open(home)?;
    let all = Logs { select: Vec::new() };
    Ok(client.call(&all, Deadline::after(PATIENCE))?.sources)
}
