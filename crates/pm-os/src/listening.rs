//! Which TCP sockets take connections and whose they are: asked of the kernel by `sock_diag(7)`, which lists those that
//! listen without going through all connections; owners are found by the descriptors they hold (`/proc/PID/fd`).
//! Sees the network namespace we are in, and processes whose descriptors we may see.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink};

use crate::procfs::pid_of_name;
use crate::tag::Tag;
use crate::tree::RunMembers;

/// Bytes of a message's head (`struct nlmsghdr`).
const HEAD: usize = 16;
/// Bytes of a request (`struct inet_diag_req_v2`).
const REQUEST: usize = 56;
/// Bytes of an answer (`struct inet_diag_msg`).
const ANSWER: usize = 72;
/// `SOCK_DIAG_BY_FAMILY`, as the type of a request and of each answer.
const BY_FAMILY: u16 = 20;
/// `NLMSG_DONE`: that was all.
const DONE: u16 = 3;
/// `NLM_F_REQUEST | NLM_F_DUMP`.
const DUMP: u16 = 0x301;
/// `IPPROTO_TCP`.
const TCP: u8 = 6;
/// The bit of `TCP_LISTEN` among the states.
const LISTEN: u32 = 1 << 10;
/// As much as the kernel puts into one datagram (`NLMSG_GOODSIZE` at most).
const DATAGRAM: usize = 32 << 10;

/// Number of a socket, unique while it is open.
type Inode = u64;

/// All TCP sockets that listen.
fn listeners() -> Result<BTreeMap<Inode, SocketAddr>, Errno> {
    let kind = (AddressFamily::NETLINK, SocketType::DGRAM, SocketFlags::CLOEXEC);
    let socket = rustix::net::socket_with(kind.0, kind.1, kind.2, Some(netlink::SOCK_DIAG))?;
    let mut found = BTreeMap::new();
    let mut buffer = vec![0; DATAGRAM];
    for family in [AddressFamily::INET, AddressFamily::INET6] {
        rustix::net::send(&socket, &request(family), SendFlags::empty())?;
        loop {
            let (length, _) = rustix::net::recv(&socket, &mut *buffer, RecvFlags::empty())?;
            if !take(buffer.get(..length).unwrap_or_default(), &mut found)? {
                break;
            }
        }
    }
    Ok(found)
}

/// How many sockets listen at exactly this address.
pub(crate) fn count(at: SocketAddr) -> Result<usize, Errno> {
    let same = |found: &&SocketAddr| (found.ip(), found.port()) == (at.ip(), at.port());
    listeners().map(|all| all.values().filter(same).count())
}

/// Asks for all sockets of a family that listen.
fn request(family: AddressFamily) -> [u8; HEAD + REQUEST] {
    let mut bytes = [0; HEAD + REQUEST];
    let mut put = |at: usize, field: &[u8]| bytes[at..at + field.len()].copy_from_slice(field);
    put(0, &u32::try_from(HEAD + REQUEST).unwrap_or(0).to_ne_bytes());
    put(4, &BY_FAMILY.to_ne_bytes());
    put(6, &DUMP.to_ne_bytes());
    put(HEAD, &[u8::try_from(family.as_raw()).unwrap_or(0), TCP]);
    put(HEAD + 4, &LISTEN.to_ne_bytes());
    bytes
}

/// Takes in what a datagram tells; whether more will come.
fn take(mut rest: &[u8], found: &mut BTreeMap<Inode, SocketAddr>) -> Result<bool, Errno> {
    while let Some(length) = number(rest, 0).filter(|length| *length >= HEAD) {
        let (message, next) = rest.split_at(length.min(rest.len()));
        match short(message, 4) {
            Some(BY_FAMILY) => found.extend(message.get(HEAD..).and_then(listener)),
            Some(DONE) => return Ok(false),
            // An error: its number stands behind the head, negative.
            _ => return Err(Errno::NOTSUP),
        }
        // Each begins at a multiple of four.
        rest = next.get(length.next_multiple_of(4) - length..).unwrap_or_default();
    }
    Ok(true)
}

/// One `inet_diag_msg`.
fn listener(message: &[u8]) -> Option<(Inode, SocketAddr)> {
    let message: &[u8; ANSWER] = message.get(..ANSWER)?.try_into().ok()?;
    let port = u16::from_be_bytes([message[4], message[5]]);
    let address: IpAddr = match AddressFamily::from_raw(message[0].into()) {
        AddressFamily::INET => <[u8; 4]>::try_from(&message[8..12]).ok()?.into(),
        _ => <[u8; 16]>::try_from(&message[8..24]).ok()?.into(),
    };
    Some((number(message, 68)?.try_into().ok()?, SocketAddr::new(address, port)))
}

fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let four = bytes.get(at..at + 4)?.try_into().ok()?;
    usize::try_from(u32::from_ne_bytes(four)).ok()
}

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_ne_bytes)
}

/// The sockets a process has open; none of one whose descriptors we may not see.
fn sockets(pid: i32) -> impl Iterator<Item = Inode> {
    let entries = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    entries.filter_map(|entry| {
        let link = std::fs::read_link(entry.path()).ok()?;
        link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
    })
}

/// Who listens on a TCP port, by any address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortHolder {
    /// The process; 0 if it can't be known.
    pub pid: i32,
    /// Its command (`/proc/PID/comm`), empty if it can't be known.
    pub command: String,
}

/// Who listens on this port: nobody, or the first process found to hold the socket.
pub fn holder(port: u16) -> Option<PortHolder> {
    let listeners = listeners().ok()?;
    let wanted: BTreeSet<Inode> =
        listeners.iter().filter(|(_, at)| at.port() == port).map(|(inode, _)| *inode).collect();
    if wanted.is_empty() {
        return None;
    }
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut pids = processes.filter_map(|one| pid_of_name(one.file_name().as_encoded_bytes()));
    let pid = pids.find(|pid| sockets(*pid).any(|inode| wanted.contains(&inode))).unwrap_or(0);
    let command = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    Some(PortHolder { pid, command: command.trim_end().to_owned() })
}

/// Where runs listen. Remembers whose a socket is, so that descriptors are looked through only where there is a socket
/// nobody is known for and a process that was not there the last time.
#[derive(Debug, Default)]
pub struct Listening {
    known: BTreeMap<Inode, BTreeSet<Tag>>,
    seen: BTreeSet<i32>,
}

impl Listening {
    /// Whether there is a socket that was not there at the last look.
    pub fn has_news(&self) -> bool {
        let listeners = listeners().unwrap_or_default();
        listeners.keys().any(|inode| !self.known.contains_key(inode))
    }

    /// The addresses on which each run listens, those without any left out; none where the kernel doesn't tell.
    pub fn look(&mut self, by_run: &RunMembers) -> BTreeMap<Tag, Vec<SocketAddr>> {
        let listeners = listeners().unwrap_or_default();
        self.known.retain(|inode, _| listeners.contains_key(inode));
        let is_new = |inode: &Inode| self.known.get(inode).is_none_or(BTreeSet::is_empty);
        let new: BTreeSet<Inode> = listeners.keys().copied().filter(is_new).collect();
        let pids = || by_run.values().flatten().map(|member| member.identity.pid);
        let is_unknown = |inode: &Inode| !self.known.contains_key(inode);
        if new.iter().any(is_unknown)
            || !new.is_empty() && pids().any(|it| !self.seen.contains(&it))
        {
            self.known.extend(new.iter().map(|inode| (*inode, BTreeSet::new())));
            for (tag, member) in
                by_run.iter().flat_map(|(tag, all)| all.iter().map(move |one| (tag, one)))
            {
                for inode in sockets(member.identity.pid).filter(|inode| new.contains(inode)) {
                    self.known.entry(inode).or_default().insert(*tag);
                }
            }
            self.seen = pids().collect();
        }
        let mut addresses: BTreeMap<Tag, Vec<SocketAddr>> = BTreeMap::new();
        for (inode, tags) in &self.known {
            for tag in tags.iter().filter(|tag| by_run.contains_key(tag)) {
                addresses.entry(*tag).or_default().extend(listeners.get(inode));
            }
        }
        for all in addresses.values_mut() {
            all.sort_by_key(|at| (at.port(), at.ip()));
        }
        addresses
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn who_listens_is_found_and_who_is_connected_is_not() {
        let here = TcpListener::bind("127.0.0.1:0").unwrap();
        let there = TcpListener::bind("[::1]:0").unwrap();
        let caller = TcpStream::connect(here.local_addr().unwrap()).unwrap();
        let all: Vec<_> = listeners().unwrap().into_values().collect();
        assert!(all.contains(&here.local_addr().unwrap()), "{all:?}");
        assert!(all.contains(&there.local_addr().unwrap()), "{all:?}");
        assert!(!all.contains(&caller.local_addr().unwrap()), "{all:?}");
        let me = rustix::process::getpid().as_raw_nonzero().get();
        let port = here.local_addr().unwrap().port();
        assert_eq!(holder(port).unwrap().pid, me);
        assert!(!holder(port).unwrap().command.is_empty());
        assert_eq!(holder(caller.local_addr().unwrap().port()), None);
    }

    #[test]
    fn garbage_is_no_listener() {
        let mut found = BTreeMap::new();
        assert_eq!(take(&[], &mut found), Ok(true));
        assert_eq!(take(&[7; 15], &mut found), Err(Errno::NOTSUP));
        assert_eq!(take(&[255; 40], &mut found), Err(Errno::NOTSUP));
        let mut cut = [0; HEAD + 8];
        cut[0] = 24;
        cut[4] = 20;
        assert_eq!(take(&cut, &mut found), Ok(true));
        assert!(found.is_empty());
    }
}
