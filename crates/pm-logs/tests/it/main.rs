//! The scribe and the readers against real pipes, files and kills.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod desk;
mod scribe;
