//! The few system calls that no safe library offers the way the guardian needs them.
//! Each is one call with a plain result; nothing here decides anything.
#![expect(
    unsafe_code,
    reason = "waitid for any child, signalfd, prlimit and pidfd ioctl have no safe form"
)]

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::{Resource, Rlimit, WaitId, WaitIdOptions, setrlimit, waitid};
use rustix::time::{ClockId, clock_gettime};

use crate::message::Status;

/// A child that has ended and waits to be reaped.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Zombie {
    pub(crate) pid: i32,
    pub(crate) status: Status,
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
    (answer == 0 && pid > 0).then_some(Zombie { pid, status: Status::Wait(raw) })
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

/// The tag a process carries (soft limit of `RLIMIT_LOCKS`; readable on zombies); `None`: none.
pub(crate) fn tag_of(pid: i32) -> Option<u64> {
    let mut limit = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: no new limit is given, the old one goes to a whole rlimit of ours.
    let answer =
        unsafe { libc::prlimit(pid, libc::RLIMIT_LOCKS, std::ptr::null(), &raw mut limit) };
    (answer == 0 && limit.rlim_cur != libc::RLIM_INFINITY).then_some(limit.rlim_cur)
}

/// `struct pidfd_info` of `linux/pidfd.h`, first version: 64 bytes.
#[repr(C)]
struct PidfdInfo {
    mask: u64,
    cgroup: u64,
    ids: [u32; 11],
    exit_code: i32,
}

/// How the process behind a pidfd ended, whoever its parent was: kernel 6.15 and later, and only
/// once it has been reaped (`PIDFD_GET_INFO` with `PIDFD_INFO_EXIT`).
pub(crate) fn ending_of(pidfd: BorrowedFd<'_>) -> Status {
    const EXIT: u64 = 1 << 3;
    // _IOWR(0xff, 11, struct pidfd_info): read and write, 64 bytes.
    const GET_INFO: u32 = 0xc040_ff0b;
    let mut info = PidfdInfo { mask: EXIT, cgroup: 0, ids: [0; 11], exit_code: 0 };
    // SAFETY: the request's number says 64 bytes, which is what the structure has.
    let answer = unsafe { libc::ioctl(pidfd.as_raw_fd(), GET_INFO.into(), &raw mut info) };
    if answer == 0 && info.mask & EXIT != 0 {
        Status::Wait(info.exit_code)
    } else {
        Status::Unknown
    }
}

/// Blocks all signals of this thread, so that none can end it, and opens a descriptor from which
/// those we heed are read (`signalfd(2)`).
pub(crate) fn take_signals() -> io::Result<OwnedFd> {
    let mut all = MaybeUninit::<libc::sigset_t>::uninit();
    let mut heeded = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: both sets are initialised by sigfillset and sigemptyset before they are read; the
    // descriptor that signalfd returns is new and ours.
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::sigemptyset(heeded.as_mut_ptr());
        for signal in [libc::SIGCHLD, libc::SIGTERM, libc::SIGINT] {
            libc::sigaddset(heeded.as_mut_ptr(), signal);
        }
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), std::ptr::null_mut());
        match libc::signalfd(-1, heeded.as_ptr(), libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) {
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

/// Milliseconds since 1970.
pub(crate) fn unix_ms() -> i64 {
    milliseconds(ClockId::Realtime)
}

fn milliseconds(clock: ClockId) -> i64 {
    let time = clock_gettime(clock);
    time.tv_sec * 1000 + time.tv_nsec / 1_000_000
}
