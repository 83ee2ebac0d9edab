//! The part of spawning between clone and exec. Here the rules of a signal handler hold: no
//! allocation, no lock, no panic, nothing but system calls on things prepared before. What went
//! wrong is written into a page both sides see.
#![expect(unsafe_code, reason = "clone(2) with a stack of its own, and raw calls after it")]

use std::ffi::{CStr, c_char, c_int, c_long, c_void};
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::fs::{CWD, Gid, Mode, OFlags, Uid};
use rustix::io::Errno;
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect, munmap};
use rustix::process::{Resource, Rlimit};

use super::isolation::{Isolation, out_of_the_way};
use super::kernel::{self, KernelOrders};
use super::pid_variable::PidVariable;
use super::plan::{Birth, MOST_HANDED};
use super::signals::{block_signals, reset_signals, restore_signals};
use super::step::{SpawnStep, StepFailure};
use crate::errno;
use crate::wait;

/// Everything the child does, in memory that outlives the call.
pub(super) struct ChildPlan<'a> {
    pub(super) program: &'a CStr,
    /// Ends with null.
    pub(super) argv: &'a [*const c_char],
    /// Ends with null.
    pub(super) env: &'a [*const c_char],
    pub(super) cwd: &'a CStr,
    /// Become 0, 1, 2, ...
    pub(super) fds: &'a [c_int],
    /// Doors of control groups, in our table of descriptors.
    pub(super) entrances: &'a [OwnedFd],
    pub(super) user: Option<(u32, u32, &'a [Gid])>,
    pub(super) nofile: Option<Rlimit>,
    pub(super) umask: Option<u32>,
    /// Its score, and whether it may not run with another one.
    pub(super) oom: Option<(&'a [u8], bool)>,
    pub(super) kernel: &'a KernelOrders,
    /// One of `env`, to be written by the child.
    pub(super) own_pid: Option<&'a PidVariable>,
    /// And the descriptor of its rules.
    pub(super) isolation: Option<(&'a Isolation, Option<c_int>)>,
    /// The child begins with our table of descriptors, and leaves it with those below this number.
    pub(super) shared_below: Option<c_int>,
}

/// A child that executes.
pub(super) struct Made {
    pub(super) pid: i32,
    pub(super) pidfd: OwnedFd,
    pub(super) birth: Birth,
    /// The line of `/proc/self/stat` the child read before it executed.
    pub(super) stat: Vec<u8>,
}

/// What the child leaves for us in the shared page.
#[repr(C)]
struct ChildReport {
    /// 0, or the number of the step that failed, written last.
    step: AtomicU32,
    errno: AtomicU32,
    length: AtomicU32,
    stat: [u8; 1024],
}

/// One shared mapping: a guard page, the child's stack, the report on top of it.
#[derive(Debug)]
pub(super) struct Arena {
    base: *mut c_void,
}

const GUARD: usize = 64 << 10;
const STACK: usize = 64 << 10;
const TOP: usize = 4 << 10;
const ARENA: usize = GUARD + STACK + TOP;
const _: () = assert!(size_of::<ChildReport>() <= TOP, "the report fits its page");

impl Arena {
    pub(super) fn new() -> Result<Self, StepFailure> {
        Self::map().map_err(|errno| StepFailure { step: SpawnStep::Clone, errno })
    }

    fn map() -> Result<Self, Errno> {
        let both = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new anonymous mapping at an address of the kernel's choice overlaps nothing.
        let base = unsafe { mmap_anonymous(ptr::null_mut(), ARENA, both, MapFlags::SHARED)? };
        let arena = Self { base };
        // SAFETY: the guard is the lowest part of the mapping just made, which nobody uses yet.
        unsafe { mprotect(arena.base, GUARD, MprotectFlags::empty())? };
        Ok(arena)
    }

    fn stack_top(&self) -> *mut c_void {
        // SAFETY: inside the mapping; page-aligned, hence aligned for every ABI.
        unsafe { self.base.byte_add(GUARD + STACK) }
    }

    /// Forgets what the child before left.
    fn wipe(&mut self) {
        // SAFETY: the page is mapped and starts as zeroes, a valid `ChildReport`; nobody else uses it now, for the child
        // before has executed or ended.
        let report = unsafe { &mut *self.report() };
        report.step = AtomicU32::new(0);
        report.errno = AtomicU32::new(0);
        report.length = AtomicU32::new(0);
    }

    fn report(&self) -> *mut ChildReport {
        self.stack_top().cast()
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        // SAFETY: the child that used it has executed or ended (CLONE_VFORK), and nothing borrowed
        // from it outlives `clone_and_exec`. Unmapping what we mapped can't fail.
        unsafe { munmap(self.base, ARENA) }.ok();
    }
}

/// What is handed through clone to the child.
struct ChildArgs<'a> {
    orders: &'a ChildPlan<'a>,
    report: *mut ChildReport,
    marked: bool,
}

/// Makes the child and returns once it executes, or with the step that failed.
///
/// The clone is tried as wanted, then as our own child, then without shared memory: pid 1 has no
/// siblings, and sandboxes refuse one or the other.
pub(super) fn clone_and_exec(
    orders: &ChildPlan<'_>,
    birth: Birth,
    marked: bool,
    arena: &mut Arena,
) -> Result<Made, StepFailure> {
    let failed = |step| move |errno| StepFailure { step, errno };
    arena.wipe();
    // A child that changes its user must not share our memory, even for a moment: the new user
    // might stop or trace it. It gets a copy, like any fork.
    let becomes = orders.isolation.is_some_and(|(isolation, _)| isolation.changes_user());
    let shared = if orders.user.is_some() || becomes { 0 } else { libc::CLONE_VM };
    let files = if orders.shared_below.is_some() { libc::CLONE_FILES } else { 0 };
    let parent = libc::CLONE_PARENT;
    let ways = [
        (Birth::Sibling, shared | files | parent),
        (Birth::Child, shared | files),
        (Birth::Child, files),
    ];
    let mut made = Err(Errno::INVAL);
    for (as_what, flags) in ways.into_iter().skip(usize::from(birth == Birth::Child)) {
        let passage = ChildArgs { orders, report: arena.report(), marked };
        made = clone(arena, &passage, flags).map(|(pid, pidfd)| (pid, pidfd, as_what));
        if !matches!(made, Err(Errno::INVAL | Errno::PERM | Errno::NOSYS)) {
            break;
        }
    }
    let (pid, pidfd, birth) = made.map_err(failed(SpawnStep::Clone))?;
    // SAFETY: the page is mapped as long as `arena` is borrowed, and is a valid `ChildReport`; the child,
    // its only other user, has executed or ended.
    let report = unsafe { &*arena.report() };
    match SpawnStep::from_number(report.step.load(Ordering::Acquire)) {
        None => {
            let length = usize::try_from(report.length.load(Ordering::Acquire)).unwrap_or(0);
            let stat = report.stat.get(..length).unwrap_or_default().to_vec();
            Ok(Made { pid, pidfd, birth, stat })
        }
        Some(step) => {
            if birth == Birth::Child {
                reap_ended(&pidfd);
            }
            let raw = i32::try_from(report.errno.load(Ordering::Acquire)).unwrap_or(0);
            Err(StepFailure { step, errno: Errno::from_raw_os_error(raw) })
        }
    }
}

/// Reaps a child of ours that is about to end: it wrote its report and only exit is left.
fn reap_ended(pidfd: &OwnedFd) {
    let mut watch = [rustix::event::PollFd::new(pidfd, rustix::event::PollFlags::IN)];
    while rustix::event::poll(&mut watch, None) == Err(Errno::INTR) {}
    // Whoever else reaped it (SIGCHLD ignored) did our work.
    wait::reap(pidfd).ok();
}

fn clone(arena: &Arena, passage: &ChildArgs<'_>, flags: c_int) -> Result<(i32, OwnedFd), Errno> {
    let mut pidfd: c_int = -1;
    let flags = flags | libc::CLONE_VFORK | libc::CLONE_PIDFD | libc::SIGCHLD;
    let passage: *const ChildArgs<'_> = passage;
    let before = block_signals()?;
    // SAFETY: the stack is ours alone, aligned, and big enough for `child_main`, which never
    // returns; CLONE_VFORK keeps this frame, and so `passage` and all it borrows, alive until the
    // child has executed or ended. With CLONE_VM only this thread's memory is shared with a child
    // that makes nothing but system calls. Signals are blocked, so no handler of ours runs there.
    let pid = unsafe {
        libc::clone(child_main, arena.stack_top(), flags, passage.cast_mut().cast(), &raw mut pidfd)
    };
    let result = if pid < 0 { Err(errno::last()) } else { Ok(pid) };
    restore_signals(before);
    let pid = result?;
    // SAFETY: the kernel made this descriptor for us in the call above, and nobody else knows it.
    Ok((pid, unsafe { OwnedFd::from_raw_fd(pidfd) }))
}

/// Where the child begins and, in one way or another, ends.
extern "C" fn child_main(passage: *mut c_void) -> c_int {
    // SAFETY: `clone` passed a pointer to a `ChildArgs` whose owner waits for us.
    let passage = unsafe { &*passage.cast::<ChildArgs<'_>>() };
    // SAFETY: the report lies in the mapping our creator keeps until we are through; creator and
    // child don't use it at the same time.
    let report = unsafe { &mut *passage.report };
    let StepFailure { step, errno } = become_program(passage.orders, report, passage.marked);
    if passage.marked {
        // Our zombie must not look like a run that began.
        crate::tag::unmark_self().ok();
    }
    report.errno.store(errno.raw_os_error().unsigned_abs(), Ordering::Release);
    report.step.store(step.number(), Ordering::Release);
    // SAFETY: ends this process without running anything else, as a child that shares its
    // creator's memory must.
    unsafe { libc::syscall(libc::SYS_exit_group, c_long::from(127)) };
    127
}

/// Does every step; comes back only with the one that failed.
fn become_program(orders: &ChildPlan<'_>, report: &mut ChildReport, marked: bool) -> StepFailure {
    match prepare(orders, report, marked) {
        Err(failure) => failure,
        Ok(()) => StepFailure { step: SpawnStep::Exec, errno: execute(orders) },
    }
}

fn prepare(
    orders: &ChildPlan<'_>,
    report: &mut ChildReport,
    marked: bool,
) -> Result<(), StepFailure> {
    let failed = |step| move |errno| StepFailure { step, errno };
    for entrance in orders.entrances {
        // While we have the table they are in. 0 is who writes.
        rustix::io::write(entrance, b"0").map_err(failed(SpawnStep::Cgroup))?;
    }
    if let Some(below) = orders.shared_below {
        // Before anything else that has to do with descriptors.
        leave_table(below).map_err(failed(SpawnStep::Descriptors))?;
    }
    rustix::process::setsid().map_err(failed(SpawnStep::Session))?;
    reset_signals();
    if !marked {
        // We may have been cloned while another thread's child was being marked.
        crate::tag::unmark_self().ok();
    }
    remember_start(report);
    if let Some((score, is_needed)) = orders.oom {
        // Lowering it needs a right we may lack; where nobody asked for it, that is no reason not to run.
        kernel::adjust_oom(score)
            .or_else(|errno| if is_needed { Err(errno) } else { Ok(()) })
            .map_err(failed(SpawnStep::OomScore))?;
    }
    let first = c_int::try_from(orders.fds.len()).unwrap_or(0);
    let rules = orders.isolation.and_then(|(_, rules)| rules);
    let rules = rules.map(|fd| out_of_the_way(fd, first)).transpose();
    let rules = rules.map_err(failed(SpawnStep::Descriptors))?;
    place_descriptors(orders.fds).map_err(failed(SpawnStep::Descriptors))?;
    orders.own_pid.into_iter().for_each(PidVariable::fill_in);
    if let Some(limit) = orders.nofile {
        rustix::process::setrlimit(Resource::Nofile, limit).map_err(failed(SpawnStep::Nofile))?;
    }
    // Before the user changes: it may be our right, and not the new user's.
    orders.kernel.obey()?;
    if let Some(mask) = orders.umask {
        rustix::process::umask(Mode::from_raw_mode(mask & 0o777));
    }
    if let Some((isolation, _)) = orders.isolation {
        isolation.hide().map_err(failed(SpawnStep::PrivateTmp))?;
    }
    if let Some((uid, gid, groups)) = orders.user {
        rustix::thread::set_thread_groups(groups).map_err(failed(SpawnStep::User))?;
        let gid = Gid::from_raw(gid);
        rustix::thread::set_thread_res_gid(gid, gid, gid).map_err(failed(SpawnStep::User))?;
        let uid = Uid::from_raw(uid);
        rustix::thread::set_thread_res_uid(uid, uid, uid).map_err(failed(SpawnStep::User))?;
    }
    rustix::process::chdir(orders.cwd).map_err(failed(SpawnStep::Cwd))?;
    // Last, for it holds for whatever comes after it.
    let put_on = |(isolation, _): (&Isolation, _)| isolation.put_on(rules.as_ref());
    orders.isolation.map_or(Ok(()), put_on).map_err(failed(SpawnStep::Isolate))
}

/// Our start time, read here because out there we might be reaped before anybody can look.
fn remember_start(report: &mut ChildReport) {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let Ok(file) = rustix::fs::openat(CWD, c"/proc/self/stat", flags, Mode::empty()) else {
        return;
    };
    if let Ok(length) = rustix::io::read(&file, report.stat.as_mut_slice()) {
        report.length.store(u32::try_from(length).unwrap_or(0), Ordering::Release);
    }
}

/// Whether the kernel (5.9 and later) lets a process leave a table of descriptors it shares.
pub(super) fn can_leave_a_table() -> bool {
    let none = c_int::MAX;
    // SAFETY: closes descriptors from the highest possible number on, which nobody can have.
    unsafe { libc::syscall(libc::SYS_close_range, none, none, 0) == 0 }
}

/// From here on the table is this child's own, and holds what lies below a number.
fn leave_table(below: c_int) -> Result<(), Errno> {
    // SAFETY: what is closed is closed in the new table only; no Rust object of this child uses any of it.
    let left = unsafe {
        libc::syscall(libc::SYS_close_range, below, c_int::MAX, libc::CLOSE_RANGE_UNSHARE)
    };
    if left == 0 { Ok(()) } else { Err(errno::last()) }
}

/// Puts the given descriptors at 0, 1, 2, ... and closes all others on exec.
fn place_descriptors(fds: &[c_int]) -> Result<(), Errno> {
    let mut lifted = [-1; MOST_HANDED + 3];
    let count = c_int::try_from(fds.len()).map_err(|_| Errno::INVAL)?;
    // First all out of the way, or one may overwrite another that is still needed.
    for (slot, &fd) in lifted.iter_mut().zip(fds) {
        // SAFETY: the caller borrows every one of these from its owner.
        let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
        let copy = rustix::io::fcntl_dupfd_cloexec(borrowed, count)?;
        *slot = std::os::fd::IntoRawFd::into_raw_fd(copy);
    }
    for (target, &from) in (0..count).zip(&lifted) {
        // SAFETY: this is the child's own descriptor table (never shared, or left); `from` was just made
        // and nobody in this process holds `target`.
        if unsafe { libc::syscall(libc::SYS_dup3, from, target, 0) } < 0 {
            return Err(errno::last());
        }
    }
    // A belt: everything of ours is close-on-exec anyway. Kernels before 5.11 don't know it.
    // SAFETY: only marks descriptors of this child, none of which Rust objects use after exec.
    unsafe {
        libc::syscall(libc::SYS_close_range, count, c_int::MAX, libc::CLOSE_RANGE_CLOEXEC);
    }
    Ok(())
}

/// Opens the mask and executes; comes back only with the reason why not.
fn execute(orders: &ChildPlan<'_>) -> Errno {
    restore_signals(0);
    // SAFETY: all three point to NUL-terminated strings and null-terminated lists that the waiting
    // creator keeps alive.
    unsafe {
        libc::syscall(
            libc::SYS_execve,
            orders.program.as_ptr(),
            orders.argv.as_ptr(),
            orders.env.as_ptr(),
        );
    }
    let errno = errno::last();
    // Whoever signals us now must not interrupt the report.
    block_signals().ok();
    errno
}
