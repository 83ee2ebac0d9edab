//! Reads `/proc/PID/stat` without allocating. It knows the format (proc(5)) and nothing about
//! what the figures mean to us.

use std::io::Write as _;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;

use crate::tag::Tag;

/// Longest stat line we read: 52 numbers of at most 20 digits and a command name of 64 bytes.
const LINE: usize = 1400;

/// One process as its stat line shows it (field numbers are those of proc(5)), and its mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcEntry {
    /// Its number.
    pub pid: i32,
    /// Its parent.
    pub ppid: i32,
    /// Its process group.
    pub pgrp: i32,
    /// Its session.
    pub session: i32,
    /// Whether it still runs; zombies don't. A leader that ended while its threads go on shows as one, and does.
    pub alive: bool,
    pub(crate) kernel_thread: bool,
    /// Clock ticks from boot to its start.
    pub started: u64,
    /// Clock ticks it used (utime + stime).
    pub own_ticks: u64,
    /// Clock ticks of its children that were waited for (cutime + cstime).
    pub children_ticks: u64,
    /// Resident memory in bytes.
    pub rss: u64,
    /// Raw wait status of a zombie; 0 where we may not know it.
    pub(crate) exit_code: i32,
    /// Its mark, by limit or (with [`Depth::Cookies`](crate::tree::Depth::Cookies)) by cookie.
    pub tag: Option<Tag>,
    /// Whether the mark is in its limits, where everything it starts inherits it.
    pub marked: bool,
}

/// `PF_KTHREAD` of the kernel's `sched.h`: a thread of the kernel, which no app can be.
const PF_KTHREAD: u64 = 0x0020_0000;

impl ProcEntry {
    /// Parses one line, the mark not asked for. `None` if it isn't one.
    ///
    /// The command name may itself contain blanks, brackets and line feeds, so everything is
    /// counted from the last closing bracket.
    pub(crate) fn parse(line: &[u8]) -> Option<Self> {
        let pid = number(line.split(|&b| b == b' ').next()?)?;
        let close = line.iter().rposition(|&b| b == b')')?;
        let mut fields = [0_u64; 53];
        let mut rest = line.get(close + 1..)?.trim_ascii().split(|&b| b == b' ');
        let state = *rest.next()?.first()?;
        let mut read = 3;
        for (slot, text) in fields.iter_mut().skip(4).zip(rest) {
            // Negative numbers (tty_nr, tpgid, nice) are of no use to us.
            *slot = number(text).unwrap_or(0);
            read += 1;
        }
        if read < 24 {
            return None;
        }
        let is_dead = matches!(state, b'Z' | b'X' | b'x') && fields[20] <= 1;
        let page = u64::try_from(rustix::param::page_size()).unwrap_or(4096);
        Some(Self {
            pid: small(pid)?,
            ppid: small(fields[4])?,
            pgrp: small(fields[5])?,
            session: small(fields[6])?,
            alive: !is_dead,
            kernel_thread: fields[9] & PF_KTHREAD != 0,
            started: fields[22],
            own_ticks: fields[14].saturating_add(fields[15]),
            children_ticks: fields[16].saturating_add(fields[17]),
            rss: fields[24].saturating_mul(page),
            exit_code: small(fields[52]).unwrap_or(0),
            tag: None,
            marked: false,
        })
    }
}

fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 20 {
        return None;
    }
    let mut value: u64 = 0;
    for &digit in text {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
    }
    Some(value)
}

fn small(value: u64) -> Option<i32> {
    i32::try_from(value).ok()
}

/// Parses a pid as `/proc` names it.
pub(crate) fn pid_of_name(name: &[u8]) -> Option<i32> {
    number(name).and_then(small).filter(|&pid| pid > 0)
}

/// Opens `/proc` for many look-ups relative to it.
pub(crate) fn open() -> Result<OwnedFd, Errno> {
    rustix::fs::openat(
        CWD,
        c"/proc",
        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )
}

/// Reads the stat line of `pid`; `None` when there is no such process.
pub(crate) fn stat(proc: impl AsFd, pid: i32) -> Result<Option<ProcEntry>, Errno> {
    let mut line = [0_u8; LINE];
    let Some(length) = read(proc, pid, "stat", &mut line)? else { return Ok(None) };
    Ok(line.get(..length).and_then(ProcEntry::parse))
}

/// Reads the stat line of `pid` once, with no `/proc` at hand.
pub(crate) fn stat_once(pid: i32) -> Result<Option<ProcEntry>, Errno> {
    stat(open()?, pid)
}

/// The number given to the newest process (last field of `/proc/loadavg`); 0 if unknown.
pub(crate) fn newest_pid() -> i32 {
    let text = std::fs::read("/proc/loadavg").unwrap_or_default();
    text.trim_ascii().rsplit(|&byte| byte == b' ').next().and_then(pid_of_name).unwrap_or(0)
}

/// The children of a process of one thread, the dead ones included; none where the kernel doesn't tell. Reading while
/// one of them is reaped may leave out another (proc(5)).
pub(crate) fn children(pid: i32) -> Vec<i32> {
    let list = std::fs::read(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    list.split(|&byte| byte == b' ').filter_map(pid_of_name).collect()
}

/// A process and all that it and those it has made have made, as far as nobody in between has ended.
pub fn descent(main: i32) -> Vec<i32> {
    let mut all = vec![main];
    let mut at = 0;
    while let Some(pid) = all.get(at) {
        let threads = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten();
        for thread in threads.flatten() {
            let list = std::fs::read(thread.path().join("children")).unwrap_or_default();
            all.extend(list.split(|&byte| byte == b' ').filter_map(pid_of_name));
        }
        at += 1;
    }
    all
}

/// Reads `/proc/PID/NAME` from its start into `buffer`; `None` when there is no such process.
pub(crate) fn read(
    proc: impl AsFd,
    pid: i32,
    name: &str,
    buffer: &mut [u8],
) -> Result<Option<usize>, Errno> {
    let mut path = [0_u8; 32];
    let mut rest = path.as_mut_slice();
    // A pid has at most ten digits and `name` is one of ours, so this fits.
    if write!(rest, "{pid}/{name}\0").is_err() {
        return Err(Errno::NAMETOOLONG);
    }
    let path = std::ffi::CStr::from_bytes_until_nul(&path).map_err(|_| Errno::INVAL)?;
    let file = rustix::fs::openat(proc, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
    let file = match file {
        Ok(file) => file,
        Err(Errno::NOENT | Errno::SRCH) => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut length = 0;
    while let Some(room) = buffer.get_mut(length..).filter(|room| !room.is_empty()) {
        match rustix::io::read(&file, room) {
            Ok(0) => break,
            Ok(more) => {
                length += more;
                // The kernel makes a stat line in one piece; asking again costs a call per pid.
                if name == "stat" {
                    break;
                }
            }
            Err(Errno::INTR) => {}
            Err(Errno::SRCH) => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    Ok(Some(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &[u8] =
        b"4021 (a) b (c\n) S 17 4021 4020 0 -1 4194304 111 0 0 0 250 31 7 2 20 0 1 0 \
        88123 2500000 451 18446744073709551615 1 1 0 0 0 0 0 4096 1 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 \
        0 0 10752\n";

    #[test]
    fn a_name_with_brackets_does_not_shift_the_fields() {
        let stat = ProcEntry::parse(LINE).unwrap();
        assert_eq!((stat.pid, stat.alive, stat.ppid), (4021, true, 17));
        assert_eq!((stat.pgrp, stat.session), (4021, 4020));
        assert_eq!((stat.own_ticks, stat.children_ticks), (281, 9));
        let page = u64::try_from(rustix::param::page_size()).unwrap();
        assert_eq!((stat.started, stat.rss, stat.exit_code), (88123, 451 * page, 10752));
    }

    #[test]
    fn a_cut_line_is_no_line() {
        assert_eq!(ProcEntry::parse(b""), None);
        assert_eq!(ProcEntry::parse(b"12 (x"), None);
        assert_eq!(ProcEntry::parse(b"12 (x) S 1 2 3"), None);
        assert_eq!(
            ProcEntry::parse(b"99999999999 (x) S 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1"),
            None
        );
    }

    #[test]
    fn we_read_ourselves() {
        let me = rustix::process::getpid().as_raw_nonzero().get();
        let stat = stat_once(me).unwrap().unwrap();
        assert_eq!(stat.pid, me);
        assert!(stat.alive && stat.rss > 0 && stat.started > 0);
    }

    #[test]
    fn a_leader_whose_threads_go_on_is_alive() {
        let line = std::str::from_utf8(LINE).unwrap().replace(") S 17", ") Z 17");
        let of = |line: &str| ProcEntry::parse(line.as_bytes()).unwrap().alive;
        assert!(!of(&line));
        assert!(of(&line.replace(" 20 0 1 0 88123", " 20 0 2 0 88123")));
    }
}
