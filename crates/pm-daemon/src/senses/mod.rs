//! What comes from outside without anybody asking: times of schedules, and files that change.
//!
//! The wall clock ends here: the core is told that a time has come, not which.

pub(crate) mod agenda;
