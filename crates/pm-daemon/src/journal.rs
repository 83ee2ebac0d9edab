//! What must survive the daemon: the core's records, appended as JSON lines before anything depends on them.
//!
//! SIGKILL does not touch the page cache, so one `write` is enough; power loss ends all runs anyway and is the
//! saved list's business. A file that has grown is replaced by a snapshot through rename; the generation before
//! stays beside it as `journal.old`.

use std::borrow::Borrow;
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use pm_core::{Record, Time};

use crate::clock::Dates;
use crate::daemon_log;
use crate::own_file;

#[cfg(test)]
mod fuzz_tests;
mod lines;

pub(crate) use lines::numbers;
use lines::{Bad, FORMAT, Header, JournalLine, Replay, read, was_damaged};

/// A journal is rewritten when it is this large and four times its last snapshot.
const WORTH_REWRITING: u64 = 1 << 20;

/// So many bytes stay ready for the next records.
const ROOM: usize = 16 << 10;

/// More bytes than this do not wait for room on a full disk; a snapshot takes their place.
const MOST_PENDING: usize = 1 << 20;

/// An open journal.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    header: Header,
    file: File,
    size: u64,
    snapshot: u64,
    /// What could not be written yet (full disk); goes out before anything newer.
    pending: Vec<u8>,
    /// Too much would have had to wait; the next thing written is a snapshot.
    owes_snapshot: bool,
    /// Why the last attempt to write failed.
    trouble: Option<String>,
    /// Some of what was written since the machine booted could not be read again.
    has_lost: bool,
}

/// This boot's name in a journal.
pub(crate) fn boot() -> String {
    pm_os::clock::boot_id().map_or_else(String::new, |boot| format!("{:032x}", boot.0))
}

/// Whether a journal of this boot knows an app. Who leaves in good order forgets all before.
pub fn remembers(path: &Path) -> bool {
    let mut apps = BTreeSet::new();
    for record in read(path, &boot()).map(|replay| replay.records).unwrap_or_default() {
        match record {
            Record::App(app) => _ = apps.insert(app.id),
            Record::AppGone(app) => _ = apps.remove(&app),
            Record::Instance(_)
            | Record::InstanceGone(_)
            | Record::End(..)
            | Record::Counters(_) => {}
        }
    }
    !apps.is_empty()
}

/// What is at a journal's path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FileState {
    /// Our file.
    There,
    /// Nothing.
    Nowhere,
    /// Another file.
    Taken,
}

impl Journal {
    /// Reads what the daemon before left and goes on writing there. A damaged file is kept aside and the
    /// generation before it is used (pain 3); a journal of another boot is kept aside too. One that can't be read
    /// (descriptors, rights, the disk), or that a newer pm wrote, is an error: apps run that only it knows.
    pub(crate) fn open(path: &Path, boot: &str) -> io::Result<(Self, Vec<Record>)> {
        let old = path.with_extension("old");
        let mut has_lost = was_damaged(path);
        let replay = match read(path, boot) {
            Ok(replay) if replay.damaged > 0 => {
                has_lost = true;
                let kept = path.with_extension("damaged");
                // Without room for the copy nothing is lost but the proof.
                fs::copy(path, &kept).ok();
                daemon_log::note(format_args!(
                    "the journal is damaged in {} places, each of which costs one record at most; kept as {}",
                    replay.damaged,
                    kept.display()
                ));
                replay
            }
            Ok(replay) => {
                let file = append_to(path)?;
                // A torn last line is what a SIGKILL in the middle of a large write leaves.
                file.set_len(replay.good)?;
                let journal = Self::with(path, boot, file, &replay);
                return Ok((Self { has_lost, ..journal }, replay.records));
            }
            Err(Bad::OtherBoot(records)) => {
                put_aside(path, "previous-boot");
                fs::remove_file(&old).ok();
                Replay { records, ..Replay::default() }
            }
            Err(Bad::Broken) => {
                let replay = older(&old, boot)?;
                has_lost = true;
                let kept = put_aside(path, "damaged");
                daemon_log::note(format_args!(
                    "the journal is damaged; kept as {}",
                    kept.display()
                ));
                replay
            }
            Err(Bad::Missing) => {
                has_lost = true;
                older(&old, boot)?
            }
            Err(Bad::Unreadable(error)) => return Err(error),
        };
        let header = Header { format: FORMAT, boot: boot.into(), dates: replay.dates.clone() };
        let file = fresh(path, &header, &replay.records)?;
        let size = file.metadata()?.len();
        let replay = Replay { good: size, snapshot: size, ..replay };
        let journal = Self::with(path, boot, file, &replay);
        Ok((Self { has_lost, ..journal }, replay.records))
    }

    fn with(path: &Path, boot: &str, file: File, replay: &Replay) -> Self {
        Self {
            path: path.into(),
            header: Header { format: FORMAT, boot: boot.into(), dates: replay.dates.clone() },
            file,
            size: replay.good,
            snapshot: replay.snapshot,
            pending: Vec::new(),
            owes_snapshot: false,
            trouble: None,
            has_lost: false,
        }
    }

    /// Whether there may be runs of this boot that no record tells of.
    pub(crate) fn has_lost(&self) -> bool {
        self.has_lost
    }

    /// Writes records with one system call. On a full disk they are kept and tried again with the next ones.
    pub(crate) fn append(&mut self, records: impl Iterator<Item = impl Borrow<Record>>) {
        if self.owes_snapshot {
            return;
        }
        for record in records {
            encode(&JournalLine::Record(record.borrow().clone()), &mut self.pending);
        }
        self.write_pending();
        if self.pending.len() > MOST_PENDING {
            self.pending = Vec::new();
            self.owes_snapshot = true;
        }
    }

    /// Has what is written next dated by the clock as it is.
    pub(crate) fn date(&mut self, now: Time, wall: u64) {
        let Some(mark) = self.header.dates.due(now, wall) else { return };
        let dates = Dates::from(mark);
        self.header.dates.extend(dates.clone());
        encode(&JournalLine::Journal(Header { dates, ..self.header.clone() }), &mut self.pending);
    }

    /// Dates of moments.
    pub(crate) fn dates(&self) -> &Dates {
        &self.header.dates
    }

    /// Tries again to write what could not be written.
    pub(crate) fn retry(&mut self, records: impl FnOnce() -> Vec<Record>) {
        if self.owes_snapshot {
            self.rewrite(&records());
        } else {
            self.write_pending();
        }
    }

    /// Why not everything is written down that should be, if it isn't.
    pub(crate) fn unwritten(&self) -> Option<&str> {
        let is_behind = self.owes_snapshot || !self.pending.is_empty();
        is_behind.then(|| self.trouble.as_deref().unwrap_or_default())
    }

    fn write_pending(&mut self) {
        while !self.pending.is_empty() {
            match self.file.write(&self.pending) {
                Ok(0) => return self.complain("write", &io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    self.size += written as u64;
                    self.pending.drain(..written);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return self.complain("write", &error),
            }
        }
        // A thousand specs were here once; that much is needed again only when as many come.
        self.pending.shrink_to(ROOM);
        self.trouble = None;
    }

    /// Says what is wrong, once until something is written again.
    fn complain(&mut self, what: &str, error: &io::Error) {
        if self.trouble.is_none() {
            daemon_log::note(format_args!("could not {what} {}: {error}", self.path.display()));
        }
        self.trouble = Some(error.to_string());
    }

    /// Whether a snapshot would save much.
    pub(crate) fn is_long(&self) -> bool {
        self.size > WORTH_REWRITING && self.size > 4 * self.snapshot
    }

    /// Writes everything anew if the file is gone: somebody removed the whole home.
    pub(crate) fn restore(&mut self, records: &[Record]) {
        if self.file_state() == FileState::Nowhere {
            self.rewrite(records);
        }
    }

    /// Where our file is now.
    fn file_state(&self) -> FileState {
        let ours = self.file.metadata().map(|meta| (meta.dev(), meta.ino())).ok();
        match fs::symlink_metadata(&self.path) {
            Ok(there) if Some((there.dev(), there.ino())) == ours => FileState::There,
            Ok(_) => FileState::Taken,
            Err(_) => FileState::Nowhere,
        }
    }

    /// Replaces the journal by these records, which are all there is to know.
    pub(crate) fn rewrite(&mut self, records: &[Record]) {
        if self.file_state() == FileState::Taken {
            // The home was removed and is another guardian's now; its journal is not ours to touch.
            self.snapshot = self.size;
            self.pending.clear();
            self.owes_snapshot = false;
            return;
        }
        match fresh(&self.path, &self.header, records) {
            Ok(file) => {
                self.size = file.metadata().map_or(0, |meta| meta.len());
                self.snapshot = self.size;
                self.file = file;
                self.pending.clear();
                self.owes_snapshot = false;
                self.trouble = None;
            }
            Err(error) => {
                // Do not try again at every step: as if the snapshot had this size.
                self.snapshot = self.size;
                self.complain("rewrite", &error);
            }
        }
    }
}

fn encode(line: &JournalLine, out: &mut Vec<u8>) {
    // Serialising plain data into memory has no way to fail; a line that did would only be missing.
    if serde_json::to_writer(&mut *out, line).is_ok() {
        out.push(b'\n');
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).open(path)
}

/// Writes a whole new generation beside the old one and moves both, the old one first.
fn fresh(path: &Path, header: &Header, records: &[Record]) -> io::Result<File> {
    let mut bytes = Vec::new();
    encode(&JournalLine::Journal(header.clone()), &mut bytes);
    for record in records {
        encode(&JournalLine::Record(record.clone()), &mut bytes);
    }
    encode(&JournalLine::Whole, &mut bytes);
    let (new, _) = own_file::beside(path, &bytes)?;
    match fs::rename(path, path.with_extension("old")) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    fs::rename(&new, path)?;
    append_to(path)
}

fn put_aside(path: &Path, why: &str) -> PathBuf {
    let kept = path.with_extension(why);
    fs::rename(path, &kept).ok();
    kept
}

/// The generation before, or nothing.
fn older(old: &Path, boot: &str) -> io::Result<Replay> {
    match read(old, boot) {
        Err(Bad::Unreadable(error)) => Err(error),
        read => Ok(read.unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pm_core::{Counters, InstanceId, RunId};

    fn counters(run: u32) -> Record {
        Record::Counters(Counters {
            app: pm_core::AppId(1),
            instance: InstanceId(1),
            run: RunId(run),
        })
    }

    #[test]
    fn a_journal_cut_at_any_byte_gives_a_state_it_once_had() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let (mut journal, none) = Journal::open(&path, "b").unwrap();
        assert!(none.is_empty());
        journal.append([counters(1)].iter());
        journal.rewrite(&[counters(1)]);
        journal.append([counters(2), counters(3)].iter());
        let bytes = fs::read(&path).unwrap();
        let old = fs::read(path.with_extension("old")).unwrap();
        for cut in 0..=bytes.len() {
            fs::write(&path, &bytes[..cut]).unwrap();
            fs::write(path.with_extension("old"), &old).unwrap();
            let (mut journal, records) = Journal::open(&path, "b").unwrap();
            let good = [vec![counters(1)], vec![counters(1), counters(2)]];
            let all = vec![counters(1), counters(2), counters(3)];
            assert!(good.contains(&records) || records == all, "cut at {cut}: {records:?}");
            journal.append([counters(9)].iter());
            let (_, again) = Journal::open(&path, "b").unwrap();
            assert_eq!(again.last(), Some(&counters(9)), "cut at {cut}");
        }
    }

    /// The header of a pm that knows no dates.
    #[derive(serde::Deserialize)]
    struct Older {
        format: u32,
        boot: String,
    }

    #[test]
    fn dates_come_back_and_a_pm_that_knows_none_reads_on() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let (mut journal, _) = Journal::open(&path, "b").unwrap();
        for (now, wall) in [(10, 5010), (20, 5020), (30, 9030)] {
            journal.date(Time(now), wall);
            journal.append([counters(7)].iter());
        }
        let dates = journal.dates().clone();
        let (mut journal, records) = Journal::open(&path, "b").unwrap();
        assert_eq!((journal.dates(), records.len()), (&dates, 3));
        journal.rewrite(&[counters(8)]);
        journal.append([counters(9)].iter());
        let (mut journal, records) = Journal::open(&path, "b").unwrap();
        assert_eq!((journal.dates(), records.len()), (&dates, 2));
        // What an older pm makes of it: headers of its own boot, and no line that it can't read.
        journal.date(Time(40), 77_040);
        journal.append([counters(9)].iter());
        let text = fs::read_to_string(&path).unwrap();
        let lines = text.lines().map(serde_json::from_str::<serde_json::Value>);
        let headers = lines.filter_map(|line| line.unwrap().get("journal").cloned());
        let headers: Vec<Older> = headers.map(|it| serde_json::from_value(it).unwrap()).collect();
        assert_eq!(headers.len(), 2);
        assert!(headers.iter().all(|header| header.format == 1 && header.boot == "b"));
        // And one of an older pm.
        let old = format!("{{\"journal\":{{\"format\":1,\"boot\":\"b\"}}}}\n{}", "\"whole\"\n");
        fs::write(&path, old).unwrap();
        let (journal, _) = Journal::open(&path, "b").unwrap();
        assert!(journal.dates().is_empty());
    }

    #[test]
    fn a_journal_comes_back_but_never_over_that_of_another() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let (mut journal, _) = Journal::open(&path, "b").unwrap();
        fs::remove_file(&path).unwrap();
        journal.restore(&[counters(4)]);
        assert_eq!(read(&path, "b").unwrap().records, [counters(4)]);
        fs::remove_file(&path).unwrap();
        let (mut theirs, _) = Journal::open(&path, "b").unwrap();
        theirs.append([counters(5)].iter());
        journal.rewrite(&[counters(6)]);
        journal.restore(&[counters(6)]);
        assert_eq!(read(&path, "b").unwrap().records.last(), Some(&counters(5)));
    }

    #[test]
    fn what_a_full_disk_refused_is_written_later_and_its_wait_is_bounded() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let full = || OpenOptions::new().append(true).open("/dev/full").unwrap();
        let (mut journal, _) = Journal::open(&path, "b").unwrap();
        let disk = std::mem::replace(&mut journal.file, full());
        journal.append([counters(1)].iter());
        assert!(journal.unwritten().is_some_and(|why| why.contains("No space")));
        journal.file = disk;
        journal.retry(|| panic!("a few records need no snapshot"));
        assert_eq!(journal.unwritten(), None);
        assert_eq!(read(&path, "b").unwrap().records, [counters(1)]);

        journal.file = full();
        for run in 2..200_000 {
            journal.append([counters(run)].iter());
            assert!(journal.pending.len() <= MOST_PENDING);
        }
        assert!(journal.unwritten().is_some());
        journal.file = append_to(&path).unwrap();
        journal.retry(|| vec![counters(200_000)]);
        assert_eq!(journal.unwritten(), None);
        journal.append([counters(200_001)].iter());
        let records = read(&path, "b").unwrap().records;
        assert_eq!(records, [counters(200_000), counters(200_001)]);
    }

    #[test]
    fn one_damaged_byte_costs_one_record_wherever_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let boot = "5b6fd64e0cae49e6";
        let gone = |id| Record::InstanceGone(InstanceId(id));
        let (mut journal, _) = Journal::open(&path, boot).unwrap();
        journal.rewrite(&[counters(1), gone(2), gone(3)]);
        journal.append([gone(4), gone(5)].iter());
        let all = [counters(1), gone(2), gone(3), gone(4), gone(5)];
        let bytes = fs::read(&path).unwrap();
        for at in 0..bytes.len() - 1 {
            let mut damaged = bytes.clone();
            damaged[at] = b'#';
            fs::write(&path, &damaged).unwrap();
            let (mut journal, records) = Journal::open(&path, boot).unwrap();
            let left: Vec<_> = all.iter().filter(|record| records.contains(record)).collect();
            assert!(left.len() >= 4, "byte {at}: {records:?}");
            assert!(journal.has_lost(), "byte {at}");
            assert_eq!(fs::read(path.with_extension("damaged")).unwrap(), damaged);
            journal.append([counters(9)].iter());
            let (_, again) = Journal::open(&path, boot).unwrap();
            assert_eq!(again.len(), records.len() + 1, "byte {at}");
        }
    }

    #[test]
    fn a_damaged_journal_is_kept_aside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        fs::write(&path, b"not ours\n").unwrap();
        let (_, records) = Journal::open(&path, "b").unwrap();
        assert!(records.is_empty());
        assert_eq!(fs::read(path.with_extension("damaged")).unwrap(), b"not ours\n");
    }

    #[test]
    fn a_journal_that_can_not_be_read_now_is_an_error_and_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let newer = b"{\"journal\":{\"format\":2,\"boot\":\"b\",\"more\":1}}\n{\"new\":1}\n";
        fs::write(&path, newer).unwrap();
        let error = Journal::open(&path, "b").unwrap_err();
        assert!(error.to_string().contains("format 2"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), newer);
        // The generation before counts as much when it is needed.
        fs::rename(&path, path.with_extension("old")).unwrap();
        fs::write(&path, "torn").unwrap();
        Journal::open(&path, "b").unwrap_err();
        assert_eq!(fs::read(&path).unwrap(), b"torn");
        // What no rights and no content can explain: reading a folder fails with EISDIR.
        let folder = dir.path().join("folder");
        fs::create_dir(&folder).unwrap();
        Journal::open(&folder, "b").unwrap_err();
        assert!(folder.is_dir());
    }

    #[test]
    fn a_journal_of_another_boot_is_history() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let (mut journal, _) = Journal::open(&path, "b").unwrap();
        journal.append([counters(1), counters(7), Record::InstanceGone(InstanceId(1))].iter());
        let (_, records) = Journal::open(&path, "c").unwrap();
        let [Record::Counters(left)] = records[..] else { panic!("{records:?}") };
        assert_eq!(
            (left.run, left.instance),
            (RunId(7), InstanceId(0)),
            "no run number comes again"
        );
        assert!(path.with_extension("previous-boot").exists());
        let (_, again) = Journal::open(&path, "c").unwrap();
        assert_eq!(again, records, "not even if this boot adds nothing");
    }
}
