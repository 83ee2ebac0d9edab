//! Everything that touches processes: make them, know them again, find their trees, signal them,
//! learn how they ended, weigh them. It decides nothing (that is `pm-core`), waits for
//! nothing except where a name says so, and never sees an app's output.
//!
//! Rules that hold everywhere: a pid alone is never trusted (see [`identity`]), a signal goes
//! through a pidfd only (see [`signal`]), and every descriptor made here is close-on-exec.
#![deny(unsafe_code)]

pub mod accepting;
pub mod alarm;
pub mod cgroup;
pub mod clock;
pub mod errno;
pub mod host;
pub mod identity;
pub mod input;
pub mod limits;
pub mod listener;
pub mod listening;
pub mod lock;
pub mod memory;
pub mod notify;
pub mod one_path;
mod poll;
mod procfs;
pub mod relay;
pub mod session;
pub mod signal;
mod sock_diag;
pub mod spawn;
pub mod stdio;
pub mod steering;
pub mod tag;
pub mod tree;
pub mod unheard;
pub mod usage;
pub mod user;
pub mod wait;
