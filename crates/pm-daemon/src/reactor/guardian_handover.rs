//! The hand-over to a new guardian when ours is dead: it gets every descriptor, and starts the next daemon.
//!
//! The apps, their pipes and the listening socket are in our hands only. Nothing is lost if we are killed here: what
//! was not handed over is then found again through the apps themselves.

use std::ffi::{CString, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use pm_core::{Fact, Remaining};
use pm_guardian::{LINK_VARIABLE, Link, LinkError, READY_EXISTING, READY_NEW, ToGuardian};
use pm_logs::HandedStream;
use pm_os::limits::Nofile;
use pm_os::spawn::SpawnRequest;
use pm_protocol::{Home, PM2_PATHS};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{PidfdFlags, getpid, pidfd_open};
use tokio::sync::mpsc;

use crate::core_driver::CoreDriver;
use crate::daemon_log;
use crate::error::{DaemonError, system};
use crate::inlet::Inlet;
use crate::run_control::RunControl;
use crate::runs::{Life, Told};
use crate::server::connections::Connections;
use crate::slots::{store_notices, store_pidfd, store_stream};

/// Seconds for a guardian to get its lock; it gives up after five.
const PATIENCE: i64 = 10;

/// What the next guardian, and the daemon it starts, get from us.
pub(super) struct GuardianHandover {
    home: Home,
    nofile: Option<Nofile>,
    driver: CoreDriver,
    inlet: mpsc::Receiver<Inlet>,
}

impl GuardianHandover {
    pub(super) fn new(
        home: Home,
        nofile: Option<Nofile>,
        driver: CoreDriver,
        inlet: mpsc::Receiver<Inlet>,
    ) -> Self {
        Self { home, nofile, driver, inlet }
    }

    /// Starts a new guardian, gives it everything, and ends.
    pub(super) async fn run(mut self, connections: Connections) -> Result<(), DaemonError> {
        daemon_log::note(format_args!("the guardian is gone; handing over to a new one"));
        self.await_births().await;
        self.write_ends_down();
        let listener = connections.abandon();
        // Nobody may wait for us while we wait for the log writer.
        self.inlet.close();
        let streams = self.driver.executor().runs().log_writer().hand_over();
        let (link, theirs) = Link::pair()?;
        let link = Arc::new(link);
        let words = ["guardian", "--ready", "--predecessor"];
        let ready = start_guardian((&self.home, self.nofile), &words, theirs.as_fd())?;
        // Its own copy must be the last one, or we would not notice that it failed.
        drop(theirs);
        // Until it has the lock another guardian may come first, and then the socket is not ours to give any more.
        await_word(ready)?;
        give_all(self.driver.executor().runs(), &link, streams)?;
        let Some(listener) = listener else { return Ok(()) };
        let own = pidfd_open(getpid(), PidfdFlags::empty())
            .map_err(|error| system("open ourselves")(error.into()))?;
        link.send(&ToGuardian::HandOver, &[listener.as_fd(), own.as_fd()])?;
        Ok(())
    }

    /// Processes that are being made are either in the journal with their identity, or nothing, before we go.
    async fn await_births(&mut self) {
        let is_made = |runs: &RunControl| runs.all().iter().any(|(id, _)| runs.is_being_made(id));
        while is_made(self.driver.executor().runs()) {
            match self.inlet.recv().await {
                Some(Inlet::Born(run, newborn)) => self.driver.born(run, newborn),
                // Its intent is in the journal, so the next daemon starts it.
                Some(Inlet::NotBorn(run, failure)) => {
                    self.driver.parts().0.runs_mut().not_born(run, &failure);
                }
                // The rest is asked, or seen, again.
                Some(
                    Inlet::Called(..)
                    | Inlet::Prepares(_)
                    | Inlet::HookOver(..)
                    | Inlet::Remains(..)
                    | Inlet::Swept(_)
                    | Inlet::Node(_)
                    | Inlet::Replaced(_)
                    | Inlet::Listens(..)
                    | Inlet::Looked(..)
                    | Inlet::Accepts(_)
                    | Inlet::Left(..)
                    | Inlet::Quiet(_)
                    | Inlet::Answered(_)
                    | Inlet::Noticed(..)
                    | Inlet::Heard(_)
                    | Inlet::Sampled(_)
                    | Inlet::Touched(..)
                    | Inlet::StreamEnded(_)
                    | Inlet::LogBlocked(..)
                    | Inlet::Known(_)
                    | Inlet::Updating(..)
                    | Inlet::Terminate,
                ) => {}
                None => return,
            }
        }
    }

    /// The guardian's news of these ends died with it. Who is left of their trees was not found out, so the next
    /// daemon looks.
    fn write_ends_down(&mut self) {
        let untold = self.driver.executor().runs().all().iter();
        let untold = untold.filter_map(|(id, run)| match run.life {
            Life::Ended(ending, Told::NotYet) => Some((id, ending)),
            // The next daemon hears what this one said last: it may have named another main process.
            Life::Ended(_, Told::Unheard | Told::Yes) | Life::Alive | Life::Expected(_) => None,
        });
        for (id, ending) in untold.collect::<Vec<_>>() {
            self.driver.step(Fact::Ended(id, ending, Remaining::Stragglers));
        }
    }
}

/// Main processes go last: of a run whose main process is kept, every stream is.
fn give_all(
    runs: &RunControl,
    link: &Arc<Link>,
    streams: Vec<HandedStream>,
) -> Result<(), LinkError> {
    for HandedStream { key, pipe, fd } in streams {
        let Some(address) = runs.all().owner_of(key) else { continue };
        store_stream(link, key, address, (&pipe, fd.as_ref().map(AsFd::as_fd)))?;
    }
    runs.hand_over_sockets(link);
    runs.node().hand_over(link, |run| runs.get(run).map(|run| run.address))?;
    for (_, run) in runs.all().iter().filter(|(_, run)| !run.released) {
        if let Some(notices) = &run.notices {
            store_notices(link, run.tag, run.address, notices.socket())?;
        }
        if let (Some(pidfd), Some(identity)) = (&run.pidfd, run.identity) {
            store_pidfd(link, run.tag, run.address, (identity.pid, pidfd))?;
        }
    }
    Ok(())
}

/// The guardian died while we were asking it for what it keeps. What it kept is gone: a guardian without any of it
/// begins, and its daemon finds the apps by the journal and their marks.
pub(super) fn start_over(home: &Home, nofile: Option<Nofile>) -> Result<(), DaemonError> {
    daemon_log::note(format_args!("the guardian is gone; starting a new one"));
    let null = pm_os::stdio::null().map_err(system("open /dev/null"))?;
    start_guardian((home, nofile), &["guardian", "--ready"], null.as_fd()).map(drop)
}

/// Starts a guardian with these arguments and this standard input, and the limit of open files we had; gives the pipe
/// through which it says that it is ready.
fn start_guardian(
    (home, nofile): (&Home, Option<Nofile>),
    words: &[&str],
    stdin: BorrowedFd<'_>,
) -> Result<OwnedFd, DaemonError> {
    let (ready, report) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)
        .map_err(|error| system("make a pipe")(error.into()))?;
    let program = own_program().map_err(system("find our own program"))?;
    let null = pm_os::stdio::null().map_err(system("open /dev/null"))?;
    let stderr = io::stderr();
    let argument = |text: &str| CString::new(text).unwrap_or_default();
    // The link names a descriptor the guardian does not have.
    let is_stale = |name: &OsString| {
        let stale = ["PM_HOME", "PM2_HOME", LINK_VARIABLE];
        stale.iter().chain(&PM2_PATHS).any(|stale| name == stale)
    };
    let kept = std::env::vars_os().filter(|(name, _)| !is_stale(name));
    let own = home.variables().into_iter();
    let own = own.map(|(name, path)| (OsString::from(name), OsString::from(path)));
    let entry = |(name, value): (OsString, OsString)| {
        CString::new([name.as_bytes(), b"=", value.as_bytes()].concat()).ok()
    };
    let argv = std::iter::once(program.clone()).chain(words.iter().copied().map(argument));
    let env = kept.chain(own).filter_map(entry).collect();
    let ends = [stdin, null.as_fd(), stderr.as_fd()];
    let mut plan = SpawnRequest::new(program, argv.collect(), env, ends);
    plan.handed.push(report.as_fd());
    plan.nofile = nofile;
    let spawned = pm_os::spawn::spawn(&plan);
    let _guardian = spawned.map_err(|error| DaemonError::System {
        what: "start a new guardian",
        source: io::Error::other(error.to_string()),
    })?;
    Ok(ready)
}

/// Waits until the new guardian has its lock.
fn await_word(ready: OwnedFd) -> Result<(), DaemonError> {
    let failed = |why: String| system("start a new guardian")(io::Error::other(why));
    let limit = Timespec { tv_sec: PATIENCE, tv_nsec: 0 };
    match poll(&mut [PollFd::new(&ready, PollFlags::IN)], Some(&limit)) {
        Ok(0) => return Err(failed("it does not answer".into())),
        Ok(_) => {}
        Err(error) => return Err(system("wait for the new guardian")(error.into())),
    }
    let mut text = Vec::new();
    File::from(ready).read_to_end(&mut text).map_err(system("hear the new guardian"))?;
    match text.as_slice() {
        READY_NEW => Ok(()),
        [] => Err(failed("it ended without a word".into())),
        READY_EXISTING => Err(failed("there is one already".into())),
        text => Err(failed(String::from_utf8_lossy(text).into_owned())),
    }
}

/// The path we were started from; after an update replaced the file, the new one.
fn own_program() -> io::Result<CString> {
    let path = std::fs::read_link("/proc/self/exe")?.into_os_string().into_encoded_bytes();
    let path = path.strip_suffix(b" (deleted)").unwrap_or(&path).to_vec();
    CString::new(path).map_err(io::Error::other)
}
