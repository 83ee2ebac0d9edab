//! Who belongs to a run: one pass over `/proc` for all runs at once, without allocating per process.
//! Members are found by tag, by cookie, by session and group of the leader, by descent, and by having been
//! members before, so that neither setsid nor a double fork nor an emptied environment gets away (pain 5).
//! What to do with them is decided elsewhere.

mod forwarding;
mod proc_scan;
mod traces;

pub use forwarding::{catches, expects, runs_scripts, tells_children};
pub use proc_scan::{Depth, ProcScan, ProcScanError, RunMembers, RunQuery, TreeMember};
pub use traces::{Traces, traces};

pub use crate::procfs::{ProcEntry, descent};
