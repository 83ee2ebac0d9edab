//! The pass over `/proc` and the sorting of what it found.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{RawDir, SeekFrom};
use rustix::io::Errno;

use crate::clock;
use crate::errno;
use crate::identity::{self, ProcIdentity};
use crate::procfs::{self, ProcEntry};
use crate::tag::{self, Tag};

/// How much of an environment is searched for the cookie. We put it first, but programs in between
/// may have sorted theirs.
const ENVIRON: usize = 256 << 10;

/// How closely to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Tags in the limits only: for sampling, every second if need be.
    Tags,
    /// The environment of unmarked processes as well: for stopping, deleting, adopting.
    Cookies,
}

/// `/proc` could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("read /proc: {}", errno::words(*.0))]
pub struct ProcScanError(pub Errno);

/// A living process that belongs to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeMember {
    /// Who it is; open it before touching it.
    pub identity: ProcIdentity,
    /// How many members lie between it and the top of its tree: signal the greatest first.
    pub depth: u32,
    /// What it showed. Who has lost its mark may be missed by a later scan.
    pub seen: ProcEntry,
}

/// A run to be looked for.
#[derive(Debug, Clone, Copy)]
pub struct RunQuery<'i> {
    /// Its mark.
    pub tag: Tag,
    /// Its first process, if known: finds members without any mark.
    pub leader: Option<&'i ProcIdentity>,
    /// Members without a mark that an earlier scan found, if they are still there.
    pub known: &'i [ProcIdentity],
    /// The user it runs as, if not root: nobody else but root can be of it, whatever mark they wear.
    pub user: Option<u32>,
}

impl RunQuery<'_> {
    /// A run of which nothing but its mark is known.
    pub const fn of(tag: Tag) -> Self {
        Self { tag, leader: None, known: &[], user: None }
    }
}

/// The living members of each run asked for, parents before children; empty ones are listed too.
pub type RunMembers = BTreeMap<Tag, Vec<TreeMember>>;

/// All processes of one moment, sorted by pid. We ourselves and kernel threads are left out.
#[derive(Debug)]
pub struct ProcScan {
    seen: Vec<ProcEntry>,
    spared: Vec<i32>,
    boot: Option<clock::BootId>,
}

impl ProcScan {
    /// Looks at every process once. `spared` are never members of anything (the guardian), and
    /// neither are we; what they started without a mark isn't either.
    ///
    /// Who starts meanwhile is seen.
    pub fn take(depth: Depth, spared: &[i32]) -> Result<Self, ProcScanError> {
        let proc = procfs::open().map_err(ProcScanError)?;
        let mut spared = spared.to_vec();
        spared.push(rustix::process::getpid().as_raw_pid());
        let mut seen = Vec::with_capacity(512);
        for_each_pid(&proc, |pid| {
            if let Some(found) = look(&proc, pid)?.filter(|_| !spared.contains(&pid)) {
                seen.push(found);
            }
            Ok(())
        })
        .map_err(ProcScanError)?;
        seen.sort_unstable_by_key(|seen| seen.pid);
        seen.dedup_by_key(|seen| seen.pid);
        if depth == Depth::Cookies {
            read_cookies(&proc, &mut seen);
        }
        Ok(Self { seen, spared, boot: clock::boot_id() })
    }

    /// What a scan finds where nobody is.
    pub fn of_nobody() -> Self {
        Self { seen: Vec::new(), spared: Vec::new(), boot: clock::boot_id() }
    }

    /// The process with this number.
    pub fn find(&self, pid: i32) -> Option<&ProcEntry> {
        self.position(pid).and_then(|at| self.seen.get(at))
    }

    /// All marked processes of one home, zombies included: a marked zombie proves that a run began.
    pub fn of_home(&self, home: u32) -> impl Iterator<Item = (Tag, &ProcEntry)> {
        self.seen
            .iter()
            .filter_map(move |seen| Some((seen.tag?, seen)))
            .filter(move |(tag, _)| tag.home() == home)
    }

    /// The living members of many runs at once.
    ///
    /// A process belongs to the run it is marked for; an unmarked one to the run in whose leader's
    /// session or group it is; else to that of its parent. Somebody else's mark always wins, so a
    /// process manager run by an app keeps its own apps. Of a leader that is gone the session and
    /// group count for orphans of the spared: those come from apps, and a number is not given out
    /// again while it is a session's.
    pub fn run_members(&self, runs: &[RunQuery<'_>]) -> RunMembers {
        let mut by_run: RunMembers = runs.iter().map(|run| (run.tag, Vec::new())).collect();
        let owners = self.owners(&self.claims(runs));
        let users = runs.iter().filter_map(|run| Some((run.tag, run.user?)));
        let users: BTreeMap<Tag, u32> = users.collect();
        for ((at, seen), owner) in self.seen.iter().enumerate().zip(&owners) {
            let Some(members) = owner.and_then(|tag| by_run.get_mut(&tag)) else { continue };
            let user = owner.and_then(|tag| users.get(&tag));
            if seen.alive && user.is_none_or(|user| may_be_of(seen.pid, *user)) {
                members.push(self.member(seen, self.depth(at, &owners)));
            }
        }
        for members in by_run.values_mut() {
            members.sort_by_key(|member| (member.depth, member.identity.pid));
        }
        by_run
    }

    fn claims(&self, runs: &[RunQuery<'_>]) -> Claims {
        let mut claims = Claims::default();
        for run in runs {
            if let Some(leader) = run.leader.filter(|leader| leader.boot == self.boot) {
                if self.has(leader) {
                    claims.leaders.insert(leader.pid, run.tag);
                } else if self.find(leader.pid).is_none() {
                    claims.gone.insert(leader.pid, run.tag);
                }
            }
            let known = run.known.iter().filter(|known| self.has(known));
            claims.known.extend(known.map(|known| (known.pid, run.tag)));
        }
        claims
    }

    /// The run an unmarked process belongs to by itself, and not by descent.
    fn claimed(&self, seen: &ProcEntry, claims: &Claims) -> Option<Tag> {
        let by = |numbers: &BTreeMap<i32, Tag>| {
            [seen.pid, seen.session, seen.pgrp]
                .iter()
                .find_map(|number| numbers.get(number).copied())
        };
        let known = claims.known.get(&seen.pid).copied();
        known
            .or_else(|| by(&claims.leaders))
            .or_else(|| by(&claims.gone).filter(|_| self.spared.contains(&seen.ppid)))
    }

    /// For each process, by position, the run it belongs to.
    fn owners(&self, claims: &Claims) -> Vec<Option<Tag>> {
        let claimed = |seen: &ProcEntry| seen.tag.or_else(|| self.claimed(seen, claims));
        let mut owners: Vec<Option<Tag>> = self.seen.iter().map(claimed).collect();
        // Descent: a child usually has a greater number than its parent, so one round does, and
        // one more proves it; after numbers wrapped round it takes a few.
        let mut changed = true;
        while changed {
            changed = false;
            for at in 0..self.seen.len() {
                if owners.get(at).is_some_and(Option::is_some) {
                    continue;
                }
                let parent = self.seen.get(at).and_then(|seen| self.position(seen.ppid));
                let inherited = parent.and_then(|parent| owners.get(parent).copied().flatten());
                if let (Some(slot), Some(_)) = (owners.get_mut(at), inherited) {
                    *slot = inherited;
                    changed = true;
                }
            }
        }
        owners
    }

    /// How many ancestors in a row belong to the same run.
    fn depth(&self, at: usize, owners: &[Option<Tag>]) -> u32 {
        let mut depth = 0;
        let mut here = at;
        // A scan isn't one instant, so numbers reused meanwhile could even form a ring.
        while depth < 4096 {
            let parent = self.seen.get(here).and_then(|seen| self.position(seen.ppid));
            match parent.filter(|&parent| owners.get(parent) == owners.get(at)) {
                Some(parent) => here = parent,
                None => break,
            }
            depth += 1;
        }
        depth
    }

    fn has(&self, leader: &ProcIdentity) -> bool {
        leader.boot == self.boot
            && self.find(leader.pid).is_some_and(|seen| seen.started == leader.started)
            && !self.spared.contains(&leader.pid)
    }

    fn position(&self, pid: i32) -> Option<usize> {
        self.seen.binary_search_by_key(&pid, |seen| seen.pid).ok()
    }

    fn member(&self, seen: &ProcEntry, depth: u32) -> TreeMember {
        TreeMember {
            // The inode is unknown here: pid and start time were read together, and `open` checks.
            identity: ProcIdentity {
                pid: seen.pid,
                started: seen.started,
                boot: self.boot,
                inode: 0,
            },
            depth,
            seen: *seen,
        }
    }
}

/// Whether a process is of this user, or of root, whom a program may be started as. Who can't be asked any more is
/// taken for one: he is opened before he is touched.
fn may_be_of(pid: i32, user: u32) -> bool {
    identity::user_of(pid).is_none_or(|real| real == user || real == 0)
}

/// By what a process without a mark is known, each with the run it tells.
#[derive(Debug, Default)]
struct Claims {
    /// Numbers of leaders that are there.
    leaders: BTreeMap<i32, Tag>,
    /// Numbers of leaders that are gone.
    gone: BTreeMap<i32, Tag>,
    /// Members seen before.
    known: BTreeMap<i32, Tag>,
}

/// Most rounds of a chase.
const CHASE: usize = 1000;

/// Calls `visit` with the number of every process, in the kernel's order (ascending); of a few twice.
///
/// `/proc` lists the numbers of one moment, so those given out since then are visited one by one,
/// until no new ones appear: a process that ends before we get to it has a successor further on, or
/// among the lowest if numbers began anew, and then all are listed again.
pub(super) fn for_each_pid(
    proc: &OwnedFd,
    mut visit: impl FnMut(i32) -> Result<(), Errno>,
) -> Result<(), Errno> {
    let mut tried = procfs::newest_pid();
    for_each_listed(proc, &mut visit)?;
    for _ in 0..CHASE {
        let newest = procfs::newest_pid();
        match newest.cmp(&tried) {
            Ordering::Equal => break,
            Ordering::Less => for_each_listed(proc, &mut visit)?,
            Ordering::Greater => {
                // Threads have numbers, too.
                let mut given = (tried + 1..=newest).filter(|pid| identity::open_any(*pid).is_ok());
                given.try_for_each(&mut visit)?;
            }
        }
        tried = newest;
    }
    Ok(())
}

fn for_each_listed(
    proc: &OwnedFd,
    mut visit: impl FnMut(i32) -> Result<(), Errno>,
) -> Result<(), Errno> {
    rustix::fs::seek(proc, SeekFrom::Start(0))?;
    let mut buffer = vec![MaybeUninit::uninit(); 32 << 10];
    let mut entries = RawDir::new(proc.as_fd(), &mut buffer);
    while let Some(entry) = entries.next() {
        if let Some(pid) = procfs::pid_of_name(entry?.file_name().to_bytes()) {
            visit(pid)?;
        }
    }
    Ok(())
}

fn look(proc: &OwnedFd, pid: i32) -> Result<Option<ProcEntry>, Errno> {
    let stat = match procfs::stat(proc, pid) {
        Ok(Some(stat)) => stat,
        // Gone, or hidden from us (hidepid, a security module): then it can't be ours.
        Ok(None) | Err(Errno::ACCESS | Errno::PERM) => return Ok(None),
        Err(errno) => return Err(errno),
    };
    if stat.kernel_thread {
        return Ok(None);
    }
    let tag = tag::of(pid);
    Ok(Some(ProcEntry { tag, marked: tag.is_some(), ..stat }))
}

fn read_cookies(proc: &OwnedFd, seen: &mut [ProcEntry]) {
    let mut buffer = vec![0_u8; ENVIRON];
    for process in seen.iter_mut().filter(|seen| seen.tag.is_none() && seen.alive) {
        // Not readable means another user's: without a tag it can't be told, and descent may.
        if let Ok(Some(length)) = procfs::read(proc, process.pid, "environ", &mut buffer) {
            process.tag = buffer.get(..length).and_then(Tag::in_environment);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The living members of one run, parents before children.
    fn members(scan: &ProcScan, tag: Tag, leader: Option<&ProcIdentity>) -> Vec<TreeMember> {
        let query = RunQuery { leader, ..RunQuery::of(tag) };
        scan.run_members(&[query]).remove(&tag).unwrap_or_default()
    }

    fn process(pid: i32, parent: i32, session: i32, tag: Option<Tag>) -> ProcEntry {
        ProcEntry {
            pid,
            ppid: parent,
            pgrp: session,
            session,
            alive: true,
            kernel_thread: false,
            exit_code: 0,
            started: 100 + u64::from(pid.unsigned_abs()),
            own_ticks: 1,
            children_ticks: 0,
            rss: 4096,
            tag,
            marked: tag.is_some(),
        }
    }

    fn scan(seen: Vec<ProcEntry>) -> ProcScan {
        ProcScan { seen, spared: vec![2], boot: None }
    }

    fn identity(pid: i32) -> ProcIdentity {
        let started = 100 + u64::from(pid.unsigned_abs());
        ProcIdentity { pid, started, boot: None, inode: 0 }
    }

    fn pids(members: &[TreeMember]) -> Vec<i32> {
        members.iter().map(|member| member.identity.pid).collect()
    }

    const A: Tag = Tag::new(5, 1);
    const B: Tag = Tag::new(5, 2);

    #[test]
    fn tag_session_and_descent_are_joined() {
        let scan = scan(vec![
            process(10, 1, 10, Some(A)),
            process(11, 10, 10, None),
            process(12, 1, 10, None),
            process(13, 1, 13, Some(A)),
            process(14, 13, 14, None),
            process(15, 14, 15, None),
            process(16, 1, 16, None),
        ]);
        assert_eq!(pids(&members(&scan, A, None)), [10, 13, 11, 14, 15]);
        assert_eq!(pids(&members(&scan, A, Some(&identity(10)))), [10, 12, 13, 11, 14, 15]);
    }

    #[test]
    fn anothers_mark_wins_over_descent_and_session() {
        let scan = scan(vec![
            process(10, 1, 10, Some(A)),
            process(11, 10, 10, Some(B)),
            process(12, 11, 10, None),
        ]);
        let leader = identity(10);
        let by_run = scan
            .run_members(&[RunQuery { leader: Some(&leader), ..RunQuery::of(A) }, RunQuery::of(B)]);
        assert_eq!(pids(&by_run[&A]), [10, 12], "a session mate goes by its session");
        assert_eq!(pids(&by_run[&B]), [11]);
    }

    #[test]
    fn orphans_of_the_spared_go_by_the_session_of_a_leader_that_is_gone() {
        let scan = scan(vec![
            process(11, 2, 10, None),
            process(12, 11, 12, None),
            process(13, 1, 10, None),
            process(14, 2, 14, None),
        ]);
        let leader = identity(10);
        assert_eq!(pids(&members(&scan, A, Some(&leader))), [11, 12], "13 may be a stranger");
        let of_another_boot = ProcIdentity { boot: Some(clock::BootId(7)), ..leader };
        assert_eq!(members(&scan, A, Some(&of_another_boot)), []);
    }

    #[test]
    fn who_was_a_member_stays_one() {
        let scan = scan(vec![process(14, 2, 14, None), process(15, 14, 15, None)]);
        let by_run = |known: &[ProcIdentity]| {
            let mut by_run = scan.run_members(&[RunQuery { known, ..RunQuery::of(A) }]);
            pids(&by_run.remove(&A).unwrap())
        };
        assert_eq!(by_run(&[identity(14)]), [14, 15]);
        assert_eq!(
            by_run(&[ProcIdentity { started: 1, ..identity(14) }]),
            [],
            "its number is reused"
        );
    }

    #[test]
    fn a_reused_leader_number_claims_nobody() {
        let scan = scan(vec![process(10, 1, 10, None), process(11, 10, 10, None)]);
        let stale = ProcIdentity { started: 1, ..identity(10) };
        assert_eq!(members(&scan, A, Some(&stale)), []);
    }

    #[test]
    fn a_parent_with_the_greater_number_still_counts() {
        let scan =
            scan(vec![process(5, 6, 5, None), process(6, 7, 6, None), process(7, 1, 7, Some(A))]);
        assert_eq!(pids(&members(&scan, A, None)), [7, 6, 5]);
    }

    #[test]
    fn zombies_are_gone_but_pass_their_children_on() {
        let mut dead = process(10, 1, 10, Some(A));
        dead.alive = false;
        let scan = scan(vec![dead, process(11, 10, 11, None)]);
        assert_eq!(pids(&members(&scan, A, None)), [11]);
        assert_eq!(scan.of_home(5).count(), 1);
    }

    #[test]
    fn a_ring_of_reused_numbers_ends() {
        let scan = scan(vec![process(5, 6, 5, Some(A)), process(6, 5, 6, Some(A))]);
        assert_eq!(members(&scan, A, None).len(), 2);
    }
}
