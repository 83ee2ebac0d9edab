//! The guardian's memory as bytes, for the moment when a new binary takes over in place.
//! Descriptors go over `execve` by number. A state that doesn't parse to the last byte is refused.

use std::ffi::{CString, OsString};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rustix::process::Rlimit;

use crate::codec::{Fields, put_item};
use crate::link::adopt;
use crate::message::{Kind, Name};
use crate::seat::Place;
use crate::store::{Key, Record, Stage, Store};

/// Begins every state; the last byte is the version of the layout.
const MAGIC: [u8; 4] = *b"pmG\x01";

/// Why a state can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ResumeError {
    /// It can't be read.
    #[error("read the state of the guardian before")]
    Read(#[source] io::Error),
    /// It is of another version, or damaged.
    #[error("understand the state of the guardian before")]
    Damaged,
    /// A descriptor it names isn't open.
    #[error("find descriptor {0} of the guardian before")]
    Missing(RawFd),
}

/// What isn't in the store.
#[derive(Debug)]
pub(crate) struct Saved {
    pub(crate) socket: PathBuf,
    pub(crate) lock: PathBuf,
    pub(crate) diary: PathBuf,
    pub(crate) command: Vec<CString>,
    pub(crate) resume: Vec<CString>,
    pub(crate) files: Rlimit,
    pub(crate) number: u32,
    pub(crate) failures: u32,
    pub(crate) flags: Flags,
    pub(crate) place: Option<Place>,
    pub(crate) daemon_pid: i32,
    pub(crate) daemon_born_ms: i64,
    pub(crate) lock_file: OwnedFd,
    pub(crate) link: OwnedFd,
    pub(crate) listener: Option<OwnedFd>,
}

/// What is true or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flags {
    pub(crate) has_adopted: bool,
    pub(crate) is_leaving: bool,
    pub(crate) must_end: bool,
}

/// A kept item on its way.
#[derive(Debug)]
pub(crate) struct SavedItem {
    pub(crate) key: Key,
    pub(crate) kind: Kind,
    pub(crate) name: Name,
    pub(crate) is_over: bool,
    pub(crate) descriptors: Vec<OwnedFd>,
}

/// Everything a new binary gets.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) saved: Saved,
    pub(crate) items: Vec<SavedItem>,
    pub(crate) records: Vec<Record>,
}

/// What is borrowed from a living guardian for writing.
#[derive(Debug)]
pub(crate) struct Snapshot<'a> {
    pub(crate) paths: [&'a Path; 3],
    pub(crate) commands: [&'a [CString]; 2],
    pub(crate) files: &'a Rlimit,
    pub(crate) counts: [u32; 2],
    pub(crate) flags: Flags,
    pub(crate) place: Option<Place>,
    pub(crate) daemon: (i32, i64),
    pub(crate) descriptors: [Option<RawFd>; 3],
}

/// The bytes of a state.
pub(crate) fn encode(snapshot: &Snapshot<'_>, store: &Store) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    for path in snapshot.paths {
        put_bytes(&mut out, path.as_os_str().as_bytes());
    }
    for command in snapshot.commands {
        put_count(&mut out, command.len());
        for word in command {
            put_bytes(&mut out, word.to_bytes());
        }
    }
    for limit in [snapshot.files.current, snapshot.files.maximum] {
        out.extend(limit.unwrap_or(u64::MAX).to_le_bytes());
    }
    for count in snapshot.counts {
        out.extend(count.to_le_bytes());
    }
    let Flags { has_adopted, is_leaving, must_end } = snapshot.flags;
    out.extend([has_adopted, is_leaving, must_end, snapshot.place.is_some()].map(u8::from));
    let (device, inode) = snapshot.place.unwrap_or_default();
    out.extend(device.to_le_bytes());
    out.extend(inode.to_le_bytes());
    out.extend(snapshot.daemon.0.to_le_bytes());
    out.extend(snapshot.daemon.1.to_le_bytes());
    for number in snapshot.descriptors {
        out.extend(number.unwrap_or(-1).to_le_bytes());
    }
    put_count(&mut out, store.items().len());
    for (key, item) in store.items() {
        put_item(&mut out, *key, item.kind, &item.name);
        let is_over = matches!(item.kind, Kind::Pidfd { .. }) && item.stage == Stage::Over;
        out.push(u8::from(is_over));
        put_count(&mut out, item.descriptors.len());
        for descriptor in &item.descriptors {
            out.extend(descriptor.as_raw_fd().to_le_bytes());
        }
    }
    put_count(&mut out, store.exits().len());
    for record in store.exits().values() {
        record.exit.encode(&mut out);
        out.extend(record.started.to_le_bytes());
    }
    out
}

/// Reads a state and takes ownership of the descriptors it names.
pub(crate) fn decode(bytes: &[u8]) -> Result<Loaded, ResumeError> {
    let mut fields = Fields(bytes);
    if fields.take(MAGIC.len()) != Some(&MAGIC) {
        return Err(ResumeError::Damaged);
    }
    let plain = decode_plain(&mut fields).ok_or(ResumeError::Damaged)?;
    // Nothing is adopted before everything has been understood.
    let [lock_file, link] = [plain.descriptors[0], plain.descriptors[1]].map(own);
    let listener = Some(plain.descriptors[2]).filter(|number| *number >= 0).map(own).transpose()?;
    let mut items = Vec::with_capacity(plain.items.len());
    for item in plain.items {
        let descriptors = item.numbers.into_iter().map(own).collect::<Result<_, _>>()?;
        let (key, kind, name, is_over) = (item.key, item.kind, item.name, item.is_over);
        items.push(SavedItem { key, kind, name, is_over, descriptors });
    }
    let [socket, lock, diary] = plain.paths;
    let [command, resume] = plain.commands;
    let [number, failures] = plain.counts;
    let saved = Saved {
        socket,
        lock,
        diary,
        command,
        resume,
        files: plain.files,
        number,
        failures,
        flags: plain.flags,
        place: plain.place,
        daemon_pid: plain.daemon.0,
        daemon_born_ms: plain.daemon.1,
        lock_file: lock_file?,
        link: link?,
        listener,
    };
    Ok(Loaded { saved, items, records: plain.records })
}

struct PlainItem {
    key: Key,
    kind: Kind,
    name: Name,
    is_over: bool,
    numbers: Vec<RawFd>,
}

/// The state with numbers in place of descriptors.
struct Plain {
    paths: [PathBuf; 3],
    commands: [Vec<CString>; 2],
    files: Rlimit,
    counts: [u32; 2],
    flags: Flags,
    place: Option<Place>,
    daemon: (i32, i64),
    descriptors: [RawFd; 3],
    items: Vec<PlainItem>,
    records: Vec<Record>,
}

fn decode_plain(fields: &mut Fields<'_>) -> Option<Plain> {
    let paths = [path(fields)?, path(fields)?, path(fields)?];
    let commands = [words(fields)?, words(fields)?];
    let limit = |value: u64| (value != u64::MAX).then_some(value);
    let files = Rlimit { current: limit(fields.u64()?), maximum: limit(fields.u64()?) };
    let counts = [fields.u32()?, fields.u32()?];
    let flags =
        Flags { has_adopted: truth(fields)?, is_leaving: truth(fields)?, must_end: truth(fields)? };
    let has_place = truth(fields)?;
    let place = Some((fields.u64()?, fields.u64()?)).filter(|_| has_place);
    let daemon = (fields.i32()?, fields.i64()?);
    let descriptors = [fields.i32()?, fields.i32()?, fields.i32()?];
    let mut items = Vec::new();
    for _ in 0..fields.u32()? {
        let (tag, slot, kind, name) = fields.item()?;
        let is_over = truth(fields)?;
        let numbers = (0..fields.u32()?).map(|_| fields.i32()).collect::<Option<_>>()?;
        items.push(PlainItem { key: (tag, slot), kind, name, is_over, numbers });
    }
    let mut records = Vec::new();
    for _ in 0..fields.u32()? {
        records.push(Record { exit: fields.exit()?, started: fields.u64()? });
    }
    let is_whole = fields.0.is_empty() && commands.first().is_some_and(|words| !words.is_empty());
    is_whole.then_some(Plain {
        paths,
        commands,
        files,
        counts,
        flags,
        place,
        daemon,
        descriptors,
        items,
        records,
    })
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

fn truth(fields: &mut Fields<'_>) -> Option<bool> {
    match fields.u8()? {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

fn bytes(fields: &mut Fields<'_>) -> Option<Vec<u8>> {
    let length = usize::try_from(fields.u32()?).ok()?;
    fields.take(length).map(<[u8]>::to_vec)
}

fn path(fields: &mut Fields<'_>) -> Option<PathBuf> {
    bytes(fields).map(OsString::from_vec).map(PathBuf::from)
}

fn words(fields: &mut Fields<'_>) -> Option<Vec<CString>> {
    (0..fields.u32()?).map(|_| CString::new(bytes(fields)?).ok()).collect()
}
