//! Accepts connections of our own user and of root; everybody else is turned away before a byte is read.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::connection;
use super::endpoint::Endpoint;
use crate::daemon_log::{self, Throttle};

/// More connections than this wait in the kernel's backlog.
const MOST_CONNECTIONS: usize = 256;

/// Serves the listening socket the guardian gave us, and the next one if the path had to be made anew.
pub(crate) async fn serve(mut listeners: mpsc::Receiver<OwnedFd>, endpoint: Endpoint) {
    let mut listener: Option<UnixListener> = None;
    let permits = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let mut closing = endpoint.closing.clone();
    let (mut refused, mut strangers) = (Throttle::default(), Throttle::default());
    loop {
        tokio::select! { biased;
            next = listeners.recv() => match next.map(usable) {
                Some(Ok(next)) => listener = Some(next),
                Some(Err(error)) => daemon_log::note(format_args!("could not listen: {error}")),
                None => return,
            },
            _ = closing.changed() => return,
            accepted = accept(listener.as_ref(), &permits) => match accepted {
                Ok((stream, permit)) => welcome(stream, permit, &endpoint, &mut strangers),
                Err(error) => {
                    refused.note(format_args!("could not accept a connection: {error}"));
                    // Out of descriptors, most likely: the caller waits in the backlog meanwhile.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
        }
    }
}

type Accepted = (UnixStream, Option<OwnedSemaphorePermit>);

async fn accept(
    listener: Option<&UnixListener>,
    permits: &Arc<Semaphore>,
) -> std::io::Result<Accepted> {
    let Some(listener) = listener else { return std::future::pending().await };
    // It fails only when the semaphore is closed, which nobody does.
    let permit = Arc::clone(permits).acquire_owned().await.ok();
    listener.accept().await.map(|(stream, _)| (stream, permit))
}

fn usable(socket: OwnedFd) -> std::io::Result<UnixListener> {
    let listener = std::os::unix::net::UnixListener::from(socket);
    listener.set_nonblocking(true)?;
    UnixListener::from_std(listener)
}

fn welcome(
    stream: UnixStream,
    permit: Option<OwnedSemaphorePermit>,
    endpoint: &Endpoint,
    strangers: &mut Throttle,
) {
    let ours = rustix::process::geteuid().as_raw();
    match stream.peer_cred() {
        Ok(peer) if peer.uid() == ours || peer.uid() == 0 => {
            let endpoint = endpoint.clone();
            tokio::spawn(async move {
                connection::serve(stream, endpoint).await;
                drop(permit);
            });
        }
        Ok(peer) => strangers.note(format_args!("turned away user {}", peer.uid())),
        Err(error) => strangers.note(format_args!("turned away a stranger: {error}")),
    }
}
