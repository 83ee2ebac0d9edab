//! The scribe's thread: waits for pipes, commands and deadlines, and gives each stream its turn.
//! With nothing to do it sleeps without a deadline.

mod flush;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use rustix::event::{PollFd, PollFlags, Timespec, epoll, poll};
use rustix::io::Errno;

use crate::archive::{Archivist, Job};
use crate::book::{Book, BookId, Shelf};
use crate::flow::{Flow, Next, Wish};
use crate::mover::Glass;
use crate::scribe::{Command, Limits, Loan, Notice, ScribePlan, null};
use crate::sink::{Sink, StreamKey};

/// The bell's place among the slots.
const BELL: u64 = u64::MAX;
/// Streams that get their turn after one wait.
const EVENTS: usize = 64;
/// Buffers beyond this are given back when there is nothing to do.
const MODEST: usize = 64 << 10;

/// What all streams use.
pub(crate) struct Tools {
    pub now: Instant,
    /// Unix milliseconds.
    pub wall: i64,
    pub null: OwnedFd,
    pub glass: Glass,
    pub raw: Vec<u8>,
    pub shaped: Vec<u8>,
    pub limits: Limits,
    pub spools: PathBuf,
    /// Streams that should have their turn, for another one waits for what they do then.
    pub nudges: Vec<StreamKey>,
    archivist: Archivist,
    notices: Box<dyn Fn(Notice) + Send>,
}

impl fmt::Debug for Tools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tools").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Tools {
    /// Looks at the clocks.
    pub(crate) fn tick(&mut self) {
        self.now = Instant::now();
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.wall = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
    }

    pub(crate) fn tell(&self, notice: Notice) {
        (self.notices)(notice);
    }

    /// Tells those who are spliced straight into `book` where it is now.
    pub(crate) fn moved(&self, book: &Book) {
        let keys = book.direct_users();
        if keys.is_empty() {
            return;
        }
        match book.log.file().try_clone() {
            Ok(fd) => self.tell(Notice::Moved { keys, fd }),
            Err(error) => {
                let path = book.log.path().display();
                self.tell(Notice::Warned { text: format!("could not hand over {path}: {error}") });
            }
        }
    }

    /// Renames the log of `book` and has its parts looked after. If it can't be renamed it grows.
    pub(crate) fn rotate(&mut self, book: &mut Book) {
        match book.rotate() {
            Ok(()) => {
                self.moved(book);
                self.archivist.look_after(Job {
                    log: book.log.path().to_path_buf(),
                    owner: book.log.owner(),
                    rotation: *book.log.rotation(),
                    index: book.log.indexes().to_path_buf(),
                });
            }
            Err(error) => {
                let path = book.log.path().display();
                let text = format!("could not rotate {path}: could not {error}");
                if book.may_complain(self.now) {
                    self.tell(Notice::Warned { text });
                }
            }
        }
    }

    fn rest(&mut self) {
        if self.raw.capacity() + self.shaped.capacity() > MODEST {
            (self.raw, self.shaped) = (Vec::new(), Vec::new());
            self.glass.rest();
        }
    }
}

/// A stream and how it is waited for.
#[derive(Debug)]
struct Seat {
    flow: Flow,
    armed: bool,
    deadline: Option<Instant>,
}

/// The thread's belongings.
pub(crate) struct Desk {
    epoll: OwnedFd,
    bell: Arc<OwnedFd>,
    inbox: Receiver<Command>,
    seats: Vec<Option<Seat>>,
    free: Vec<usize>,
    by_key: BTreeMap<StreamKey, usize>,
    deadlines: BTreeSet<(Instant, usize)>,
    shelf: Shelf,
    tools: Tools,
}

impl Desk {
    pub(crate) fn new(
        plan: &ScribePlan,
        notices: Box<dyn Fn(Notice) + Send>,
        (inbox, bell): (Receiver<Command>, Arc<OwnedFd>),
    ) -> Result<Self, Errno> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, &*bell, epoll::EventData::new_u64(BELL), epoll::EventFlags::IN)?;
        let tools = Tools {
            now: Instant::now(),
            wall: 0,
            null: null().map_err(|error| error.errno())?,
            glass: Glass::new()?,
            raw: Vec::new(),
            shaped: Vec::new(),
            limits: plan.limits,
            spools: plan.state_dir.join("spool"),
            nudges: Vec::new(),
            archivist: Archivist::default(),
            notices,
        };
        Ok(Desk {
            epoll,
            bell,
            inbox,
            seats: Vec::new(),
            free: Vec::new(),
            by_key: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            shelf: Shelf::new(&plan.state_dir),
            tools,
        })
    }

    /// Until told to stop.
    pub(crate) fn run(mut self) {
        let mut events = Vec::with_capacity(EVENTS);
        loop {
            let first = self.deadlines.first().map(|first| first.0);
            if first.is_none() {
                self.tools.rest();
            }
            events.clear();
            if let Err(error) = self.wait(first, &mut events) {
                self.tools.tell(Notice::Warned { text: format!("the log thread ends: {error}") });
                return;
            }
            let mut rung = false;
            for event in &events {
                match usize::try_from(event.data.u64()) {
                    Ok(slot) if event.data.u64() != BELL => self.turn(slot),
                    _ => rung = true,
                }
            }
            if rung && !self.obey() {
                return;
            }
            self.tools.tick();
            // Those due by now and no others: a stream with much to do must not keep the rest waiting.
            let later = self.deadlines.split_off(&(self.tools.now, usize::MAX));
            for (_, slot) in std::mem::replace(&mut self.deadlines, later) {
                if let Some(seat) = self.seats.get_mut(slot).and_then(Option::as_mut) {
                    seat.deadline = None;
                }
                self.turn(slot);
            }
        }
    }

    /// `epoll_wait` alone knows milliseconds only; the pauses here are shorter.
    fn wait(&self, first: Option<Instant>, events: &mut Vec<epoll::Event>) -> Result<(), Errno> {
        let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
        let mut timeout = None;
        if let Some(first) = first {
            let left = first.saturating_duration_since(Instant::now());
            let mut fds = [PollFd::new(&self.epoll, PollFlags::IN)];
            let left = Timespec::try_from(left).unwrap_or(zero);
            match poll(&mut fds, Some(&left)) {
                Ok(0) | Err(Errno::INTR) => return Ok(()),
                Ok(_) => timeout = Some(&zero),
                Err(error) => return Err(error),
            }
        }
        match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(events), timeout) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// A turn, and one for each of those it depends on.
    fn turn(&mut self, slot: usize) {
        self.take_turn(slot);
        for key in std::mem::take(&mut self.tools.nudges) {
            if let Some(slot) = self.by_key.get(&key).copied() {
                self.take_turn(slot);
            }
        }
        // Whoever still waits comes again by itself.
        self.tools.nudges.clear();
    }

    fn take_turn(&mut self, slot: usize) {
        let Some(Some(seat)) = self.seats.get_mut(slot) else { return };
        let next = seat.flow.turn(&mut self.shelf, &mut self.tools);
        let (armed, deadline) = match next {
            Next::Ready => (true, None),
            Next::ReadyOr(at) => (true, Some(at)),
            Next::At(at) => (false, Some(at)),
            Next::Never => return self.leave(slot),
        };
        if seat.deadline != deadline {
            if let Some(old) = seat.deadline {
                self.deadlines.remove(&(old, slot));
            }
            if let Some(at) = deadline {
                self.deadlines.insert((at, slot));
            }
            seat.deadline = deadline;
        }
        if seat.armed != armed {
            seat.armed = armed;
            arm(&self.epoll, (&seat.flow, slot), armed);
        }
    }

    fn leave(&mut self, slot: usize) {
        let Some(seat) = self.seats.get_mut(slot).and_then(Option::take) else { return };
        if seat.armed {
            arm(&self.epoll, (&seat.flow, slot), false);
        }
        if let Some(at) = seat.deadline {
            self.deadlines.remove(&(at, slot));
        }
        self.by_key.remove(&seat.flow.key());
        self.free.push(slot);
        if let Some(notice) = seat.flow.close(&mut self.shelf) {
            self.tools.tell(notice);
        }
    }

    /// Does what has been asked; `false` to stop.
    fn obey(&mut self) -> bool {
        let mut count = [0; 8];
        rustix::io::read(&*self.bell, &mut count).ok();
        loop {
            match self.inbox.try_recv() {
                Ok(Command::Attach { key, pipe, fd, sink }) => self.attach(key, (pipe, fd), *sink),
                Ok(Command::Drain(key)) => self.wish(key, Wish::Drain),
                Ok(Command::Detach(key)) => self.wish(key, Wish::Detach),
                Ok(Command::Retune(key, rotation, full)) => {
                    let slot = self.by_key.get(&key).copied();
                    if let Some(Some(seat)) = slot.and_then(|slot| self.seats.get_mut(slot)) {
                        seat.flow.retune(rotation, full, &mut self.shelf);
                    }
                }
                Ok(Command::Flush(logs, done)) => done(self.flush(&logs)),
                Ok(Command::Reopen(done)) => {
                    let failed =
                        self.shelf.ids().into_iter().filter_map(|id| self.reopen(id).err());
                    done(failed.collect());
                }
                Ok(Command::Settle(waiting)) => drop(waiting.send(())),
                Ok(Command::Lend(borrower)) => {
                    // If nobody waits for it any more, nobody needs it.
                    borrower.send(self.lend()).ok();
                    return false;
                }
                Ok(Command::Stop) | Err(TryRecvError::Disconnected) => return false,
                Err(TryRecvError::Empty) => return true,
            }
        }
    }

    fn attach(&mut self, key: StreamKey, (pipe, fd): (OwnedFd, OwnedFd), sink: Sink) {
        if let Some(slot) = self.by_key.get(&key).copied() {
            // The same stream twice: the pipe is the same one, only the handle is new.
            self.leave(slot);
        }
        let mut flow = match Flow::new((key, pipe), sink, &self.tools.spools) {
            Ok(flow) => flow,
            Err(error) => {
                let text = format!("could not take over output of {key:?}: {error}");
                return self.tools.tell(Notice::Warned { text });
            }
        };
        // What can't be opened now is opened, or complained about, when there is something to write.
        if flow.open(&mut self.shelf).is_ok() {
            flow.correct(&fd, &mut self.shelf, &self.tools);
        }
        let slot = self.free.pop().unwrap_or_else(|| {
            self.seats.push(None);
            self.seats.len() - 1
        });
        self.by_key.insert(key, slot);
        arm(&self.epoll, (&flow, slot), true);
        self.seats[slot] = Some(Seat { flow, armed: true, deadline: None });
        // A spool may hold what the last daemon left.
        self.turn(slot);
    }

    fn wish(&mut self, key: StreamKey, wish: Wish) {
        let slot = self.by_key.get(&key).copied();
        match slot.and_then(|slot| Some((slot, self.seats.get_mut(slot)?.as_mut()?))) {
            Some((slot, seat)) => {
                seat.flow.wish = seat.flow.wish.max(wish);
                self.turn(slot);
            }
            None => self.tools.tell(Notice::Drained { key }),
        }
    }

    fn lend(&mut self) -> Vec<Loan> {
        let Self { seats, shelf, tools, .. } = self;
        seats.iter_mut().flatten().filter_map(|seat| seat.flow.lend(shelf, tools)).collect()
    }

    /// The slots of those who write to a book.
    fn slots(&mut self, id: BookId) -> Vec<usize> {
        let users = self.shelf.get(id).map(|book| book.users()).unwrap_or_default();
        users.iter().filter_map(|key| self.by_key.get(key).copied()).collect()
    }

    fn reopen(&mut self, id: BookId) -> Result<(), String> {
        let Some(book) = self.shelf.get(id) else { return Ok(()) };
        if book.log.is_in_place() {
            return Ok(());
        }
        let opened = book.log.reopen().and_then(|_| book.follow_file());
        opened.map_err(|error| format!("could not {error}"))?;
        self.tools.moved(book);
        Ok(())
    }
}

fn arm(epoll: &OwnedFd, (flow, slot): (&Flow, usize), armed: bool) {
    let data = epoll::EventData::new_u64(slot as u64);
    // Not by an empty interest: the end of a pipe would be told all the same, again and again.
    let changed = if armed {
        epoll::add(epoll, flow.pipe().as_fd(), data, epoll::EventFlags::IN)
    } else {
        epoll::delete(epoll, flow.pipe().as_fd())
    };
    // It can only fail for a descriptor that is no pipe, and then there is nothing to wait for.
    changed.ok();
}
