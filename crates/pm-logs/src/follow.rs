//! Follows logs as they grow, over rotation, removal, truncation and folders that come and go.
//! The kernel says when to look; the caller waits on [`Follow::fd`] and calls [`Follow::read`].

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::fs::Metadata;
use std::io::{Seek, SeekFrom};
use std::mem::MaybeUninit;
use std::ops::ControlFlow;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::inotify::{self, WatchFlags};
use rustix::io::Errno;

use crate::cut::PartialLine;
use crate::line::{
    Cursor, LineClock, LineReader, LineTimes, LogFiles, OpenFile, OpenPart, ReadError, StoredLine,
    id_of, open_file, open_part,
};
use crate::open::FileId;
use crate::stamp::unix_ms;

/// A line without an end is given after so much silence.
const SILENCE: Duration = Duration::from_millis(60);
/// How often to look where the kernel does not tell of spliced bytes (before 6.6).
const LOOK: Duration = Duration::from_millis(200);
/// Bytes of one log before the others have their turn, and before it is looked what was rotated meanwhile.
const TURN: u64 = 512 << 10;
/// So many rotated parts are kept open for a reader that is slow, even if they are deleted.
const HELD: usize = 16;

/// Logs that are followed.
pub struct Follow {
    inotify: OwnedFd,
    followed: BTreeMap<usize, FollowedLog>,
    /// Who wants to know of a watch.
    watches: BTreeMap<i32, Vec<usize>>,
    unfinished: bool,
    looks: bool,
    partial_due: Option<Instant>,
}

struct FollowedLog {
    source: LogFiles,
    open: Option<OpenFile>,
    /// Rotated parts to read before the live file, newest last.
    behind: VecDeque<OpenPart>,
    /// The time of the last stamped line.
    at: Option<i64>,
}

impl fmt::Debug for Follow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follow").field("followed", &self.followed.len()).finish_non_exhaustive()
    }
}

type Take<'a> = &'a mut dyn FnMut(StoredLine) -> ControlFlow<()>;

impl Follow {
    /// Follows nothing yet.
    pub fn new() -> Result<Self, ReadError> {
        let flags = inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK;
        let failed = |error: Errno| ReadError::new("inotify".as_ref(), error);
        let inotify = inotify::init(flags).map_err(failed)?;
        Ok(Follow {
            inotify,
            followed: BTreeMap::new(),
            watches: BTreeMap::new(),
            unfinished: false,
            looks: !tells_of_splices(),
            partial_due: None,
        })
    }

    /// Follows `source` from where a history ended, or from its present end. A second source of the
    /// same number takes the place of the first.
    pub fn add(&mut self, source: LogFiles, from: Option<Cursor>) -> Result<(), ReadError> {
        let mut followed = FollowedLog { source, open: None, behind: VecDeque::new(), at: None };
        let live = open_file(&followed.source.log)?;
        match (from, live) {
            (Some(from), Some(live)) if from.id == live.id => {
                followed.open = Some(followed.opened(live, from.offset)?);
            }
            // Rotated meanwhile: the rest is in a part.
            (Some(from), _) => followed.resume(from)?,
            (None, Some(live)) => {
                let end = live.size;
                followed.open = Some(followed.opened(live, end)?);
            }
            (None, None) => {}
        }
        self.watch(&followed);
        self.followed.insert(followed.source.number, followed);
        self.unfinished = true;
        Ok(())
    }

    /// Follows the source of that number no longer.
    pub fn remove(&mut self, number: usize) {
        self.followed.remove(&number);
        for (watch, numbers) in &mut self.watches {
            numbers.retain(|other| *other != number);
            if numbers.is_empty() {
                inotify::remove_watch(&self.inotify, *watch).ok();
            }
        }
        self.watches.retain(|_, numbers| !numbers.is_empty());
    }

    /// After the last line that was given of the source of that number, if it has a file.
    pub fn cursor(&self, number: usize) -> Option<Cursor> {
        let open = self.followed.get(&number)?.open.as_ref()?;
        Some(Cursor { id: open.id, offset: open.lines.offset() })
    }

    /// Readable when there is something to [`Follow::read`]. Poll it together with whatever tells
    /// that the reader of your own output is gone.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }

    /// When to read at the latest, whatever [`Follow::fd`] says; `None` is never.
    pub fn deadline(&self) -> Option<Instant> {
        let now = Instant::now();
        let next = if self.unfinished { Some(now) } else { self.partial_due };
        if self.looks { Some(next.unwrap_or(now + LOOK).min(now + LOOK)) } else { next }
    }

    /// Gives all lines there are, until `take` says no; then the next call goes on after that line.
    pub fn read(&mut self, take: Take<'_>) -> Result<ControlFlow<()>, ReadError> {
        let due = self.partial_due.is_some_and(|due| Instant::now() >= due);
        let woken = self.woken();
        let everybody = self.looks || due || std::mem::replace(&mut self.unfinished, false);
        let numbers = if everybody { self.followed.keys().copied().collect() } else { woken };
        let mut flow = ControlFlow::Continue(());
        for number in numbers {
            let Some(followed) = self.followed.get_mut(&number) else { continue };
            let before = followed.open.as_ref().map(|open| open.id);
            let partial = if due { PartialLine::Release } else { PartialLine::Keep };
            let (more, result) = followed.read(partial, take)?;
            self.unfinished |= more || result.is_break();
            if followed.open.as_ref().map(|open| open.id) != before || !followed.source.log.exists()
            {
                watch(&self.inotify, &mut self.watches, followed);
                // It may have come between the look and the watch.
                self.unfinished |= !followed.is_live();
            }
            if result.is_break() {
                flow = result;
                break;
            }
        }
        let partial = self.followed.values().any(FollowedLog::holds_partial);
        self.partial_due = match self.partial_due.filter(|_| !due) {
            due if partial => due.or_else(|| Some(Instant::now() + SILENCE)),
            _ => None,
        };
        Ok(flow)
    }

    fn watch(&mut self, followed: &FollowedLog) {
        watch(&self.inotify, &mut self.watches, followed);
    }

    /// Who is told of something, and that only once.
    fn woken(&mut self) -> Vec<usize> {
        let mut buffer = [MaybeUninit::uninit(); 8 << 10];
        let mut events = inotify::Reader::new(&self.inotify, &mut buffer);
        let mut woken = Vec::new();
        while let Ok(event) = events.next() {
            if event.events().contains(inotify::ReadFlags::QUEUE_OVERFLOW) {
                self.unfinished = true;
            }
            let numbers = self.watches.get(&event.wd());
            woken.extend(numbers.into_iter().flatten().copied());
            if event.events().contains(inotify::ReadFlags::IGNORED) {
                self.watches.remove(&event.wd());
            }
        }
        woken.sort_unstable();
        woken.dedup();
        woken
    }
}

/// Watches the log and the folder it is in, or the nearest folder above that exists.
fn watch(inotify: &OwnedFd, watches: &mut BTreeMap<i32, Vec<usize>>, followed: &FollowedLog) {
    let mut note = |path: &Path, flags: WatchFlags| {
        let watch = inotify::add_watch(inotify, path, flags);
        if let Ok(watch) = watch {
            let numbers = watches.entry(watch).or_default();
            if !numbers.contains(&followed.source.number) {
                numbers.push(followed.source.number);
            }
        }
        watch.is_ok()
    };
    let log = crate::open::resolve(&followed.source.log, None);
    let folder = WatchFlags::CREATE
        | WatchFlags::MOVED_TO
        | WatchFlags::MOVED_FROM
        | WatchFlags::DELETE
        | WatchFlags::DELETE_SELF
        | WatchFlags::MOVE_SELF
        | WatchFlags::ONLYDIR
        | WatchFlags::MASK_ADD;
    let nearest = || log.ancestors().skip(1).find(|above| above.is_dir());
    let mut seen = None;
    // Until no folder has come between the look and the watch.
    while seen != nearest() {
        seen = nearest();
        if !seen.is_some_and(|above| note(above, folder)) {
            break;
        }
    }
    note(&log, WatchFlags::MODIFY | WatchFlags::ATTRIB | WatchFlags::MASK_ADD);
}

impl FollowedLog {
    fn opened(&self, mut part: OpenPart, offset: u64) -> Result<OpenFile, ReadError> {
        part.file.seek(SeekFrom::Start(offset)).map_err(|error| self.failed(error))?;
        let clock = match self.source.times {
            // What is read as it comes was written now.
            LineTimes::Index(_) => LineClock::Unknown,
            LineTimes::Unknown | LineTimes::Json(_) | LineTimes::Stamped(_) => {
                self.source.clock(part.id)
            }
        };
        Ok(OpenFile { id: part.id, clock, lines: LineReader::new(part.file, offset, false) })
    }

    fn failed(&self, error: std::io::Error) -> ReadError {
        ReadError::new(&self.source.log, error)
    }

    fn holds_partial(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.lines.holds_partial())
    }

    /// Finds the part that was the live file at `from`, and those after it.
    fn resume(&mut self, from: Cursor) -> Result<(), ReadError> {
        let mut files = self.source.parts(None);
        while let Some(path) = files.pop() {
            if id_of(&path) != Some(from.id) {
                if let Some(part) = open_part(&path)? {
                    self.behind.push_front(part);
                }
                continue;
            }
            // A packed part was read to its end: nothing is added to those.
            if let Some(part) = open_part(&path)?.filter(|part| !part.packed) {
                self.open = Some(self.opened(part, from.offset)?);
            }
            return Ok(());
        }
        // Compressed or deleted meanwhile: go on with the live file, from its beginning.
        self.behind.clear();
        Ok(())
    }

    /// Reads on; tells whether there is more to come at once.
    fn read(
        &mut self,
        tail: PartialLine,
        take: Take<'_>,
    ) -> Result<(bool, ControlFlow<()>), ReadError> {
        loop {
            if self.open.is_some() {
                let (more, flow) = self.read_open(tail, take)?;
                if more || flow.is_break() {
                    self.keep_up()?;
                    return Ok((more, flow));
                }
                if self.is_live() {
                    return Ok((false, flow));
                }
                // Another read: bytes may have come between the last one and the rename.
                let (more, flow) = self.read_open(PartialLine::Release, take)?;
                if more || flow.is_break() {
                    return Ok((more, flow));
                }
            }
            if self.is_live() || !self.step()? {
                return Ok((false, ControlFlow::Continue(())));
            }
        }
    }

    /// Whether nothing has taken the place of the file in hand. A log that was moved away is written
    /// to until there is a new one.
    fn is_live(&self) -> bool {
        let id = self.open.as_ref().map(|open| open.id);
        std::fs::metadata(&self.source.log)
            .map_or(true, |meta| Some(FileId { dev: meta.dev(), ino: meta.ino() }) == id)
    }

    /// Leaves the file in hand for the one after it; `false` if there is none.
    fn step(&mut self) -> Result<bool, ReadError> {
        // First the live file, then the parts: what is rotated in between is still the live one.
        let live = open_file(&self.source.log)?;
        self.open_missed(live.as_ref().map(|live| live.id))?;
        self.open = None;
        if let Some(part) = self.behind.pop_front() {
            let lines = LineReader::new(part.file, 0, part.packed);
            self.open = Some(OpenFile { id: part.id, clock: self.source.clock(part.id), lines });
            return Ok(true);
        }
        let Some(live) = live else { return Ok(false) };
        self.open = Some(self.opened(live, 0)?);
        Ok(true)
    }

    /// Takes into hand what was rotated since, before it is packed or deleted.
    fn keep_up(&mut self) -> Result<(), ReadError> {
        if self.is_live() || self.behind.len() >= HELD {
            return Ok(());
        }
        let live = open_file(&self.source.log)?.map(|live| live.id);
        self.open_missed(live)
    }

    /// Opens the parts that come after all that is in hand.
    fn open_missed(&mut self, live: Option<FileId>) -> Result<(), ReadError> {
        let last = match (self.behind.back(), &self.open) {
            (Some(part), _) => Some((part.id, part.file.metadata().ok())),
            (None, Some(open)) => {
                Some((open.id, open.lines.file().and_then(|file| file.metadata().ok())))
            }
            (None, None) => None,
        };
        let Some((id, Some(ended))) = last else { return Ok(()) };
        for path in self.missed((id, &ended), live) {
            self.behind.extend(open_part(&path)?);
        }
        Ok(())
    }

    /// Parts that were rotated after the file that ended so, were it so fast. A part keeps the time of its last byte even
    /// when compressed, so older ones are told by that.
    fn missed(&self, (id, ended): (FileId, &Metadata), live: Option<FileId>) -> Vec<PathBuf> {
        let mut files = self.source.parts(live);
        if let Some(at) = files.iter().position(|path| id_of(path) == Some(id)) {
            return files.split_off(at + 1);
        }
        let time = |meta: &Metadata| (meta.mtime(), meta.mtime_nsec());
        files.retain(|path| std::fs::metadata(path).is_ok_and(|meta| time(&meta) > time(ended)));
        files
    }

    fn read_open(
        &mut self,
        tail: PartialLine,
        take: Take<'_>,
    ) -> Result<(bool, ControlFlow<()>), ReadError> {
        let Some(open) = &mut self.open else { return Ok((false, ControlFlow::Continue(()))) };
        let failed = |error| ReadError::new(&self.source.log, error);
        if let Some(file) = open.lines.file()
            && file.metadata().map_err(failed)?.len() < open.lines.offset()
        {
            open.lines.rewind().map_err(failed)?;
        }
        let until = open.lines.offset() + TURN;
        let now = unix_ms();
        while let Some(slice) = open.lines.next(tail).map_err(failed)? {
            let stamp = open.clock.at(slice.offset, slice.bytes).or(self.at);
            self.at = stamp;
            let at = if matches!(open.clock, LineClock::Unknown) { Some(now) } else { stamp };
            let offset = slice.offset;
            if take(self.source.line(at, open.id, &slice)).is_break() {
                return Ok((true, ControlFlow::Break(())));
            }
            if offset > until {
                return Ok((true, ControlFlow::Continue(())));
            }
        }
        Ok((false, ControlFlow::Continue(())))
    }
}

/// Since Linux 6.6 a splice into a file is told by inotify like a write.
fn tells_of_splices() -> bool {
    let uname = rustix::system::uname();
    let release = uname.release().to_string_lossy();
    let mut numbers = release.split(['.', '-']).map(|text| text.parse::<u32>().unwrap_or(0));
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    version >= (6, 6)
}
