//! Temp homes and waiting for facts: what black-box tests of the installed `pm` need; and samples for all tests.
//!
//! Every wait has a deadline and, when it fails, tells the list, the daemon's log and the journal. Nothing sleeps for a
//! guess. It knows no crate of ours but the client and the wire.
#![forbid(unsafe_code)]
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::return_self_not_must_use,
    reason = "a test's tools fail the test: a panic here is the verdict"
)]

mod facts;
mod home;
mod port;
mod process;
mod programs;
mod run;
pub mod samples;
mod trap;

pub use home::Home;
pub use port::free_port;
pub use process::{is_alive, signal, sweep_marked, wait_gone};
pub use programs::{copy_pm, fixture, pm};
pub use run::{Invocation, Run, Running};
pub use trap::{Mishap, Prey, Trap};

use std::time::Duration;

/// How long any fact may take. Far more than it should: a loaded machine is no failure of `pm`.
pub const PATIENCE: Duration = Duration::from_mins(1);
