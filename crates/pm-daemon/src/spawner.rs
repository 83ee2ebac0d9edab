//! One thread that makes processes, one at a time: vfork stalls its caller, and the tag is worn by all of us.
//!
//! The order is the whole trick (law 7): the intent is in the journal before a job gets here; pipes and files are
//! with the guardian before the birth; the process is marked from its birth.

use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use pm_core::{RunId, SpawnFailure};
use pm_guardian::{Kind, Link, Name, ToGuardian};
use pm_logs::{Scribe, Sink, Stream, StreamKey};
use pm_node::Line;
use pm_os::limits::Nofile;
use pm_os::spawn::{Birth, Born, SpawnPlan, Spawner};
use pm_os::stdio::{self, Owner};
use pm_os::tag::Tag;
use pm_os::user;
use pm_protocol::Home;
use pm_spec::{AppSpec, Identifier, Mode, UserChoice};
use tokio::sync::mpsc;

use crate::diary;
use crate::node::ChannelEnd;
use crate::pidfile::PidFile;
use crate::plan::{self, CommandLine, Seat};
use crate::reactor::Inlet;
use crate::runs::{Address, CHANNEL_SLOT, PIDFD_SLOT, slot_of};

/// As root a pipe may be larger, which saves wake-ups; others have a budget of pipe pages (pipe(7)).
const PIPE_SIZE: usize = 256 << 10;

/// A process to be made.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) run: RunId,
    pub(crate) plan: pm_core::SpawnPlan,
}

impl Job {
    fn address(&self) -> Address {
        Address { app: self.plan.app_id, instance: self.plan.instance }
    }
}

/// What the thread works with.
#[derive(Debug)]
pub(crate) struct Workshop {
    pub(crate) home: Home,
    pub(crate) salt: u32,
    pub(crate) link: Arc<Link>,
    pub(crate) scribe: Scribe,
    /// The limit of open files that apps get back.
    pub(crate) nofile: Option<Nofile>,
    pub(crate) inlet: mpsc::Sender<Inlet>,
}

/// Starts the thread; it ends when the sender is gone. At most one job per instance waits in the queue.
pub(crate) fn start(workshop: Workshop) -> std::io::Result<Sender<Job>> {
    let (sender, jobs) = channel();
    std::thread::Builder::new()
        .name("pm-spawner".into())
        .stack_size(512 << 10)
        .spawn(move || work(&workshop, &jobs))?;
    Ok(sender)
}

fn work(workshop: &Workshop, jobs: &Receiver<Job>) {
    let Some(mut spawner) = Spawner::claim() else { return };
    while let Ok(job) = jobs.recv() {
        let run = job.run;
        let news = match workshop.make(&mut spawner, &job) {
            Ok((born, channel)) => Inlet::Born(run, born.identity, born.pidfd, channel),
            Err(failure) => {
                let tag = workshop.tag(run).raw();
                // The guardian being gone is noticed by the reactor.
                workshop.link.send(&ToGuardian::Drop { tag, slot: None }, &[]).ok();
                Inlet::NotBorn(run, failure)
            }
        };
        if workshop.inlet.blocking_send(news).is_err() {
            return;
        }
    }
}

/// The app's ends of its output pipes; one of them if both streams go to the same place.
struct Outlets {
    out: OwnedFd,
    error: Option<OwnedFd>,
}

impl Workshop {
    fn tag(&self, run: RunId) -> Tag {
        Tag::new(self.salt, run.0)
    }

    fn make(
        &self,
        spawner: &mut Spawner,
        job: &Job,
    ) -> Result<(Born, Option<ChannelEnd>), SpawnFailure> {
        let app = &job.plan.app;
        let runner = app.user.as_ref().map(runner).transpose()?;
        let preload = self.preload(app, runner.as_ref());
        let seat = Seat {
            instance: job.plan.instance,
            slot: job.plan.slot,
            restarts: job.plan.restarts,
            run: job.run.0,
            preload: preload.as_deref(),
        };
        let person = runner.as_ref().map(|runner| &runner.person);
        let line = plan::command_line(app, seat, &self.home, person)
            .map_err(|_| refused("start it: an argument holds a NUL byte".into()))?;
        let owner = runner.as_ref().map(|runner| runner.owner);
        let tag = self.tag(job.run);
        let outlets = self.outlets(tag, job, owner)?;
        let channel = app.serving.channel.then(|| self.channel(tag, job)).transpose()?;
        let stdin = pm_os::input::pipe(owner).map_err(|error| short(error.to_string()))?;
        let credentials = runner.map(|runner| runner.credentials);
        let credentials = credentials.filter(|credentials| !credentials.are_ours());
        let mut plan = self.spawn_plan(line, &outlets, stdin.as_fd(), credentials);
        plan.umask = app.umask;
        plan.handed.extend(channel.as_ref().map(|line| line.theirs.as_fd()));
        let born = spawner.spawn(tag, &plan).map_err(|error| {
            if error.is_shortage() { short(error.to_string()) } else { refused(error.to_string()) }
        })?;
        self.store_pidfd(tag, job.address(), &born);
        if let Some(file) = PidFile::of(app, job.plan.instance) {
            file.write(born.pid);
        }
        Ok((born, channel.map(Line::into_ours)))
    }

    /// Makes a channel and gives our end to the guardian.
    fn channel(&self, tag: Tag, job: &Job) -> Result<Line, SpawnFailure> {
        let line = Line::new().map_err(|error| short(format!("make a channel: {error}")))?;
        let (slot, kind, name) = (CHANNEL_SLOT, Kind::Other, job.address().name());
        let store = ToGuardian::Store { tag: tag.raw(), slot, kind, name };
        self.link.send(&store, &line.kept()).map_err(|error| short(error.to_string()))?;
        Ok(line)
    }

    /// The script that cluster workers load first. Only programs that are us can read it in our home, and only of an
    /// interpreter we name do we know that it takes one.
    fn preload(&self, app: &AppSpec, runner: Option<&Runner>) -> Option<PathBuf> {
        let wanted = app.serving.mode == Mode::Cluster && app.serving.preload;
        let is_us = runner.is_none_or(|runner| runner.credentials.are_ours());
        if !wanted || !is_us || app.interpreter.is_none() {
            return None;
        }
        let path = self.home.root().join("node-preload.js");
        match put(&path, pm_node::PRELOAD.as_bytes()) {
            Ok(()) => Some(path),
            Err(error) => {
                diary::note(format_args!("could not write {}: {error}", path.display()));
                None
            }
        }
    }

    fn spawn_plan<'fd>(
        &self,
        line: CommandLine,
        outlets: &'fd Outlets,
        stdin: BorrowedFd<'fd>,
        user: Option<pm_os::spawn::Credentials>,
    ) -> SpawnPlan<'fd> {
        SpawnPlan {
            program: line.program,
            argv: line.argv,
            env: line.env,
            cwd: line.cwd,
            stdin,
            stdout: outlets.out.as_fd(),
            stderr: outlets.error.as_ref().unwrap_or(&outlets.out).as_fd(),
            handed: Vec::new(),
            user,
            nofile: self.nofile,
            umask: None,
            oom_score_adj: pm_guardian::score_before(),
            birth: Birth::Sibling,
        }
    }

    /// Makes the pipes, gives them to the guardian with their files, then to the scribe.
    fn outlets(&self, tag: Tag, job: &Job, owner: Option<Owner>) -> Result<Outlets, SpawnFailure> {
        let log_owner = owner.map(|owner| pm_logs::Owner { uid: owner.uid, gid: owner.gid });
        let sinks = plan::sinks(&job.plan.app, job.plan.instance, log_owner);
        let together = plan::one_pipe(&sinks);
        let [out, error] = sinks;
        let name = job.address().name();
        let out =
            self.outlet(StreamKey { tag: tag.raw(), stream: Stream::Out }, (out, name), owner)?;
        if together {
            return Ok(Outlets { out, error: None });
        }
        let key = StreamKey { tag: tag.raw(), stream: Stream::Err };
        Ok(Outlets { out, error: Some(self.outlet(key, (error, name), owner)?) })
    }

    fn outlet(
        &self,
        key: StreamKey,
        (sink, name): (Sink, Name),
        owner: Option<Owner>,
    ) -> Result<OwnedFd, SpawnFailure> {
        let size = rustix::process::geteuid().is_root().then_some(PIPE_SIZE);
        let (reader, outlet) =
            stdio::app_pipe(owner, size).map_err(|error| short(error.to_string()))?;
        let file = self.scribe.prepare(key, &sink).map_err(|error| refused(error.to_string()))?;
        let store =
            ToGuardian::Store { tag: key.tag, slot: slot_of(key.stream), kind: Kind::Stream, name };
        self.link
            .send(&store, &[reader.as_fd(), file.as_fd()])
            .map_err(|error| short(error.to_string()))?;
        self.scribe.attach(key, reader, file, sink);
        Ok(outlet)
    }

    fn store_pidfd(&self, tag: Tag, address: Address, born: &Born) {
        let store = ToGuardian::Store {
            tag: tag.raw(),
            slot: PIDFD_SLOT,
            kind: Kind::Pidfd { pid: born.pid },
            name: address.name(),
        };
        // If the guardian is gone the reactor hands everything to its successor, this run included.
        self.link.send(&store, &[born.pidfd.as_fd()]).ok();
    }
}

/// Makes a file of ours have these contents, whole at every moment.
fn put(path: &Path, contents: &[u8]) -> std::io::Result<()> {
    if std::fs::read(path).is_ok_and(|found| found == contents) {
        return Ok(());
    }
    let new = path.with_extension("new");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600).open(&new)?.write_all(contents)?;
    std::fs::rename(&new, path)
}

fn refused(why: String) -> SpawnFailure {
    SpawnFailure::Refused(why)
}

fn short(why: String) -> SpawnFailure {
    SpawnFailure::Short(why)
}

/// Whom an app runs as.
struct Runner {
    credentials: pm_os::spawn::Credentials,
    owner: Owner,
    person: plan::Person,
}

/// Looks up the user an app is to run as. A group without a user keeps our user.
fn runner(choice: &UserChoice) -> Result<Runner, SpawnFailure> {
    let fail = |error: user::UserError| refused(error.to_string());
    let account = match &choice.uid {
        Some(Identifier::Name(name)) => user::find(&name.display()).map_err(fail)?,
        Some(Identifier::Number(number)) => user::by_number(*number).map_err(fail)?,
        None => user::by_number(rustix::process::geteuid().as_raw()).map_err(fail)?,
    };
    let group = match &choice.gid {
        Some(Identifier::Name(name)) => Some(user::find_group(&name.display()).map_err(fail)?),
        Some(Identifier::Number(number)) => Some(*number),
        None => None,
    };
    let credentials = account.credentials(group);
    if !rustix::process::geteuid().is_root() && !credentials.are_ours() {
        // Trying would fail at another step each time, and again and again.
        let who = account.name;
        return Err(refused(format!(
            "run as {who}: only root can run apps as another user or group"
        )));
    }
    Ok(Runner {
        owner: Owner { uid: credentials.uid, gid: credentials.gid },
        credentials,
        person: plan::Person {
            name: account.name.into_bytes(),
            home: account.home.into_os_string().into_encoded_bytes(),
        },
    })
}

/// Whom the files of an app belong to, if not to us. Unknown users were refused when the app was started; one who is
/// unknown by now is not us all the same: the numbers of nobody own no file, and `chown` leaves things as they are.
pub(crate) fn log_owner(app: &AppSpec) -> Option<pm_logs::Owner> {
    const NOBODY: Owner = Owner { uid: u32::MAX, gid: u32::MAX };
    let owner = runner(app.user.as_ref()?).map_or(NOBODY, |runner| runner.owner);
    Some(pm_logs::Owner { uid: owner.uid, gid: owner.gid })
}
