//! A command that is to end soon: what it says is heard and the last of it kept, and once it is not waited for any more it is
//! ended with all it started. It costs no thread.

use std::future::{Future, pending};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use pm_core::SpawnFailure;
use pm_os::identity::ProcIdentity;
use pm_os::signal::{self, SignalNumber};
use pm_os::spawn::{SpawnRequest, Spawned};
use pm_os::tag::Tag;
use pm_os::tree::{Depth, ProcScan, ProcScanError, RunQuery, TreeMember};
use pm_os::wait::{self, Termination};
use pm_protocol::Home;
use pm_spec::AppSpec;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, kill_process_group};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncReadExt, Interest};
use tokio::net::unix::pipe::Receiver;
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::command_end::{CommandEnd, CommandTrouble, Finish};
use crate::plan::{self, RunNumbers};
use crate::{app_user, daemon_log, secrets};

/// So many bytes of what it said last are kept of each stream.
const KEPT: usize = 64 << 10;

/// Who says more than that is read at most so much at once, after a pause: a flood takes none of the daemon's time.
const MOUTHFUL: usize = 64 << 10;
const PAUSE: Duration = Duration::from_millis(10);

/// So often it is looked whether everybody of a command that is killed is gone.
const LOOKS: usize = 20;

/// A command beside an app, in its folder, as its user, with its variables, those included that were printed for
/// its process; the app's own program until another is set.
pub(crate) fn request_beside<'fd>(
    app: &AppSpec,
    (numbers, pid): (RunNumbers<'_>, Option<u32>),
    home: &Home,
    stdio: [BorrowedFd<'fd>; 3],
) -> Result<SpawnRequest<'fd>, SpawnFailure> {
    let user = app.user.as_ref().map(app_user::find).transpose()?;
    let line = plan::command_line(app, numbers, home, user.as_ref().map(|user| &user.person));
    let mut line = line.map_err(|error| SpawnFailure::Refused(error.to_string()))?;
    secrets::lay(&mut line.env, app)?;
    secrets::take_over(&mut line.env, app, pid);
    let credentials = user.map(|user| user.credentials);
    Ok(SpawnRequest {
        cwd: line.cwd,
        user: credentials.filter(|credentials| !credentials.are_ours()),
        umask: app.umask,
        oom_score_adj: pm_guardian::oom_score_before(),
        ..SpawnRequest::new(line.program, line.argv, line.env, stdio)
    })
}

/// What is heard of a command; the rest goes nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Its standard output.
    Out,
    /// Its standard error.
    Error,
    /// Each for itself.
    Both,
    /// Both as one.
    Together,
}

/// The ends of its pipes, before it is begun.
#[derive(Debug)]
pub(crate) struct Ears {
    null: OwnedFd,
    /// Ours.
    heard: [Option<OwnedFd>; 2],
    /// The command's.
    said: [Option<OwnedFd>; 2],
    as_one: bool,
}

impl Ears {
    pub(crate) fn open(what: Heard) -> io::Result<Self> {
        let open = |is_heard: bool| {
            let pipe = is_heard.then(|| pipe_with(PipeFlags::CLOEXEC)).transpose()?;
            io::Result::Ok(pipe.map_or((None, None), |(heard, said)| (Some(heard), Some(said))))
        };
        let (out, own_out) = open(what != Heard::Error)?;
        let (error, own_error) = open(matches!(what, Heard::Error | Heard::Both))?;
        Ok(Self {
            null: pm_os::stdio::null()?,
            heard: [out, error],
            said: [own_out, own_error],
            as_one: what == Heard::Together,
        })
    }

    /// Its first three descriptors; it reads nothing.
    pub(crate) fn stdio(&self) -> [BorrowedFd<'_>; 3] {
        let [out, error] = &self.said;
        let out = out.as_ref().unwrap_or(&self.null);
        let error = error.as_ref().unwrap_or(if self.as_one { out } else { &self.null });
        [self.null.as_fd(), out.as_fd(), error.as_fd()]
    }

    /// It is begun.
    pub(crate) fn of(self, born: Spawned, bond: Bond) -> ShortCommand {
        ShortCommand { born, heard: self.heard, bond }
    }
}

/// By what is found what it started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bond {
    /// Its process group.
    Group,
    /// It is of this run's tree, which may keep what it leaves behind.
    Run(Tag),
    /// All that is marked so.
    Own(Tag),
}

/// One that was begun. Somebody has to see it end.
#[derive(Debug)]
pub(crate) struct ShortCommand {
    born: Spawned,
    heard: [Option<OwnedFd>; 2],
    bond: Bond,
}

impl ShortCommand {
    /// Its end, which is made at once when `until` is over or it has said more than `most` bytes. What it leaves behind
    /// goes with it, but for what is of a run's tree.
    pub(crate) async fn end(
        self,
        until: impl Future<Output = ()>,
        most: usize,
    ) -> io::Result<CommandEnd> {
        let Self { born, heard: [out, error], bond } = self;
        let Spawned { pid, pidfd, identity, .. } = born;
        let ears = Ear::new(out).and_then(|out| Ear::new(error).map(|error| (out, error)));
        let (process, (mut out, mut error)) = match (watch(pidfd), ears) {
            (Ok(process), Ok(ears)) => (process, ears),
            (Err(problem), _) | (_, Err(problem)) => {
                kill((pid, identity), bond).await;
                return Err(problem);
            }
        };
        let unfinished = tokio::select! { biased;
            () = gone(&process) => None,
            () = out.hear(most) => Some(Finish::Flooded),
            () = error.hear(most) => Some(Finish::Flooded),
            () = until => Some(Finish::Late),
        };
        if unfinished.is_some() || !matches!(bond, Bond::Run(_)) {
            // It is not reaped yet, so its number is still its own.
            kill((pid, identity), bond).await;
            gone(&process).await;
        }
        // What it wrote just before is in the pipes.
        out.drain(most);
        error.drain(most);
        let ending = wait::reap(process.get_ref()).ok().flatten();
        let ended = Finish::Ended(ending.unwrap_or(Termination::Unknown));
        Ok(CommandEnd { finish: unfinished.unwrap_or(ended), out: out.said, error: error.said })
    }

    /// The same for threads that may wait.
    pub(crate) fn wait(self, patience: Duration, most: usize) -> io::Result<CommandEnd> {
        let runtime = tokio::runtime::Handle::current();
        runtime.block_on(async { self.end(sleep(patience), most).await })
    }
}

/// What was wrong with one that is begun, or could not be; `None`: nothing, or nobody is there any more to begin it.
pub(crate) async fn trouble_of(
    begun: oneshot::Receiver<Result<ShortCommand, SpawnFailure>>,
    until: impl Future<Output = ()>,
) -> Option<CommandTrouble> {
    let unseen = |why| Some(CommandTrouble::unseen(why));
    match begun.await.ok()? {
        Ok(command) => match command.end(until, usize::MAX).await {
            Ok(end) => CommandTrouble::of(end),
            Err(error) => unseen(format!("could not be waited for: {error}")),
        },
        Err(failure) => unseen(format!("could not be run: {}", failure.words())),
    }
}

/// One stream of it.
struct Ear {
    pipe: Option<Receiver>,
    said: Vec<u8>,
    count: usize,
}

impl Ear {
    fn new(pipe: Option<OwnedFd>) -> io::Result<Self> {
        let pipe = pipe.map(Receiver::from_owned_fd).transpose()?;
        Ok(Self { pipe, said: Vec::new(), count: 0 })
    }

    /// Over once more than this was heard.
    async fn hear(&mut self, most: usize) {
        while let Some(pipe) = &mut self.pipe {
            self.said.reserve(MOUTHFUL);
            match pipe.read_buf(&mut self.said).await {
                Ok(0) | Err(_) => self.pipe = None,
                Ok(got) => self.keep(got),
            }
            if self.count > most {
                return;
            }
            if self.count > KEPT {
                sleep(PAUSE).await;
            }
        }
        pending::<()>().await;
    }

    /// What is in the pipe, as far as it holds that much.
    fn drain(&mut self, most: usize) {
        while let Some(pipe) = &mut self.pipe {
            self.said.reserve(MOUTHFUL);
            match pipe.try_read_buf(&mut self.said) {
                Ok(got) if got > 0 && self.count <= most => self.keep(got),
                Ok(_) | Err(_) => self.pipe = None,
            }
        }
    }

    fn keep(&mut self, got: usize) {
        self.count = self.count.saturating_add(got);
        self.said.drain(..self.said.len().saturating_sub(KEPT));
    }
}

#[expect(
    deprecated,
    reason = "the successor is unsafe to call; a pidfd keeps its descriptor for its whole life"
)]
fn watch(pidfd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(pidfd, Interest::READABLE)
}

/// Over when it has ended; it is not reaped yet.
async fn gone(process: &AsyncFd<OwnedFd>) {
    process.readable().await.map(drop).ok();
}

/// Kills it and all that can be found of what it started.
async fn kill((pid, identity): (i32, ProcIdentity), bond: Bond) {
    let killed = match bond {
        Bond::Group => {
            if let Some(group) = Pid::from_raw(pid) {
                // Nobody may be left of it.
                kill_process_group(group, rustix::process::Signal::KILL).ok();
            }
            return;
        }
        Bond::Run(tag) => spawn_blocking(move || kill_tree(tag, Some(identity))),
        Bond::Own(tag) => spawn_blocking(move || kill_tree(tag, None)),
    };
    if let Ok(Err(error)) = killed.await {
        daemon_log::note(format_args!("could not kill a command that asks: {error}"));
    }
}

/// Kills all that is marked so; of a run only what is of the command with this main process.
pub(crate) fn kill_tree(tag: Tag, leader: Option<ProcIdentity>) -> Result<(), ProcScanError> {
    let mut known: Vec<i32> = leader.iter().map(|leader| leader.pid).collect();
    let depth = if leader.is_some() { Depth::Tags } else { Depth::Cookies };
    for _ in 0..LOOKS {
        let scan = ProcScan::take(depth, &[])?;
        let mut own = scan.run_members(&[RunQuery::of(tag)]).remove(&tag).unwrap_or_default();
        if let Some(leader) = leader {
            own = of_command(&own, leader.pid, &mut known);
        }
        if own.is_empty() {
            break;
        }
        for member in own {
            // Who is gone meanwhile needs no signal.
            let Ok(pidfd) = member.identity.open() else { continue };
            signal::send(&pidfd, SignalNumber::KILL).ok();
        }
    }
    Ok(())
}

/// Those of a run who are of this command: its session and all that descend from it, dead parents included.
fn of_command(members: &[TreeMember], leader: i32, known: &mut Vec<i32>) -> Vec<TreeMember> {
    let is_own = |member: &&TreeMember, known: &[i32]| {
        member.seen.session == leader
            || known.contains(&member.seen.ppid)
            || known.contains(&member.identity.pid)
    };
    // Parents come before their children.
    for member in members {
        if is_own(&member, known) && !known.contains(&member.identity.pid) {
            known.push(member.identity.pid);
        }
    }
    members.iter().filter(|member| is_own(member, known)).copied().collect()
}
