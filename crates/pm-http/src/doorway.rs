//! Where clients come in: a TCP port or a unix socket.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};

use rustix::fs::Mode;
use rustix::process::umask;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// A socket that listens.
#[derive(Debug)]
pub enum Doorway {
    /// On a port.
    Tcp(TcpListener),
    /// At a path.
    Unix(UnixListener, PathBuf),
    /// None: nobody comes.
    Shut,
}

/// Where a client comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAddress {
    /// An address of the network.
    Tcp(SocketAddr),
    /// This machine, by a unix socket; the user it runs as, where the system says so.
    Unix(Option<u32>),
}

impl Doorway {
    /// On this port of this address or name. Port 0 is one that is free.
    pub async fn tcp(host: &str, port: u16) -> io::Result<Self> {
        TcpListener::bind((host, port)).await.map(Self::Tcp)
    }

    /// At this path, with this mode.
    pub async fn unix(path: &Path, mode: u32) -> io::Result<Self> {
        Ok(Self::Unix(unix_socket(path, mode).await?, path.into()))
    }

    /// The address of a port.
    pub fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok(),
            Self::Unix(..) | Self::Shut => None,
        }
    }

    /// The next client.
    pub(crate) async fn accept(&self) -> io::Result<(ClientStream, ClientAddress)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                stream.set_nodelay(true).ok();
                Ok((ClientStream::Tcp(stream), ClientAddress::Tcp(address)))
            }
            Self::Unix(listener, _) => {
                let (stream, _) = listener.accept().await?;
                let uid = stream.peer_cred().ok().map(|peer| peer.uid());
                Ok((ClientStream::Unix(stream), ClientAddress::Unix(uid)))
            }
            Self::Shut => std::future::pending().await,
        }
    }
}

/// Listens at this path, with this mode. A socket on which nobody listens any more is replaced, nothing else.
pub async fn unix_socket(path: &Path, mode: u32) -> io::Result<UnixListener> {
    match bound(path, mode) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            match UnixStream::connect(path).await {
                // Any other file refuses connections, too.
                Err(dead) if dead.kind() == io::ErrorKind::ConnectionRefused && is_socket(path) => {
                    std::fs::remove_file(path)?;
                    bound(path, mode)
                }
                Ok(_) | Err(_) => Err(error),
            }
        }
        bound => bound,
    }
}

fn is_socket(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket())
}

/// It has its mode from the beginning: in a folder that others may write to, a path is somebody else's by the time its
/// mode could be changed. Other threads get files of this mode meanwhile, if they ask for no narrower one.
fn bound(path: &Path, mode: u32) -> io::Result<UnixListener> {
    let own = umask(Mode::from_raw_mode(!mode & 0o777));
    let bound = UnixListener::bind(path);
    umask(own);
    bound
}

/// What was bound is taken away; a port goes by itself.
impl Drop for Doorway {
    fn drop(&mut self) {
        if let Self::Unix(_, path) = self {
            std::fs::remove_file(path).ok();
        }
    }
}

/// A connection of either kind.
#[derive(Debug)]
pub(crate) enum ClientStream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl AsyncRead for ClientStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Self::Unix(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[tokio::test]
    async fn a_socket_has_its_mode_and_replaces_only_a_dead_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        for mode in [0o600, 0o666] {
            let socket = unix_socket(&path, mode).await.unwrap();
            let found = path.metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(found, mode, "{found:o}");
            let taken = unix_socket(&path, mode).await.unwrap_err();
            assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
            drop(socket);
        }
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "not ours").unwrap();
        assert!(unix_socket(&path, 0o600).await.is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"not ours");
    }
}
