//! What the kernel is told about a process before it runs: limits of what it may use, and who goes first.
#![expect(unsafe_code, reason = "ioprio_set(2) has no safe wrapper")]

use std::fs;

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::{Errno, write};
use rustix::process::{
    Resource, Rlimit, getpriority_process, getrlimit, setpriority_process, setrlimit,
};
use rustix::thread::{CapabilitySet, CpuSet, capabilities, sched_getaffinity, sched_setaffinity};

use super::step::{SpawnStep, StepFailure};
use crate::errno;

/// Told to the kernel by the child about itself, while it has our rights still. What is not said stays as ours.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KernelOrders {
    /// Limits under the names people know them by, set one after the other. A hard one above ours needs
    /// `CAP_SYS_RESOURCE`.
    pub rlimits: Vec<(&'static str, Resource, Rlimit)>,
    /// Niceness, -20 to 19. Less than ours needs `CAP_SYS_NICE` or `RLIMIT_NICE`.
    pub nice: Option<i32>,
    /// Its turn at disks.
    pub io: Option<IoTurn>,
    /// The CPUs it runs on.
    pub cpus: Option<CpuSet>,
    /// `oom_score_adj` (-1000 to 1000), in place of the one to give back. Less than ours needs `CAP_SYS_RESOURCE`.
    pub oom_score_adj: Option<i32>,
}

/// The kernel will not be told that.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {}; {why}", errno::words(*errno))]
pub struct Denied {
    /// What it was to be told, as in "set its niceness to -5".
    pub what: String,
    /// What it says.
    pub errno: Errno,
    /// What it takes, or what is wrong.
    pub why: String,
}

/// A turn at disks, `ioprio_set(2)`: level 0 (first) to 7 of a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IoTurn {
    /// Before all others; needs `CAP_SYS_ADMIN` or `CAP_SYS_NICE`.
    Realtime(u8),
    /// As usual.
    BestEffort(u8),
    /// When nobody else wants the disk.
    Idle,
}

impl IoTurn {
    /// As the kernel has it: the class above thirteen bits of level.
    fn raw(self) -> i32 {
        match self {
            Self::Realtime(level) => (1 << 13) | i32::from(level.min(7)),
            Self::BestEffort(level) => (2 << 13) | i32::from(level.min(7)),
            Self::Idle => 3 << 13,
        }
    }
}

impl KernelOrders {
    /// Runs in the child between clone and exec: nothing but system calls.
    pub(super) fn obey(&self) -> Result<(), StepFailure> {
        let failed = |step| move |errno| StepFailure { step, errno };
        for (_, resource, limit) in &self.rlimits {
            setrlimit(*resource, *limit).map_err(failed(SpawnStep::Rlimit))?;
        }
        if let Some(nice) = self.nice {
            setpriority_process(None, nice).map_err(failed(SpawnStep::Nice))?;
        }
        if let Some(turn) = self.io {
            set_io(turn).map_err(failed(SpawnStep::Ioprio))?;
        }
        if let Some(cpus) = &self.cpus {
            run_on(cpus).map_err(failed(SpawnStep::Cpus))?;
        }
        Ok(())
    }

    /// What of it the kernel would not be told by us, and why: known before anything is begun.
    pub fn denied(&self) -> Option<Denied> {
        let limit = self.rlimits.iter().find_map(|(name, resource, limit)| {
            let (errno, why) = beyond(*resource, *limit)?;
            let word = |part: Option<u64>| part.map_or("unlimited".into(), |it| it.to_string());
            let (soft, hard) = (word(limit.current), word(limit.maximum));
            Some(Denied { what: format!("limit {name} to {soft}:{hard}"), errno, why })
        });
        limit
            .or_else(|| self.too_nice())
            .or_else(|| self.too_early())
            .or_else(|| self.elsewhere())
            .or_else(|| self.too_safe())
    }

    fn elsewhere(&self) -> Option<Denied> {
        let cpus = self.cpus.as_ref()?;
        let here = fs::read_to_string("/sys/devices/system/cpu/online").ok()?;
        let here = here.trim();
        let wanted: Vec<_> = (0..CpuSet::MAX_CPU).filter(|cpu| cpus.is_set(*cpu)).collect();
        let lacking = wanted.iter().find(|cpu| !has(here, **cpu))?;
        let wanted: Vec<_> = wanted.iter().map(ToString::to_string).collect();
        Some(Denied {
            what: format!("run it on the CPUs {}", wanted.join(",")),
            errno: Errno::INVAL,
            why: format!("this machine has no CPU {lacking}, but {here}"),
        })
    }

    fn too_nice(&self) -> Option<Denied> {
        let nice = self.nice?;
        // `RLIMIT_NICE` counts from 1 (niceness 19) to 40 (-20).
        let most = getrlimit(Resource::Nice).current.unwrap_or(40).min(40);
        let allowed = i32::try_from(most).map_or(20, |most| 20 - most);
        let least = getpriority_process(None).unwrap_or(0).min(allowed);
        (nice < least && !may(CapabilitySet::SYS_NICE)).then(|| Denied {
            what: format!("set its niceness to {nice}"),
            errno: Errno::ACCESS,
            why: "lower than now needs root, `CAP_SYS_NICE`, or a limit of nice (ulimit -e)".into(),
        })
    }

    fn too_early(&self) -> Option<Denied> {
        let Some(IoTurn::Realtime(level)) = self.io else { return None };
        let may = may(CapabilitySet::SYS_ADMIN) || may(CapabilitySet::SYS_NICE);
        (!may).then(|| Denied {
            what: format!("set its turn at disks to realtime:{level}"),
            errno: Errno::PERM,
            why: "realtime needs root or `CAP_SYS_NICE`; best-effort:0 does not".into(),
        })
    }

    fn too_safe(&self) -> Option<Denied> {
        let score = self.oom_score_adj?;
        let ours = fs::read_to_string("/proc/self/oom_score_adj").ok()?.trim().parse().ok()?;
        (score < ours && !may(CapabilitySet::SYS_RESOURCE)).then(|| Denied {
            what: format!("set its oom_score_adj to {score}"),
            errno: Errno::ACCESS,
            why: format!("lower than now, {ours}, needs `CAP_SYS_RESOURCE` (root, but not in every container)"),
        })
    }
}

/// Why the kernel refuses a limit.
fn beyond(resource: Resource, limit: Rlimit) -> Option<(Errno, String)> {
    let number = |part: Option<u64>| part.unwrap_or(u64::MAX);
    let (soft, hard) = (number(limit.current), number(limit.maximum));
    if soft > hard {
        return Some((Errno::INVAL, "the soft limit is above the hard one".into()));
    }
    let ours = number(getrlimit(resource).maximum);
    if hard > ours && !may(CapabilitySet::SYS_RESOURCE) {
        return Some((
            Errno::PERM,
            format!(
                "above the hard limit of now, {ours}, needs `CAP_SYS_RESOURCE` (root, but not in every container)"
            ),
        ));
    }
    let all =
        fs::read_to_string("/proc/sys/fs/nr_open").ok().filter(|_| resource == Resource::Nofile);
    let most = all.and_then(|most| most.trim().parse().ok()).filter(|most: &u64| hard > *most)?;
    Some((Errno::PERM, format!("nobody may have more than {most} (sysctl fs.nr_open)")))
}

/// Whether we have this right.
fn may(right: CapabilitySet) -> bool {
    capabilities(None).is_ok_and(|ours| ours.effective.contains(right))
}

/// Whether a list of the kernel's, such as `0-2,4`, has this number.
fn has(all: &str, number: usize) -> bool {
    all.split(',').any(|part| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let range = first.parse::<usize>().ok().zip(last.parse().ok());
        range.is_some_and(|(first, last)| (first..=last).contains(&number))
    })
}

/// On these CPUs or not at all: of several, the kernel forgets those that it lacks.
fn run_on(cpus: &CpuSet) -> Result<(), Errno> {
    sched_setaffinity(None, cpus)?;
    if sched_getaffinity(None)? == *cpus { Ok(()) } else { Err(Errno::INVAL) }
}

fn set_io(turn: IoTurn) -> Result<(), Errno> {
    const WHO_PROCESS: i32 = 1;
    // SAFETY: three numbers, no memory; 0 is who calls.
    let set = unsafe { libc::syscall(libc::SYS_ioprio_set, WHO_PROCESS, 0, turn.raw()) };
    if set == 0 { Ok(()) } else { Err(errno::last()) }
}

/// Runs in the child between clone and exec.
pub(super) fn adjust_oom(score: &[u8]) -> Result<(), Errno> {
    let flags = OFlags::WRONLY | OFlags::CLOEXEC;
    let file = openat(CWD, c"/proc/self/oom_score_adj", flags, Mode::empty())?;
    write(&file, score).map(drop)
}
