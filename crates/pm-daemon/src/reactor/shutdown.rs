//! The end of a daemon that was told to go: what it leaves behind, and whom it still answers.

use std::time::Duration;

use pm_guardian::ToGuardian;
use pm_protocol::Change;

use super::Reactor;
use crate::{daemon_log, journal};

impl Reactor {
    /// Tells the guardian to end with us, and forgets the list: `resurrect` brings back what was saved.
    pub(super) async fn leave(&mut self) {
        self.executor.journal.rewrite(&journal::numbers(&self.core.records()));
        if let Err(error) = self.executor.link.send(&ToGuardian::Leave, &[]) {
            daemon_log::note(format_args!("could not {error}"));
        }
        crate::pm2_pid::withdraw(&self.home);
        self.close().await;
    }

    /// Ends all connections, each after the reply it is owed.
    pub(super) async fn close(&mut self) {
        self.executor.feed.tell(Change::Leaving);
        self.executor.feed = crate::server::feed::Feed::default();
        self.closing.send(true).ok();
        self.inlet.close();
        // The reactor's own copies are gone with `closing`; a client that does not read costs half a second.
        tokio::time::timeout(Duration::from_millis(500), self.open.recv()).await.ok();
    }
}
