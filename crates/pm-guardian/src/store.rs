//! What outlives the daemon: descriptors by run, and the ends of runs until they are acknowledged.
//! Bounded by our table of descriptors: without an item there is no exit, and one exit per run.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;

use crate::epoll_set::{EpollSet, EventFlags};
use crate::message::{ItemKind, ItemName, LeaderExit, WaitStatus};
use crate::mover::{MoveOutcome, move_once};
use crate::sys::{self, Zombie};

/// The first number that names an item in the watch; smaller ones belong to the guardian.
pub(crate) const FIRST_ITEM: u64 = 16;

/// How long a process that is not our child may stay a zombie before its end is told without a
/// status: its parent doesn't reap, or the kernel (before 6.9) doesn't report the reaping.
const ZOMBIE_LIMIT_MS: i64 = 5_000;

/// A run and the number of one of its items.
pub(crate) type ItemKey = (u64, u8);

/// Where an item stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ItemState {
    /// Merely kept.
    Quiet,
    /// In the watch: output while no daemon runs, or a process that is not our child.
    Watched,
    /// To be tried again: a file that took nothing, or a stranger's zombie, since then.
    Stuck {
        /// Milliseconds since boot.
        since: i64,
    },
    /// The pipe has ended, or the process's end is recorded.
    Over,
}

/// A kept item.
#[derive(Debug)]
pub(crate) struct StoredItem {
    pub(crate) kind: ItemKind,
    pub(crate) name: ItemName,
    pub(crate) descriptors: Vec<OwnedFd>,
    pub(crate) state: ItemState,
    number: u64,
}

impl StoredItem {
    pub(crate) fn borrowed(&self) -> Vec<BorrowedFd<'_>> {
        self.descriptors.iter().map(AsFd::as_fd).collect()
    }
}

/// The end of a run, and how old the process was: of a run whose leader isn't known yet, the
/// oldest process is the leader.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExitRecord {
    pub(crate) exit: LeaderExit,
    /// Start in clock ticks since boot.
    pub(crate) started: u64,
}

/// The guardian's memory.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) epoll: EpollSet,
    /// Boxed: a map that only grows at its end is half empty.
    items: BTreeMap<ItemKey, Box<StoredItem>>,
    numbers: BTreeMap<u64, ItemKey>,
    /// Pid of each run's leader. A pid may be used again: see [`Store::record_child`].
    leaders: BTreeMap<i32, ItemKey>,
    next_number: u64,
    exits: BTreeMap<u64, ExitRecord>,
    untold: BTreeSet<u64>,
    /// When to try again what is stuck, in milliseconds since boot.
    pub(crate) retry_at: Option<i64>,
}

impl Store {
    pub(crate) fn new(epoll: EpollSet) -> Self {
        Self {
            epoll,
            items: BTreeMap::new(),
            numbers: BTreeMap::new(),
            leaders: BTreeMap::new(),
            next_number: FIRST_ITEM,
            exits: BTreeMap::new(),
            untold: BTreeSet::new(),
            retry_at: None,
        }
    }

    pub(crate) fn items(&self) -> &BTreeMap<ItemKey, Box<StoredItem>> {
        &self.items
    }

    pub(crate) fn exits(&self) -> &BTreeMap<u64, ExitRecord> {
        &self.exits
    }

    /// Keeps an item, in place of the one with the same key. The caller has checked that the
    /// descriptors are as many as the kind wants.
    pub(crate) fn keep(
        &mut self,
        key: ItemKey,
        kind: ItemKind,
        name: ItemName,
        descriptors: Vec<OwnedFd>,
    ) {
        self.forget(key);
        let number = self.next_number;
        self.next_number += 1;
        self.numbers.insert(number, key);
        let item = StoredItem { kind, name, descriptors, state: ItemState::Quiet, number };
        self.items.insert(key, Box::new(item));
        if let ItemKind::Pidfd { pid } = kind {
            self.leaders.insert(pid, key);
            self.set_leader(key, pid);
        }
    }

    /// The output of a stream goes into another file from now on.
    pub(crate) fn redirect(&mut self, key: ItemKey, sink: Vec<OwnedFd>) {
        let item = self.items.get_mut(&key).filter(|item| item.kind == ItemKind::Stream);
        if let (Some(item), Some(sink)) = (item, sink.into_iter().next()) {
            item.descriptors.truncate(1);
            item.descriptors.push(sink);
        }
    }

    /// Now the run's leader is known: an exit of another process of the run is nobody's, and a
    /// process that is not our child must be watched.
    fn set_leader(&mut self, key: ItemKey, pid: i32) {
        let known = self.exits.get(&key.0).map(|record| record.exit.pid);
        if known.is_some_and(|other| other != pid) {
            self.exits.remove(&key.0);
            self.untold.remove(&key.0);
        }
        let Some(item) = self.items.get_mut(&key) else { return };
        if known == Some(pid) {
            item.state = ItemState::Over;
        } else if let Some(pidfd) = item.descriptors.first()
            && !sys::is_child(pidfd.as_fd())
        {
            let flags = EventFlags::IN | EventFlags::ONESHOT;
            item.state = match self.epoll.add(pidfd, item.number, flags) {
                Ok(()) => ItemState::Watched,
                Err(_) => ItemState::Quiet,
            };
        }
    }

    /// Forgets one item, or all of a run.
    pub(crate) fn drop_items(&mut self, tag: u64, slot: Option<u8>) {
        let keys: Vec<ItemKey> = match slot {
            Some(slot) => vec![(tag, slot)],
            None => self.items.range((tag, 0)..=(tag, u8::MAX)).map(|(key, _)| *key).collect(),
        };
        for key in keys {
            self.forget(key);
        }
    }

    fn forget(&mut self, key: ItemKey) {
        if let Some(item) = self.items.remove(&key) {
            self.numbers.remove(&item.number);
            if let Some(first) = item.descriptors.first() {
                self.epoll.remove(first);
            }
            if let ItemKind::Pidfd { pid } = item.kind
                && self.leaders.get(&pid) == Some(&key)
            {
                self.leaders.remove(&pid);
            }
        }
    }

    /// Whether a run's leader has, or had, this pid.
    pub(crate) fn is_leader(&self, pid: i32) -> bool {
        self.leaders.contains_key(&pid)
    }

    fn knows(&self, tag: u64) -> bool {
        self.items.range((tag, 0)..=(tag, u8::MAX)).next().is_some()
    }

    /// The key and pid of a run's leader, if its pidfd is kept.
    fn leader(&self, tag: u64) -> Option<(ItemKey, i32)> {
        self.items.range((tag, 0)..=(tag, u8::MAX)).find_map(|(key, item)| match item.kind {
            ItemKind::Pidfd { pid } => Some((*key, pid)),
            ItemKind::Stream | ItemKind::Other => None,
        })
    }

    /// Records the end of a child that isn't reaped yet, if it is a run's leader or may be one.
    /// Its pidfd decides, not its tag: a leader that called `su` has lost its tag.
    pub(crate) fn record_child(&mut self, zombie: Zombie, tag: Option<u64>) {
        let Zombie { pid, status } = zombie;
        let key = self.leaders.get(&pid).copied().filter(|key| {
            let pidfd = self.items.get(key).and_then(|item| item.descriptors.first());
            // The pid may have gone to another process; then the pidfd's is no child any more.
            pidfd.is_some_and(|pidfd| sys::is_child(pidfd.as_fd()))
        });
        if let Some(key) = key {
            return self.record_leader(key, pid, status);
        }
        let Some(tag) = tag.filter(|tag| self.knows(*tag) && self.leader(*tag).is_none()) else {
            return;
        };
        // The daemon died before it could say who the leader is: the oldest process of the run.
        let started = sys::start_of(pid);
        let known = self.exits.get(&tag).map(|record| (record.started, record.exit.pid));
        if known.is_none_or(|older| (started, pid) < older) {
            self.restore_exit(ExitRecord { exit: exit_now(tag, pid, status), started });
        }
    }

    fn record_leader(&mut self, key: ItemKey, pid: i32, status: WaitStatus) {
        let item = self.items.get_mut(&key).filter(|item| item.state != ItemState::Over);
        let Some(item) = item else { return };
        item.state = ItemState::Over;
        self.restore_exit(ExitRecord { exit: exit_now(key.0, pid, status), started: 0 });
    }

    /// Keeps an exit as it is, to be told.
    pub(crate) fn restore_exit(&mut self, record: ExitRecord) {
        self.untold.insert(record.exit.tag);
        self.exits.insert(record.exit.tag, record);
    }

    /// After a hand-over from another image of us: the leader's end is recorded already, also
    /// when its exit was acknowledged.
    pub(crate) fn restore_over(&mut self, key: ItemKey) {
        if let Some(item) = self.items.get_mut(&key) {
            item.state = ItemState::Over;
            if let Some(first) = item.descriptors.first() {
                self.epoll.remove(first);
            }
        }
    }

    /// The daemon has written the exit down.
    pub(crate) fn acknowledge(&mut self, tag: u64, pid: i32) {
        if self.exits.get(&tag).is_some_and(|record| record.exit.pid == pid) {
            self.exits.remove(&tag);
            self.untold.remove(&tag);
        }
    }

    /// An exit this daemon hasn't been told.
    pub(crate) fn untold(&self) -> Option<LeaderExit> {
        self.untold.first().and_then(|tag| self.exits.get(tag)).map(|record| record.exit)
    }

    pub(crate) fn told(&mut self, tag: u64) {
        self.untold.remove(&tag);
    }

    /// A new daemon has been told nothing.
    pub(crate) fn untell_all(&mut self) {
        self.untold = self.exits.keys().copied().collect();
    }

    /// Starts to watch all output. Only when no daemon lives.
    pub(crate) fn watch_output(&mut self) {
        for item in self.items.values_mut().filter(|item| item.kind == ItemKind::Stream) {
            if let (ItemState::Quiet, Some(pipe)) = (item.state, item.descriptors.first())
                && self.epoll.add(pipe, item.number, EventFlags::IN).is_ok()
            {
                item.state = ItemState::Watched;
            }
        }
    }

    /// Leaves all output alone: a daemon is about to be born.
    pub(crate) fn leave_output(&mut self) {
        for item in self.items.values_mut().filter(|item| item.kind == ItemKind::Stream) {
            if let (ItemState::Watched, Some(pipe)) = (item.state, item.descriptors.first()) {
                self.epoll.remove(pipe);
            }
            item.state = ItemState::Quiet;
        }
    }

    /// Something happened to the item with this number.
    pub(crate) fn on_event(&mut self, number: u64, flags: EventFlags) {
        let Some(key) = self.numbers.get(&number).copied() else { return };
        match self.items.get(&key).map(|item| item.kind) {
            Some(ItemKind::Stream) => self.move_output(key),
            Some(ItemKind::Pidfd { pid }) => self.on_foreign_exit(key, pid, flags),
            Some(ItemKind::Other) | None => {}
        }
    }

    fn move_output(&mut self, key: ItemKey) {
        let Some(item) = self.items.get_mut(&key).filter(|item| item.state == ItemState::Watched)
        else {
            return;
        };
        let [pipe, sink] = item.descriptors.as_slice() else { return };
        item.state = match move_once(pipe.as_fd(), sink.as_fd()) {
            MoveOutcome::Some | MoveOutcome::Empty => return,
            MoveOutcome::End => ItemState::Over,
            MoveOutcome::Refused(_) => ItemState::Stuck { since: sys::boot_ms() },
        };
        self.epoll.remove(pipe);
        if item.state != ItemState::Over {
            self.retry_at = Some(sys::boot_ms() + 250);
        }
    }

    /// A process that is not our child has ended; how, the kernel tells once it was reaped. Its
    /// parent may take its time (the first process of a container often does), so a zombie is
    /// asked at once.
    fn on_foreign_exit(&mut self, key: ItemKey, pid: i32, flags: EventFlags) {
        let now = sys::boot_ms();
        let Some(item) = self.items.get_mut(&key) else { return };
        let since = match item.state {
            ItemState::Quiet | ItemState::Watched => now,
            ItemState::Stuck { since } => since,
            ItemState::Over => return,
        };
        let pidfd = item.descriptors.first();
        let status = pidfd.map_or(WaitStatus::Unknown, |pidfd| sys::ending_of(pidfd.as_fd(), pid));
        let may_be_told = !flags.contains(EventFlags::HUP) && now - since < ZOMBIE_LIMIT_MS;
        if status == WaitStatus::Unknown && may_be_told {
            item.state = ItemState::Stuck { since };
            self.retry_at = Some(now + 50);
            return;
        }
        self.record_leader(key, pid, status);
    }

    /// Tries again what was stuck.
    pub(crate) fn retry(&mut self) {
        self.retry_at = None;
        for item in self.items.values_mut() {
            let (ItemState::Stuck { .. }, Some(first)) = (item.state, item.descriptors.first())
            else {
                continue;
            };
            let flags = if item.kind == ItemKind::Stream {
                item.state = ItemState::Watched;
                EventFlags::IN
            } else {
                EventFlags::IN | EventFlags::ONESHOT
            };
            match self.epoll.add(first, item.number, flags) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(_) => item.state = ItemState::Quiet,
            }
        }
    }
}

fn exit_now(tag: u64, pid: i32, status: WaitStatus) -> LeaderExit {
    LeaderExit { tag, pid, status, unix_ms: sys::unix_ms(), boot_ms: sys::boot_ms() }
}
