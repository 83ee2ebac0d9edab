//! What the kernel tells of TCP and unix sockets by `sock_diag(7)`, of the network namespace we are in.

use std::net::IpAddr;

use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink};

/// Bytes of a message's head (`struct nlmsghdr`).
const HEAD: usize = 16;
/// Bytes of a request (`struct inet_diag_req_v2`).
const REQUEST: usize = 56;
/// Bytes of an answer (`struct inet_diag_msg`), before what else was asked for.
const ANSWER: usize = 72;
/// `SOCK_DIAG_BY_FAMILY`, as the type of a request and of each answer.
const BY_FAMILY: u16 = 20;
/// `NLMSG_DONE`: that was all.
const DONE: u16 = 3;
/// `NLM_F_REQUEST | NLM_F_DUMP`.
const DUMP: u16 = 0x301;
/// `IPPROTO_TCP`.
const TCP: u8 = 6;
/// `UDIAG_SHOW_VFS` and `UDIAG_SHOW_RQLEN`, and what they are told as: `UNIX_DIAG_VFS`, `UNIX_DIAG_RQLEN`.
const SHOW_FILE: u32 = 2;
const SHOW_QUEUE: u32 = 16;
const FILE: u16 = 1;
const QUEUE: u16 = 4;
/// As much as the kernel puts into one datagram (`NLMSG_GOODSIZE` at most).
const DATAGRAM: usize = 32 << 10;

/// Number of a socket, unique while it is open.
pub(crate) type Inode = u64;

/// All TCP sockets in one of these states (a bit each), with the extensions that are asked for (a bit each).
pub(crate) fn dump(
    states: u32,
    extensions: u8,
    mut each: impl FnMut(&Answer<'_>),
) -> Result<(), Errno> {
    for family in [AddressFamily::INET, AddressFamily::INET6] {
        let family = u8::try_from(family.as_raw()).unwrap_or(0);
        let mut request = [0; REQUEST];
        request[..3].copy_from_slice(&[family, TCP, extensions]);
        request[4..8].copy_from_slice(&states.to_ne_bytes());
        ask(&request, &mut |message| each(&Answer(message)))?;
    }
    Ok(())
}

/// All unix sockets with a file in one of these states: which it is, the inode of the file (that of whoever was called), and how
/// many bytes have come that nobody has read.
pub(crate) fn dump_unix(states: u32, mut each: impl FnMut(Inode, u32, usize)) -> Result<(), Errno> {
    let family = u8::try_from(AddressFamily::UNIX.as_raw()).unwrap_or(0);
    // `struct unix_diag_req`.
    let mut request = [0; 24];
    request[0] = family;
    request[4..8].copy_from_slice(&states.to_ne_bytes());
    request[12..16].copy_from_slice(&(SHOW_FILE | SHOW_QUEUE).to_ne_bytes());
    ask(&request, &mut |message| {
        // `struct unix_diag_msg`, then attributes.
        let inode = number(message, 4).and_then(|inode| Inode::try_from(inode).ok());
        let first = |kind| attribute(message.get(16..)?, kind).and_then(|value| number(value, 0));
        let file = first(FILE).and_then(|file| u32::try_from(file).ok());
        if let (Some(inode), Some(file), Some(unread)) = (inode, file, first(QUEUE)) {
            each(inode, file, unread);
        }
    })
}

/// One request and all its answers, each without its head.
fn ask(request: &[u8], each: &mut impl FnMut(&[u8])) -> Result<(), Errno> {
    let kind = (AddressFamily::NETLINK, SocketType::DGRAM, SocketFlags::CLOEXEC);
    let socket = rustix::net::socket_with(kind.0, kind.1, kind.2, Some(netlink::SOCK_DIAG))?;
    let mut message = vec![0; HEAD];
    message[..4].copy_from_slice(&u32::try_from(HEAD + request.len()).unwrap_or(0).to_ne_bytes());
    message[4..6].copy_from_slice(&BY_FAMILY.to_ne_bytes());
    message[6..8].copy_from_slice(&DUMP.to_ne_bytes());
    message.extend_from_slice(request);
    rustix::net::send(&socket, &message, SendFlags::empty())?;
    let mut buffer = vec![0; DATAGRAM];
    loop {
        let (length, _) = rustix::net::recv(&socket, &mut *buffer, RecvFlags::empty())?;
        if !take(buffer.get(..length).unwrap_or_default(), each)? {
            return Ok(());
        }
    }
}

/// Takes in what a datagram tells; whether more will come.
fn take(mut rest: &[u8], each: &mut impl FnMut(&[u8])) -> Result<bool, Errno> {
    while let Some(length) = number(rest, 0).filter(|length| *length >= HEAD) {
        let (message, next) = rest.split_at(length.min(rest.len()));
        match short(message, 4) {
            Some(BY_FAMILY) => message.get(HEAD..).into_iter().for_each(&mut *each),
            Some(DONE) => return Ok(false),
            // An error: its number stands behind the head, negative.
            _ => return Err(Errno::NOTSUP),
        }
        // Each begins at a multiple of four.
        rest = next.get(length.next_multiple_of(4) - length..).unwrap_or_default();
    }
    Ok(true)
}

/// One socket (`struct inet_diag_msg`); nothing of one that is cut short.
#[derive(Debug)]
pub(crate) struct Answer<'a>(&'a [u8]);

impl Answer<'_> {
    /// The port at our end.
    pub(crate) fn port(&self) -> Option<u16> {
        self.0.get(4..6)?.try_into().ok().map(u16::from_be_bytes)
    }

    /// The address at our end.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        match AddressFamily::from_raw((*self.0.first()?).into()) {
            AddressFamily::INET => Some(<[u8; 4]>::try_from(self.0.get(8..12)?).ok()?.into()),
            _ => Some(<[u8; 16]>::try_from(self.0.get(8..24)?).ok()?.into()),
        }
    }

    /// Bytes that have come and nobody has read.
    pub(crate) fn unread(&self) -> Option<usize> {
        number(self.0, 56)
    }

    /// Which it is; 0: no process has it.
    pub(crate) fn inode(&self) -> Option<Inode> {
        number(self.0, 68)?.try_into().ok()
    }

    /// One of the extensions.
    pub(crate) fn extension(&self, kind: u16) -> Option<&[u8]> {
        attribute(self.0.get(ANSWER..)?, kind)
    }
}

/// One of several values behind each other (`struct nlattr`).
fn attribute(mut rest: &[u8], kind: u16) -> Option<&[u8]> {
    loop {
        let length: usize = short(rest, 0)?.into();
        if short(rest, 2)? == kind {
            return rest.get(4..length);
        }
        rest = rest.get(length.max(4).next_multiple_of(4)..)?;
    }
}

fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let four = bytes.get(at..at + 4)?.try_into().ok()?;
    usize::try_from(u32::from_ne_bytes(four)).ok()
}

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn garbage_is_no_socket() {
        let mut found = 0;
        let mut each = |it: &[u8]| found += usize::from(Answer(it).inode().is_some());
        assert_eq!(take(&[], &mut each), Ok(true));
        assert_eq!(take(&[7; 15], &mut each), Err(Errno::NOTSUP));
        assert_eq!(take(&[255; 40], &mut each), Err(Errno::NOTSUP));
        let mut cut = [0; HEAD + 8];
        cut[0] = 24;
        cut[4] = 20;
        assert_eq!(take(&cut, &mut each), Ok(true));
        assert_eq!(found, 0);
        assert_eq!(Answer(&[0; ANSWER + 8]).extension(2), None);
    }
}
