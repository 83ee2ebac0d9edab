//! The beginning: adopt what the daemon before left behind, then open the doors.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use pm_core::{AppId, Ask, Core, Fact, RunId};
use pm_guardian::{Link, ToGuardian};
use pm_logs::{LogWriter, LogWriterPlan, Notice, Stream, StreamKey, StreamTarget, WriterLimits};
use pm_os::limits::Nofile;
use pm_os::tag::Tag;
use pm_os::tree::{Depth, ProcScan};
use pm_protocol::{EventKind, Hello, Home, PROTOCOL};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::mpsc;

use super::signals;
use crate::adopt::{self, Inheritance, Kept, KeptStreams};
use crate::clock::Clocks;
use crate::core_driver::CoreDriver;
use crate::crash_files::CrashFiles;
use crate::error::{DaemonError, file, system};
use crate::events::Events;
use crate::executor::Executor;
use crate::inlet::Inlet;
use crate::inquiries::Inquiries;
use crate::journal::{self, Journal};
use crate::node::Node;
use crate::preparation::{self, Preparations};
use crate::renewal::Renewals;
use crate::run_control::{Owners, RunControl};
use crate::runs::{Life, Run, Runs};
use crate::server::connections::Connections;
use crate::shared_sockets::SocketUse;
use crate::slots::{Address, ChannelEnd, slot_of, store_notices, store_pidfd, store_stream};
use crate::spawner::{self, SpawnerJob, SpawnerParts};
use crate::triggers::Triggers;
use crate::{
    app_user, daemon_log, home_id, notices, plan, pm2_pid, shared_sockets, store, strangers, trees,
};

/// News that may wait for the loop; a sender beyond that waits, and only tasks and threads that may wait send.
const QUEUE: usize = 1024;

/// What a daemon that finds no app begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beginning {
    /// Nothing, until somebody asks.
    Empty,
    /// The saved list, if no daemon of its guardian was before it: a machine that boots.
    Saved,
}

/// What the loop begins with.
pub(super) struct Start {
    pub(super) driver: CoreDriver,
    pub(super) link: AsyncFd<Arc<Link>>,
    pub(super) inlet: mpsc::Receiver<Inlet>,
    /// For tasks that bring something back.
    pub(super) outlet: mpsc::Sender<Inlet>,
    pub(super) connections: Connections,
}

/// Takes over. When it returns, nothing the daemon before knew is lost and no app runs twice.
/// Apps and guardians after ours get back `nofile`.
pub(super) fn begin(
    home: &Home,
    nofile: Option<Nofile>,
    beginning: Beginning,
) -> Result<Start, DaemonError> {
    let link = Arc::new(Link::inherit()?);
    let guardian = rustix::process::getppid().map_or(0, rustix::process::Pid::as_raw_pid);
    let (home_id, origin) = home_id::load(&home.id_file()).map_err(file("use", &home.id_file()))?;
    let journal = home.journal();
    let (journal, records) =
        Journal::open(&journal, &journal::boot()).map_err(file("use", &journal))?;
    // Scan first, ask then: what ends in between is in the guardian's answer (supervision.md, trap 3).
    let scan = match origin {
        // The first start in this home: nobody can be found.
        home_id::Origin::Made if records.is_empty() => ProcScan::of_nobody(),
        home_id::Origin::Made | home_id::Origin::Found => {
            ProcScan::take(Depth::Cookies, &[guardian])?
        }
    };
    let mut kept = adopt::ask(&link, home_id)?;
    let (core, mut inheritance) =
        adopt::inherit(records, &scan, &mut kept, (home_id, journal.has_lost()));
    preparation::sweep(&core, (&inheritance.never, &scan), home_id);
    forget_spools(home, &kept, &inheritance);

    let (outlet, inlet) = mpsc::channel(room(kept.streams.len(), inheritance.runs.len()));
    let mut owners = owners((home, home_id, nofile), guardian, &link, &outlet)?;
    let strangers = std::mem::take(&mut inheritance.strangers).with_guardian(guardian);
    adopt::leave_to_themselves(&mut kept, &strangers);
    adopt_runs(&mut owners, &core, &mut inheritance, &mut kept)?;
    let inquiries = Inquiries::new(home.clone(), outlet.clone(), owners.spawner.clone());
    let runs = RunControl::new(owners);
    let triggers = Triggers::new(home.clone(), outlet.clone());
    let events = begun(home, &kept, Clocks::read(journal.dates()));
    let told = (events, CrashFiles::new(home));
    let executor = Executor::new(journal, runs, (triggers, inquiries), told).beside(strangers);
    let renewals = Renewals { home: home.clone(), outlet: outlet.clone() };
    let mut driver = CoreDriver::new(core, executor, renewals);
    for fact in inheritance.facts {
        driver.step(fact);
    }
    for run in inheritance.vanished {
        daemon_log::note(format_args!("run {} ended while nobody was there", run.0));
        driver.vanished(run);
    }
    for run in inheritance.sweeping {
        driver.executor().runs().look_who_remains(run);
    }
    for exit in std::mem::take(&mut kept.exits) {
        driver.exited(exit);
    }
    driver.step(Fact::TimePassed);
    driver.adopt_shared();
    if beginning == Beginning::Saved && kept.is_first && driver.core().instances().next().is_none()
    {
        restore_saved(home, &mut driver);
    }
    let mut connections = Connections::new(hello(&kept, guardian), outlet.clone());
    // From here on we answer.
    link.send(&ToGuardian::Adopted, &[])?;
    link.send(&ToGuardian::Ready, &[])?;
    if let Some(listener) = kept.listener.take() {
        connections.listen(listener);
    }
    signals::handle(&outlet, driver.executor().runs().log_writer())?;
    pm2_pid::announce(home);
    Ok(Start { driver, link: wait_on(link)?, inlet, outlet, connections })
}

/// Starts everybody who has to do with runs.
fn owners(
    (home, home_id, nofile): (&Home, u32, Option<Nofile>),
    guardian: i32,
    link: &Arc<Link>,
    outlet: &mpsc::Sender<Inlet>,
) -> Result<Owners, DaemonError> {
    let log_writer = start_log_writer(home, link, outlet)?;
    let trees = trees::start(guardian, outlet.clone()).map_err(system("start a thread"))?;
    let parts = SpawnerParts {
        home: home.clone(),
        home_id,
        link: Arc::clone(link),
        log_writer: log_writer.clone(),
        nofile,
        inlet: outlet.clone(),
    };
    Ok(Owners {
        link: Arc::clone(link),
        spawner: spawner::start(parts).map_err(system("start a thread"))?,
        trees,
        log_writer,
        home_id,
        runs: Runs::default(),
        node: Node::new((home_id, home), Arc::clone(link), outlet.clone()),
        sockets: SocketUse::default(),
        preparations: Preparations::default(),
        outlet: outlet.clone(),
    })
}

/// Room for all news that can come while we adopt and read none of it: then nobody who brings news waits for us while
/// we wait for them. Kept streams end, each run's streams may be opened anew and end, its tree is looked at, and the
/// next run is made. The queue takes memory only for what is in it.
const fn room(streams: usize, runs: usize) -> usize {
    QUEUE + streams + 4 * runs
}

#[expect(
    deprecated,
    reason = "the successor is unsafe to call; a link keeps its descriptor for its whole life"
)]
fn wait_on(link: Arc<Link>) -> Result<AsyncFd<Arc<Link>>, DaemonError> {
    AsyncFd::with_interest(link, Interest::READABLE).map_err(system("wait for the guardian"))
}

/// What waits in spools of streams that nobody has any more can't be brought to its log.
fn forget_spools(home: &Home, kept: &Kept, inheritance: &Inheritance) {
    let runs: BTreeSet<u64> = inheritance.runs.iter().map(|(_, run)| run.tag.raw()).collect();
    let known = |key: StreamKey| kept.streams.contains_key(&key) || runs.contains(&key.tag);
    pm_logs::forget_spools(&home.log_state(), known);
}

/// The file of events, with our own beginning as the first one.
fn begun(home: &Home, kept: &Kept, clocks: Clocks<'_>) -> Events {
    let mut events = Events::new(home);
    let version = concat!("version ", env!("CARGO_PKG_VERSION"));
    if kept.is_first {
        events.of_daemon(EventKind::DaemonStarted, version.into(), clocks);
    } else {
        let number = kept.incarnation;
        let why = format!("{version}, the daemon number {number} of its guardian");
        events.of_daemon(EventKind::DaemonReplaced, why, clocks);
    }
    events
}

fn hello(kept: &Kept, guardian: i32) -> Hello {
    Hello {
        protocol: PROTOCOL,
        version: env!("CARGO_PKG_VERSION").into(),
        pid: std::process::id(),
        incarnation: u64::from(kept.incarnation),
        guardian: u32::try_from(guardian).unwrap_or(0),
        caller: None,
    }
}

fn start_log_writer(
    home: &Home,
    link: &Arc<Link>,
    outlet: &mpsc::Sender<Inlet>,
) -> Result<LogWriter, DaemonError> {
    let plan = LogWriterPlan { state_dir: home.log_state(), limits: WriterLimits::STANDARD };
    let (link, outlet) = (Arc::clone(link), outlet.clone());
    let hear = move |notice: Notice| match notice {
        Notice::Moved { keys, fd } => {
            for key in keys {
                let (tag, slot) = (key.tag, slot_of(key.stream));
                // A dead guardian is the reactor's business.
                link.send(&ToGuardian::Redirect { tag, slot }, &[fd.as_fd()]).ok();
            }
        }
        Notice::Ended { key } => {
            outlet.blocking_send(Inlet::StreamEnded(key)).ok();
        }
        Notice::Dropped { path, bytes, cause } => {
            daemon_log::note(format_args!("dropped {bytes} bytes for {}: {cause}", path.display()));
        }
        Notice::Blocked { path, cause } => {
            outlet.blocking_send(Inlet::LogBlocked(path, cause)).ok();
        }
        Notice::Warned { text } => daemon_log::note(format_args!("{text}")),
    };
    let (log_writer, _thread) = LogWriter::start(&plan, Box::new(hear))?;
    Ok(log_writer)
}

/// Takes the runs the daemon before had in hand, with their streams and channels.
fn adopt_runs(
    owners: &mut Owners,
    core: &Core,
    inheritance: &mut Inheritance,
    kept: &mut Kept,
) -> Result<(), DaemonError> {
    for (id, run) in std::mem::take(&mut inheritance.runs) {
        owners.runs.insert(id, run);
    }
    // Groups of runs that ended while nobody was there.
    let known = owners.runs.iter().map(|(id, _)| id.0).collect();
    owners.spawner.send(SpawnerJob::Sweep(known)).ok();
    hear_again(owners, &mut kept.notices);
    let tag_of = |run: RunId| Tag::new(owners.home_id, run.0).raw();
    for tag in inheritance.never.iter().copied().map(tag_of) {
        kept.streams.retain(|key, _| key.tag != tag);
        owners.link.send(&ToGuardian::Drop { tag, slot: None }, &[])?;
    }
    for (run, slot) in adopt::leftovers(kept) {
        owners.link.send(&ToGuardian::Drop { tag: tag_of(run), slot: Some(slot) }, &[])?;
    }
    attach(owners, core, std::mem::take(&mut kept.streams));
    reopen_streams(owners, &inheritance.unkept);
    let channels = std::mem::take(&mut inheritance.channels);
    reconnect(owners, core, channels, std::mem::take(&mut kept.sockets));
    Ok(())
}

/// Hears on what runs say of themselves; a socket that died with both before us is made anew, under its name.
fn hear_again(owners: &mut Owners, kept: &mut BTreeMap<RunId, OwnedFd>) {
    let alive = owners.runs.iter().filter(|(_, run)| matches!(run.life, Life::Alive));
    let wants = |run: &Run, id| kept.contains_key(&id) || run.app.checks.has_notices();
    let runs: Vec<_> = alive.filter(|(id, run)| wants(run, *id)).map(|(id, _)| id).collect();
    for id in runs {
        let Some(run) = owners.runs.get(id) else { continue };
        match kept.remove(&id).map_or_else(|| notices::open(run.tag), Ok) {
            Ok(socket) => {
                store_notices(&owners.link, run.tag, run.address, socket.as_fd()).ok();
                owners.hear(id, socket);
            }
            Err(error) => daemon_log::note(format_args!(
                "could not make the notification socket of {} anew: {error}",
                run.app.name
            )),
        }
    }
}

/// Brings back the saved list. It is only ordered here, so that sixty slow apps don't keep the machine from
/// booting (pain 29); what can't be started is told by the list, the daemon log and `pm startup --verify`.
fn restore_saved(home: &Home, driver: &mut CoreDriver) {
    match store::load(&home.saved()) {
        Ok((apps, warning)) => {
            daemon_log::note(format_args!("starting the {} apps of the saved list", apps.len()));
            if let Some(warning) = warning {
                daemon_log::note(format_args!("{warning}"));
            }
            driver.ask_ourselves(Ask::Restore(apps));
        }
        Err(error @ store::StoreError::Nothing(_)) => {
            daemon_log::note(format_args!("could not {error}; `save` makes one"));
        }
        Err(error) => daemon_log::note(format_args!("could not {error}")),
    }
}

/// Goes on talking to Node apps. Sockets first: workers are known by what they listen on.
fn reconnect(
    owners: &mut Owners,
    core: &Core,
    channels: Vec<(RunId, ChannelEnd)>,
    sockets: BTreeMap<(AppId, u8), ChannelEnd>,
) {
    for ((app, index), socket) in sockets {
        if shared_sockets::is_ours(index) {
            let of_app = core.instances().filter(|instance| instance.app_id == app);
            let runs = of_app.flat_map(|instance| [instance.run, instance.second]);
            let runs = runs.flatten().map(|(run, _)| run).collect();
            owners.spawner.send(SpawnerJob::Recall((app, index), socket, runs)).ok();
            owners.sockets.add(app);
        } else {
            owners.node.recall(app, index, socket);
        }
    }
    for (id, channel) in channels {
        let Some(run) = owners.runs.get(id) else { continue };
        let of = (run.address.app, &*run.app);
        owners.node.attach(run.tag, run.slot, of, channel);
    }
    owners.tidy(core);
}

/// Gives the pipes the guardian kept to the log writer. Output of a deleted app has no settings any more: what
/// is left of it goes to its file as it is.
fn attach(owners: &mut Owners, core: &Core, streams: KeptStreams) {
    for (key, (pipe, file, owner)) in streams {
        let instance = owner.and_then(|owner| {
            core.instance(owner.instance).filter(|instance| instance.app_id == owner.app)
        });
        let Some(instance) = instance else {
            if let Some(file) = file
                && let Err(error) = strangers::drain(&pipe, &file)
            {
                daemon_log::note(format_args!("could not save the last output of an app: {error}"));
            }
            if owners.runs.stream_ended(key) {
                let (tag, slot) = (key.tag, Some(slot_of(key.stream)));
                owners.link.send(&ToGuardian::Drop { tag, slot }, &[]).ok();
            }
            continue;
        };
        let owner = app_user::log_owner(instance.app);
        let sink = plan::sink(instance.app, (instance.id, key.stream), owner);
        let address = Address { app: instance.app_id, instance: instance.id };
        owners.runs.keep_output(key, address, instance.app);
        owners.log_writer.attach(key, pipe, StreamTarget::kept(file), sink);
    }
}

/// Guardian and daemon both died, perhaps half-way through a hand-over: the pipes live on in the apps, and we
/// open our ends anew. An app that closed an output, or put something else in its place, is left alone; so is
/// one whose main process the guardian keeps, for then a stream it doesn't keep has ended.
fn reopen_streams(owners: &mut Owners, unkept: &[RunId]) {
    let mut lost = Vec::new();
    for run in unkept.iter().filter_map(|id| owners.runs.get(*id)) {
        let Some(identity) = run.identity.filter(|_| run.pidfd.is_some()) else { continue };
        if matches!(run.life, Life::Alive) {
            let missing = plan::streams(&run.app, run.address.instance).into_iter();
            let missing: Vec<_> = missing.filter(|stream| !run.open.contains(stream)).collect();
            lost.push((run.tag, run.address, Arc::clone(&run.app), identity, missing));
        }
    }
    for (tag, address, app, identity, missing) in lost {
        let owner = app_user::log_owner(&app);
        let mut first = None;
        for stream in missing {
            let sink = plan::sink(&app, (address.instance, stream), owner);
            let descriptor = if stream == Stream::Out { 1 } else { 2 };
            let Ok(pipe) = pm_os::stdio::reopen_reader(&identity, descriptor) else { continue };
            // An app that put one output in the place of the other has one pipe, which needs one reader.
            let inode = rustix::fs::fstat(&pipe).ok().map(|meta| meta.st_ino);
            if inode.is_none() || std::mem::replace(&mut first, inode) == inode {
                continue;
            }
            let key = StreamKey { tag: tag.raw(), stream };
            let Ok(target) = owners.log_writer.prepare(key, &sink) else { continue };
            store_stream(&owners.link, key, address, (&pipe, target.fd())).ok();
            owners.runs.keep_output(key, address, &app);
            owners.log_writer.attach(key, pipe, target, sink);
        }
        let run = owners.runs.get(RunId(tag.run()));
        if let Some(pidfd) = run.and_then(|run| run.pidfd.as_ref()) {
            store_pidfd(&owners.link, tag, address, (identity.pid, pidfd)).ok();
        }
    }
}
