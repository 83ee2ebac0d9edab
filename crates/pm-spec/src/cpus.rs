//! How much of the machine's CPU time, as Compose's `cpus` has it.

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
}
