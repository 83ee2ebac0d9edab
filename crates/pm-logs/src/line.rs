//! Lines of a log for those who read it: where they come from, when they were written, and how a
//! file of any size is cut into them with bounded memory. Reads only; the daemon is not asked.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use flate2::read::MultiGzDecoder;
use rustix::fs::{Mode, OFlags, fstat};

use crate::archive::parts;
use crate::cut::{LONGEST_LINE, LineCutter, PartialLine, PieceEnd};
use crate::index::TimeTable;
use crate::open::{FileId, resolve};

use crate::rotate::with_suffix;
use crate::sink::Stream;
use crate::stamp::StampFormat;

/// One line, or a piece of at most 1 MiB of a longer one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLine {
    /// The caller's number of the source.
    pub source: usize,
    /// Which output it was printed to.
    pub stream: Stream,
    /// When, in unix milliseconds, as far as is known.
    pub at: Option<i64>,
    /// As in the file, without the newline.
    pub bytes: Vec<u8>,
    /// Whether a newline followed.
    pub terminated: bool,
    /// Where it begins.
    pub place: Cursor,
}

/// Where the times of a log's lines are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineTimes {
    /// In the index beside a raw log; the log writer's state folder.
    Index(PathBuf),
    /// Before each line.
    Stamped(StampFormat),
    /// In `timestamp` of each object; `None` is ISO 8601.
    Json(Option<StampFormat>),
    /// Nowhere.
    Unknown,
}

/// A log to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFiles {
    /// Given back in each [`StoredLine`].
    pub number: usize,
    /// Which output it holds.
    pub stream: Stream,
    /// The log; its rotated parts lie beside it.
    pub log: PathBuf,
    /// How to know when a line was written.
    pub times: LineTimes,
}

/// Why a log can't be read.
#[derive(Debug, thiserror::Error)]
#[error("read the log {path:?}: {source}")]
pub struct ReadError {
    /// Which file.
    pub path: PathBuf,
    /// Why not.
    pub source: io::Error,
}

impl ReadError {
    pub(crate) fn new(path: &Path, source: impl Into<io::Error>) -> Self {
        ReadError { path: path.to_path_buf(), source: source.into() }
    }
}

/// Where a reader has come to, to be followed from there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    pub(crate) id: FileId,
    pub(crate) offset: u64,
}

impl Cursor {
    /// Before anything was there.
    pub(crate) const NOWHERE: Cursor = Cursor { id: FileId { dev: 0, ino: 0 }, offset: 0 };
}

/// `DEV-INODE-OFFSET`, each hexadecimal, for who keeps it for later.
impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{:x}-{:x}", self.id.dev, self.id.ino, self.offset)
    }
}

/// Why a text is no place in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no place in a log")]
pub struct CursorError;

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let mut numbers = text.splitn(3, '-').map(|word| u64::from_str_radix(word, 16));
        let mut next = || numbers.next().and_then(Result::ok).ok_or(CursorError);
        Ok(Cursor { id: FileId { dev: next()?, ino: next()? }, offset: next()? })
    }
}

impl LineTimes {
    /// A line without what was put before it in the file: the app's own words.
    pub fn words<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        match self {
            LineTimes::Stamped(format) => format
                .read(bytes)
                .and_then(|(_, length)| bytes.get(length..)?.strip_prefix(b": "))
                .unwrap_or(bytes),
            LineTimes::Index(_) | LineTimes::Json(_) | LineTimes::Unknown => bytes,
        }
    }
}

impl LogFiles {
    /// Whether a file of this log is the one of that place, so that it can be read up to there.
    pub fn holds(&self, place: Cursor) -> bool {
        id_of(&self.log) == Some(place.id)
            || self.parts(None).iter().any(|part| id_of(part) == Some(place.id))
    }

    /// A line of one of the files, which is this.
    pub(crate) fn line(&self, at: Option<i64>, id: FileId, slice: &LineSlice<'_>) -> StoredLine {
        StoredLine {
            source: self.number,
            stream: self.stream,
            at,
            bytes: slice.bytes.to_vec(),
            terminated: slice.end == PieceEnd::Newline,
            place: Cursor { id, offset: slice.offset },
        }
    }

    /// The rotated parts of this log, oldest first. What is rotated while somebody looks would be
    /// missed or seen twice, so one opens the live file first and names it as `live` here: parts
    /// that are it, or newer, are left out.
    pub(crate) fn parts(&self, live: Option<FileId>) -> Vec<PathBuf> {
        let log = resolve(&self.log, None);
        let mut files = Vec::new();
        if let (Some(folder), Some(name)) = (log.parent(), log.file_name()) {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            if let Ok(open) = rustix::fs::open(folder, flags, Mode::empty()) {
                let names = parts(&open, name).unwrap_or_default();
                files.extend(names.into_iter().map(|name| folder.join(name)));
            }
        }
        if let Some(at) = files.iter().position(|path| live.is_some() && id_of(path) == live) {
            files.truncate(at);
        }
        files
    }

    /// How to find the times in one of the files.
    pub(crate) fn clock(&self, id: FileId) -> LineClock {
        match &self.times {
            LineTimes::Unknown => LineClock::Unknown,
            LineTimes::Stamped(format) => LineClock::Stamped(format.clone()),
            LineTimes::Json(None) => LineClock::Json(StampFormat::new(StampFormat::ISO)),
            LineTimes::Json(Some(format)) => LineClock::Json(format.clone()),
            LineTimes::Index(state) => {
                let log = resolve(&self.log, None);
                TimeTable::load(&state.join("index"), &log, id)
                    .map_or(LineClock::Unknown, LineClock::Index)
            }
        }
    }
}

/// Tells the times of lines in one file.
#[derive(Debug)]
pub(crate) enum LineClock {
    Unknown,
    Stamped(StampFormat),
    Json(StampFormat),
    Index(TimeTable),
}

impl LineClock {
    /// When the line `bytes` at `offset` was written.
    pub(crate) fn at(&self, offset: u64, bytes: &[u8]) -> Option<i64> {
        const KEY: &[u8] = b"\",\"timestamp\":\"";
        match self {
            LineClock::Unknown => None,
            LineClock::Stamped(format) => {
                let (at, length) = format.read(bytes)?;
                bytes.get(length..)?.starts_with(b": ").then_some(at)
            }
            LineClock::Json(format) => {
                let at = memchr::memmem::rfind(bytes, KEY)?;
                format.read(bytes.get(at + KEY.len()..)?).map(|found| found.0)
            }
            LineClock::Index(table) => table.at(offset),
        }
    }
}

/// Which file a path means.
pub(crate) fn id_of(path: &Path) -> Option<FileId> {
    rustix::fs::stat(path).ok().map(|stat| FileId::of(&stat))
}

/// Opens a rotated part, also if it has been compressed since it was listed.
pub(crate) fn open_part(path: &Path) -> Result<Option<OpenPart>, ReadError> {
    let packed = with_suffix(path, ".gz");
    for path in [path, Path::new(&packed)] {
        let part = open_file(path)?;
        if part.is_some() {
            return Ok(part);
        }
    }
    Ok(None)
}

/// A file of a log, open.
pub(crate) struct OpenPart {
    pub file: File,
    pub id: FileId,
    pub size: u64,
    pub packed: bool,
}

/// Opens a file of a log, never stopping at a FIFO; `None` if it isn't there or is no file.
pub(crate) fn open_file(path: &Path) -> Result<Option<OpenPart>, ReadError> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file: OwnedFd = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => file,
        Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => return Ok(None),
        Err(error) => return Err(ReadError::new(path, error)),
    };
    let stat = fstat(&file).map_err(|error| ReadError::new(path, error))?;
    if rustix::fs::FileType::from_raw_mode(stat.st_mode) != rustix::fs::FileType::RegularFile {
        return Ok(None);
    }
    let size = u64::try_from(stat.st_size).unwrap_or(0);
    let packed = path.extension().is_some_and(|extension| extension == "gz");
    Ok(Some(OpenPart { file: File::from(file), id: FileId::of(&stat), size, packed }))
}

/// Bytes read at once.
const BLOCK: usize = 64 << 10;

/// A file that is being read, and how to tell the times of its lines.
pub(crate) struct OpenFile {
    pub id: FileId,
    pub clock: LineClock,
    pub lines: LineReader,
}

/// Cuts a file into lines, holding one line at most.
pub(crate) struct LineReader {
    input: LineInput,
    bytes: Vec<u8>,
    /// What of `bytes` has been given.
    given: usize,
    /// Offset in the (unpacked) file of `bytes[given]`.
    offset: u64,
    /// Nothing is read beyond this offset.
    end: u64,
}

enum LineInput {
    Plain(File),
    Packed(Box<MultiGzDecoder<File>>),
}

/// A line still inside the buffer.
pub(crate) struct LineSlice<'a> {
    pub offset: u64,
    pub bytes: &'a [u8],
    pub end: PieceEnd,
}

impl LineReader {
    /// Of `file`, whose next byte has that offset.
    pub(crate) fn new(file: File, offset: u64, packed: bool) -> Self {
        let input = if packed {
            LineInput::Packed(Box::new(MultiGzDecoder::new(file)))
        } else {
            LineInput::Plain(file)
        };
        LineReader { input, bytes: Vec::new(), given: 0, offset, end: u64::MAX }
    }

    /// Ends there, though the file may have grown.
    pub(crate) fn until(self, end: u64) -> Self {
        Self { end, ..self }
    }

    /// Offset after the last line given.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether bytes without a line end wait.
    pub(crate) fn holds_partial(&self) -> bool {
        self.given < self.bytes.len()
    }

    /// The open file, unless it is packed.
    pub(crate) fn file(&self) -> Option<&File> {
        match &self.input {
            LineInput::Plain(file) => Some(file),
            LineInput::Packed(_) => None,
        }
    }

    /// Forgets what is held and goes on at the beginning of the file.
    pub(crate) fn rewind(&mut self) -> io::Result<()> {
        use std::io::Seek;
        self.bytes.clear();
        (self.given, self.offset) = (0, 0);
        match &mut self.input {
            LineInput::Plain(file) => file.rewind(),
            LineInput::Packed(_) => Ok(()),
        }
    }

    /// The next line; `None` at the end of what there is. `tail` says whether bytes without a line
    /// end are a line there.
    pub(crate) fn next(&mut self, tail: PartialLine) -> io::Result<Option<LineSlice<'_>>> {
        let mut searched = self.given;
        loop {
            let waiting = self.bytes.len() - self.given;
            let whole = memchr::memchr(b'\n', &self.bytes[searched..]).is_some();
            if whole || waiting > LONGEST_LINE {
                return Ok(self.give(PartialLine::Keep));
            }
            if self.given > 0 {
                self.bytes.drain(..self.given);
                self.given = 0;
            }
            searched = self.bytes.len();
            if self.fill()? == 0 {
                return Ok(self.give(tail));
            }
        }
    }

    fn give(&mut self, tail: PartialLine) -> Option<LineSlice<'_>> {
        let mut cut = LineCutter::new(&self.bytes[self.given..], tail);
        let piece = cut.next()?;
        let offset = self.offset;
        self.given += cut.taken();
        self.offset += cut.taken() as u64;
        Some(LineSlice { offset, bytes: piece.bytes, end: piece.end })
    }

    fn fill(&mut self) -> io::Result<usize> {
        let have = self.bytes.len();
        let place = self.offset + (have - self.given) as u64;
        let most = usize::try_from(self.end.saturating_sub(place)).unwrap_or(BLOCK).min(BLOCK);
        self.bytes.resize(have + most, 0);
        let result = loop {
            let space = &mut self.bytes[have..];
            let result = match &mut self.input {
                LineInput::Plain(file) => file.read(space),
                LineInput::Packed(packed) => packed.read(space),
            };
            match result {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        self.bytes.truncate(have + result.as_ref().copied().unwrap_or(0));
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_where_they_are_told_though_the_file_has_grown() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.log");
        std::fs::write(&path, "one\ntwo\nthree\n").expect("written");
        for (end, expected) in
            [(8, vec!["one", "two"]), (0, vec![]), (10, vec!["one", "two", "th"])]
        {
            let file = File::open(&path).expect("a file");
            let mut lines = LineReader::new(file, 0, false).until(end);
            let mut found = Vec::new();
            while let Some(slice) = lines.next(PartialLine::Release).expect("read") {
                found.push(String::from_utf8_lossy(slice.bytes).into_owned());
            }
            assert_eq!(found, expected);
            assert_eq!(lines.offset(), end);
        }
    }
}
