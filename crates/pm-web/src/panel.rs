//! What everything behind the gate may use.

use std::path::PathBuf;
use std::sync::Arc;

use pm_protocol::Home;
use tokio::sync::Semaphore;

use crate::alerts::Alerts;
use crate::audit::AuditLine;
use crate::call::Visitor;
use crate::clock::now_ms;
use crate::history::HistoryKeeper;
use crate::hub::Hub;
use crate::keeper::Keeper;
use crate::settings::PanelSettings;

/// One panel; it is shared by all connections and changed by none.
#[derive(Debug)]
pub(crate) struct Panel {
    pub(crate) home: Home,
    /// This binary, which is run for each change.
    pub(crate) program: PathBuf,
    pub(crate) settings: PanelSettings,
    pub(crate) keeper: Keeper,
    /// What the daemon tells, for all tabs.
    pub(crate) hub: Hub,
    /// What somebody wants to be told, wherever they are.
    pub(crate) alerts: Alerts,
    /// Passwords are tried one at a time.
    pub(crate) hashing: Semaphore,
    /// So many logs are searched at once.
    pub(crate) searches: Semaphore,
    /// So many logs are fetched as files at once.
    pub(crate) downloads: Arc<Semaphore>,
    /// Who writes down what apps use, if that is wanted.
    pub(crate) history: Option<Arc<HistoryKeeper>>,
}

impl Panel {
    /// Writes down what somebody did: the command that was run, and `done`, `exit 1`, or why it was not.
    pub(crate) fn note(&self, visitor: &Visitor, argv: &[String], outcome: &str) {
        self.keeper.note(AuditLine {
            at_ms: now_ms(),
            who: visitor.name.clone(),
            from: visitor.from.clone(),
            deed: argv.to_vec(),
            outcome: outcome.into(),
            left_out: 0,
        });
    }
}
