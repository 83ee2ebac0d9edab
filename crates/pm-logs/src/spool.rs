//! Where output waits to be shaped: the kernel splices into it, so its size is the commit record of
//! the pipe; `ledger.rs` is that of the log. Consumed parts are punched out, so it stays small.
//! Deliberately knows neither lines nor logs.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, Mode, OFlags, fallocate, fstat, ftruncate};
use rustix::io::Errno;

use crate::file_io::{ends_line, read_full, write_full};
use crate::ledger::LedgerEntry;
use crate::mover;
use crate::open::FileId;
use crate::rotate::with_suffix;
use crate::sink::{Stream, StreamKey};

const MAGIC: [u8; 8] = *b"pmspool1";
/// Magic, nonce, where the data begins, nothing.
const HEAD: u64 = 32;
/// The first block holds the head and is never punched out.
const BLOCK: u64 = 4096;
/// Consumed bytes are freed in pieces of this size while bytes flow.
const PUNCH: u64 = 4 << 20;
/// And of this size when all is done: thousands of quiet streams must not hold 4 MiB each.
const PUNCH_AT_REST: u64 = 256 << 10;
/// Offsets start anew after this, long before any file system's largest file.
const RENEW: u64 = 16 << 30;

/// One spool, open.
#[derive(Debug)]
pub(crate) struct Spool {
    path: PathBuf,
    file: OwnedFd,
    nonce: u64,
    start: u64,
    punched: u64,
}

impl Spool {
    /// The spool of `key` in `folder`, made if there is none.
    pub(crate) fn open(folder: &Path, key: StreamKey) -> Result<Self, Errno> {
        let path = path_of(folder, key);
        let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        match rustix::fs::open(&path, flags, Mode::empty()) {
            Ok(file) => {
                if let Some(spool) = Self::known(&path, file)? {
                    return Ok(spool);
                }
            }
            Err(Errno::NOENT) => {}
            Err(error) => return Err(error),
        }
        let path_new = with_suffix(&path, ".new");
        let flags = flags | OFlags::CREATE | OFlags::TRUNC;
        let file = rustix::fs::open(&path_new, flags, Mode::from_raw_mode(0o600))?;
        let mut spool = Spool { path, file, nonce: 0, start: HEAD, punched: BLOCK };
        spool.write_head(HEAD)?;
        rustix::fs::rename(&path_new, &spool.path)?;
        Ok(spool)
    }

    /// Whether `key` has a spool.
    pub(crate) fn is_there(folder: &Path, key: StreamKey) -> bool {
        rustix::fs::lstat(path_of(folder, key)).is_ok()
    }

    /// Whether the spool of `key` has bytes which, by its ledger `entry`, are in no log yet.
    pub(crate) fn holds_more(folder: &Path, key: StreamKey, entry: &LedgerEntry) -> bool {
        rustix::fs::lstat(path_of(folder, key))
            .is_ok_and(|stat| u64::try_from(stat.st_size).unwrap_or(0) > entry.raw_done)
    }

    fn known(path: &Path, file: OwnedFd) -> Result<Option<Self>, Errno> {
        let mut head = [0; 24];
        if read_full(&file, &mut head, 0)? < head.len() || head[..8] != MAGIC {
            return Ok(None);
        }
        let word = |at: usize| {
            head[at..at + 8].iter().rev().fold(0_u64, |word, byte| word << 8 | u64::from(*byte))
        };
        let size = mover::size(&file)?;
        // A size below the start: killed while starting anew, when all had been consumed.
        let start = if word(16) > size { HEAD } else { word(16) };
        let path = path.to_path_buf();
        Ok(Some(Spool { path, file, nonce: word(8), start, punched: BLOCK }))
    }

    fn write_head(&mut self, start: u64) -> Result<(), Errno> {
        let mut nonce = [0; 8];
        rustix::rand::getrandom(&mut nonce, rustix::rand::GetRandomFlags::empty())?;
        let mut head = [0; 32];
        head[..8].copy_from_slice(&MAGIC);
        head[8..16].copy_from_slice(&nonce);
        head[16..24].copy_from_slice(&start.to_le_bytes());
        write_full(&self.file, &head, 0)?;
        (self.nonce, self.start) = (u64::from_le_bytes(nonce), start);
        Ok(())
    }

    pub(crate) fn file(&self) -> &OwnedFd {
        &self.file
    }

    pub(crate) fn into_file(self) -> OwnedFd {
        self.file
    }

    pub(crate) fn size(&self) -> Result<u64, Errno> {
        mover::size(&self.file)
    }

    /// Where to go on, given what the ledger remembers.
    pub(crate) fn entry(&self, remembered: Option<&LedgerEntry>) -> LedgerEntry {
        match remembered {
            Some(entry) if entry.nonce == self.nonce => *entry,
            Some(_) | None => LedgerEntry { nonce: self.nonce, raw_done: self.start },
        }
    }

    /// Whether the last byte that waits ends a line; an empty spool does.
    pub(crate) fn ends_line(&self, size: u64) -> bool {
        ends_line(&self.file, self.start, size)
    }

    /// Frees what every log has taken over, up to `done`.
    pub(crate) fn free(&mut self, done: u64, size: u64) {
        let unit = if done == size { PUNCH_AT_REST } else { PUNCH };
        let until = done / BLOCK * BLOCK;
        if until < self.punched + unit {
            return;
        }
        let mode = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        // Where holes are unknown the spool grows until it starts anew; nothing breaks.
        fallocate(&self.file, mode, self.punched, until - self.punched).ok();
        self.punched = until;
    }

    /// Starts anew if the spool is far along and `done` is all of it; tells the new entry.
    pub(crate) fn renew(&mut self, done: u64, size: u64) -> Result<Option<LedgerEntry>, Errno> {
        if done < size || size < RENEW {
            return Ok(None);
        }
        self.write_head(size)?;
        ftruncate(&self.file, HEAD)?;
        self.write_head(HEAD)?;
        self.punched = BLOCK;
        Ok(Some(LedgerEntry { nonce: self.nonce, raw_done: HEAD }))
    }

    /// Deletes the spool; the caller has seen that everything is taken over.
    pub(crate) fn remove(&self) {
        let same = |file: &OwnedFd| {
            let (open, named) = (fstat(file).ok()?, rustix::fs::lstat(&self.path).ok()?);
            Some(FileId::of(&open) == FileId::of(&named))
        };
        if same(&self.file) == Some(true) {
            // What stays behind is found consumed next time.
            std::fs::remove_file(&self.path).ok();
        }
    }
}

/// Deletes the spools of streams that are not `known`, and unfinished ones. Only while no [`crate::LogWriter`] of the
/// state folder runs; what can't be deleted stays.
pub fn forget_spools(state_dir: &Path, known: impl Fn(StreamKey) -> bool) {
    let Ok(entries) = std::fs::read_dir(state_dir.join("spool")) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let stale = name.as_encoded_bytes().ends_with(b".new")
            || key_of(&name).is_some_and(|key| !known(key));
        if stale {
            std::fs::remove_file(entry.path()).ok();
        }
    }
}

fn key_of(name: &OsStr) -> Option<StreamKey> {
    let (tag, word) = name.to_str()?.split_once('.')?;
    let tag = u64::from_str_radix(tag, 16).ok()?;
    let stream = [Stream::Out, Stream::Err].into_iter().find(|stream| stream.word() == word)?;
    Some(StreamKey { tag, stream })
}

fn path_of(folder: &Path, key: StreamKey) -> PathBuf {
    folder.join(format!("{:x}.{}", key.tag, key.stream.word()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: StreamKey = StreamKey { tag: 0xab, stream: Stream::Err };

    #[test]
    fn a_spool_is_found_again_and_another_one_is_not_taken_for_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let spool = Spool::open(folder.path(), KEY).expect("a spool");
        write_full(spool.file(), b"abc", 32).expect("written");
        let entry = LedgerEntry { raw_done: 34, ..spool.entry(None) };
        let again = Spool::open(folder.path(), KEY).expect("a spool");
        assert_eq!(again.entry(Some(&entry)), entry);
        assert_eq!(again.size(), Ok(35));
        again.remove();
        let other = Spool::open(folder.path(), KEY).expect("a spool");
        assert_eq!(other.entry(Some(&entry)).raw_done, 32, "its ledger entry was another's");
    }

    #[test]
    fn spools_nobody_knows_are_forgotten_and_nothing_else() {
        let state = tempfile::tempdir().expect("a folder");
        forget_spools(state.path(), |_| false);
        let folder = state.path().join("spool");
        std::fs::create_dir(&folder).expect("a folder");
        let other = StreamKey { tag: u64::MAX, stream: Stream::Out };
        for key in [KEY, other] {
            Spool::open(&folder, key).expect("a spool");
        }
        for name in ["ab.out.new", "notes", "xyz.out"] {
            std::fs::write(folder.join(name), "").expect("written");
        }
        forget_spools(state.path(), |key| key == KEY);
        let left = std::fs::read_dir(&folder).expect("a folder");
        let mut left: Vec<_> = left.map(|entry| entry.expect("an entry").file_name()).collect();
        left.sort();
        assert_eq!(left, ["ab.err", "notes", "xyz.out"]);
    }

    #[test]
    fn consumed_parts_cost_no_disk() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut spool = Spool::open(folder.path(), KEY).expect("a spool");
        write_full(spool.file(), &vec![7; 8 << 20], 32).expect("written");
        let size = spool.size().expect("a size");
        spool.free(size, size);
        let left = fstat(spool.file()).expect("a stat").st_blocks * 512;
        assert!(left <= 16 << 10, "{left} bytes left");
        assert_eq!(spool.size(), Ok(size));
    }

    #[test]
    fn a_new_start_may_be_cut_short_anywhere() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut spool = Spool::open(folder.path(), KEY).expect("a spool");
        ftruncate(spool.file(), RENEW + 5).expect("grown");
        let old = LedgerEntry { raw_done: RENEW + 5, ..spool.entry(None) };
        spool.write_head(RENEW + 5).expect("step one");
        let after_one = Spool::open(folder.path(), KEY).expect("a spool");
        assert_eq!(after_one.entry(Some(&old)).raw_done, RENEW + 5);
        ftruncate(spool.file(), HEAD).expect("step two");
        let after_two = Spool::open(folder.path(), KEY).expect("a spool");
        assert_eq!(after_two.entry(Some(&old)).raw_done, HEAD);
        spool.write_head(HEAD).expect("step three");
        let after_three = Spool::open(folder.path(), KEY).expect("a spool");
        assert_eq!(after_three.entry(Some(&old)).raw_done, HEAD);
    }
}
