//! What names things, and the core's time.

use alloc::sync::Arc;

use pm_spec::Span;
use serde::{Deserialize, Serialize};

/// Milliseconds of `CLOCK_MONOTONIC`: since the machine's boot, shared by every incarnation of the daemon, never
/// set back, not counting suspend (pain 36). Only the daemon's clock makes one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(pub u64);

/// Who asked, in words for people. They are kept and shown; nothing is decided by them.
pub type Author = Arc<str>;

/// One request of one client; never reused within a daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestId(pub u64);

/// One app; never reused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AppId(pub u32);

/// One instance: one line of `pm list`. Counts up from 0; starts at 0 again only when the list is empty (PM2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InstanceId(pub u32);

/// One attempt to have an instance alive; never reused; the low half of the process tag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub u32);

/// A process, so that it can't be mistaken for another one that got its pid later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Identity {
    /// The pid.
    pub pid: u32,
    /// Start time in clock ticks since boot (`/proc/PID/stat` field 22).
    pub started: u64,
    /// The inode of its pidfd where the kernel has pidfs (6.9), else 0.
    pub inode: u64,
}

/// `now` and so much later.
pub(crate) fn after(now: Time, span: Span) -> Time {
    Time(now.0.saturating_add(span.as_millis()))
}
