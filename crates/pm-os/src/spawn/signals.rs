//! Signals around a birth: held back from the clone to the exec, and with their default meaning in the child.
#![expect(unsafe_code, reason = "raw calls, for glibc keeps two signals to itself")]

use std::ffi::c_void;
use std::ptr;

use rustix::io::Errno;

use crate::errno;

/// Size of the kernel's signal set, which is not glibc's.
const SET: usize = 8;

pub(super) fn block_signals() -> Result<u64, Errno> {
    let (all, mut before) = (u64::MAX, 0_u64);
    // SAFETY: both sets are live locals of the size given. The raw call, because glibc's keeps
    // two signals of its own unblocked.
    let result = unsafe {
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            libc::SIG_SETMASK,
            &raw const all,
            &raw mut before,
            SET,
        )
    };
    if result == 0 { Ok(before) } else { Err(errno::last()) }
}

pub(super) fn restore_signals(mask: u64) {
    // SAFETY: the set is a live local of the size given; a mask the kernel gave us is accepted.
    unsafe {
        libc::syscall(
            libc::SYS_rt_sigprocmask,
            libc::SIG_SETMASK,
            &raw const mask,
            ptr::null_mut::<u64>(),
            SET,
        );
    }
}

/// Gives every signal its default meaning: exec would do so for handlers, but not for what we
/// ignore (the Rust runtime ignores SIGPIPE, a launcher perhaps SIGHUP).
pub(super) fn reset_signals() {
    // `struct kernel_sigaction` has four words at most everywhere; zero is SIG_DFL, no flags.
    let default = [0_u64; 4];
    for signal in 1..=64_i32 {
        // SAFETY: the struct is a live local at least as big as the kernel's, the old one isn't
        // wanted; SIGKILL and SIGSTOP are refused, which is all right.
        unsafe {
            libc::syscall(
                libc::SYS_rt_sigaction,
                signal,
                default.as_ptr(),
                ptr::null_mut::<c_void>(),
                SET,
            );
        }
    }
}
