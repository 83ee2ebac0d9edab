//! The messages as bytes. One message is one packet; numbers are little-endian, and whatever does
//! not parse to the last byte is refused. A number once given to a message is never given to
//! another one: during an update, old and new binaries talk to each other.

use crate::message::{
    FromGuardian, ItemKind, ItemName, LeaderExit, MAX_PATH, StartReason, ToGuardian, WaitStatus,
};

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
            Self::HandOver => out.push(9),
            Self::Redirect { tag, slot } => {
                out.push(10);
                put_u64(out, *tag);
                out.push(*slot);
            }
            Self::Pong => out.push(11),
            Self::AcceptRelay => out.push(12),
        }
    }

    /// Reads one whole message.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (kind, mut rest) = FieldReader::open(bytes)?;
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
            9 => Some(Self::HandOver),
            10 => rest.u64().zip(rest.u8()).map(|(tag, slot)| Self::Redirect { tag, slot }),
            11 => Some(Self::Pong),
            12 => Some(Self::AcceptRelay),
            other => return Err(DecodeError::Kind(other)),
        };
        rest.close(kind, message)
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
                    StartReason::First => out.push(0),
                    StartReason::Ended(status) => {
                        out.push(1);
                        put_status(out, *status);
                    }
                    StartReason::Updated => out.push(2),
                    StartReason::RolledBack => out.push(3),
                    StartReason::Inherited => out.push(4),
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
            Self::Ping => out.push(70),
        }
    }

    /// Reads one whole message.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let (kind, mut rest) = FieldReader::open(bytes)?;
        let message = match kind {
            65 => rest.incarnation(),
            66 => Some(Self::Listener),
            67 => rest.item().map(|(tag, slot, kind, name)| Self::Item { tag, slot, kind, name }),
            68 => Some(Self::EndOfList),
            69 => rest.exit().map(Self::Exit),
            70 => Some(Self::Ping),
            other => return Err(DecodeError::Kind(other)),
        };
        rest.close(kind, message)
    }
}

impl LeaderExit {
    /// Appends the exit's bytes: always [`LeaderExit::LENGTH`] of them.
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

pub(crate) fn put_status(out: &mut Vec<u8>, status: WaitStatus) {
    let (known, raw) = match status {
        WaitStatus::Wait(raw) => (1, raw),
        WaitStatus::Unknown => (0, 0),
    };
    out.push(known);
    put_i32(out, raw);
}

pub(crate) fn put_item(out: &mut Vec<u8>, (tag, slot): (u64, u8), kind: ItemKind, name: &ItemName) {
    put_u64(out, tag);
    out.push(slot);
    let (number, pid) = match kind {
        ItemKind::Pidfd { pid } => (0, pid),
        ItemKind::Stream => (1, 0),
        ItemKind::Other => (2, 0),
    };
    out.push(number);
    put_i32(out, pid);
    out.push(name.length);
    out.extend(name.as_bytes());
}

/// The bytes that are still to be read. Each reader gives `None` when they do not suffice.
#[derive(Debug)]
pub(crate) struct FieldReader<'a>(pub(crate) &'a [u8]);

impl<'a> FieldReader<'a> {
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

    pub(crate) fn status(&mut self) -> Option<WaitStatus> {
        match (self.u8()?, self.i32()?) {
            (1, raw) => Some(WaitStatus::Wait(raw)),
            (0, 0) => Some(WaitStatus::Unknown),
            _ => None,
        }
    }

    pub(crate) fn item(&mut self) -> Option<(u64, u8, ItemKind, ItemName)> {
        let (tag, slot) = (self.u64()?, self.u8()?);
        let kind = match (self.u8()?, self.i32()?) {
            (0, pid) if pid > 0 => ItemKind::Pidfd { pid },
            (1, 0) => ItemKind::Stream,
            (2, 0) => ItemKind::Other,
            _ => return None,
        };
        let length = usize::from(self.u8()?);
        Some((tag, slot, kind, ItemName::parse(self.take(length)?)?))
    }

    pub(crate) fn exit(&mut self) -> Option<LeaderExit> {
        Some(LeaderExit {
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
            0 => StartReason::First,
            1 => StartReason::Ended(self.status()?),
            2 => StartReason::Updated,
            3 => StartReason::RolledBack,
            4 => StartReason::Inherited,
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
