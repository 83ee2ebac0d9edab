//! The lines of a journal, and what of them can be read again.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use pm_core::{Counters, InstanceId, Record};
use serde::{Deserialize, Serialize};

use crate::clock::{self, Dates};

/// Format of the lines; a higher one is refused.
pub(super) const FORMAT: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "there is one at a time, and most are records")]
pub(super) enum JournalLine {
    /// The first line.
    Journal(Header),
    /// All records of the snapshot stand above.
    Whole,
    /// One record.
    Record(Record),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) format: u32,
    /// The boot the runs belong to; after a reboot they are history.
    pub(super) boot: String,
    /// Dates of moments. Later ones are added by further headers, which a pm that knows nothing of dates skips.
    #[serde(default, skip_serializing_if = "Dates::is_empty")]
    pub(super) dates: Dates,
}

/// What a journal holds.
#[derive(Debug, Default)]
pub(super) struct Replay {
    /// All records in order.
    pub(super) records: Vec<Record>,
    /// How many bytes of the file are good.
    pub(super) good: u64,
    /// Where the snapshot ends.
    pub(super) snapshot: u64,
    /// In how many places something else stands between good records. Each costs one record at most.
    pub(super) damaged: usize,
    /// Dates of moments.
    pub(super) dates: Dates,
}

#[derive(Debug)]
pub(super) enum Bad {
    Missing,
    /// Of another boot; what of it still counts.
    OtherBoot(Vec<Record>),
    /// Its content is not what we write.
    Broken,
    /// It can't be read now, or not by us. That says nothing about its content, so nothing may be put in its place.
    Unreadable(io::Error),
}

/// What is left of records whose runs are all history: the next free numbers, since output and spools of a run are
/// known by its number for longer than it lives. Instances count from 0 again, as people expect of an empty list.
pub(crate) fn numbers(records: &[Record]) -> Vec<Record> {
    let counters = Record::last_counters(records);
    let counters = counters.map(|counters| Counters { instance: InstanceId(0), ..counters });
    counters.map(Record::Counters).into_iter().collect()
}

/// Whether a journal of this boot was damaged before: what it lost may run on.
pub(super) fn was_damaged(path: &Path) -> bool {
    fs::metadata(path.with_extension("damaged")).is_ok_and(|meta| is_of_this_boot(&meta))
}

/// Whether a file was written since the machine booted.
fn is_of_this_boot(meta: &fs::Metadata) -> bool {
    let booted = clock::wall().saturating_sub(clock::now().0);
    u64::try_from(meta.mtime()).is_ok_and(|written| written >= booted / 1000)
}

/// What was read of a generation.
#[derive(Debug, Default)]
struct Reading {
    replay: Replay,
    /// The boot its header names.
    boot: Option<String>,
    is_whole: bool,
    /// Places that are no record, since the last one that is.
    doubtful: usize,
    /// Bytes read.
    read: u64,
}

/// Reads one generation. Good is: a header of our format and boot, and a complete snapshot; what follows the
/// last whole line is a torn write. What is not ours between good records is passed over: it costs one record.
pub(super) fn read(path: &Path, boot: &str) -> Result<Replay, Bad> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Bad::Missing),
        Err(error) => return Err(Bad::Unreadable(error)),
    };
    let mut reading = Reading::default();
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        if !line.ends_with(b"\n") {
            break;
        }
        reading.take(line)?;
    }
    let Reading { mut replay, boot: named, is_whole, doubtful, .. } = reading;
    // A torn write has no line end: a last line that has one was whole once.
    replay.damaged += doubtful;
    let is_here = match named {
        Some(named) if is_damaged(&named, boot) => {
            replay.damaged += 1;
            true
        }
        Some(named) => named == boot,
        None if replay.damaged == 0 || replay.records.is_empty() => return Err(Bad::Broken),
        // The header is what was damaged.
        None => fs::metadata(path).is_ok_and(|meta| is_of_this_boot(&meta)),
    };
    if !is_here {
        return Err(Bad::OtherBoot(numbers(&replay.records)));
    }
    if is_whole || (replay.damaged > 0 && !replay.records.is_empty()) {
        Ok(replay)
    } else {
        Err(Bad::Broken)
    }
}

/// Whether a name is this boot's but for one byte: no two boots are that much alike.
fn is_damaged(named: &str, boot: &str) -> bool {
    let differing = named.bytes().zip(boot.bytes()).filter(|(one, other)| one != other).count();
    named.len() == boot.len() && boot.len() >= 16 && differing == 1
}

impl Reading {
    /// One line: one record, or several if the byte between them is damaged.
    fn take(&mut self, line: &[u8]) -> Result<(), Bad> {
        self.read += line.len() as u64;
        let mut rest = line;
        while !rest.trim_ascii().is_empty() {
            let mut values = serde_json::Deserializer::from_slice(rest).into_iter();
            let Some(Ok(parsed)) = values.next() else {
                self.doubtful += 1;
                return Ok(());
            };
            let after = rest.get(values.byte_offset()..).unwrap_or_default();
            let is_end = after.trim_ascii().is_empty();
            self.doubtful += usize::from(!is_end);
            rest = if is_end { &[] } else { after.get(1..).unwrap_or_default() };
            self.apply(parsed)?;
        }
        Ok(())
    }

    fn apply(&mut self, parsed: JournalLine) -> Result<(), Bad> {
        self.replay.damaged += std::mem::take(&mut self.doubtful);
        self.replay.good = self.read;
        match parsed {
            JournalLine::Journal(header) if header.format > FORMAT => {
                let why = format!(
                    "a newer pm wrote it (format {}, this one knows {FORMAT}); start that pm",
                    header.format
                );
                return Err(Bad::Unreadable(io::Error::other(why)));
            }
            JournalLine::Journal(header) if header.format < FORMAT => return Err(Bad::Broken),
            JournalLine::Journal(header) => {
                self.boot = Some(header.boot);
                self.replay.dates.extend(header.dates);
            }
            JournalLine::Whole => {
                self.is_whole = true;
                self.replay.snapshot = self.replay.good;
            }
            JournalLine::Record(record) => self.replay.records.push(record),
        }
        Ok(())
    }
}
