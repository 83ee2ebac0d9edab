//! The lines that were read, per group of followed instances, within bounds.
//!
//! Reading files is `workers`'s, wrapping and scrolling is `scroll`'s business.

use std::collections::{BTreeMap, VecDeque};

use pm_logs::Stream;

use crate::ansi;
use crate::message::{LogBatch, LogGroup, LogLine};

/// Bytes of lines kept per group; about ten thousand lines of a talkative app.
const MOST_BYTES: usize = 2 << 20;
/// Lines kept per group, so that empty lines are bounded too.
const MOST_LINES: usize = 20_000;
/// Groups kept while others are looked at; the one looked at longest ago is forgotten.
const MOST_GROUPS: usize = 16;
/// Bytes of one line that are kept: more than anyone reads on a screen, and wrapping stays cheap.
const LONGEST_LINE: usize = 16 << 10;

/// A kept line and how much of it was left out.
#[derive(Clone, Debug)]
pub(crate) struct BufferedLine {
    pub(crate) line: LogLine,
    pub(crate) left_out: usize,
}

/// A row of a line: the line's number and which of its wrapped rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LogPosition {
    pub(crate) line: u64,
    pub(crate) row: usize,
}

/// The lines of one group. Each has a number that never changes, so that a place survives what is dropped above.
#[derive(Debug, Default)]
pub(crate) struct LogBuffer {
    lines: VecDeque<BufferedLine>,
    first: u64,
    bytes: usize,
    /// Bytes passed over because they came faster than they could be read.
    pub(crate) skipped: u64,
    /// Why nothing can be read.
    pub(crate) trouble: Option<String>,
    /// Whether the past was read, so that "silent" can be told from "not yet".
    pub(crate) loaded: bool,
    /// The top of what is shown; `None` follows the end.
    pub(crate) top: Option<LogPosition>,
    /// Columns shifted out on the left while not wrapping.
    pub(crate) left: usize,
    /// The line the search stands on.
    pub(crate) found: Option<u64>,
    /// Lines that came since following was left.
    pub(crate) unseen: u64,
    looked_at: u64,
}

impl LogBuffer {
    /// The number after the last line's.
    pub(crate) fn end(&self) -> u64 {
        self.first + self.lines.len() as u64
    }

    pub(crate) fn get(&self, number: u64) -> Option<&BufferedLine> {
        self.lines.get(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    fn push(&mut self, mut line: LogLine) {
        let left_out = line.left_out + line.bytes.len().saturating_sub(LONGEST_LINE);
        line.bytes.truncate(LONGEST_LINE);
        line.bytes.shrink_to_fit();
        self.bytes += line.bytes.len();
        self.lines.push_back(BufferedLine { line, left_out });
        if self.top.is_some() {
            self.unseen += 1;
        }
        while self.bytes > MOST_BYTES || self.lines.len() > MOST_LINES {
            let Some(gone) = self.lines.pop_front() else { break };
            self.bytes -= gone.line.bytes.len();
            self.first += 1;
        }
    }

    fn clear(&mut self) {
        *self = Self { first: self.end(), looked_at: self.looked_at, ..Self::default() };
    }
}

/// All groups, the one on the screen, and how it is looked at.
#[derive(Debug, Default)]
pub(crate) struct LogBuffers {
    buffers: BTreeMap<LogGroup, LogBuffer>,
    pub(crate) group: LogGroup,
    looks: u64,
    /// Numbers of the lines that pass the filter; `None`: all do.
    passed: Option<VecDeque<u64>>,
    pub(crate) filter: String,
    pub(crate) search: String,
    /// The one output that is shown; `None`: both are.
    pub(crate) stream: Option<Stream>,
    pub(crate) wrap: bool,
    pub(crate) times: bool,
}

impl LogBuffers {
    /// Empty, wrapping lines.
    pub(crate) fn new() -> Self {
        Self { wrap: true, ..Self::default() }
    }

    /// Turns to a group. Gives the groups that are forgotten for it.
    pub(crate) fn open(&mut self, group: LogGroup) -> Vec<LogGroup> {
        self.looks += 1;
        self.buffers.entry(group.clone()).or_default().looked_at = self.looks;
        self.group = group;
        self.refilter();
        let mut forgotten = Vec::new();
        while self.buffers.len() > MOST_GROUPS {
            let oldest = self.buffers.iter().min_by_key(|(_, buffer)| buffer.looked_at);
            let Some(key) = oldest.map(|(key, _)| key.clone()) else { break };
            self.buffers.remove(&key);
            forgotten.push(key);
        }
        forgotten
    }

    /// The buffer on the screen.
    pub(crate) fn buffer(&self) -> Option<&LogBuffer> {
        self.buffers.get(&self.group)
    }

    /// The same, to scroll it.
    pub(crate) fn buffer_mut(&mut self) -> Option<&mut LogBuffer> {
        self.buffers.get_mut(&self.group)
    }

    /// Takes what was read. A group nobody asked for any more is passed over.
    pub(crate) fn add(&mut self, lines: LogBatch) {
        let LogBatch { group, lines, skipped, fresh } = lines;
        let Some(buffer) = self.buffers.get_mut(&group) else { return };
        if fresh {
            buffer.clear();
        }
        buffer.loaded = true;
        buffer.trouble = None;
        buffer.skipped = buffer.skipped.saturating_add(skipped);
        let start = buffer.end();
        for line in lines {
            buffer.push(line);
        }
        if group == self.group {
            self.filter_from(start);
        }
    }

    /// Says why a group can't be read.
    pub(crate) fn trouble(&mut self, group: &LogGroup, text: String) {
        if let Some(buffer) = self.buffers.get_mut(group) {
            buffer.loaded = true;
            buffer.trouble = Some(text);
        }
    }

    /// Forgets the lines of everything that shows one of these instances: their files were emptied.
    pub(crate) fn clear(&mut self, ids: &[u32]) {
        for (group, buffer) in &mut self.buffers {
            if group.iter().any(|id| ids.contains(id)) {
                buffer.clear();
                buffer.loaded = true;
            }
        }
        self.refilter();
    }

    /// After a change of filter or group.
    pub(crate) fn refilter(&mut self) {
        let all = self.filter.is_empty() && self.stream.is_none();
        self.passed = (!all).then(VecDeque::new);
        if let Some(first) = self.buffer().map(|buffer| buffer.first) {
            self.filter_from(first);
        }
    }

    fn filter_from(&mut self, start: u64) {
        let Some(mut passed) = self.passed.take() else { return };
        if let Some(buffer) = self.buffers.get(&self.group) {
            let gone = passed.partition_point(|number| *number < buffer.first);
            passed.drain(..gone);
            let start = start.max(buffer.first);
            let fresh = (start..buffer.end()).filter(|number| {
                buffer.get(*number).is_some_and(|kept| {
                    self.stream.is_none_or(|only| only == kept.line.stream)
                        && (self.filter.is_empty()
                            || contains_text(&ansi::text(&kept.line.bytes), &self.filter))
                })
            });
            passed.extend(fresh);
        }
        self.passed = Some(passed);
    }

    /// Both outputs, only the one, only the other, and so on.
    pub(crate) fn next_stream(&mut self) {
        self.stream = match self.stream {
            None => Some(Stream::Out),
            Some(Stream::Out) => Some(Stream::Err),
            Some(Stream::Err) => None,
        };
        self.refilter();
    }

    /// How many lines pass the filter, if there is one.
    pub(crate) fn passing(&self) -> Option<usize> {
        self.passed.as_ref().map(VecDeque::len)
    }

    /// The first shown line at or after this number.
    pub(crate) fn at_or_after(&self, number: u64) -> Option<u64> {
        let buffer = self.buffer()?;
        match &self.passed {
            None => Some(number.max(buffer.first)).filter(|number| *number < buffer.end()),
            Some(passed) => passed.get(passed.partition_point(|shown| *shown < number)).copied(),
        }
    }

    /// The last shown line before this number.
    pub(crate) fn before(&self, number: u64) -> Option<u64> {
        let buffer = self.buffer()?;
        match &self.passed {
            None => {
                number.min(buffer.end()).checked_sub(1).filter(|number| *number >= buffer.first)
            }
            Some(passed) => {
                let at = passed.partition_point(|shown| *shown < number);
                passed.get(at.checked_sub(1)?).copied()
            }
        }
    }

    /// The next shown line after (or before) the one the search stands on that holds what is searched, going round.
    pub(crate) fn next_match(&self, from: u64, way: Direction) -> Option<u64> {
        let buffer = self.buffer()?;
        if self.search.is_empty() {
            return None;
        }
        let step = |number: u64| match way {
            Direction::Down => self.at_or_after(number + 1).or_else(|| self.at_or_after(0)),
            Direction::Up => self.before(number).or_else(|| self.before(u64::MAX)),
        };
        let mut number = from;
        for _ in 0..=buffer.lines.len() {
            number = step(number)?;
            let hit = buffer.get(number).is_some_and(|kept| {
                !text_matches(&ansi::text(&kept.line.bytes), &self.search).is_empty()
            });
            if hit {
                return Some(number);
            }
        }
        None
    }
}

/// Which way to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Up,
    Down,
}

/// Whether a text holds another; capitals matter only if some are asked for.
pub(crate) fn contains_text(text: &str, needle: &str) -> bool {
    !text_matches(text, needle).is_empty()
}

/// Where a text holds another (byte ranges, not overlapping).
pub(crate) fn text_matches(text: &str, needle: &str) -> Vec<std::ops::Range<usize>> {
    if needle.is_empty() || needle.len() > text.len() {
        return Vec::new();
    }
    let any_case = !needle.contains(char::is_uppercase);
    // ASCII folding keeps all byte offsets, full folding would not.
    let folded = if any_case { text.to_ascii_lowercase() } else { text.to_owned() };
    folded.match_indices(needle).map(|(start, found)| start..start + found.len()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(id: u32, text: &str) -> LogLine {
        LogLine { id, stream: Stream::Out, at: None, bytes: text.into(), left_out: 0 }
    }

    fn lines(group: LogGroup, lines: Vec<LogLine>, skipped: u64) -> LogBatch {
        LogBatch { group, lines, skipped, fresh: false }
    }

    fn shown(log: &LogBuffers) -> Vec<String> {
        let mut number = 0;
        let mut texts = Vec::new();
        while let Some(at) = log.at_or_after(number) {
            texts.push(ansi::text(&log.buffer().unwrap().get(at).unwrap().line.bytes));
            number = at + 1;
        }
        texts
    }

    #[test]
    fn p53_a_buffer_survives_looking_at_another_app() {
        let mut log = LogBuffers::default();
        log.open(vec![1]);
        log.add(lines(vec![1], vec![line(1, "one")], 0));
        log.open(vec![2]);
        log.add(lines(vec![2], vec![line(2, "two")], 0));
        log.add(lines(vec![1], vec![line(1, "late")], 0));
        log.add(lines(vec![9], vec![line(9, "nobody asked")], 0));
        assert_eq!(shown(&log), ["two"]);
        log.open(vec![1]);
        assert_eq!(shown(&log), ["one", "late"]);
        log.add(LogBatch { fresh: true, ..lines(vec![1], vec![line(1, "anew")], 0) });
        assert_eq!(shown(&log), ["anew"]);
        for id in 10..40 {
            log.open(vec![id]);
        }
        assert_eq!(log.buffers.len(), MOST_GROUPS);
        assert!(!log.buffers.contains_key(&vec![1]), "the oldest is forgotten");
    }

    #[test]
    fn a_flood_stays_within_bounds_and_numbers_stay() {
        let mut log = LogBuffers::default();
        log.open(vec![1]);
        log.filter = "7".into();
        log.refilter();
        for number in 0..60_000 {
            log.add(lines(vec![1], vec![line(1, &format!("{number} {}", "x".repeat(90)))], 0));
        }
        let buffer = log.buffer().unwrap();
        assert!(buffer.bytes <= MOST_BYTES && buffer.lines.len() <= MOST_LINES);
        assert_eq!(buffer.end(), 60_000);
        assert!(buffer.get(buffer.first - 1).is_none() && buffer.get(buffer.first).is_some());
        assert!(shown(&log).iter().all(|text| text.contains('7')));
        assert_eq!(log.passing(), Some(shown(&log).len()));
        log.add(lines(vec![1], vec![line(1, &"y".repeat(1 << 20))], 0));
        let kept = log.buffer().unwrap().get(60_000).unwrap();
        assert_eq!(
            (kept.line.bytes.len(), kept.left_out),
            (LONGEST_LINE, (1 << 20) - LONGEST_LINE)
        );
    }

    #[test]
    fn search_goes_round_and_capitals_matter_if_asked_for() {
        let mut log = LogBuffers::default();
        log.open(vec![1]);
        log.add(lines(vec![1], ["Error", "b", "error", "d"].map(|text| line(1, text)).into(), 0));
        log.search = "error".into();
        assert_eq!(log.next_match(0, Direction::Down), Some(2));
        assert_eq!(log.next_match(2, Direction::Down), Some(0));
        assert_eq!(log.next_match(2, Direction::Up), Some(0));
        assert_eq!(log.next_match(0, Direction::Up), Some(2));
        log.search = "Error".into();
        assert_eq!(log.next_match(0, Direction::Down), Some(0));
        log.search = "nowhere".into();
        assert_eq!(log.next_match(0, Direction::Down), None);
        assert_eq!(text_matches("aXax", "ax"), [0..2, 2..4]);
    }

    #[test]
    fn streams_and_flush() {
        let mut log = LogBuffers::default();
        log.open(vec![1]);
        let error = LogLine { stream: Stream::Err, ..line(1, "bad") };
        log.add(lines(vec![1], vec![line(1, "good"), error], 5));
        log.next_stream();
        log.next_stream();
        assert_eq!(shown(&log), ["bad"]);
        assert_eq!(log.buffer().unwrap().skipped, 5);
        log.clear(&[1]);
        assert!(shown(&log).is_empty() && log.buffer().unwrap().skipped == 0);
    }
}
