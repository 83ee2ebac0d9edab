//! The log writer's thread: waits for pipes, commands and deadlines, and gives each stream its turn.
//! With nothing to do it sleeps without a deadline.

mod flush;

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, epoll, poll};
use rustix::io::Errno;

use crate::log_users::LogUsers;
use crate::messages::{
    HandedStream, LogWriterPlan, Notice, NoticeCallback, StreamTarget, WriterCommand,
};
use crate::open_logs::{LeaveReason, LogId, OpenLogs};
use crate::sink::{Sink, StreamKey};
use crate::stream_state::{LogHolding, NextTurn, StreamState};
use crate::tools::WriterTools;

/// The wake descriptor's place among the slots.
const WAKE: u64 = u64::MAX;
/// Streams that get their turn after one wait.
const EVENTS: usize = 64;

/// A stream and how it is waited for.
#[derive(Debug)]
struct StreamSlot {
    state: StreamState,
    armed: bool,
    deadline: Option<Instant>,
}

/// The thread's belongings.
pub(crate) struct WriterLoop {
    epoll: OwnedFd,
    wake: Arc<OwnedFd>,
    inbox: Receiver<WriterCommand>,
    streams: Vec<Option<StreamSlot>>,
    free: Vec<usize>,
    by_key: BTreeMap<StreamKey, usize>,
    deadlines: BTreeSet<(Instant, usize)>,
    logs: OpenLogs,
    tools: WriterTools,
}

impl WriterLoop {
    pub(crate) fn new(
        plan: &LogWriterPlan,
        notices: NoticeCallback,
        (inbox, wake): (Receiver<WriterCommand>, Arc<OwnedFd>),
        users: &Arc<LogUsers>,
    ) -> Result<Self, Errno> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, &*wake, epoll::EventData::new_u64(WAKE), epoll::EventFlags::IN)?;
        Ok(WriterLoop {
            epoll,
            wake,
            inbox,
            streams: Vec::new(),
            free: Vec::new(),
            by_key: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            logs: OpenLogs::new(&plan.state_dir, users),
            tools: WriterTools::new(plan, notices)?,
        })
    }

    /// Until told to stop.
    pub(crate) fn run(mut self) {
        let mut events = Vec::with_capacity(EVENTS);
        loop {
            let first = self.deadlines.first().map(|first| first.0);
            if first.is_none() {
                self.tools.free_buffers();
            }
            events.clear();
            if let Err(error) = self.wait(first, &mut events) {
                self.tools.tell(Notice::Warned { text: format!("the log thread ends: {error}") });
                return;
            }
            let mut rung = false;
            for event in &events {
                match usize::try_from(event.data.u64()) {
                    Ok(slot) if event.data.u64() != WAKE => self.turn(slot),
                    _ => rung = true,
                }
            }
            if rung && !self.run_commands() {
                return;
            }
            self.tools.tick();
            // Those due by now and no others: a stream with much to do must not keep the rest waiting.
            let later = self.deadlines.split_off(&(self.tools.now, usize::MAX));
            for (_, slot) in std::mem::replace(&mut self.deadlines, later) {
                if let Some(stream) = self.streams.get_mut(slot).and_then(Option::as_mut) {
                    stream.deadline = None;
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
        for key in std::mem::take(&mut self.tools.others_due) {
            if let Some(slot) = self.by_key.get(&key).copied() {
                self.take_turn(slot);
            }
        }
        // Whoever still waits comes again by itself.
        self.tools.others_due.clear();
    }

    fn take_turn(&mut self, slot: usize) {
        let Some(Some(stream)) = self.streams.get_mut(slot) else { return };
        let next = stream.state.turn(&mut self.logs, &mut self.tools);
        stream.state.spare(&mut self.logs);
        let (armed, deadline) = match next {
            NextTurn::Ready => (true, None),
            NextTurn::ReadyOr(at) => (true, Some(at)),
            NextTurn::At(at) => (false, Some(at)),
            NextTurn::Never => {
                let key = stream.state.key();
                self.leave(slot, LeaveReason::Over);
                return self.tools.tell(Notice::Ended { key });
            }
        };
        if stream.deadline != deadline {
            if let Some(old) = stream.deadline {
                self.deadlines.remove(&(old, slot));
            }
            if let Some(at) = deadline {
                self.deadlines.insert((at, slot));
            }
            stream.deadline = deadline;
        }
        if stream.armed != armed {
            stream.armed = armed;
            arm(&self.epoll, (&stream.state, slot), armed);
        }
    }

    fn leave(&mut self, slot: usize, leaving: LeaveReason) {
        let Some(stream) = self.streams.get_mut(slot).and_then(Option::take) else { return };
        if stream.armed {
            arm(&self.epoll, (&stream.state, slot), false);
        }
        if let Some(at) = stream.deadline {
            self.deadlines.remove(&(at, slot));
        }
        self.by_key.remove(&stream.state.key());
        self.free.push(slot);
        stream.state.close(&mut self.logs, leaving);
    }

    /// Does what has been asked; `false` to stop.
    fn run_commands(&mut self) -> bool {
        let mut count = [0; 8];
        rustix::io::read(&*self.wake, &mut count).ok();
        loop {
            match self.inbox.try_recv() {
                Ok(WriterCommand::Attach { key, pipe, target, sink }) => {
                    self.attach(key, (pipe, &target), *sink);
                }
                Ok(WriterCommand::Retune(key, rotation, full)) => {
                    let slot = self.by_key.get(&key).copied();
                    if let Some(Some(stream)) = slot.and_then(|slot| self.streams.get_mut(slot)) {
                        stream.state.reconfigure(rotation, full, &mut self.logs);
                    }
                }
                Ok(WriterCommand::Flush(logs, done)) => done(self.flush(&logs)),
                Ok(WriterCommand::Reopen(done)) => {
                    let failed = self.logs.ids().into_iter().filter_map(|id| self.reopen(id).err());
                    done(failed.collect());
                }
                Ok(WriterCommand::Settle(waiting)) => drop(waiting.send(())),
                Ok(WriterCommand::Lend(receiver)) => {
                    // If nobody waits for it any more, nobody needs it.
                    receiver.send(self.hand_over()).ok();
                    return false;
                }
                Ok(WriterCommand::Stop) | Err(TryRecvError::Disconnected) => return false,
                Err(TryRecvError::Empty) => return true,
            }
        }
    }

    fn attach(&mut self, key: StreamKey, (pipe, target): (OwnedFd, &StreamTarget), sink: Sink) {
        if let Some(slot) = self.by_key.get(&key).copied() {
            // The same stream twice: the pipe is the same one, only the handle is new.
            self.leave(slot, LeaveReason::Resumed);
        }
        let holding = if target.fd.is_some() { LogHolding::Always } else { LogHolding::AtNeed };
        let mut state = match StreamState::new((key, pipe, holding), sink, &self.tools.spools) {
            Ok(state) => state,
            Err(error) => {
                let text = format!("could not take over output of {key:?}: {error}");
                return self.tools.tell(Notice::Warned { text });
            }
        };
        // What can't be opened now is opened, or complained about, when there is something to write.
        if state.open(&mut self.logs).is_ok()
            && let Some(fd) = &target.fd
        {
            state.correct(fd, &mut self.logs, &self.tools);
        }
        let slot = self.free.pop().unwrap_or_else(|| {
            self.streams.push(None);
            self.streams.len() - 1
        });
        self.by_key.insert(key, slot);
        arm(&self.epoll, (&state, slot), true);
        self.streams[slot] = Some(StreamSlot { state, armed: true, deadline: None });
        // A spool may hold what the last daemon left.
        self.turn(slot);
    }

    fn hand_over(&mut self) -> Vec<HandedStream> {
        let streams = std::mem::take(&mut self.streams).into_iter().flatten();
        let given = streams.map(|stream| stream.state.hand_over(&mut self.logs));
        given.collect()
    }

    /// The slots of those who write to a log.
    fn slots(&mut self, id: LogId) -> Vec<usize> {
        let users = self.logs.get(id).map(|log| log.users()).unwrap_or_default();
        users.iter().filter_map(|key| self.by_key.get(key).copied()).collect()
    }

    fn reopen(&mut self, id: LogId) -> Result<(), String> {
        let Some(log) = self.logs.get(id) else { return Ok(()) };
        if log.file.is_in_place() {
            return Ok(());
        }
        let opened = log.file.reopen().and_then(|_| log.follow_file());
        opened.map_err(|error| format!("could not {error}"))?;
        self.tools.moved(log);
        Ok(())
    }
}

fn arm(epoll: &OwnedFd, (state, slot): (&StreamState, usize), armed: bool) {
    let data = epoll::EventData::new_u64(slot as u64);
    // Not by an empty interest: the end of a pipe would be told all the same, again and again.
    let changed = if armed {
        epoll::add(epoll, state.pipe().as_fd(), data, epoll::EventFlags::IN)
    } else {
        epoll::delete(epoll, state.pipe().as_fd())
    };
    // It can only fail for a descriptor that is no pipe, and then there is nothing to wait for.
    changed.ok();
}
