//! The end of some logs as people look at it: the last lines at first, merged by time, then what comes, but never faster
//! than a screen can show. Each line is cut to what anyone reads, so that memory does not grow with what apps write.

use std::fmt;
use std::ops::ControlFlow;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use crate::follow::Follow;
use crate::history::{History, LineQuery};
use crate::line::{Cursor, LogFiles, ReadError, StoredLine};
use crate::merge::Merge;
use crate::stamp::unix_ms;

/// Bytes read at once, and the pause before more is read at once: some 8 MB/s, more than anyone sees.
const ROUND: u64 = 256 << 10;
const PAUSE: Duration = Duration::from_millis(33);
/// Further behind than this, the rest is passed over and reading goes on near the end.
const TOO_FAR: u64 = 1 << 20;
/// Lines of the past of each log, however many logs share what was asked for.
const LEAST_PAST: usize = 50;
/// Lines of a log that is added.
const ARRIVAL: usize = 1000;

/// Logs that are looked at together.
pub struct Tail {
    follow: Follow,
    logs: Vec<LogFiles>,
    /// Lines of the past, shared by all logs.
    past: usize,
    /// Sizes when everything was read, to know how far behind we are.
    sizes: Vec<u64>,
    /// Bytes read since then.
    read: u64,
    /// Not read before this.
    paused_until: Option<Instant>,
}

/// A line, or a piece of at most 1 MiB of one, of which only the beginning is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TailLine {
    /// The line, cut.
    pub line: StoredLine,
    /// So many bytes of it were left out.
    pub left_out: usize,
}

/// What came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TailRound {
    /// The lines, by time where they came together.
    pub lines: Vec<TailLine>,
    /// Bytes passed over because they came too fast.
    pub skipped: u64,
}

impl TailLine {
    /// More than anyone reads of one line on a screen.
    pub const LONGEST: usize = 16 << 10;

    /// Cuts a line.
    pub fn new(mut line: StoredLine) -> Self {
        let left_out = line.bytes.len().saturating_sub(Self::LONGEST);
        if left_out > 0 {
            line.bytes.truncate(Self::LONGEST);
            line.bytes.shrink_to_fit();
        }
        Self { line, left_out }
    }

    /// Bytes it takes in its file.
    fn size(&self) -> u64 {
        (self.line.bytes.len() + self.left_out + usize::from(self.line.terminated)) as u64
    }
}

impl fmt::Debug for Tail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tail").field("logs", &self.logs).finish_non_exhaustive()
    }
}

impl Tail {
    /// Reads the last lines, so many shared by the logs but at least some for each, and stands ready to follow. Without
    /// a past only what comes is given.
    pub fn open(logs: Vec<LogFiles>, past: usize) -> Result<(Self, Vec<TailLine>), ReadError> {
        let each = if past == 0 { 0 } else { (past / logs.len().max(1)).max(LEAST_PAST) };
        let sizes = logs.iter().map(size).collect();
        let want = LineQuery { last: Some(each), ..LineQuery::default() };
        let histories = logs.iter().map(|log| History::open(log.clone(), want.clone()));
        let mut merge = Merge::new(histories.collect::<Result<_, _>>()?)?;
        let mut lines = Vec::new();
        while let Some(line) = merge.next_line()? {
            lines.push(TailLine::new(line));
        }
        let mut follow = Follow::new()?;
        for (log, history) in logs.iter().zip(merge.into_histories()) {
            follow.add(log.clone(), history.cursor().into())?;
        }
        Ok((Self { follow, logs, past, sizes, read: 0, paused_until: None }, lines))
    }

    /// Follows another log as well; gives what was written into it since then (unix milliseconds), of much only the end.
    pub fn add(&mut self, log: LogFiles, since: i64) -> Result<Vec<TailLine>, ReadError> {
        let last = Some(self.past.max(ARRIVAL));
        let want = LineQuery { last, since: Some(since), ..LineQuery::default() };
        let mut history = History::open(log.clone(), want)?;
        let mut lines = Vec::new();
        while let Some(line) = history.next_line()? {
            lines.push(TailLine::new(line));
        }
        self.follow.add(log.clone(), history.cursor().into())?;
        self.sizes.push(size(&log));
        self.logs.push(log);
        Ok(lines)
    }

    /// The logs.
    pub fn logs(&self) -> &[LogFiles] {
        &self.logs
    }

    /// How far each log has been read: what stands before is not given again.
    pub fn cursors(&self) -> Vec<Option<Cursor>> {
        self.logs.iter().map(|log| self.follow.cursor(log.number)).collect()
    }

    /// Readable when there is something to read.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.follow.fd()
    }

    /// When to look at the files whatever the kernel says.
    pub fn wakes_at(&self) -> Option<Instant> {
        self.paused_until.or_else(|| self.follow.deadline())
    }

    /// Whether it is to be read now if there is something.
    pub fn is_due(&self, now: Instant) -> bool {
        self.paused_until.is_none_or(|end| end <= now)
    }

    /// Reads nothing for a while; `None`: at once again.
    pub fn pause(&mut self, until: Option<Instant>) {
        self.paused_until = until;
    }

    /// Reads what came, but not more than a screen can show; `None`: nothing did.
    pub fn read_some(&mut self) -> Result<Option<TailRound>, ReadError> {
        let now = unix_ms();
        let (mut lines, mut bytes) = (Vec::new(), 0);
        let flow = self.follow.read(&mut |mut line| {
            line.at = line.at.or(Some(now));
            let line = TailLine::new(line);
            bytes += line.size();
            lines.push(line);
            if bytes < ROUND { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        if flow.is_continue() {
            (self.paused_until, self.read) = (None, 0);
            if lines.is_empty() {
                return Ok(None);
            }
            self.sizes = self.logs.iter().map(size).collect();
            return Ok(Some(TailRound { lines, skipped: 0 }));
        }
        self.paused_until = Some(Instant::now() + PAUSE);
        self.read += bytes;
        let behind = self.grown().saturating_sub(self.read);
        let mut round = TailRound { lines, skipped: 0 };
        if behind > TOO_FAR {
            let ahead = self.skip_ahead(behind)?;
            round.lines.extend(ahead.lines);
            round.skipped = ahead.skipped;
        }
        Ok(Some(round))
    }

    /// Goes on near the end, so many bytes ahead.
    fn skip_ahead(&mut self, behind: u64) -> Result<TailRound, ReadError> {
        let before = self.cursors();
        let (tail, mut lines) = Self::open(std::mem::take(&mut self.logs), self.past)?;
        *self = Self { paused_until: self.paused_until, ..tail };
        // What was written while it was looked is passed over as well. Over a rotation it is not known so well.
        let passed = before.into_iter().zip(self.cursors()).map(|places| match places {
            (Some(old), Some(new)) if old.id == new.id => new.offset.checked_sub(old.offset),
            (None, Some(new)) => Some(new.offset),
            (None, None) => Some(0),
            (Some(_), Some(_) | None) => None,
        });
        // Only the part of the past that was not read yet.
        let mut left = passed.sum::<Option<u64>>().unwrap_or(behind);
        let known = lines
            .iter()
            .rposition(|line| left.checked_sub(line.size()).map(|rest| left = rest).is_none());
        lines.drain(..known.map_or(0, |known| known + 1));
        Ok(TailRound { lines, skipped: left })
    }

    /// Bytes the files grew by since everything was read. A rotated file counts from its new beginning.
    fn grown(&self) -> u64 {
        let sizes = self.logs.iter().map(size).zip(&self.sizes);
        sizes.map(|(now, then)| now.checked_sub(*then).unwrap_or(now)).sum()
    }
}

fn size(log: &LogFiles) -> u64 {
    std::fs::metadata(&log.log).map_or(0, |meta| meta.len())
}

#[cfg(test)]
mod tests {
    use std::fs::{File, OpenOptions};
    use std::io::Write;
    use std::path::Path;

    use super::*;
    use crate::line::LineTimes;
    use crate::sink::Stream;

    const PAST: usize = 1000;

    fn logs(folder: &Path) -> Vec<LogFiles> {
        [(Stream::Out, "out.log"), (Stream::Err, "error.log")]
            .into_iter()
            .enumerate()
            .map(|(number, (stream, name))| LogFiles {
                number,
                stream,
                log: folder.join(name),
                times: LineTimes::Unknown,
            })
            .collect()
    }

    fn texts(lines: &[TailLine]) -> Vec<String> {
        lines.iter().map(|it| String::from_utf8_lossy(&it.line.bytes).into_owned()).collect()
    }

    fn append(path: &Path, text: &str) {
        let mut file = OpenOptions::new().append(true).create(true).open(path).expect("opened");
        file.write_all(text.as_bytes()).expect("written");
    }

    /// Everything that is there, in as many rounds as it takes.
    fn read(tail: &mut Tail) -> TailRound {
        let mut all = TailRound::default();
        while let Some(round) = tail.read_some().expect("read") {
            all.lines.extend(round.lines);
            all.skipped += round.skipped;
        }
        all
    }

    #[test]
    fn p53_the_past_comes_first_then_what_is_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let logs = logs(folder.path());
        append(&logs[0].log, "one\ntwo\n");
        let (mut tail, past) = Tail::open(logs.clone(), PAST).expect("opened");
        assert_eq!(texts(&past), ["one", "two"]);
        assert_eq!(read(&mut tail), TailRound::default());
        let until = tail.cursors()[0];
        append(&logs[1].log, "bad\n");
        append(&logs[0].log, "three\n");
        let round = read(&mut tail);
        assert_eq!(texts(&round.lines), ["three", "bad"]);
        assert_eq!((round.lines[1].line.stream, round.skipped), (Stream::Err, 0));
        assert!(round.lines[0].line.at.is_some(), "what comes now was written now");
        // Who joins later reads what was given before up to there.
        let want = LineQuery { before: until, ..LineQuery::default() };
        let mut history = History::open(logs[0].clone(), want).expect("opened");
        let mut known = Vec::new();
        while let Some(line) = history.next_line().expect("read") {
            known.push(TailLine::new(line));
        }
        assert_eq!(texts(&known), ["one", "two"]);
        let (mut tail, past) = Tail::open(logs.clone(), 0).expect("opened");
        assert_eq!(past, []);
        append(&logs[0].log, "four\n");
        assert_eq!(texts(&read(&mut tail).lines), ["four"]);
    }

    #[test]
    fn a_flood_is_passed_over_and_counted() {
        // Many short lines, long ones of which the past read anew holds some that were shown already, and such that
        // only their beginning is kept.
        for (count, length) in [(100_000, 89), (300, 10_000), (40, 300_000)] {
            flood(count, length);
        }
    }

    fn flood(count: usize, length: usize) {
        let folder = tempfile::tempdir().expect("a folder");
        let logs = logs(folder.path());
        File::create(&logs[0].log).expect("made");
        let (mut tail, _) = Tail::open(logs.clone(), PAST).expect("opened");
        let lines: Vec<_> =
            (0..count).map(|number| format!("{number:09} {}\n", "x".repeat(length))).collect();
        let flood = lines.concat();
        append(&logs[0].log, &flood);
        let round = read(&mut tail);
        let known: u64 = round.lines.iter().map(TailLine::size).sum();
        assert_eq!(known + round.skipped, flood.len() as u64, "each byte is shown or counted");
        let kept: usize = round.lines.iter().map(|line| line.line.bytes.len()).sum();
        assert!(kept < 4 << 20, "{kept}");
        let last = format!("{:09}", count - 1);
        let texts_of = texts(&round.lines);
        assert!(texts_of.last().expect("one").starts_with(&last));
        let mut numbers: Vec<_> = texts_of.iter().map(|text| text[..9].to_owned()).collect();
        numbers.dedup();
        assert!(numbers.is_sorted() && numbers.len() == texts_of.len(), "nothing twice");
        append(&logs[0].log, "after\n");
        assert_eq!(texts(&read(&mut tail).lines), ["after"]);
    }

    #[test]
    fn what_comes_too_fast_is_counted_though_it_goes_on_coming() {
        let folder = tempfile::tempdir().expect("a folder");
        let logs = logs(folder.path());
        File::create(&logs[0].log).expect("made");
        for past in [0, PAST] {
            let (mut tail, _) = Tail::open(logs.clone(), past).expect("opened");
            let begin = size(&logs[0]);
            let path = logs[0].log.clone();
            let writer = std::thread::spawn(move || {
                for _ in 0..40 {
                    append(&path, &"x".repeat(300_000));
                }
                append(&path, "\nend\n");
            });
            let (mut told, mut ended) = (0, false);
            while !ended {
                let round = tail.read_some().expect("read").unwrap_or_default();
                told += round.skipped + round.lines.iter().map(TailLine::size).sum::<u64>();
                ended = round.lines.iter().any(|line| line.line.bytes == b"end")
                    || (writer.is_finished() && told + begin >= size(&logs[0]));
            }
            writer.join().expect("written");
            assert_eq!(told + begin, size(&logs[0]), "each byte once");
        }
    }

    #[test]
    fn long_pasts_are_cut() {
        let folder = tempfile::tempdir().expect("a folder");
        let logs = logs(folder.path());
        let many: Vec<_> = (0..5000).map(|number| number.to_string()).collect();
        append(&logs[0].log, &(many.join("\n") + "\n"));
        let (_, past) = Tail::open(logs, PAST).expect("opened");
        assert_eq!(past.len(), PAST / 2);
        assert_eq!(texts(&past).last().expect("one"), "4999");
    }
}
