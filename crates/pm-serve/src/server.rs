//! A site and its port: what is wrong with them is told before anybody comes.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use pm_http::{Deadlines, Doorway};

use crate::respond::respond;
use crate::site::Site;

const DEADLINES: Deadlines = Deadlines {
    most: 1000,
    head: Duration::from_secs(30),
    head_size: 400 << 10,
    stalled: Duration::from_mins(1),
    farewell: Duration::from_secs(1),
};

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
    // Four slow disks at once.
    pm_http::block_on(4, serve(Arc::new(site), listening)).map_err(ServeError::Runtime)?
}

async fn serve(site: Arc<Site>, listening: impl FnOnce(SocketAddr)) -> Result<(), ServeError> {
    let failed = |source| ServeError::Listen { host: site.host.clone(), port: site.port, source };
    let doorway = Doorway::tcp(&site.host, site.port).await.map_err(failed)?;
    let address = doorway.address();
    let listening = || address.map_or((), listening);
    let answer = move |request, _, _| respond(Arc::clone(&site), request);
    pm_http::serve(doorway, DEADLINES, answer, listening).await.map_err(ServeError::Runtime)
}
