//! How a guardian begins: from a plan, from an orphaned daemon, or from the binary before it.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use pm_os::lock::Lock;
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::{
    Resource, Rlimit, getpid, getrlimit, set_child_subreaper, setrlimit, setsid,
};

use crate::daemon::{Daemon, DaemonProcess};
use crate::daemon_log::DaemonLog;
use crate::error::{GuardianError, ResumeError};
use crate::guardian::Guardian;
use crate::home_lock::{HomeLock, LockClaim};
use crate::link::adopt;
use crate::message::{ItemKind, StartReason};
use crate::oom_score;
use crate::plan::{GuardianOutcome, GuardianPlan, READY_EXISTING, READY_NEW};
use crate::respawn::Respawn;
use crate::state::{self, GuardianFacts, GuardianState, StateItem};
use crate::store::{ItemKey, ItemState, StoredItem};
use crate::sys;

/// Runs a guardian until its daemon ends it. Call it from a process with one thread; it takes over
/// that process's signals, children and limits.
pub fn run(plan: GuardianPlan) -> Result<GuardianOutcome, GuardianError> {
    let GuardianPlan { socket, lock, daemon_log, daemon, resume, ready, predecessor } = plan;
    // First of all: a launcher that has gone must not end us by SIGPIPE.
    let signals = sys::block_signals().map_err(GuardianError::system("take signals"))?;
    let begun = claim_home(&socket, &lock, predecessor.as_ref());
    let told = match &begun {
        Ok(LockClaim::Ours(_)) => READY_NEW.to_vec(),
        Ok(LockClaim::Theirs) => READY_EXISTING.to_vec(),
        Err(error) => error.with_cause().into_bytes(),
    };
    if let Some(ready) = ready {
        File::from(ready).write_all(&told).ok();
    }
    let LockClaim::Ours(home_lock) = begun? else { return Ok(GuardianOutcome::Existing) };
    if daemon.is_empty() {
        return Err(GuardianError::NoProgram);
    }
    let (files, oom_score) = prepare_process()?;
    let respawn = Respawn::new(daemon, 0);
    let mut guardian =
        Guardian::new((home_lock, signals), DaemonLog::new(daemon_log), respawn, resume, files)?;
    guardian.oom_score = oom_score;
    match predecessor {
        Some(link) => guardian.accept(Daemon::over(DaemonProcess::Predecessor(None), link))?,
        None => guardian.next = Some((StartReason::First, 0)),
    }
    Ok(guardian.run())
}

/// Goes on as the guardian that executed us; `state` is the descriptor it named.
pub fn resume(state: RawFd) -> Result<GuardianOutcome, GuardianError> {
    let GuardianState { facts, lock_file, link, listener, items, exits } = read_state(state)?;
    let signals = sys::block_signals().map_err(GuardianError::system("take signals"))?;
    let mut home_lock = HomeLock::restore(&facts.socket, &facts.lock, Lock::from_fd(lock_file))?;
    if let Some(listener) = listener {
        home_lock.inherit(listener);
        home_lock.socket_identity = facts.socket_identity;
    }
    // What changed while nobody watched.
    home_lock.check_at = Some(sys::boot_ms());
    set_child_subreaper(Some(getpid())).map_err(GuardianError::system("adopt orphans"))?;
    let respawn = Respawn::new(facts.command, facts.failures);
    let daemon_log = DaemonLog::new(facts.daemon_log);
    daemon_log.note(concat!("gone on as version ", env!("CARGO_PKG_VERSION")));
    let mut guardian =
        Guardian::new((home_lock, signals), daemon_log, respawn, facts.resume, facts.files)?;
    for item in items {
        set_flags(&item.descriptors, FdFlags::CLOEXEC);
        guardian.store.keep(item.key, item.kind, item.name, item.descriptors);
        if item.is_over {
            guardian.store.restore_over(item.key);
        }
    }
    for record in exits {
        guardian.store.restore_exit(record);
    }
    guardian.number = facts.number;
    guardian.oom_score = oom_score::original();
    guardian.requests.is_leaving = facts.is_leaving;
    guardian.requests.must_end = facts.must_end;
    let mut daemon = Daemon::over(DaemonProcess::Child(facts.daemon_pid), link);
    daemon.born_ms = facts.daemon_born_ms;
    daemon.is_ready = true;
    daemon.has_adopted = facts.has_adopted;
    guardian.accept(daemon)?;
    Ok(guardian.run())
}

impl Guardian {
    /// Executes the daemon's binary in our place: same pid, same children, same descriptors.
    /// When that fails, everything stays as it was.
    pub(crate) fn exec_new_binary(&mut self) {
        let error = self.execute();
        self.log.note(&format!("could not go on as the new binary: {error}"));
    }

    fn execute(&self) -> io::Error {
        let Some((daemon, state)) = self.daemon.as_ref().and_then(|it| Some((it, self.state(it)?)))
        else {
            return io::ErrorKind::NotFound.into();
        };
        let memory = match write_state(&state::encode(&state)) {
            Ok(memory) => memory,
            Err(error) => return error,
        };
        let items = self.store.items().values().flat_map(|item| item.borrowed());
        let others = [self.home_lock.held.as_fd(), daemon.link.as_fd(), memory.as_fd()];
        let surviving: Vec<_> = items.chain(self.home_lock.listener()).chain(others).collect();
        set_flags(&surviving, FdFlags::empty());
        let Some(program) = self.respawn.command.first() else {
            return io::ErrorKind::NotFound.into();
        };
        let words = self.resume.iter().map(|word| OsStr::from_bytes(word.to_bytes()));
        let mut command = Command::new(OsStr::from_bytes(program.to_bytes()));
        oom_score::pass_on(&mut command, self.oom_score);
        let error = command.args(words).arg(memory.as_raw_fd().to_string()).exec();
        set_flags(&surviving, FdFlags::CLOEXEC);
        error
    }

    /// All that the new binary gets; `None` unless the daemon is our child.
    fn state(&self, daemon: &Daemon) -> Option<GuardianState<RawFd>> {
        let DaemonProcess::Child(daemon_pid) = daemon.process else { return None };
        let facts = GuardianFacts {
            socket: self.home_lock.socket.clone(),
            lock: self.home_lock.lock.clone(),
            daemon_log: self.log.path().into(),
            command: self.respawn.command.clone(),
            resume: self.resume.clone(),
            files: self.files,
            number: self.number,
            failures: self.respawn.failures,
            has_adopted: daemon.has_adopted,
            is_leaving: self.requests.is_leaving,
            must_end: self.requests.must_end,
            socket_identity: self.home_lock.socket_identity,
            daemon_pid,
            daemon_born_ms: daemon.born_ms,
        };
        let item = |key: &ItemKey, item: &StoredItem| StateItem {
            key: *key,
            kind: item.kind,
            name: item.name,
            is_over: matches!(item.kind, ItemKind::Pidfd { .. }) && item.state == ItemState::Over,
            descriptors: item.descriptors.iter().map(AsRawFd::as_raw_fd).collect(),
        };
        Some(GuardianState {
            facts,
            lock_file: self.home_lock.held.as_fd().as_raw_fd(),
            link: daemon.link.as_raw_fd(),
            listener: self.home_lock.listener.as_ref().map(AsRawFd::as_raw_fd),
            items: self.store.items().iter().map(|(key, it)| item(key, it)).collect(),
            exits: self.store.exits().values().copied().collect(),
        })
    }
}

fn claim_home(
    socket: &Path,
    lock: &Path,
    predecessor: Option<&OwnedFd>,
) -> Result<LockClaim, GuardianError> {
    let mut claim = HomeLock::claim(socket, lock, predecessor.map(AsFd::as_fd))?;
    if let (LockClaim::Ours(home_lock), None) = (&mut claim, predecessor) {
        home_lock.listen()?;
    }
    Ok(claim)
}

/// What makes this process fit to be a guardian. Gives `RLIMIT_NOFILE` and the out-of-memory score as they were.
fn prepare_process() -> Result<(Rlimit, Option<i32>), GuardianError> {
    set_child_subreaper(Some(getpid())).map_err(GuardianError::system("adopt orphans"))?;
    // Fails where the launcher has already done it.
    setsid().ok();
    let files = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: files.maximum, maximum: files.maximum }).ok();
    Ok((files, oom_score::spare_us()))
}

fn read_state(number: RawFd) -> Result<GuardianState<OwnedFd>, ResumeError> {
    let mut memory = File::from(adopt(number).ok_or(ResumeError::Missing(number))?);
    let mut bytes = Vec::new();
    memory.rewind().and_then(|()| memory.read_to_end(&mut bytes)).map_err(ResumeError::Read)?;
    let state = state::decode(&bytes)?;
    set_flags([&state.lock_file, &state.link], FdFlags::CLOEXEC);
    set_flags(&state.listener, FdFlags::CLOEXEC);
    Ok(state)
}

fn write_state(bytes: &[u8]) -> io::Result<OwnedFd> {
    let mut memory = File::from(memfd_create("pm-guardian", MemfdFlags::CLOEXEC)?);
    memory.write_all(bytes)?;
    Ok(memory.into())
}

fn set_flags(descriptors: impl IntoIterator<Item = impl AsFd>, flags: FdFlags) {
    for descriptor in descriptors {
        fcntl_setfd(descriptor, flags).ok();
    }
}
