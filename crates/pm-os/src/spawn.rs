//! Makes one process: born marked, in its own session, as the guardian's child if wanted, with
//! exactly the descriptors it is given. One routine of our own, because std copies page tables as
//! soon as a user or a session is asked for (200 times slower in a large daemon), and because only
//! clone(2) can give a child to our parent. It neither searches PATH nor restarts anything.

mod child;
mod fd_slots;
mod isolation;
mod kernel;
mod pid_variable;
mod plan;
mod private_tmp;
mod refusal;
mod signals;
mod step;

use std::ffi::{CStr, CString, c_char};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::clock::{self, BootId};
use crate::identity::{self, ProcIdentity};
use crate::procfs::ProcEntry;
use crate::tag::{self, COOKIE, Tag};

use child::{Arena, ChildPlan, Made};
use fd_slots::FdSlots;
pub use isolation::{Isolation, IsolationError, IsolationPlan};
pub use kernel::{Denied, IoTurn, KernelOrders};
use pid_variable::PidVariable;
pub use plan::{Birth, Credentials, MOST_HANDED, SpawnRequest, Spawned};
pub use refusal::{ExecCause, SpawnError};
pub use step::SpawnStep;
use step::StepFailure;

static CLAIMED: AtomicBool = AtomicBool::new(false);

/// The right to make marked processes. The mark is put on the whole of this process for the
/// moment of birth, so there is one spawner at a time, on the thread that owns it.
#[derive(Debug)]
pub struct Spawner(SpawnCache);

/// What is kept from one birth to the next, to save the kernel work.
#[derive(Debug, Default)]
struct SpawnCache {
    arena: Option<Arena>,
    fd_slots: Option<FdSlots>,
    boot: Option<BootId>,
}

impl SpawnCache {
    fn make(
        &mut self,
        orders: &ChildPlan<'_>,
        birth: Birth,
        marked: bool,
    ) -> Result<Made, StepFailure> {
        // A child of another user might be traced by it and write into the arena later: it gets its own.
        let mut fresh = None;
        let arena = if orders.user.is_some() { &mut fresh } else { &mut self.arena };
        let arena = match arena {
            Some(arena) => arena,
            None => arena.insert(Arena::new()?),
        };
        let made = child::clone_and_exec(orders, birth, marked, arena);
        if let Some(fd_slots) = &mut self.fd_slots {
            fd_slots.clear();
        }
        made
    }
}

impl Spawner {
    /// Takes the right; `None` while another has it. Dropping gives it back. To be claimed early:
    /// it keeps some of the lowest numbers of descriptors that are free now.
    pub fn claim() -> Option<Self> {
        let tools = || SpawnCache { arena: None, fd_slots: FdSlots::new(), boot: clock::boot_id() };
        (!CLAIMED.swap(true, Ordering::AcqRel)).then(|| Self(tools()))
    }

    /// Makes a process that is marked from birth: even if we are killed half-way, whoever scans
    /// finds it. Blocks until it executes its program (usually well under a millisecond).
    ///
    /// On failure nothing is left over: no process runs, and the zombie of a sibling, which only
    /// the guardian can reap, carries no mark.
    pub fn spawn(&mut self, tag: Tag, plan: &SpawnRequest<'_>) -> Result<Spawned, SpawnError> {
        // Without the mark (a finite hard limit) the cookie still names the run.
        let marked = tag::mark_self(tag).is_ok();
        let born = attempt(plan, Some(tag), &mut self.0);
        if marked {
            // A soft limit may always be raised to the hard one; and were it refused, the next
            // birth would overwrite the mark and unmarked children take it off themselves.
            tag::unmark_self().ok();
        }
        born.map(|born| Spawned { marked, ..born })
    }
}

impl Drop for Spawner {
    fn drop(&mut self) {
        CLAIMED.store(false, Ordering::Release);
    }
}

/// Makes a process without a mark: the guardian, the daemon, a probe's command.
pub fn spawn(plan: &SpawnRequest<'_>) -> Result<Spawned, SpawnError> {
    attempt(plan, None, &mut SpawnCache { boot: clock::boot_id(), ..SpawnCache::default() })
}

fn attempt(
    plan: &SpawnRequest<'_>,
    tag: Option<Tag>,
    tools: &mut SpawnCache,
) -> Result<Spawned, SpawnError> {
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
    plan: &SpawnRequest<'_>,
    (program, argv): (&CStr, &[CString]),
    tag: Option<Tag>,
    tools: &mut SpawnCache,
) -> Result<Spawned, SpawnError> {
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
    let mut env = pointers(&env.map(CString::as_c_str).collect::<Vec<_>>());
    let own_pid = plan.names_its_pid.then(PidVariable::new);
    if let Some(variable) = &own_pid {
        env.insert(env.len() - 1, variable.as_ptr());
    }
    let handed: Vec<BorrowedFd<'_>> = [plan.stdin, plan.stdout, plan.stderr]
        .into_iter()
        .chain(plan.handed.iter().copied())
        .collect();
    let count = handed.len();
    let ruleset = plan.isolation.and_then(Isolation::ruleset);
    let handed: Vec<_> = handed.into_iter().chain(ruleset).collect();
    let low = tools.fd_slots.as_mut().and_then(|fd_slots| fd_slots.fill(&handed));
    let oom = plan.kernel.oom_score_adj.or(plan.oom_score_adj).map(|score| score.to_string());
    let groups: Vec<rustix::fs::Gid> = plan
        .user
        .iter()
        .flat_map(|user| user.groups.iter().map(|&gid| rustix::fs::Gid::from_raw(gid)))
        .collect();
    let fds = low.as_ref().map_or_else(
        || handed.iter().map(AsRawFd::as_raw_fd).collect(),
        |(numbers, _)| numbers.clone(),
    );
    let (fds, ruleset) = fds.split_at(count);
    let orders = ChildPlan {
        program,
        argv: &argv,
        env: &env,
        cwd: &plan.cwd,
        fds,
        isolation: plan.isolation.map(|isolation| (isolation, ruleset.first().copied())),
        entrances: plan.cgroup.map_or(&[], |doors| doors.0.as_slice()),
        user: plan.user.as_ref().map(|user| (user.uid, user.gid, groups.as_slice())),
        nofile: plan.nofile,
        umask: plan.umask,
        oom: oom.as_ref().map(|score| (score.as_bytes(), plan.kernel.oom_score_adj.is_some())),
        kernel: &plan.kernel,
        own_pid: own_pid.as_ref(),
        shared_below: low.as_ref().map(|(_, end)| *end),
    };
    let made = tools.make(&orders, plan.birth, tag.is_some());
    let made = made.map_err(|failure| SpawnError::from_child(failure, plan, program))?;
    let started = ProcEntry::parse(made.stat.as_slice()).map_or(0, |stat| stat.started);
    let inode = identity::inode(&made.pidfd);
    Ok(Spawned {
        pid: made.pid,
        identity: ProcIdentity { pid: made.pid, started, boot: tools.boot, inode },
        pidfd: made.pidfd,
        birth: made.birth,
        marked: false,
    })
}

fn pointers(strings: &[&CStr]) -> Vec<*const c_char> {
    strings.iter().map(|text| text.as_ptr()).chain([std::ptr::null()]).collect()
}
