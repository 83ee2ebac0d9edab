//! Faults from outside: a traced process dies at its n-th system call that changes something outside it, or the call fails.
//!
//! What a process leaves behind when it is killed changes with its system calls only (and with what it stores in mapped files). So who
//! kills it before each of them has killed it in every state it can leave, whatever its code looks like; and nothing
//! has to be built into it.

mod calls;

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::errno::Errno;
use nix::libc;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use pm_client::{Deadline, pause};

use crate::PATIENCE;

pub use calls::Mishap;

/// Whom it hits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prey {
    /// The process itself.
    Itself,
    /// The next child it makes, from its birth on.
    NextChild,
}

/// A fault that waits for its moment.
#[derive(Debug)]
pub struct Trap {
    watched: Pid,
    is_sprung: Arc<AtomicBool>,
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Trap {
    /// Sets one at the `at`-th call (from 1) of a process that lives.
    pub fn set(pid: u32, prey: Prey, mishap: Mishap, at: u32) -> Self {
        let watched = Pid::from_raw(i32::try_from(pid).expect("a pid is small"));
        let (is_sprung, is_over) = <(Arc<AtomicBool>, Arc<AtomicBool>)>::default();
        let tracer = Tracer {
            watched,
            prey,
            mishap,
            at,
            seen: 0,
            is_sprung: Arc::clone(&is_sprung),
            is_over: Arc::clone(&is_over),
            inside: BTreeMap::new(),
            refused: None,
        };
        let (begun, is_begun) = channel();
        let thread = std::thread::spawn(move || tracer.run(&begun));
        is_begun.recv().expect("the process lives and may be traced");
        Self { watched, is_sprung, is_over, thread }
    }

    /// Takes it away, if nothing has fallen into it so far; whether something has.
    pub fn remove(self) -> bool {
        self.is_over.store(true, Ordering::Relaxed);
        if !self.thread.is_finished() {
            // No process can keep it out, and who traces is told before it takes effect.
            kill(self.watched, Signal::SIGSTOP).ok();
        }
        self.thread.join().expect("the tracer does not panic");
        kill(self.watched, Signal::SIGCONT).ok();
        self.is_sprung.load(Ordering::Relaxed)
    }
}

/// The thread that waits: only it may ask the kernel about those it traces, and when it ends they go on alone.
struct Tracer {
    watched: Pid,
    prey: Prey,
    mishap: Mishap,
    at: u32,
    /// So many calls that count were made so far.
    seen: u32,
    is_sprung: Arc<AtomicBool>,
    is_over: Arc<AtomicBool>,
    /// Whether each thread is in a system call.
    inside: BTreeMap<Pid, bool>,
    /// Whose call does not happen.
    refused: Option<Pid>,
}

impl Tracer {
    fn run(mut self, begun: &Sender<()>) {
        if !self.seize() {
            return;
        }
        begun.send(()).ok();
        // Those of this thread only: others of this program have children of their own.
        let which = WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
        loop {
            let stopped = match waitpid(None, Some(which)) {
                Ok(stopped) => stopped,
                Err(Errno::EINTR) => continue,
                Err(_) => return,
            };
            if self.is_over.load(Ordering::Relaxed) && self.refused.is_none()
                || self.is_done(stopped)
            {
                return;
            }
        }
    }

    /// Traces every thread there is, and all that come.
    fn seize(&self) -> bool {
        let mut options = Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_TRACECLONE;
        if self.prey == Prey::NextChild {
            options |= Options::PTRACE_O_TRACEFORK | Options::PTRACE_O_TRACEVFORK;
        }
        let mut known = Vec::new();
        let deadline = Deadline::after(PATIENCE);
        loop {
            let threads = fs::read_dir(format!("/proc/{}/task", self.watched))
                .into_iter()
                .flatten()
                .flatten();
            let threads = threads.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
            let new: Vec<Pid> =
                threads.map(Pid::from_raw).filter(|tid| !known.contains(tid)).collect();
            if new.is_empty() {
                return !known.is_empty();
            }
            for tid in new {
                match ptrace::seize(tid, options) {
                    Ok(()) => _ = ptrace::interrupt(tid),
                    // Whoever traced it before is just leaving.
                    Err(Errno::EPERM) if !deadline.is_over() && !self.is_mine(tid) => {
                        pause(Duration::from_millis(1), deadline);
                        continue;
                    }
                    Err(_) => {}
                }
                known.push(tid);
            }
        }
    }

    /// A thread that is traced already because the one that made it is.
    fn is_mine(&self, tid: Pid) -> bool {
        let own = nix::unistd::gettid();
        let status = fs::read_to_string(format!("/proc/{}/task/{tid}/status", self.watched))
            .unwrap_or_default();
        status.lines().any(|line| line == format!("TracerPid:\t{own}"))
    }

    /// Looks at somebody who has stopped, and lets it go on; whether there is nothing left to wait for.
    fn is_done(&mut self, stopped: WaitStatus) -> bool {
        let (tid, signal) = match stopped {
            WaitStatus::PtraceSyscall(tid) => {
                if self.is_over_after(tid) {
                    return true;
                }
                (tid, None)
            }
            WaitStatus::PtraceEvent(tid, _, event) => {
                if event == libc::PTRACE_EVENT_STOP
                    && self.is_prey(tid)
                    && !self.inside.contains_key(&tid)
                {
                    // What a child makes is no child of whom we watch.
                    let options = Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_TRACECLONE;
                    ptrace::setoptions(tid, options).ok();
                    self.inside.insert(tid, false);
                }
                (tid, None)
            }
            WaitStatus::Stopped(tid, signal) => (tid, Some(signal)),
            WaitStatus::Exited(tid, _) | WaitStatus::Signaled(tid, ..) => {
                self.inside.remove(&tid);
                return self.is_sprung.load(Ordering::Relaxed) && self.inside.is_empty();
            }
            WaitStatus::Continued(_) | WaitStatus::StillAlive => return false,
        };
        // Who was killed meanwhile can't be told to go on.
        ptrace::syscall(tid, signal).ok();
        false
    }

    fn is_prey(&self, tid: Pid) -> bool {
        self.prey == Prey::Itself || tid != self.watched
    }

    /// A thread enters a system call or leaves it.
    fn is_over_after(&mut self, tid: Pid) -> bool {
        let inside = self.inside.entry(tid).or_default();
        *inside = !*inside;
        if !*inside {
            let is_refused = self.refused == Some(tid);
            if is_refused {
                calls::refuse(tid, self.mishap);
            }
            return is_refused;
        }
        if !self.is_prey(tid)
            || self.is_sprung.load(Ordering::Relaxed)
            || !self.mishap.concerns(tid)
        {
            return false;
        }
        self.seen += 1;
        if self.seen != self.at {
            return false;
        }
        self.is_sprung.store(true, Ordering::Relaxed);
        if self.mishap == Mishap::Death {
            kill(process_of(tid), Signal::SIGKILL).ok();
        } else {
            calls::prevent(tid);
            self.refused = Some(tid);
        }
        false
    }
}

fn process_of(tid: Pid) -> Pid {
    let status = fs::read_to_string(format!("/proc/{tid}/status")).unwrap_or_default();
    let group = status.lines().find_map(|line| line.strip_prefix("Tgid:")?.trim().parse().ok());
    group.map_or(tid, Pid::from_raw)
}
