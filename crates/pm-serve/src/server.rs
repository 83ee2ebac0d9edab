//! Listens, answers each connection in a task of its own, and leaves when it is told to: what is being sent is finished,
//! within a limit shorter than the one after which a process manager kills.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_io_timeout::TimeoutStream;

use crate::respond::respond;
use crate::site::Site;

/// So many clients are served at once; others wait in the kernel's queue.
const MOST: usize = 1000;

/// The head of a request must be there so long after the connection, or after the answer before.
const HEAD: Duration = Duration::from_secs(30);

/// What is being sent at the end gets so long; PM2's `kill_timeout` is 1.6 s.
const DRAIN_LIMIT: Duration = Duration::from_secs(1);

/// A client that takes not one byte for so long is gone, whatever its kernel says.
const STALLED: Duration = Duration::from_mins(1);

/// When no descriptor is left for a new client, until the next look.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Why there is no site.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The folder is not there, or is none.
    #[error("serve {}", root.display())]
    Folder {
        /// The folder.
        root: std::path::PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The port is taken, or not for us.
    #[error("listen on {host}:{port}")]
    Listen {
        /// Address or name.
        host: String,
        /// TCP port.
        port: u16,
        /// What the system says.
        source: io::Error,
    },
    /// The system has no runtime for us.
    #[error("prepare for serving")]
    Runtime(#[source] io::Error),
}

/// Serves until SIGINT or SIGTERM; `listening` is told the address as soon as clients can come.
pub fn run(site: Site, listening: impl FnOnce(SocketAddr)) -> Result<(), ServeError> {
    let folder = |source| ServeError::Folder { root: site.root.clone(), source };
    // It may be replaced later, but a mistyped one is told at once.
    match std::fs::metadata(&site.root) {
        Ok(meta) if meta.is_dir() => {}
        Ok(_) => return Err(folder(io::ErrorKind::NotADirectory.into())),
        Err(error) => return Err(folder(error)),
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        // Four slow disks at once; further reads queue.
        .max_blocking_threads(4)
        .build()
        .map_err(ServeError::Runtime)?;
    runtime.block_on(serve(Arc::new(site), listening))
}

async fn serve(site: Arc<Site>, listening: impl FnOnce(SocketAddr)) -> Result<(), ServeError> {
    let failed = |source| ServeError::Listen { host: site.host.clone(), port: site.port, source };
    let listener = TcpListener::bind((site.host.as_str(), site.port)).await.map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(ServeError::Runtime)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(ServeError::Runtime)?;
    listening(listener.local_addr().map_err(failed)?);
    let mut clients = JoinSet::new();
    let (leave, leaving) = watch::channel(());
    loop {
        tokio::select! {
            biased;
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
            Some(_) = clients.join_next() => {}
            client = listener.accept(), if clients.len() < MOST => match client {
                Ok((stream, _)) => drop(clients.spawn(serve_client(Arc::clone(&site), stream, leaving.clone()))),
                Err(_) => sleep(ACCEPT_PAUSE).await,
            },
        }
    }
    drop((listener, leave));
    // Whoever is not done by then is cut off with the runtime.
    let done = async { while clients.join_next().await.is_some() {} };
    timeout(DRAIN_LIMIT, done).await.ok();
    Ok(())
}

/// One client, until it goes or we do. What goes wrong with it is nobody else's business.
async fn serve_client(site: Arc<Site>, stream: TcpStream, mut leaving: watch::Receiver<()>) {
    stream.set_nodelay(true).ok();
    let service = service_fn(move |request| {
        let site = Arc::clone(&site);
        async move { Ok::<_, Infallible>(respond(site, request).await) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(STALLED));
    let mut connection = pin!(builder.serve_connection(TokioIo::new(Box::pin(stream)), service));
    tokio::select! {
        biased;
        _ = connection.as_mut() => return,
        _ = leaving.changed() => connection.as_mut().graceful_shutdown(),
    }
    connection.await.ok();
}
