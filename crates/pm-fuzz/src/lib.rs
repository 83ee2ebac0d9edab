//! Decoders under hostile input: seeded mutations of committed samples, led by coverage where the build counts it.
//!
//! A crate names this one in its tests only. In `cargo test` a target takes its samples and a fixed number of seeded mutations;
//! `fixtures/fuzz/run` gives it minutes, counts coverage, and keeps what reached something new.
#![expect(
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test's tools fail the test and are heard by whoever runs it"
)]

mod corpus;
mod coverage;
mod memory;
mod mutate;
mod target;

pub use target::FuzzTarget;
