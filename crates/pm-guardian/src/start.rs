//! How a guardian begins: from a plan, from an orphaned daemon, or from the binary before it.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use pm_os::lock::Lock;
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::{
    Resource, Rlimit, getpid, getrlimit, set_child_subreaper, setrlimit, setsid,
};

use crate::daemon::{Daemon, Kinship};
use crate::diary::Diary;
use crate::guardian::Guardian;
use crate::link::adopt;
use crate::message::Why;
use crate::plan::{GuardianError, GuardianPlan, Outcome, READY_EXISTING, READY_NEW};
use crate::score;
use crate::seat::{Claim, Seat};
use crate::state::{self, Flags, Loaded, ResumeError, Snapshot};
use crate::succession::Succession;
use crate::sys;

/// Runs a guardian until its daemon ends it. Call it from a process with one thread; it takes over
/// that process's signals, children and limits.
pub fn run(plan: GuardianPlan) -> Result<Outcome, GuardianError> {
    let GuardianPlan { socket, lock, diary, daemon, resume, ready, predecessor } = plan;
    // First of all: a launcher that has gone must not end us by SIGPIPE.
    let signals = sys::take_signals().map_err(GuardianError::system("take signals"))?;
    let begun = begin(&socket, &lock, predecessor.as_ref());
    let told = match &begun {
        Ok(Claim::Ours(_)) => READY_NEW.to_vec(),
        Ok(Claim::Theirs) => READY_EXISTING.to_vec(),
        Err(error) => sentence(error).into_bytes(),
    };
    if let Some(ready) = ready {
        File::from(ready).write_all(&told).ok();
    }
    let Claim::Ours(seat) = begun? else { return Ok(Outcome::Existing) };
    if daemon.is_empty() {
        return Err(GuardianError::NoProgram);
    }
    let (files, score) = take_on_office()?;
    let succession = Succession::new(daemon, 0);
    let mut guardian =
        Guardian::new((seat, signals), Diary::new(diary), succession, resume, files)?;
    guardian.score = score;
    match predecessor {
        Some(link) => guardian.accept(Daemon::over(Kinship::Stranger(None), link))?,
        None => guardian.next = Some((Why::First, 0)),
    }
    Ok(guardian.live())
}

/// Goes on as the guardian that executed us; `state` is the descriptor it named.
pub fn resume(state: RawFd) -> Result<Outcome, GuardianError> {
    let Loaded { saved, items, records } = read_state(state)?;
    let signals = sys::take_signals().map_err(GuardianError::system("take signals"))?;
    let mut seat = Seat::restore(&saved.socket, &saved.lock, Lock::from_fd(saved.lock_file))?;
    if let Some(listener) = saved.listener {
        seat.inherit(listener);
        seat.place = saved.place;
    }
    // What changed while nobody watched.
    seat.check_at = Some(sys::boot_ms());
    set_child_subreaper(Some(getpid())).map_err(GuardianError::system("adopt orphans"))?;
    let succession = Succession::new(saved.command, saved.failures);
    let diary = Diary::new(saved.diary);
    diary.note(concat!("gone on as version ", env!("CARGO_PKG_VERSION")));
    let mut guardian =
        Guardian::new((seat, signals), diary, succession, saved.resume, saved.files)?;
    for item in items {
        close_on_exec(&item.descriptors);
        guardian.store.keep(item.key, item.kind, item.name, item.descriptors);
        if item.is_over {
            guardian.store.restore_over(item.key);
        }
    }
    for record in records {
        guardian.store.restore_exit(record);
    }
    guardian.number = saved.number;
    guardian.score = score::original();
    guardian.wishes.is_leaving = saved.flags.is_leaving;
    guardian.wishes.must_end = saved.flags.must_end;
    let mut daemon = Daemon::over(Kinship::Child(saved.daemon_pid), saved.link);
    daemon.born_ms = saved.daemon_born_ms;
    daemon.is_ready = true;
    daemon.has_adopted = saved.flags.has_adopted;
    guardian.accept(daemon)?;
    Ok(guardian.live())
}

impl Guardian {
    /// Executes the daemon's binary in our place: same pid, same children, same descriptors.
    /// When that fails, everything stays as it was.
    pub(crate) fn become_new(&mut self) {
        let error = self.execute();
        self.diary.note(&format!("could not go on as the new binary: {error}"));
    }

    fn execute(&self) -> io::Error {
        let Some((daemon, Kinship::Child(pid))) =
            self.daemon.as_ref().map(|daemon| (daemon, &daemon.process))
        else {
            return io::ErrorKind::NotFound.into();
        };
        let lock = &self.seat.held;
        let snapshot = Snapshot {
            paths: [&self.seat.socket, &self.seat.lock, self.diary.path()],
            commands: [&self.succession.command, &self.resume],
            files: &self.files,
            counts: [self.number, self.succession.failures],
            flags: Flags {
                has_adopted: daemon.has_adopted,
                is_leaving: self.wishes.is_leaving,
                must_end: self.wishes.must_end,
            },
            place: self.seat.place,
            daemon: (*pid, daemon.born_ms),
            descriptors: [
                Some(lock.as_fd().as_raw_fd()),
                Some(daemon.link.as_raw_fd()),
                self.seat.listener.as_ref().map(AsRawFd::as_raw_fd),
            ],
        };
        let bytes = state::encode(&snapshot, &self.store);
        let memory = match write_state(&bytes) {
            Ok(memory) => memory,
            Err(error) => return error,
        };
        let mut surviving: Vec<BorrowedFd<'_>> = self
            .store
            .items()
            .values()
            .flat_map(crate::store::Item::borrowed)
            .chain(self.seat.listener())
            .collect();
        let others: [&dyn AsFd; 3] = [lock, &daemon.link, &memory];
        surviving.extend(others.iter().map(|other| other.as_fd()));
        set_flags(&surviving, FdFlags::empty());
        let Some(program) = self.succession.command.first() else {
            return io::ErrorKind::NotFound.into();
        };
        let words = self.resume.iter().map(|word| OsStr::from_bytes(word.to_bytes()));
        let mut command = Command::new(OsStr::from_bytes(program.to_bytes()));
        score::pass_on(&mut command, self.score);
        let error = command.args(words).arg(memory.as_raw_fd().to_string()).exec();
        set_flags(&surviving, FdFlags::CLOEXEC);
        error
    }
}

fn begin(
    socket: &std::path::Path,
    lock: &std::path::Path,
    predecessor: Option<&OwnedFd>,
) -> Result<Claim, GuardianError> {
    let mut claim = Seat::claim(socket, lock, predecessor.map(AsFd::as_fd))?;
    if let (Claim::Ours(seat), None) = (&mut claim, predecessor) {
        seat.listen()?;
    }
    Ok(claim)
}

/// What makes this process fit to be a guardian. Gives `RLIMIT_NOFILE` and the out-of-memory score as they were.
fn take_on_office() -> Result<(Rlimit, Option<i32>), GuardianError> {
    set_child_subreaper(Some(getpid())).map_err(GuardianError::system("adopt orphans"))?;
    // Fails where the launcher has already done it.
    setsid().ok();
    let files = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: files.maximum, maximum: files.maximum }).ok();
    Ok((files, score::spare_us()))
}

fn read_state(number: RawFd) -> Result<Loaded, ResumeError> {
    let mut memory = File::from(adopt(number).ok_or(ResumeError::Missing(number))?);
    let mut bytes = Vec::new();
    memory.rewind().and_then(|()| memory.read_to_end(&mut bytes)).map_err(ResumeError::Read)?;
    let loaded = state::decode(&bytes)?;
    close_on_exec([&loaded.saved.lock_file, &loaded.saved.link]);
    close_on_exec(&loaded.saved.listener);
    Ok(loaded)
}

fn write_state(bytes: &[u8]) -> io::Result<OwnedFd> {
    let mut memory = File::from(memfd_create("pm-guardian", MemfdFlags::CLOEXEC)?);
    memory.write_all(bytes)?;
    Ok(memory.into())
}

fn close_on_exec<'a, I: IntoIterator<Item = &'a OwnedFd>>(descriptors: I) {
    for descriptor in descriptors {
        fcntl_setfd(descriptor, FdFlags::CLOEXEC).ok();
    }
}

fn set_flags(descriptors: &[BorrowedFd<'_>], flags: FdFlags) {
    for descriptor in descriptors {
        fcntl_setfd(descriptor, flags).ok();
    }
}

/// An error with its cause.
fn sentence(error: &GuardianError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
