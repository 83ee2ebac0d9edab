//! Who belongs to a run: one pass over `/proc` for all runs at once, without allocating per process.
//! Members are found by tag, by cookie, by session and group of the leader, and by descent, so that
//! neither setsid nor a double fork nor an emptied environment gets away (pain 5).
//! What to do with them is decided elsewhere.

mod census;
mod sweep;

pub use census::{Census, CensusError, Depth, Member, Roll, Run, Seen, traces};
pub use sweep::{SweepError, sweep, sweep_all};
