//! Runs that are about to leave and get no new connections any more: whether they have accepted and heard all who called
//! before.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use pm_core::RunId;
use pm_os::steering;
use pm_os::tree::RunMembers;
use pm_os::unheard::{self, SocketFile};
use rustix::net::AddressFamily;

use crate::tree_job::{Leaver, Tree};

/// How often it is looked.
const OFTEN: Duration = Duration::from_millis(10);
/// So long nobody must have waited to be accepted: a connection that is half made comes within that.
const QUIET: Duration = Duration::from_millis(200);
/// Who was accepted and has said nothing is waited for no longer than this: browsers open connections that they may need.
const SILENCE: Duration = Duration::from_secs(1);

#[derive(Debug)]
struct Leaving {
    leaver: Leaver,
    ports: Vec<u16>,
    files: Vec<SocketFile>,
    since: Instant,
    /// Since when nobody waits.
    quiet: Instant,
}

/// Those that are looked at.
#[derive(Debug, Default)]
pub(crate) struct LeaveWatch(BTreeMap<RunId, Leaving>);

impl LeaveWatch {
    pub(crate) fn add(&mut self, leaver: Leaver) {
        let port = |socket: &OwnedFd| {
            let at = rustix::net::getsockname(socket).ok()?;
            SocketAddr::try_from(at).ok().map(|at| at.port())
        };
        let ports = leaver.sockets.iter().filter_map(port).collect();
        let is_unix = |socket: &&OwnedFd| {
            rustix::net::getsockname(socket)
                .is_ok_and(|at| at.address_family() == AddressFamily::UNIX)
        };
        let files = leaver.sockets.iter().filter(is_unix).filter_map(unheard::file_of).collect();
        let now = Instant::now();
        self.0.insert(leaver.tree.run, Leaving { leaver, ports, files, since: now, quiet: now });
    }

    /// How long until the next look; `None`: there is nothing to look at.
    pub(crate) fn pause(&self) -> Option<Duration> {
        (!self.0.is_empty()).then_some(OFTEN)
    }

    /// Those at whose sockets nobody waits any more.
    pub(crate) fn quiet(&mut self) -> Vec<Tree> {
        for leaving in self.0.values_mut() {
            let waits = |it: &OwnedFd| steering::has_callers(it) == Ok(true);
            if leaving.leaver.sockets.iter().any(waits) {
                leaving.quiet = Instant::now();
            }
        }
        let quiet = self.0.values().filter(|leaving| leaving.is_quiet() || leaving.is_late());
        quiet.map(|leaving| leaving.leaver.tree).collect()
    }

    /// Those of them that have heard all, or had their time, by their members; they are forgotten.
    pub(crate) fn done(&mut self, by_run: &RunMembers) -> Vec<RunId> {
        let has_heard = |leaving: &Leaving| {
            let members = by_run.get(&leaving.leaver.tree.tag).into_iter().flatten();
            leaving.quiet.elapsed() >= QUIET + SILENCE
                || !unheard::is_one(
                    members.map(|it| it.identity.pid),
                    &leaving.ports,
                    &leaving.files,
                )
        };
        let is_done =
            |leaving: &Leaving| leaving.is_late() || (leaving.is_quiet() && has_heard(leaving));
        self.0.extract_if(.., |_, leaving| is_done(leaving)).map(|(run, _)| run).collect()
    }
}

impl Leaving {
    fn is_quiet(&self) -> bool {
        self.quiet.elapsed() >= QUIET
    }

    fn is_late(&self) -> bool {
        self.since.elapsed() >= self.leaver.within
    }
}
