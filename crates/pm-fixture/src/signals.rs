//! What a signal does to us. Handlers use atomics and two system calls, nothing else.
#![expect(unsafe_code, reason = "there is no safe way to install a signal handler")]

use std::ffi::c_int;
use std::ptr;
use std::sync::atomic::{AtomicI32, Ordering};

use rustix::io::Errno;

/// What to do when the signal comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reaction {
    /// Die of it, whatever our starter did with it (a shell ignores SIGINT for its background jobs).
    Die,
    /// Nothing.
    Ignore,
    /// Exit with this code.
    Exit(u8),
    /// Exit with 0 after so many milliseconds.
    Delay(u32),
}

/// SIGTERM or SIGINT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    Term,
    Int,
}

/// Exit code and delay in milliseconds for each signal.
struct Plan {
    code: AtomicI32,
    delay: AtomicI32,
}

static TERM: Plan = Plan { code: AtomicI32::new(0), delay: AtomicI32::new(0) };
static INT: Plan = Plan { code: AtomicI32::new(0), delay: AtomicI32::new(0) };

pub(crate) fn react(which: Which, reaction: Reaction) -> Result<(), Errno> {
    let (signal, plan) = match which {
        Which::Term => (libc::SIGTERM, &TERM),
        Which::Int => (libc::SIGINT, &INT),
    };
    let action = match reaction {
        Reaction::Die => libc::SIG_DFL,
        Reaction::Ignore => libc::SIG_IGN,
        Reaction::Exit(code) => {
            plan.code.store(i32::from(code), Ordering::Relaxed);
            plan.delay.store(0, Ordering::Relaxed);
            handler_address()
        }
        Reaction::Delay(milliseconds) => {
            plan.code.store(0, Ordering::Relaxed);
            let milliseconds = i32::try_from(milliseconds).unwrap_or(i32::MAX);
            plan.delay.store(milliseconds, Ordering::Relaxed);
            handler_address()
        }
    };
    // SAFETY: the struct is fully initialised (all-zero is valid), the handler has the signature
    // of one without SA_SIGINFO and does only what signal-safety(7) allows.
    let result = unsafe {
        let mut wanted: libc::sigaction = std::mem::zeroed();
        wanted.sa_sigaction = action;
        libc::sigaction(signal, &raw const wanted, ptr::null_mut())
    };
    if result == 0 { Ok(()) } else { Err(Errno::INVAL) }
}

fn handler_address() -> libc::sighandler_t {
    let handler: extern "C" fn(c_int) = leave;
    handler as libc::sighandler_t
}

extern "C" fn leave(signal: c_int) {
    let plan = if signal == libc::SIGTERM { &TERM } else { &INT };
    // SAFETY: poll on no descriptors and _exit are async-signal-safe.
    unsafe {
        libc::poll(ptr::null_mut(), 0, plan.delay.load(Ordering::Relaxed));
        libc::_exit(plan.code.load(Ordering::Relaxed));
    }
}
