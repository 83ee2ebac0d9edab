//! The open logs, each once however many streams go there, and with each stamped one its ledger.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use rustix::fs::{fstat, ftruncate};
use rustix::io::Errno;

use crate::file_io::write_full;
use crate::ledger::{Ledger, LedgerEntry};
use crate::log_users::LogUsers;
use crate::logfile::LogFile;
use crate::mover;
use crate::open::{FileId, Opened, hashed_name, open_log, open_present, resolve};
use crate::open_error::OpenError;
use crate::sink::{FileOwner, Sink, StreamKey};
use crate::spool::Spool;

/// A log that is open, and who writes to it.
#[derive(Debug)]
pub(crate) struct OpenLog {
    pub file: LogFile,
    /// Boxed: few have one.
    ledger: Option<Box<Ledger>>,
    /// Who writes to it, in order, and whether spliced straight into it. Mostly one, so no map with room for eleven.
    writers: Vec<(StreamKey, bool)>,
    complained: Option<Instant>,
    /// The log may end inside a line nobody here began.
    ragged: bool,
}

/// Names an open log.
pub(crate) type LogId = u64;

/// All open logs.
#[derive(Debug)]
pub(crate) struct OpenLogs {
    state: PathBuf,
    indexes: Arc<Path>,
    users: Arc<LogUsers>,
    /// Boxed: a map that only grows at its end is half empty.
    logs: BTreeMap<LogId, Box<OpenLog>>,
    by_path: BTreeMap<Arc<Path>, LogId>,
    next: LogId,
}

/// Why a stream lets go of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LeaveReason {
    /// Nothing more will come.
    Over,
    /// It will be taken up again where it was.
    Resumed,
}

/// A batch of log bytes and where it came from.
#[derive(Debug)]
pub(crate) struct WriteBatch<'a> {
    pub key: StreamKey,
    /// Offset in the spool after it.
    pub raw_done: u64,
    /// What to write.
    pub bytes: &'a [u8],
    /// Whether it ends inside a line.
    pub open: bool,
}

impl OpenLogs {
    pub(crate) fn new(state: &Path, users: &Arc<LogUsers>) -> Self {
        let (state, users) = (state.to_path_buf(), Arc::clone(users));
        let indexes = state.join("index").into();
        let (logs, by_path) = (BTreeMap::new(), BTreeMap::new());
        OpenLogs { state, indexes, users, logs, by_path, next: 0 }
    }

    pub(crate) fn get(&mut self, id: LogId) -> Option<&mut OpenLog> {
        self.logs.get_mut(&id).map(Box::as_mut)
    }

    pub(crate) fn find(&self, path: &Path, owner: Option<FileOwner>) -> Option<LogId> {
        let known = self.by_path.get(path).or_else(|| self.by_path.get(&*resolve(path, owner)));
        known.copied().or_else(|| {
            let present = open_present(path, owner).ok().flatten()?;
            self.find_file(present.id)
        })
    }

    /// Where the times of logs are kept.
    pub(crate) fn indexes(&self) -> &Path {
        &self.indexes
    }

    pub(crate) fn count(&self) -> usize {
        self.logs.len()
    }

    pub(crate) fn ids(&self) -> Vec<LogId> {
        self.logs.keys().copied().collect()
    }

    /// Opens the log at `path` for `key`, or joins those who have it open.
    pub(crate) fn open(
        &mut self,
        path: &Arc<Path>,
        (key, spool): (StreamKey, Option<&Spool>),
        sink: &Sink,
    ) -> Result<LogId, OpenError> {
        // The folder must be there before the path can be resolved.
        let opened = open_log(path, sink.owner)?;
        let resolved = resolve(path, sink.owner);
        let path = if *resolved == **path { Arc::clone(path) } else { resolved.into() };
        let id = match self.by_path.get(&path).copied().or_else(|| self.find_file(opened.id)) {
            Some(id) => id,
            None => self.add((Arc::clone(&path), opened), sink)?,
        };
        let entered = self.enter(id, key, spool);
        if let Some(log) = self.logs.get_mut(&id) {
            log.file.rotation = sink.rotation;
        }
        entered.map(|()| id).map_err(|source| {
            self.leave(id, key, LeaveReason::Resumed);
            OpenError::Refused { path: path.to_path_buf(), source }
        })
    }

    /// A log that was opened. What a kill left half done there is made good before anybody writes.
    fn add(
        &mut self,
        (path, opened): (Arc<Path>, Opened),
        sink: &Sink,
    ) -> Result<LogId, OpenError> {
        let own = (Arc::clone(&path), opened);
        let file = LogFile::new(own, sink, &self.indexes, &self.users);
        let mut log = OpenLog::new(file);
        Ledger::find(log.ledger_path(&self.state))
            .map(|ledger| ledger.or_else(|| log.other_ledger(&self.state)))
            .and_then(|ledger| ledger.map_or(Ok(()), |ledger| log.resume(ledger, &self.state)))
            .map_err(|source| OpenError::Refused { path: path.to_path_buf(), source })?;
        self.next += 1;
        self.logs.insert(self.next, Box::new(log));
        self.by_path.insert(path, self.next);
        Ok(self.next)
    }

    /// The log a file is, by whatever name it was opened.
    fn find_file(&self, file: FileId) -> Option<LogId> {
        self.logs.iter().find(|(_, log)| log.file.id() == file).map(|(id, _)| *id)
    }

    /// `key` lets go of the log to take it up again the other way.
    pub(crate) fn leave_for_now(&mut self, id: LogId, key: StreamKey) {
        // Whoever comes meanwhile would think to be alone.
        self.users.unsettle();
        self.leave(id, key, LeaveReason::Over);
    }

    /// `key` no longer writes to the log; the last one closes it.
    pub(crate) fn leave(&mut self, id: LogId, key: StreamKey, leaving: LeaveReason) {
        let Some(log) = self.logs.get_mut(&id) else { return };
        if let Some(ledger) = &mut log.ledger
            && leaving == LeaveReason::Over
            && ledger.record().entries.contains_key(&key)
        {
            // An entry too many is found stale by its nonce.
            let left = ledger.change(|record| {
                record.entries.remove(&key);
                record.open = record.open.filter(|open| *open != key);
            });
            left.ok();
        }
        log.writers.retain(|writer| writer.0 != key);
        if log.writers.is_empty() {
            self.by_path.remove(log.file.path());
            if let Some(ledger) = self.logs.remove(&id).and_then(|log| log.ledger) {
                ledger.forget();
            }
        }
    }

    /// Readies a log for `key`; for lines from a spool with a ledger.
    fn enter(&mut self, id: LogId, key: StreamKey, spool: Option<&Spool>) -> Result<(), Errno> {
        let Some(log) = self.logs.get_mut(&id) else { return Err(Errno::BADF) };
        log.join(key, spool.is_none());
        let Some(spool) = spool else { return Ok(()) };
        if log.ledger.is_none() {
            log.resume(Ledger::load(log.ledger_path(&self.state))?, &self.state)?;
        }
        let Some(ledger) = &mut log.ledger else { return Err(Errno::BADF) };
        let entry = spool.entry(ledger.record().entries.get(&key));
        ledger.change(|record| {
            record.entries.insert(key, entry);
        })
    }
}

impl OpenLog {
    fn new(file: LogFile) -> Self {
        OpenLog { file, ledger: None, writers: Vec::new(), complained: None, ragged: true }
    }

    fn ledger_path(&self, state: &Path) -> PathBuf {
        state.join("ledger").join(hashed_name(self.file.path()))
    }

    /// The ledger that a file with several names has by another one, made that of this name.
    fn other_ledger(&self, state: &Path) -> Option<Ledger> {
        fstat(self.file.fd()).ok().filter(|stat| stat.st_nlink > 1)?;
        let ledgers = std::fs::read_dir(state.join("ledger")).ok()?.flatten();
        let mut found = ledgers.filter_map(|entry| Ledger::find(entry.path()).ok().flatten());
        found.find(|it| it.record().id == self.file.id())?.renamed(self.ledger_path(state))
    }

    fn join(&mut self, key: StreamKey, is_direct: bool) {
        match self.writers.binary_search_by_key(&key, |writer| writer.0) {
            Ok(at) => self.writers[at].1 = is_direct,
            Err(at) => {
                self.writers.reserve_exact(usize::from(self.writers.is_empty()));
                self.writers.insert(at, (key, is_direct));
            }
        }
    }

    /// Goes on with a ledger. Bytes beyond what it has published are cut off if they are those it announced, for they
    /// will be written again; all others were put there by somebody else.
    fn resume(&mut self, mut ledger: Ledger, state: &Path) -> Result<(), Errno> {
        let mut size = mover::size(self.file.fd())?;
        let (id, done, draft) = (self.file.id(), ledger.record().log_done, ledger.record().draft);
        let is_same = ledger.record().id == id;
        if let Some(draft) = draft.filter(|_| is_same && size > done)
            && let Some(entry) = ledger.record().entries.get(&draft.key)
            && Spool::holds_more(&state.join("spool"), draft.key, entry)
            && draft.is_all(self.file.fd(), done, size)?
        {
            ftruncate(self.file.fd(), done)?;
            size = done;
        }
        self.ragged = !is_same || size != done;
        if self.ragged || draft.is_some() {
            let open = ledger.record().open.filter(|_| !self.ragged);
            ledger.change(|record| (record.id, record.log_done, record.open) = (id, size, open))?;
        }
        self.ledger = Some(Box::new(ledger));
        Ok(())
    }

    /// Whether more than one stream writes to this log. Then each goes over a spool, or two would write at a time
    /// while no daemon runs, and their lines could be divided.
    pub(crate) fn is_shared(&self) -> bool {
        self.writers.len() > 1
    }

    /// All who write to this log.
    pub(crate) fn users(&self) -> Vec<StreamKey> {
        self.writers.iter().map(|writer| writer.0).collect()
    }

    /// Those who are spliced straight into it.
    pub(crate) fn direct_users(&self) -> Vec<StreamKey> {
        self.writers.iter().filter(|writer| writer.1).map(|writer| writer.0).collect()
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
        let standing = self.file.settle(now)?;
        let (id, size) = (self.file.id(), standing.size);
        if let Some(ledger) = &mut self.ledger
            && (ledger.record().log_done != size || ledger.record().id != id)
        {
            self.ragged = true;
            let path = self.file.path();
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
            return !self.file.ends_line(size);
        }
        open.is_some_and(|open| open != key)
    }

    /// Writes a batch at `size` and publishes that; after an error nothing is published and the
    /// same batch may be written again.
    pub(crate) fn write(&mut self, size: u64, batch: &WriteBatch<'_>) -> Result<(), Errno> {
        let length = u64::try_from(batch.bytes.len()).unwrap_or(0);
        let open = batch.open.then_some(batch.key);
        let Some(ledger) = &mut self.ledger else { return Err(Errno::BADF) };
        ledger.draft(batch.key, batch.bytes)?;
        write_full(self.file.fd(), batch.bytes, size)
            .and_then(|()| ledger.advance(batch.key, batch.raw_done, (size + length, open)))
            .inspect_err(|_| {
                // Otherwise the half written batch would pass for somebody else's lines.
                ftruncate(self.file.fd(), size).ok();
                self.ragged = true;
            })
    }

    /// Ends the line of `key` the log ends in, if it does.
    pub(crate) fn end_line(&mut self, key: StreamKey, now: Instant) -> Result<(), Errno> {
        if !self.is_open_for(key) {
            return Ok(());
        }
        let size = self.settle(now).map_err(|error| error.errno())?;
        match self.raw_done(key) {
            Some(raw_done) if self.is_open_for(key) => {
                self.write(size, &WriteBatch { key, raw_done, bytes: b"\n", open: false })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Renames the log and begins a new one.
    pub(crate) fn rotate(&mut self) -> Result<(), OpenError> {
        self.file.rotate()?;
        self.follow_file()
    }

    /// The log is another file now: its size is what holds.
    pub(crate) fn follow_file(&mut self) -> Result<(), OpenError> {
        let path = self.file.path().to_path_buf();
        let refused = |source| OpenError::Refused { path, source };
        let size = mover::size(self.file.fd()).map_err(refused.clone())?;
        let id = self.file.id();
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
        self.file.empty()
    }

    /// The spool of `key` has a new beginning.
    pub(crate) fn renewed(&mut self, key: StreamKey, entry: LedgerEntry) -> Result<(), Errno> {
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
    use crate::sink::{LineFormat, LogDestination, Stream, WhenFull};

    const NOBODY: FileOwner = FileOwner { uid: 65_534, gid: 65_534 };

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
        let path: Arc<Path> = theirs.join("d/a.log").into();
        let key = StreamKey { tag: 1, stream: Stream::Out };
        let sink = Sink {
            place: LogDestination::File(Arc::clone(&path)),
            format: LineFormat::Raw,
            combined: None,
            rotation: crate::rotate::LogRotation::NEVER,
            full: WhenFull::Drop,
            owner: Some(NOBODY),
        };
        let mut logs = OpenLogs::new(folder.path(), &LogUsers::new());
        let (swaps, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
        let opened = std::thread::scope(|scope| {
            scope.spawn(|| swap(&theirs, (&swaps, &is_over)));
            let mut opened = 0;
            while swaps.load(Ordering::Relaxed) < 5000 {
                if let Ok(id) = logs.open(&path, (key, None), &sink) {
                    opened += 1;
                    logs.leave(id, key, LeaveReason::Over);
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
