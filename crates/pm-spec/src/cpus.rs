//! How much of the machine's CPU time, and on which of its CPUs, as Compose's `cpus` and `cpuset` have it.

use alloc::collections::BTreeSet;
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::size::measured;

/// CPU time in thousandths of one CPU: 1500 is one and a half.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cpus(u32);

impl Cpus {
    /// In thousandths of one CPU.
    pub const fn thousandths(self) -> u32 {
        self.0
    }

    /// Reads `0.5`, `2`; systemd's `150%` as well. The kernel counts no less than a hundredth of a CPU.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (number, scale) = text.strip_suffix('%').map_or((text, 1000), |number| (number, 10));
        let part = measured(number, |unit| unit.is_empty().then_some(scale))?;
        u32::try_from(part).ok().filter(|part| (10..=10_000_000).contains(part)).map(Self)
    }
}

impl fmt::Display for Cpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.0 / 1000, self.0 % 1000);
        match (part % 10, part % 100) {
            _ if part == 0 => write!(f, "{whole}"),
            (0, 0) => write!(f, "{whole}.{}", part / 100),
            (0, _) => write!(f, "{whole}.{:02}", part / 10),
            _ => write!(f, "{whole}.{part:03}"),
        }
    }
}

/// CPUs by number; none: no choice is made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CpuSet(BTreeSet<u16>);

impl CpuSet {
    /// So many the kernel's calls have room for.
    const MOST: u16 = 1024;

    /// Whether no choice is made.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Their numbers, the least first.
    pub fn numbers(&self) -> impl Iterator<Item = u16> {
        self.0.iter().copied()
    }

    /// Reads `0-2,4`; systemd's blanks between them as well.
    pub fn parse(text: &str) -> Option<Self> {
        let number = |text: &str| text.parse::<u16>().ok().filter(|cpu| *cpu < Self::MOST);
        let mut all = BTreeSet::new();
        for part in text.split([',', ' ']).filter(|part| !part.is_empty()) {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (number(first)?, number(last)?);
            all.extend(Some(first..=last).filter(|range| !range.is_empty())?);
        }
        Some(Self(all)).filter(|cpus| !cpus.is_empty())
    }
}

impl fmt::Display for CpuSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_in = |cpu: Option<u16>| cpu.is_some_and(|cpu| self.0.contains(&cpu));
        let firsts = self.numbers().filter(|cpu| !is_in(cpu.checked_sub(1)));
        let lasts = self.numbers().filter(|cpu| !is_in(cpu.checked_add(1)));
        for (place, (first, last)) in firsts.zip(lasts).enumerate() {
            let comma = if place == 0 { "" } else { "," };
            write!(f, "{comma}{first}")?;
            if first != last {
                write!(f, "-{last}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn cpus_are_read_and_shown() {
        for (text, thousandths, shown) in [
            ("0.5", 500, "0.5"),
            ("2", 2000, "2"),
            ("1.25", 1250, "1.25"),
            ("0.015", 15, "0.015"),
            ("150%", 1500, "1.5"),
        ] {
            let cpus = Cpus::parse(text).unwrap();
            assert_eq!((cpus.thousandths(), cpus.to_string().as_str()), (thousandths, shown));
            assert_eq!(Cpus::parse(shown), Some(cpus));
        }
        for text in ["", "0", "0.001", "-1", "x", "1M", "99999999", "%"] {
            assert_eq!(Cpus::parse(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_of_cpus_are_read_and_shown() {
        for (text, shown) in
            [("0", "0"), ("0-2,4", "0-2,4"), ("4, 2 1-1", "1-2,4"), ("1023,0-1", "0-1,1023")]
        {
            let cpus = CpuSet::parse(text).unwrap();
            assert_eq!(cpus.to_string(), shown, "{text}");
            assert_eq!(CpuSet::parse(shown), Some(cpus));
        }
        for text in ["", ",", "2-1", "0-", "-1", "x", "1024", "0-9999999", "1.5", "1-2-3"] {
            assert_eq!(CpuSet::parse(text), None, "{text}");
        }
    }
}
