//! The open logs, each once however many streams go there, and with each stamped one its ledger.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use rustix::fs::ftruncate;
use rustix::io::Errno;

use crate::ledger::{Entry, Ledger, write_full};
use crate::logfile::LogFile;
use crate::mover;
use crate::open::{FileId, OpenError, nickname, open_present, resolve};
use crate::sink::{Owner, Sink, StreamKey};
use crate::spool::Spool;

/// A log that is open, and who writes to it.
#[derive(Debug)]
pub(crate) struct Book {
    pub log: LogFile,
    ledger: Option<Ledger>,
    /// Spliced straight into it.
    direct: Writers,
    /// Shaped into it.
    shaped: Writers,
    complained: Option<Instant>,
    /// The log may end inside a line nobody here began.
    ragged: bool,
}

/// Who writes to a log: mostly one, so no set with room for eleven; in order.
#[derive(Debug, Default)]
struct Writers(Vec<StreamKey>);

impl Writers {
    fn insert(&mut self, key: StreamKey) {
        if let Err(at) = self.0.binary_search(&key) {
            self.0.reserve_exact(usize::from(self.0.is_empty()));
            self.0.insert(at, key);
        }
    }

    fn remove(&mut self, key: &StreamKey) {
        if let Ok(at) = self.0.binary_search(key) {
            self.0.remove(at);
        }
    }
}

/// Names a book.
pub(crate) type BookId = u64;

/// All open logs.
#[derive(Debug)]
pub(crate) struct Shelf {
    state: PathBuf,
    /// Boxed: a map that only grows at its end is half empty.
    books: BTreeMap<BookId, Box<Book>>,
    by_path: BTreeMap<PathBuf, BookId>,
    next: BookId,
}

/// Why a stream lets go of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leaving {
    /// Nothing more will come.
    Over,
    /// It will be taken up again where it was.
    Resumed,
}

/// A batch of log bytes and where it came from.
#[derive(Debug)]
pub(crate) struct Batch<'a> {
    pub key: StreamKey,
    /// Offset in the spool after it.
    pub raw_done: u64,
    /// What to write.
    pub bytes: &'a [u8],
    /// Whether it ends inside a line.
    pub open: bool,
}

impl Shelf {
    pub(crate) fn new(state: &Path) -> Self {
        let state = state.to_path_buf();
        Shelf { state, books: BTreeMap::new(), by_path: BTreeMap::new(), next: 0 }
    }

    pub(crate) fn get(&mut self, id: BookId) -> Option<&mut Book> {
        self.books.get_mut(&id).map(Box::as_mut)
    }

    pub(crate) fn find(&self, path: &Path, owner: Option<Owner>) -> Option<BookId> {
        let known = self.by_path.get(path).or_else(|| self.by_path.get(&resolve(path, owner)));
        known.copied().or_else(|| {
            let present = open_present(path, owner).ok().flatten()?;
            self.find_file(present.id)
        })
    }

    /// Where the times of logs are kept.
    pub(crate) fn indexes(&self) -> PathBuf {
        self.state.join("index")
    }

    pub(crate) fn ids(&self) -> Vec<BookId> {
        self.books.keys().copied().collect()
    }

    /// Opens the log at `path` for `key`, or joins those who have it open.
    pub(crate) fn open(
        &mut self,
        path: &Path,
        (key, spool): (StreamKey, Option<&Spool>),
        sink: &Sink,
    ) -> Result<BookId, OpenError> {
        // The folder must be there before the path can be resolved.
        let file = crate::open::open_log(path, sink.owner)?.id;
        let path = resolve(path, sink.owner);
        let id = match self.by_path.get(&path).copied().or_else(|| self.find_file(file)) {
            Some(id) => id,
            None => self.add(path.clone(), sink)?,
        };
        let entered = self.enter(id, key, spool);
        if let Some(book) = self.books.get_mut(&id) {
            book.log.set_rotation(sink.rotation);
        }
        entered.map(|()| id).map_err(|source| {
            self.leave(id, key, Leaving::Resumed);
            OpenError::Refused { path, source }
        })
    }

    /// A book of its own for the log at `path`. What a kill left half done there is made good before anybody writes.
    fn add(&mut self, path: PathBuf, sink: &Sink) -> Result<BookId, OpenError> {
        let log = LogFile::open(path.clone(), sink.owner, sink.rotation, &self.indexes())?;
        let mut book = Book::new(log);
        Ledger::find(self.ledger_of(&book))
            .and_then(|ledger| ledger.map_or(Ok(()), |ledger| book.resume(ledger, &self.state)))
            .map_err(|source| OpenError::Refused { path: path.clone(), source })?;
        self.next += 1;
        self.books.insert(self.next, Box::new(book));
        self.by_path.insert(path, self.next);
        Ok(self.next)
    }

    fn ledger_of(&self, book: &Book) -> PathBuf {
        self.state.join("ledger").join(nickname(book.log.path()))
    }

    /// The book of a file, by whatever name it was opened.
    fn find_file(&self, file: FileId) -> Option<BookId> {
        self.books.iter().find(|(_, book)| book.log.id() == file).map(|(id, _)| *id)
    }

    /// `key` no longer writes to the log; the last one closes it.
    pub(crate) fn leave(&mut self, id: BookId, key: StreamKey, leaving: Leaving) {
        let Some(book) = self.books.get_mut(&id) else { return };
        if let Some(ledger) = &mut book.ledger
            && leaving == Leaving::Over
            && ledger.record().entries.contains_key(&key)
        {
            // An entry too many is found stale by its nonce.
            let left = ledger.change(|record| {
                record.entries.remove(&key);
                record.open = record.open.filter(|open| *open != key);
            });
            left.ok();
        }
        book.direct.remove(&key);
        book.shaped.remove(&key);
        if book.direct.0.is_empty() && book.shaped.0.is_empty() {
            let path = book.log.path().to_path_buf();
            self.by_path.remove(&path);
            if let Some(ledger) = self.books.remove(&id).and_then(|book| book.ledger) {
                ledger.forget();
            }
        }
    }

    /// Readies a book for `key`; for lines from a spool with a ledger.
    fn enter(&mut self, id: BookId, key: StreamKey, spool: Option<&Spool>) -> Result<(), Errno> {
        let Some(book) = self.books.get(&id) else { return Err(Errno::BADF) };
        let path = self.ledger_of(book);
        let Some(book) = self.books.get_mut(&id) else { return Err(Errno::BADF) };
        let Some(spool) = spool else {
            book.direct.insert(key);
            return Ok(());
        };
        book.shaped.insert(key);
        if book.ledger.is_none() {
            book.resume(Ledger::load(path)?, &self.state)?;
        }
        let Some(ledger) = &mut book.ledger else { return Err(Errno::BADF) };
        let entry = spool.entry(ledger.record().entries.get(&key));
        ledger.change(|record| {
            record.entries.insert(key, entry);
        })
    }
}

impl Book {
    fn new(log: LogFile) -> Self {
        let (direct, shaped) = (Writers::default(), Writers::default());
        Book { log, ledger: None, direct, shaped, complained: None, ragged: true }
    }

    /// Goes on with a ledger. Bytes beyond what it has published are cut off if they are those it announced, for they
    /// will be written again; all others were put there by somebody else.
    fn resume(&mut self, mut ledger: Ledger, state: &Path) -> Result<(), Errno> {
        let mut size = mover::size(self.log.file())?;
        let (id, done, draft) = (self.log.id(), ledger.record().log_done, ledger.record().draft);
        let is_same = ledger.record().id == id;
        if let Some(draft) = draft.filter(|_| is_same && size > done)
            && let Some(entry) = ledger.record().entries.get(&draft.key)
            && Spool::holds_more(&state.join("spool"), draft.key, entry)
            && draft.is_all(self.log.file(), done, size)?
        {
            ftruncate(self.log.file(), done)?;
            size = done;
        }
        self.ragged = !is_same || size != done;
        if self.ragged || draft.is_some() {
            let open = ledger.record().open.filter(|_| !self.ragged);
            ledger.change(|record| (record.id, record.log_done, record.open) = (id, size, open))?;
        }
        self.ledger = Some(ledger);
        Ok(())
    }

    /// Whether more than one stream writes to this log. Then each goes over a spool, or two would write at a time
    /// while no daemon runs, and their lines could be divided.
    pub(crate) fn is_shared(&self) -> bool {
        self.direct.0.len() + self.shaped.0.len() > 1
    }

    /// All who write to this log.
    pub(crate) fn users(&self) -> Vec<StreamKey> {
        let mut both: Vec<StreamKey> =
            self.direct.0.iter().chain(&self.shaped.0).copied().collect();
        both.sort_unstable();
        both.dedup();
        both
    }

    /// Those who are spliced straight into it.
    pub(crate) fn direct_users(&self) -> Vec<StreamKey> {
        self.direct.0.clone()
    }

    /// Whether a minute has passed since the last complaint about this log; the next one may come.
    pub(crate) fn may_complain(&mut self, now: Instant) -> bool {
        let may = self.complained.is_none_or(|last| now.duration_since(last).as_secs() >= 60);
        if may {
            self.complained = Some(now);
        }
        may
    }

    /// Offset in the spool of `key` up to which this log holds everything.
    pub(crate) fn raw_done(&self, key: StreamKey) -> Option<u64> {
        Some(self.ledger.as_ref()?.record().entries.get(&key)?.raw_done)
    }

    /// Where the next batch goes: like [`LogFile::settle`], taking over what others did to the file.
    pub(crate) fn settle(&mut self, now: Instant) -> Result<u64, OpenError> {
        let standing = self.log.settle(now)?;
        let (id, size) = (self.log.id(), standing.size);
        if let Some(ledger) = &mut self.ledger
            && (ledger.record().log_done != size || ledger.record().id != id)
        {
            self.ragged = true;
            let path = self.log.path();
            ledger
                .change(|record| (record.id, record.log_done, record.open) = (id, size, None))
                .map_err(|source| OpenError::Refused { path: path.to_path_buf(), source })?;
        }
        Ok(size)
    }

    /// Whether the log ends inside a line of `key`.
    pub(crate) fn is_open_for(&self, key: StreamKey) -> bool {
        self.ledger.as_ref().is_some_and(|ledger| ledger.record().open == Some(key))
    }

    /// Whether a line of `key` must be put on a line of its own first.
    pub(crate) fn wants_newline(&mut self, key: StreamKey, size: u64) -> bool {
        let open = self.ledger.as_ref().and_then(|ledger| ledger.record().open);
        if open.is_none() && self.ragged {
            self.ragged = false;
            return !self.log.ends_line(size);
        }
        open.is_some_and(|open| open != key)
    }

    /// Writes a batch at `size` and publishes that; after an error nothing is published and the
    /// same batch may be written again.
    pub(crate) fn write(&mut self, size: u64, batch: &Batch<'_>) -> Result<(), Errno> {
        let length = u64::try_from(batch.bytes.len()).unwrap_or(0);
        let open = batch.open.then_some(batch.key);
        let Some(ledger) = &mut self.ledger else { return Err(Errno::BADF) };
        ledger.draft(batch.key, batch.bytes)?;
        write_full(self.log.file(), batch.bytes, size)
            .and_then(|()| ledger.advance(batch.key, batch.raw_done, (size + length, open)))
            .inspect_err(|_| {
                // Otherwise the half written batch would pass for somebody else's lines.
                ftruncate(self.log.file(), size).ok();
                self.ragged = true;
            })
    }

    /// Ends the line of `key` the log ends in, if it does.
    pub(crate) fn end_line(&mut self, key: StreamKey, now: Instant) -> Result<(), Errno> {
        let size = self.settle(now).map_err(|error| error.errno())?;
        match self.raw_done(key) {
            Some(raw_done) if self.is_open_for(key) => {
                self.write(size, &Batch { key, raw_done, bytes: b"\n", open: false })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Renames the log and begins a new one.
    pub(crate) fn rotate(&mut self) -> Result<(), OpenError> {
        self.log.rotate()?;
        self.follow_file()
    }

    /// The log is another file now: its size is what holds.
    pub(crate) fn follow_file(&mut self) -> Result<(), OpenError> {
        let path = self.log.path().to_path_buf();
        let refused = |source| OpenError::Refused { path, source };
        let size = mover::size(self.log.file()).map_err(refused.clone())?;
        let id = self.log.id();
        self.ragged = true;
        match &mut self.ledger {
            Some(ledger) => ledger
                .change(|record| (record.id, record.log_done, record.open) = (id, size, None))
                .map_err(refused),
            None => Ok(()),
        }
    }

    /// Empties the log; what waits in the spools (`key`, size) is part of what is emptied.
    pub(crate) fn flush(&mut self, spools: &[(StreamKey, u64)]) -> Result<(), Errno> {
        if let Some(ledger) = &mut self.ledger {
            ledger.change(|record| {
                (record.log_done, record.open) = (0, None);
                for (key, size) in spools {
                    if let Some(entry) = record.entries.get_mut(key) {
                        entry.raw_done = *size;
                    }
                }
            })?;
        }
        self.ragged = false;
        self.log.empty()
    }

    /// The spool of `key` has a new beginning.
    pub(crate) fn renewed(&mut self, key: StreamKey, entry: Entry) -> Result<(), Errno> {
        match &mut self.ledger {
            Some(ledger) => ledger.change(|record| {
                record.entries.insert(key, entry);
            }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{chown, lchown, symlink};
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

    use rustix::fs::CWD;

    use super::*;
    use crate::sink::{Format, Place, Stream, WhenFull};

    const NOBODY: Owner = Owner { uid: 65_534, gid: 65_534 };

    /// The user makes the folder a link and a folder again, until nobody looks.
    fn swap(theirs: &Path, (swaps, is_over): (&AtomicU64, &AtomicBool)) {
        let (folder, link) = (theirs.join("d"), theirs.join("link"));
        while !is_over.load(Ordering::Relaxed) {
            let both = rustix::fs::RenameFlags::EXCHANGE;
            rustix::fs::renameat_with(CWD, &folder, CWD, &link, both).expect("swapped");
            swaps.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_folder_that_becomes_a_link_while_root_opens_a_log_in_it_leads_nowhere() {
        if !rustix::process::geteuid().is_root() {
            return eprintln!("only root can write for others: nothing to protect here");
        }
        let folder = tempfile::tempdir().expect("a folder");
        let (theirs, victim) = (folder.path().join("theirs"), folder.path().join("victim"));
        std::fs::create_dir_all(theirs.join("d")).expect("made");
        std::fs::create_dir(&victim).expect("made");
        for path in [&theirs, &theirs.join("d")] {
            chown(path, Some(NOBODY.uid), Some(NOBODY.gid)).expect("given away");
        }
        symlink(&victim, theirs.join("link")).expect("a link");
        lchown(theirs.join("link"), Some(NOBODY.uid), None).expect("given away");
        let path = theirs.join("d/a.log");
        let key = StreamKey { tag: 1, stream: Stream::Out };
        let sink = Sink {
            place: Place::File(path.clone()),
            format: Format::Raw,
            combined: None,
            rotation: crate::rotate::Rotation::NEVER,
            full: WhenFull::Drop,
            owner: Some(NOBODY),
        };
        let mut shelf = Shelf::new(folder.path());
        let (swaps, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
        let opened = std::thread::scope(|scope| {
            scope.spawn(|| swap(&theirs, (&swaps, &is_over)));
            let mut opened = 0;
            while swaps.load(Ordering::Relaxed) < 5000 {
                if let Ok(id) = shelf.open(&path, (key, None), &sink) {
                    opened += 1;
                    shelf.leave(id, key, Leaving::Over);
                }
            }
            is_over.store(true, Ordering::Relaxed);
            opened
        });
        let made: Vec<_> = std::fs::read_dir(&victim).expect("a folder").collect();
        assert!(made.is_empty(), "root made {made:?}");
        assert!(opened > 0, "their log was never opened");
    }
}
