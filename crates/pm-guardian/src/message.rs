//! What the guardian and a daemon say to each other; the form in bytes is in `codec`.
//! No sockets and no descriptors here (see `packet`): which descriptors travel with a message is
//! written beside each variant and checked by both sides.

use std::fmt;

/// Longest name of a stored item, in bytes.
pub const MAX_NAME: usize = 64;

/// Longest path in a message, in bytes (`PATH_MAX` of Linux, without the terminating NUL).
pub const MAX_PATH: usize = 4095;

/// Longest message, in bytes.
pub const MAX_MESSAGE: usize = MAX_PATH + 8;

/// Most descriptors one message may carry.
pub const MAX_DESCRIPTORS: usize = 2;

/// Up to [`MAX_NAME`] bytes which mean something to the daemon only.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ItemName {
    pub(crate) length: u8,
    bytes: [u8; MAX_NAME],
}

impl ItemName {
    /// No bytes at all.
    pub const EMPTY: Self = Self { length: 0, bytes: [0; MAX_NAME] };

    /// Takes the bytes as they are; `None` if there are more than [`MAX_NAME`].
    pub fn parse(name: &[u8]) -> Option<Self> {
        let mut bytes = [0; MAX_NAME];
        bytes.get_mut(..name.len())?.copy_from_slice(name);
        Some(Self { length: u8::try_from(name.len()).ok()?, bytes })
    }

    /// The bytes that were given to [`ItemName::parse`].
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or(&self.bytes)
    }
}

impl fmt::Debug for ItemName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", String::from_utf8_lossy(self.as_bytes()))
    }
}

/// What a stored item is; the guardian acts on the first two and merely keeps the third.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemKind {
    /// The leader of a run: one descriptor, a pidfd of `pid`.
    Pidfd {
        /// The leader's process id in our namespace.
        pid: i32,
    },
    /// Output: two descriptors, the read end of a pipe and the file its bytes go to. The file must
    /// be writable and must not be open for appending (`splice(2)` refuses `O_APPEND`).
    Stream,
    /// Anything else: one or two descriptors.
    Other,
}

/// How a process ended, as far as anybody can know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitStatus {
    /// The raw status of `wait(2)`: `WIFEXITED` and friends apply.
    Wait(i32),
    /// It was not our child and the kernel (before 6.15) does not tell.
    Unknown,
}

impl fmt::Display for WaitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Wait(status) if libc::WIFEXITED(status) => {
                write!(f, "exit code {}", libc::WEXITSTATUS(status))
            }
            Self::Wait(status) => {
                let number = libc::WTERMSIG(status);
                match SIGNALS.iter().find(|signal| signal.0 == number) {
                    Some((_, name)) => write!(f, "killed by {name}"),
                    None => write!(f, "killed by signal {number}"),
                }
            }
            Self::Unknown => f.write_str("nobody saw how"),
        }
    }
}

/// What a daemon dies of; others are said by number.
const SIGNALS: [(i32, &str); 11] = [
    (libc::SIGHUP, "SIGHUP"),
    (libc::SIGINT, "SIGINT"),
    (libc::SIGQUIT, "SIGQUIT"),
    (libc::SIGILL, "SIGILL"),
    (libc::SIGABRT, "SIGABRT"),
    (libc::SIGBUS, "SIGBUS"),
    (libc::SIGFPE, "SIGFPE"),
    (libc::SIGKILL, "SIGKILL"),
    (libc::SIGSEGV, "SIGSEGV"),
    (libc::SIGTERM, "SIGTERM"),
    (libc::SIGSYS, "SIGSYS"),
];

/// The end of a run's leader, kept until [`ToGuardian::Ack`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaderExit {
    /// The run it belonged to.
    pub tag: u64,
    /// Its process id.
    pub pid: i32,
    /// How it ended.
    pub status: WaitStatus,
    /// When that was noticed, in milliseconds since 1970 (`CLOCK_REALTIME`).
    pub unix_ms: i64,
    /// When that was noticed, in milliseconds since boot (`CLOCK_BOOTTIME`).
    pub boot_ms: i64,
}

/// Why this daemon was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartReason {
    /// It is the first one of this guardian.
    First,
    /// The one before ended on its own, like this.
    Ended(WaitStatus),
    /// The one before asked for another binary, which this is.
    Updated,
    /// The new binary failed to become ready; this is the one from before the update.
    RolledBack,
    /// The one before lost its guardian and handed everything to a new one.
    Inherited,
}

/// From a daemon to the guardian. Once `send` has returned, the message survives the daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToGuardian {
    /// Keep these descriptors (number and meaning: [`ItemKind`]); replaces what had the same tag and
    /// slot. A run must own at least one item from before its birth until its exit was
    /// acknowledged: the ends of processes whose tag owns nothing are nobody's business.
    Store {
        /// The run: the number of the tag its processes carry ([`pm_os::tag::Tag::raw`]).
        tag: u64,
        /// Which of the run's items; the number means something to the daemon only.
        slot: u8,
        /// What it is.
        kind: ItemKind,
        /// Given back with the item.
        name: ItemName,
    },
    /// Forget one item, or with `slot: None` all items of the run. Exits stay.
    Drop {
        /// The run.
        tag: u64,
        /// Which item; `None`: all.
        slot: Option<u8>,
    },
    /// One descriptor: from now on the output of this [`ItemKind::Stream`] item goes into this file (a
    /// rotation). Pipe and name stay as they are; an item that isn't there stays away.
    Redirect {
        /// The run.
        tag: u64,
        /// Which item.
        slot: u8,
    },
    /// This exit is in the journal; forget it.
    Ack {
        /// The run.
        tag: u64,
        /// The pid the exit named.
        pid: i32,
    },
    /// Tell me all exits and items. The answer: `Exit`s, `Item`s, `EndOfList`.
    List,
    /// I know everything in the list; from now on tell me exits as they happen.
    Adopted,
    /// After my exit start this binary; once it is ready, become it yourself.
    Update {
        /// Absolute path of a binary that was checked before; at most [`MAX_PATH`] bytes.
        path: Box<[u8]>,
    },
    /// After my exit with code 0, remove the socket and end as well.
    Leave,
    /// I answer requests.
    Ready,
    /// From a daemon whose guardian died to the new one: two descriptors, the listening socket
    /// and a pidfd of the sender. Everything else it stores in the usual way.
    HandOver,
    /// The answer to [`FromGuardian::Ping`], given by the loop that does all the work.
    Pong,
    /// One descriptor: the end of a [`crate::AcceptRelay`] on which questions come. Replaces the one before.
    AcceptRelay,
}

/// From the guardian to a daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FromGuardian {
    /// First message to each daemon.
    Incarnation {
        /// 1 for the first daemon of this guardian, then counting up.
        number: u32,
        /// Why it was started.
        why: StartReason,
    },
    /// One descriptor: the listening socket. Comes again, to replace the one before, when somebody
    /// removed the socket's path and it had to be made anew.
    Listener,
    /// A stored item with its descriptors.
    Item {
        /// The run.
        tag: u64,
        /// Which of the run's items.
        slot: u8,
        /// What it is.
        kind: ItemKind,
        /// As it was stored.
        name: ItemName,
    },
    /// The answer to `List` is complete: no process that ended before the question is missing.
    EndOfList,
    /// A leader ended. May be repeated; told to every daemon until acknowledged. Never acknowledge
    /// an exit which you cannot attribute.
    Exit(LeaderExit),
    /// Work has waited for long: answer with [`ToGuardian::Pong`], or be replaced.
    Ping,
}

impl ToGuardian {
    /// Whether this message may be sent with so many descriptors.
    pub fn allows(&self, descriptors: usize) -> bool {
        match self {
            Self::Store { kind: ItemKind::Pidfd { .. }, .. }
            | Self::Redirect { .. }
            | Self::AcceptRelay => descriptors == 1,
            Self::Store { kind: ItemKind::Stream, .. } | Self::HandOver => descriptors == 2,
            Self::Store { kind: ItemKind::Other, .. } => {
                (1..=MAX_DESCRIPTORS).contains(&descriptors)
            }
            Self::Drop { .. }
            | Self::Ack { .. }
            | Self::List
            | Self::Adopted
            | Self::Leave
            | Self::Pong
            | Self::Ready => descriptors == 0,
            Self::Update { path } => descriptors == 0 && path.len() <= MAX_PATH,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::WaitStatus;

    #[test]
    fn ends_are_told_in_words() {
        let rows = [
            (WaitStatus::Wait(0), "exit code 0"),
            (WaitStatus::Wait(3 << 8), "exit code 3"),
            (WaitStatus::Wait(9), "killed by SIGKILL"),
            // With a core dump.
            (WaitStatus::Wait(0x8b), "killed by SIGSEGV"),
            (WaitStatus::Wait(34), "killed by signal 34"),
            (WaitStatus::Unknown, "nobody saw how"),
        ];
        for (status, words) in rows {
            assert_eq!(status.to_string(), words);
        }
    }
}
