//! Signals by name and number.

use alloc::string::{String, ToString};
use core::fmt;

use serde::{Deserialize, Serialize};

/// A Linux signal, 1 to 64 (signal(7)).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Signal(u8);

/// Why a text or number is no signal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no signal; write a name such as SIGTERM or a number from 1 to 64")]
pub struct SignalError(String);

/// Names and numbers of x86-64, aarch64 and most others (signal(7)).
const NAMES: [(&str, u8); 31] = [
    ("HUP", 1),
    ("INT", 2),
    ("QUIT", 3),
    ("ILL", 4),
    ("TRAP", 5),
    ("ABRT", 6),
    ("BUS", 7),
    ("FPE", 8),
    ("KILL", 9),
    ("USR1", 10),
    ("SEGV", 11),
    ("USR2", 12),
    ("PIPE", 13),
    ("ALRM", 14),
    ("TERM", 15),
    ("STKFLT", 16),
    ("CHLD", 17),
    ("CONT", 18),
    ("STOP", 19),
    ("TSTP", 20),
    ("TTIN", 21),
    ("TTOU", 22),
    ("URG", 23),
    ("XCPU", 24),
    ("XFSZ", 25),
    ("VTALRM", 26),
    ("PROF", 27),
    ("WINCH", 28),
    ("IO", 29),
    ("PWR", 30),
    ("SYS", 31),
];

impl Signal {
    /// SIGHUP: what servers take for "read everything anew".
    pub const HUP: Self = Self(1);
    /// SIGINT: what PM2 asks an app to stop with.
    pub const INT: Self = Self(2);
    /// SIGKILL.
    pub const KILL: Self = Self(9);
    /// SIGTERM.
    pub const TERM: Self = Self(15);
    /// Node opens its debugger.
    pub const USR1: Self = Self(10);

    /// Reads `SIGTERM`, `TERM`, `term` or `15`.
    pub fn parse(text: &str) -> Result<Self, SignalError> {
        let fail = || SignalError(text.to_string());
        let upper = text.trim().to_ascii_uppercase();
        if let Ok(number) = upper.parse::<u8>() {
            return Self::try_from(number);
        }
        let name = upper.strip_prefix("SIG").unwrap_or(&upper);
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, n)| Self(*n)).ok_or_else(fail)
    }

    /// The kernel's number, 1 to 64.
    pub fn number(self) -> i32 {
        i32::from(self.0)
    }
}

impl TryFrom<u8> for Signal {
    type Error = SignalError;

    fn try_from(number: u8) -> Result<Self, SignalError> {
        if (1..=64).contains(&number) {
            Ok(Self(number))
        } else {
            Err(SignalError(number.to_string()))
        }
    }
}

impl From<Signal> for u8 {
    fn from(signal: Signal) -> Self {
        signal.0
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.iter().find(|(_, number)| *number == self.0) {
            Some((name, _)) => write!(f, "SIG{name}"),
            None => write!(f, "signal {}", self.0),
        }
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_are_read_by_name_and_number() {
        for text in ["SIGTERM", "term", "15", " TERM "] {
            assert_eq!(Signal::parse(text), Ok(Signal::TERM), "{text}");
        }
        for text in ["", "0", "65", "SIGNOPE", "-9"] {
            assert!(Signal::parse(text).is_err(), "{text}");
        }
        assert_eq!(Signal::KILL.to_string(), "SIGKILL");
    }
}
