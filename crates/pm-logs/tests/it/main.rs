//! The log writer and the readers against real pipes, files, full disks and kills.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![expect(clippy::wildcard_enum_match_arm, clippy::similar_names, reason = "tests")]

mod fixture;
mod full;
mod kill;
mod log_writer;
mod many;
mod readers;
mod sharing;
