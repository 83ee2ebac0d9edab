//! One living daemon as the guardian sees it: its process, its end of the talk, and what it is
//! still to be told. There is no queue: what comes next is computed from the store when the
//! socket has room, so a daemon that doesn't listen costs nothing.

use std::ffi::OsStr;
use std::io;
use std::ops::Bound::{Excluded, Unbounded};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use rustix::net::SendFlags;
use rustix::process::{Pid, Rlimit, Signal, kill_process};

use crate::daemon_log::DaemonLog;
use crate::epoll_set::{EpollSet, EventFlags};
use crate::link::LINK_VARIABLE;
use crate::message::{FromGuardian, StartReason};
use crate::oom_score;
use crate::packet;
use crate::respawn::Respawn;
use crate::store::{ItemKey, Store};
use crate::sys;

/// Who the daemon is to us.
#[derive(Debug)]
pub(crate) enum DaemonProcess {
    /// Our child; its death comes with SIGCHLD.
    Child(i32),
    /// The daemon that started us; `None` until it has sent its pidfd.
    Predecessor(Option<OwnedFd>),
}

/// How far the list has been told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ListProgress {
    /// Not asked for, or complete.
    No,
    /// Up to this item; `None`: from the start.
    After(Option<ItemKey>),
}

/// How a round of sending ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SendProgress {
    /// Everything is told.
    All,
    /// The socket is full.
    Full,
    /// The system wants us to try later although the socket may have room.
    Later,
    /// Nobody is there.
    Gone,
}

/// A daemon, from its start until it is reaped.
#[derive(Debug)]
pub(crate) struct Daemon {
    pub(crate) process: DaemonProcess,
    pub(crate) link: OwnedFd,
    pub(crate) born_ms: i64,
    pub(crate) is_ready: bool,
    /// It knows the whole list and wants news.
    pub(crate) has_adopted: bool,
    /// Still to be told before anything else: who it is, or a ping.
    pub(crate) urgent: Option<FromGuardian>,
    /// Still to be given the listening socket.
    pub(crate) wants_listener: bool,
    pub(crate) listing: ListProgress,
    /// What the watch reports of the link now.
    watched: EventFlags,
}

impl Daemon {
    /// Starts one as our child.
    pub(crate) fn start(
        respawn: &Respawn,
        daemon_log: &DaemonLog,
        (files, oom_score): (Rlimit, Option<i32>),
        greeting: (u32, StartReason),
    ) -> io::Result<Self> {
        let (link, theirs) = packet::pair()?;
        let mut words = respawn.command.iter().map(|word| OsStr::from_bytes(word.to_bytes()));
        let program = words.next().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        let mut command = Command::new(program);
        command.arg0(program).args(words);
        command.env(LINK_VARIABLE, theirs.as_raw_fd().to_string()).env_remove("NOTIFY_SOCKET");
        oom_score::pass_on(&mut command, oom_score);
        command.stdin(Stdio::null()).stdout(daemon_log.stdio()).stderr(daemon_log.stdio());
        sys::prepare_child(&mut command, &theirs, files);
        let child = command.spawn()?;
        let pid = i32::try_from(child.id()).map_err(io::Error::other)?;
        let (number, why) = greeting;
        Ok(Self {
            urgent: Some(FromGuardian::Incarnation { number, why }),
            wants_listener: true,
            ..Self::over(DaemonProcess::Child(pid), link)
        })
    }

    /// One that is already there.
    pub(crate) fn over(process: DaemonProcess, link: OwnedFd) -> Self {
        Self {
            process,
            link,
            born_ms: sys::boot_ms(),
            is_ready: false,
            has_adopted: false,
            urgent: None,
            wants_listener: false,
            listing: ListProgress::No,
            watched: EventFlags::IN,
        }
    }

    pub(crate) fn is_child(&self, pid: i32) -> bool {
        matches!(self.process, DaemonProcess::Child(own) if own == pid)
    }

    /// Tells it to end; what that means is its decision. Its pid can't be a stranger's, for only
    /// we reap it.
    pub(crate) fn ask_to_end(&self) {
        if let DaemonProcess::Child(pid) = self.process
            && let Some(pid) = Pid::from_raw(pid)
        {
            kill_process(pid, Signal::TERM).ok();
        }
    }

    /// Whether it answers requests and nothing is half told.
    pub(crate) fn is_settled(&self) -> bool {
        self.is_ready
            && self.urgent.is_none()
            && !self.wants_listener
            && self.listing == ListProgress::No
    }

    /// Changes what wakes us, if it isn't that already.
    pub(crate) fn watch_for(&mut self, flags: EventFlags, epoll: &EpollSet, number: u64) {
        if self.watched != flags && epoll.add(&self.link, number, flags).is_ok() {
            self.watched = flags;
        }
    }

    /// Tells as much as the socket takes.
    pub(crate) fn tell(
        &mut self,
        store: &mut Store,
        listener: Option<BorrowedFd<'_>>,
    ) -> SendProgress {
        let mut bytes = Vec::with_capacity(128);
        while let Some(message) = self.next(store, listener.is_some()) {
            let descriptors = match message {
                FromGuardian::Listener => listener.into_iter().collect(),
                FromGuardian::Item { tag, slot, .. } => {
                    store.items().get(&(tag, slot)).map(|item| item.borrowed()).unwrap_or_default()
                }
                FromGuardian::Incarnation { .. }
                | FromGuardian::Ping
                | FromGuardian::EndOfList
                | FromGuardian::Exit(_) => Vec::new(),
            };
            bytes.clear();
            message.encode(&mut bytes);
            match packet::send(self.link.as_fd(), &bytes, &descriptors, SendFlags::DONTWAIT) {
                Ok(()) => self.advance(message, store),
                Err(rustix::io::Errno::AGAIN) => return SendProgress::Full,
                Err(error) if packet::is_momentary(error) => return SendProgress::Later,
                Err(_) => return SendProgress::Gone,
            }
        }
        SendProgress::All
    }

    /// What comes next. Exits go before items and the list's end, so that a daemon which knows
    /// the list knows every end that came before; and none goes to a daemon that hasn't asked,
    /// for it may not know the run yet (supervision.md 3, trap 1).
    fn next(&self, store: &Store, has_listener: bool) -> Option<FromGuardian> {
        if self.urgent.is_some() {
            return self.urgent;
        }
        if self.wants_listener && has_listener {
            return Some(FromGuardian::Listener);
        }
        if (self.has_adopted || self.listing != ListProgress::No)
            && let Some(exit) = store.untold()
        {
            return Some(FromGuardian::Exit(exit));
        }
        let ListProgress::After(last) = self.listing else { return None };
        let from = last.map_or(Unbounded, Excluded);
        let item = store.items().range((from, Unbounded)).next();
        Some(item.map_or(FromGuardian::EndOfList, |((tag, slot), item)| FromGuardian::Item {
            tag: *tag,
            slot: *slot,
            kind: item.kind,
            name: item.name,
        }))
    }

    fn advance(&mut self, told: FromGuardian, store: &mut Store) {
        match told {
            FromGuardian::Incarnation { .. } | FromGuardian::Ping => self.urgent = None,
            FromGuardian::Listener => self.wants_listener = false,
            FromGuardian::Exit(exit) => store.told(exit.tag),
            FromGuardian::Item { tag, slot, .. } => {
                self.listing = ListProgress::After(Some((tag, slot)));
            }
            FromGuardian::EndOfList => self.listing = ListProgress::No,
        }
    }
}
