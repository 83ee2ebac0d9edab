//! The end of a daemon that was told to go: what it leaves behind, and whom it still answers.

use std::time::Duration;

use pm_guardian::ToGuardian;
use pm_protocol::Change;

use super::Reactor;
use crate::{diary, journal};

impl Reactor {
    /// Tells the guardian to end with us, and forgets the list: `resurrect` brings back what was saved.
    pub(super) async fn leave(&mut self) {
        self.hands.journal.rewrite(&journal::numbers(&self.core.records()));
        if let Err(error) = self.hands.link.send(&ToGuardian::Leave, &[]) {
            diary::note(format_args!("could not {error}"));
        }
        crate::announce::withdraw(&self.home);
        self.close().await;
    }

    /// Ends all connections, each after the reply it is owed.
    pub(super) async fn close(&mut self) {
        self.hands.feed.tell(Change::Leaving);
        self.hands.feed = crate::server::feed::Feed::default();
        self.closing.send(true).ok();
        self.inlet.close();
        // The reactor's own copies are gone with `closing`; a client that does not read costs half a second.
        tokio::time::timeout(Duration::from_millis(500), self.open.recv()).await.ok();
    }
}
