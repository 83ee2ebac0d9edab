//! The kernel's clocks and the name of this boot. The wall clock isn't here: nothing that has to
//! do with processes may depend on it (pain 36).

use std::fs;
use std::sync::OnceLock;
use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_gettime};

/// Names one boot of one kernel: the 128 bits of `/proc/sys/kernel/random/boot_id` (random(4)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BootId(pub u128);

/// The boot we live in; `None` where `/proc` isn't mounted.
pub fn boot_id() -> Option<BootId> {
    static KNOWN: OnceLock<BootId> = OnceLock::new();
    KNOWN.get().copied().or_else(|| {
        let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
        u128::from_str_radix(&digits, 16).ok().map(|boot| *KNOWN.get_or_init(|| BootId(boot)))
    })
}

/// Time since boot including suspend (`CLOCK_BOOTTIME`): the clock of process start times.
pub fn since_boot() -> Duration {
    duration(clock_gettime(ClockId::Boottime))
}

/// Time that only counts while the machine is awake (`CLOCK_MONOTONIC`): the clock of intervals.
pub fn monotonic() -> Duration {
    duration(clock_gettime(ClockId::Monotonic))
}

fn duration(at: Timespec) -> Duration {
    // Both clocks start at zero and never go back, so this can't fail.
    at.try_into().unwrap_or_default()
}

/// Length of one tick of `/proc/PID/stat` (`sysconf(_SC_CLK_TCK)`, 10 ms on every usual kernel).
pub(crate) fn tick() -> Duration {
    let hz = rustix::param::clock_ticks_per_second().max(1);
    Duration::from_nanos(1_000_000_000 / hz)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_boot_has_one_name() {
        assert!(boot_id().is_some());
        assert_eq!(boot_id(), boot_id());
    }

    #[test]
    fn clocks_go_forward() {
        let awake = monotonic();
        let boot = since_boot();
        assert!(boot >= awake, "suspend only adds");
        assert!(since_boot() >= boot && monotonic() >= awake);
    }
}
