//! Figures of the whole machine, through sysinfo. Made when somebody first looks; nothing of it
//! runs by itself. Processes are not asked about here: [`crate::usage`] is cheaper by far.

use std::time::Duration;

use sysinfo::{Disks, Networks, System};

use crate::clock;

/// One look at the machine.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HostFigures {
    /// Per cent of all cores together, 0 to 100, since the previous look (0 at the first).
    pub cpu: f64,
    /// Per cent of each core.
    pub cores: Vec<f64>,
    /// Memory in use, in bytes.
    pub memory_used: u64,
    /// All memory, in bytes.
    pub memory_total: u64,
    /// Swap in use, in bytes.
    pub swap_used: u64,
    /// All swap, in bytes.
    pub swap_total: u64,
    /// Load averages over 1, 5 and 15 minutes.
    pub load: [f64; 3],
    /// Mounted file systems that lie on disks.
    pub disks: Vec<DiskFigures>,
    /// Bytes per second received since the previous look, over all interfaces but loopback.
    pub received_per_second: f64,
    /// Bytes per second sent.
    pub sent_per_second: f64,
}

/// One file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskFigures {
    /// Where it is mounted.
    pub mounted_at: std::path::PathBuf,
    /// Bytes in use.
    pub used: u64,
    /// Bytes free to the unprivileged: less than what is not in use, for some are kept for root.
    pub free: u64,
    /// Size in bytes.
    pub total: u64,
}

/// Remembers what rates need. What sysinfo can't tell on this system stays zero or empty.
#[derive(Debug)]
pub struct HostSampler {
    system: Option<System>,
    disks: Option<Disks>,
    networks: Option<Networks>,
    looked: Option<Duration>,
}

impl HostSampler {
    /// Takes the first look, so that the next one has rates.
    pub fn new() -> Self {
        let mut system = System::new().ok();
        if let Some(system) = &mut system {
            system.refresh_cpu_usage();
        }
        Self { system, disks: Disks::new().ok(), networks: Networks::new().ok(), looked: None }
    }

    /// Looks at the machine. Rates are those since the previous call; CPU figures closer together
    /// than 200 ms repeat (sysinfo's `MINIMUM_CPU_UPDATE_INTERVAL`).
    pub fn look(&mut self) -> HostFigures {
        let now = clock::monotonic();
        let since = self.looked.map(|at| now.saturating_sub(at)).filter(|time| !time.is_zero());
        self.looked = Some(now);
        let mut figures = HostFigures::default();
        if let Some(system) = &mut self.system {
            look_at_system(system, &mut figures);
        }
        if let Ok(load) = System::load_average() {
            figures.load = [load.one, load.five, load.fifteen];
        }
        if let Some(disks) = &mut self.disks {
            disks.refresh(true);
            figures.disks = disks.iter().map(disk).collect();
        }
        if let Some(networks) = &mut self.networks {
            networks.refresh(true);
            let outside = || networks.iter().filter(|(name, _)| name.as_os_str() != "lo");
            figures.received_per_second =
                rate(outside().map(|(_, data)| data.received()).sum(), since);
            figures.sent_per_second =
                rate(outside().map(|(_, data)| data.transmitted()).sum(), since);
        }
        figures
    }
}

impl Default for HostSampler {
    fn default() -> Self {
        Self::new()
    }
}

fn look_at_system(system: &mut System, figures: &mut HostFigures) {
    system.refresh_cpu_usage();
    system.refresh_memory();
    figures.cpu = f64::from(system.global_cpu_usage());
    figures.cores = system.cpus().iter().map(|cpu| f64::from(cpu.usage())).collect();
    figures.memory_used = system.used_memory();
    figures.memory_total = system.total_memory();
    figures.swap_used = system.used_swap();
    figures.swap_total = system.total_swap();
}

fn disk(disk: &sysinfo::Disk) -> DiskFigures {
    let (free, total) = (disk.available_space(), disk.total_space());
    // statvfs(3); a disk that can't be asked has no reserve.
    let used = rustix::fs::statvfs(disk.mount_point()).map_or(total.saturating_sub(free), |it| {
        it.f_blocks.saturating_sub(it.f_bfree).saturating_mul(it.f_frsize)
    });
    DiskFigures { mounted_at: disk.mount_point().to_owned(), used, free, total }
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people: 53 bits are plenty")]
fn rate(bytes: u64, since: Option<Duration>) -> f64 {
    since.map_or(0.0, |time| bytes as f64 / time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_make_sense() {
        let mut host = HostSampler::new();
        let first = host.look();
        assert!(first.memory_total > 0 && first.memory_used <= first.memory_total);
        assert!(!first.cores.is_empty());
        assert!(first.received_per_second.abs() < f64::EPSILON, "no rate without an interval");
        for disk in &first.disks {
            assert!(disk.used.saturating_add(disk.free) <= disk.total, "{disk:?}");
        }
        let second = host.look();
        assert!((0.0..=100.0).contains(&second.cpu));
    }
}
