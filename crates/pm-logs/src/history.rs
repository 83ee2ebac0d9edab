//! Reads a log back: its last lines, or those of a span of time, over rotated and compressed parts.
//! What is asked for is found first and then given line by line, so memory doesn't grow with it.

use std::collections::VecDeque;
use std::fmt;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use crate::cut::{LONGEST_LINE, PartialLine};
use crate::line::{
    Cursor, LineReader, LogFiles, OpenFile, OpenPart, ReadError, StoredLine, id_of, open_file,
    open_part,
};
use crate::open::FileId;

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
    /// Only what stands before this place, if a file of the log [holds](LogFiles::holds) it.
    pub before: Option<Cursor>,
    /// Then no more is looked for: the last ones of those found by then are given.
    pub give_up: Option<Instant>,
}

impl fmt::Debug for LineQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineQuery")
            .field("last", &self.last)
            .field("since", &self.since)
            .field("until", &self.until)
            .field("keep", &self.keep.is_some())
            .field("before", &self.before)
            .field("give_up", &self.give_up)
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
    /// Of the last one nothing is read from this offset on.
    end: u64,
    /// Which of them is next.
    next: usize,
    /// From which on they are not read.
    stop: usize,
    /// Whether there was no time to look through everything.
    gave_up: bool,
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
    fn id(&self) -> Option<FileId> {
        match self {
            HistoryFile::Part(path) => id_of(path),
            HistoryFile::Live(live) => Some(live.id),
        }
    }

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
        let mut files: Vec<HistoryFile> =
            parts.into_iter().map(HistoryFile::Part).chain(live.map(HistoryFile::Live)).collect();
        let mut end = u64::MAX;
        if let Some(before) = want.before
            && let Some(last) = files.iter().position(|file| file.id() == Some(before.id))
        {
            files.truncate(last + 1);
            end = before.offset;
        }
        let mut history = History {
            source,
            want,
            stop: files.len(),
            files,
            end,
            gave_up: false,
            next: 0,
            open: None,
            at: None,
            left: usize::MAX,
            cursor: Cursor::NOWHERE,
        };
        if let Some(last) = history.want.last {
            let start = match last {
                0 => None,
                _ if history.want.is_plain() => back(&history.files, history.end, last)?,
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

    /// Whether the search ended before everything was looked through.
    pub fn gave_up(&self) -> bool {
        self.gave_up
    }

    /// Goes through file after file from the newest on, and remembers where the last wanted lines are.
    fn find_last(&mut self, last: usize) -> Result<Option<LinePosition>, ReadError> {
        let (mut left, mut start) = (last, None);
        for number in (0..self.files.len()).rev() {
            let mut positions: VecDeque<LinePosition> = VecDeque::new();
            (self.next, self.stop, self.open, self.at) = (number, number + 1, None, None);
            while let Some((offset, _)) = self.advance()? {
                if positions.len() == left {
                    positions.pop_front();
                }
                positions.push_back((number, offset));
            }
            start = positions.front().copied().or(start);
            left -= positions.len();
            if left == 0 || self.gave_up {
                break;
            }
        }
        self.stop = self.files.len();
        self.want.give_up = None;
        Ok(start)
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
        let end = if self.next == self.files.len() { self.end } else { u64::MAX };
        let Some(OpenPart { mut file, id, size, packed }) = leaf.open()? else { return Ok(()) };
        let failed = |error| ReadError::new(&self.source.log, error);
        // Times are noted before bytes arrive: those that are there have theirs, later ones are for who follows.
        let clock = self.source.clock(id);
        let lines = if packed {
            let mut lines = LineReader::new(file, 0, true).until(end);
            while lines.offset() < offset
                && lines.next(PartialLine::Release).map_err(failed)?.is_some()
            {}
            lines
        } else {
            let size = size.min(end);
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
                if self.next >= self.stop {
                    return Ok(None);
                }
                self.enter(0)?;
                continue;
            };
            if self.want.give_up.is_some_and(|at| Instant::now() >= at) {
                self.gave_up = true;
                return Ok(None);
            }
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
            return Ok(Some((slice.offset, self.source.line(self.at, open.id, &slice))));
        }
    }
}

fn is_newer(file: &std::path::Path, since: i64) -> bool {
    use std::os::unix::fs::MetadataExt;
    // A part keeps the time of its last byte, also when it is compressed. One second of grace.
    std::fs::metadata(file).is_ok_and(|meta| (meta.mtime() + 1).saturating_mul(1000) >= since)
}

/// Where the last `last` lines of all files together begin, looked for from `end` in the last one.
fn back(files: &[HistoryFile], end: u64, last: usize) -> Result<Option<LinePosition>, ReadError> {
    let mut left = last;
    let mut start = None;
    for (number, leaf) in files.iter().enumerate().rev() {
        let Some(OpenPart { file, size, packed, .. }) = leaf.open()? else { continue };
        let end = if number + 1 == files.len() { end } else { u64::MAX };
        let found = if packed {
            back_packed(LineReader::new(file, 0, true).until(end), left)
        } else {
            back_plain(file, size.min(end), left)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::LineTimes;
    use crate::sink::Stream;

    fn lines(source: &LogFiles, want: LineQuery) -> Vec<StoredLine> {
        let mut history = History::open(source.clone(), want).expect("opened");
        let mut lines = Vec::new();
        while let Some(line) = history.next_line().expect("read") {
            lines.push(line);
        }
        lines
    }

    fn keep(text: &'static str) -> LineFilter {
        Arc::new(move |line| memchr::memmem::find(line, text.as_bytes()).is_some())
    }

    #[test]
    fn a_log_is_read_backwards_page_by_page_whatever_is_written_and_rotated_meanwhile() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("a.log");
        let text = |numbers: std::ops::Range<u32>| {
            numbers.map(|number| format!("line {number:03}\n")).collect::<Vec<_>>().concat()
        };
        let packed = File::create(folder.path().join("a__2026-01-01_00-00-01.log.gz"));
        let mut packed =
            flate2::write::GzEncoder::new(packed.expect("made"), flate2::Compression::fast());
        std::io::Write::write_all(&mut packed, text(0..40).as_bytes()).expect("written");
        packed.finish().expect("written");
        std::fs::write(folder.path().join("a__2026-01-01_00-00-02.log"), text(40..70))
            .expect("written");
        std::fs::write(&log, text(70..100)).expect("written");
        let (number, stream, times) = (0, Stream::Out, LineTimes::Unknown);
        let source = LogFiles { number, stream, log: log.clone(), times };
        for filter in [None, Some(keep("line"))] {
            std::fs::write(&log, text(70..100)).expect("written");
            let (mut all, mut before) = (Vec::new(), None);
            loop {
                let (last, keep) = (Some(7), filter.clone());
                let page = lines(&source, LineQuery { last, keep, before, ..LineQuery::default() });
                let Some(first) = page.first() else { break };
                // What is kept for later is a text.
                before = first.place.to_string().parse().ok();
                assert!(source.holds(first.place));
                all.splice(0..0, page.into_iter().map(|line| line.bytes));
                let mut file = std::fs::OpenOptions::new().append(true).open(&log).expect("opened");
                std::io::Write::write_all(&mut file, b"line too late\n").expect("written");
            }
            let expected = text(0..100);
            assert_eq!(
                all,
                expected.lines().map(|line| line.as_bytes().to_vec()).collect::<Vec<_>>()
            );
        }
        let found = lines(
            &source,
            LineQuery { last: Some(2), keep: Some(keep("05")), ..LineQuery::default() },
        );
        assert_eq!(
            found.iter().map(|line| &line.bytes[..]).collect::<Vec<_>>(),
            [b"line 058", b"line 059"]
        );
        let rotated = folder.path().join("a__2026-01-01_00-00-03.log");
        let place = lines(&source, LineQuery { last: Some(20), ..LineQuery::default() })[0].place;
        std::fs::rename(&log, rotated).expect("renamed");
        std::fs::write(&log, "new\n").expect("written");
        let page = lines(
            &source,
            LineQuery { last: Some(1), before: Some(place), ..LineQuery::default() },
        );
        let known = page[0].bytes.clone();
        assert!(known.starts_with(b"line 0") && page[0].place.offset < place.offset);
        assert!(!source.holds("1-1-1".parse().expect("a place")));
    }

    #[test]
    fn a_search_without_time_gives_what_it_has() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("a.log");
        std::fs::write(&log, "one\ntwo\n").expect("written");
        let source = LogFiles { number: 0, stream: Stream::Out, log, times: LineTimes::Unknown };
        let (last, give_up) = (Some(5), Some(Instant::now()));
        let want = LineQuery { last, give_up, keep: Some(keep("o")), ..LineQuery::default() };
        let history = History::open(source.clone(), want).expect("opened");
        assert!(history.gave_up());
        let want = LineQuery { last, keep: Some(keep("o")), ..LineQuery::default() };
        assert!(!History::open(source, want).expect("opened").gave_up());
    }
}
