//! What connections have in common.

use std::sync::Arc;

use pm_protocol::Hello;
use tokio::sync::{mpsc, watch};

use crate::inlet::Inlet;

/// What every connection shares.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    pub(crate) inlet: mpsc::Sender<Inlet>,
    pub(crate) hello: Arc<Hello>,
    /// Becomes true when the daemon is about to end.
    pub(crate) closing: watch::Receiver<bool>,
    /// Dropped by the last connection; the daemon waits for that, so that every reply gets out.
    #[expect(dead_code, reason = "what counts is when the last copy is dropped")]
    pub(crate) open: mpsc::Sender<()>,
}
