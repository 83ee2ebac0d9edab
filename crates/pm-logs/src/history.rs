//! Reads a log back: its last lines, or those of a span of time, over rotated and compressed parts.
//! What is asked for is found first and then given line by line, so memory doesn't grow with it.

use std::collections::VecDeque;
use std::fmt;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;

use crate::cut::{LONGEST_LINE, PartialLine};
use crate::line::{
    Cursor, LineReader, LogFiles, OpenFile, OpenPart, ReadError, StoredLine, open_file, open_part,
};

/// Decides whether a line is wanted, by its bytes.
pub type LineFilter = Arc<dyn Fn(&[u8]) -> bool + Send + Sync>;

/// Which lines are wanted. All of it is optional.
#[derive(Clone, Default)]
pub struct LineQuery {
    /// So many, the last ones of those that fit the rest.
    pub last: Option<usize>,
    /// Not before this (unix milliseconds).
    pub since: Option<i64>,
    /// Before this (unix milliseconds).
    pub until: Option<i64>,
    /// Only these.
    pub keep: Option<LineFilter>,
}

impl fmt::Debug for LineQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineQuery")
            .field("last", &self.last)
            .field("since", &self.since)
            .field("until", &self.until)
            .field("keep", &self.keep.is_some())
            .finish()
    }
}

impl LineQuery {
    fn takes(&self, at: Option<i64>, bytes: &[u8]) -> bool {
        // A line of unknown time belongs to no span.
        self.since.is_none_or(|since| at.is_some_and(|at| at >= since))
            && self.until.is_none_or(|until| at.is_some_and(|at| at < until))
            && self.keep.as_ref().is_none_or(|keep| keep(bytes))
    }

    fn is_plain(&self) -> bool {
        self.since.is_none() && self.until.is_none() && self.keep.is_none()
    }
}

/// The wanted lines of one log, oldest first. After the last one, [`History::cursor`] says where to
/// follow on without losing or repeating a line.
pub struct History {
    source: LogFiles,
    want: LineQuery,
    files: Vec<HistoryFile>,
    /// Which of them is next.
    next: usize,
    open: Option<OpenFile>,
    /// The time of the last line that had one.
    at: Option<i64>,
    left: usize,
    cursor: Cursor,
}

/// A file to read: the live one is held open, whatever it is called by now.
enum HistoryFile {
    Part(PathBuf),
    Live(OpenPart),
}

impl HistoryFile {
    fn open(&self) -> Result<Option<OpenPart>, ReadError> {
        match self {
            HistoryFile::Part(path) => open_part(path),
            HistoryFile::Live(live) => {
                let failed = |error| ReadError::new("live log".as_ref(), error);
                let size = live.file.metadata().map_err(failed)?.len();
                let file = live.file.try_clone().map_err(failed)?;
                Ok(Some(OpenPart { file, id: live.id, size, packed: false }))
            }
        }
    }
}

/// A place in one of the files: which, and at which (unpacked) offset.
type LinePosition = (usize, u64);

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("History").field("source", &self.source).finish_non_exhaustive()
    }
}

impl History {
    /// Finds where the wanted lines of `source` begin. A log that isn't there has none.
    pub fn open(source: LogFiles, want: LineQuery) -> Result<Self, ReadError> {
        let live = open_file(&source.log)?;
        let mut parts = source.parts(live.as_ref().map(|live| live.id));
        if let Some(since) = want.since {
            parts.retain(|file| is_newer(file, since));
        }
        let mut history = History {
            source,
            want,
            files: parts
                .into_iter()
                .map(HistoryFile::Part)
                .chain(live.map(HistoryFile::Live))
                .collect(),
            next: 0,
            open: None,
            at: None,
            left: usize::MAX,
            cursor: Cursor::NOWHERE,
        };
        if let Some(last) = history.want.last {
            let start = match last {
                0 => None,
                _ if history.want.is_plain() => back(&history.files, last)?,
                _ => history.find_last(last)?,
            };
            history.begin(start, last)?;
        }
        Ok(history)
    }

    /// Where reading has come to; after the last line, the place to follow on from.
    pub fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// The next line.
    pub fn next_line(&mut self) -> Result<Option<StoredLine>, ReadError> {
        Ok(self.advance()?.map(|found| found.1))
    }

    /// Goes through everything once and remembers where the last wanted lines are.
    fn find_last(&mut self, last: usize) -> Result<Option<LinePosition>, ReadError> {
        let mut positions: VecDeque<LinePosition> = VecDeque::new();
        while let Some((offset, _)) = self.advance()? {
            if positions.len() == last {
                positions.pop_front();
            }
            positions.push_back((self.next - 1, offset));
        }
        Ok(positions.front().copied())
    }

    fn begin(&mut self, start: Option<LinePosition>, last: usize) -> Result<(), ReadError> {
        (self.at, self.cursor, self.left) = (None, Cursor::NOWHERE, last);
        self.open = None;
        // Nothing wanted: straight to the end of the last file, to be followed from there.
        let (first, offset) = start.unwrap_or((self.files.len().saturating_sub(1), u64::MAX));
        self.next = first;
        if self.next < self.files.len() { self.enter(offset) } else { Ok(()) }
    }

    /// Opens the next file and goes to `offset`, or to its end if that comes first.
    fn enter(&mut self, offset: u64) -> Result<(), ReadError> {
        let Some(leaf) = self.files.get(self.next) else { return Ok(()) };
        self.next += 1;
        let Some(OpenPart { mut file, id, size, packed }) = leaf.open()? else { return Ok(()) };
        let failed = |error| ReadError::new(&self.source.log, error);
        // Times are noted before bytes arrive: those that are there have theirs, later ones are for who follows.
        let clock = self.source.clock(id);
        let lines = if packed {
            let mut lines = LineReader::new(file, 0, true);
            while lines.offset() < offset
                && lines.next(PartialLine::Release).map_err(failed)?.is_some()
            {}
            lines
        } else {
            let offset = offset.min(size);
            file.seek(SeekFrom::Start(offset)).map_err(failed)?;
            LineReader::new(file, offset, false).until(size)
        };
        self.open = Some(OpenFile { id, clock, lines });
        Ok(())
    }

    fn advance(&mut self) -> Result<Option<(u64, StoredLine)>, ReadError> {
        loop {
            let Some(open) = &mut self.open else {
                if self.next >= self.files.len() {
                    return Ok(None);
                }
                self.enter(0)?;
                continue;
            };
            // The end of the live file may be the middle of a line: that is for who follows.
            let slice = open.lines.next(PartialLine::Release);
            let Some(slice) = slice.map_err(|error| ReadError::new(&self.source.log, error))?
            else {
                self.cursor = Cursor { id: open.id, offset: open.lines.offset() };
                self.open = None;
                continue;
            };
            self.at = open.clock.at(slice.offset, slice.bytes).or(self.at);
            if self.left == 0 || !self.want.takes(self.at, slice.bytes) {
                continue;
            }
            if self.left != usize::MAX {
                self.left -= 1;
            }
            return Ok(Some((slice.offset, self.source.line(self.at, &slice))));
        }
    }
}

fn is_newer(file: &std::path::Path, since: i64) -> bool {
    use std::os::unix::fs::MetadataExt;
    // A part keeps the time of its last byte, also when it is compressed. One second of grace.
    std::fs::metadata(file).is_ok_and(|meta| (meta.mtime() + 1).saturating_mul(1000) >= since)
}

/// Where the last `last` lines of all files together begin, looked for from the end.
fn back(files: &[HistoryFile], last: usize) -> Result<Option<LinePosition>, ReadError> {
    let mut left = last;
    let mut start = None;
    for (number, leaf) in files.iter().enumerate().rev() {
        let Some(OpenPart { file, size, packed, .. }) = leaf.open()? else { continue };
        let found = if packed {
            back_packed(LineReader::new(file, 0, true), left)
        } else {
            back_plain(file, size, left)
        };
        let (found, offset) = found.map_err(|error| match leaf {
            HistoryFile::Part(path) => ReadError::new(path, error),
            HistoryFile::Live(..) => ReadError::new("live log".as_ref(), error),
        })?;
        if found > 0 {
            start = Some((number, offset));
        }
        left -= found.min(left);
        if left == 0 {
            break;
        }
    }
    Ok(start)
}

/// A packed file can only be read from its beginning.
fn back_packed(mut lines: LineReader, last: usize) -> std::io::Result<(usize, u64)> {
    let mut offsets = VecDeque::new();
    while let Some(slice) = lines.next(PartialLine::Release)? {
        if offsets.len() == last {
            offsets.pop_front();
        }
        offsets.push_back(slice.offset);
    }
    Ok((offsets.len(), offsets.front().copied().unwrap_or(0)))
}

/// Counts line ends backwards; a stretch of [`LONGEST_LINE`] bytes without one counts as a line.
fn back_plain(mut file: File, size: u64, last: usize) -> std::io::Result<(usize, u64)> {
    const BLOCK: u64 = 64 << 10;
    let mut block = vec![0; 64 << 10];
    let (mut start, mut line_end, mut found) = (size, size, 0);
    while start > 0 {
        let length = BLOCK.min(start);
        start -= length;
        file.seek(SeekFrom::Start(start))?;
        let bytes = &mut block[..usize::try_from(length).unwrap_or(0)];
        file.read_exact(bytes)?;
        for at in memchr::memrchr_iter(b'\n', bytes) {
            let after = start + at as u64 + 1;
            if after == size {
                continue;
            }
            found += 1;
            line_end = after;
            if found == last {
                return Ok((found, after));
            }
        }
        if line_end - start >= LONGEST_LINE as u64 {
            found += 1;
            line_end = start;
            if found == last {
                return Ok((found, start));
            }
        }
    }
    Ok((found + usize::from(line_end > 0), 0))
}
