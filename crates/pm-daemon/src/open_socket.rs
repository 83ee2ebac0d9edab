//! One listening socket that runs of an app find open: its descriptor, and the note from which the next daemon knows what it is
//! and who has it.

use std::collections::BTreeSet;
use std::os::fd::{AsFd, OwnedFd};

use pm_core::{AppId, InstanceId, RunId, SpawnFailure};
use pm_guardian::{ItemKind, Link, LinkError, ToGuardian};
use pm_node::{Maker, Note};
use pm_os::errno::words;
use pm_os::listener::{self, SocketFileId};
use pm_os::one_path;
use pm_spec::{AppName, ListenAddress, ListenSocket};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::slots::Address;
use crate::{node, plan};

/// So many connections may wait where nothing else is said (systemd: `Backlog=`); the kernel cuts it to `somaxconn`.
const BACKLOG: u32 = 4096;
/// What everybody may connect to (systemd: `SocketMode=`).
const MODE: u32 = 0o666;

/// What the next daemon must know of one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Remembered {
    pub(crate) socket: ListenSocket,
    /// The app, for messages.
    pub(crate) app: AppName,
    /// The file of a unix socket.
    #[serde(default)]
    pub(crate) file: Option<SocketFileId>,
    /// As whom its file is removed.
    pub(crate) user: serde_json::Value,
    /// Which it is of those that were opened at this address one beside the other.
    #[serde(default)]
    pub(crate) generation: u32,
    /// No connection goes to it yet: its runs have still to show that they accept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) waits: bool,
    /// The runs that may have it.
    #[serde(default)]
    pub(crate) runs: Option<BTreeSet<RunId>>,
    /// Those of them that are about to go.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) leaving: BTreeSet<RunId>,
    /// Those of them that stand by while a newer run is watched.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) aside: BTreeSet<RunId>,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct OpenSocket {
    pub(crate) known: Remembered,
    pub(crate) slot: u8,
    pub(crate) descriptor: OwnedFd,
    pub(crate) note: Note,
}

impl OpenSocket {
    pub(crate) fn store(&self, link: &Link, home_id: u32, app: AppId) -> Result<(), LinkError> {
        let name = Address { app, instance: InstanceId(0) }.name();
        let (tag, slot) = (node::tag_of(home_id, app).raw(), self.slot);
        let store = ToGuardian::Store { tag, slot, kind: ItemKind::Other, name };
        link.send(&store, &[self.descriptor.as_fd(), self.note.memory()])
    }

    /// It is there; what else is asked of it may have changed.
    pub(crate) fn renew(&mut self, socket: &ListenSocket) -> Result<(), SpawnFailure> {
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
        self.remember();
        Ok(())
    }

    /// Its file goes with it, if it still is this one's.
    pub(crate) fn close(self) {
        let (ListenAddress::Unix(path), Some(id)) = (&self.known.socket.at, self.known.file) else {
            return;
        };
        if let Some(maker) = Maker::parse(&self.known.user) {
            let path = plan::path_of(path);
            maker.act(|| one_path::remove(&path, id)).ok();
        }
    }

    /// From now on it is for new connections.
    pub(crate) fn serve(&mut self) {
        if std::mem::take(&mut self.known.waits) {
            self.remember();
        }
    }

    /// Whether no run has it.
    pub(crate) fn is_free(&self) -> bool {
        self.known.runs.as_ref().is_none_or(BTreeSet::is_empty)
    }

    /// How many runs have it that are not about to leave.
    pub(crate) fn staying(&self) -> u32 {
        self.count(|_| true)
    }

    /// How many of those do not stand by.
    pub(crate) fn serving(&self) -> u32 {
        self.count(|run| !self.known.aside.contains(run))
    }

    fn count(&self, such: impl Fn(&RunId) -> bool) -> u32 {
        let runs = self.known.runs.iter().flatten();
        let stay = runs.filter(|run| !self.known.leaving.contains(run) && such(run)).count();
        u32::try_from(stay).unwrap_or(u32::MAX)
    }

    /// These runs are left.
    pub(crate) fn retain(&mut self, left: &BTreeSet<RunId>) {
        let runs = self.known.runs.get_or_insert_default();
        let count = runs.len();
        runs.retain(|run| left.contains(run));
        self.known.leaving.retain(|run| left.contains(run));
        self.known.aside.retain(|run| left.contains(run));
        if runs.len() != count {
            self.remember();
        }
    }

    /// A run is to have it.
    pub(crate) fn enter(&mut self, run: RunId) {
        if self.known.runs.get_or_insert_default().insert(run) {
            self.remember();
        }
    }

    /// For the next daemon.
    pub(crate) fn remember(&mut self) {
        self.note.write(&serde_json::to_value(&self.known).unwrap_or_default());
    }
}

impl Remembered {
    /// Whether a run may have it.
    pub(crate) fn has(&self, run: RunId) -> bool {
        self.runs.as_ref().is_some_and(|runs| runs.contains(&run))
    }
}

/// Opens one, with its file if it has one.
pub(crate) fn make(
    socket: &ListenSocket,
    maker: &Maker,
) -> Result<(OwnedFd, Option<SocketFileId>), Errno> {
    match &socket.at {
        ListenAddress::Tcp(at) => Ok((listener::tcp(*at, backlog(socket))?, None)),
        ListenAddress::Unix(path) => {
            let (path, mode) = (plan::path_of(path), socket.mode.unwrap_or(MODE));
            let (unix, file) = maker.act(|| listener::unix(&path, mode, backlog(socket)))?;
            Ok((unix, Some(file)))
        }
    }
}

/// How many connections may wait there.
pub(crate) fn backlog(socket: &ListenSocket) -> i32 {
    i32::try_from(socket.backlog.unwrap_or(BACKLOG)).unwrap_or(i32::MAX)
}

/// Why one can't be had.
pub(crate) fn refused(socket: &ListenSocket, why: &str) -> SpawnFailure {
    SpawnFailure::Refused(format!("listen on {}: {why}", socket.at))
}
