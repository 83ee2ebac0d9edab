//! Which TCP sockets take connections and whose they are: asked of the kernel by `sock_diag(7)`, which lists those that
//! listen without going through all connections; owners are found by the descriptors they hold (`/proc/PID/fd`).
//! Sees the network namespace we are in, and processes whose descriptors we may see.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use rustix::io::Errno;

use crate::procfs::pid_of_name;
use crate::sock_diag::{self, Answer, Inode};
use crate::tag::Tag;
use crate::tree::RunMembers;

/// The bit of `TCP_LISTEN` among the states.
const LISTEN: u32 = 1 << 10;

/// All TCP sockets that listen.
fn listeners() -> Result<BTreeMap<Inode, SocketAddr>, Errno> {
    let mut found = BTreeMap::new();
    sock_diag::dump(LISTEN, 0, |answer| found.extend(listener(answer)))?;
    Ok(found)
}

/// The TCP ports on which somebody listens, by any address.
pub fn open_ports() -> Result<BTreeSet<u16>, Errno> {
    listeners().map(|all| all.into_values().map(|at| at.port()).collect())
}

/// How many sockets listen at exactly this address.
pub(crate) fn count(at: SocketAddr) -> Result<usize, Errno> {
    let same = |found: &&SocketAddr| (found.ip(), found.port()) == (at.ip(), at.port());
    listeners().map(|all| all.values().filter(same).count())
}

fn listener(answer: &Answer<'_>) -> Option<(Inode, SocketAddr)> {
    Some((answer.inode()?, SocketAddr::new(answer.address()?, answer.port()?)))
}

/// The sockets a process has open; none of one whose descriptors we may not see.
pub(crate) fn sockets(pid: i32) -> impl Iterator<Item = Inode> {
    let entries = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    entries.filter_map(|entry| {
        let link = std::fs::read_link(entry.path()).ok()?;
        link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
    })
}

/// Whether one of these processes listens, on TCP or a unix socket with a file. `None`: of none of them can the descriptors be
/// seen, or the kernel doesn't tell.
pub fn is_any_listening(pids: &[i32]) -> Option<bool> {
    let is_seen = |pid: &i32| std::fs::read_dir(format!("/proc/{pid}/fd")).is_ok();
    if !pids.iter().any(is_seen) {
        return None;
    }
    let mut listening: BTreeSet<Inode> = listeners().ok()?.into_keys().collect();
    sock_diag::dump_unix(LISTEN, |inode, _, _| _ = listening.insert(inode)).ok()?;
    Some(pids.iter().any(|pid| sockets(*pid).any(|inode| listening.contains(&inode))))
}

/// The TCP addresses on which one of these processes listens, as far as can be seen.
pub fn addresses_of(pids: &[i32]) -> Vec<SocketAddr> {
    let listeners = listeners().unwrap_or_default();
    let inodes: BTreeSet<Inode> = pids.iter().flat_map(|pid| sockets(*pid)).collect();
    let mut all: Vec<_> = inodes.iter().filter_map(|it| listeners.get(it).copied()).collect();
    all.sort_by_key(|at| (at.port(), at.ip()));
    all
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
    use std::os::unix::net::UnixListener;

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
        assert!(addresses_of(&[me]).contains(&here.local_addr().unwrap()));
        assert_eq!(addresses_of(&[i32::MAX]), []);
        assert!(!holder(port).unwrap().command.is_empty());
        assert_eq!(holder(caller.local_addr().unwrap().port()), None);
    }

    #[test]
    fn a_process_listens_if_one_that_it_made_does() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(is_any_listening(&[pid]), Some(false));
        let _here = UnixListener::bind(folder.path().join("here")).unwrap();
        let me = rustix::process::getpid().as_raw_nonzero().get();
        let all = crate::tree::descent(me);
        assert!(all[0] == me && all.contains(&pid), "{all:?}");
        assert_eq!(is_any_listening(&all), Some(true));
        assert_eq!(is_any_listening(&[i32::MAX]), None);
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
