//! Whether main processes have replaced their workers since they were told to: all children they had are gone, and others
//! have come and stayed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use pm_core::RunId;
use pm_os::identity::ProcIdentity;
use pm_os::signal::SignalNumber;
use pm_os::tree::{RunMembers, TreeMember};

use crate::tree_job::Tree;

/// So long the new ones have to be the same (`pm-core`'s `STEADY`): who can't load the app is replaced again and again.
const STEADY: Duration = Duration::from_secs(1);

/// Those that are looked at.
#[derive(Debug, Default)]
pub(crate) struct WorkerWatch(BTreeMap<RunId, Replacement>);

#[derive(Debug)]
struct Replacement {
    tree: Tree,
    until: Instant,
    /// What it is still to be told by.
    untold: Option<SignalNumber>,
    /// Whom it had when it was told.
    old: BTreeSet<ProcIdentity>,
    /// Whom it had at the last look, and since when.
    last: BTreeSet<ProcIdentity>,
    since: Instant,
}

impl WorkerWatch {
    /// A main process is to be told by a signal, as soon as that does not end it.
    pub(crate) fn begin(&mut self, tree: Tree, signal: SignalNumber, within: Duration) {
        let now = Instant::now();
        let (old, last) = (BTreeSet::new(), BTreeSet::new());
        let one =
            Replacement { tree, until: now + within, untold: Some(signal), old, last, since: now };
        self.0.insert(tree.run, one);
    }

    /// Whether nobody is looked at.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whom to look for.
    pub(crate) fn trees(&self) -> impl Iterator<Item = &Tree> {
        self.0.values().map(|one| &one.tree)
    }

    /// The main processes that are to be told now. One that has not begun to listen for the signal would end by it.
    pub(crate) fn due(&mut self, by_run: &RunMembers) -> Vec<(TreeMember, SignalNumber)> {
        let mut due = Vec::new();
        for one in self.0.values_mut() {
            let (Some(main), Some(signal)) = (one.main(by_run), one.untold) else { continue };
            if pm_os::tree::expects(&main.identity, signal) {
                (one.untold, one.since) = (None, Instant::now());
                one.old = one.workers(by_run);
                due.push((main, signal));
            }
        }
        due
    }

    /// Those whose workers are new by now. Who ends, or takes too long, is looked at no more.
    pub(crate) fn look(&mut self, by_run: &RunMembers) -> Vec<RunId> {
        let now = Instant::now();
        let mut replaced = Vec::new();
        self.0.retain(|run, one| {
            let is_there = one.main(by_run).is_some();
            let workers = one.workers(by_run);
            let is_new = one.is_new(workers, now);
            replaced.extend((is_there && is_new).then_some(*run));
            is_there && !is_new && now < one.until
        });
        replaced
    }
}

impl Replacement {
    /// A look at all processes does not open them, so what only that tells is not known.
    fn main(&self, by_run: &RunMembers) -> Option<TreeMember> {
        let who = |identity: ProcIdentity| (identity.pid, identity.started);
        let leader = self.tree.leader.map(who)?;
        members(&self.tree, by_run).iter().find(|member| who(member.identity) == leader).copied()
    }

    /// The children of the main process.
    fn workers(&self, by_run: &RunMembers) -> BTreeSet<ProcIdentity> {
        let Some(main) = self.tree.leader else { return BTreeSet::new() };
        let all = members(&self.tree, by_run).iter();
        all.filter(|member| member.seen.ppid == main.pid).map(|member| member.identity).collect()
    }

    fn is_new(&mut self, workers: BTreeSet<ProcIdentity>, now: Instant) -> bool {
        if workers != self.last {
            (self.last, self.since) = (workers, now);
        }
        // Who works alone has nobody to replace.
        let has_some = !self.last.is_empty() || self.old.is_empty();
        let is_told = self.untold.is_none();
        is_told
            && has_some
            && self.last.is_disjoint(&self.old)
            && now.duration_since(self.since) >= STEADY
    }
}

fn members<'a>(tree: &Tree, by_run: &'a RunMembers) -> &'a [TreeMember] {
    by_run.get(&tree.tag).map_or(&[][..], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pm_os::tag::Tag;

    fn who(pid: i32) -> ProcIdentity {
        ProcIdentity { pid, started: 1, boot: None, inode: 0 }
    }

    #[test]
    fn workers_are_new_when_the_old_ones_are_gone_and_others_have_stayed() {
        let now = Instant::now();
        let tree =
            Tree { run: RunId(1), tag: Tag::new(1, 1), leader: None, limit: None, user: None };
        let of = |old: &[i32]| {
            let old: BTreeSet<_> = old.iter().map(|pid| who(*pid)).collect();
            Replacement { tree, until: now, untold: None, last: old.clone(), old, since: now }
        };
        let workers = |pids: &[i32]| pids.iter().map(|pid| who(*pid)).collect::<BTreeSet<_>>();
        let mut two = of(&[2, 3]);
        let at = |ms: u64| now + Duration::from_millis(ms);
        for (pids, ms, is_new) in [
            (&[2, 3][..], 2000, false),
            (&[2, 3, 4, 5], 2100, false),
            (&[3, 4, 5], 3200, false),
            (&[4, 5], 4300, false),
            (&[], 5400, false),
            (&[], 6500, false),
            (&[4, 6], 6600, false),
            (&[5, 6], 7500, false),
            (&[5, 6], 8499, false),
            (&[5, 6], 8500, true),
        ] {
            assert_eq!(two.is_new(workers(pids), at(ms)), is_new, "{pids:?} at {ms}");
        }
        let mut alone = of(&[]);
        assert!(!alone.is_new(workers(&[]), at(999)) && alone.is_new(workers(&[]), at(1000)));
        alone.untold = Some(SignalNumber::KILL);
        assert!(!alone.is_new(workers(&[]), at(9000)), "it was not told yet");
    }
}
