//! Amounts of memory and disk as people write them.

use alloc::string::{String, ToString};
use core::fmt;

use serde::{Deserialize, Serialize};

/// An amount of memory or disk in bytes.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Bytes(u64);

/// Why a text is no size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no size; write bytes (1048576) or 200M, 1.5G, 50MB, 64KiB")]
pub struct SizeError(String);

impl Bytes {
    /// So many bytes.
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// In bytes.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Reads `1048576`, `200M`, `1.5G`, `50MB`, `64KiB`. All units are 1024-based, as in PM2.
    pub fn parse(text: &str) -> Result<Self, SizeError> {
        let scale = |unit: &str| match unit {
            "" | "b" => Some(1),
            "k" | "kb" | "kib" => Some(1 << 10),
            "m" | "mb" | "mib" => Some(1 << 20),
            "g" | "gb" | "gib" => Some(1 << 30),
            "t" | "tb" | "tib" => Some(1 << 40),
            _ => None,
        };
        measured(text, scale).map(Self).ok_or_else(|| SizeError(text.to_string()))
    }
}

/// Shows as PM2's list does: `48.5mb`.
impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(1_u64 << 40, "tb"), (1 << 30, "gb"), (1 << 20, "mb"), (1 << 10, "kb")];
        for (scale, unit) in units {
            if self.0 >= scale {
                let tenths = u128::from(self.0) * 10 / u128::from(scale);
                return write!(f, "{}.{}{unit}", tenths / 10, tenths % 10);
            }
        }
        write!(f, "{}b", self.0)
    }
}

/// A number and, after it, a unit in letters, of which `scale` says how much it is.
pub(crate) fn measured(text: &str, scale: impl Fn(&str) -> Option<u64>) -> Option<u64> {
    let text = text.trim();
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(split);
    scaled(digits.trim(), scale(&unit.to_ascii_lowercase())?)
}

/// `digits` (a decimal number with at most nine fractional digits) times `scale`, rounded down.
fn scaled(digits: &str, scale: u64) -> Option<u64> {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !plain(whole) || !plain(fraction) || fraction.len() > 9 {
        return None;
    }
    let whole = whole.parse::<u64>().ok()?.checked_mul(scale)?;
    if fraction.is_empty() {
        return Some(whole);
    }
    let numerator = u128::from(fraction.parse::<u64>().ok()?) * u128::from(scale);
    let denominator = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    whole.checked_add(u64::try_from(numerator / denominator).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, bytes) in [
            ("200", 200),
            ("200M", 200 << 20),
            ("1.5G", 3 << 29),
            ("50MB", 50 << 20),
            ("64 KiB", 64 << 10),
            ("50m", 50 << 20),
        ] {
            assert_eq!(Bytes::parse(text), Ok(Bytes::new(bytes)), "{text}");
        }
        for text in ["", "M", "-1M", "1.2.3G", "12Q", "1 5M"] {
            assert!(Bytes::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_are_shown_short() {
        assert_eq!(Bytes::new(50_855_936).to_string(), "48.5mb");
        assert_eq!(Bytes::new(0).to_string(), "0b");
    }
}
