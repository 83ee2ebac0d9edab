//! What the guardian and a daemon say to each other, and its compact form in bytes.
//! One message is one packet. Numbers are little-endian, and whatever does not parse to the last
//! byte is refused. No sockets and no descriptors here (see `packet`): which descriptors travel
//! with a message is written beside each variant and checked by the receiver.

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
pub struct Name {
    length: u8,
    bytes: [u8; MAX_NAME],
}

impl Name {
    /// No bytes at all.
    pub const EMPTY: Self = Self { length: 0, bytes: [0; MAX_NAME] };

    /// Takes the bytes as they are; `None` if there are more than [`MAX_NAME`].
    pub fn parse(name: &[u8]) -> Option<Self> {
        let mut bytes = [0; MAX_NAME];
        bytes.get_mut(..name.len())?.copy_from_slice(name);
        Some(Self { length: u8::try_from(name.len()).ok()?, bytes })
    }

    /// The bytes that were given to [`Name::parse`].
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or(&self.bytes)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", String::from_utf8_lossy(self.as_bytes()))
    }
}

/// What a stored item is; the guardian acts on the first two and merely keeps the third.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
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
pub enum Status {
    /// The raw status of `wait(2)`: `WIFEXITED` and friends apply.
    Wait(i32),
    /// It was not our child and the kernel (before 6.15) does not tell.
    Unknown,
}

/// The end of a run's leader, kept until [`ToGuardian::Ack`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    /// The run it belonged to.
    pub tag: u64,
    /// Its process id.
    pub pid: i32,
    /// How it ended.
    pub status: Status,
    /// When that was noticed, in milliseconds since 1970 (`CLOCK_REALTIME`).
    pub unix_ms: i64,
    /// When that was noticed, in milliseconds since boot (`CLOCK_BOOTTIME`).
    pub boot_ms: i64,
}

/// Why this daemon was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is the first one of this guardian.
    First,
    /// The one before ended on its own, like this.
    Ended(Status),
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
    /// Keep these descriptors (number and meaning: [`Kind`]); replaces what had the same tag and
    /// slot. A run must own at least one item from before its birth until its exit was
    /// acknowledged: the ends of processes whose tag owns nothing are nobody's business.
    Store {
        /// The run.
        tag: u64,
        /// Which of the run's items; the number means something to the daemon only.
        slot: u8,
        /// What it is.
        kind: Kind,
        /// Given back with the item.
        name: Name,
    },
    /// Forget one item, or with `slot: None` all items of the run. Exits stay.
    Drop {
        /// The run.
        tag: u64,
        /// Which item; `None`: all.
        slot: Option<u8>,
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
        path: Vec<u8>,
    },
    /// After my exit with code 0, remove the socket and end as well.
    Leave,
    /// I answer requests.
    Ready,
    /// From a daemon whose guardian died to the new one: two descriptors, the listening socket
    /// and a pidfd of the sender. Everything else it stores in the usual way.
    Bequeath,
}

/// From the guardian to a daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FromGuardian {
    /// First message to each daemon.
    Incarnation {
        /// 1 for the first daemon of this guardian, then counting up.
        number: u32,
        /// Why it was started.
        why: Why,
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
        kind: Kind,
        /// As it was stored.
        name: Name,
    },
    /// The answer to `List` is complete: no process that ended before the question is missing.
    EndOfList,
    /// A leader ended. May be repeated; told to every daemon until acknowledged. Never acknowledge
    /// an exit which you cannot attribute.
    Exit(Exit),
}

/// Why bytes are not a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The first byte names no message.
    #[error("understand message kind {0}")]
    Kind(u8),
    /// A field is cut off, out of range, or followed by more bytes.
    #[error("understand the fields of message kind {0}")]
    Fields(u8),
    /// Nothing at all.
    #[error("understand an empty message")]
    Empty,
}

impl ToGuardian {
    /// Appends the message's bytes. A path longer than [`MAX_PATH`] is cut: check it before.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Store { tag, slot, kind, name } => {
                out.push(1);
                put_item(out, (*tag, *slot), *kind, name);
            }
            Self::Drop { tag, slot } => {
                out.push(2);
                put_u64(out, *tag);
                out.extend(slot);
            }
            Self::Ack { tag, pid } => {
                out.push(3);
                put_u64(out, *tag);
                put_i32(out, *pid);
            }
            Self::List => out.push(4),
            Self::Adopted => out.push(5),
            Self::Update { path } => {
                out.push(6);
                out.extend(path.iter().take(MAX_PATH));
            }
            Self::Leave => out.push(7),
            Self::Ready => out.push(8),
            Self::Bequeath => out.push(9),
        }
    }

    /// Reads one whole message.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (kind, mut rest) = Fields::open(bytes)?;
        let message = match kind {
            1 => rest.item().map(|(tag, slot, kind, name)| Self::Store { tag, slot, kind, name }),
            2 => rest.u64().and_then(|tag| {
                Some(Self::Drop {
                    tag,
                    slot: if rest.0.is_empty() { None } else { Some(rest.u8()?) },
                })
            }),
            3 => rest.u64().zip(rest.i32()).map(|(tag, pid)| Self::Ack { tag, pid }),
            4 => Some(Self::List),
            5 => Some(Self::Adopted),
            6 => rest.path().map(|path| Self::Update { path }),
            7 => Some(Self::Leave),
            8 => Some(Self::Ready),
            9 => Some(Self::Bequeath),
            other => return Err(DecodeError::Kind(other)),
        };
        rest.close(kind, message)
    }

    /// Whether this message may be sent with so many descriptors.
    pub fn allows(&self, descriptors: usize) -> bool {
        match self {
            Self::Store { kind: Kind::Pidfd { .. }, .. } => descriptors == 1,
            Self::Store { kind: Kind::Stream, .. } | Self::Bequeath => descriptors == 2,
            Self::Store { kind: Kind::Other, .. } => (1..=MAX_DESCRIPTORS).contains(&descriptors),
            Self::Drop { .. }
            | Self::Ack { .. }
            | Self::List
            | Self::Adopted
            | Self::Leave
            | Self::Ready => descriptors == 0,
            Self::Update { path } => descriptors == 0 && path.len() <= MAX_PATH,
        }
    }
}

impl FromGuardian {
    /// Appends the message's bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Incarnation { number, why } => {
                out.push(65);
                out.extend(number.to_le_bytes());
                match why {
                    Why::First => out.push(0),
                    Why::Ended(status) => {
                        out.push(1);
                        put_status(out, *status);
                    }
                    Why::Updated => out.push(2),
                    Why::RolledBack => out.push(3),
                    Why::Inherited => out.push(4),
                }
            }
            Self::Listener => out.push(66),
            Self::Item { tag, slot, kind, name } => {
                out.push(67);
                put_item(out, (*tag, *slot), *kind, name);
            }
            Self::EndOfList => out.push(68),
            Self::Exit(exit) => {
                out.push(69);
                exit.encode(out);
            }
        }
    }

    /// Reads one whole message.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (kind, mut rest) = Fields::open(bytes)?;
        let message = match kind {
            65 => rest.incarnation(),
            66 => Some(Self::Listener),
            67 => rest.item().map(|(tag, slot, kind, name)| Self::Item { tag, slot, kind, name }),
            68 => Some(Self::EndOfList),
            69 => rest.exit().map(Self::Exit),
            other => return Err(DecodeError::Kind(other)),
        };
        rest.close(kind, message)
    }
}

impl Exit {
    /// Appends the exit's bytes: always [`Exit::LENGTH`] of them.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_u64(out, self.tag);
        put_i32(out, self.pid);
        put_status(out, self.status);
        out.extend(self.unix_ms.to_le_bytes());
        out.extend(self.boot_ms.to_le_bytes());
    }
}

fn put_u64(out: &mut Vec<u8>, value: u64) {
    out.extend(value.to_le_bytes());
}

fn put_i32(out: &mut Vec<u8>, value: i32) {
    out.extend(value.to_le_bytes());
}

pub(crate) fn put_status(out: &mut Vec<u8>, status: Status) {
    let (known, raw) = match status {
        Status::Wait(raw) => (1, raw),
        Status::Unknown => (0, 0),
    };
    out.push(known);
    put_i32(out, raw);
}

pub(crate) fn put_item(out: &mut Vec<u8>, (tag, slot): (u64, u8), kind: Kind, name: &Name) {
    put_u64(out, tag);
    out.push(slot);
    let (number, pid) = match kind {
        Kind::Pidfd { pid } => (0, pid),
        Kind::Stream => (1, 0),
        Kind::Other => (2, 0),
    };
    out.push(number);
    put_i32(out, pid);
    out.push(name.length);
    out.extend(name.as_bytes());
}

/// The bytes that are still to be read. Each reader gives `None` when they do not suffice.
#[derive(Debug)]
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl<'a> Fields<'a> {
    fn open(bytes: &'a [u8]) -> Result<(u8, Self), DecodeError> {
        let (kind, rest) = bytes.split_first().ok_or(DecodeError::Empty)?;
        Ok((*kind, Self(rest)))
    }

    /// The message, if its fields could be read and nothing is left over.
    fn close<T>(self, kind: u8, message: Option<T>) -> Result<T, DecodeError> {
        message.filter(|_| self.0.is_empty()).ok_or(DecodeError::Fields(kind))
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, tail) = self.0.split_first_chunk::<N>()?;
        self.0 = tail;
        Some(*head)
    }

    pub(crate) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(length)?;
        self.0 = tail;
        Some(head)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn i32(&mut self) -> Option<i32> {
        self.array().map(i32::from_le_bytes)
    }

    pub(crate) fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_le_bytes)
    }

    pub(crate) fn status(&mut self) -> Option<Status> {
        match (self.u8()?, self.i32()?) {
            (1, raw) => Some(Status::Wait(raw)),
            (0, 0) => Some(Status::Unknown),
            _ => None,
        }
    }

    pub(crate) fn item(&mut self) -> Option<(u64, u8, Kind, Name)> {
        let (tag, slot) = (self.u64()?, self.u8()?);
        let kind = match (self.u8()?, self.i32()?) {
            (0, pid) if pid > 0 => Kind::Pidfd { pid },
            (1, 0) => Kind::Stream,
            (2, 0) => Kind::Other,
            _ => return None,
        };
        let length = usize::from(self.u8()?);
        Some((tag, slot, kind, Name::parse(self.take(length)?)?))
    }

    pub(crate) fn exit(&mut self) -> Option<Exit> {
        Some(Exit {
            tag: self.u64()?,
            pid: self.i32()?,
            status: self.status()?,
            unix_ms: self.i64()?,
            boot_ms: self.i64()?,
        })
    }

    fn incarnation(&mut self) -> Option<FromGuardian> {
        let number = self.u32()?;
        let why = match self.u8()? {
            0 => Why::First,
            1 => Why::Ended(self.status()?),
            2 => Why::Updated,
            3 => Why::RolledBack,
            4 => Why::Inherited,
            _ => return None,
        };
        Some(FromGuardian::Incarnation { number, why })
    }

    /// A path is the whole rest: absolute, and without NUL, for it goes into `execve(2)`.
    fn path(&mut self) -> Option<Vec<u8>> {
        let path = self.take(self.0.len())?;
        let good = path.first() == Some(&b'/') && path.len() <= MAX_PATH && !path.contains(&0);
        good.then(|| path.to_vec())
    }
}
