//! The mark every process of a run carries. It is the soft limit of `RLIMIT_LOCKS`, which Linux has
//! ignored since 2.4 (getrlimit(2)): inherited through fork, exec, setsid and `env -i`, settable
//! without privilege, readable on zombies. `su` and PAM reset it, so a cookie in the environment
//! backs it up. This module doesn't search for marked processes: that is [`crate::tree`].

use std::fmt;

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Name of the environment cookie; its value is [`Tag`] as sixteen hexadecimal digits.
pub const COOKIE: &str = "PM_TAG";

/// One run of one home. Never equal to `RLIM_INFINITY`, never mistaken for an ordinary limit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(u64);

impl Tag {
    /// Joins the salt of a home (31 bits; zero counts as one) and the number of a run.
    ///
    /// The salt lies in bits 32 to 62, so no tag is negative, infinite or below 2^32.
    pub const fn new(home: u32, run: u32) -> Self {
        let salt = home & 0x7fff_ffff;
        let salt = if salt == 0 { 1 } else { salt };
        // Widening; `From` isn't const.
        Self((salt as u64) << 32 | run as u64)
    }

    /// Takes a number back that [`Tag::raw`] gave away; `None` if it can't be a tag.
    pub const fn from_raw(raw: u64) -> Option<Self> {
        if raw >> 63 == 0 && raw >> 32 != 0 { Some(Self(raw)) } else { None }
    }

    /// The number the kernel keeps for us.
    pub const fn raw(self) -> u64 {
        self.0
    }

    /// Salt of the home, 1 to 2^31-1.
    pub const fn home(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// Number of the run in its home.
    #[expect(clippy::cast_possible_truncation, reason = "the low half is what we want")]
    pub const fn run(self) -> u32 {
        self.0 as u32
    }

    /// The environment entry that backs the limit up.
    pub fn cookie(self) -> String {
        format!("{COOKIE}={self}")
    }

    /// Reads what [`Tag`]'s `Display` wrote.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok().filter(|text| text.len() == 16)?;
        u64::from_str_radix(text, 16).ok().and_then(Self::from_raw)
    }

    /// Finds the cookie in a block of `NAME=value` entries ended by NUL, as `/proc/PID/environ`.
    pub(crate) fn in_environment(block: &[u8]) -> Option<Self> {
        block
            .split(|&byte| byte == 0)
            .find_map(|entry| entry.strip_prefix(COOKIE.as_bytes())?.strip_prefix(b"="))
            .and_then(Self::parse)
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tag({:x}:{})", self.home(), self.run())
    }
}

/// The tag of a process, dead or alive (a zombie keeps it until it is reaped); `None` if it has
/// none, is gone, or belongs to somebody whose limits we may not read.
pub fn of(pid: i32) -> Option<Tag> {
    match limit_of(pid) {
        // Root in a container: it may signal everybody, but not ask everybody so.
        Err(Errno::PERM) if rustix::process::geteuid().is_root() => listed_limit_of(pid),
        limit => limit.ok(),
    }
    .and_then(Tag::from_raw)
}

/// The same limit, from the list that everybody may read.
fn listed_limit_of(pid: i32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/limits")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Max file locks"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Reads the soft `RLIMIT_LOCKS` of `pid` (prlimit(2)).
#[expect(unsafe_code, reason = "rustix can only read another's limit while setting it")]
pub(crate) fn limit_of(pid: i32) -> Result<u64, Errno> {
    let mut old = libc::rlimit64 { rlim_cur: libc::RLIM64_INFINITY, rlim_max: 0 };
    // SAFETY: the new limit is null, so nothing is changed; `old` is a live local of the right
    // type and is only written during the call.
    let result =
        unsafe { libc::prlimit64(pid, libc::RLIMIT_LOCKS, std::ptr::null(), &raw mut old) };
    if result == 0 { Ok(old.rlim_cur) } else { Err(crate::errno::last()) }
}

/// Puts the mark on this process; its children are born with it.
///
/// The hard limit stays what it was (normally infinite), so that [`unmark_self`] needs no privilege.
pub(crate) fn mark_self(tag: Tag) -> Result<(), Errno> {
    let now = getrlimit(Resource::Locks);
    setrlimit(Resource::Locks, Rlimit { current: Some(tag.raw()), maximum: now.maximum })
}

/// Takes any mark off this process.
pub(crate) fn unmark_self() -> Result<(), Errno> {
    let now = getrlimit(Resource::Locks);
    setrlimit(Resource::Locks, Rlimit { current: now.maximum, maximum: now.maximum })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_come_back() {
        let tag = Tag::new(0x1234_5678, 42);
        assert_eq!((tag.home(), tag.run()), (0x1234_5678, 42));
        assert_eq!(Tag::from_raw(tag.raw()), Some(tag));
        assert_eq!(Tag::parse(tag.to_string().as_bytes()), Some(tag));
    }

    #[test]
    fn no_tag_is_an_ordinary_limit() {
        for (home, run) in [(0, 0), (u32::MAX, u32::MAX), (0x8000_0000, 7)] {
            let tag = Tag::new(home, run);
            assert!(tag.raw() <= u64::MAX >> 1 && tag.raw() > u64::from(u32::MAX));
            assert_eq!(Tag::from_raw(tag.raw()), Some(tag));
        }
        for raw in [0, 1024, u64::from(u32::MAX), u64::MAX, u64::MAX - 1, 1 << 63] {
            assert_eq!(Tag::from_raw(raw), None);
        }
    }

    #[test]
    fn the_list_of_limits_says_the_same_as_the_call() {
        let me = rustix::process::getpid().as_raw_pid();
        // Other tests may wear a tag meanwhile.
        let agree = || {
            let (listed, asked) = (listed_limit_of(me), limit_of(me).ok());
            listed == asked || (listed.is_none() && asked == Some(u64::MAX))
        };
        assert!((0..100).any(|_| agree()));
    }

    #[test]
    fn the_cookie_is_found_only_as_a_whole_name() {
        let tag = Tag::new(3, 4);
        let block = format!("A=1\0{}\0B=2\0", tag.cookie());
        assert_eq!(Tag::in_environment(block.as_bytes()), Some(tag));
        assert_eq!(Tag::in_environment(format!("X{}\0", tag.cookie()).as_bytes()), None);
        assert_eq!(Tag::in_environment(b"PM_TAG=zz\0PM_TAGS=1\0"), None);
    }
}
