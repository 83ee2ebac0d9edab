//! What is asked for when a process is to be made, and what comes of it.

use std::ffi::CString;
use std::os::fd::{BorrowedFd, OwnedFd};

use crate::cgroup::Entrances;
use crate::identity::ProcIdentity;
use crate::limits::Nofile;

use super::isolation::Isolation;
use super::kernel::KernelOrders;

/// Most descriptors a child can be given beyond the first three.
pub const MOST_HANDED: usize = 61;

/// Whose child the new process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Birth {
    /// Our sibling: the child of our own parent, the guardian (`CLONE_PARENT`).
    Sibling,
    /// Our child.
    Child,
}

/// As whom the child runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// User.
    pub uid: u32,
    /// Primary group.
    pub gid: u32,
    /// Supplementary groups, all of them.
    pub groups: Vec<u32>,
}

/// Everything about a process to be made, prepared so that nothing is left to allocate later.
#[derive(Debug, Clone)]
pub struct SpawnRequest<'fd> {
    /// Path of the file to execute; a relative one is looked up in `cwd`. Not searched in PATH.
    pub program: CString,
    /// The arguments, the name it is called by first.
    pub argv: Vec<CString>,
    /// `NAME=value` entries, the whole environment. The cookie is added here, see [`crate::tag::COOKIE`].
    pub env: Vec<CString>,
    /// Folder to start in, entered as the new user.
    pub cwd: CString,
    /// Becomes descriptor 0.
    pub stdin: BorrowedFd<'fd>,
    /// Becomes descriptor 1.
    pub stdout: BorrowedFd<'fd>,
    /// Becomes descriptor 2.
    pub stderr: BorrowedFd<'fd>,
    /// Become descriptors 3, 4, ... (a channel, listening sockets); at most [`MOST_HANDED`].
    pub handed: Vec<BorrowedFd<'fd>>,
    /// Whether its environment says its number in `LISTEN_PID`, as `sd_listen_fds(3)` wants it of whoever finds sockets at
    /// descriptor 3 and on: nobody else knows it before it runs.
    pub names_its_pid: bool,
    /// As whom it runs; `None`: as we do.
    pub user: Option<Credentials>,
    /// The limit of open files to give back, since ours was raised.
    pub nofile: Option<Nofile>,
    /// Mask for new files, three octal digits; `None`: ours.
    pub umask: Option<u32>,
    /// `oom_score_adj` (-1000 to 1000) to give back, since ours was lowered; `None`: ours. A wish: lowering
    /// it needs `CAP_SYS_RESOURCE`, and without that it stays as ours is.
    pub oom_score_adj: Option<i32>,
    /// What else the kernel is told.
    pub kernel: KernelOrders,
    /// The doors of the control group it is born in.
    pub cgroup: Option<&'fd Entrances>,
    /// What it can't reach.
    pub isolation: Option<&'fd Isolation>,
    /// Whose child it becomes.
    pub birth: Birth,
}

impl<'fd> SpawnRequest<'fd> {
    /// A child of ours in the root folder, with these first three descriptors and all else as we have it.
    pub fn new(
        program: CString,
        argv: Vec<CString>,
        env: Vec<CString>,
        [stdin, stdout, stderr]: [BorrowedFd<'fd>; 3],
    ) -> Self {
        Self {
            program,
            argv,
            env,
            cwd: c"/".into(),
            stdin,
            stdout,
            stderr,
            handed: Vec::new(),
            names_its_pid: false,
            user: None,
            nofile: None,
            umask: None,
            oom_score_adj: None,
            kernel: KernelOrders::default(),
            cgroup: None,
            isolation: None,
            birth: Birth::Child,
        }
    }
}

/// A process that executes the program it was meant to (and may have ended since).
#[derive(Debug)]
pub struct Spawned {
    /// Its number.
    pub pid: i32,
    /// Refers to it and nobody else, close-on-exec.
    pub pidfd: OwnedFd,
    /// To be written down.
    pub identity: ProcIdentity,
    /// Whose child it is. Not always what was asked: pid 1 has no siblings, and some sandboxes
    /// forbid them.
    pub birth: Birth,
    /// Whether it carries the tag in its limits; otherwise the cookie must do.
    pub marked: bool,
}
