//! The limit of open files: raised for ourselves, given back to the apps (pain 25). Other limits
//! are left alone.

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The limit of open files as we found it; the part of `RLIMIT_NOFILE` apps should see.
pub type Nofile = Rlimit;

/// How many files we may have open now; `u64::MAX` = no limit.
pub fn soft_nofile() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Raises our soft limit of open files to the hard one; returns what it was, for the apps.
pub fn raise_nofile() -> Result<Nofile, Errno> {
    let before = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: before.maximum, ..before })?;
    Ok(before)
}
