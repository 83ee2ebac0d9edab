//! The names this program has: each says whose habits are expected.

use std::ffi::OsStr;
use std::path::Path;

/// What this program was called as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CalledAs {
    /// `pm`, or any name that is none of PM2's.
    Pm,
    /// `pm2`: PM2's exit codes and order of selectors.
    Pm2,
    /// `pm2-runtime`, `pm2-docker`: what follows is for the verb `runtime`.
    Runtime,
    /// `pm2-dev`: what follows is for the verb `dev`.
    Dev,
}

impl CalledAs {
    /// By the program's own file name.
    pub fn of(called_as: &OsStr) -> Self {
        match Path::new(called_as).file_name().and_then(OsStr::to_str) {
            Some("pm2") => Self::Pm2,
            Some("pm2-runtime" | "pm2-docker") => Self::Runtime,
            Some("pm2-dev") => Self::Dev,
            Some(_) | None => Self::Pm,
        }
    }

    /// Whether scripts made for PM2 are to find its exit codes.
    pub fn is_pm2(self) -> bool {
        !matches!(self, Self::Pm)
    }
}
