//! What a look at all processes is asked: the runs of the jobs that wait, and those that are watched.

use std::collections::BTreeMap;

use pm_core::RunId;
use pm_os::identity::ProcIdentity;
use pm_os::tag::Tag;
use pm_os::tree::RunQuery;

use crate::tree_job::{Tree, TreeJob};

/// Members without a mark, by run.
type Unmarked = BTreeMap<RunId, Vec<ProcIdentity>>;

/// What can be known of a run.
pub(crate) fn run_of<'a>(tree: &'a Tree, unmarked: &'a Unmarked) -> RunQuery<'a> {
    let known = unmarked.get(&tree.run).map_or(&[][..], Vec::as_slice);
    RunQuery { tag: tree.tag, leader: tree.leader.as_ref(), known, user: tree.user }
}

/// All runs of a batch and of the watches, each once.
pub(crate) fn asked<'a>(
    batch: &'a [TreeJob],
    watched: impl Iterator<Item = &'a Tree>,
    unmarked: &'a Unmarked,
) -> Vec<RunQuery<'a>> {
    let mut runs: BTreeMap<Tag, RunQuery<'a>> = BTreeMap::new();
    let mut add = |tree: &'a Tree| _ = runs.insert(tree.tag, run_of(tree, unmarked));
    watched.for_each(&mut add);
    for job in batch {
        match job {
            TreeJob::Ask(tree, _)
            | TreeJob::Force(tree)
            | TreeJob::Remains(tree)
            | TreeJob::Replace(tree, ..)
            | TreeJob::Listens(tree, _)
            | TreeJob::Accepts(tree, _)
            | TreeJob::Looks(tree)
            | TreeJob::Pids(tree, _) => add(tree),
            TreeJob::Sample(trees, _) => trees.iter().for_each(&mut add),
            TreeJob::Leaves(..) => {}
        }
    }
    runs.into_values().collect()
}
