//! The runs this daemon has in hand: whose they are, their descriptors, and what is still to come of each.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use pm_core::{Ending, Identity, Reach, RunId};
use pm_guardian::{LeaderExit, WaitStatus};
use pm_logs::{Stream, StreamKey};
use pm_os::cgroup::Cgroup;
use pm_os::signal::SignalNumber;
use pm_os::tag::Tag;
use pm_spec::{AppSpec, Bytes};

use crate::app_user;
use crate::notices::NoticeReader;
use crate::slots::Address;
use crate::tree_job::Tree;

/// How far a run is.
#[derive(Debug)]
pub(crate) enum Life {
    /// Being made; exits that were told before its birth wait here.
    Expected(Vec<LeaderExit>),
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
    /// What it said before is still to be heard: perhaps that another process is its main one.
    Unheard,
}

/// What a run has said of what it is at.
#[derive(Debug, Default)]
pub(crate) struct OwnWords {
    /// In its own words; none: it is at nothing.
    pub(crate) status: Option<String>,
    /// It takes a new configuration (`RELOADING=1`), until it is ready again.
    pub(crate) reloads: bool,
    /// Why the process it named last is not its main one.
    pub(crate) refused: Option<String>,
}

impl OwnWords {
    /// As it is shown.
    pub(crate) fn shown(&self) -> Option<String> {
        match (&self.status, self.reloads) {
            (Some(status), true) => Some(format!("reloading: {status}")),
            (None, true) => Some("reloading".into()),
            (status, false) => status.clone(),
        }
    }
}

/// One run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) tag: Tag,
    pub(crate) address: Address,
    pub(crate) app: Arc<AppSpec>,
    /// The slot of its instance within the app.
    pub(crate) slot: u16,
    /// The user it runs as, if not ours and not root.
    user: Option<u32>,
    pub(crate) identity: Option<pm_os::identity::ProcIdentity>,
    pub(crate) pidfd: Option<OwnedFd>,
    pub(crate) life: Life,
    /// Streams whose end has not been seen yet.
    pub(crate) open: Vec<Stream>,
    /// Streams that ended while the run was being made; the guardian may drop them after its birth.
    pub(crate) ended_early: Vec<Stream>,
    /// The signal that waits until a Node app has left as far as it does by itself.
    pub(crate) waiting: Option<(SignalNumber, Reach)>,
    /// Hears what it says of itself.
    pub(crate) notices: Option<NoticeReader>,
    /// What it has said of what it is at.
    pub(crate) words: OwnWords,
    /// Where it listens, as far as somebody waited for that.
    pub(crate) listens: Vec<SocketAddr>,
    /// The daemon log says that it is up.
    pub(crate) online: bool,
    /// The daemon log says that it had to be killed.
    pub(crate) forced: bool,
    /// What keeps all its processes together within limits, if it has such.
    pub(crate) group: Option<Cgroup>,
    /// The core is done with it; what remains is output.
    pub(crate) released: bool,
}

impl Run {
    /// A run that is about to be made.
    pub(crate) fn expected(tag: Tag, address: Address, slot: u16, app: Arc<AppSpec>) -> Self {
        let user = app_user::credentials(&app).map(|credentials| credentials.uid);
        Self {
            tag,
            address,
            app,
            slot,
            user: user.filter(|uid| *uid != 0 && *uid != u32::MAX),
            identity: None,
            pidfd: None,
            life: Life::Expected(Vec::new()),
            open: Vec::new(),
            ended_early: Vec::new(),
            waiting: None,
            notices: None,
            words: OwnWords::default(),
            listens: Vec::new(),
            online: false,
            forced: false,
            group: None,
            released: false,
        }
    }

    /// How its main process ended, by what the guardian saw: who was killed or failed after the kernel killed somebody of
    /// its group is told as that.
    pub(crate) fn ending(&self, status: WaitStatus) -> Ending {
        let ending = ending(status);
        let killed_at = || self.group.as_ref().filter(|_| !self.forced)?.killed_at();
        let limit = match ending {
            Ending::Exited(1..) | Ending::Signaled { signal: 9, .. } => killed_at(),
            Ending::Exited(0)
            | Ending::Signaled { .. }
            | Ending::OutOfMemory { .. }
            | Ending::Unknown => None,
        };
        let code = if let Ending::Exited(code) = ending { Some(code) } else { None };
        let told = |limit| Ending::OutOfMemory { code, limit: Bytes::new(limit) };
        limit.map_or(ending, told)
    }

    /// Finds the group that the daemon before us made for it.
    pub(crate) fn find_group(&mut self) {
        let pid = self.identity.map(|identity| identity.pid);
        let pid = pid.filter(|_| self.app.kernel.has_group());
        self.group = pid.and_then(|pid| Cgroup::find(self.tag, pid));
    }

    /// As the tree thread knows it.
    pub(crate) fn tree(&self) -> Tree {
        let limit = self.app.limits.memory.map(Bytes::get);
        Tree {
            run: RunId(self.tag.run()),
            tag: self.tag,
            leader: self.identity,
            limit,
            user: self.user,
        }
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

    pub(crate) fn get_mut(&mut self, id: RunId) -> Option<&mut Run> {
        self.0.get_mut(&id).map(Box::as_mut)
    }

    pub(crate) fn remove(&mut self, id: RunId) -> Option<Run> {
        self.0.remove(&id).map(|run| *run)
    }

    /// What remains of a run that is over is output; once that is written it is forgotten.
    pub(crate) fn forget_if_done(&mut self, id: RunId) {
        if self.get(id).is_some_and(|run| run.released && run.open.is_empty()) {
            self.remove(id);
        }
    }

    /// A stream reached its end and is in its log. Whether the guardian is to drop it now: it must own something of a
    /// run from before its birth until its end.
    pub(crate) fn stream_ended(&mut self, key: StreamKey) -> bool {
        let Some(run) = self.of_stream(key) else { return true };
        let id = RunId(run.tag.run());
        if matches!(run.life, Life::Expected(_)) {
            run.ended_early.push(key.stream);
            return false;
        }
        run.open.retain(|stream| *stream != key.stream);
        self.forget_if_done(id);
        true
    }

    /// Output of a run that ended before us may still be on its way: the run is kept until it is written.
    pub(crate) fn keep_output(&mut self, key: StreamKey, address: Address, app: &Arc<AppSpec>) {
        let Some(tag) = Tag::from_raw(key.tag) else { return };
        let ended = || {
            let mut run = Run::expected(tag, address, 0, Arc::clone(app));
            run.life = Life::Ended(Ending::Unknown, Told::Yes);
            run.released = true;
            Box::new(run)
        };
        let run = self.0.entry(RunId(tag.run())).or_insert_with(ended);
        if !run.open.contains(&key.stream) {
            run.open.push(key.stream);
        }
    }

    /// The run of an instance whose main process lives.
    pub(crate) fn alive(&self, address: Address) -> Option<RunId> {
        let is_it = |run: &Run| run.address == address && matches!(run.life, Life::Alive);
        self.iter().find(|(_, run)| is_it(run)).map(|(id, _)| id)
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
    fn of_stream(&mut self, key: StreamKey) -> Option<&mut Run> {
        let tag = Tag::from_raw(key.tag)?;
        self.get_mut(RunId(tag.run())).filter(|run| run.tag == tag)
    }
}

/// The core's identity of a process.
pub(crate) fn to_core(identity: pm_os::identity::ProcIdentity) -> Identity {
    Identity {
        pid: u32::try_from(identity.pid).unwrap_or(0),
        started: identity.started,
        inode: identity.inode,
    }
}

/// The system's identity of a process of this boot.
pub(crate) fn from_core(identity: Identity) -> pm_os::identity::ProcIdentity {
    pm_os::identity::ProcIdentity {
        pid: i32::try_from(identity.pid).unwrap_or(0),
        started: identity.started,
        boot: pm_os::clock::boot_id(),
        inode: identity.inode,
    }
}

/// What the guardian saw, in the core's words.
fn ending(status: WaitStatus) -> Ending {
    match status {
        WaitStatus::Unknown => Ending::Unknown,
        WaitStatus::Wait(raw) => match pm_os::wait::Termination::from_status(raw) {
            pm_os::wait::Termination::Exited(code) => Ending::Exited(code),
            pm_os::wait::Termination::Signaled { signal, core } => {
                Ending::Signaled { signal: u8::try_from(signal).unwrap_or(0), core }
            }
            pm_os::wait::Termination::Unknown => Ending::Unknown,
        },
    }
}
