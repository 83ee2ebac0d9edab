//! The tiny immortal half: keeps descriptors and exits, restarts the daemon, moves output while no
//! daemon runs, lets callers of cluster workers in. One thread, no runtime, parses no user data; it
//! never signals an app, and it decides nothing about apps.
#![deny(unsafe_code)]

mod care;
mod codec;
mod daemon;
mod diary;
mod guardian;
mod link;
mod message;
mod mover;
mod packet;
mod plan;
mod score;
mod seat;
mod standby;
mod start;
mod state;
mod store;
mod succession;
mod sys;
mod usher;
mod vigil;
mod watch;

pub use codec::DecodeError;
pub use link::{Arrival, Delivery, LINK_VARIABLE, Link, LinkError};
pub use message::{
    Exit, FromGuardian, Kind, MAX_DESCRIPTORS, MAX_MESSAGE, MAX_NAME, MAX_PATH, Name, Status,
    ToGuardian, Why,
};
pub use plan::{GuardianError, GuardianPlan, Outcome, READY_EXISTING, READY_NEW};
pub use score::{SCORE_VARIABLE, original as score_before};
pub use standby::{Relief, stand_by};
pub use start::{resume, run};
pub use state::ResumeError;
pub use usher::{Usher, Ushered};
