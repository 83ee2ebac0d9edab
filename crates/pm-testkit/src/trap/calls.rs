//! Which system calls a fault is about, and how one is made to fail.

use std::fs;

use nix::errno::Errno;
use nix::libc;
use nix::sys::ptrace;
use nix::unistd::Pid;

/// What happens. But for death it is that a call does not happen, and says this; only on `x86_64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mishap {
    /// SIGKILL, before the call happens.
    Death,
    /// `ENOSPC` where something is written to a file, or one made.
    NoRoom,
    /// `EIO` there.
    BadDisk,
    /// `EMFILE` where a descriptor is wanted.
    NoDescriptor,
    /// `ENOMEM` where a process or a thread is made.
    NoMemory,
}

/// Calls by which somebody else may notice what a process did. Closing is none, for death closes, nor is reading what only this process
/// could have read.
const CHANGING: &[libc::c_long] = &[
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_pwrite64,
    libc::SYS_pwritev,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_splice,
    libc::SYS_ftruncate,
    libc::SYS_fallocate,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_unlinkat,
    libc::SYS_mkdirat,
    libc::SYS_linkat,
    libc::SYS_symlinkat,
    libc::SYS_mknodat,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_fchownat,
    libc::SYS_clone,
    libc::SYS_clone3,
    libc::SYS_execve,
    libc::SYS_kill,
    libc::SYS_pidfd_send_signal,
    libc::SYS_accept4,
    libc::SYS_bind,
    libc::SYS_shutdown,
    libc::SYS_waitid,
];

/// The same by their older names, which newer machines do without.
#[cfg(target_arch = "x86_64")]
const OLDER: &[libc::c_long] = &[
    libc::SYS_rename,
    libc::SYS_unlink,
    libc::SYS_mkdir,
    libc::SYS_rmdir,
    libc::SYS_link,
    libc::SYS_symlink,
    libc::SYS_chmod,
    libc::SYS_fork,
    libc::SYS_vfork,
];
#[cfg(not(target_arch = "x86_64"))]
const OLDER: &[libc::c_long] = &[];

/// Calls that want a descriptor.
const OPENING: &[libc::c_long] = &[
    libc::SYS_openat,
    libc::SYS_accept4,
    libc::SYS_pipe2,
    libc::SYS_socket,
    libc::SYS_socketpair,
    libc::SYS_dup3,
    libc::SYS_epoll_create1,
    libc::SYS_eventfd2,
    libc::SYS_inotify_init1,
    libc::SYS_timerfd_create,
    libc::SYS_pidfd_open,
];

/// Calls that make a process or a thread.
const BREEDING: &[libc::c_long] = &[libc::SYS_clone, libc::SYS_clone3];

/// Calls that need room on a disk: what they write to is their first argument.
const WRITING: &[libc::c_long] = &[
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_pwrite64,
    libc::SYS_pwritev,
    libc::SYS_ftruncate,
    libc::SYS_fallocate,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
];

impl Mishap {
    /// Whether the call that a thread is about to make is one of these.
    pub(super) fn concerns(self, tid: Pid) -> bool {
        let Some((call, [first, _, third])) = call_of(tid) else { return false };
        match self {
            Self::Death => {
                let makes = call == libc::SYS_openat && is_set(third, libc::O_CREAT);
                makes || CHANGING.contains(&call) || OLDER.contains(&call)
            }
            Self::NoDescriptor => OPENING.contains(&call),
            Self::NoMemory => BREEDING.contains(&call),
            Self::NoRoom | Self::BadDisk => {
                let written = match call {
                    libc::SYS_splice => third,
                    _ if WRITING.contains(&call) => first,
                    _ => return call == libc::SYS_openat && is_set(third, libc::O_CREAT),
                };
                is_file(tid, written)
            }
        }
    }
}

/// What a call says that does not happen.
const fn refusal(mishap: Mishap) -> Option<Errno> {
    match mishap {
        Mishap::Death => None,
        Mishap::NoRoom => Some(Errno::ENOSPC),
        Mishap::BadDisk => Some(Errno::EIO),
        Mishap::NoDescriptor => Some(Errno::EMFILE),
        Mishap::NoMemory => Some(Errno::ENOMEM),
    }
}

fn is_set(flags: u64, flag: libc::c_int) -> bool {
    flags & u64::from(flag.cast_unsigned()) != 0
}

/// Whether a descriptor is a file on a disk.
fn is_file(tid: Pid, descriptor: u64) -> bool {
    let target = fs::read_link(format!("/proc/{tid}/fd/{descriptor}"));
    target.is_ok_and(|path| {
        path.is_absolute() && !path.starts_with("/dev") && !path.starts_with("/proc")
    })
}

#[cfg(target_arch = "x86_64")]
mod machine {
    use super::{Mishap, Pid, libc, ptrace, refusal};

    /// The call and its first three arguments.
    pub(super) fn call_of(tid: Pid) -> Option<(libc::c_long, [u64; 3])> {
        let registers = ptrace::getregs(tid).ok()?;
        let call = i64::try_from(registers.orig_rax).ok()?;
        Some((call, [registers.rdi, registers.rsi, registers.rdx]))
    }

    /// Has the kernel do nothing.
    pub(in crate::trap) fn prevent(tid: Pid) {
        if let Ok(mut registers) = ptrace::getregs(tid) {
            registers.orig_rax = u64::MAX;
            ptrace::setregs(tid, registers).ok();
        }
    }

    /// Has the call say why.
    pub(in crate::trap) fn refuse(tid: Pid, mishap: Mishap) {
        let Some(errno) = refusal(mishap) else { return };
        if let Ok(mut registers) = ptrace::getregs(tid) {
            registers.rax = i64::from(errno as i32).wrapping_neg().cast_unsigned();
            ptrace::setregs(tid, registers).ok();
        }
    }
}

/// Elsewhere a call can't be made to fail by what every kernel has; it happens as ever.
#[cfg(not(target_arch = "x86_64"))]
mod machine {
    use super::{Mishap, Pid, libc, ptrace};

    pub(super) fn call_of(tid: Pid) -> Option<(libc::c_long, [u64; 3])> {
        let registers = ptrace::getregs(tid).ok()?.regs;
        let call = libc::c_long::try_from(registers[8]).ok()?;
        Some((call, [registers[0], registers[1], registers[2]]))
    }

    pub(in crate::trap) fn prevent(_: Pid) {}

    pub(in crate::trap) fn refuse(_: Pid, _: Mishap) {}
}

use machine::call_of;
pub(super) use machine::{prevent, refuse};
