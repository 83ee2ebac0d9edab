//! One thread that makes processes, one at a time: vfork stalls its caller, and the tag is worn by all of us.
//!
//! The order is the whole trick (law 7): the intent is in the journal before a job gets here; pipes and files are
//! with the guardian before the birth; the process is marked from its birth.

mod asking;

use std::collections::BTreeSet;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel};

use pm_core::{AppId, RunId, SpawnFailure};
use pm_guardian::{ItemKind, Link, ToGuardian};
use pm_logs::{LogWriter, Sink, Stream, StreamKey};
use pm_node::ChannelPair;
use pm_os::accepting;
use pm_os::cgroup::{self, Cgroup};
use pm_os::limits::{Nofile, soft_nofile};
use pm_os::spawn::{Birth, SpawnRequest, Spawner};
use pm_os::stdio::{self, PipeOwner};
use pm_os::tag::Tag;
use pm_protocol::Home;
use pm_spec::{AppSpec, Mode};
use tokio::sync::mpsc;

use crate::app_user::{self, AppUser};
use crate::command_job::CommandJob;
use crate::daemon_log;
use crate::inlet::{Inlet, Newborn};
use crate::kernel_orders;
use crate::notices;
use crate::own_file;
use crate::pidfile::PidFile;
use crate::plan::{self, CommandLine, RunNumbers};
use crate::secret_files::{self, SecretFiles};
use crate::secrets;
use crate::shared_sockets::{Demand, SharedSockets};
use crate::slots::{Address, CHANNEL_SLOT, ChannelEnd, store_notices, store_pidfd, store_stream};
use crate::spawn_failure;

/// As root a pipe may be larger, which saves wake-ups; others have a budget of pipe pages (pipe(7)).
const PIPE_SIZE: usize = 256 << 10;
/// Where fewer descriptors than this are left, only a part of all is spent freely.
const PLENTY: u64 = 4096;
/// That part: a sixteenth.
const FREELY: u64 = 16;

/// What the thread can do.
#[derive(Debug)]
pub(crate) enum SpawnerJob {
    /// Make a process.
    Make(SpawnJob),
    /// Have the logs of these streams kept by an app's new rules: the log plane's queue may be full, and the loop
    /// waits for nobody.
    Retune(Vec<StreamKey>, Arc<AppSpec>),
    /// A socket of an app that a daemon before us opened, and the runs that may have it.
    Recall((AppId, u8), ChannelEnd, BTreeSet<RunId>),
    /// An app as it is to be and who needs its sockets; the others are closed.
    Sockets(AppId, Option<Arc<AppSpec>>, Demand),
    /// A run of an app is about to leave: no new connection goes to it any more.
    Leave(AppId, RunId),
    /// A newer run of an app takes the callers of this one, which stays.
    StandBy(AppId, RunId),
    /// Give all sockets to another guardian, and say that it is done.
    HandOver(Arc<Link>, SyncSender<()>),
    /// Lay the secrets of a run that is to be made.
    LaySecrets(Box<SecretFiles>),
    /// A run is over: its secrets go, and its group.
    Over(RunId, Option<Cgroup>),
    /// Those of other runs than these go: whoever was to see to it died.
    Sweep(BTreeSet<u32>),
    /// Make a command beside an app.
    Command(Box<CommandJob>),
}

/// A process to be made.
#[derive(Debug)]
pub(crate) struct SpawnJob {
    pub(crate) run: RunId,
    /// The old run beside which it is made.
    pub(crate) old: Option<RunId>,
    pub(crate) plan: pm_core::SpawnPlan,
    /// Variables that commands have printed for it.
    pub(crate) printed: Vec<(String, Vec<u8>)>,
}

impl SpawnJob {
    fn address(&self) -> Address {
        Address { app: self.plan.app_id, instance: self.plan.instance }
    }
}

/// What the thread works with.
#[derive(Debug)]
pub(crate) struct SpawnerParts {
    pub(crate) home: Home,
    pub(crate) home_id: u32,
    pub(crate) link: Arc<Link>,
    pub(crate) log_writer: LogWriter,
    /// The limit of open files that apps get back.
    pub(crate) nofile: Option<Nofile>,
    pub(crate) inlet: mpsc::Sender<Inlet>,
}

/// Starts the thread; it ends when the sender is gone. At most a few jobs per instance wait in the queue.
pub(crate) fn start(parts: SpawnerParts) -> std::io::Result<Sender<SpawnerJob>> {
    let (sender, jobs) = channel();
    std::thread::Builder::new()
        .name("pm-spawner".into())
        .stack_size(512 << 10)
        .spawn(move || work(&parts, &jobs))?;
    Ok(sender)
}

fn work(parts: &SpawnerParts, jobs: &Receiver<SpawnerJob>) {
    let Some(spawner) = Spawner::claim() else { return };
    let sockets = SharedSockets::new(parts.home_id, Arc::clone(&parts.link));
    let mut tools = SpawnTools { spawner, sockets };
    while let Ok(job) = jobs.recv() {
        let job = match job {
            SpawnerJob::Make(job) => job,
            SpawnerJob::Command(job) => {
                parts.begin(&mut tools.spawner, *job);
                continue;
            }
            SpawnerJob::Retune(keys, app) => {
                let (rotation, full) = (plan::rotation(&app), plan::when_full(&app));
                for key in keys {
                    parts.log_writer.reconfigure(key, rotation, full);
                }
                continue;
            }
            SpawnerJob::Recall(of, socket, runs) => {
                tools.sockets.recall(of, socket, &runs);
                continue;
            }
            SpawnerJob::Sockets(app, spec, demand) => {
                tools.sockets.tidy(app, spec.as_deref(), &demand);
                continue;
            }
            SpawnerJob::LaySecrets(job) => {
                job.lay(parts.home_id);
                continue;
            }
            SpawnerJob::Over(run, group) => {
                secret_files::remove(parts.home_id, run);
                group.iter().for_each(Cgroup::remove);
                continue;
            }
            SpawnerJob::Sweep(runs) => {
                secret_files::sweep(parts.home_id, &runs);
                cgroup::sweep(parts.home_id, &runs);
                continue;
            }
            SpawnerJob::Leave(app, run) => {
                let left = tools.sockets.leave(app, run);
                parts.inlet.blocking_send(Inlet::Left(run, left)).ok();
                continue;
            }
            SpawnerJob::StandBy(app, run) => {
                tools.sockets.stand_by(app, run);
                continue;
            }
            SpawnerJob::HandOver(link, done) => {
                // A guardian that fails again is noticed by who waits for us.
                tools.sockets.hand_over(&link).ok();
                done.send(()).ok();
                continue;
            }
        };
        let run = job.run;
        let news = match parts.make(&mut tools, &job) {
            Ok(newborn) => Inlet::Born(run, newborn),
            Err(failure) => {
                secret_files::remove(parts.home_id, run);
                let tag = parts.tag(run).raw();
                // The guardian being gone is noticed by the reactor.
                parts.link.send(&ToGuardian::Drop { tag, slot: None }, &[]).ok();
                Inlet::NotBorn(run, failure)
            }
        };
        if parts.inlet.blocking_send(news).is_err() {
            return;
        }
    }
}

/// What the thread owns.
struct SpawnTools {
    spawner: Spawner,
    sockets: SharedSockets,
}

/// The app's ends of its output pipes; one of them if both streams go to the same place.
struct OutputPipes {
    out: OwnedFd,
    error: Option<OwnedFd>,
}

impl SpawnerParts {
    fn tag(&self, run: RunId) -> Tag {
        Tag::new(self.home_id, run.0)
    }

    fn make(&self, tools: &mut SpawnTools, job: &SpawnJob) -> Result<Newborn, SpawnFailure> {
        let app = &job.plan.app;
        let user = app.user.as_ref().map(app_user::find).transpose()?;
        let preload = self.preload(app, user.as_ref());
        let numbers = RunNumbers {
            instance: job.plan.instance,
            slot: job.plan.slot,
            restarts: job.plan.restarts,
            run: job.run.0,
            preload: preload.as_deref(),
        };
        let person = user.as_ref().map(|app_user| &app_user.person);
        let mut line = plan::command_line(app, numbers, &self.home, person)
            .map_err(|_| refused("start it: an argument holds a NUL byte".into()))?;
        secrets::lay(&mut line.env, app)?;
        for (name, value) in &job.printed {
            secrets::set(&mut line.env, name, value)
                .map_err(|why| refused(format!("set the secret `{name}`: {why}")))?;
        }
        let owner = user.as_ref().map(|user| user.owner);
        let tag = self.tag(job.run);
        let pipes = self.pipes(tag, job, owner)?;
        let channel = app.serving.channel.then(|| self.channel(tag, job)).transpose()?;
        let notices = app.checks.has_notices().then(|| self.notices(tag, job)).transpose()?;
        if notices.is_some() {
            line.env.extend(notices::variables(tag, app));
        }
        let stdin = pm_os::input::pipe(owner).map_err(|error| short(error.to_string()))?;
        let credentials = user.map(|user| user.credentials);
        let credentials = credentials.filter(|credentials| !credentials.are_ours());
        let of = (job.plan.app_id, job.run, job.old);
        let sockets = tools.sockets.open(of, app, credentials.as_ref())?;
        let isolation = kernel_orders::isolation(app)
            .map_err(|error| spawn_failure::of(error.to_string(), error.is_shortage()))?;
        let mut plan = self.spawn_plan(line, &pipes, stdin.as_fd(), credentials);
        let inodes = sockets.iter().filter_map(accepting::inode_of).collect();
        plan.names_its_pid = !sockets.is_empty();
        plan.handed = sockets;
        plan.umask = app.umask;
        plan.kernel = kernel_orders::of(app, self.nofile);
        plan.isolation = isolation.as_ref();
        plan.handed.extend(channel.as_ref().map(|line| line.theirs.as_fd()));
        let limits = kernel_orders::group(app);
        let group = limits.map(|limits| Cgroup::make(tag, &limits)).transpose();
        let (group, doors) = group
            .map_err(|error| spawn_failure::of(error.to_string(), error.is_shortage()))?
            .unzip();
        plan.cgroup = doors.as_ref();
        self.log_writer.settle();
        let born = tools.spawner.spawn(tag, &plan).map_err(|error| {
            group.iter().for_each(Cgroup::remove);
            spawn_failure::of(error.to_string(), error.is_shortage())
        })?;
        // If the guardian is gone the reactor hands everything to its successor, this run included.
        store_pidfd(&self.link, tag, job.address(), (born.pid, &born.pidfd)).ok();
        if let Some(file) = PidFile::of(app, job.plan.instance) {
            file.write(born.pid);
        }
        let channel = channel.map(ChannelPair::into_ours);
        let (identity, pidfd, sockets) = (born.identity, born.pidfd, inodes);
        Ok(Newborn { identity, pidfd, channel, notices, group, sockets })
    }

    /// Makes a channel and gives our end to the guardian.
    fn channel(&self, tag: Tag, job: &SpawnJob) -> Result<ChannelPair, SpawnFailure> {
        let line = ChannelPair::new().map_err(|error| short(format!("make a channel: {error}")))?;
        let (slot, kind, name) = (CHANNEL_SLOT, ItemKind::Other, job.address().name());
        let store = ToGuardian::Store { tag: tag.raw(), slot, kind, name };
        self.link.send(&store, &line.kept()).map_err(|error| short(error.to_string()))?;
        Ok(line)
    }

    /// Makes the socket over which it says how it is, and gives it to the guardian.
    fn notices(&self, tag: Tag, job: &SpawnJob) -> Result<OwnedFd, SpawnFailure> {
        let failed = |error| short(format!("make its notification socket: {error}"));
        let socket = notices::open(tag).map_err(failed)?;
        store_notices(&self.link, tag, job.address(), socket.as_fd())
            .map_err(|error| short(error.to_string()))?;
        Ok(socket)
    }

    /// The script that cluster workers load first. Only programs that are us can read it in our home, and only of an
    /// interpreter we name do we know that it takes one.
    fn preload(&self, app: &AppSpec, user: Option<&AppUser>) -> Option<PathBuf> {
        let wanted = app.serving.mode == Mode::Cluster && app.serving.preload;
        let is_us = user.is_none_or(|user| user.credentials.are_ours());
        if !wanted || !is_us || app.interpreter.is_none() {
            return None;
        }
        let path = self.home.root().join("node-preload.js");
        let script = pm_node::PRELOAD.as_bytes();
        if std::fs::read(&path).is_ok_and(|found| found == script) {
            return Some(path);
        }
        match own_file::replace(&path, script) {
            Ok(()) => Some(path),
            Err(error) => {
                daemon_log::note(format_args!("could not write {}: {error}", path.display()));
                None
            }
        }
    }

    fn spawn_plan<'fd>(
        &self,
        line: CommandLine,
        pipes: &'fd OutputPipes,
        stdin: BorrowedFd<'fd>,
        user: Option<pm_os::spawn::Credentials>,
    ) -> SpawnRequest<'fd> {
        let error = pipes.error.as_ref().unwrap_or(&pipes.out);
        let ends = [stdin, pipes.out.as_fd(), error.as_fd()];
        SpawnRequest {
            cwd: line.cwd,
            user,
            nofile: self.nofile,
            oom_score_adj: pm_guardian::oom_score_before(),
            birth: Birth::Sibling,
            ..SpawnRequest::new(line.program, line.argv, line.env, ends)
        }
    }

    /// Makes the pipes, gives them to the guardian with their files, then to the log writer.
    fn pipes(
        &self,
        tag: Tag,
        job: &SpawnJob,
        owner: Option<PipeOwner>,
    ) -> Result<OutputPipes, SpawnFailure> {
        let log_owner = owner.map(|owner| pm_logs::FileOwner { uid: owner.uid, gid: owner.gid });
        let sinks = plan::sinks(&job.plan.app, job.plan.instance, log_owner);
        let together = plan::one_pipe(&sinks);
        let [out, error] = sinks;
        let address = job.address();
        let out =
            self.outlet(StreamKey { tag: tag.raw(), stream: Stream::Out }, (out, address), owner)?;
        if together {
            return Ok(OutputPipes { out, error: None });
        }
        let key = StreamKey { tag: tag.raw(), stream: Stream::Err };
        Ok(OutputPipes { out, error: Some(self.outlet(key, (error, address), owner)?) })
    }

    fn outlet(
        &self,
        key: StreamKey,
        (sink, address): (Sink, Address),
        owner: Option<PipeOwner>,
    ) -> Result<OwnedFd, SpawnFailure> {
        if sink.is_nowhere() {
            // Nobody need keep anything open for what nobody reads.
            return stdio::null().map_err(|error| short(format!("open /dev/null: {error}")));
        }
        let size = rustix::process::geteuid().is_root().then_some(PIPE_SIZE);
        let (reader, outlet) =
            stdio::app_pipe(owner, size).map_err(|error| short(error.to_string()))?;
        let mut target = self.log_writer.prepare(key, &sink).map_err(|error| {
            // A disk may be well again, and descriptors free; a wrong path stays wrong.
            spawn_failure::of(error.to_string(), error.may_pass())
        })?;
        if is_short(reader.as_raw_fd()) {
            target.spare(&sink);
        }
        store_stream(&self.link, key, address, (&reader, target.fd()))
            .map_err(|error| short(error.to_string()))?;
        self.log_writer.attach(key, reader, target, sink);
        Ok(outlet)
    }
}

/// Whether descriptors are to be spared, the newest of ours being this one, which is the lowest that was free. The
/// guardian has about as many.
fn is_short(newest: RawFd) -> bool {
    let (limit, open) = (soft_nofile(), u64::try_from(newest).unwrap_or(0));
    open > limit / FREELY && limit < open.saturating_add(PLENTY)
}

fn refused(why: String) -> SpawnFailure {
    SpawnFailure::Refused(why)
}

fn short(why: String) -> SpawnFailure {
    SpawnFailure::Short(why)
}
