//! Whether a process takes connections of a socket it was given. That socket listens whoever has it, so it tells
//! nothing; but the kernel shows what a process waits for: an epoll set with the socket in it (event loops of every language), or
//! `accept(2)` itself. Who polls by `select(2)` or `poll(2)` can't be seen.

use std::fs;
use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::fstat;

/// Number of a socket, unique while it is open.
pub type SocketInode = u64;

/// The number of an open socket.
pub fn inode_of(socket: impl AsFd) -> Option<SocketInode> {
    fstat(socket).ok().map(|stat| stat.st_ino)
}

/// The sockets that a process has at descriptor 3 and on, at most so many.
pub fn given_to(pid: i32, most: usize) -> Vec<SocketInode> {
    let number = |fd: usize| {
        let link = fs::read_link(format!("/proc/{pid}/fd/{fd}")).ok()?;
        link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
    };
    (3..3 + most).map_while(number).collect()
}

/// Whether a process, of which we may see that much, waits for callers of one of these sockets.
pub fn accepts(pid: i32, sockets: &[SocketInode]) -> bool {
    let folder = format!("/proc/{pid}");
    polls(Path::new(&folder), sockets) || sits_in_accept(Path::new(&folder))
}

/// Whether an event loop of a process waits for something of one of the process's own sockets. `None`: it has no epoll set, or none
/// that we may see.
pub fn awaits_own_sockets(pid: i32) -> Option<bool> {
    let own: Vec<SocketInode> = crate::listening::sockets(pid).collect();
    let process = format!("/proc/{pid}");
    let sets = polled(Path::new(&process)).map(|shown| has_one(&shown, &own));
    sets.reduce(|any, one| any | one)
}

fn polls(process: &Path, sockets: &[SocketInode]) -> bool {
    polled(process).any(|shown| has_one(&shown, sockets))
}

/// What the kernel shows of each epoll set of a process.
fn polled(process: &Path) -> impl Iterator<Item = String> {
    let entries = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
    let is_epoll = |entry: &fs::DirEntry| {
        fs::read_link(entry.path()).is_ok_and(|link| link == Path::new("anon_inode:[eventpoll]"))
    };
    let shown = |entry: fs::DirEntry| {
        fs::read_to_string(process.join("fdinfo").join(entry.file_name())).unwrap_or_default()
    };
    entries.filter(is_epoll).map(shown)
}

fn has_one(shown: &str, sockets: &[SocketInode]) -> bool {
    members(shown).any(|inode| sockets.contains(&inode))
}

/// The numbers in `tfd: 7 events: 19 data: 7 pos:0 ino:82839d sdev:9`, a line for each member (proc(5)).
fn members(shown: &str) -> impl Iterator<Item = SocketInode> {
    let lines = shown.lines().filter(|line| line.starts_with("tfd:"));
    let words = lines.flat_map(str::split_ascii_whitespace);
    words.filter_map(|word| u64::from_str_radix(word.strip_prefix("ino:")?, 16).ok())
}

/// One of its threads waits in `accept(2)` on TCP.
fn sits_in_accept(process: &Path) -> bool {
    let tasks = fs::read_dir(process.join("task")).into_iter().flatten().flatten();
    let sits = |task: fs::DirEntry| {
        fs::read_to_string(task.path().join("wchan")).is_ok_and(|place| place == "inet_csk_accept")
    };
    tasks.into_iter().any(sits)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::fd::AsRawFd;

    use rustix::event::epoll;

    use super::*;

    #[test]
    fn who_waits_for_callers_is_seen_and_who_only_has_the_socket_is_not() {
        let me = std::process::id().cast_signed();
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let inodes = [inode_of(&socket).unwrap()];
        assert!(!polls(Path::new("/proc/self"), &inodes));
        assert_eq!(awaits_own_sockets(me), None);
        let set = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
        let data = epoll::EventData::new_u64(0);
        assert_eq!(awaits_own_sockets(me), Some(false));
        epoll::add(&set, &other, data, epoll::EventFlags::IN).unwrap();
        assert_eq!(awaits_own_sockets(me), Some(true));
        assert!(!polls(Path::new("/proc/self"), &inodes));
        epoll::add(&set, &socket, data, epoll::EventFlags::IN).unwrap();
        assert!(accepts(me, &inodes));
        assert!(given_to(me, 0).is_empty() && socket.as_raw_fd() > 2);
    }

    #[test]
    fn who_sits_in_accept_is_seen() {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = socket.local_addr().unwrap();
        let waiter = std::thread::spawn(move || socket.accept().map(drop));
        while !sits_in_accept(Path::new("/proc/self")) {
            std::thread::yield_now();
        }
        drop(std::net::TcpStream::connect(at).unwrap());
        waiter.join().unwrap().unwrap();
    }
}
