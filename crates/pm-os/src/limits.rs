//! The limit of open files: raised for ourselves, given back to the apps (pain 25). Other limits
//! are left alone.

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::errno;

/// The limit of open files as we found it; the part of `RLIMIT_NOFILE` apps should see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nofile {
    /// What counts; `u64::MAX` = no limit.
    pub soft: u64,
    /// How far it may be raised; `u64::MAX` = no limit.
    pub hard: u64,
}

/// The limit could not be raised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("raise the limit of open files to {wanted}: {}", errno::words(*.errno))]
pub struct LimitError {
    /// The hard limit we tried to reach.
    pub wanted: u64,
    /// What the kernel said.
    pub errno: Errno,
}

impl Nofile {
    /// The limit this process has now.
    pub fn current() -> Self {
        let limit = getrlimit(Resource::Nofile);
        Self { soft: limit.current.unwrap_or(u64::MAX), hard: limit.maximum.unwrap_or(u64::MAX) }
    }

    pub(crate) fn into_limit(self) -> Rlimit {
        let finite = |value: u64| (value != u64::MAX).then_some(value);
        Rlimit { current: finite(self.soft), maximum: finite(self.hard) }
    }
}

/// Raises our soft limit of open files to the hard one; returns what it was, for the apps.
pub fn raise_nofile() -> Result<Nofile, LimitError> {
    let before = Nofile::current();
    let raised = Nofile { soft: before.hard, ..before };
    setrlimit(Resource::Nofile, raised.into_limit())
        .map_err(|errno| LimitError { wanted: before.hard, errno })?;
    Ok(before)
}
