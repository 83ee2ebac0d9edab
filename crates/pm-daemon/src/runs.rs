//! The runs this daemon has in hand: whose they are, their descriptors, and what is still to come of each.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use pm_core::{AppId, Ending, Identity, InstanceId, Reach, RunId};
use pm_guardian::{Exit, Name, Status};
use pm_logs::{Scribe, Stream, StreamKey};
use pm_os::knock::Signal;
use pm_os::tag::Tag;
use pm_spec::AppSpec;

use crate::plan;
use crate::trees::Tree;

/// The guardian's slots of a run.
pub(crate) const PIDFD_SLOT: u8 = 0;
/// Standard output: pipe and file.
pub(crate) const OUT_SLOT: u8 = 1;
/// Standard error: pipe and file.
pub(crate) const ERROR_SLOT: u8 = 2;

/// Node's channel: our end and its note.
pub(crate) const CHANNEL_SLOT: u8 = 3;

/// The slot of a stream.
pub(crate) fn slot_of(stream: Stream) -> u8 {
    match stream {
        Stream::Out => OUT_SLOT,
        Stream::Err => ERROR_SLOT,
    }
}

/// The stream of a slot.
pub(crate) fn stream_of(slot: u8) -> Option<Stream> {
    match slot {
        OUT_SLOT => Some(Stream::Out),
        ERROR_SLOT => Some(Stream::Err),
        _ => None,
    }
}

/// Whose a run is. Numbers of instances begin anew when nothing is known any more, those of apps never do: output of
/// a deleted app must not be taken for that of the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) app: AppId,
    pub(crate) instance: InstanceId,
}

impl Address {
    /// What the guardian gives back with each item: whose it is, for output that outlives its run and for a journal
    /// that lost its last lines.
    pub(crate) fn name(self) -> Name {
        // Two numbers of ten digits always fit.
        let text = format!("{}:{}", self.app.0, self.instance.0);
        Name::parse(text.as_bytes()).unwrap_or(Name::EMPTY)
    }

    /// The address a name was made of.
    pub(crate) fn parse(name: Name) -> Option<Self> {
        let (app, instance) = std::str::from_utf8(name.as_bytes()).ok()?.split_once(':')?;
        Some(Self { app: AppId(app.parse().ok()?), instance: InstanceId(instance.parse().ok()?) })
    }
}

/// How far a run is.
#[derive(Debug)]
pub(crate) enum Life {
    /// Being made; exits that were told before its birth wait here.
    Expected(Vec<Exit>),
    /// Its main process lives, or nobody said otherwise.
    Alive,
    /// Its main process ended; whether the core was told (it is asked first who is left).
    Ended(Ending, Told),
}

/// Whether the core knows of an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// It does.
    Yes,
    /// Somebody looks who is left of the tree.
    NotYet,
}

/// One run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) tag: Tag,
    pub(crate) address: Address,
    pub(crate) app: Arc<AppSpec>,
    /// The slot of its instance within the app.
    pub(crate) slot: u16,
    pub(crate) identity: Option<pm_os::identity::Identity>,
    pub(crate) pidfd: Option<OwnedFd>,
    pub(crate) life: Life,
    /// Streams whose end has not been seen yet.
    pub(crate) open: Vec<Stream>,
    /// Streams that ended while the run was being made; the guardian may drop them after its birth.
    pub(crate) ended_early: Vec<Stream>,
    /// The signal that waits until a Node app has left as far as it does by itself.
    pub(crate) waiting: Option<(Signal, Reach)>,
    /// The daemon log says that it is up.
    pub(crate) online: bool,
    /// The daemon log says that it had to be killed.
    pub(crate) forced: bool,
    /// The core is done with it; what remains is output.
    pub(crate) released: bool,
}

impl Run {
    /// A run that is about to be made.
    pub(crate) fn expected(tag: Tag, address: Address, slot: u16, app: Arc<AppSpec>) -> Self {
        Self {
            tag,
            address,
            app,
            slot,
            identity: None,
            pidfd: None,
            life: Life::Expected(Vec::new()),
            open: Vec::new(),
            ended_early: Vec::new(),
            waiting: None,
            online: false,
            forced: false,
            released: false,
        }
    }

    /// As the tree thread knows it.
    pub(crate) fn tree(&self) -> Tree {
        Tree { run: RunId(self.tag.run()), tag: self.tag, leader: self.identity }
    }
}

/// All runs in hand.
#[derive(Debug, Default)]
pub(crate) struct Runs(
    /// Boxed: a map that only grows at its end is half empty.
    BTreeMap<RunId, Box<Run>>,
);

impl Runs {
    pub(crate) fn insert(&mut self, id: RunId, run: Run) {
        self.0.insert(id, Box::new(run));
    }

    pub(crate) fn get(&self, id: RunId) -> Option<&Run> {
        self.0.get(&id).map(Box::as_ref)
    }

    /// Its logs are kept by new rules from now on.
    pub(crate) fn retune(&self, id: RunId, app: &AppSpec, scribe: &Scribe) {
        let Some(run) = self.get(id) else { return };
        let (rotation, full) = (plan::rotation(app), plan::when_full(app));
        for stream in &run.open {
            scribe.retune(StreamKey { tag: run.tag.raw(), stream: *stream }, rotation, full);
        }
    }

    pub(crate) fn get_mut(&mut self, id: RunId) -> Option<&mut Run> {
        self.0.get_mut(&id).map(Box::as_mut)
    }

    pub(crate) fn remove(&mut self, id: RunId) -> Option<Run> {
        self.0.remove(&id).map(|run| *run)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (RunId, &Run)> {
        self.0.iter().map(|(id, run)| (*id, run.as_ref()))
    }

    /// Whose a stream is.
    pub(crate) fn owner_of(&self, key: StreamKey) -> Option<Address> {
        let tag = Tag::from_raw(key.tag)?;
        self.0.get(&RunId(tag.run())).map(|run| run.address)
    }

    /// The run a stream belongs to.
    pub(crate) fn of_stream(&mut self, key: StreamKey) -> Option<&mut Run> {
        let tag = Tag::from_raw(key.tag)?;
        self.get_mut(RunId(tag.run())).filter(|run| run.tag == tag)
    }
}

/// The core's identity of a process.
pub(crate) fn to_core(identity: pm_os::identity::Identity) -> Identity {
    Identity {
        pid: u32::try_from(identity.pid).unwrap_or(0),
        started: identity.started,
        inode: identity.inode,
    }
}

/// The system's identity of a process of this boot.
pub(crate) fn from_core(identity: Identity) -> pm_os::identity::Identity {
    pm_os::identity::Identity {
        pid: i32::try_from(identity.pid).unwrap_or(0),
        started: identity.started,
        boot: pm_os::clock::boot_id(),
        inode: identity.inode,
    }
}

/// What the guardian saw, in the core's words.
pub(crate) fn ending(status: Status) -> Ending {
    match status {
        Status::Unknown => Ending::Unknown,
        Status::Wait(raw) => match pm_os::end::Ending::from_status(raw) {
            pm_os::end::Ending::Exited(code) => Ending::Exited(code),
            pm_os::end::Ending::Signaled { signal, core } => {
                Ending::Signaled { signal: u8::try_from(signal).unwrap_or(0), core }
            }
            pm_os::end::Ending::Unknown => Ending::Unknown,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_survives_the_guardian_and_nothing_else_is_taken_for_one() {
        let address = Address { app: AppId(u32::MAX), instance: InstanceId(u32::MAX) };
        assert_eq!(Address::parse(address.name()), Some(address));
        for bad in ["", "7", "7:", ":7", "7:7:7", "a:b", "4294967296:0"] {
            assert_eq!(Address::parse(Name::parse(bad.as_bytes()).unwrap()), None, "{bad}");
        }
    }
}
