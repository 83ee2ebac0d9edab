//! The loop: one `select!`, then a step of the core and its orders (law 3).

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pm_core::{Ask, Fact};
use pm_guardian::{Arrival, FromGuardian, Link, LinkError, ToGuardian};
use pm_os::limits::Nofile;
use pm_protocol::{Done, Home};
use tokio::io::unix::AsyncFd;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::caller::Caller;
use crate::clock;
use crate::core_driver::CoreDriver;
use crate::error::{DaemonError, system};
use crate::inlet::{CoreInput, Inlet};
use crate::server::answer;
use crate::server::connections::Connections;

mod app_calls;
mod beforehand;
mod calls;
mod guardian_handover;
mod preflight;
mod setup;
mod shutdown;
mod signals;

use calls::Calls;
use guardian_handover::GuardianHandover;
pub use setup::Beginning;
use setup::Start;
use shutdown::Shutdown;

/// How often we look whether a subscriber that missed something has read what it was sent.
const CATCH_UP: Duration = Duration::from_millis(500);

/// How the loop ended.
enum LoopEnd {
    /// All apps are down and the guardian is to end as well.
    Left,
    /// Another program takes over; apps go on.
    Updated,
    /// The guardian is dead.
    Orphaned,
}

/// Runs the daemon of this home until it is told to leave, replaced, or orphaned.
pub fn run(home: &Home, beginning: Beginning) -> Result<(), DaemonError> {
    pm_os::memory::tune_allocator();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(system("start the event loop"))?;
    // With too few descriptors we still serve some apps.
    let nofile = pm_os::limits::raise_nofile().ok();
    let done = runtime.block_on(async {
        let start = match setup::begin(home, nofile, beginning) {
            Err(DaemonError::Guardian(LinkError::Gone)) => {
                return guardian_handover::start_over(home, nofile);
            }
            begun => begun?,
        };
        let mut reactor = Reactor::new(home, nofile, start);
        let exit = reactor.turn().await?;
        reactor.end(exit).await
    });
    // What was begun on other threads (a list being saved) may be finished, but not hold us up.
    runtime.shutdown_timeout(shutdown::LAST_OUTPUT);
    done
}

struct Reactor {
    home: Home,
    /// The limit of open files as it was before we raised it.
    nofile: Option<Nofile>,
    driver: CoreDriver,
    link: AsyncFd<Arc<Link>>,
    inlet: mpsc::Receiver<Inlet>,
    calls: Calls,
    connections: Connections,
    shutdown: Shutdown,
}

impl Reactor {
    fn new(home: &Home, nofile: Option<Nofile>, start: Start) -> Self {
        let Start { driver, link, inlet, outlet, connections } = start;
        let (home, calls) = (home.clone(), Calls::new(home.clone(), outlet));
        let shutdown = Shutdown::default();
        Self { home, nofile, driver, link, inlet, calls, connections, shutdown }
    }

    async fn turn(&mut self) -> Result<LoopEnd, DaemonError> {
        loop {
            let alarm = self.alarm();
            let sleep = async {
                match alarm {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! { biased;
                ready = self.link.readable() => match ready {
                    Ok(mut ready) => ready.clear_ready(),
                    Err(source) => return Err(DaemonError::System { what: "wait for the guardian", source }),
                },
                Some(news) = self.inlet.recv() => {
                    if let Some(exit) = self.take(news) { return Ok(exit) }
                }
                () = self.driver.executor().triggers().cron.rings() => self.driver.schedules_due(),
                () = sleep => {}
            }
            if !self.read_guardian()? {
                return Ok(LoopEnd::Orphaned);
            }
            self.driver.run_due();
            if self.shutdown.is_due(self.driver.executor()) {
                return Ok(LoopEnd::Left);
            }
        }
    }

    /// When something is due although nothing happens.
    fn alarm(&self) -> Option<Instant> {
        let now = clock::now();
        let due = self.driver.due(now);
        let due = due.map(|at| Instant::now() + Duration::from_millis(at.0.saturating_sub(now.0)));
        let is_behind = self.driver.executor().publisher().is_behind();
        let catch_up = is_behind.then(|| Instant::now() + CATCH_UP);
        [due, self.shutdown.alarm(), catch_up].into_iter().flatten().min()
    }

    /// Everything the guardian has said; `false`: it is dead.
    fn read_guardian(&mut self) -> Result<bool, DaemonError> {
        loop {
            match self.link.get_ref().receive_now() {
                Ok(Arrival::Nothing) => return Ok(true),
                Ok(Arrival::Closed) | Err(LinkError::Gone) => return Ok(false),
                Ok(Arrival::Message(message, descriptors)) => self.told(message, descriptors),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn told(&mut self, message: FromGuardian, descriptors: Vec<OwnedFd>) {
        match message {
            FromGuardian::Exit(exit) => self.driver.exited(exit),
            FromGuardian::Listener => {
                for socket in descriptors {
                    self.connections.listen(socket);
                }
                let (executor, core) = self.driver.parts();
                executor.restore_home(core, &self.home);
            }
            // If it can't be sent the guardian is dead, which the next look at the link tells.
            FromGuardian::Ping => {
                self.link.get_ref().send(&ToGuardian::Pong, &[]).ok();
            }
            FromGuardian::Incarnation { .. }
            | FromGuardian::Item { .. }
            | FromGuardian::EndOfList => {}
        }
    }

    fn take(&mut self, news: Inlet) -> Option<LoopEnd> {
        let driver = &mut self.driver;
        match news {
            Inlet::Called(request, caller) => self.calls.take(driver, *request, caller),
            Inlet::Born(run, newborn) => driver.born(run, newborn),
            Inlet::Node(news) => driver.node_says(news),
            Inlet::NotBorn(run, failure) => driver.not_born(run, failure),
            Inlet::Prepares(run) => driver.prepares(run),
            Inlet::HookOver(run, stage, trouble) => driver.hook_over((run, stage), trouble),
            Inlet::Remains(run, stragglers) => driver.remains(run, stragglers),
            Inlet::Swept(run) => driver.step(Fact::TreeGone(run)),
            Inlet::Replaced(run) => driver.replaced(run),
            Inlet::Listens(run, addresses) => driver.listens(run, addresses),
            Inlet::Looked(run, addresses) => driver.looked(run, addresses),
            Inlet::Accepts(run) => driver.accepts(run),
            Inlet::Left(run, sockets) => driver.parts().0.runs_mut().left(run, sockets),
            Inlet::Quiet(run) => driver.parts().0.runs_mut().drained(run),
            Inlet::Answered(fact) => driver.answered(fact),
            Inlet::Noticed(run, notice) => driver.noticed(run, notice),
            Inlet::Heard(run) => driver.heard(run),
            Inlet::Sampled(sample) => {
                driver.sampled(sample);
                self.calls.sampled(driver);
            }
            Inlet::Touched(app, path) => {
                driver.renew(CoreInput::Told(Fact::FileChanged(app, path)));
            }
            Inlet::StreamEnded(key) => driver.parts().0.stream_ended(key),
            Inlet::LogBlocked(path, cause) => {
                let (executor, core) = driver.parts();
                executor.log_blocked(core, path, cause);
            }
            Inlet::Known(input) => driver.perform(input),
            Inlet::Updating(program, caller) => return self.update(program, caller),
            Inlet::Terminate => _ = driver.ask_ourselves(Ask::Leave),
        }
        None
    }

    fn update(&self, program: PathBuf, caller: Caller) -> Option<LoopEnd> {
        let path = program.into_os_string().into_encoded_bytes().into();
        match self.link.get_ref().send(&ToGuardian::Update { path }, &[]) {
            Ok(()) => {
                caller.reply(&Done {});
                Some(LoopEnd::Updated)
            }
            Err(error) => {
                caller.refuse(answer::system(&error));
                None
            }
        }
    }

    /// What there is to do when the loop is over; only here, where nobody waits for it any more, it is waited for
    /// others.
    async fn end(mut self, exit: LoopEnd) -> Result<(), DaemonError> {
        match exit {
            LoopEnd::Left => shutdown::leave(&mut self.driver, self.link.get_ref(), &self.home),
            LoopEnd::Updated => {}
            LoopEnd::Orphaned => {
                let Self { home, nofile, driver, inlet, connections, .. } = self;
                return GuardianHandover::new(home, nofile, driver, inlet).run(connections).await;
            }
        }
        // Every connection ends after the reply it is owed.
        self.driver.parts().0.publisher_mut().close();
        self.inlet.close();
        self.connections.close().await;
        Ok(())
    }
}
