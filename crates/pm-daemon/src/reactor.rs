//! The loop: one await at the top, then a step of the core and its orders (law 3).

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pm_core::{Ask, Core, Fact, Order, RequestId, Time};
use pm_guardian::{Arrival, FromGuardian, Link, LinkError, ToGuardian};
use pm_os::limits::Nofile;
use pm_os::tag::Tag;
use pm_protocol::Home;
use tokio::io::unix::AsyncFd;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use crate::caller::Caller;
use crate::clock;
use crate::daemon_log;
use crate::error::DaemonError;
use crate::executor::{Executor, Leaving, rows};
use crate::inlet::Inlet;
use crate::server::answer;

mod app_calls;
mod calls;
mod guardian_handover;
mod news;
mod preflight;
mod sensing;
mod setup;
mod shutdown;
mod signals;

pub use setup::Beginning;

/// News that may wait for the loop; a sender beyond that waits, and only tasks and threads that may wait send.
const QUEUE: usize = 1024;

/// How long the last output of apps may take to reach its file when the daemon leaves.
const LAST_OUTPUT: Duration = Duration::from_secs(2);

/// How often we look whether a subscriber that missed something has read what it was sent.
const CATCH_UP: Duration = Duration::from_millis(500);

/// How the loop ended.
enum Exit {
    /// All apps are down and the guardian is to end as well.
    Left,
    /// Another program takes over; apps go on.
    Updated,
    /// The guardian is dead.
    Orphaned,
}

/// Runs the daemon of this home until it is told to leave, replaced, or orphaned.
pub fn run(home: &Home, beginning: Beginning) -> Result<(), DaemonError> {
    pm_os::memory::be_frugal();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(|source| DaemonError::System { what: "start the event loop", source })?;
    // With too few descriptors we still serve some apps.
    let nofile = pm_os::limits::raise_nofile().ok();
    let done = runtime.block_on(async {
        let mut reactor = match setup::begin(home, nofile, beginning) {
            Err(DaemonError::Guardian(LinkError::Gone)) => {
                return guardian_handover::start_over(home, nofile);
            }
            begun => begun?,
        };
        match reactor.turn().await? {
            Exit::Left | Exit::Updated => Ok(()),
            Exit::Orphaned => reactor.hand_over().await,
        }
    });
    // What was begun on other threads (a list being saved) may be finished, but not hold us up.
    runtime.shutdown_timeout(LAST_OUTPUT);
    done
}

struct Reactor {
    home: Home,
    /// The limit of open files as it was before we raised it.
    nofile: Option<Nofile>,
    core: Core,
    executor: Executor,
    orders: Vec<Order>,
    link: AsyncFd<Arc<Link>>,
    inlet: mpsc::Receiver<Inlet>,
    /// For tasks that bring something back.
    outlet: mpsc::Sender<Inlet>,
    listeners: mpsc::Sender<OwnedFd>,
    /// The listening socket once more, for the guardian after ours.
    listener: Option<OwnedFd>,
    closing: watch::Sender<bool>,
    /// Ends when the last connection does.
    open: mpsc::Receiver<()>,
    next_request: u64,
    began: Time,
    /// Calls that wait for figures.
    waiting: Vec<calls::Waiting>,
    flush_until: Option<Instant>,
}

impl Reactor {
    async fn turn(&mut self) -> Result<Exit, DaemonError> {
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
                    if let Some(exit) = self.take(news).await { return Ok(exit) }
                }
                () = self.executor.triggers.cron.rings() => self.keep_times(),
                () = sleep => {}
            }
            if !self.read_guardian()? {
                return Ok(Exit::Orphaned);
            }
            self.run_due();
            if self.is_done() {
                self.leave().await;
                return Ok(Exit::Left);
            }
        }
    }

    /// When something is due although nothing happens.
    fn alarm(&self) -> Option<Instant> {
        let now = clock::now();
        let executor = &self.executor;
        let own = [executor.figures.due(now), executor.unwritten.due(), executor.give_back_at];
        let due = own.into_iter().chain([self.core.next_deadline()]);
        let due = due.flatten().min();
        let due = due.map(|at| Instant::now() + Duration::from_millis(at.0.saturating_sub(now.0)));
        let catch_up = self.executor.feed.is_behind().then(|| Instant::now() + CATCH_UP);
        [due, self.flush_until, catch_up].into_iter().flatten().min()
    }

    /// Fires what is due.
    fn run_due(&mut self) {
        let now = clock::now();
        if self.executor.unwritten.due().is_some_and(|at| at <= now) {
            self.executor.write_again(&self.core);
        }
        if self.core.next_deadline().is_some_and(|at| at <= now) {
            self.step(Fact::TimePassed);
        }
        if self.executor.feed.is_behind() {
            self.executor.feed.catch_up(|| rows(&self.core, &self.executor.figures));
        }
        if self.executor.feed.forget_the_gone() {
            self.executor.figures.set_watchers(self.executor.feed.shortest());
        }
        if self.executor.figures.due(now).is_some_and(|at| at <= now) {
            let machine = self.executor.figures.machine();
            self.executor.sample(now, machine);
        }
        if self.executor.give_back_at.is_some_and(|at| at <= now) {
            self.executor.give_back_at = None;
            pm_os::memory::give_back();
        }
    }

    fn step(&mut self, fact: Fact) {
        self.core.step(clock::now(), fact, &mut self.orders);
        self.executor.perform(&self.core, &mut self.orders);
        while let Some(fact) = self.executor.unwritten.tell() {
            self.core.step(clock::now(), fact, &mut self.orders);
            self.executor.perform(&self.core, &mut self.orders);
        }
    }

    /// Everything the guardian has said; `false`: it is dead.
    fn read_guardian(&mut self) -> Result<bool, DaemonError> {
        loop {
            match self.executor.link.receive_now() {
                Ok(Arrival::Nothing) => return Ok(true),
                Ok(Arrival::Closed) | Err(LinkError::Gone) => return Ok(false),
                Ok(Arrival::Message(message, descriptors)) => self.told(message, descriptors),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn told(&mut self, message: FromGuardian, descriptors: Vec<OwnedFd>) {
        match message {
            FromGuardian::Exit(exit) => {
                if let Some(fact) = self.executor.exited(exit) {
                    self.step(fact);
                }
            }
            FromGuardian::Listener => {
                for socket in descriptors {
                    self.listen(socket);
                }
                self.remember_again();
            }
            // If it can't be sent the guardian is dead, which the next look at the link tells.
            FromGuardian::AreYouThere => _ = self.executor.link.send(&ToGuardian::Here, &[]).ok(),
            FromGuardian::Incarnation { .. }
            | FromGuardian::Item { .. }
            | FromGuardian::EndOfList => {}
        }
    }

    fn listen(&mut self, socket: OwnedFd) {
        self.listener = socket.try_clone().ok();
        // The accepting task lives as long as we do, and reads quickly.
        self.listeners.try_send(socket).ok();
    }

    /// The socket's path had to be made anew, so the whole home may be gone.
    fn remember_again(&mut self) {
        if let Err(error) = crate::home_id::restore(&self.home.id_file(), self.executor.home_id) {
            daemon_log::note(format_args!(
                "could not write {}: {error}",
                self.home.id_file().display()
            ));
        }
        self.executor.journal.restore(&self.core.records());
    }

    async fn take(&mut self, news: Inlet) -> Option<Exit> {
        match news {
            Inlet::Called(request, caller) => self.called(*request, caller),
            Inlet::Born(run, identity, pidfd, channel) => {
                self.born(run, (identity, pidfd, channel));
            }
            Inlet::Node(news) => self.node_says(news),
            Inlet::NotBorn(run, failure) => {
                self.executor.not_born(run, &failure);
                self.step(Fact::NotSpawned(run, failure));
            }
            Inlet::Remains(run, stragglers) => {
                if let Some(fact) = self.executor.remains(run, stragglers) {
                    self.step(fact);
                }
            }
            Inlet::Swept(run) => self.step(Fact::TreeGone(run)),
            Inlet::Sampled(sample) => self.sampled(sample),
            Inlet::Touched(app, path) => self.step(Fact::FileChanged(app, path)),
            Inlet::StreamEnded(key) => self.executor.stream_ended(key),
            Inlet::Loaded(apps, caller) => self.ask(Ask::Restore(apps), caller),
            Inlet::Updating(program, caller) => return self.update(program, caller).await,
            Inlet::Terminate => {
                let request = self.number();
                self.step(Fact::Asked(request, Ask::Leave));
            }
        }
        None
    }

    fn number(&mut self) -> RequestId {
        self.next_request += 1;
        RequestId(self.next_request)
    }

    fn ask(&mut self, ask: Ask, caller: Caller) {
        let request = self.number();
        self.executor.callers.insert(request, caller);
        self.step(Fact::Asked(request, ask));
    }

    async fn update(&mut self, program: PathBuf, caller: Caller) -> Option<Exit> {
        let path = program.into_os_string().into_encoded_bytes();
        match self.executor.link.send(&ToGuardian::Update { path }, &[]) {
            Ok(()) => {
                caller.reply(&pm_protocol::Done {});
                self.close().await;
                Some(Exit::Updated)
            }
            Err(error) => {
                caller.refuse(answer::system(&error));
                None
            }
        }
    }

    /// All apps are down, and what they wrote last is in its file.
    fn is_done(&mut self) -> bool {
        if self.executor.leaving == Leaving::No {
            return false;
        }
        let until = *self.flush_until.get_or_insert_with(|| Instant::now() + LAST_OUTPUT);
        self.executor.runs.is_empty() || Instant::now() >= until
    }
}

/// The tag of a run in words, for the daemon log.
fn named(tag: Tag) -> String {
    format!("run {}", tag.run())
}
