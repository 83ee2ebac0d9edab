//! What the guardian looks after besides its daemon's words: its place in the home, and whether the daemon works.

use std::os::fd::BorrowedFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process};

use crate::daemon::{Kinship, Question};
use crate::guardian::{Guardian, LISTENER, source_of};
use crate::seat::Found;
use crate::sys;
use crate::vigil::{Step, Work};
use crate::watch::EventFlags;

impl Guardian {
    /// Puts lock and socket back, and gives the daemon a new socket.
    pub(crate) fn check_seat(&mut self) {
        match self.seat.check() {
            Ok(Found::Restored) => {
                self.diary.note("somebody removed the socket; it is back");
                self.watch_callers();
                if let Some(daemon) = &mut self.daemon {
                    daemon.wants_listener = true;
                }
            }
            Ok(Found::Taken { is_news: true }) => {
                let end =
                    format!("our apps run on; to end them and us: kill {}", std::process::id());
                self.diary.note(&format!("another guardian began in our removed home; {end}"));
            }
            Ok(Found::Whole | Found::Taken { is_news: false }) => {}
            Err(error) => self.diary.note(&format!("could not {error}: {}", source_of(&error))),
        }
    }

    /// Lets the next caller wake us, once: then the daemon has work.
    pub(crate) fn watch_callers(&mut self) {
        if let Some(listener) = self.seat.listener() {
            self.store.watch.add(listener, LISTENER, EventFlags::IN | EventFlags::ONESHOT).ok();
        }
    }

    /// Calls nobody has taken and ends nobody has acknowledged are what a daemon that hangs leaves undone.
    pub(crate) fn keep_vigil(&mut self) {
        let Some(daemon) = self.daemon.as_mut().filter(|daemon| daemon.is_ready) else {
            return self.vigil.end();
        };
        let Kinship::Child(pid) = daemon.process else { return self.vigil.end() };
        let now = sys::awake_ms();
        let has_ends = daemon.has_adopted && !self.store.exits().is_empty();
        if has_ends {
            self.vigil.begin(now);
        }
        if self.vigil.deadline().is_none_or(|at| at > now) {
            return;
        }
        let waits = has_ends || self.seat.listener().is_some_and(has_callers);
        let state = sys::state_of(pid);
        // Stopped by a debugger; waiting for a disk, as its successor would.
        let work = match state {
            _ if !waits => Work::None,
            Some(b't' | b'D') => Work::Held,
            _ => Work::Waits,
        };
        match self.vigil.look(now, work) {
            Step::Wait => {}
            Step::Rest => self.watch_callers(),
            Step::Ask => daemon.question = Question::Due,
            Step::Replace => {
                let state = state.map_or('?', char::from);
                let number = self.number;
                self.diary.note(&format!(
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
