//! Sockets that apps find open (`listen`): opened before the first run that is to have them, shared by all runs of the
//! app, kept by the guardian so that no death of a daemon closes one, and closed when nobody is to serve them.
//!
//! The spawner thread owns them, for opening one may take its time; the loop tells it whose runs are left.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use pm_core::{AppId, Core, RunId, SpawnFailure, Status};
use pm_guardian::{Link, LinkError, ToGuardian};
use pm_node::{Maker, Note};
use pm_os::errno::{is_shortage, words};
use pm_os::listening;
use pm_os::spawn::Credentials;
use pm_spec::{AppSpec, ListenAddress, ListenSocket};
use rustix::io::Errno;

use crate::open_socket::{OpenSocket, Remembered, make, refused};
use crate::slots::ChannelEnd;
use crate::{daemon_log, generations, node};

/// The guardian's slots of them, under the tag of their app; below are those of cluster workers.
const FIRST_SLOT: u8 = pm_node::MOST_SOCKETS;
/// Whether a slot of an app is one of these.
pub(crate) fn is_ours(slot: u8) -> bool {
    slot >= FIRST_SLOT
}

/// All that are open, by app.
#[derive(Debug)]
pub(crate) struct SharedSockets {
    home_id: u32,
    link: Arc<Link>,
    apps: BTreeMap<AppId, Vec<OpenSocket>>,
}

/// What the loop tells of an app that may have some.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Demand {
    /// Whether it is wanted up, or has a run.
    is_served: bool,
    runs: BTreeSet<RunId>,
}

impl SharedSockets {
    pub(crate) fn new(home_id: u32, link: Arc<Link>) -> Self {
        Self { home_id, link, apps: BTreeMap::new() }
    }

    /// Those of an app in the order of its list, for a run that is to be made, perhaps beside an old one; opened if they are
    /// not.
    pub(crate) fn open(
        &mut self,
        (app, run, old): (AppId, RunId, Option<RunId>),
        spec: &AppSpec,
        user: Option<&Credentials>,
    ) -> Result<Vec<BorrowedFd<'_>>, SpawnFailure> {
        for socket in &spec.listen {
            self.open_one(app, socket, (spec, user))?;
            if let Some(old) = old {
                let open = self.apps.get(&app).map_or(&[][..], Vec::as_slice);
                if let Some((known, second)) = generations::second(open, socket, (old, spec)) {
                    self.keep(app, known, second)?;
                }
            }
        }
        let open = self.apps.entry(app).or_default();
        // One that waits is for those who have an old run to relieve.
        let fits = |one: &OpenSocket| (old.is_some() || !one.known.waits, one.known.generation);
        let latest = |socket: &ListenSocket| {
            let there = (0..open.len()).filter(|index| open[*index].known.socket.at == socket.at);
            there.max_by_key(|index| fits(&open[*index]))
        };
        let given: Vec<_> = spec.listen.iter().filter_map(latest).collect();
        for index in &given {
            open[*index].enter(run);
        }
        Ok(given.into_iter().map(|index| open[index].descriptor.as_fd()).collect())
    }

    fn open_one(
        &mut self,
        app: AppId,
        socket: &ListenSocket,
        (spec, user): (&AppSpec, Option<&Credentials>),
    ) -> Result<(), SpawnFailure> {
        let open = self.apps.entry(app).or_default();
        let mut there = open.iter_mut().filter(|one| one.known.socket.at == socket.at).peekable();
        if there.peek().is_some() {
            return there.try_for_each(|one| one.renew(socket));
        }
        let maker = Maker::of(user);
        let (descriptor, file) =
            make(socket, &maker).map_err(|errno| self.refusal(socket, errno))?;
        let known = Remembered {
            socket: socket.clone(),
            app: spec.name.clone(),
            file,
            user: maker.to_json(),
            generation: 0,
            waits: false,
            runs: Some(BTreeSet::new()),
            leaving: BTreeSet::new(),
            aside: BTreeSet::new(),
        };
        self.keep(app, known, descriptor)
    }

    /// Gives one to the guardian and remembers it.
    fn keep(
        &mut self,
        app: AppId,
        known: Remembered,
        descriptor: OwnedFd,
    ) -> Result<(), SpawnFailure> {
        let open = self.apps.entry(app).or_default();
        let taken = |slot: &u8| open.iter().any(|one| one.slot == *slot);
        let slot = (FIRST_SLOT..=u8::MAX).find(|slot| !taken(slot));
        let slot = slot.ok_or_else(|| refused(&known.socket, "there are too many"))?;
        let note = Note::new().map_err(|errno| self.refusal(&known.socket, errno))?;
        let mut one = OpenSocket { known, slot, descriptor, note };
        one.remember();
        one.store(&self.link, self.home_id, app)
            .map_err(|error| SpawnFailure::Short(error.to_string()))?;
        self.apps.entry(app).or_default().push(one);
        Ok(())
    }

    /// Why one can't be had, and from whom.
    fn refusal(&self, socket: &ListenSocket, errno: Errno) -> SpawnFailure {
        if is_shortage(errno) {
            return SpawnFailure::Short(format!("listen on {}: {}", socket.at, words(errno)));
        }
        if errno != Errno::ADDRINUSE {
            return refused(socket, &words(errno));
        }
        let mut all = self.apps.values().flatten();
        let ours = all.find(|one| collide(&one.known.socket.at, &socket.at));
        match (ours, &socket.at) {
            (Some(one), _) => refused(socket, &format!("{} has it", one.known.app)),
            (None, ListenAddress::Tcp(at)) => match listening::holder(at.port()) {
                Some(holder) if holder.pid != 0 => {
                    let by = format!("{} (pid {}) has it", holder.command, holder.pid);
                    refused(socket, &by)
                }
                Some(_) => refused(socket, "a process of another user has it"),
                None => refused(socket, &words(errno)),
            },
            (None, ListenAddress::Unix(_)) => {
                refused(socket, "the file is there, and either is no socket or somebody listens")
            }
        }
    }

    /// A run is about to leave; gives back where those wait whom it has still to accept.
    pub(crate) fn leave(&mut self, app: AppId, run: RunId) -> Vec<OwnedFd> {
        self.apps.get_mut(&app).map(|open| generations::leave(open, run)).unwrap_or_default()
    }

    /// A newer run takes the callers of this one, which stays.
    pub(crate) fn stand_by(&mut self, app: AppId, run: RunId) {
        if let Some(open) = self.apps.get_mut(&app) {
            generations::stand_by(open, run);
        }
    }

    /// Closes what nobody is to serve any more.
    pub(crate) fn tidy(&mut self, app: AppId, spec: Option<&AppSpec>, demand: &Demand) {
        let Some(open) = self.apps.get_mut(&app) else { return };
        for one in open.iter_mut() {
            one.retain(&demand.runs);
        }
        let lasting = generations::settle(open);
        let is_named = |one: &OpenSocket| {
            lasting.contains(&one.slot)
                && spec
                    .is_some_and(|spec| spec.listen.iter().any(|it| it.at == one.known.socket.at))
        };
        let stays = |one: &OpenSocket| demand.is_served && (is_named(one) || !one.is_free());
        let (stay, go): (Vec<_>, Vec<_>) = std::mem::take(open).into_iter().partition(stays);
        *open = stay;
        if open.is_empty() {
            self.apps.remove(&app);
        }
        for one in go {
            let tag = node::tag_of(self.home_id, app).raw();
            self.link.send(&ToGuardian::Drop { tag, slot: Some(one.slot) }, &[]).ok();
            one.close();
        }
    }

    /// One that a daemon before us opened, and the runs that may have it.
    pub(crate) fn recall(
        &mut self,
        (app, slot): (AppId, u8),
        (descriptor, memory): ChannelEnd,
        runs: &BTreeSet<RunId>,
    ) {
        let (note, value) = Note::found(memory);
        match serde_json::from_value::<Remembered>(value) {
            Ok(mut known) => {
                // A daemon that did not write down who has it had but one for all.
                known.runs.get_or_insert_with(|| runs.clone()).retain(|run| runs.contains(run));
                let one = OpenSocket { known, slot, descriptor, note };
                self.apps.entry(app).or_default().push(one);
            }
            Err(_) => daemon_log::note(format_args!("a socket that nobody knows is closed")),
        }
    }

    /// Gives all to another guardian.
    pub(crate) fn hand_over(&self, link: &Link) -> Result<(), LinkError> {
        let mut all =
            self.apps.iter().flat_map(|(app, all)| all.iter().map(move |one| (*app, one)));
        all.try_for_each(|(app, one)| one.store(link, self.home_id, app))
    }
}

/// Whether two can't both be had.
fn collide(one: &ListenAddress, other: &ListenAddress) -> bool {
    match (one, other) {
        (ListenAddress::Tcp(one), ListenAddress::Tcp(other)) => one.port() == other.port(),
        (one, other) => one == other,
    }
}

/// The loop's part: which apps may have sockets, and what the thread was last told of each.
#[derive(Debug, Default)]
pub(crate) struct SocketUse(BTreeMap<AppId, Demand>);

impl SocketUse {
    /// It is about to get some.
    pub(crate) fn add(&mut self, app: AppId) {
        self.0.entry(app).or_default();
    }

    /// What is different by now, with the app as it is to be; `None`: it is gone.
    pub(crate) fn news(&mut self, core: &Core) -> Vec<(AppId, Option<Arc<AppSpec>>, Demand)> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let mut now: BTreeMap<AppId, (Option<Arc<AppSpec>>, Demand)> =
            self.0.keys().map(|app| (*app, Default::default())).collect();
        for instance in core.instances() {
            let Some((spec, demand)) = now.get_mut(&instance.app_id) else { continue };
            let runs = [instance.run, instance.second].into_iter().flatten();
            demand.runs.extend(runs.map(|(run, _)| run));
            let comes = instance.wanted && instance.status != Status::Errored;
            demand.is_served |= comes || !demand.runs.is_empty();
            *spec = Some(Arc::clone(instance.app));
        }
        let mut news = Vec::new();
        for (app, (spec, demand)) in now {
            if self.0.get(&app) == Some(&demand) && demand.is_served {
                continue;
            }
            if demand.is_served {
                self.0.insert(app, demand.clone());
            } else {
                self.0.remove(&app);
            }
            news.push((app, spec, demand));
        }
        news
    }
}
