//! Black-box tests of the installed binary, one file per area. Each test has a home of its own.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a panic here is a test's verdict; clippy knows only functions marked as tests"
)]

mod apps;
mod article;
mod deaths;
mod fidelity;
mod homes;
mod mistakes;
mod output;
mod survival;
mod tidy;
mod verbs;
mod wire;
