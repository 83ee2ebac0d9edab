//! The few system calls that no safe library offers the way the guardian needs them.
//! Each is one call with a plain result; nothing here decides anything.
#![expect(
    unsafe_code,
    reason = "waitid for any child, signalfd and signal masks have no safe form"
)]

use std::fs;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use pm_os::wait;
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::{Resource, Rlimit, WaitId, WaitIdOptions, setrlimit, waitid};
use rustix::time::{ClockId, clock_gettime};

use crate::message::WaitStatus;

/// A child that has ended and waits to be reaped.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Zombie {
    pub(crate) pid: i32,
    pub(crate) status: WaitStatus,
}

/// Looks at any child that ended, without reaping it (`waitid(2)`, `WNOWAIT`).
pub(crate) fn peek() -> Option<Zombie> {
    let mut found = MaybeUninit::<libc::siginfo_t>::zeroed();
    let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT | libc::__WALL;
    // SAFETY: the pointer is to a whole siginfo_t, zeroed, which is a valid value of it.
    let (answer, found) =
        unsafe { (libc::waitid(libc::P_ALL, 0, found.as_mut_ptr(), flags), found.assume_init()) };
    // SAFETY: waitid fills in the fields of SIGCHLD, or leaves the zeroes for "nobody".
    let (pid, status) = unsafe { (found.si_pid(), found.si_status()) };
    let raw = match found.si_code {
        libc::CLD_EXITED => status << 8,
        libc::CLD_DUMPED => status | 0x80,
        _ => status,
    };
    (answer == 0 && pid > 0).then_some(Zombie { pid, status: WaitStatus::Wait(raw) })
}

/// Reaps the child that [`peek`] found.
pub(crate) fn reap(zombie: Zombie) {
    let Ok(id) = libc::id_t::try_from(zombie.pid) else { return };
    let flags = libc::WEXITED | libc::WNOHANG | libc::__WALL;
    // SAFETY: a null siginfo is allowed; the id is of a child that nobody else reaps.
    unsafe { libc::waitid(libc::P_PID, id, std::ptr::null_mut(), flags) };
}

/// Whether the process behind a pidfd is a child of ours that has not been reaped.
pub(crate) fn is_child(pidfd: BorrowedFd<'_>) -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    waitid(WaitId::PidFd(pidfd), options).is_ok()
}

/// How the process behind a pidfd ended, whoever its parent was.
pub(crate) fn ending_of(pidfd: BorrowedFd<'_>, pid: i32) -> WaitStatus {
    // A zombie is looked up by number: while our pidfd's process is one, nobody else has it.
    let status = wait::of_stranger(pidfd).or_else(|| wait::zombie(pid));
    status.map_or(WaitStatus::Unknown, WaitStatus::Wait)
}

/// When a process was born, in clock ticks since boot (`proc_pid_stat(5)`, field 22); also works
/// on zombies. A process that can't be read counts as the youngest of all.
pub(crate) fn start_of(pid: i32) -> u64 {
    let stat = stat_of(pid);
    let field = stat.split(|byte| *byte == b' ').nth(19);
    field
        .and_then(|text| std::str::from_utf8(text).ok())
        .and_then(|text| text.parse().ok())
        .unwrap_or(u64::MAX)
}

/// The letter for what a process is doing (`proc_pid_stat(5)`, field 3), if it can be read.
pub(crate) fn state_of(pid: i32) -> Option<u8> {
    stat_of(pid).first().copied()
}

/// The fields of a process from the third on.
fn stat_of(pid: i32) -> Vec<u8> {
    let mut stat = fs::read(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The second field is the name in parentheses, which may hold anything, parentheses too.
    let after = stat.iter().rposition(|byte| *byte == b')').map_or(0, |at| at + 2);
    stat.split_off(after.min(stat.len()))
}

/// Blocks all signals of this thread, so that none can end it, and opens a descriptor from which
/// those we heed are read (`signalfd(2)`).
pub(crate) fn block_signals() -> io::Result<OwnedFd> {
    let mut all = MaybeUninit::<libc::sigset_t>::uninit();
    let mut accepted = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: both sets are initialised by sigfillset and sigemptyset before they are read; the
    // descriptor that signalfd returns is new and ours.
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::sigemptyset(accepted.as_mut_ptr());
        for signal in [libc::SIGCHLD, libc::SIGTERM, libc::SIGINT] {
            libc::sigaddset(accepted.as_mut_ptr(), signal);
        }
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), std::ptr::null_mut());
        match libc::signalfd(-1, accepted.as_ptr(), libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) {
            -1 => Err(io::Error::last_os_error()),
            number => Ok(OwnedFd::from_raw_fd(number)),
        }
    }
}

/// The numbers of the signals that came in, oldest first, at most eight at once.
pub(crate) fn read_signals(signals: &OwnedFd) -> Vec<i32> {
    const SIZE: usize = size_of::<libc::signalfd_siginfo>();
    let mut buffer = [0; SIZE * 8];
    let length = rustix::io::read(signals, &mut buffer).unwrap_or(0);
    let whole = buffer.get(..length).unwrap_or_default().chunks_exact(SIZE);
    // The number is the first field, 32 bits.
    whole.filter_map(|one| one.first_chunk()).map(|number| i32::from_ne_bytes(*number)).collect()
}

/// Lets the command's child keep `link`, run with no signal blocked, and have `files` again, the
/// limit we had before we raised ours.
pub(crate) fn prepare_child(command: &mut Command, link: &OwnedFd, files: Rlimit) {
    let number = link.as_raw_fd();
    let prepare = move || {
        // SAFETY: the parent keeps the descriptor open until the child has executed.
        fcntl_setfd(unsafe { BorrowedFd::borrow_raw(number) }, FdFlags::empty())?;
        setrlimit(Resource::Nofile, files)?;
        let mut none = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: the set is initialised by sigemptyset; both calls are async-signal-safe.
        unsafe {
            libc::sigemptyset(none.as_mut_ptr());
            libc::sigprocmask(libc::SIG_SETMASK, none.as_ptr(), std::ptr::null_mut());
            libc::signal(libc::SIGPIPE, libc::SIG_DFL);
        }
        Ok(())
    };
    // SAFETY: between fork and exec it makes four plain system calls and allocates nothing.
    unsafe { command.pre_exec(prepare) };
}

/// Milliseconds since boot, including sleep.
pub(crate) fn boot_ms() -> i64 {
    milliseconds(ClockId::Boottime)
}

/// Milliseconds of a clock that stands still while the machine sleeps.
pub(crate) fn awake_ms() -> i64 {
    milliseconds(ClockId::Monotonic)
}

/// Milliseconds since 1970.
pub(crate) fn unix_ms() -> i64 {
    milliseconds(ClockId::Realtime)
}

fn milliseconds(clock: ClockId) -> i64 {
    let time = clock_gettime(clock);
    time.tv_sec * 1000 + time.tv_nsec / 1_000_000
}
