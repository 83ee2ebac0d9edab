//! What the kernel tells of TCP sockets by `sock_diag(7)`, of the network namespace we are in.

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
    let kind = (AddressFamily::NETLINK, SocketType::DGRAM, SocketFlags::CLOEXEC);
    let socket = rustix::net::socket_with(kind.0, kind.1, kind.2, Some(netlink::SOCK_DIAG))?;
    let mut buffer = vec![0; DATAGRAM];
    for family in [AddressFamily::INET, AddressFamily::INET6] {
        let request = request(family, states, extensions);
        rustix::net::send(&socket, &request, SendFlags::empty())?;
        loop {
            let (length, _) = rustix::net::recv(&socket, &mut *buffer, RecvFlags::empty())?;
            if !take(buffer.get(..length).unwrap_or_default(), &mut each)? {
                break;
            }
        }
    }
    Ok(())
}

fn request(family: AddressFamily, states: u32, extensions: u8) -> [u8; HEAD + REQUEST] {
    let mut bytes = [0; HEAD + REQUEST];
    let mut put = |at: usize, field: &[u8]| bytes[at..at + field.len()].copy_from_slice(field);
    put(0, &u32::try_from(HEAD + REQUEST).unwrap_or(0).to_ne_bytes());
    put(4, &BY_FAMILY.to_ne_bytes());
    put(6, &DUMP.to_ne_bytes());
    put(HEAD, &[u8::try_from(family.as_raw()).unwrap_or(0), TCP, extensions]);
    put(HEAD + 4, &states.to_ne_bytes());
    bytes
}

/// Takes in what a datagram tells; whether more will come.
fn take(mut rest: &[u8], each: &mut impl FnMut(&Answer<'_>)) -> Result<bool, Errno> {
    while let Some(length) = number(rest, 0).filter(|length| *length >= HEAD) {
        let (message, next) = rest.split_at(length.min(rest.len()));
        match short(message, 4) {
            Some(BY_FAMILY) => message.get(HEAD..).into_iter().for_each(|it| each(&Answer(it))),
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
        let mut rest = self.0.get(ANSWER..)?;
        loop {
            let length: usize = short(rest, 0)?.into();
            if short(rest, 2)? == kind {
                return rest.get(4..length);
            }
            rest = rest.get(length.max(4).next_multiple_of(4)..)?;
        }
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
        let mut each = |answer: &Answer<'_>| found += usize::from(answer.inode().is_some());
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
