//! The loop: one thread that waits for signals, for its daemon's messages and for little else.
//! It decides nothing about apps and never signals one.

use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};

use pm_os::notify::Notifier;
use pm_os::tag;
use rustix::net::RecvFlags;
use rustix::process::Rlimit;

use crate::accept_relay::{RELAY, RelayServer};
use crate::daemon::{Daemon, DaemonProcess, ListProgress, SendProgress};
use crate::daemon_log::DaemonLog;
use crate::epoll_set::{EpollSet, EventFlags};
use crate::error::GuardianError;
use crate::home_lock::{HomeLock, RECLAIM_MS};
use crate::message::{MAX_MESSAGE, StartReason, ToGuardian, WaitStatus};
use crate::packet::{self, Received};
use crate::plan::GuardianOutcome;
use crate::respawn::{DaemonLife, PendingRequests, Respawn};
use crate::store::{FIRST_ITEM, Store};
use crate::sys;
use crate::watchdog::{TIMEOUT_VARIABLE, Watchdog};

/// Numbers in the watch; items follow from [`FIRST_ITEM`].
const SIGNALS: u64 = 0;
const LINK: u64 = 1;
const HOME_FILES: u64 = 2;
const PREDECESSOR: u64 = 3;
pub(crate) const LISTENER: u64 = 4;

/// Messages heard in one go, so that a talkative daemon can't keep signals waiting.
const MESSAGES_PER_TURN: usize = 256;

/// The immortal half.
#[derive(Debug)]
pub(crate) struct Guardian {
    pub(crate) store: Store,
    pub(crate) home_lock: HomeLock,
    pub(crate) log: DaemonLog,
    pub(crate) respawn: Respawn,
    pub(crate) resume: Vec<CString>,
    /// `RLIMIT_NOFILE` as it was before we raised it; daemons start with it.
    pub(crate) files: Rlimit,
    /// Our out-of-memory score before we lowered it, for apps; `None`: we didn't.
    pub(crate) oom_score: Option<i32>,
    pub(crate) daemon: Option<Daemon>,
    /// Number of the latest daemon.
    pub(crate) number: u32,
    /// Why and when (milliseconds since boot) the next daemon starts.
    pub(crate) next: Option<(StartReason, i64)>,
    pub(crate) requests: PendingRequests,
    pub(crate) watchdog: Watchdog,
    relay: RelayServer,
    signals: OwnedFd,
    /// A child may have ended.
    reap_due: bool,
    tell_at: Option<i64>,
    outcome: Option<GuardianOutcome>,
}

impl Guardian {
    pub(crate) fn new(
        (home_lock, signals): (HomeLock, OwnedFd),
        log: DaemonLog,
        respawn: Respawn,
        resume: Vec<CString>,
        files: Rlimit,
    ) -> Result<Self, GuardianError> {
        let epoll = EpollSet::new().map_err(GuardianError::system("make an epoll set"))?;
        epoll
            .add(&signals, SIGNALS, EventFlags::IN)
            .and_then(|()| epoll.add(&home_lock.changes, HOME_FILES, EventFlags::IN))
            .map_err(GuardianError::system("watch signals"))?;
        Ok(Self {
            store: Store::new(epoll),
            home_lock,
            log,
            respawn,
            resume,
            files,
            oom_score: None,
            daemon: None,
            number: 0,
            next: None,
            requests: PendingRequests::default(),
            watchdog: Watchdog::new(std::env::var(TIMEOUT_VARIABLE).ok().as_deref()),
            relay: RelayServer::default(),
            signals,
            // Children that ended before we were, when we go on in place.
            reap_due: true,
            tell_at: None,
            outcome: None,
        })
    }

    /// Goes on with this daemon, whoever started it.
    pub(crate) fn accept(&mut self, daemon: Daemon) -> Result<(), GuardianError> {
        self.store
            .epoll
            .add(&daemon.link, LINK, EventFlags::IN)
            .map_err(GuardianError::system("watch the daemon"))?;
        self.daemon = Some(daemon);
        Ok(())
    }

    /// Runs until the daemon ends for good.
    pub(crate) fn run(mut self) -> GuardianOutcome {
        loop {
            self.work();
            if let Some(outcome) = self.outcome {
                self.home_lock.leave();
                return outcome;
            }
            for (number, flags) in self.store.epoll.wait(self.limit()) {
                match number {
                    SIGNALS => self.handle_signals(),
                    LINK => _ = self.receive_some(),
                    HOME_FILES => self.home_lock.note_change(),
                    PREDECESSOR => self.on_daemon_exit(WaitStatus::Unknown),
                    RELAY => self.relay.serve(&self.store.epoll),
                    LISTENER => self.watchdog.arm(sys::awake_ms()),
                    item if item >= FIRST_ITEM => self.store.on_event(item, flags),
                    _ => {}
                }
            }
        }
    }

    /// What can be done without waiting.
    fn work(&mut self) {
        if self.reap_due {
            self.reap();
        }
        let now = sys::boot_ms();
        if self.store.retry_at.is_some_and(|at| at <= now) {
            self.store.retry();
        }
        if self.home_lock.check_at.is_some_and(|at| at <= now) {
            self.check_home();
        }
        if let Some((why, _)) = self.next.filter(|(_, at)| *at <= now)
            && self.outcome.is_none()
        {
            self.start_daemon(why);
        }
        self.check_daemon();
        self.tell(now);
        if self.requests.must_become_new && self.daemon.as_ref().is_some_and(Daemon::is_settled) {
            self.requests.must_become_new = false;
            self.exec_new_binary();
        }
    }

    /// How long nothing is due, in milliseconds.
    fn limit(&self) -> Option<i64> {
        let next = self.next.map(|(_, at)| at);
        let due = [next, self.store.retry_at, self.home_lock.check_at, self.tell_at];
        let due = due.into_iter().flatten().min().map(|at| at - sys::boot_ms());
        let watchdog = self.watchdog.deadline().map(|at| at - sys::awake_ms());
        [due, watchdog].into_iter().flatten().min().map(|limit| limit.max(0))
    }

    fn handle_signals(&mut self) {
        for signal in sys::read_signals(&self.signals) {
            if signal == libc::SIGCHLD {
                self.reap_due = true;
                continue;
            }
            self.log.note(&format!("told to end by signal {signal}"));
            if let Some(daemon) = self.daemon.as_ref().filter(|_| self.requests.must_end) {
                // Told twice: whoever asks has waited long enough for the daemon.
                daemon.ask_to_end();
            }
            self.requests.must_end = true;
            if let Ok(Some(manager)) = Notifier::find() {
                manager.stopping().ok();
            }
            self.forward_end();
        }
    }

    /// A daemon that isn't ready yet would die of the signal instead of acting on it.
    fn forward_end(&mut self) {
        if let Some(daemon) =
            self.daemon.as_ref().filter(|daemon| self.requests.must_end && daemon.is_ready)
        {
            self.requests.must_end = false;
            daemon.ask_to_end();
        }
    }

    /// Reaps all children that ended, and keeps what must be told. Whatever the daemon said about
    /// a run it said before the run's birth, so it is heard before the run's end is judged.
    fn reap(&mut self) {
        self.reap_due = false;
        while let Some(zombie) = sys::peek() {
            if self.daemon.as_ref().is_some_and(|daemon| daemon.is_child(zombie.pid)) {
                sys::reap(zombie);
                self.on_daemon_exit(zombie.status);
                continue;
            }
            if !self.store.is_leader(zombie.pid) {
                while self.receive_some() {}
            }
            let tag = tag::of(zombie.pid).map(tag::Tag::raw);
            self.store.record_child(zombie, tag);
            sys::reap(zombie);
        }
    }

    /// Takes in messages; `false`: there are no more.
    fn receive_some(&mut self) -> bool {
        let mut buffer = [0; MAX_MESSAGE + 1];
        for _ in 0..MESSAGES_PER_TURN {
            let Some(daemon) = &self.daemon else { return false };
            let link = daemon.link.as_fd();
            match packet::receive(link, &mut buffer, RecvFlags::DONTWAIT) {
                Ok(Received::Packet(length, descriptors)) => {
                    let bytes = buffer.get(..length).unwrap_or_default();
                    self.handle_message(bytes, descriptors);
                }
                Ok(Received::Damaged) => {
                    self.log.note("lost a message of the daemon: too long, or too many files");
                }
                Ok(Received::Nothing) => return false,
                Ok(Received::Closed) | Err(_) => {
                    self.store.epoll.remove(&daemon.link);
                    if matches!(daemon.process, DaemonProcess::Predecessor(None)) {
                        // Its descriptors are closed, which is all we can know of its death.
                        self.remove_daemon(WaitStatus::Unknown);
                    }
                    return false;
                }
            }
        }
        true
    }

    /// Acts on one message of the daemon, dead or alive.
    fn handle_message(&mut self, bytes: &[u8], descriptors: Vec<OwnedFd>) {
        let message = match ToGuardian::decode(bytes) {
            Ok(message) if message.allows(descriptors.len()) => message,
            Ok(message) => {
                let count = descriptors.len();
                return self.log.note(&format!("refused {message:?} with {count} descriptors"));
            }
            Err(error) => return self.log.note(&format!("could not {error}")),
        };
        let Some(daemon) = &mut self.daemon else { return };
        match message {
            ToGuardian::Store { tag, slot, kind, name } => {
                self.store.keep((tag, slot), kind, name, descriptors);
            }
            ToGuardian::Redirect { tag, slot } => self.store.redirect((tag, slot), descriptors),
            ToGuardian::Drop { tag, slot } => self.store.drop_items(tag, slot),
            ToGuardian::Ack { tag, pid } => self.store.acknowledge(tag, pid),
            ToGuardian::List => {
                daemon.listing = ListProgress::After(None);
                // The answer must include everybody who is dead by now.
                self.reap_due = true;
            }
            ToGuardian::Adopted => daemon.has_adopted = true,
            ToGuardian::Update { path } => {
                if let Ok(program) = CString::new(path) {
                    self.log.note(&format!("next daemon: {}", program.to_string_lossy()));
                    self.respawn.want(program);
                }
            }
            ToGuardian::Leave => self.requests.is_leaving = true,
            ToGuardian::Ready => self.note_ready(),
            ToGuardian::HandOver => self.inherit(descriptors),
            ToGuardian::Pong => self.watchdog.answered(),
            ToGuardian::AcceptRelay => self.relay.open(descriptors, &self.store.epoll),
        }
    }

    fn note_ready(&mut self) {
        if let Some(daemon) = &mut self.daemon {
            daemon.is_ready = true;
        }
        if self.respawn.confirm() {
            self.requests.must_become_new = true;
        }
        if let Ok(Some(manager)) = Notifier::find() {
            manager.ready("the daemon answers").ok();
        }
        self.forward_end();
        self.watch_callers();
        // From here on only the loop is needed.
        pm_os::memory::give_back();
    }

    /// The daemon that started us gives us its socket and lets us see its end.
    fn inherit(&mut self, descriptors: Vec<OwnedFd>) {
        let Ok([listener, pidfd]) = <[OwnedFd; 2]>::try_from(descriptors) else { return };
        match self.daemon.as_mut().map(|daemon| &mut daemon.process) {
            Some(DaemonProcess::Predecessor(known)) => {
                self.home_lock.inherit(listener);
                self.store.epoll.add(&pidfd, PREDECESSOR, EventFlags::IN).ok();
                *known = Some(pidfd);
            }
            Some(DaemonProcess::Child(_)) | None => {
                self.log.note("refused an unexpected hand-over");
            }
        }
    }

    /// The daemon is dead: its last messages count, then the next one is due.
    fn on_daemon_exit(&mut self, status: WaitStatus) {
        while self.receive_some() {}
        self.remove_daemon(status);
    }

    fn remove_daemon(&mut self, status: WaitStatus) {
        let Some(daemon) = self.daemon.take() else { return };
        self.store.epoll.remove(&daemon.link);
        self.relay.close(&self.store.epoll);
        self.tell_at = None;
        self.watchdog.disarm();
        let now = sys::boot_ms();
        let DaemonProcess::Child(pid) = daemon.process else {
            if let DaemonProcess::Predecessor(Some(pidfd)) = &daemon.process {
                self.store.epoll.remove(pidfd);
            }
            self.log.note("the daemon before has handed over");
            self.next = Some((StartReason::Inherited, now));
            return;
        };
        let length_ms = now - daemon.born_ms;
        let number = self.number;
        self.log
            .note(&format!("daemon {number} (pid {pid}) ended: {status}, after {length_ms} ms"));
        if self.requests.is_leaving && status == WaitStatus::Wait(0) {
            self.outcome = Some(GuardianOutcome::Left);
            return;
        }
        self.requests.is_leaving = false;
        self.store.untell_all();
        let life = DaemonLife { status, length_ms, was_ready: daemon.is_ready };
        self.plan_next(life);
    }

    fn plan_next(&mut self, life: DaemonLife) {
        let (why, pause) = self.respawn.after(life);
        self.next = Some((why, sys::boot_ms() + pause));
        // For a daemon that comes at once, watching a thousand pipes isn't worth it.
        if pause > 0 {
            self.store.watch_output();
        }
    }

    /// Starts the next daemon.
    fn start_daemon(&mut self, why: StartReason) {
        if self.home_lock.is_taken() {
            // Its journal would be taken for ours, and its apps would be started twice.
            self.next = Some((why, sys::boot_ms() + RECLAIM_MS));
            self.home_lock.check_at = Some(sys::boot_ms());
            return self.store.watch_output();
        }
        self.next = None;
        self.store.leave_output();
        if self.home_lock.listener.is_none()
            && let Err(error) = self.home_lock.listen()
        {
            self.log.note(&format!("could not {}", error.with_cause()));
            self.home_lock.check_at = Some(sys::boot_ms() + 2_000);
        }
        self.number = self.number.wrapping_add(1);
        let greeting = (self.number, why);
        let before = (self.files, self.oom_score);
        let started = Daemon::start(&self.respawn, &self.log, before, greeting)
            .map_err(GuardianError::system("start the daemon"))
            .and_then(|daemon| self.accept(daemon));
        if let Err(error) = started {
            self.log.note(&format!("could not {}", error.with_cause()));
            let status = WaitStatus::Unknown;
            self.plan_next(DaemonLife { status, length_ms: 0, was_ready: false });
        }
    }

    fn tell(&mut self, now: i64) {
        if self.tell_at.is_some_and(|at| at > now) {
            return;
        }
        self.tell_at = None;
        let Some(daemon) = &mut self.daemon else { return };
        let flags = match daemon.tell(&mut self.store, self.home_lock.listener()) {
            SendProgress::All | SendProgress::Gone => EventFlags::IN,
            SendProgress::Full => EventFlags::IN | EventFlags::OUT,
            SendProgress::Later => {
                self.tell_at = Some(now + 5);
                EventFlags::IN
            }
        };
        daemon.watch_for(flags, &self.store.epoll, LINK);
    }
}
