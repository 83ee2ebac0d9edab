//! From a home to a connected socket, or a precise reason why not.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use interprocess::ConnectWaitMode;
use interprocess::local_socket::traits::StreamCommon;
use interprocess::local_socket::{ConnectOptions, GenericFilePath, Stream, ToFsName};
use pm_protocol::Home;

use crate::wait::{Deadline, pause};

/// Why no daemon was reached.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nobody listens: no guardian runs in this home.
    #[error("reach the daemon: none runs in {}", .home.display())]
    NoDaemon {
        /// The home that was asked.
        home: PathBuf,
    },
    /// The home belongs to someone else (pain 37).
    #[error("reach the daemon in {}: it belongs to uid {owner}, you are uid {you}", .home.display())]
    Denied {
        /// The home that was asked.
        home: PathBuf,
        /// Its owner.
        owner: u32,
        /// The caller's effective uid.
        you: u32,
    },
    /// The way to the home leads through a folder that is closed to the caller; whose home it is can't be seen.
    #[error(
        "reach the daemon in {}: uid {you} may not enter {}",
        .home.display(),
        .folder.display()
    )]
    Closed {
        /// The home that was asked.
        home: PathBuf,
        /// The folder in the way.
        folder: PathBuf,
        /// The caller's effective uid.
        you: u32,
    },
    /// Somebody else's process listens where our daemon should.
    #[error("trust the daemon at {}: it runs as uid {uid}", .socket.display())]
    Stranger {
        /// The socket.
        socket: PathBuf,
        /// Whose process listens there.
        uid: u32,
    },
    /// The queue of waiting clients stayed full until the deadline.
    #[error("reach the daemon at {}: too many clients are waiting", .socket.display())]
    Busy {
        /// The socket.
        socket: PathBuf,
    },
    /// Somebody listens, but no daemon has said hello: its guardian can't start one.
    #[error(
        "reach the daemon in {}: none has answered for {} s, it may fail to start",
        .home.display(),
        .waited.as_secs()
    )]
    NoHello {
        /// The home that was asked.
        home: PathBuf,
        /// Where the daemon complains.
        diary: PathBuf,
        /// How long we waited.
        waited: Duration,
    },
    /// The system refused.
    #[error("reach the daemon at {}", .socket.display())]
    Io {
        /// The socket.
        socket: PathBuf,
        /// Its reason.
        source: io::Error,
    },
}

impl ConnectError {
    /// Whether it is only that no daemon runs.
    pub fn is_no_daemon(&self) -> bool {
        matches!(self, Self::NoDaemon { .. })
    }
}

/// `SO_PEERCRED` of a socket that is not connected (unix(7)).
const NOT_CONNECTED: u32 = u32::MAX;

/// Connects without blocking. Linux refuses with EAGAIN while the backlog is full, which the library takes for
/// "under way"; an unconnected socket is recognised by its missing peer.
pub(crate) fn connect(home: &Home, deadline: Deadline) -> Result<Stream, ConnectError> {
    let io = |source| ConnectError::Io { socket: home.socket().into(), source };
    loop {
        let name = home.socket().to_fs_name::<GenericFilePath>().map_err(io)?;
        let options = ConnectOptions::new()
            .name(name)
            .wait_mode(ConnectWaitMode::Deferred)
            .nonblocking_stream(true);
        let stream = options.connect_sync().map_err(|error| refused(home, error))?;
        match stream.peer_creds().map_err(io)?.euid() {
            Some(NOT_CONNECTED) if deadline.is_over() => {
                return Err(ConnectError::Busy { socket: home.socket().into() });
            }
            Some(NOT_CONNECTED) => pause(Duration::from_millis(5), deadline),
            Some(uid) if uid != 0 && uid != owner(home).unwrap_or_else(euid) => {
                return Err(ConnectError::Stranger { socket: home.socket().into(), uid });
            }
            Some(uid) if !serves(uid) => return Err(denied(home, uid)),
            Some(_) | None => return Ok(stream),
        }
    }
}

fn refused(home: &Home, error: io::Error) -> ConnectError {
    let kind = error.kind();
    if kind == io::ErrorKind::NotFound || kind == io::ErrorKind::ConnectionRefused {
        return ConnectError::NoDaemon { home: home.root().into() };
    }
    if kind == io::ErrorKind::PermissionDenied {
        match owner(home) {
            Some(owner) if owner != euid() => return denied(home, owner),
            // Our own, whatever its modes are.
            Some(_) => {}
            None => {
                let folder = nearest_visible_folder(home.root());
                return ConnectError::Closed { home: home.root().into(), folder, you: euid() };
            }
        }
    }
    ConnectError::Io { socket: home.socket().into(), source: error }
}

/// Whether a daemon of this user answers us: it turns away all but its own user and root (pain 10), and who is turned
/// away should hear so rather than see a connection end.
fn serves(uid: u32) -> bool {
    euid() == 0 || euid() == uid
}

fn denied(home: &Home, owner: u32) -> ConnectError {
    ConnectError::Denied { home: home.root().into(), owner, you: euid() }
}

/// Whose home it is, if that can be seen.
fn owner(home: &Home) -> Option<u32> {
    std::fs::metadata(home.root()).ok().map(|meta| meta.uid())
}

/// The nearest folder above a path that can be seen: what is in it can't, so it is what is closed.
fn nearest_visible_folder(path: &Path) -> PathBuf {
    let seen = path.ancestors().find(|folder| std::fs::metadata(folder).is_ok());
    seen.unwrap_or(Path::new("/")).into()
}

fn euid() -> u32 {
    rustix::process::geteuid().as_raw()
}
