//! One thread that looks at `/proc` for everybody: who belongs to a run, signals to whole trees, figures.
//!
//! Jobs that wait together are served by one pass, so that stopping a thousand apps costs a few passes and
//! not a thousand. With nothing to watch it sleeps in its queue.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use pm_core::RunId;
use pm_os::identity::ProcIdentity;
use pm_os::listening::Listening;
use pm_os::signal::{self, SignalNumber};
use pm_os::tag::Tag;
use pm_os::tree::{Depth, ProcScan, RunMembers, RunQuery, Traces, TreeMember};
use pm_os::usage::{RunUsage, Sampler};
use tokio::sync::mpsc;

use crate::accept_watch::AcceptWatch;
use crate::daemon_log::Throttle;
use crate::inlet::Inlet;
use crate::leave_watch::LeaveWatch;
use crate::listen_watch::{self, ListenWatch};
use crate::tree_job::{Machine, Sample, Tree, TreeJob};
use crate::tree_queries::{self, run_of};
use crate::worker_watch::WorkerWatch;

mod serving;

/// How long between looks at a tree that should vanish: short at first.
const WATCH: [Duration; 4] = [
    Duration::from_millis(2),
    Duration::from_millis(5),
    Duration::from_millis(20),
    Duration::from_millis(50),
];

/// How long after a look that failed the next is taken: what is missing (descriptors, memory) comes back.
const AGAIN: Duration = Duration::from_millis(50);

/// Starts the thread; it ends when all senders are gone. The queue holds at most a few jobs per run.
pub(crate) fn start(guardian: i32, inlet: mpsc::Sender<Inlet>) -> std::io::Result<Sender<TreeJob>> {
    let (sender, jobs) = channel();
    let mut thread = TreeThread::new(guardian, inlet, jobs);
    std::thread::Builder::new()
        .name("pm-trees".into())
        .stack_size(256 << 10)
        .spawn(move || while thread.round().is_some() {})?;
    Ok(sender)
}

struct Watched {
    tree: Tree,
    /// Scans in a row without a member.
    empty: u8,
}

/// Who looks after workers tells them itself, and lets them finish what they are at: they are asked only if it does not
/// live to see them go.
struct Asked {
    signal: SignalNumber,
    told: BTreeSet<ProcIdentity>,
}

struct TreeThread {
    guardian: i32,
    inlet: mpsc::Sender<Inlet>,
    jobs: Receiver<TreeJob>,
    /// Jobs whose look failed: somebody waits for each of them.
    owed: Vec<TreeJob>,
    watched: BTreeMap<RunId, Watched>,
    /// Runs whose members are killed on sight.
    forced: BTreeSet<RunId>,
    /// Members without a mark of trees that are being ended: once their parent is gone nothing else tells whose they are.
    unmarked: BTreeMap<RunId, Vec<ProcIdentity>>,
    /// Trees that are asked to go: by which signal, and who has got it.
    asked: BTreeMap<RunId, Asked>,
    /// Rounds since a tree was last added to the watch.
    rounds: usize,
    sampler: Sampler,
    listening: Listening,
    awaited: ListenWatch,
    accepting: AcceptWatch,
    leaving: LeaveWatch,
    workers: WorkerWatch,
    /// Of signals nobody lets us send, and of /proc.
    unsent: Throttle,
    unread: Throttle,
    host: Option<pm_os::host::HostSampler>,
}

impl TreeThread {
    fn new(guardian: i32, inlet: mpsc::Sender<Inlet>, jobs: Receiver<TreeJob>) -> Self {
        Self {
            guardian,
            inlet,
            jobs,
            owed: Vec::new(),
            watched: BTreeMap::new(),
            forced: BTreeSet::new(),
            unmarked: BTreeMap::new(),
            asked: BTreeMap::new(),
            rounds: 0,
            sampler: Sampler::new(),
            listening: Listening::default(),
            awaited: ListenWatch::default(),
            accepting: AcceptWatch::default(),
            leaving: LeaveWatch::default(),
            workers: WorkerWatch::default(),
            unsent: Throttle::default(),
            unread: Throttle::default(),
            host: None,
        }
    }

    /// Jobs, as many as wait, and those that are owed. `None`: the daemon is gone.
    fn wait(&mut self) -> Option<Vec<TreeJob>> {
        let mut batch = std::mem::take(&mut self.owed);
        let probe = (!self.awaited.is_empty()).then_some(listen_watch::EVERY);
        let workers = (!self.workers.is_empty()).then_some(AGAIN);
        let pause = match (batch.is_empty(), self.watched.is_empty()) {
            (false, _) => Some(AGAIN),
            (true, true) => {
                let looks = [probe, workers, self.accepting.pause(), self.leaving.pause()];
                looks.into_iter().flatten().min()
            }
            (true, false) => Some(WATCH[self.rounds.min(WATCH.len() - 1)]),
        };
        let Some(pause) = pause else {
            batch.push(self.jobs.recv().ok()?);
            return Some(self.set_apart(batch));
        };
        self.rounds += 1;
        match self.jobs.recv_timeout(pause) {
            Ok(job) => batch.push(job),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return None,
        }
        Some(self.set_apart(batch))
    }

    /// Waits for jobs, serves all that wait with one pass. `None`: the daemon is gone.
    fn round(&mut self) -> Option<()> {
        let failed_before = !self.owed.is_empty();
        let batch = self.wait()?;
        self.probe()?;
        self.look_who_accepts()?;
        self.look_who_is_quiet()?;
        let (batch, orphans) = self.settle_the_traceless(batch)?;
        if batch.is_empty() && self.watched.is_empty() && self.workers.is_empty() {
            return Some(());
        }
        let light = |job: &TreeJob| {
            matches!(
                job,
                TreeJob::Sample(..)
                    | TreeJob::Remains(_)
                    | TreeJob::Replace(..)
                    | TreeJob::Looks(_)
            )
        };
        let depth = if self.watched.is_empty() && !orphans && batch.iter().all(light) {
            Depth::Tags
        } else {
            Depth::Cookies
        };
        match ProcScan::take(depth, &[self.guardian]) {
            Ok(scan) => self.serve(&scan, batch)?,
            // Nothing can be known without /proc, and nobody is told a guess: they wait until it can.
            Err(error) => {
                if !failed_before {
                    self.unread.note(format_args!("could not {error}"));
                }
                self.owed = batch;
            }
        }
        Some(())
    }

    /// Most processes leave nobody behind when they end, and then a restart need not wait for a scan. What is left
    /// of the batch, and whether somebody without a mark could be of one of its runs.
    fn settle_the_traceless(&mut self, mut batch: Vec<TreeJob>) -> Option<(Vec<TreeJob>, bool)> {
        let of = |job: &TreeJob| if let TreeJob::Remains(tree) = job { Some(*tree) } else { None };
        let trees: Vec<Tree> = batch.iter().filter_map(of).collect();
        let ended: Vec<RunQuery<'_>> =
            trees.iter().map(|tree| run_of(tree, &self.unmarked)).collect();
        if ended.is_empty() {
            return Some((batch, false));
        }
        // If that fails the scan will say so.
        let traces = pm_os::tree::traces(&ended, &[self.guardian]);
        let Ok(Traces { runs, orphans: false }) = traces else { return Some((batch, true)) };
        let is_gone =
            |tree: &Tree| !runs.contains(&tree.tag) && !self.unmarked.contains_key(&tree.run);
        let gone: Vec<Tree> = trees.into_iter().filter(is_gone).collect();
        batch.retain(|job| of(job).is_none_or(|tree| !is_gone(&tree)));
        for tree in gone {
            self.remains(tree, &[])?;
        }
        Some((batch, false))
    }

    fn serve(&mut self, scan: &ProcScan, batch: Vec<TreeJob>) -> Option<()> {
        let by_run = scan.run_members(&tree_queries::asked(
            &batch,
            self.watched.values().map(|one| &one.tree).chain(self.workers.trees()),
            &self.unmarked,
        ));
        let members = |tag: Tag| by_run.get(&tag).map_or(&[][..], Vec::as_slice);
        for job in batch {
            match job {
                TreeJob::Ask(tree, signal) => {
                    let asked = Asked { signal, told: BTreeSet::new() };
                    self.asked.insert(tree.run, asked);
                    self.ask(tree.run, members(tree.tag));
                    self.remember(tree.run, members(tree.tag));
                }
                TreeJob::Force(tree) => {
                    self.forced.insert(tree.run);
                    signal_all(members(tree.tag), SignalNumber::KILL, &mut self.unsent);
                    self.remember(tree.run, members(tree.tag));
                }
                TreeJob::Remains(tree) => self.remains(tree, members(tree.tag))?,
                TreeJob::Replace(tree, signal, within) => {
                    self.workers.begin(tree, signal, within);
                }
                // They were taken out before.
                TreeJob::Listens(..) | TreeJob::Accepts(..) | TreeJob::Leaves(..) => {}
                TreeJob::Looks(tree) => {
                    let only: RunMembers =
                        [(tree.tag, members(tree.tag).to_vec())].into_iter().collect();
                    let found = self.listening.look(&only).remove(&tree.tag);
                    self.tell(Inlet::Looked(tree.run, found.unwrap_or_default()))?;
                }
                TreeJob::Sample(trees, machine) => self.sample(&trees, &by_run, machine)?,
                TreeJob::Pids(tree, reply) => {
                    let pids =
                        members(tree.tag).iter().filter_map(|m| u32::try_from(m.identity.pid).ok());
                    // Whoever asked may be gone.
                    reply.send(pids.collect()).ok();
                }
            }
        }
        self.run_due(&by_run)
    }

    fn remains(&mut self, tree: Tree, members: &[TreeMember]) -> Option<()> {
        if members.is_empty() {
            self.forget(tree.run);
        } else {
            self.watched.insert(tree.run, Watched { tree, empty: 0 });
            self.rounds = 0;
            self.remember(tree.run, members);
        }
        self.tell(Inlet::Remains(tree.run, !members.is_empty()))
    }

    /// Asks those of a tree whose turn it is: who was never asked, and whose parent is gone or would not tell it.
    fn ask(&mut self, run: RunId, members: &[TreeMember]) {
        let Some(Asked { signal, told }) = self.asked.get_mut(&run) else { return };
        let pids: BTreeSet<i32> = members.iter().map(|member| member.identity.pid).collect();
        let parents: BTreeSet<i32> = members.iter().map(|member| member.seen.ppid).collect();
        let mut silent = BTreeSet::new();
        let mut runners = BTreeSet::new();
        let mut turn = Vec::new();
        for member in members {
            let is_told = pids.contains(&member.seen.ppid) && !silent.contains(&member.seen.ppid);
            if is_told && !runners.contains(&member.seen.ppid) {
                continue;
            }
            // Most have nobody to tell, and need not be looked at.
            let is_parent = parents.contains(&member.identity.pid);
            if is_parent && !pm_os::tree::tells_children(&member.identity, *signal) {
                silent.insert(member.identity.pid);
            }
            if is_told {
                continue;
            }
            if is_parent && pm_os::tree::runs_scripts(&member.identity) {
                runners.insert(member.identity.pid);
            }
            if told.insert(member.identity) {
                turn.push(*member);
            }
        }
        signal_all(&turn, *signal, &mut self.unsent);
    }

    /// Nobody is left of a tree.
    fn forget(&mut self, run: RunId) {
        self.forced.remove(&run);
        self.unmarked.remove(&run);
        self.asked.remove(&run);
    }

    /// Keeps who could not be found again by a mark.
    fn remember(&mut self, run: RunId, members: &[TreeMember]) {
        let unmarked =
            members.iter().filter(|member| !member.seen.marked).map(|member| member.identity);
        let unmarked: Vec<_> = unmarked.collect();
        if unmarked.is_empty() {
            self.unmarked.remove(&run);
        } else {
            self.unmarked.insert(run, unmarked);
        }
    }

    /// Trees that should vanish: told when two looks in a row found nobody (a fork may hide from one).
    fn run_due(&mut self, by_run: &RunMembers) -> Option<()> {
        let mut gone = Vec::new();
        let mut here = Vec::new();
        for (run, watched) in &mut self.watched {
            // Added in this very round and seen with members: not among those of the watch yet.
            let members = by_run.get(&watched.tree.tag).map_or(&[][..], Vec::as_slice);
            if members.is_empty() {
                watched.empty += 1;
            } else {
                watched.empty = 0;
                here.push((*run, members));
                if self.forced.contains(run) {
                    signal_all(members, SignalNumber::KILL, &mut self.unsent);
                }
            }
            if watched.empty >= 2 {
                gone.push(*run);
            }
        }
        for (run, members) in here {
            self.ask(run, members);
            self.remember(run, members);
        }
        for run in gone {
            self.watched.remove(&run);
            self.forget(run);
            self.tell(Inlet::Swept(run))?;
        }
        for (main, signal) in self.workers.due(by_run) {
            signal_all(&[main], signal, &mut self.unsent);
        }
        for run in self.workers.look(by_run) {
            self.tell(Inlet::Replaced(run))?;
        }
        Some(())
    }

    fn sample(&mut self, trees: &[Tree], by_run: &RunMembers, machine: Machine) -> Option<()> {
        let wanted: RunMembers = trees
            .iter()
            .filter_map(|tree| Some((tree.tag, by_run.get(&tree.tag)?.clone())))
            .collect();
        let by_tag = self.sampler.sample(&wanted);
        let mut listens = self.listening.look(&wanted);
        let listens =
            trees.iter().filter_map(|tree| Some((tree.run, listens.remove(&tree.tag)?))).collect();
        let usage: BTreeMap<RunId, RunUsage> =
            trees.iter().filter_map(|tree| Some((tree.run, *by_tag.get(&tree.tag)?))).collect();
        let is_over = |tree: &&Tree| {
            let used = usage.get(&tree.run).map_or(0, |usage| usage.memory);
            tree.limit.is_some_and(|limit| used > limit)
        };
        let weigh =
            |tree: &Tree| Some((tree.run, pm_os::usage::proportional(by_run.get(&tree.tag)?)));
        let proportional = trees.iter().filter(is_over).filter_map(weigh).collect();
        let host = match machine {
            Machine::Wanted => {
                Some(self.host.get_or_insert_with(pm_os::host::HostSampler::new).look())
            }
            Machine::Unwanted => None,
        };
        self.tell(Inlet::Sampled(Sample { usage, listens, proportional, host }))
    }

    fn tell(&self, news: Inlet) -> Option<()> {
        self.inlet.blocking_send(news).ok()
    }
}

/// Opens each member and signals it, parents before their children: a shell whose command ends by SIGINT, and that has
/// not got it too, goes on with its next command. Who is gone or not ours any more is left alone.
fn signal_all(members: &[TreeMember], signal: SignalNumber, unsent: &mut Throttle) {
    for member in members {
        let Ok(pidfd) = member.identity.open() else { continue };
        if let Err(error) = signal::send(&pidfd, signal) {
            unsent.note(format_args!("could not {error} (pid {})", member.identity.pid));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    /// In a process of its own, which can run out of descriptors without harm to others.
    #[test]
    fn nobody_is_forgotten_when_a_look_fails() {
        let helper = "trees::tests::a_look_fails_for_want_of_descriptors";
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", helper, "--ignored"])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{output:?}");
    }

    #[test]
    #[ignore = "run by the test above"]
    fn a_look_fails_for_want_of_descriptors() {
        let (outlet, mut inlet) = mpsc::channel(8);
        let (sender, jobs) = channel();
        let mut thread = TreeThread::new(0, outlet, jobs);
        let tree =
            Tree { run: RunId(7), tag: Tag::new(1, 7), leader: None, limit: None, user: None };
        sender.send(TreeJob::Remains(tree)).unwrap();
        sender.send(TreeJob::Sample(vec![tree], Machine::Unwanted)).unwrap();
        let limit = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: Some(0), ..limit }).unwrap();
        thread.round().unwrap();
        assert!(inlet.try_recv().is_err(), "nobody is told a guess");
        thread.round().unwrap();
        setrlimit(Resource::Nofile, limit).unwrap();
        thread.round().unwrap();
        assert!(matches!(inlet.try_recv(), Ok(Inlet::Remains(RunId(7), false))));
        assert!(matches!(inlet.try_recv(), Ok(Inlet::Sampled(_))));
        assert!(inlet.try_recv().is_err());
    }
}
