//! Sockets that apps find open (`listen`): opened before the first run that is to have them, shared by all runs of the
//! app, kept by the guardian so that no death of a daemon closes one, and closed when nobody is to serve them.
//!
//! The spawner thread owns them, for opening one may take its time; the loop tells it whose runs are left.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use pm_core::{AppId, Core, InstanceId, RunId, SpawnFailure, Status};
use pm_guardian::{ItemKind, Link, LinkError, ToGuardian};
use pm_node::{Maker, Note};
use pm_os::errno::words;
use pm_os::listener::{self, SocketFileId};
use pm_os::listening;
use pm_os::spawn::Credentials;
use pm_spec::{AppName, AppSpec, ListenAddress, ListenSocket};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::slots::{Address, ChannelEnd};
use crate::{daemon_log, node, plan};

/// The guardian's slots of them, under the tag of their app; below are those of cluster workers.
const FIRST_SLOT: u8 = pm_node::MOST_SOCKETS;
/// So many connections may wait where nothing else is said (systemd: `Backlog=`); the kernel cuts it to `somaxconn`.
const BACKLOG: u32 = 4096;
/// What everybody may connect to (systemd: `SocketMode=`).
const MODE: u32 = 0o666;

/// Whether a slot of an app is one of these.
pub(crate) fn is_ours(slot: u8) -> bool {
    slot >= FIRST_SLOT
}

/// What the next daemon must know of one.
#[derive(Debug, Serialize, Deserialize)]
struct Remembered {
    socket: ListenSocket,
    /// The app, for messages.
    app: AppName,
    /// The file of a unix socket.
    #[serde(default)]
    file: Option<SocketFileId>,
    /// As whom its file is removed.
    user: serde_json::Value,
}

/// One of them.
#[derive(Debug)]
struct OpenSocket {
    known: Remembered,
    slot: u8,
    descriptor: OwnedFd,
    note: Note,
    /// The runs that may have it.
    runs: BTreeSet<RunId>,
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

    /// Those of an app in the order of its list, for a run that is to be made; opened if they are not.
    pub(crate) fn open(
        &mut self,
        (app, run): (AppId, RunId),
        spec: &AppSpec,
        user: Option<&Credentials>,
    ) -> Result<Vec<BorrowedFd<'_>>, SpawnFailure> {
        for socket in &spec.listen {
            self.open_one(app, socket, (spec, user))?;
        }
        let open = self.apps.entry(app).or_default();
        for one in open.iter_mut().filter(|one| spec.listen.contains(&one.known.socket)) {
            one.runs.insert(run);
        }
        let find = |socket: &ListenSocket| open.iter().find(|one| one.known.socket.at == socket.at);
        Ok(spec.listen.iter().filter_map(find).map(|one| one.descriptor.as_fd()).collect())
    }

    fn open_one(
        &mut self,
        app: AppId,
        socket: &ListenSocket,
        (spec, user): (&AppSpec, Option<&Credentials>),
    ) -> Result<(), SpawnFailure> {
        let open = self.apps.entry(app).or_default();
        if let Some(one) = open.iter_mut().find(|one| one.known.socket.at == socket.at) {
            return one.renew(socket);
        }
        let taken = |slot: &u8| open.iter().any(|one| one.slot == *slot);
        let slot = (FIRST_SLOT..=u8::MAX).find(|slot| !taken(slot));
        let slot = slot.ok_or_else(|| refused(socket, "there are too many"))?;
        let maker = Maker::of(user);
        let made = make(socket, &maker).and_then(|made| Note::new().map(|note| (made, note)));
        let ((descriptor, file), mut note) = match made {
            Ok(made) => made,
            Err(errno) => return Err(self.refusal(socket, errno)),
        };
        let user = maker.to_json();
        let known = Remembered { socket: socket.clone(), app: spec.name.clone(), file, user };
        note.write(&serde_json::to_value(&known).unwrap_or_default());
        let one = OpenSocket { known, slot, descriptor, note, runs: BTreeSet::new() };
        one.store(&self.link, self.home_id, app)
            .map_err(|error| SpawnFailure::Short(error.to_string()))?;
        self.apps.entry(app).or_default().push(one);
        Ok(())
    }

    /// Why one can't be had, and from whom.
    fn refusal(&self, socket: &ListenSocket, errno: Errno) -> SpawnFailure {
        if matches!(errno, Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::NOBUFS) {
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

    /// Closes what nobody is to serve any more.
    pub(crate) fn tidy(&mut self, app: AppId, spec: Option<&AppSpec>, demand: &Demand) {
        let Some(open) = self.apps.get_mut(&app) else { return };
        for one in open.iter_mut() {
            one.runs.retain(|run| demand.runs.contains(run));
        }
        let is_named = |one: &OpenSocket| {
            spec.is_some_and(|spec| spec.listen.iter().any(|it| it.at == one.known.socket.at))
        };
        let stays = |one: &OpenSocket| demand.is_served && (is_named(one) || !one.runs.is_empty());
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
        runs: BTreeSet<RunId>,
    ) {
        let (note, value) = Note::found(memory);
        match serde_json::from_value(value) {
            Ok(known) => {
                let one = OpenSocket { known, slot, descriptor, note, runs };
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

impl OpenSocket {
    fn store(&self, link: &Link, home_id: u32, app: AppId) -> Result<(), LinkError> {
        let name = Address { app, instance: InstanceId(0) }.name();
        let (tag, slot) = (node::tag_of(home_id, app).raw(), self.slot);
        let store = ToGuardian::Store { tag, slot, kind: ItemKind::Other, name };
        link.send(&store, &[self.descriptor.as_fd(), self.note.memory()])
    }

    /// It is there; what else is asked of it may have changed.
    fn renew(&mut self, socket: &ListenSocket) -> Result<(), SpawnFailure> {
        let before = std::mem::replace(&mut self.known.socket, socket.clone());
        if before == *socket {
            return Ok(());
        }
        let failed = |errno| refused(socket, &words(errno));
        rustix::net::listen(&self.descriptor, backlog(socket)).map_err(failed)?;
        if let ListenAddress::Unix(path) = &socket.at {
            let maker = Maker::parse(&self.known.user).unwrap_or(Maker::Us);
            let mode = socket.mode.unwrap_or(MODE);
            let path = plan::path_of(path);
            maker.act(|| listener::set_socket_mode(&path, |_| mode)).map_err(failed)?;
        }
        self.note.write(&serde_json::to_value(&self.known).unwrap_or_default());
        Ok(())
    }

    /// Its file goes with it, if it still is this one's.
    fn close(self) {
        let (ListenAddress::Unix(path), Some(id)) = (&self.known.socket.at, self.known.file) else {
            return;
        };
        if let Some(maker) = Maker::parse(&self.known.user) {
            let path = plan::path_of(path);
            maker.act(|| listener::remove_socket(&path, Some(id))).ok();
        }
    }
}

fn make(socket: &ListenSocket, maker: &Maker) -> Result<(OwnedFd, Option<SocketFileId>), Errno> {
    match &socket.at {
        ListenAddress::Tcp(at) => Ok((listener::tcp(*at, backlog(socket))?, None)),
        ListenAddress::Unix(path) => {
            let (path, mode) = (plan::path_of(path), socket.mode.unwrap_or(MODE));
            let (unix, file) = maker.act(|| listener::unix(&path, mode, backlog(socket)))?;
            Ok((unix, Some(file)))
        }
    }
}

fn backlog(socket: &ListenSocket) -> i32 {
    i32::try_from(socket.backlog.unwrap_or(BACKLOG)).unwrap_or(i32::MAX)
}

/// Whether two can't both be had.
fn collide(one: &ListenAddress, other: &ListenAddress) -> bool {
    match (one, other) {
        (ListenAddress::Tcp(one), ListenAddress::Tcp(other)) => one.port() == other.port(),
        (one, other) => one == other,
    }
}

fn refused(socket: &ListenSocket, why: &str) -> SpawnFailure {
    SpawnFailure::Refused(format!("listen on {}: {why}", socket.at))
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
