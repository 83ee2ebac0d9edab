//! The OS crate against real processes. Run as root it also becomes other users; otherwise it
//! checks that becoming them is refused.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may fail anywhere, and figures are for reading"
)]

mod endings;
mod inputs;
mod launching;
mod pipes;
mod refusals;
mod spawning;
mod support;
mod trees;
