//! The guardian's memory as bytes, for the moment when a new binary takes over in place.
//! Descriptors go over `execve` by number. A state that doesn't parse to the last byte is refused.

use std::ffi::{CString, OsString};
use std::os::fd::{OwnedFd, RawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use rustix::process::Rlimit;

use crate::codec::{ByteForm, FieldReader, structs};
use crate::error::ResumeError;
use crate::home_lock::FileIdentity;
use crate::link::adopt;
use crate::message::{ItemKind, ItemName};
use crate::store::{ExitRecord, ItemKey};

/// Begins every state; the last byte is the version of the layout.
const MAGIC: [u8; 4] = *b"pmG\x01";

/// Everything a new binary gets. A descriptor `D` is a number on its way and owned once it has arrived.
#[derive(Debug)]
pub(crate) struct GuardianState<D> {
    pub(crate) facts: GuardianFacts,
    pub(crate) lock_file: D,
    pub(crate) link: D,
    pub(crate) listener: Option<D>,
    pub(crate) items: Vec<StateItem<D>>,
    pub(crate) exits: Vec<ExitRecord>,
}

/// What is no descriptor and belongs to none.
#[derive(Debug)]
pub(crate) struct GuardianFacts {
    pub(crate) socket: PathBuf,
    pub(crate) lock: PathBuf,
    pub(crate) daemon_log: PathBuf,
    pub(crate) command: Vec<CString>,
    pub(crate) resume: Vec<CString>,
    pub(crate) files: Rlimit,
    pub(crate) number: u32,
    pub(crate) failures: u32,
    pub(crate) has_adopted: bool,
    pub(crate) is_leaving: bool,
    pub(crate) must_end: bool,
    pub(crate) socket_identity: Option<FileIdentity>,
    pub(crate) daemon_pid: i32,
    pub(crate) daemon_born_ms: i64,
}

/// A kept item on its way.
#[derive(Debug)]
pub(crate) struct StateItem<D> {
    pub(crate) key: ItemKey,
    pub(crate) kind: ItemKind,
    pub(crate) name: ItemName,
    pub(crate) is_over: bool,
    pub(crate) descriptors: Vec<D>,
}

structs! {
    GuardianState<RawFd> { facts lock_file link listener items exits }
    GuardianFacts {
        socket lock daemon_log command resume files number failures has_adopted is_leaving must_end
        socket_identity daemon_pid daemon_born_ms
    }
    StateItem<RawFd> { key kind name is_over descriptors }
    ExitRecord { exit started }
}

/// The bytes of a state.
pub(crate) fn encode(state: &GuardianState<RawFd>) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    state.put(&mut out);
    out
}

/// Reads a state and takes ownership of the descriptors it names.
pub(crate) fn decode(bytes: &[u8]) -> Result<GuardianState<OwnedFd>, ResumeError> {
    // Nothing is adopted before everything has been understood.
    let GuardianState { facts, lock_file, link, listener, items, exits } =
        decode_numbers(bytes).ok_or(ResumeError::Damaged)?;
    let own_item = |StateItem { key, kind, name, is_over, descriptors }| {
        let descriptors = descriptors.into_iter().map(own).collect::<Result<_, _>>()?;
        Ok(StateItem { key, kind, name, is_over, descriptors })
    };
    Ok(GuardianState {
        facts,
        lock_file: own(lock_file)?,
        link: own(link)?,
        listener: listener.map(own).transpose()?,
        items: items.into_iter().map(own_item).collect::<Result<_, _>>()?,
        exits,
    })
}

pub(crate) fn decode_numbers(bytes: &[u8]) -> Option<GuardianState<RawFd>> {
    let mut fields = FieldReader(bytes.strip_prefix(&MAGIC)?);
    let state = GuardianState::<RawFd>::take(&mut fields)?;
    (fields.0.is_empty() && !state.facts.command.is_empty()).then_some(state)
}

fn own(number: RawFd) -> Result<OwnedFd, ResumeError> {
    adopt(number).ok_or(ResumeError::Missing(number))
}

impl ByteForm for CString {
    fn put(&self, out: &mut Vec<u8>) {
        self.to_bytes().to_vec().put(out);
    }

    fn take(from: &mut FieldReader<'_>) -> Option<Self> {
        Self::new(Vec::take(from)?).ok()
    }
}

impl ByteForm for PathBuf {
    fn put(&self, out: &mut Vec<u8>) {
        self.as_os_str().as_bytes().to_vec().put(out);
    }

    fn take(from: &mut FieldReader<'_>) -> Option<Self> {
        Vec::take(from).map(OsString::from_vec).map(Self::from)
    }
}

impl ByteForm for Rlimit {
    fn put(&self, out: &mut Vec<u8>) {
        (self.current.unwrap_or(u64::MAX), self.maximum.unwrap_or(u64::MAX)).put(out);
    }

    fn take(from: &mut FieldReader<'_>) -> Option<Self> {
        let limit = |value: u64| (value != u64::MAX).then_some(value);
        let (current, maximum) = ByteForm::take(from)?;
        Some(Self { current: limit(current), maximum: limit(maximum) })
    }
}

impl ByteForm for Option<FileIdentity> {
    fn put(&self, out: &mut Vec<u8>) {
        (self.is_some(), self.unwrap_or_default()).put(out);
    }

    fn take(from: &mut FieldReader<'_>) -> Option<Self> {
        let (is_known, identity) = ByteForm::take(from)?;
        Some(Some(identity).filter(|_| is_known))
    }
}

impl ByteForm for Option<RawFd> {
    fn put(&self, out: &mut Vec<u8>) {
        self.unwrap_or(-1).put(out);
    }

    fn take(from: &mut FieldReader<'_>) -> Option<Self> {
        Some(Some(RawFd::take(from)?).filter(|number| *number >= 0))
    }
}

/// A state as it was written since there are any, in hexadecimal digits.
#[cfg(test)]
pub(crate) const STATE: &str = "\
    706d4701020000002f73020000002f6c020000002f640200000002000000706d060000006461656d6f6e010000\
    0002000000676f0004000000000000ffffffffffffffff03000000040000000100010105000000000000000600\
    0000000000000c0000000d000000000000001300000014000000ffffffff010000000f00000000000000010010\
    00000003313a31010200000011000000120000000100000007000000000000000800000001090000000a000000\
    000000000b000000000000000e00000000000000";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{LeaderExit, WaitStatus};

    /// An old binary writes what a new one reads.
    #[test]
    fn the_bytes_stay_what_they_are() {
        let word = |text: &str| CString::new(text).unwrap();
        let exit =
            LeaderExit { tag: 7, pid: 8, status: WaitStatus::Wait(9), unix_ms: 10, boot_ms: 11 };
        let facts = GuardianFacts {
            socket: "/s".into(),
            lock: "/l".into(),
            daemon_log: "/d".into(),
            command: vec![word("pm"), word("daemon")],
            resume: vec![word("go")],
            files: Rlimit { current: Some(1024), maximum: None },
            number: 3,
            failures: 4,
            has_adopted: true,
            is_leaving: false,
            must_end: true,
            socket_identity: Some((5, 6)),
            daemon_pid: 12,
            daemon_born_ms: 13,
        };
        let item = StateItem {
            key: (15, 1),
            kind: ItemKind::Pidfd { pid: 16 },
            name: ItemName::parse(b"1:1").unwrap(),
            is_over: true,
            descriptors: vec![17, 18],
        };
        let (listener, items, exits) = (None, vec![item], vec![ExitRecord { exit, started: 14 }]);
        let state = GuardianState { facts, lock_file: 19, link: 20, listener, items, exits };
        let bytes = encode(&state);
        let hex = |byte: &u8| format!("{byte:02x}");
        assert_eq!(bytes.iter().map(hex).collect::<Vec<_>>().concat(), STATE);
        let read = decode_numbers(&bytes).unwrap();
        assert_eq!(encode(&read), bytes);
    }
}
