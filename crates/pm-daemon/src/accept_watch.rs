//! Whether runs that were given their sockets take callers by now: looked at often at first, then less, until they do
//! or have had their time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use pm_core::RunId;
use pm_os::accepting::{self, SocketInode};
use pm_os::tree::{RunMembers, RunQuery};

use crate::tree_job::Tree;

/// A look at a run that has just begun comes after this.
const OFTEN: Duration = Duration::from_millis(10);
/// Later ones come after a part of its age,
const PART: u32 = 10;
/// but never later than this.
const SELDOM: Duration = Duration::from_millis(250);
/// Who takes no callers by then is one that can't be seen to (`pm-core`'s `PATIENT`).
const TIME: Duration = Duration::from_secs(30);

#[derive(Debug)]
struct Newcomer {
    tree: Tree,
    sockets: Vec<SocketInode>,
    since: Instant,
}

/// The runs that are looked at.
#[derive(Debug, Default)]
pub(crate) struct AcceptWatch {
    runs: BTreeMap<RunId, Newcomer>,
    next: Option<Instant>,
}

impl AcceptWatch {
    pub(crate) fn add(&mut self, tree: Tree, sockets: Vec<SocketInode>) {
        let since = Instant::now();
        self.runs.insert(tree.run, Newcomer { tree, sockets, since });
        self.next = Some(since + OFTEN);
    }

    /// How long until the next look; `None`: there is nothing to look at.
    pub(crate) fn pause(&self) -> Option<Duration> {
        self.next.map(|next| next.saturating_duration_since(Instant::now()))
    }

    /// The runs to be looked at now.
    pub(crate) fn due(&self) -> Vec<Tree> {
        let is_due = self.next.is_some_and(|next| next <= Instant::now());
        self.runs.values().filter(|_| is_due).map(|newcomer| newcomer.tree).collect()
    }

    /// Those that take callers, of whom these are the members; who is gone or had its time is forgotten.
    pub(crate) fn look(&mut self, by_run: &RunMembers) -> Vec<RunId> {
        let mut accepting = Vec::new();
        self.runs.retain(|run, newcomer| {
            let Some(members) = by_run.get(&newcomer.tree.tag) else { return false };
            let mut pids = members.iter().map(|member| member.identity.pid);
            if newcomer.sockets.is_empty() {
                // Of a daemon before us.
                let first = pids.clone().next().unwrap_or(0);
                newcomer.sockets = accepting::given_to(first, pm_spec::ListenSocket::MOST);
            }
            if pids.any(|pid| accepting::accepts(pid, &newcomer.sockets)) {
                accepting.push(*run);
                return false;
            }
            newcomer.since.elapsed() < TIME
        });
        let youngest = self.runs.values().map(|newcomer| newcomer.since).max();
        self.next =
            youngest.map(|since| Instant::now() + (since.elapsed() / PART).clamp(OFTEN, SELDOM));
        accepting
    }
}

/// What can be known of a run that has just begun.
pub(crate) fn query(tree: &Tree) -> RunQuery<'_> {
    RunQuery { tag: tree.tag, leader: tree.leader.as_ref(), known: &[], user: tree.user }
}
