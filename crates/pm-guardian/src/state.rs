//! The guardian's memory as bytes, for the moment when a new binary takes over in place.
//! Descriptors go over `execve` by number. A state that doesn't parse to the last byte is refused.

use std::ffi::{CString, OsString};
use std::os::fd::{OwnedFd, RawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use rustix::process::Rlimit;

use crate::codec::{FieldReader, put_item};
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
    pub(crate) exits: Vec<ExitRecord>,
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

/// The bytes of a state.
pub(crate) fn encode(state: &GuardianState<RawFd>) -> Vec<u8> {
    let GuardianState { facts, lock_file, link, listener, items } = state;
    let mut out = MAGIC.to_vec();
    for path in [&facts.socket, &facts.lock, &facts.daemon_log] {
        put_bytes(&mut out, path.as_os_str().as_bytes());
    }
    for command in [&facts.command, &facts.resume] {
        put_count(&mut out, command.len());
        for word in command {
            put_bytes(&mut out, word.to_bytes());
        }
    }
    for limit in [facts.files.current, facts.files.maximum] {
        out.extend(limit.unwrap_or(u64::MAX).to_le_bytes());
    }
    for count in [facts.number, facts.failures] {
        out.extend(count.to_le_bytes());
    }
    let has_identity = facts.socket_identity.is_some();
    let flags = [facts.has_adopted, facts.is_leaving, facts.must_end, has_identity];
    out.extend(flags.map(u8::from));
    let (device, inode) = facts.socket_identity.unwrap_or_default();
    out.extend(device.to_le_bytes());
    out.extend(inode.to_le_bytes());
    out.extend(facts.daemon_pid.to_le_bytes());
    out.extend(facts.daemon_born_ms.to_le_bytes());
    for number in [*lock_file, *link, listener.unwrap_or(-1)] {
        out.extend(number.to_le_bytes());
    }
    put_count(&mut out, items.len());
    for item in items {
        put_item(&mut out, item.key, item.kind, &item.name);
        out.push(u8::from(item.is_over));
        put_count(&mut out, item.descriptors.len());
        for number in &item.descriptors {
            out.extend(number.to_le_bytes());
        }
    }
    put_count(&mut out, facts.exits.len());
    for record in &facts.exits {
        record.exit.encode(&mut out);
        out.extend(record.started.to_le_bytes());
    }
    out
}

/// Reads a state and takes ownership of the descriptors it names.
pub(crate) fn decode(bytes: &[u8]) -> Result<GuardianState<OwnedFd>, ResumeError> {
    // Nothing is adopted before everything has been understood.
    let GuardianState { facts, lock_file, link, listener, items } =
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
    })
}

fn decode_numbers(bytes: &[u8]) -> Option<GuardianState<RawFd>> {
    let mut fields = FieldReader(bytes.strip_prefix(&MAGIC)?);
    let fields = &mut fields;
    let [socket, lock, daemon_log] = [path(fields)?, path(fields)?, path(fields)?];
    let [command, resume] = [words(fields)?, words(fields)?];
    let limit = |value: u64| (value != u64::MAX).then_some(value);
    let files = Rlimit { current: limit(fields.u64()?), maximum: limit(fields.u64()?) };
    let [number, failures] = [fields.u32()?, fields.u32()?];
    let [has_adopted, is_leaving, must_end, has_identity] =
        [flag(fields)?, flag(fields)?, flag(fields)?, flag(fields)?];
    let socket_identity = Some((fields.u64()?, fields.u64()?)).filter(|_| has_identity);
    let (daemon_pid, daemon_born_ms) = (fields.i32()?, fields.i64()?);
    let [lock_file, link, listener] = [fields.i32()?, fields.i32()?, fields.i32()?];
    let mut items = Vec::new();
    for _ in 0..fields.u32()? {
        let (tag, slot, kind, name) = fields.item()?;
        let is_over = flag(fields)?;
        let descriptors = (0..fields.u32()?).map(|_| fields.i32()).collect::<Option<_>>()?;
        items.push(StateItem { key: (tag, slot), kind, name, is_over, descriptors });
    }
    let mut exits = Vec::new();
    for _ in 0..fields.u32()? {
        exits.push(ExitRecord { exit: fields.exit()?, started: fields.u64()? });
    }
    let is_whole = fields.0.is_empty() && !command.is_empty();
    let facts = GuardianFacts {
        socket,
        lock,
        daemon_log,
        command,
        resume,
        files,
        number,
        failures,
        has_adopted,
        is_leaving,
        must_end,
        socket_identity,
        daemon_pid,
        daemon_born_ms,
        exits,
    };
    let listener = Some(listener).filter(|number| *number >= 0);
    is_whole.then_some(GuardianState { facts, lock_file, link, listener, items })
}

fn own(number: RawFd) -> Result<OwnedFd, ResumeError> {
    adopt(number).ok_or(ResumeError::Missing(number))
}

fn put_count(out: &mut Vec<u8>, count: usize) {
    // Counts are of descriptors, runs and words: far below 2^32.
    out.extend(u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_count(out, bytes.len());
    out.extend(bytes);
}

fn flag(fields: &mut FieldReader<'_>) -> Option<bool> {
    match fields.u8()? {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

fn bytes(fields: &mut FieldReader<'_>) -> Option<Vec<u8>> {
    let length = usize::try_from(fields.u32()?).ok()?;
    fields.take(length).map(<[u8]>::to_vec)
}

fn path(fields: &mut FieldReader<'_>) -> Option<PathBuf> {
    bytes(fields).map(OsString::from_vec).map(PathBuf::from)
}

fn words(fields: &mut FieldReader<'_>) -> Option<Vec<CString>> {
    (0..fields.u32()?).map(|_| CString::new(bytes(fields)?).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{LeaderExit, WaitStatus};

    const STATE: &str = "\
        706d4701020000002f73020000002f6c020000002f640200000002000000706d060000006461656d6f6e010000\
        0002000000676f0004000000000000ffffffffffffffff03000000040000000100010105000000000000000600\
        0000000000000c0000000d000000000000001300000014000000ffffffff010000000f00000000000000010010\
        00000003313a31010200000011000000120000000100000007000000000000000800000001090000000a000000\
        000000000b000000000000000e00000000000000";

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
            exits: vec![ExitRecord { exit, started: 14 }],
        };
        let item = StateItem {
            key: (15, 1),
            kind: ItemKind::Pidfd { pid: 16 },
            name: ItemName::parse(b"1:1").unwrap(),
            is_over: true,
            descriptors: vec![17, 18],
        };
        let state =
            GuardianState { facts, lock_file: 19, link: 20, listener: None, items: vec![item] };
        let bytes = encode(&state);
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, STATE);
        let read = decode_numbers(&bytes).unwrap();
        assert_eq!(encode(&read), bytes);
    }
}
