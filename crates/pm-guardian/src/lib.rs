//! The half that never dies: keeps descriptors and exits, restarts the daemon, moves output while no
//! daemon runs, lets callers of cluster workers in. One thread, no runtime, parses no user data; it
//! never signals an app, and it decides nothing about apps.
#![deny(unsafe_code)]

mod accept_relay;
mod codec;
mod daemon;
mod daemon_log;
mod epoll_set;
mod error;
#[cfg(test)]
mod fuzz_tests;
mod guardian;
mod home_lock;
mod link;
mod message;
mod mover;
mod oom_score;
mod packet;
mod plan;
mod respawn;
mod standby;
mod start;
mod state;
mod store;
mod sys;
mod upkeep;
mod watchdog;

pub use accept_relay::AcceptRelay;
pub use codec::DecodeError;
pub use daemon_log::{DAEMON_LOG_LIMIT, open_daemon_log};
pub use error::{GuardianError, ResumeError};
pub use link::{Arrival, LINK_VARIABLE, Link, LinkError};
pub use message::{
    FromGuardian, ItemKind, ItemName, LeaderExit, MAX_DESCRIPTORS, MAX_MESSAGE, MAX_NAME, MAX_PATH,
    StartReason, ToGuardian, WaitStatus,
};
pub use oom_score::{OOM_SCORE_VARIABLE, original as oom_score_before};
pub use plan::{GuardianOutcome, GuardianPlan, READY_EXISTING, READY_NEW};
pub use standby::{StandbyOutcome, stand_by};
pub use start::{resume, run};
