//! Node apps: what is told to the thread that talks to them, and what of theirs the guardian keeps.
//!
//! The thread begins with the first app that has a channel.

use std::collections::BTreeMap;
use std::os::fd::AsFd;
use std::sync::Arc;

use pm_core::{AppId, Core, InstanceId, RunId, Status};
use pm_guardian::{ItemKind, Link, ToGuardian};
use pm_node::{Attachment, Callbacks, Exchange, KeepRequest, PortSharing, WorkerSlot};
use pm_os::relay::ConnectionRelay;
use pm_os::tag::Tag;
use pm_protocol::Home;
use pm_spec::{AppSpec, Mode};
use tokio::sync::mpsc;

use crate::inlet::Inlet;
use crate::slots::{Address, CHANNEL_SLOT, ChannelEnd};
use crate::{app_user, daemon_log};

/// Everything about Node apps.
#[derive(Debug)]
pub(crate) struct Node {
    home_id: u32,
    link: Arc<Link>,
    inlet: mpsc::Sender<Inlet>,
    exchange: Option<Exchange>,
    /// Apps that may have listening sockets with us, and the slots that were wanted when it was last said.
    groups: BTreeMap<AppId, Vec<u16>>,
    /// Whether apps of one user share ports, as all do in PM2: in a home of PM2.
    shares: bool,
}

/// The tag under which the guardian keeps an app's listening sockets: no run has so high a number.
pub(crate) fn tag_of(home_id: u32, app: AppId) -> Tag {
    Tag::new(home_id, u32::MAX - app.0)
}

/// The app whose sockets are kept under this tag; `None`: it is a run's.
pub(crate) fn app_of(tag: Tag) -> Option<AppId> {
    let number = u32::MAX - tag.run();
    (number < u32::MAX / 2).then_some(AppId(number))
}

impl Node {
    pub(crate) fn new(
        (home_id, home): (u32, &Home),
        link: Arc<Link>,
        inlet: mpsc::Sender<Inlet>,
    ) -> Self {
        let shares = home.is_pm2();
        Self { home_id, link, inlet, exchange: None, groups: BTreeMap::new(), shares }
    }

    fn exchange(&mut self) -> Option<&Exchange> {
        if self.exchange.is_none() {
            match Exchange::start(self.callbacks()) {
                Ok(exchange) => self.exchange = Some(exchange),
                Err(error) => daemon_log::note(format_args!("could not {error}")),
            }
        }
        self.exchange.as_ref()
    }

    fn callbacks(&self) -> Callbacks {
        let (home_id, link, inlet) = (self.home_id, Arc::clone(&self.link), self.inlet.clone());
        let guardian = Arc::clone(&self.link);
        Callbacks {
            // A loop that has ended hears nothing, and then neither do we talk.
            event: Box::new(move |news| {
                inlet.blocking_send(Inlet::Node(news)).ok();
            }),
            keep: Box::new(move |keep| keep_socket(&link, home_id, keep)),
            find_relay: Box::new(move || find_relay(&guardian)),
        }
    }

    /// Talks over a run's channel from now on.
    pub(crate) fn attach(&mut self, tag: Tag, slot: u16, of: (AppId, &AppSpec), end: ChannelEnd) {
        let (app, spec) = of;
        let is_cluster = spec.serving.mode == Mode::Cluster;
        if is_cluster {
            self.groups.entry(app).or_default();
        }
        let sched = match spec.serving.sched {
            pm_spec::Sched::RoundRobin => PortSharing::RoundRobin,
            pm_spec::Sched::Slot => PortSharing::Slot,
        };
        let user = app_user::credentials(spec).filter(|_| is_cluster);
        // Elsewhere a second app on a port is a mistake that is told.
        let own = rustix::process::geteuid().as_raw();
        let family = self.shares.then(|| user.as_ref().map_or(own, |user| user.uid));
        let place = is_cluster.then_some(WorkerSlot { group: app.0, slot, sched, family });
        let (channel, memory) = end;
        if let Some(exchange) = self.exchange() {
            exchange.attach(Attachment { worker: tag.raw(), channel, memory, place, user });
        }
    }

    /// A listening socket of an app, made before our time.
    pub(crate) fn recall(&mut self, app: AppId, index: u8, (socket, memory): ChannelEnd) {
        self.groups.entry(app).or_default();
        if let Some(exchange) = self.exchange() {
            exchange.recall(app.0, index, socket, memory);
        }
    }

    /// The thread, if any app has needed it.
    pub(crate) fn begun(&self) -> Option<&Exchange> {
        self.exchange.as_ref()
    }

    /// A run's main process has ended.
    pub(crate) fn gone(&self, tag: Tag) {
        if let Some(exchange) = &self.exchange {
            exchange.gone(tag.raw());
        }
    }

    /// Closes listening sockets that nobody will serve: of apps that are down for good, and of slots that are.
    pub(crate) fn tidy(&mut self, core: &Core) {
        if self.groups.is_empty() {
            return;
        }
        let mut wanted: BTreeMap<AppId, Vec<u16>> =
            self.groups.keys().map(|app| (*app, Vec::new())).collect();
        for instance in core.instances() {
            let comes = instance.wanted && instance.status != Status::Errored;
            if let Some(slots) =
                wanted.get_mut(&instance.app_id).filter(|_| comes || instance.run.is_some())
            {
                slots.push(instance.slot);
            }
        }
        for (app, slots) in wanted {
            let known = self.groups.get(&app);
            if known == Some(&slots) && !slots.is_empty() {
                continue;
            }
            if let Some(exchange) = &self.exchange {
                exchange.tidy(app.0, slots.clone());
            }
            if slots.is_empty() {
                self.groups.remove(&app);
            } else {
                self.groups.insert(app, slots);
            }
        }
    }

    /// Gives another guardian everything that ours kept of Node apps.
    pub(crate) fn hand_over(
        &self,
        link: &Link,
        owner: impl Fn(RunId) -> Option<Address>,
    ) -> Result<(), pm_guardian::LinkError> {
        let Some(exchange) = &self.exchange else { return Ok(()) };
        let copies = exchange.copies();
        for (worker, channel, memory) in copies.channels {
            let Some(tag) = Tag::from_raw(worker) else { continue };
            let Some(address) = owner(RunId(tag.run())) else { continue };
            store_channel(link, tag, address, &(channel, memory))?;
        }
        for (group, index, socket, memory) in copies.sockets {
            let keep = KeepRequest::Socket {
                group,
                index,
                socket: socket.as_fd(),
                memory: memory.as_fd(),
            };
            keep_socket(link, self.home_id, keep);
        }
        Ok(())
    }
}

/// The guardian keeps a channel: its death would end a cluster worker at once.
pub(crate) fn store_channel(
    link: &Link,
    tag: Tag,
    address: Address,
    (channel, memory): &ChannelEnd,
) -> Result<(), pm_guardian::LinkError> {
    let (tag, slot, name) = (tag.raw(), CHANNEL_SLOT, address.name());
    let store = ToGuardian::Store { tag, slot, kind: ItemKind::Other, name };
    link.send(&store, &[channel.as_fd(), memory.as_fd()])
}

/// The guardian lets callers in.
fn find_relay(link: &Link) -> Option<Box<dyn ConnectionRelay>> {
    let (relay, theirs) = pm_guardian::AcceptRelay::pair().ok()?;
    link.send(&ToGuardian::AcceptRelay, &[theirs.as_fd()]).ok()?;
    Some(Box::new(relay))
}

fn keep_socket(link: &Link, home_id: u32, keep: KeepRequest<'_>) {
    // A guardian that is gone is the reactor's business; its successor gets everything.
    match keep {
        KeepRequest::Socket { group, index, socket, memory } => {
            let app = AppId(group);
            let name = Address { app, instance: InstanceId(0) }.name();
            let (tag, slot) = (tag_of(home_id, app).raw(), index);
            let store = ToGuardian::Store { tag, slot, kind: ItemKind::Other, name };
            link.send(&store, &[socket, memory]).ok();
        }
        KeepRequest::Drop { group, index } => {
            let tag = tag_of(home_id, AppId(group)).raw();
            link.send(&ToGuardian::Drop { tag, slot: Some(index) }, &[]).ok();
        }
    }
}
