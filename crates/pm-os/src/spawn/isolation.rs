//! What a process can't reach, whoever it runs as: made ready before the birth, put on by the child just before it runs its
//! program, and inherited by all it begins. Nothing takes it off again.
#![expect(unsafe_code, reason = "prctl(2) and landlock_restrict_self(2) with what was made before")]

use std::collections::BTreeMap;
use std::ffi::{c_int, c_long};
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};
use std::path::PathBuf;

use landlock::{
    ABI, Access as _, AccessFs, BitFlags, CompatLevel, Compatible as _, PathBeneath, PathFd,
    Ruleset, RulesetAttr as _, RulesetCreatedAttr as _, RulesetError, Scope,
};
use rustix::fs::{FileType, fstat};
use rustix::io::Errno;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, sock_filter,
};

use super::private_tmp::{self, PrivateTmp};
use crate::errno;

/// What is to be out of reach.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IsolationPlan {
    /// All it may change, besides `/tmp`, `/var/tmp` and devices that keep nothing; `None`: what its user may.
    pub write: Option<Vec<PathBuf>>,
    /// Whether it may do nothing to the machine or to others: trace, mount, load modules, signal who isn't its own.
    pub strict: bool,
    /// Whether it may reach sockets that have a name and no file all the same.
    pub speaks: bool,
    /// Whether it may make local sockets only.
    pub offline: bool,
    /// Whether its `/tmp` and `/var/tmp` are its own, and these paths, which it needs, must not lie in there.
    pub private_tmp: Option<Vec<PathBuf>>,
}

/// Why a process could not be isolated.
#[derive(Debug, thiserror::Error)]
pub enum IsolationError {
    /// The kernel is too old for the rules, or they are switched off.
    #[error(
        "isolate it: this kernel ({0}) has no Landlock that keeps files from being changed; it takes Linux 6.2 or later with \
         `landlock` among its security modules (/sys/kernel/security/lsm)"
    )]
    NoLandlock(String),
    /// A folder it may write is not there.
    #[error("isolate it: let it write {path}: {}; make it first, or take it out of `write_paths`", errno::words(*errno), path = path.display())]
    Path {
        /// Which.
        path: PathBuf,
        /// Why not.
        errno: Errno,
    },
    /// It would not find what it needs.
    #[error(
        "give it a /tmp of its own (private_tmp): {path} lies in the one it would not see any more; move it, or take `private_tmp` out",
        path = .0.display()
    )]
    Hidden(PathBuf),
    /// The kernel lets users have no view of their own.
    #[error(
        "give it a /tmp of its own (private_tmp): without root that takes a namespace of users, which {0} forbids; root can change that"
    )]
    NoNamespace(&'static str),
    /// Some other rule was refused.
    #[error("isolate it: {0}")]
    Rules(#[from] RulesetError),
    /// The filter of system calls could not be made.
    #[error("isolate it: filter its system calls: {0}")]
    Filter(#[from] seccompiler::BackendError),
}

impl IsolationError {
    /// Whether trying again later may help.
    pub fn is_shortage(&self) -> bool {
        matches!(self, Self::Path { errno, .. } if errno::is_shortage(*errno))
    }
}

/// Rules and filter, ready to be put on.
#[derive(Debug)]
pub struct Isolation {
    private_tmp: Option<PrivateTmp>,
    ruleset: Option<OwnedFd>,
    filter: BpfProgram,
}

/// The first version of Landlock (Linux 6.2) under which no way to change a file is left.
const VERSION: ABI = ABI::V3;

/// What everybody writes to: devices that keep nothing, and folders for what is temporary.
const EVERYBODYS: [&str; 11] = [
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
    "/dev/tty",
    "/dev/ptmx",
    "/dev/pts",
    "/dev/shm",
    "/tmp",
    "/var/tmp",
];

impl Isolation {
    /// Makes it ready; `None` if there is nothing to do.
    pub fn new(plan: &IsolationPlan) -> Result<Option<Self>, IsolationError> {
        let write = plan.write.as_ref();
        let ruleset = write.map(|paths| ruleset(paths, plan)).transpose()?;
        let filter = filter(plan)?;
        let private_tmp = plan.private_tmp.as_deref().map(private_tmp).transpose()?;
        let is_one = ruleset.is_some() || !filter.is_empty() || private_tmp.is_some();
        Ok(is_one.then_some(Self { private_tmp, ruleset, filter }))
    }

    pub(super) fn ruleset(&self) -> Option<BorrowedFd<'_>> {
        self.ruleset.as_ref().map(OwnedFd::as_fd)
    }

    /// Whether a child that puts it on becomes somebody else, whom our memory is no business of.
    pub(super) fn changes_user(&self) -> bool {
        self.private_tmp.as_ref().is_some_and(PrivateTmp::changes_user)
    }

    /// Runs in the child while it has our rights still.
    pub(super) fn hide(&self) -> Result<(), Errno> {
        self.private_tmp.as_ref().map_or(Ok(()), PrivateTmp::put_on)
    }

    /// Runs in the child before it executes; `ruleset` is where that lies there.
    pub(super) fn put_on(&self, ruleset: Option<&OwnedFd>) -> Result<(), Errno> {
        if ruleset.is_none() && self.filter.is_empty() {
            return Ok(());
        }
        if let Some(ruleset) = ruleset.filter(|_| self.private_tmp.is_some()) {
            PrivateTmp::allow(ruleset, AccessFs::from_all(VERSION).bits())?;
        }
        // SAFETY: numbers only. Without it neither of the others is allowed, and a program with the right of another
        // user (setuid) would be free of it.
        check(unsafe { libc::syscall(libc::SYS_prctl, libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) })?;
        if let Some(ruleset) = ruleset {
            // SAFETY: numbers only.
            check(unsafe {
                libc::syscall(libc::SYS_landlock_restrict_self, ruleset.as_raw_fd(), 0)
            })?;
        }
        if self.filter.is_empty() {
            return Ok(());
        }
        let length = u16::try_from(self.filter.len()).map_err(|_| Errno::INVAL)?;
        let first: *const sock_filter = self.filter.as_ptr();
        let program = libc::sock_fprog { len: length, filter: first.cast_mut().cast() };
        let mode = libc::SECCOMP_MODE_FILTER;
        // SAFETY: `program` is a live local and points to as many instructions as it says, which the kernel copies and
        // checks; both types of an instruction are the kernel's.
        check(unsafe {
            libc::syscall(libc::SYS_prctl, libc::PR_SET_SECCOMP, mode, &raw const program, 0, 0)
        })
    }
}

/// A copy of a descriptor that nothing the child is given is put over.
pub(super) fn out_of_the_way(fd: c_int, first: c_int) -> Result<OwnedFd, Errno> {
    // SAFETY: the caller borrows it from its owner, who waits for us.
    rustix::io::fcntl_dupfd_cloexec(unsafe { BorrowedFd::borrow_raw(fd) }, first)
}

fn check(result: c_long) -> Result<(), Errno> {
    if result == 0 { Ok(()) } else { Err(errno::last()) }
}

/// All may be read and executed; only what is below these paths may be changed.
fn ruleset(paths: &[PathBuf], plan: &IsolationPlan) -> Result<OwnedFd, IsolationError> {
    let kernel = || rustix::system::uname().release().to_string_lossy().into_owned();
    let rules = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
    let rules = rules.handle_access(AccessFs::from_all(VERSION));
    let rules = rules.map_err(|_| IsolationError::NoLandlock(kernel()))?;
    // From Linux 6.12 on.
    let rules = rules.set_compatibility(CompatLevel::BestEffort);
    let rules = if plan.strict { rules.scope(Scope::Signal)? } else { rules };
    let mute = plan.strict && !plan.speaks;
    let rules = if mute { rules.scope(Scope::AbstractUnixSocket)? } else { rules };
    let rules = rules.create().map_err(|_| IsolationError::NoLandlock(kernel()))?;
    let mut rules =
        rules.add_rule(PathBeneath::new(opened("/".as_ref())?, AccessFs::from_read(VERSION)))?;
    for path in paths {
        let (place, access) = writable(opened(path)?);
        rules = rules.add_rule(PathBeneath::new(place, access))?;
    }
    // A container may lack some of them.
    for place in EVERYBODYS.iter().filter_map(|path| opened(path.as_ref()).ok()) {
        let (place, access) = writable(place);
        rules = rules.add_rule(PathBeneath::new(place, access))?;
    }
    Option::from(rules).ok_or_else(|| IsolationError::NoLandlock(kernel()))
}

fn private_tmp(needed: &[PathBuf]) -> Result<PrivateTmp, IsolationError> {
    if let Some(path) = private_tmp::hidden(needed) {
        return Err(IsolationError::Hidden(path.clone()));
    }
    PrivateTmp::new().map_err(IsolationError::NoNamespace)
}

fn opened(path: &std::path::Path) -> Result<PathFd, IsolationError> {
    PathFd::new(path).map_err(|error| {
        let landlock::PathFdError::OpenCall { source, .. } = error else {
            return IsolationError::Path { path: path.to_owned(), errno: Errno::INVAL };
        };
        let errno = source.raw_os_error().map_or(Errno::INVAL, Errno::from_raw_os_error);
        IsolationError::Path { path: path.to_owned(), errno }
    })
}

/// A file has no files below it.
fn writable(place: PathFd) -> (PathFd, BitFlags<AccessFs>) {
    let kind = fstat(place.as_fd()).map(|stat| FileType::from_raw_mode(stat.st_mode));
    let is_folder = kind.is_ok_and(|kind| kind == FileType::Directory);
    let access = if is_folder { AccessFs::from_all(VERSION) } else { AccessFs::from_file(VERSION) };
    (place, access)
}

/// What no app needs that does not look after the machine: to trace others, to change what is mounted, the kernel, its
/// clock or its keys. All of it is refused with `EPERM`.
const DANGEROUS: [c_long; 43] = [
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_kcmp,
    libc::SYS_pidfd_getfd,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_setns,
    libc::SYS_unshare,
    libc::SYS_chroot,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_syslog,
    libc::SYS_open_by_handle_at,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_vhangup,
    libc::SYS_nfsservctl,
];

/// The same of the x86 alone: to reach devices beside the kernel.
#[cfg(target_arch = "x86_64")]
const DANGEROUS_HERE: [c_long; 2] = [libc::SYS_iopl, libc::SYS_ioperm];
#[cfg(not(target_arch = "x86_64"))]
const DANGEROUS_HERE: [c_long; 0] = [];

fn filter(plan: &IsolationPlan) -> Result<BpfProgram, seccompiler::BackendError> {
    let mut rules: BTreeMap<c_long, Vec<SeccompRule>> = BTreeMap::new();
    if plan.strict {
        rules.extend(DANGEROUS.iter().chain(&DANGEROUS_HERE).map(|call| (*call, Vec::new())));
    }
    if plan.offline {
        let is_not = |family: c_int| {
            let family = u64::from(family.unsigned_abs());
            SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, family)
        };
        // Who asks for the machine's addresses asks the kernel over a socket.
        let others = SeccompRule::new(vec![is_not(libc::AF_UNIX)?, is_not(libc::AF_NETLINK)?])?;
        rules.insert(libc::SYS_socket, vec![others]);
    }
    if rules.is_empty() {
        return Ok(BpfProgram::new());
    }
    // Its requests are system calls that no filter sees.
    rules.insert(libc::SYS_io_uring_setup, Vec::new());
    let refused = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let arch = std::env::consts::ARCH.try_into()?;
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refused, arch)?;
    let program: BpfProgram = filter.try_into()?;
    Ok(before().into_iter().chain(program).collect())
}

/// On the x86 each call has a second number, of programs with short pointers: nobody makes them.
#[cfg(target_arch = "x86_64")]
fn before() -> Vec<sock_filter> {
    const SHORT: u32 = 0x4000_0000;
    // `SECCOMP_RET_ERRNO` with `ENOSYS`.
    const NO_SUCH_CALL: u32 = 0x0005_0026;
    vec![
        sock_filter { code: 0x20, jt: 0, jf: 0, k: 0 },
        sock_filter { code: 0x35, jt: 0, jf: 1, k: SHORT },
        sock_filter { code: 0x06, jt: 0, jf: 0, k: NO_SUCH_CALL },
    ]
}

#[cfg(not(target_arch = "x86_64"))]
fn before() -> Vec<sock_filter> {
    Vec::new()
}
