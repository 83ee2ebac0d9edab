//! Sockets that listen: bound and listening at once, so that callers wait in the backlog instead of being refused; and the
//! files of those of the unix kind, which only go while they are the same.

use std::ffi::OsStr;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat, fstat, openat, statat, unlinkat};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, connect, listen, socket_with,
    sockopt,
};

/// Whatever has this name, without opening it, and be it a link.
pub(crate) const ITSELF: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// What tells a socket's file from another one that took its place: device and inode.
pub type SocketFileId = (u64, u64);

/// A socket on a TCP port. `[::]` also takes callers by IPv4, and is `0.0.0.0` where there is no IPv6. It blocks, as
/// systemd's do: what shares it shares that, too. Its connections have `TCP_NODELAY`, which servers do not set that take
/// a socket without looking what it is (asyncio by `--fd`: 44 ms for each answer on a kept connection).
pub fn tcp(at: SocketAddr, backlog: i32) -> Result<OwnedFd, Errno> {
    let opened = one_tcp(at, backlog);
    let is_any = at.is_ipv6() && at.ip().is_unspecified();
    match opened {
        Err(Errno::AFNOSUPPORT | Errno::ADDRNOTAVAIL) if is_any => {
            one_tcp((Ipv4Addr::UNSPECIFIED, at.port()).into(), backlog)
        }
        opened => opened,
    }
}

fn one_tcp(at: SocketAddr, backlog: i32) -> Result<OwnedFd, Errno> {
    let socket = unbound_tcp(at, !at.ip().is_unspecified())?;
    bind(&socket, &at)?;
    listen(&socket, backlog)?;
    Ok(socket)
}

/// One for this address that has not got it yet; of IPv6, whether it leaves callers by IPv4 alone.
pub(crate) fn unbound_tcp(at: SocketAddr, is_v6_only: bool) -> Result<OwnedFd, Errno> {
    let family = if at.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    if at.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, is_v6_only)?;
    }
    sockopt::set_socket_reuseaddr(&socket, true)?;
    sockopt::set_tcp_nodelay(&socket, true)?;
    Ok(socket)
}

/// A unix socket whose file has these permissions. One that nobody listens on any more is replaced, for who made it was
/// killed; anything else of that name is `EADDRINUSE`.
pub fn unix(path: &Path, mode: u32, backlog: i32) -> Result<(OwnedFd, SocketFileId), Errno> {
    let address = SocketAddrUnix::new(path)?;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    match bind(&socket, &address) {
        Err(Errno::ADDRINUSE) if is_deserted(path, &address) => {
            remove_socket(path, None)?;
            bind(&socket, &address)?;
        }
        bound => bound?,
    }
    set_socket_mode(path, |_| mode)?;
    listen(&socket, backlog)?;
    Ok((socket, file_id(path)?))
}

/// Whether a path is a socket's whose owner is gone.
fn is_deserted(path: &Path, address: &SocketAddrUnix) -> bool {
    let found = statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW);
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let caller = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None);
    found.is_ok_and(|stat| is_socket(&stat))
        && caller.is_ok_and(|caller| connect(&caller, address) == Err(Errno::CONNREFUSED))
}

fn file_id(path: &Path) -> Result<SocketFileId, Errno> {
    statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW).map(|stat| id_of(&stat))
}

pub(crate) fn id_of(stat: &Stat) -> SocketFileId {
    (stat.st_dev, stat.st_ino)
}

pub(crate) fn is_socket(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::Socket
}

/// Gives other permissions to a socket, and to nothing else that may have taken its place.
pub fn set_socket_mode(path: &Path, mode: impl FnOnce(u32) -> u32) -> Result<(), Errno> {
    let socket = openat(CWD, path, ITSELF, Mode::empty())?;
    let stat = fstat(&socket)?;
    if !is_socket(&stat) {
        return Err(Errno::NOTSOCK);
    }
    // Rights can't be given through such a descriptor, but by its name.
    let itself = format!("/proc/self/fd/{}", socket.as_raw_fd());
    rustix::fs::chmod(itself, Mode::from_raw_mode(mode(stat.st_mode & 0o7777)))
}

/// Removes the file of a socket. What took its place stays: anything but a socket, and if it is known which one it is
/// to be, another one.
pub fn remove_socket(path: &Path, id: Option<SocketFileId>) -> Result<(), Errno> {
    let (folder, name) = folder_of(path)?;
    let found = statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
    if !is_socket(&found) {
        return Err(Errno::NOTSOCK);
    }
    if id.is_some_and(|id| id != id_of(&found)) {
        return Err(Errno::EXIST);
    }
    unlinkat(&folder, name, AtFlags::empty())
}

/// The folder of a path, open, and the name in it.
pub(crate) fn folder_of(path: &Path) -> Result<(OwnedFd, &OsStr), Errno> {
    let name = path.file_name().ok_or(Errno::INVAL)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    Ok((openat(CWD, folder.unwrap_or(Path::new(".")), FOLDER, Mode::empty())?, name))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::net::UnixStream;

    use super::*;

    fn free() -> u16 {
        TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
    }

    #[test]
    fn who_calls_a_port_is_answered_at_once_by_whoever_has_the_socket() {
        let port = free();
        let socket = tcp(SocketAddr::from(([0; 8], port)), 5).unwrap();
        let mut caller = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let (mut answer, _) = TcpListener::from(socket).accept().unwrap();
        assert!(answer.nodelay().unwrap());
        answer.write_all(b"x").unwrap();
        drop(answer);
        let mut text = String::new();
        caller.read_to_string(&mut text).unwrap();
        assert_eq!(text, "x");
    }

    #[test]
    fn a_port_is_given_once() {
        let port = free();
        let at = SocketAddr::from(([127, 0, 0, 1], port));
        let _first = tcp(at, 5).unwrap();
        assert_eq!(tcp(at, 5).unwrap_err(), Errno::ADDRINUSE);
        let _other_family = tcp(SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], port)), 5).unwrap();
    }

    #[test]
    fn a_deserted_socket_is_replaced_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let (socket, first) = unix(&path, 0o640, 5).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(unix(&path, 0o640, 5).unwrap_err(), Errno::ADDRINUSE);
        drop(socket);
        // Children that other tests begin have it for a moment.
        let (socket, second) = loop {
            match unix(&path, 0o666, 5) {
                Err(Errno::ADDRINUSE) => std::thread::yield_now(),
                made => break made.unwrap(),
            }
        };
        UnixStream::connect(&path).unwrap();
        assert_eq!(remove_socket(&path, Some((first.0, u64::MAX))), Err(Errno::EXIST));
        remove_socket(&path, Some(second)).unwrap();
        assert!(!path.exists());
        std::fs::write(&path, "precious").unwrap();
        assert_eq!(unix(&path, 0o666, 5).unwrap_err(), Errno::ADDRINUSE);
        assert_eq!(remove_socket(&path, None), Err(Errno::NOTSOCK));
        assert_eq!(std::fs::read(&path).unwrap(), b"precious");
        drop(socket);
    }
}
