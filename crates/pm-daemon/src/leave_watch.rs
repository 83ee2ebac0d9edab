//! Runs that are about to leave and get no new connections any more: whether they have accepted all who called before.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use pm_core::RunId;
use pm_os::steering;

/// How often it is looked.
const OFTEN: Duration = Duration::from_millis(10);
/// So long nobody must have waited: a connection that is half made comes within that, and who is accepted is heard.
const QUIET: Duration = Duration::from_millis(200);

#[derive(Debug)]
struct Leaver {
    sockets: Vec<OwnedFd>,
    /// When it has had its time.
    until: Instant,
    /// Since when nobody waits.
    quiet: Instant,
}

/// Those that are looked at.
#[derive(Debug, Default)]
pub(crate) struct LeaveWatch(BTreeMap<RunId, Leaver>);

impl LeaveWatch {
    pub(crate) fn add(&mut self, run: RunId, sockets: Vec<OwnedFd>, within: Duration) {
        let now = Instant::now();
        self.0.insert(run, Leaver { sockets, until: now + within, quiet: now });
    }

    /// How long until the next look; `None`: there is nothing to look at.
    pub(crate) fn pause(&self) -> Option<Duration> {
        (!self.0.is_empty()).then_some(OFTEN)
    }

    /// Those that have accepted all, or had their time; they are forgotten.
    pub(crate) fn look(&mut self) -> Vec<RunId> {
        let now = Instant::now();
        let is_over = |leaver: &mut Leaver| {
            if leaver.sockets.iter().any(|it| steering::has_callers(it) == Ok(true)) {
                leaver.quiet = now;
            }
            now >= leaver.until || now.duration_since(leaver.quiet) >= QUIET
        };
        self.0.extract_if(.., |_, leaver| is_over(leaver)).map(|(run, _)| run).collect()
    }
}
