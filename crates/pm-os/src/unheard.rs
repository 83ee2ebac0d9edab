//! Connections that a process has accepted and not heard yet: it has read nothing of what came, or nothing has come. Many
//! servers that are told to end close those at once. Of unix sockets only the first can be seen.

use std::collections::BTreeSet;
use std::os::fd::AsFd;

use rustix::io::Errno;

use crate::listening::sockets;
use crate::sock_diag::{self, Answer, Inode};

/// The bits of `TCP_ESTABLISHED` and `TCP_CLOSE_WAIT` among the states.
const OPEN: u32 = 1 << 1 | 1 << 8;
/// That of `TCP_LISTEN`, which unix sockets have as well.
const LISTENING: u32 = 1 << 10;
/// `INET_DIAG_INFO`: the socket's `struct tcp_info`.
const INFO: u16 = 2;
/// Where that says how many bytes have come.
const RECEIVED: usize = 128;

/// The file of a unix socket, as the kernel names it where it tells of sockets: the lower half of its inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketFile(u32);

/// Whether one of these processes has such a connection to one of these ports or files of unix sockets. False also where the
/// kernel does not tell.
pub fn is_one(mut pids: impl Iterator<Item = i32>, ports: &[u16], files: &[SocketFile]) -> bool {
    let mut unheard = BTreeSet::new();
    if !ports.is_empty() {
        unheard.append(&mut connections(ports).unwrap_or_default());
    }
    if !files.is_empty() {
        unheard.append(&mut callers_of(files).unwrap_or_default());
    }
    let is_theirs = |pid: i32| sockets(pid).any(|inode| unheard.contains(&inode));
    !unheard.is_empty() && pids.any(is_theirs)
}

fn connections(ports: &[u16]) -> Result<BTreeSet<Inode>, Errno> {
    let mut found = BTreeSet::new();
    sock_diag::dump(OPEN, 1 << (INFO - 1), |answer| {
        let is_theirs = answer.port().is_some_and(|port| ports.contains(&port));
        if is_theirs && is_unheard(answer) {
            found.extend(answer.inode().filter(|inode| *inode != 0));
        }
    })?;
    Ok(found)
}

/// The file of a unix socket that listens, whatever name it has by now.
pub fn file_of(listener: impl AsFd) -> Option<SocketFile> {
    // It has to be there until all are told.
    let own = rustix::fs::fstat(listener.as_fd()).ok()?.st_ino;
    let mut found = None;
    let take = |inode, file, _| found = found.or((inode == own).then_some(SocketFile(file)));
    sock_diag::dump_unix(LISTENING, take).ok()?;
    found
}

fn callers_of(files: &[SocketFile]) -> Result<BTreeSet<Inode>, Errno> {
    let mut found = BTreeSet::new();
    sock_diag::dump_unix(OPEN, |inode, file, unread| {
        if unread > 0 && files.contains(&SocketFile(file)) {
            found.insert(inode);
        }
    })?;
    Ok(found)
}

fn is_unheard(answer: &Answer<'_>) -> bool {
    let received = || answer.extension(INFO)?.get(RECEIVED..RECEIVED + 8)?.try_into().ok();
    answer.unread() > Some(0) || received().map(u64::from_ne_bytes) == Some(0)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::os::unix::net::{UnixListener, UnixStream};

    use super::*;

    #[test]
    fn who_was_accepted_is_unheard_until_what_it_said_is_read() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let me = || std::iter::once(std::process::id().cast_signed());
        let is_one = || is_one(me(), &[at.port()], &[]);
        let mut caller = TcpStream::connect(at).unwrap();
        assert!(!is_one(), "it is not accepted");
        let (mut server, _) = listener.accept().unwrap();
        assert!(is_one(), "nothing has come");
        caller.write_all(b"hello").unwrap();
        assert!(is_one(), "it is not read");
        server.read_exact(&mut [0; 5]).unwrap();
        assert!(!is_one());
        assert!(!super::is_one(std::iter::once(1), &[at.port()], &[]));
    }
    #[test]
    fn who_called_a_path_is_unheard_until_what_it_said_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let (listener, _) = crate::listener::unix(&path, 0o600, 5).unwrap();
        let (other, _) = crate::listener::unix(&folder.path().join("other"), 0o600, 5).unwrap();
        let (file, other) = (file_of(&listener).unwrap(), file_of(other).unwrap());
        let is_one = |file| is_one(std::iter::once(std::process::id().cast_signed()), &[], &[file]);
        let mut caller = UnixStream::connect(&path).unwrap();
        let (mut server, _) = UnixListener::from(listener).accept().unwrap();
        assert!(!is_one(file));
        caller.write_all(b"hello").unwrap();
        assert!(is_one(file) && !is_one(other));
        server.read_exact(&mut [0; 5]).unwrap();
        assert!(!is_one(file));
    }
}
