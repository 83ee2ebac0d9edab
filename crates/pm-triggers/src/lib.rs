//! When a schedule comes next, and which files count for a watch.
//!
//! Shared by who checks a config and who acts on it. It asks no clock and touches no file but the time zone database.
#![forbid(unsafe_code)]

mod filter;
mod timetable;

pub use filter::{EntryKind, FilterError, WatchFilter, check_ignore};
pub use timetable::{ScheduleError, Timetable};
