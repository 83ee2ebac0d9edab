//! Decides: facts in, orders out, on virtual time.
//!
//! No clock, no file, no process: the daemon performs the orders, the simulation interprets them in its place.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

extern crate alloc;

mod along;
mod announce;
mod app;
mod ask;
mod asked;
mod author;
mod canary;
mod core;
mod end;
mod fact;
mod farewell;
mod gate;
mod graph;
mod health;
mod id;
mod index;
mod instance;
mod job;
mod job_record;
mod monitor;
mod neighbours;
mod order;
mod outside;
mod phase;
mod queued_reload;
mod request;
mod resolve;
mod restore;
mod run;
mod saved;
mod search;
mod second_run;
mod settle;
mod signal_reload;
mod standing;
mod triggers;
mod update;
mod verdict;
mod view;
mod watchdog;

pub use crate::core::Core;
pub use end::{Cause, Ending, RunEnd};
pub use fact::{Ask, Fact, Notified, Remaining, SpawnFailure};
pub use gate::{Obstacle, Standing};
pub use id::{AppId, Author, Identity, InstanceId, RequestId, RunId, Time};
pub use job_record::JobRecord;
pub use order::{
    Became, Change, Occasion, Order, Outcome, Reach, Refused, Reply, RunSignal, SpawnPlan,
};
pub use outside::OutsideThing;
pub use phase::Want;
pub use pm_spec::{Condition, Existing, Patience, Status};
pub use saved::{AppRecord, Counters, InstanceRecord, Record, SavedApp, SavedInstance, SavedPhase};
pub use view::{InstanceView, Pause};

// The simulation asks after what nobody else may see.
#[cfg(test)]
extern crate self as pm_core;
#[cfg(test)]
#[path = "../tests/oracle/mod.rs"]
mod oracle;
#[cfg(test)]
#[path = "../tests/simulation/mod.rs"]
mod simulation;
