//! What the guardian looks after besides its daemon's words: its lock and socket, and whether the daemon works.

use std::os::fd::BorrowedFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process};

use crate::daemon::DaemonProcess;
use crate::epoll_set::EventFlags;
use crate::guardian::{Guardian, LISTENER};
use crate::home_lock::LockCheck;
use crate::message::FromGuardian;
use crate::sys;
use crate::watchdog::{PendingWork, WatchdogAction};

impl Guardian {
    /// Puts lock and socket back, and gives the daemon a new socket.
    pub(crate) fn check_home(&mut self) {
        match self.home_lock.check() {
            Ok(LockCheck::Restored) => {
                self.log.note("somebody removed the socket; it is back");
                self.watch_callers();
                if let Some(daemon) = &mut self.daemon {
                    daemon.wants_listener = true;
                }
            }
            Ok(LockCheck::Taken { is_news: true }) => {
                let end =
                    format!("our apps run on; to end them and us: kill {}", std::process::id());
                self.log.note(&format!("another guardian began in our removed home; {end}"));
            }
            Ok(LockCheck::Intact | LockCheck::Taken { is_news: false }) => {}
            Err(error) => self.log.note(&format!("could not {}", error.with_cause())),
        }
    }

    /// Lets the next caller wake us, once: then the daemon has work.
    pub(crate) fn watch_callers(&mut self) {
        if let Some(listener) = self.home_lock.listener() {
            self.store.epoll.add(listener, LISTENER, EventFlags::IN | EventFlags::ONESHOT).ok();
        }
    }

    /// Calls nobody has taken and ends nobody has acknowledged are what a daemon that hangs leaves undone.
    pub(crate) fn check_daemon(&mut self) {
        let Some(daemon) = self.daemon.as_mut().filter(|daemon| daemon.is_ready) else {
            return self.watchdog.disarm();
        };
        let DaemonProcess::Child(pid) = daemon.process else { return self.watchdog.disarm() };
        let now = sys::awake_ms();
        let has_ends = daemon.has_adopted && !self.store.exits().is_empty();
        if has_ends {
            self.watchdog.arm(now);
        }
        if self.watchdog.deadline().is_none_or(|at| at > now) {
            return;
        }
        let waits = has_ends || self.home_lock.listener().is_some_and(has_callers);
        let state = sys::state_of(pid);
        // Stopped by a debugger; waiting for a disk, as its successor would.
        let work = match state {
            _ if !waits => PendingWork::None,
            Some(b't' | b'D') => PendingWork::Blocked,
            _ => PendingWork::Waiting,
        };
        match self.watchdog.check(now, work) {
            WatchdogAction::Wait => {}
            WatchdogAction::Disarmed => self.watch_callers(),
            WatchdogAction::Ping => _ = daemon.urgent.get_or_insert(FromGuardian::Ping),
            WatchdogAction::Kill => {
                let state = state.map_or('?', char::from);
                let number = self.number;
                self.log.note(&format!(
                    "daemon {number} (pid {pid}, state {state}) does not answer: killed"
                ));
                // It can't be a stranger's number, for only we reap it.
                if let Some(pid) = Pid::from_raw(pid) {
                    kill_process(pid, Signal::KILL).ok();
                }
            }
        }
    }
}

fn has_callers(listener: BorrowedFd<'_>) -> bool {
    let mut watched = [PollFd::from_borrowed_fd(listener, PollFlags::IN)];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut watched, Some(&at_once)).is_ok_and(|ready| ready > 0)
}
