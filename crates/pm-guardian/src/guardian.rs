//! The loop: one thread that waits for signals, for its daemon's messages and for little else.
//! It decides nothing about apps and never signals one.

use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};

use pm_os::notify::Notifier;
use pm_os::tag;
use rustix::net::RecvFlags;
use rustix::process::Rlimit;

use crate::daemon::{Daemon, Kinship, Listing, Sent};
use crate::diary::Diary;
use crate::message::{MAX_MESSAGE, Status, ToGuardian, Why};
use crate::packet::{self, Received};
use crate::plan::{GuardianError, Outcome};
use crate::seat::{RECLAIM_MS, Seat};
use crate::store::{FIRST_ITEM, Store};
use crate::succession::{Life, Succession, Wishes};
use crate::sys;
use crate::usher::{Desk, USHER};
use crate::vigil::{PATIENCE_VARIABLE, Vigil};
use crate::watch::{EventFlags, Watch};

/// Numbers in the watch; items follow from [`FIRST_ITEM`].
const SIGNALS: u64 = 0;
const LINK: u64 = 1;
const SEAT: u64 = 2;
const STRANGER: u64 = 3;
pub(crate) const LISTENER: u64 = 4;

/// Messages heard in one go, so that a talkative daemon can't keep signals waiting.
const EARFUL: usize = 256;

/// The immortal half.
#[derive(Debug)]
pub(crate) struct Guardian {
    pub(crate) store: Store,
    pub(crate) seat: Seat,
    pub(crate) diary: Diary,
    pub(crate) succession: Succession,
    pub(crate) resume: Vec<CString>,
    /// `RLIMIT_NOFILE` as it was before we raised it; daemons start with it.
    pub(crate) files: Rlimit,
    /// Our out-of-memory score before we lowered it, for apps; `None`: we didn't.
    pub(crate) score: Option<i32>,
    pub(crate) daemon: Option<Daemon>,
    /// Number of the latest daemon.
    pub(crate) number: u32,
    /// Why and when (milliseconds since boot) the next daemon starts.
    pub(crate) next: Option<(Why, i64)>,
    pub(crate) wishes: Wishes,
    pub(crate) vigil: Vigil,
    usher: Desk,
    signals: OwnedFd,
    /// A child may have ended.
    reap_due: bool,
    tell_at: Option<i64>,
    outcome: Option<Outcome>,
}

impl Guardian {
    pub(crate) fn new(
        (seat, signals): (Seat, OwnedFd),
        diary: Diary,
        succession: Succession,
        resume: Vec<CString>,
        files: Rlimit,
    ) -> Result<Self, GuardianError> {
        let watch = Watch::new().map_err(GuardianError::system("make an epoll set"))?;
        watch
            .add(&signals, SIGNALS, EventFlags::IN)
            .and_then(|()| watch.add(&seat.changes, SEAT, EventFlags::IN))
            .map_err(GuardianError::system("watch signals"))?;
        Ok(Self {
            store: Store::new(watch),
            seat,
            diary,
            succession,
            resume,
            files,
            score: None,
            daemon: None,
            number: 0,
            next: None,
            wishes: Wishes::default(),
            vigil: Vigil::new(std::env::var(PATIENCE_VARIABLE).ok().as_deref()),
            usher: Desk::default(),
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
            .watch
            .add(&daemon.link, LINK, EventFlags::IN)
            .map_err(GuardianError::system("watch the daemon"))?;
        self.daemon = Some(daemon);
        Ok(())
    }

    /// Lives until the daemon ends for good.
    pub(crate) fn live(mut self) -> Outcome {
        loop {
            self.work();
            if let Some(outcome) = self.outcome {
                self.seat.leave();
                return outcome;
            }
            for (number, flags) in self.store.watch.wait(self.limit()) {
                match number {
                    SIGNALS => self.heed_signals(),
                    LINK => _ = self.hear_some(),
                    SEAT => self.seat.note_change(),
                    STRANGER => self.bury(Status::Unknown),
                    USHER => self.usher.serve(&self.store.watch),
                    LISTENER => self.vigil.begin(sys::awake_ms()),
                    item if item >= FIRST_ITEM => self.store.attend(item, flags),
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
        if self.seat.check_at.is_some_and(|at| at <= now) {
            self.check_seat();
        }
        if let Some((why, _)) = self.next.filter(|(_, at)| *at <= now)
            && self.outcome.is_none()
        {
            self.begin(why);
        }
        self.keep_vigil();
        self.tell(now);
        if self.wishes.must_become_new && self.daemon.as_ref().is_some_and(Daemon::is_settled) {
            self.wishes.must_become_new = false;
            self.become_new();
        }
    }

    /// How long nothing is due, in milliseconds.
    fn limit(&self) -> Option<i64> {
        let next = self.next.map(|(_, at)| at);
        let due = [next, self.store.retry_at, self.seat.check_at, self.tell_at];
        let due = due.into_iter().flatten().min().map(|at| at - sys::boot_ms());
        let vigil = self.vigil.deadline().map(|at| at - sys::awake_ms());
        [due, vigil].into_iter().flatten().min().map(|limit| limit.max(0))
    }

    fn heed_signals(&mut self) {
        for signal in sys::read_signals(&self.signals) {
            if signal == libc::SIGCHLD {
                self.reap_due = true;
                continue;
            }
            self.diary.note(&format!("told to end by signal {signal}"));
            if let Some(daemon) = self.daemon.as_ref().filter(|_| self.wishes.must_end) {
                // Told twice: whoever asks has waited long enough for the daemon.
                daemon.ask_to_end();
            }
            self.wishes.must_end = true;
            if let Ok(Some(manager)) = Notifier::find() {
                manager.stopping().ok();
            }
            self.pass_on_end();
        }
    }

    /// A daemon that isn't ready yet would die of the signal instead of heeding it.
    fn pass_on_end(&mut self) {
        if let Some(daemon) =
            self.daemon.as_ref().filter(|daemon| self.wishes.must_end && daemon.is_ready)
        {
            self.wishes.must_end = false;
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
                self.bury(zombie.status);
                continue;
            }
            if !self.store.is_leader(zombie.pid) {
                while self.hear_some() {}
            }
            let tag = tag::of(zombie.pid).map(tag::Tag::raw);
            self.store.record_child(zombie, tag);
            sys::reap(zombie);
        }
    }

    /// Takes in messages; `false`: there are no more.
    fn hear_some(&mut self) -> bool {
        let mut buffer = [0; MAX_MESSAGE + 1];
        for _ in 0..EARFUL {
            let Some(daemon) = &self.daemon else { return false };
            let link = daemon.link.as_fd();
            match packet::receive(link, &mut buffer, RecvFlags::DONTWAIT) {
                Ok(Received::Packet(length, descriptors)) => {
                    let bytes = buffer.get(..length).unwrap_or_default();
                    self.heed(bytes, descriptors);
                }
                Ok(Received::Damaged) => {
                    self.diary.note("lost a message of the daemon: too long, or too many files");
                }
                Ok(Received::Nothing) => return false,
                Ok(Received::Closed) | Err(_) => {
                    self.store.watch.remove(&daemon.link);
                    if matches!(daemon.process, Kinship::Stranger(None)) {
                        // Its descriptors are closed, which is all we can know of its death.
                        self.bury_silent(Status::Unknown);
                    }
                    return false;
                }
            }
        }
        true
    }

    /// Acts on one message of the daemon, dead or alive.
    fn heed(&mut self, bytes: &[u8], descriptors: Vec<OwnedFd>) {
        let message = match ToGuardian::decode(bytes) {
            Ok(message) if message.allows(descriptors.len()) => message,
            Ok(message) => {
                let count = descriptors.len();
                return self.diary.note(&format!("refused {message:?} with {count} descriptors"));
            }
            Err(error) => return self.diary.note(&format!("could not {error}")),
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
                daemon.listing = Listing::After(None);
                // The answer must include everybody who is dead by now.
                self.reap_due = true;
            }
            ToGuardian::Adopted => daemon.has_adopted = true,
            ToGuardian::Update { path } => {
                if let Ok(program) = CString::new(path) {
                    self.diary.note(&format!("next daemon: {}", program.to_string_lossy()));
                    self.succession.want(program);
                }
            }
            ToGuardian::Leave => self.wishes.is_leaving = true,
            ToGuardian::Ready => self.note_ready(),
            ToGuardian::Bequeath => self.inherit(descriptors),
            ToGuardian::Here => self.vigil.answered(),
            ToGuardian::Usher => self.usher.open(descriptors, &self.store.watch),
        }
    }

    fn note_ready(&mut self) {
        if let Some(daemon) = &mut self.daemon {
            daemon.is_ready = true;
        }
        if self.succession.confirm() {
            self.wishes.must_become_new = true;
        }
        if let Ok(Some(manager)) = Notifier::find() {
            manager.ready("the daemon answers").ok();
        }
        self.pass_on_end();
        self.watch_callers();
        // From here on only the loop is needed.
        pm_os::memory::give_back();
    }

    /// The daemon that started us gives us its socket and lets us see its end.
    fn inherit(&mut self, descriptors: Vec<OwnedFd>) {
        let Ok([listener, pidfd]) = <[OwnedFd; 2]>::try_from(descriptors) else { return };
        match self.daemon.as_mut().map(|daemon| &mut daemon.process) {
            Some(Kinship::Stranger(known)) => {
                self.seat.inherit(listener);
                self.store.watch.add(&pidfd, STRANGER, EventFlags::IN).ok();
                *known = Some(pidfd);
            }
            Some(Kinship::Child(_)) | None => self.diary.note("refused an unexpected heritage"),
        }
    }

    /// The daemon is dead: its last messages count, then the next one is due.
    fn bury(&mut self, status: Status) {
        while self.hear_some() {}
        self.bury_silent(status);
    }

    fn bury_silent(&mut self, status: Status) {
        let Some(daemon) = self.daemon.take() else { return };
        self.store.watch.remove(&daemon.link);
        self.usher.close(&self.store.watch);
        self.tell_at = None;
        self.vigil.end();
        let now = sys::boot_ms();
        let Kinship::Child(pid) = daemon.process else {
            if let Kinship::Stranger(Some(pidfd)) = &daemon.process {
                self.store.watch.remove(pidfd);
            }
            self.diary.note("the daemon before has handed over");
            self.next = Some((Why::Inherited, now));
            return;
        };
        let length_ms = now - daemon.born_ms;
        let number = self.number;
        self.diary
            .note(&format!("daemon {number} (pid {pid}) ended: {status}, after {length_ms} ms"));
        if self.wishes.is_leaving && status == Status::Wait(0) {
            self.outcome = Some(Outcome::Left);
            return;
        }
        self.wishes.is_leaving = false;
        self.store.tell_again();
        let life = Life { status, length_ms, was_ready: daemon.is_ready };
        self.plan_next(life);
    }

    fn plan_next(&mut self, life: Life) {
        let (why, pause) = self.succession.after(life);
        self.next = Some((why, sys::boot_ms() + pause));
        // For a daemon that comes at once, watching a thousand pipes isn't worth it.
        if pause > 0 {
            self.store.watch_output();
        }
    }

    /// Starts the next daemon.
    fn begin(&mut self, why: Why) {
        if self.seat.is_taken() {
            // Its journal would be taken for ours, and its apps would be started twice.
            self.next = Some((why, sys::boot_ms() + RECLAIM_MS));
            self.seat.check_at = Some(sys::boot_ms());
            return self.store.watch_output();
        }
        self.next = None;
        self.store.leave_output();
        if self.seat.listener.is_none()
            && let Err(error) = self.seat.listen()
        {
            self.diary.note(&format!("could not {error}: {}", source_of(&error)));
            self.seat.check_at = Some(sys::boot_ms() + 2_000);
        }
        self.number = self.number.wrapping_add(1);
        let greeting = (self.number, why);
        let before = (self.files, self.score);
        let started = Daemon::start(&self.succession, &self.diary, before, greeting)
            .map_err(GuardianError::system("start the daemon"))
            .and_then(|daemon| self.accept(daemon));
        if let Err(error) = started {
            self.diary.note(&format!("could not {error}: {}", source_of(&error)));
            let status = Status::Unknown;
            self.plan_next(Life { status, length_ms: 0, was_ready: false });
        }
    }

    fn tell(&mut self, now: i64) {
        if self.tell_at.is_some_and(|at| at > now) {
            return;
        }
        self.tell_at = None;
        let Some(daemon) = &mut self.daemon else { return };
        let flags = match daemon.tell(&mut self.store, self.seat.listener()) {
            Sent::All | Sent::Gone => EventFlags::IN,
            Sent::Full => EventFlags::IN | EventFlags::OUT,
            Sent::Later => {
                self.tell_at = Some(now + 5);
                EventFlags::IN
            }
        };
        daemon.watch_for(flags, &self.store.watch, LINK);
    }
}

pub(crate) fn source_of(error: &GuardianError) -> String {
    std::error::Error::source(error).map_or_else(String::new, ToString::to_string)
}
