//! One short story per promise: what is asked, what happens, what follows.
#![expect(clippy::wildcard_enum_match_arm, reason = "tests look for single orders")]
#![expect(clippy::panic, clippy::expect_used, reason = "a story that goes wrong ends")]

mod checks;
#[path = "../common/mod.rs"]
mod common;
mod daemons;
mod ends;
mod jobs;
mod outside;
mod queued_reloads;
mod reloads;
mod rollouts;
mod starts;
mod ups;
mod words;

use pm_core::Ending;

const CRASH: Ending = Ending::Exited(1);
