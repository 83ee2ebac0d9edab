//! The messages as bytes. One message is one packet; numbers are little-endian, and whatever does
//! not parse to the last byte is refused. A number once given to a message is never given to
//! another one: during an update, old and new binaries talk to each other.

use crate::message::{
    FromGuardian, ItemKind, ItemName, LeaderExit, MAX_PATH, StartReason, ToGuardian, WaitStatus,
};

/// Why bytes are not a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The first byte names no message, or a field is cut off, out of range, or followed by more bytes.
    #[error("understand a message of kind {0}")]
    Kind(u8),
    /// Nothing at all.
    #[error("understand an empty message")]
    Empty,
}

/// Something with a form in bytes.
pub(crate) trait ByteForm: Sized {
    /// Appends it.
    fn put(&self, out: &mut Vec<u8>);
    /// Takes it off; `None` if the bytes do not suffice or mean nothing.
    fn take(from: &mut FieldReader<'_>) -> Option<Self>;
}

/// The bytes that are still to be read.
#[derive(Debug)]
pub(crate) struct FieldReader<'a>(pub(crate) &'a [u8]);

/// Numbers.
macro_rules! numbers {
    ($($number:ty)*) => {$(
        impl ByteForm for $number {
            fn put(&self, out: &mut Vec<u8>) {
                out.extend(self.to_le_bytes());
            }

            fn take(from: &mut FieldReader<'_>) -> Option<Self> {
                let (head, tail) = from.0.split_first_chunk()?;
                from.0 = tail;
                Some(Self::from_le_bytes(*head))
            }
        }
    )*};
}

/// Structs: their fields, one after the other.
macro_rules! structs {
    ($($name:ty { $($field:ident)* })*) => {$(
        impl $crate::codec::ByteForm for $name {
            fn put(&self, out: &mut Vec<u8>) {
                $(self.$field.put(out);)*
            }

            fn take(from: &mut $crate::codec::FieldReader<'_>) -> Option<Self> {
                Some(Self { $($field: $crate::codec::ByteForm::take(from)?),* })
            }
        }
    )*};
}
pub(crate) use structs;

/// Enums: the number of the variant, then its fields.
macro_rules! enums {
    ($($name:ident {
        $($number:literal $variant:ident $(($only:ident))? $({ $($field:ident)* })?)*
    })*) => {$(
        impl ByteForm for $name {
            fn put(&self, out: &mut Vec<u8>) {
                match self {$(
                    Self::$variant $(($only))? $({ $($field),* })? => {
                        out.push($number);
                        $($only.put(out);)?
                        $($($field.put(out);)*)?
                    }
                )*}
            }

            fn take(from: &mut FieldReader<'_>) -> Option<Self> {
                match u8::take(from)? {
                    $($number => Some(Self::$variant
                        $(({ let $only = ByteForm::take(from)?; $only }))?
                        $({ $($field: ByteForm::take(from)?),* })?),)*
                    _ => None,
                }
            }
        }
    )*};
}

/// Messages: enums with nothing behind them.
macro_rules! messages {
    ($($name:ident)*) => {$(
        impl $name {
            /// Appends the message's bytes.
            pub fn encode(&self, out: &mut Vec<u8>) {
                self.put(out);
            }

            /// Reads one whole message.
            pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
                let kind = *bytes.first().ok_or(DecodeError::Empty)?;
                let mut fields = FieldReader(bytes);
                let message = Self::take(&mut fields).filter(|_| fields.0.is_empty());
                message.ok_or(DecodeError::Kind(kind))
            }
        }
    )*};
}

numbers! { u8 u32 u64 i32 i64 }

structs! { LeaderExit { tag pid status unix_ms boot_ms } }

enums! {
    StartReason { 0 First 1 Ended(status) 2 Updated 3 RolledBack 4 Inherited }
    ToGuardian {
        1 Store { tag slot kind name }
        2 Drop { tag slot }
        3 Ack { tag pid }
        4 List
        5 Adopted
        6 Update { path }
        7 Leave
        8 Ready
        9 HandOver
        10 Redirect { tag slot }
        11 Pong
        12 AcceptRelay
    }
    FromGuardian {
        65 Incarnation { number why }
        66 Listener
        67 Item { tag slot kind name }
        68 EndOfList
        69 Exit(exit)
        70 Ping
    }
}

messages! { ToGuardian FromGuardian }

impl<A: ByteForm, B: ByteForm> ByteForm for (A, B) {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
        self.1.put(out);
    }

    fn take(from: &mut FieldReader<'_>) -> Option<Self> {
        Some((A::take(from)?, B::take(from)?))
    }
}

impl<T: ByteForm> ByteForm for Vec<T> {
    fn put(&self, out: &mut Vec<u8>) {
        // Counts are of descriptors, runs and words: far below 2^32.
        u32::try_from(self.len()).unwrap_or(u32::MAX).put(out);
        for one in self {
            one.put(out);
        }
    }

    fn take(from: &mut FieldReader<'_>) -> Option<Self> {
        (0..u32::take(from)?).map(|_| T::take(from)).collect()
    }
}

impl ByteForm for bool {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn take(from: &mut FieldReader<'_>) -> Option<Self> {
        let number = u8::take(from)?;
        (number <= 1).then_some(number == 1)
    }
}

impl ByteForm for WaitStatus {
    fn put(&self, out: &mut Vec<u8>) {
        match *self {
            Self::Wait(raw) => (true, raw).put(out),
            Self::Unknown => (false, 0).put(out),
        }
    }

    fn take(from: &mut FieldReader<'_>) -> Option<Self> {
        match ByteForm::take(from)? {
            (true, raw) => Some(Self::Wait(raw)),
            (false, 0) => Some(Self::Unknown),
            (false, _) => None,
        }
    }
}

impl ByteForm for ItemKind {
    fn put(&self, out: &mut Vec<u8>) {
        let (number, pid): (u8, i32) = match *self {
            Self::Pidfd { pid } => (0, pid),
            Self::Stream => (1, 0),
            Self::Other => (2, 0),
        };
        (number, pid).put(out);
    }

    fn take(from: &mut FieldReader<'_>) -> Option<Self> {
        match <(u8, i32)>::take(from)? {
            (0, pid) if pid > 0 => Some(Self::Pidfd { pid }),
            (1, 0) => Some(Self::Stream),
            (2, 0) => Some(Self::Other),
            _ => None,
        }
    }
}

impl ByteForm for ItemName {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(self.length);
        out.extend(self.as_bytes());
    }

    fn take(from: &mut FieldReader<'_>) -> Option<Self> {
        let (head, tail) = from.0.split_first()?;
        let (name, tail) = tail.split_at_checked(usize::from(*head))?;
        from.0 = tail;
        Self::parse(name)
    }
}

/// The slot of a message: the last byte, if there is one.
impl ByteForm for Option<u8> {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend(self);
    }

    fn take(from: &mut FieldReader<'_>) -> Option<Self> {
        if from.0.is_empty() { Some(None) } else { u8::take(from).map(Some) }
    }
}

/// The path of a message: the whole rest, absolute and without NUL, for it goes into `execve(2)`. A longer one than
/// [`MAX_PATH`] is cut: check it before.
impl ByteForm for Box<[u8]> {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend(self.iter().take(MAX_PATH));
    }

    fn take(from: &mut FieldReader<'_>) -> Option<Self> {
        let path = std::mem::take(&mut from.0);
        let good = path.first() == Some(&b'/') && path.len() <= MAX_PATH && !path.contains(&0);
        good.then(|| path.into())
    }
}
