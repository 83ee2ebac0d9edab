//! When a schedule comes next, which files count for a watch, and which lines are meant.
//!
//! Shared by who checks a config and who acts on it. It asks no clock and touches no file but the time zone database.
#![forbid(unsafe_code)]

mod filter;
#[cfg(test)]
mod fuzz_tests;
mod line_match;
mod timetable;

pub use filter::{EntryKind, FilterError, WatchFilter, check_ignore};
pub use line_match::LineMatch;
pub use timetable::{ScheduleError, Timetable};
