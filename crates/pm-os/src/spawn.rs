//! Makes one process: born marked, in its own session, as the guardian's child if wanted, with
//! exactly the descriptors it is given. One routine of our own, because std copies page tables as
//! soon as a user or a session is asked for (200 times slower in a large daemon), and because only
//! clone(2) can give a child to our parent. It neither searches PATH nor restarts anything.

mod berths;
mod child;
mod refusal;

use std::ffi::{CStr, CString, c_char};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::clock::{self, BootId};
use crate::identity::{self, Identity};
use crate::limits::Nofile;
use crate::procfs::Stat;
use crate::tag::{self, COOKIE, Tag};

use berths::Berths;
use child::{Arena, Failure, Made, Orders};
pub use refusal::{ExecCause, SpawnError, Step};

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
pub struct SpawnPlan<'fd> {
    /// Path of the file to execute; a relative one is looked up in `cwd`. Not searched in PATH.
    pub program: CString,
    /// The arguments, the name it is called by first.
    pub argv: Vec<CString>,
    /// `NAME=value` entries, the whole environment. The cookie is added here, see [`COOKIE`].
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
    /// As whom it runs; `None`: as we do.
    pub user: Option<Credentials>,
    /// The limit of open files to give back, since ours was raised.
    pub nofile: Option<Nofile>,
    /// Mask for new files, three octal digits; `None`: ours.
    pub umask: Option<u32>,
    /// Niceness, -20 to 19; `None`: ours. Less than ours needs `CAP_SYS_NICE` or `RLIMIT_NICE`, and is an error
    /// without.
    pub nice: Option<i32>,
    /// `oom_score_adj` (-1000 to 1000) to give back, since ours was lowered; `None`: ours. A wish: lowering
    /// it needs `CAP_SYS_RESOURCE`, and without that it stays as ours is.
    pub oom_score_adj: Option<i32>,
    /// Whose child it becomes.
    pub birth: Birth,
}

/// A process that executes the program it was meant to (and may have ended since).
#[derive(Debug)]
pub struct Born {
    /// Its number.
    pub pid: i32,
    /// Refers to it and nobody else, close-on-exec.
    pub pidfd: OwnedFd,
    /// To be written down.
    pub identity: Identity,
    /// Whose child it is. Not always what was asked: pid 1 has no siblings, and some sandboxes
    /// forbid them.
    pub birth: Birth,
    /// Whether it carries the tag in its limits; otherwise the cookie must do.
    pub marked: bool,
}

impl Tools {
    fn bear(&mut self, orders: &Orders<'_>, birth: Birth, marked: bool) -> Result<Made, Failure> {
        // A child of another user might be traced by it and write into the arena later: it gets its own.
        let mut fresh = None;
        let arena = if orders.user.is_some() { &mut fresh } else { &mut self.arena };
        let arena = match arena {
            Some(arena) => arena,
            None => arena.insert(Arena::new()?),
        };
        let made = child::clone_and_exec(orders, birth, marked, arena);
        if let Some(berths) = &mut self.berths {
            berths.clear();
        }
        made
    }
}

static CLAIMED: AtomicBool = AtomicBool::new(false);

/// The right to make marked processes. The mark is put on the whole of this process for the
/// moment of birth, so there is one spawner at a time, on the thread that owns it.
#[derive(Debug)]
pub struct Spawner(Tools);

/// What is kept from one birth to the next, to save the kernel work.
#[derive(Debug, Default)]
struct Tools {
    arena: Option<Arena>,
    berths: Option<Berths>,
    boot: Option<BootId>,
}

impl Spawner {
    /// Takes the right; `None` while another has it. Dropping gives it back. To be claimed early:
    /// it keeps some of the lowest numbers of descriptors that are free now.
    pub fn claim() -> Option<Self> {
        let tools = || Tools { arena: None, berths: Berths::new(), boot: clock::boot_id() };
        (!CLAIMED.swap(true, Ordering::AcqRel)).then(|| Self(tools()))
    }

    /// Makes a process that is marked from birth: even if we are killed half-way, whoever scans
    /// finds it. Blocks until it executes its program (usually well under a millisecond).
    ///
    /// On failure nothing is left over: no process runs, and the zombie of a sibling, which only
    /// the guardian can reap, carries no mark.
    pub fn spawn(&mut self, tag: Tag, plan: &SpawnPlan<'_>) -> Result<Born, SpawnError> {
        // Without the mark (a finite hard limit) the cookie still names the run.
        let marked = tag::wear(tag).is_ok();
        let born = attempt(plan, Some(tag), &mut self.0);
        if marked {
            // A soft limit may always be raised to the hard one; and were it refused, the next
            // birth would overwrite the mark and unmarked children take it off themselves.
            tag::shed().ok();
        }
        born.map(|born| Born { marked, ..born })
    }
}

impl Drop for Spawner {
    fn drop(&mut self) {
        CLAIMED.store(false, Ordering::Release);
    }
}

/// Makes a process without a mark: the guardian, the daemon, a probe's command.
pub fn spawn(plan: &SpawnPlan<'_>) -> Result<Born, SpawnError> {
    attempt(plan, None, &mut Tools { boot: clock::boot_id(), ..Tools::default() })
}

fn attempt(plan: &SpawnPlan<'_>, tag: Option<Tag>, tools: &mut Tools) -> Result<Born, SpawnError> {
    match launch(plan, (&plan.program, &plan.argv), tag, tools) {
        Err(error) if error.is_shell_text() => {
            // A text without `#!` is a shell script to every shell, so it is one to us.
            let mut argv = vec![c"/bin/sh".to_owned(), plan.program.clone()];
            argv.extend(plan.argv.iter().skip(1).cloned());
            launch(plan, (c"/bin/sh", &argv), tag, tools)
        }
        other => other,
    }
}

fn launch(
    plan: &SpawnPlan<'_>,
    (program, argv): (&CStr, &[CString]),
    tag: Option<Tag>,
    tools: &mut Tools,
) -> Result<Born, SpawnError> {
    if plan.handed.len() > MOST_HANDED {
        return Err(SpawnError::TooManyHanded { count: plan.handed.len() });
    }
    let cookie = tag.and_then(|tag| CString::new(tag.cookie()).ok());
    let argv = pointers(&argv.iter().map(CString::as_c_str).collect::<Vec<_>>());
    let ours = |entry: &&CString| {
        entry.as_bytes().strip_prefix(COOKIE.as_bytes()).is_some_and(|rest| rest.starts_with(b"="))
    };
    // The cookie comes first, where whoever looks for it needs to read least.
    let env = cookie.iter().chain(plan.env.iter().filter(|entry| !ours(entry)));
    let env = pointers(&env.map(CString::as_c_str).collect::<Vec<_>>());
    let handed: Vec<BorrowedFd<'_>> = [plan.stdin, plan.stdout, plan.stderr]
        .into_iter()
        .chain(plan.handed.iter().copied())
        .collect();
    let low = tools.berths.as_mut().and_then(|berths| berths.fill(&handed));
    let oom = plan.oom_score_adj.map(|score| score.to_string());
    let groups: Vec<rustix::fs::Gid> = plan
        .user
        .iter()
        .flat_map(|user| user.groups.iter().map(|&gid| rustix::fs::Gid::from_raw(gid)))
        .collect();
    let orders = Orders {
        program,
        argv: &argv,
        env: &env,
        cwd: &plan.cwd,
        fds: &low.as_ref().map_or_else(
            || handed.iter().map(AsRawFd::as_raw_fd).collect(),
            |(numbers, _)| numbers.clone(),
        ),
        user: plan.user.as_ref().map(|user| (user.uid, user.gid, groups.as_slice())),
        nofile: plan.nofile.map(Nofile::into_limit),
        umask: plan.umask,
        nice: plan.nice,
        oom: oom.as_ref().map(String::as_bytes),
        shared_below: low.as_ref().map(|(_, end)| *end),
    };
    let made = tools.bear(&orders, plan.birth, tag.is_some());
    let made = made.map_err(|failure| SpawnError::from_child(failure, plan, program))?;
    let started = Stat::parse(made.stat.as_slice()).map_or(0, |stat| stat.start);
    let inode = identity::inode(&made.pidfd);
    Ok(Born {
        pid: made.pid,
        identity: Identity { pid: made.pid, started, boot: tools.boot, inode },
        pidfd: made.pidfd,
        birth: made.birth,
        marked: false,
    })
}

fn pointers(strings: &[&CStr]) -> Vec<*const c_char> {
    strings.iter().map(|text| text.as_ptr()).chain([std::ptr::null()]).collect()
}
