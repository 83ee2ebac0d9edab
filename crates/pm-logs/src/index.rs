//! When which byte of a raw log arrived: a small advisory file in our own folder, named by the
//! log's inode so that it follows a rename. Losing it loses times and nothing else, so it never
//! reports an error and never grows beyond [`MOST`].

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, ftruncate};

use crate::file_io::{read_full, write_full};
use crate::mover;
use crate::open::{FileId, fnv};

const MAGIC: [u8; 8] = *b"pmindex1";
const HEAD: usize = 16;
/// Bytes after which an index stops.
const MOST: u64 = 1 << 20;
/// Bytes after which it notes a time a second only.
const MUCH: u64 = 512 << 10;
/// Milliseconds between two notes of a stream that never rests.
const SPACING: i64 = 5;
const SPACING_WHEN_MUCH: i64 = 1000;
/// Begins an absolute note; a difference of offsets is never zero.
const ABSOLUTE: u8 = 0;

/// One note: bytes from `offset` on arrived at `at` (unix milliseconds) or later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct TimeMark {
    offset: u64,
    at: i64,
}

/// Writes the index of one log.
#[derive(Debug)]
pub(crate) struct TimeIndex {
    file: OwnedFd,
    size: u64,
    last: Option<TimeMark>,
}

impl TimeIndex {
    /// Opens the index of the log `id` known as `log`; a log of `size` 0 gets a new one.
    pub(crate) fn open(folder: &Path, log: &Path, (id, size): (FileId, u64)) -> Option<Self> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let path = path_of(folder, id);
        let file = rustix::fs::open(path, flags, Mode::from_raw_mode(0o600)).ok()?;
        let head = head_of(log);
        let mut found = [0; HEAD];
        let known = read_full(&file, &mut found, 0) == Ok(HEAD) && found == head;
        if !known || size == 0 {
            ftruncate(&file, 0).ok()?;
            write_full(&file, &head, 0).ok()?;
        }
        let size = mover::size(&file).ok()?;
        Some(TimeIndex { file, size, last: None })
    }

    /// Notes that the byte at `offset` arrives `at`.
    pub(crate) fn note(&mut self, offset: u64, at: i64) {
        let mark = TimeMark { offset, at };
        let mut bytes = Vec::with_capacity(20);
        match self.last {
            Some(last) if offset > last.offset && at >= last.at => {
                let spacing = if self.size > MUCH { SPACING_WHEN_MUCH } else { SPACING };
                if at - last.at < spacing {
                    return;
                }
                varint(offset - last.offset, &mut bytes);
                varint(u64::try_from(at - last.at).unwrap_or(0), &mut bytes);
            }
            Some(last) if offset == last.offset => return,
            Some(_) | None => {
                bytes.push(ABSOLUTE);
                bytes.extend_from_slice(&offset.to_le_bytes());
                bytes.extend_from_slice(&at.to_le_bytes());
            }
        }
        if self.size < MOST && write_full(&self.file, &bytes, self.size).is_ok() {
            self.size += bytes.len() as u64;
            self.last = Some(mark);
        }
    }

    /// The log has been emptied.
    pub(crate) fn clear(&mut self) {
        if ftruncate(&self.file, HEAD as u64).is_ok() {
            (self.size, self.last) = (HEAD as u64, None);
        }
    }
}

/// An index read back.
#[derive(Debug, Clone, Default)]
pub(crate) struct TimeTable {
    marks: Vec<TimeMark>,
}

impl TimeTable {
    /// The index of the log `id`, a part of or the present file of `log`.
    pub(crate) fn load(folder: &Path, log: &Path, id: FileId) -> Option<Self> {
        let bytes = std::fs::read(path_of(folder, id)).ok()?;
        let notes = bytes.strip_prefix(&head_of(log))?;
        Some(TimeTable { marks: decode(notes) })
    }

    /// When the byte at `offset` arrived, as far as is known.
    pub(crate) fn at(&self, offset: u64) -> Option<i64> {
        let after = self.marks.partition_point(|mark| mark.offset <= offset);
        self.marks.get(after.checked_sub(1)?).map(|mark| mark.at)
    }
}

fn decode(mut bytes: &[u8]) -> Vec<TimeMark> {
    let mut marks: Vec<TimeMark> = Vec::new();
    while let Some(mark) = decode_one(&mut bytes, marks.last()) {
        // Offsets that go back mean that the log was emptied in between.
        while marks.last().is_some_and(|last| last.offset >= mark.offset) {
            marks.pop();
        }
        marks.push(mark);
    }
    marks
}

fn decode_one(bytes: &mut &[u8], last: Option<&TimeMark>) -> Option<TimeMark> {
    if *bytes.first()? == ABSOLUTE {
        let (note, rest) = bytes.get(1..)?.split_at_checked(16)?;
        let offset = u64::from_le_bytes(note[..8].try_into().ok()?);
        let at = i64::from_le_bytes(note[8..].try_into().ok()?);
        *bytes = rest;
        return Some(TimeMark { offset, at });
    }
    let last = last?;
    let offset = last.offset.checked_add(unvarint(bytes)?)?;
    let at = last.at.checked_add(i64::try_from(unvarint(bytes)?).ok()?)?;
    Some(TimeMark { offset, at })
}

fn varint(mut value: u64, bytes: &mut Vec<u8>) {
    while value >= 0x80 {
        bytes.push(u8::try_from(value & 0x7f).unwrap_or(0) | 0x80);
        value >>= 7;
    }
    bytes.push(u8::try_from(value).unwrap_or(0));
}

fn unvarint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..63).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Where the index of a file lies.
pub(crate) fn path_of(folder: &Path, id: FileId) -> PathBuf {
    folder.join(format!("{:x}-{:x}", id.dev, id.ino))
}

fn head_of(log: &Path) -> [u8; HEAD] {
    use std::os::unix::ffi::OsStrExt;
    let mut head = [0; HEAD];
    head[..8].copy_from_slice(&MAGIC);
    head[8..].copy_from_slice(&fnv(log.as_os_str().as_bytes()).to_le_bytes());
    head
}

/// Reads bytes as notes: times are found for offsets that rise.
#[cfg(test)]
pub(crate) fn reread(bytes: &[u8]) {
    let marks = decode(bytes);
    assert!(marks.is_sorted_by(|one, next| one.offset < next.offset));
    let table = TimeTable { marks };
    std::hint::black_box([0, 7, u64::MAX].map(|offset| table.at(offset)));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: FileId = FileId { dev: 1, ino: 2 };

    #[test]
    fn times_are_found_by_offset_and_forgotten_with_the_bytes() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = Path::new("/logs/a.log");
        let mut index = TimeIndex::open(folder.path(), log, (ID, 0)).expect("an index");
        for (offset, at) in [(0, 1000), (10, 1001), (20, 2000), (500, 90_000)] {
            index.note(offset, at);
        }
        let table = TimeTable::load(folder.path(), log, ID).expect("a table");
        let found = [0, 15, 20, 499, 500, 9999].map(|offset| table.at(offset));
        assert_eq!(found, [1000, 1000, 2000, 2000, 90_000, 90_000].map(Some));
        assert!(TimeTable::load(folder.path(), Path::new("/logs/b.log"), ID).is_none());
        // Adopted after a restart, then the user emptied the log.
        let mut index = TimeIndex::open(folder.path(), log, (ID, 700)).expect("an index");
        index.note(700, 95_000);
        index.note(0, 99_000);
        let table = TimeTable::load(folder.path(), log, ID).expect("a table");
        assert_eq!([table.at(0), table.at(800)], [Some(99_000); 2]);
        index.clear();
        assert_eq!(TimeTable::load(folder.path(), log, ID).and_then(|table| table.at(0)), None);
    }

    #[test]
    fn it_never_outgrows_its_limit() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = Path::new("/logs/a.log");
        let mut index = TimeIndex::open(folder.path(), log, (ID, 0)).expect("an index");
        for step in 0..1_000_000_u64 {
            index.note(step * 100_000, i64::try_from(step).expect("small") * 2000);
        }
        assert!(index.size <= MOST + 20, "{}", index.size);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let marks = decode(&bytes);
            prop_assert!(marks.windows(2).all(|two| two[0].offset < two[1].offset));
        }
    }
}
