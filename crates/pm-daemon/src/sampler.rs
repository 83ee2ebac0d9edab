//! When figures are taken: only while somebody looks or a memory limit needs it (law 4).

use std::collections::BTreeMap;
use std::net::SocketAddr;

use pm_core::{RunId, Time};
use pm_os::host::HostFigures;
use pm_protocol::{Host, Usage};

use crate::blocked_logs::BlockedLogs;
use crate::running_commands::RunningCommands;
use crate::tree_job::{Machine, Sample};

/// Figures younger than this are shown again instead of being taken anew, in ms.
const FRESH: u64 = 1_000;

/// How often trees with a memory limit are weighed, in ms; a limit acts within 5 s (pain 14).
const LIMIT_INTERVAL: u64 = 2_000;

/// The last figures, and who wants new ones.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    usage: BTreeMap<RunId, Usage>,
    /// Where we accept connections for cluster workers.
    served: BTreeMap<RunId, Vec<SocketAddr>>,
    host: Option<Host>,
    taken: Option<Time>,
    host_taken: Option<Time>,
    asked: Option<Time>,
    /// Logs that take nothing.
    pub(crate) blocked: BlockedLogs,
    /// Commands that go with runs.
    pub(crate) commands: RunningCommands,
}

impl Figures {
    /// The last figures of a run.
    pub(crate) fn of(&self, run: RunId) -> Usage {
        self.usage.get(&run).cloned().unwrap_or_default()
    }

    /// The machine's last figures.
    pub(crate) fn host(&self) -> Option<&Host> {
        self.host.as_ref()
    }

    /// Whether the last figures are good enough to be shown.
    pub(crate) fn is_fresh(&self, now: Time, machine: Machine) -> bool {
        let young = |at: Option<Time>| at.is_some_and(|at| now.0.saturating_sub(at.0) < FRESH);
        young(self.taken) && (machine == Machine::Unwanted || young(self.host_taken))
    }

    /// Whether a run has figures at all.
    pub(crate) fn knows(&self, run: RunId) -> bool {
        self.usage.contains_key(&run)
    }

    /// When the next figures are due by themselves, for watchers with this shortest interval in ms and for memory
    /// limits, if there are any of them; `None`: nobody looks.
    pub(crate) fn due(&self, now: Time, watchers: Option<u64>, limits: bool) -> Option<Time> {
        let interval = watchers.into_iter().chain(limits.then_some(LIMIT_INTERVAL)).min()?;
        let next = self.taken.map_or(now, |taken| Time(taken.0 + interval));
        self.asked.is_none().then_some(next)
    }

    /// Notes that a sample was ordered; `false` if one is under way already.
    pub(crate) fn order(&mut self, now: Time) -> bool {
        let idle = self.asked.is_none();
        self.asked = Some(now);
        idle
    }

    /// Connections to these addresses are accepted for a run.
    pub(crate) fn serves(&mut self, run: RunId, addresses: Vec<SocketAddr>) {
        self.served.insert(run, addresses);
    }

    /// Takes fresh figures in.
    pub(crate) fn take(&mut self, now: Time, sample: Sample) {
        self.asked = None;
        self.taken = Some(now);
        self.served.retain(|run, _| sample.usage.contains_key(run));
        let mut listens = sample.listens;
        for (run, addresses) in &self.served {
            let all = listens.entry(*run).or_default();
            let more: Vec<_> = addresses.iter().filter(|at| !all.contains(at)).copied().collect();
            all.extend(more);
        }
        let to_wire =
            |(run, usage)| (run, to_wire(usage, listens.remove(&run).unwrap_or_default()));
        self.usage = sample.usage.into_iter().map(to_wire).collect();
        if let Some(figures) = sample.host {
            self.host = Some(host(&figures));
            self.host_taken = Some(now);
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a per cent figure for people")]
fn percent(value: f64) -> f32 {
    ((value * 10.0).round() / 10.0) as f32
}

fn to_wire(usage: pm_os::usage::RunUsage, listens: Vec<SocketAddr>) -> Usage {
    Usage {
        cpu: percent(usage.cpu),
        memory: usage.memory,
        processes: u32::try_from(usage.processes).unwrap_or(u32::MAX),
        listens,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate in bytes for people; negative ones don't exist"
)]
fn rate(value: f64) -> u64 {
    value as u64
}

fn host(figures: &HostFigures) -> Host {
    let root = figures.disks.iter().find(|disk| disk.mounted_at.as_os_str() == "/");
    let disk = root.or(figures.disks.first());
    Host {
        cpu: percent(figures.cpu),
        cores: u32::try_from(figures.cores.len()).unwrap_or(u32::MAX),
        load: figures.load,
        memory_used: figures.memory_used,
        memory_total: figures.memory_total,
        swap_used: figures.swap_used,
        swap_total: figures.swap_total,
        disk_used: disk.map_or(0, |disk| disk.used),
        disk_free: disk.map(|disk| disk.free),
        disk_total: disk.map_or(0, |disk| disk.total),
        received: rate(figures.received_per_second),
        sent: rate(figures.sent_per_second),
    }
}
