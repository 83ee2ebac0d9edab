//! What is written means what is told of it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod apps;
mod back;
mod round_trips;
mod secrets;
mod tables;
