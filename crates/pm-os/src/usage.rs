//! CPU and memory of whole runs, from two looks at `/proc` (see [`crate::tree::ProcScan`]). It keeps
//! no clock running: whoever wants figures takes a scan and hands it in.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use crate::clock;
use crate::procfs::{self, ProcEntry};
use crate::tag::Tag;
use crate::tree::{RunMembers, TreeMember};

/// What a run uses, all its processes together.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RunUsage {
    /// Per cent of one core since the previous sample (100 = one core busy), see [`Sampler`].
    pub cpu: f64,
    /// Resident memory in bytes, summed as PM2 does: shared pages count once per process.
    pub memory: u64,
    /// Living processes.
    pub processes: usize,
}

/// Memory of a run with shared pages counted once: a page that several processes have counts for each by its share
/// (PSS). Who tells too little of itself counts by its resident memory.
///
/// This makes the kernel walk all page tables of each member, milliseconds for a large one: only for whoever must know.
pub fn proportional(members: &[TreeMember]) -> u64 {
    members.iter().map(|member| share_of(member.identity.pid).unwrap_or(member.seen.rss)).sum()
}

/// The PSS of a process in bytes, from `/proc/PID/smaps_rollup` (Linux 4.14).
fn share_of(pid: i32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    Some(kib.saturating_mul(1024))
}

/// One process as it is now, for people.
#[derive(Debug, Clone, PartialEq)]
pub struct ProcessUsage {
    /// Its parent.
    pub ppid: i32,
    /// As whom it runs.
    pub uid: u32,
    /// Per cent of one core since it began.
    pub cpu: f64,
    /// Resident memory in bytes.
    pub memory: u64,
    /// When it began, since boot.
    pub begun: Duration,
    /// Its words as it shows them, one blank between.
    pub command: Vec<u8>,
}

/// A process that lives. Its number may be another's by now: whoever got it from somebody else looks at `begun`.
pub fn of_process(pid: i32) -> Option<ProcessUsage> {
    let seen = procfs::stat_once(pid).ok()?.filter(|seen| seen.alive)?;
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let of = |name: &str| status.lines().find_map(|line| line.strip_prefix(name));
    let uid = of("Uid:")?.split_whitespace().nth(1)?.parse().ok()?;
    let mut command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    command.truncate(
        command.trim_ascii_end().iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1),
    );
    for byte in command.iter_mut().filter(|byte| **byte == 0) {
        *byte = b' ';
    }
    if command.is_empty() {
        command = format!("[{}]", of("Name:")?.trim()).into();
    }
    Some(ProcessUsage {
        ppid: seen.ppid,
        uid,
        cpu: lifetime(&seen, clock::since_boot()),
        memory: seen.rss,
        begun: ticks(seen.started),
        command,
    })
}

/// Turns the members of runs, again and again, into usage. Remembers the ticks of each process, nothing else.
///
/// The first sample of a run gives the average since its processes started, so the first `list`
/// shows something; later ones the average since the sample before. CPU of children that ended
/// between two samples counts if their parent is a member and waited for them.
#[derive(Debug, Default)]
pub struct Sampler {
    last: BTreeMap<(i32, u64), Ticks>,
    at: Option<Duration>,
}

/// What one process had used when last seen.
#[derive(Debug, Clone, Copy)]
struct Ticks {
    tag: Tag,
    own: u64,
    children: u64,
}

impl Sampler {
    /// Nothing sampled yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Usage of every run in it, since the previous call.
    pub fn sample(&mut self, by_run: &RunMembers) -> BTreeMap<Tag, RunUsage> {
        self.sample_at(by_run, clock::monotonic(), clock::since_boot())
    }

    fn sample_at(
        &mut self,
        by_run: &RunMembers,
        now: Duration,
        since_boot: Duration,
    ) -> BTreeMap<Tag, RunUsage> {
        let elapsed = self.at.map(|at| now.saturating_sub(at));
        let mut before: BTreeMap<Tag, u64> = BTreeMap::new();
        for ticks in self.last.values() {
            *before.entry(ticks.tag).or_default() += ticks.own + ticks.children;
        }
        let mut usage = BTreeMap::new();
        let mut seen = BTreeMap::new();
        for (&tag, members) in by_run {
            let known = before.get(&tag).copied().zip(elapsed.filter(|time| !time.is_zero()));
            let cpu = match known {
                Some((before, elapsed)) => {
                    let begun = since_boot.saturating_sub(elapsed);
                    percent(self.spent(members, before, begun), elapsed)
                }
                None => members.iter().map(|member| lifetime(&member.seen, since_boot)).sum(),
            };
            let memory = members.iter().map(|member| member.seen.rss).sum();
            usage.insert(tag, RunUsage { cpu, memory, processes: members.len() });
            for member in members {
                let key = (member.identity.pid, member.identity.started);
                let (own, children) = (member.seen.own_ticks, member.seen.children_ticks);
                seen.insert(key, Ticks { tag, own, children });
            }
        }
        self.last = seen;
        self.at = Some(now);
        usage
    }

    /// Ticks a run used since its sum was `before`.
    ///
    /// When a child ends and its parent waits for it, its ticks move to the parent's
    /// `children_ticks`, so the sum over the run stays right; when somebody else reaps it, the sum
    /// drops. Both the sum's growth and that of the living are lower bounds: the greater is taken.
    fn spent(&self, members: &[TreeMember], before: u64, begun: Duration) -> u64 {
        let (mut sum, mut base, mut living) = (0, before, 0);
        for member in members {
            let total = member.seen.own_ticks + member.seen.children_ticks;
            sum += total;
            match self.last.get(&(member.identity.pid, member.identity.started)) {
                Some(then) => living += member.seen.own_ticks.saturating_sub(then.own),
                None if started(member) >= begun.saturating_sub(clock::tick()) => {
                    living += member.seen.own_ticks;
                }
                // It joined late (found by descent only now): what it used before isn't news.
                None => base += total,
            }
        }
        living.max(sum.saturating_sub(base))
    }
}

/// Time from boot to the start of a member.
fn started(member: &TreeMember) -> Duration {
    ticks(member.identity.started)
}

fn ticks(count: u64) -> Duration {
    let nanos = clock::tick().as_nanos().saturating_mul(u128::from(count));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

fn lifetime(seen: &ProcEntry, since_boot: Duration) -> f64 {
    // Start times are rounded down to ticks, so a new process may seem a tick older than it is.
    let age = since_boot.saturating_sub(ticks(seen.started)).max(clock::tick());
    percent(seen.own_ticks, age)
}

fn percent(spent: u64, time: Duration) -> f64 {
    ticks(spent).as_secs_f64() / time.as_secs_f64() * 100.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::ProcIdentity;

    const TAG: Tag = Tag::new(1, 1);

    fn member(pid: i32, started: u64, own: u64, children: u64) -> TreeMember {
        let line =
            format!("{pid} (x) S 1 1 1 0 -1 0 0 0 0 0 {own} 0 {children} 0 20 0 1 0 {started} 0 1");
        let seen = ProcEntry::parse(line.as_bytes()).unwrap();
        let identity = ProcIdentity { pid, started, boot: None, inode: 0 };
        TreeMember { identity, depth: 0, seen }
    }

    /// Samples at the given second after boot; the tests assume the usual tick of 10 ms.
    fn cpu(sampler: &mut Sampler, second: u64, members: Vec<TreeMember>) -> f64 {
        assert_eq!(clock::tick(), Duration::from_millis(10));
        let now = Duration::from_secs(second);
        let usage = sampler.sample_at(&BTreeMap::from([(TAG, members)]), now, now)[&TAG];
        (usage.cpu * 10.0).round() / 10.0
    }

    #[test]
    fn a_process_tells_who_and_what_it_is() {
        let us = of_process(i32::try_from(std::process::id()).unwrap()).unwrap();
        assert_eq!(us.uid, rustix::process::geteuid().as_raw());
        assert_eq!(us.ppid, rustix::process::Pid::as_raw(rustix::process::getppid()));
        assert!(us.memory > 0 && us.cpu >= 0.0 && us.begun <= clock::since_boot(), "{us:?}");
        let program = std::env::args().next().unwrap();
        assert!(us.command.starts_with(program.as_bytes()), "{us:?}");
        assert!(of_process(i32::MAX).is_none());
    }

    fn near(value: f64, wanted: f64) {
        assert!((value - wanted).abs() < 0.11, "{value} instead of {wanted}");
    }

    #[test]
    fn first_average_of_life_then_of_the_interval() {
        let mut sampler = Sampler::new();
        near(cpu(&mut sampler, 10, vec![member(7, 0, 500, 0)]), 50.0);
        near(cpu(&mut sampler, 12, vec![member(7, 0, 700, 0)]), 100.0);
        near(cpu(&mut sampler, 14, vec![member(7, 0, 700, 0)]), 0.0);
    }

    #[test]
    fn a_child_that_was_waited_for_counts_once() {
        let mut sampler = Sampler::new();
        cpu(&mut sampler, 10, vec![member(7, 0, 0, 0), member(8, 900, 50, 0)]);
        near(cpu(&mut sampler, 11, vec![member(7, 0, 0, 80)]), 30.0);
    }

    #[test]
    fn a_child_somebody_else_reaped_is_no_debt() {
        let mut sampler = Sampler::new();
        cpu(&mut sampler, 10, vec![member(7, 0, 100, 0), member(8, 900, 90, 0)]);
        near(cpu(&mut sampler, 11, vec![member(7, 0, 140, 0)]), 40.0);
    }

    #[test]
    fn a_late_joiner_brings_no_history() {
        let mut sampler = Sampler::new();
        cpu(&mut sampler, 10, vec![member(7, 0, 0, 0)]);
        near(cpu(&mut sampler, 11, vec![member(7, 0, 10, 0), member(9, 100, 900, 0)]), 10.0);
        near(cpu(&mut sampler, 12, vec![member(7, 0, 10, 0), member(9, 100, 950, 0)]), 50.0);
    }

    #[test]
    fn a_new_child_counts_from_its_birth() {
        let mut sampler = Sampler::new();
        cpu(&mut sampler, 10, vec![member(7, 0, 0, 0)]);
        near(cpu(&mut sampler, 11, vec![member(7, 0, 0, 0), member(9, 1050, 25, 0)]), 25.0);
    }

    #[test]
    fn a_reused_pid_is_a_new_process() {
        let mut sampler = Sampler::new();
        cpu(&mut sampler, 10, vec![member(7, 0, 900, 0)]);
        near(cpu(&mut sampler, 11, vec![member(7, 1000, 30, 0)]), 30.0);
    }
}
