//! Runs that somebody waits for: looked at again and again for a while, whether they listen.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use pm_core::RunId;
use pm_os::tag::Tag;

use crate::tree_job::Tree;

/// How long between looks.
pub(crate) const EVERY: Duration = Duration::from_millis(10);

/// So long they are looked at: then they count as up without (`pm-core`'s `SETTLED`).
const SOON: Duration = Duration::from_secs(1);

/// The same for those that have to show more: where they listen is only to be told.
const LATER: Duration = Duration::from_secs(10);

/// The runs, until when each is looked at, and when the next look is.
#[derive(Default)]
pub(crate) struct ListenWatch {
    runs: BTreeMap<RunId, (Tree, Instant)>,
    next: Option<Instant>,
}

impl ListenWatch {
    pub(crate) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    pub(crate) fn add(&mut self, tree: Tree, shows_more: bool) {
        let until = Instant::now() + if shows_more { LATER } else { SOON };
        self.runs.insert(tree.run, (tree, until));
    }

    /// Whether it is time for a look; those whose time is over are left to themselves.
    pub(crate) fn is_due(&mut self) -> bool {
        let now = Instant::now();
        if self.runs.is_empty() || self.next.is_some_and(|next| now < next) {
            return false;
        }
        self.next = Some(now + EVERY);
        self.runs.retain(|_, (_, until)| now < *until);
        !self.runs.is_empty()
    }

    pub(crate) fn trees(&self) -> impl Iterator<Item = &Tree> {
        self.runs.values().map(|(tree, _)| tree)
    }

    /// Those that listen now: they are awaited no more.
    pub(crate) fn take(
        &mut self,
        mut listens: BTreeMap<Tag, Vec<SocketAddr>>,
    ) -> Vec<(RunId, Vec<SocketAddr>)> {
        let found = self.trees().filter_map(|tree| Some((tree.run, listens.remove(&tree.tag)?)));
        let found: Vec<_> = found.collect();
        for (run, _) in &found {
            self.runs.remove(run);
        }
        found
    }
}
