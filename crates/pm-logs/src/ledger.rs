//! What has been written of a stamped log, and up to where of each spool it came from: the commit
//! record of `spool.rs`. Two slots in a small file; the one not in force is overwritten, so a torn
//! write is recognised by its checksum and the step before it holds.
//! Plain `pwrite` and no mapping: it is as proof against a kill (one copy inside the kernel, into a
//! page that outlives us), needs no `unsafe`, and a full disk is an error and not a SIGBUS.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::file_io::{read_full, write_full};
use crate::mover;
use crate::open::{FileId, fnv};

use crate::sink::{Stream, StreamKey};

const MAGIC: u64 = u64::from_le_bytes(*b"pmledge1");
const FIRST_SLOT: usize = 4096;
const HEAD: usize = 8;
const ENTRY: usize = 4;
const FLAGS: OFlags = OFlags::RDWR.union(OFlags::CLOEXEC).union(OFlags::NOFOLLOW);

/// How far one spool has been taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LedgerEntry {
    /// Which spool; a new file under the same name has another one.
    pub nonce: u64,
    /// Offset in the spool up to which the log holds everything.
    pub raw_done: u64,
}

/// Bytes of a draft that are kept to know it by.
const FIRST: usize = 64;

/// A batch that is about to be written behind `log_done`. After a kill it tells our own unpublished bytes from those
/// that somebody else put there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Draft {
    /// Whose spool it comes from.
    pub key: StreamKey,
    length: u64,
    first: [u8; FIRST],
}

impl Draft {
    fn of(key: StreamKey, bytes: &[u8]) -> Self {
        let mut first = [0; FIRST];
        let kept = bytes.len().min(FIRST);
        first[..kept].copy_from_slice(&bytes[..kept]);
        Draft { key, length: u64::try_from(bytes.len()).unwrap_or(0), first }
    }

    /// Whether all that `log` holds between `done` and its end `size` is this batch or a part of it.
    pub(crate) fn is_all(&self, log: &OwnedFd, done: u64, size: u64) -> Result<bool, Errno> {
        let mut found = [0; FIRST];
        let kept = usize::try_from(size.saturating_sub(done)).unwrap_or(FIRST).min(FIRST);
        let have = read_full(log, &mut found[..kept], done)?;
        Ok(size <= done.saturating_add(self.length) && found[..have] == self.first[..have])
    }
}

/// The state of one log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LedgerRecord {
    /// Which file the rest is about.
    pub id: FileId,
    /// The log is right up to here.
    pub log_done: u64,
    /// The stream inside whose line the log ends.
    pub open: Option<StreamKey>,
    /// The spools it is fed from.
    pub entries: BTreeMap<StreamKey, LedgerEntry>,
    /// What may lie beyond `log_done`, unpublished.
    pub draft: Option<Draft>,
}

/// The record on disk.
#[derive(Debug)]
pub(crate) struct Ledger {
    path: PathBuf,
    file: OwnedFd,
    slot: usize,
    sequence: u64,
    record: LedgerRecord,
    bytes: Vec<u8>,
}

impl Ledger {
    /// Loads the record at `path`, or begins one.
    pub(crate) fn load(path: PathBuf) -> Result<Self, Errno> {
        let file = rustix::fs::open(&path, FLAGS | OFlags::CREATE, Mode::from_raw_mode(0o600))?;
        Self::read(path, file)
    }

    /// Loads the record at `path` if there is one.
    pub(crate) fn find(path: PathBuf) -> Result<Option<Self>, Errno> {
        match rustix::fs::open(&path, FLAGS, Mode::empty()) {
            Ok(file) => Self::read(path, file).map(Some),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn read(path: PathBuf, file: OwnedFd) -> Result<Self, Errno> {
        let size = usize::try_from(mover::size(&file)?).unwrap_or(0);
        let slot = if size < 2 * FIRST_SLOT { FIRST_SLOT } else { size / 2 };
        let mut bytes = vec![0; slot];
        let mut newest: Option<(u64, LedgerRecord)> = None;
        for half in 0..2 {
            let length = read_full(&file, &mut bytes, (half * slot) as u64)?;
            let found = decode(&bytes[..length]);
            if found.as_ref().map(|it| it.0) > newest.as_ref().map(|it| it.0) {
                newest = found;
            }
        }
        if size < 2 * slot {
            // Blocks that exist can be overwritten on a full disk.
            write_full(&file, &vec![0; 2 * slot - size], size as u64)?;
        }
        let empty = LedgerRecord {
            id: FileId { dev: 0, ino: 0 },
            log_done: 0,
            open: None,
            entries: BTreeMap::new(),
            draft: None,
        };
        let (sequence, record) = newest.unwrap_or((0, empty));
        Ok(Ledger { path, file, slot, sequence, record, bytes })
    }

    /// The same under another name, unless it can't have that.
    pub(crate) fn renamed(self, path: PathBuf) -> Option<Self> {
        rustix::fs::rename(&self.path, &path).ok()?;
        Some(Ledger { path, ..self })
    }

    pub(crate) fn record(&self) -> &LedgerRecord {
        &self.record
    }

    /// Changes the record here and on disk; if that fails, nothing has changed.
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut LedgerRecord)) -> Result<(), Errno> {
        let before = self.record.clone();
        self.record.draft = None;
        change(&mut self.record);
        self.publish().inspect_err(|_| self.record = before)
    }

    /// `bytes` of `key` are going to be written at `log_done`.
    pub(crate) fn draft(&mut self, key: StreamKey, bytes: &[u8]) -> Result<(), Errno> {
        self.record.draft = Some(Draft::of(key, bytes));
        self.publish().inspect_err(|_| self.record.draft = None)
    }

    /// The common change, without copying the record: `key` has been taken over up to `raw_done`.
    pub(crate) fn advance(
        &mut self,
        key: StreamKey,
        raw_done: u64,
        (log_done, open): (u64, Option<StreamKey>),
    ) -> Result<(), Errno> {
        let before = (self.record.log_done, self.record.open, self.raw_done(key));
        self.record.draft = None;
        self.set(key, raw_done, (log_done, open));
        self.publish().inspect_err(|_| self.set(key, before.2, (before.0, before.1)))
    }

    fn raw_done(&self, key: StreamKey) -> u64 {
        self.record.entries.get(&key).map_or(0, |entry| entry.raw_done)
    }

    fn set(&mut self, key: StreamKey, raw_done: u64, log: (u64, Option<StreamKey>)) {
        (self.record.log_done, self.record.open) = log;
        if let Some(entry) = self.record.entries.get_mut(&key) {
            entry.raw_done = raw_done;
        }
    }

    /// Deletes the record when no stream needs it any more.
    pub(crate) fn forget(self) {
        if self.record.entries.is_empty() {
            // A ledger that stays behind is only ever overwritten.
            std::fs::remove_file(&self.path).ok();
        }
    }

    fn publish(&mut self) -> Result<(), Errno> {
        encode(self.sequence + 1, &self.record, &mut self.bytes);
        if self.bytes.len() > self.slot {
            return self.grow();
        }
        let half = usize::try_from((self.sequence + 1) % 2).unwrap_or(0);
        write_full(&self.file, &self.bytes, (half * self.slot) as u64)?;
        self.sequence += 1;
        Ok(())
    }

    /// More streams than fit: a bigger file takes the place of this one in a single rename.
    fn grow(&mut self) -> Result<(), Errno> {
        let slot = self.bytes.len().next_power_of_two() * 2;
        let path = self.path.with_extension("new");
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC;
        let file = rustix::fs::open(&path, flags, Mode::from_raw_mode(0o600))?;
        let half = usize::try_from((self.sequence + 1) % 2).unwrap_or(0);
        write_full(&file, &vec![0; 2 * slot], 0)?;
        write_full(&file, &self.bytes, (half * slot) as u64)?;
        rustix::fs::rename(&path, &self.path)?;
        (self.file, self.slot) = (file, slot);
        self.sequence += 1;
        Ok(())
    }
}

fn encode(sequence: u64, record: &LedgerRecord, bytes: &mut Vec<u8>) {
    let (tag, stream) = key_words(record.open);
    let count = u64::try_from(record.entries.len()).unwrap_or(0);
    let head = [MAGIC, sequence, count, record.id.dev, record.id.ino, record.log_done, tag, stream];
    bytes.clear();
    let mut put = |word: u64| bytes.extend_from_slice(&word.to_le_bytes());
    head.into_iter().for_each(&mut put);
    for (key, entry) in &record.entries {
        let (tag, stream) = key_words(Some(*key));
        [tag, stream, entry.nonce, entry.raw_done].into_iter().for_each(&mut put);
    }
    let sum = fnv(bytes);
    bytes.extend_from_slice(&sum.to_le_bytes());
    // Behind the record, where programs from before there were drafts don't look.
    if let Some(draft) = &record.draft {
        let (tag, stream) = key_words(Some(draft.key));
        for word in [tag, stream, draft.length] {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        bytes.extend_from_slice(&draft.first);
        let sum = fnv(bytes);
        bytes.extend_from_slice(&sum.to_le_bytes());
    }
}

fn decode(bytes: &[u8]) -> Option<(u64, LedgerRecord)> {
    let word = |at: usize| {
        let eight = bytes.get(at * 8..at * 8 + 8)?;
        Some(u64::from_le_bytes(eight.try_into().ok()?))
    };
    if word(0)? != MAGIC {
        return None;
    }
    let count = usize::try_from(word(2)?).ok().filter(|count| *count < bytes.len())?;
    let end = HEAD + count * ENTRY;
    if word(end)? != fnv(bytes.get(..end * 8)?) {
        return None;
    }
    let mut entries = BTreeMap::new();
    for at in (HEAD..end).step_by(ENTRY) {
        let key = key_of(word(at)?, word(at + 1)?)?;
        entries.insert(key, LedgerEntry { nonce: word(at + 2)?, raw_done: word(at + 3)? });
    }
    let id = FileId { dev: word(3)?, ino: word(4)? };
    let open = key_of(word(6)?, word(7)?);
    let draft = decode_draft(bytes, end + 1);
    Some((word(1)?, LedgerRecord { id, log_done: word(5)?, open, entries, draft }))
}

/// The draft behind a record; its sum covers both, so that of an older record is none.
fn decode_draft(bytes: &[u8], from: usize) -> Option<Draft> {
    let (start, end) = (from * 8, (from + 3) * 8 + FIRST);
    let word = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
    if word(end)? != fnv(bytes.get(..end)?) {
        return None;
    }
    let key = key_of(word(start)?, word(start + 8)?)?;
    let first = bytes.get(start + 24..end)?.try_into().ok()?;
    Some(Draft { key, length: word(start + 16)?, first })
}

fn key_words(key: Option<StreamKey>) -> (u64, u64) {
    match key {
        None => (0, 0),
        Some(StreamKey { tag, stream: Stream::Out }) => (tag, 1),
        Some(StreamKey { tag, stream: Stream::Err }) => (tag, 2),
    }
}

fn key_of(tag: u64, stream: u64) -> Option<StreamKey> {
    match stream {
        1 => Some(StreamKey { tag, stream: Stream::Out }),
        2 => Some(StreamKey { tag, stream: Stream::Err }),
        _ => None,
    }
}

/// Two records as they lie in a file, the second with a draft.
#[cfg(test)]
pub(crate) fn samples() -> [Vec<u8>; 2] {
    let key = StreamKey { tag: 7, stream: Stream::Err };
    let entries = BTreeMap::from([(key, LedgerEntry { nonce: 3, raw_done: 99 })]);
    let id = FileId { dev: 1, ino: 2 };
    let whole = LedgerRecord { id, log_done: 5, open: Some(key), entries, draft: None };
    let draft = Some(Draft::of(key, b"a line\n"));
    [whole.clone(), LedgerRecord { draft, ..whole }].map(|record| {
        let mut bytes = Vec::new();
        encode(9, &record, &mut bytes);
        bytes
    })
}

/// Reads bytes as a record, with sums that are right: what is read is written as it was.
#[cfg(test)]
pub(crate) fn reread(bytes: &[u8]) {
    drop(decode(bytes));
    for length in (0..=bytes.len()).step_by(8) {
        let mut summed = bytes[..length].to_vec();
        summed.extend_from_slice(&fnv(&bytes[..length]).to_le_bytes());
        if let Some((sequence, record)) = decode(&summed) {
            let mut again = Vec::new();
            encode(sequence, &record, &mut again);
            assert_eq!(decode(&again), Some((sequence, record)));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(tag: u64) -> StreamKey {
        StreamKey { tag, stream: if tag.is_multiple_of(2) { Stream::Out } else { Stream::Err } }
    }

    #[test]
    fn the_newest_whole_step_holds() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ledger");
        let mut ledger = Ledger::load(path.clone()).expect("a ledger");
        ledger
            .change(|record| {
                record.entries.insert(key(1), LedgerEntry { nonce: 7, raw_done: 16 });
            })
            .expect("published");
        ledger.advance(key(1), 100, (200, Some(key(1)))).expect("published");
        ledger.advance(key(1), 150, (300, None)).expect("published");
        let again = Ledger::load(path.clone()).expect("a ledger");
        assert_eq!(again.record(), ledger.record());
        assert_eq!(again.record().log_done, 300);
        // The last step was number 3, so it lies in the second slot: tear it.
        write_full(&again.file, &[0xaa; 8], FIRST_SLOT as u64 + 40).expect("torn");
        let torn = Ledger::load(path).expect("a ledger");
        assert_eq!((torn.record().log_done, torn.record().open), (200, Some(key(1))));
        assert_eq!(torn.record().entries[&key(1)].raw_done, 100);
    }

    #[test]
    fn only_what_was_announced_is_ours() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ledger");
        let mut ledger = Ledger::load(path.clone()).expect("a ledger");
        let batch: Vec<u8> = (0..200).collect();
        ledger.advance(key(1), 0, (5, None)).expect("published");
        ledger.draft(key(2), &batch).expect("published");
        let again = Ledger::find(path.clone()).expect("readable").expect("a ledger");
        let draft = again.record().draft.expect("a draft");
        assert_eq!((draft.key, Some(draft)), (key(2), ledger.record().draft));
        let log: OwnedFd = tempfile::tempfile().expect("a file").into();
        let holds = |bytes: &[u8]| {
            rustix::fs::ftruncate(&log, 0).expect("emptied");
            write_full(&log, &[b"12345", bytes].concat(), 0).expect("written");
            draft.is_all(&log, 5, 5 + bytes.len() as u64).expect("compared")
        };
        assert!(holds(&batch) && holds(&batch[..100]) && holds(&batch[..3]));
        assert!(!holds(b"others\n") && !holds(&[&batch[..], b"others\n"].concat()));
        ledger.advance(key(2), 1, (205, None)).expect("published");
        let again = Ledger::load(path).expect("a ledger");
        assert_eq!(again.record().draft, None);
        assert!(Ledger::find(folder.path().join("other")).expect("readable").is_none());
    }

    #[test]
    fn it_grows_with_the_number_of_streams() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ledger");
        let mut ledger = Ledger::load(path.clone()).expect("a ledger");
        for tag in 0..700 {
            let entry = LedgerEntry { nonce: tag, raw_done: tag };
            ledger
                .change(|record| assert_eq!(record.entries.insert(key(tag), entry), None))
                .expect("published");
        }
        ledger.advance(key(5), 55, (1, None)).expect("published");
        let again = Ledger::load(path).expect("a ledger");
        assert_eq!(again.record(), ledger.record());
        assert_eq!(again.record().entries.len(), 700);
    }

    proptest! {
        #[test]
        fn garbage_is_no_record(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert_eq!(decode(&bytes), None);
        }
    }
}
