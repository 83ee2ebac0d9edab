//! The scribe and the readers against real pipes, files, full disks and kills.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![expect(clippy::wildcard_enum_match_arm, clippy::similar_names, reason = "tests")]

mod desk;
mod full;
mod kill;
mod many;
mod readers;
mod scribe;
mod sharing;
