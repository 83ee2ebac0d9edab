//! The end of a daemon that was told to go: when it may, and what it leaves behind.

use std::collections::BTreeSet;
use std::time::Duration;

use pm_guardian::{Link, ToGuardian};
use pm_protocol::{EventKind, Home};
use tokio::time::Instant;

use crate::core_driver::CoreDriver;
use crate::executor::Executor;
use crate::{daemon_log, pm2_pid, secret_files};

/// How long the last output of apps may take to reach its file when the daemon leaves.
pub(super) const LAST_OUTPUT: Duration = Duration::from_secs(2);

/// Waits for the last output, once all apps are down.
#[derive(Debug, Default)]
pub(super) struct Shutdown {
    until: Option<Instant>,
}

impl Shutdown {
    /// When nobody waits any longer.
    pub(super) fn alarm(&self) -> Option<Instant> {
        self.until
    }

    /// All apps are down, and what they wrote last is in its file.
    pub(super) fn is_due(&mut self, executor: &Executor) -> bool {
        if !executor.is_leaving() {
            return false;
        }
        let until = *self.until.get_or_insert_with(|| Instant::now() + LAST_OUTPUT);
        executor.runs().all().is_empty() || Instant::now() >= until
    }
}

/// Tells the guardian to end with us, and forgets the list: `resurrect` brings back what was saved.
pub(super) fn leave(driver: &mut CoreDriver, link: &Link, home: &Home) {
    let (executor, core) = driver.parts();
    executor.tell_of_us(EventKind::DaemonLeft, "all apps are down");
    executor.strangers().end();
    // Who is to remove those of the last runs may not come to it.
    secret_files::sweep(executor.runs().home_id(), &BTreeSet::new());
    executor.forget_apps(core);
    if let Err(error) = link.send(&ToGuardian::Leave, &[]) {
        daemon_log::note(format_args!("could not {error}"));
    }
    pm2_pid::withdraw(home);
}
