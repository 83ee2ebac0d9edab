//! Connections that a process has accepted and not heard yet: it has read nothing of what came, or nothing has come. Many
//! servers that are told to end close those at once.

use std::collections::BTreeSet;

use rustix::io::Errno;

use crate::listening::sockets;
use crate::sock_diag::{self, Answer, Inode};

/// The bits of `TCP_ESTABLISHED` and `TCP_CLOSE_WAIT` among the states.
const OPEN: u32 = 1 << 1 | 1 << 8;
/// `INET_DIAG_INFO`: the socket's `struct tcp_info`.
const INFO: u16 = 2;
/// Where that says how many bytes have come.
const RECEIVED: usize = 128;

/// Whether one of these processes has such a connection to one of these ports. False also where the kernel does not tell.
pub fn is_one(mut pids: impl Iterator<Item = i32>, ports: &[u16]) -> bool {
    let unheard = connections(ports).unwrap_or_default();
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

fn is_unheard(answer: &Answer<'_>) -> bool {
    let received = || answer.extension(INFO)?.get(RECEIVED..RECEIVED + 8)?.try_into().ok();
    answer.unread() > Some(0) || received().map(u64::from_ne_bytes) == Some(0)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn who_was_accepted_is_unheard_until_what_it_said_is_read() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let me = || std::iter::once(std::process::id().cast_signed());
        let is_one = || is_one(me(), &[at.port()]);
        let mut caller = TcpStream::connect(at).unwrap();
        assert!(!is_one(), "it is not accepted");
        let (mut server, _) = listener.accept().unwrap();
        assert!(is_one(), "nothing has come");
        caller.write_all(b"hello").unwrap();
        assert!(is_one(), "it is not read");
        server.read_exact(&mut [0; 5]).unwrap();
        assert!(!is_one());
        assert!(!super::is_one(std::iter::once(1), &[at.port()]));
    }
}
