//! The listening socket and all connections, as the reactor has them.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use pm_protocol::Hello;
use tokio::sync::{mpsc, watch};

use super::accept;
use super::endpoint::Endpoint;
use crate::inlet::Inlet;

/// A client that does not read what it is owed holds the daemon's end up no longer than this.
const LAST_REPLY: Duration = Duration::from_millis(500);

/// The way to the task that accepts, and to the end of all connections.
#[derive(Debug)]
pub(crate) struct Connections {
    listeners: mpsc::Sender<OwnedFd>,
    /// The listening socket once more, for the guardian after ours.
    listener: Option<OwnedFd>,
    closing: watch::Sender<bool>,
    /// Ends when the last connection does.
    open: mpsc::Receiver<()>,
}

impl Connections {
    /// None, before there is a socket to listen at.
    pub(crate) fn new(hello: Hello, inlet: mpsc::Sender<Inlet>) -> Self {
        let (listeners, sockets) = mpsc::channel(4);
        let (closing, closes) = watch::channel(false);
        let (open, ended) = mpsc::channel(1);
        let endpoint = Endpoint { inlet, hello: Arc::new(hello), closing: closes, open };
        tokio::spawn(accept::serve(sockets, endpoint));
        Self { listeners, listener: None, closing, open: ended }
    }

    /// Accepts at this socket from now on.
    pub(crate) fn listen(&mut self, socket: OwnedFd) {
        self.listener = socket.try_clone().ok();
        // The accepting task lives as long as we do, and reads quickly.
        self.listeners.try_send(socket).ok();
    }

    /// Accepts nobody any more, and ends connections that are owed nothing. Gives the socket for who comes after us.
    pub(crate) fn abandon(self) -> Option<OwnedFd> {
        self.closing.send(true).ok();
        self.listener
    }

    /// Ends all connections, each after the reply it is owed.
    pub(crate) async fn close(mut self) {
        self.closing.send(true).ok();
        // The reactor's own copies are gone with `closing`.
        tokio::time::timeout(LAST_REPLY, self.open.recv()).await.ok();
    }
}
