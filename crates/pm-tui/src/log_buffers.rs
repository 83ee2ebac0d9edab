//! The lines that were read, per group of followed instances, within bounds.
//!
//! Reading files is `workers`'s, wrapping and scrolling is `scroll`'s business.

use std::collections::{BTreeMap, VecDeque};

use crate::ansi;
use crate::message::Lines;
use crate::scroll::Place;

/// The instances whose lines are shown together, in order of id.
pub type Group = Vec<u32>;

/// Bytes of lines kept per group; about ten thousand lines of a talkative app.
const MOST_BYTES: usize = 2 << 20;
/// Lines kept per group, so that empty lines are bounded too.
const MOST_LINES: usize = 20_000;
/// Groups kept while others are looked at; the one looked at longest ago is forgotten.
const MOST_GROUPS: usize = 16;
/// Bytes of one line that are kept: more than anyone reads on a screen, and wrapping stays cheap.
const LONGEST_LINE: usize = 16 << 10;

/// Which of its two outputs an app used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Standard output.
    Out,
    /// Standard error.
    Error,
}

/// One line an app printed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// The instance that printed it.
    pub id: u32,
    /// Where to.
    pub source: Source,
    /// When it arrived in ms since 1970, if that is known.
    pub at: Option<i64>,
    /// The line without its newline, as it was printed.
    pub bytes: Vec<u8>,
}

/// Which lines are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Streams {
    #[default]
    Both,
    Out,
    Error,
}

impl Streams {
    pub(crate) fn next(self) -> Self {
        match self {
            Self::Both => Self::Out,
            Self::Out => Self::Error,
            Self::Error => Self::Both,
        }
    }

    fn takes(self, source: Source) -> bool {
        match self {
            Self::Both => true,
            Self::Out => source == Source::Out,
            Self::Error => source == Source::Error,
        }
    }
}

/// A kept line and how much of it was left out.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) line: LogLine,
    pub(crate) left_out: usize,
}

/// The lines of one group. Each has a number that never changes, so that a place survives what is dropped above.
#[derive(Debug, Default)]
pub(crate) struct Book {
    lines: VecDeque<Kept>,
    first: u64,
    bytes: usize,
    /// Bytes passed over because they came faster than they could be read.
    pub(crate) skipped: u64,
    /// Why nothing can be read.
    pub(crate) trouble: Option<String>,
    /// Whether the past was read, so that "silent" can be told from "not yet".
    pub(crate) loaded: bool,
    /// The top of what is shown; `None` follows the end.
    pub(crate) top: Option<Place>,
    /// Columns shifted out on the left while not wrapping.
    pub(crate) left: usize,
    /// The line the search stands on.
    pub(crate) found: Option<u64>,
    /// Lines that came since following was left.
    pub(crate) unseen: u64,
    looked_at: u64,
}

impl Book {
    /// The number after the last line's.
    pub(crate) fn end(&self) -> u64 {
        self.first + self.lines.len() as u64
    }

    pub(crate) fn get(&self, number: u64) -> Option<&Kept> {
        self.lines.get(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    fn push(&mut self, mut line: LogLine) {
        let left_out = line.bytes.len().saturating_sub(LONGEST_LINE);
        line.bytes.truncate(LONGEST_LINE);
        line.bytes.shrink_to_fit();
        self.bytes += line.bytes.len();
        self.lines.push_back(Kept { line, left_out });
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
pub(crate) struct Logbook {
    books: BTreeMap<Group, Book>,
    pub(crate) group: Group,
    looks: u64,
    /// Numbers of the lines that pass the filter; `None`: all do.
    passed: Option<VecDeque<u64>>,
    pub(crate) filter: String,
    pub(crate) search: String,
    pub(crate) streams: Streams,
    pub(crate) wrap: bool,
    pub(crate) times: bool,
}

impl Logbook {
    /// Empty, wrapping lines.
    pub(crate) fn new() -> Self {
        Self { wrap: true, ..Self::default() }
    }

    /// Turns to a group. Gives the groups that are forgotten for it.
    pub(crate) fn open(&mut self, group: Group) -> Vec<Group> {
        self.looks += 1;
        self.books.entry(group.clone()).or_default().looked_at = self.looks;
        self.group = group;
        self.sift();
        let mut forgotten = Vec::new();
        while self.books.len() > MOST_GROUPS {
            let oldest = self.books.iter().min_by_key(|(_, book)| book.looked_at);
            let Some(key) = oldest.map(|(key, _)| key.clone()) else { break };
            self.books.remove(&key);
            forgotten.push(key);
        }
        forgotten
    }

    /// The book on the screen.
    pub(crate) fn book(&self) -> Option<&Book> {
        self.books.get(&self.group)
    }

    /// The same, to scroll it.
    pub(crate) fn book_mut(&mut self) -> Option<&mut Book> {
        self.books.get_mut(&self.group)
    }

    /// Takes what was read. A group nobody asked for any more is passed over.
    pub(crate) fn add(&mut self, lines: Lines) {
        let Lines { group, lines, skipped, fresh } = lines;
        let Some(book) = self.books.get_mut(&group) else { return };
        if fresh {
            book.clear();
        }
        book.loaded = true;
        book.trouble = None;
        book.skipped = book.skipped.saturating_add(skipped);
        let start = book.end();
        for line in lines {
            book.push(line);
        }
        if group == self.group {
            self.sift_from(start);
        }
    }

    /// Says why a group can't be read.
    pub(crate) fn trouble(&mut self, group: &Group, text: String) {
        if let Some(book) = self.books.get_mut(group) {
            book.loaded = true;
            book.trouble = Some(text);
        }
    }

    /// Forgets the lines of everything that shows one of these instances: their files were emptied.
    pub(crate) fn clear(&mut self, ids: &[u32]) {
        for (group, book) in &mut self.books {
            if group.iter().any(|id| ids.contains(id)) {
                book.clear();
                book.loaded = true;
            }
        }
        self.sift();
    }

    /// After a change of filter or group.
    pub(crate) fn sift(&mut self) {
        let all = self.filter.is_empty() && self.streams == Streams::Both;
        self.passed = (!all).then(VecDeque::new);
        if let Some(first) = self.book().map(|book| book.first) {
            self.sift_from(first);
        }
    }

    fn sift_from(&mut self, start: u64) {
        let Some(mut passed) = self.passed.take() else { return };
        if let Some(book) = self.books.get(&self.group) {
            let gone = passed.partition_point(|number| *number < book.first);
            passed.drain(..gone);
            let start = start.max(book.first);
            let fresh = (start..book.end()).filter(|number| {
                book.get(*number).is_some_and(|kept| {
                    self.streams.takes(kept.line.source)
                        && (self.filter.is_empty()
                            || holds(&ansi::text(&kept.line.bytes), &self.filter))
                })
            });
            passed.extend(fresh);
        }
        self.passed = Some(passed);
    }

    /// How many lines pass the filter, if there is one.
    pub(crate) fn passing(&self) -> Option<usize> {
        self.passed.as_ref().map(VecDeque::len)
    }

    /// The first shown line at or after this number.
    pub(crate) fn at_or_after(&self, number: u64) -> Option<u64> {
        let book = self.book()?;
        match &self.passed {
            None => Some(number.max(book.first)).filter(|number| *number < book.end()),
            Some(passed) => passed.get(passed.partition_point(|shown| *shown < number)).copied(),
        }
    }

    /// The last shown line before this number.
    pub(crate) fn before(&self, number: u64) -> Option<u64> {
        let book = self.book()?;
        match &self.passed {
            None => number.min(book.end()).checked_sub(1).filter(|number| *number >= book.first),
            Some(passed) => {
                let at = passed.partition_point(|shown| *shown < number);
                passed.get(at.checked_sub(1)?).copied()
            }
        }
    }

    /// The next shown line after (or before) the one the search stands on that holds what is searched, going round.
    pub(crate) fn next_hit(&self, from: u64, way: Way) -> Option<u64> {
        let book = self.book()?;
        if self.search.is_empty() {
            return None;
        }
        let step = |number: u64| match way {
            Way::Down => self.at_or_after(number + 1).or_else(|| self.at_or_after(0)),
            Way::Up => self.before(number).or_else(|| self.before(u64::MAX)),
        };
        let mut number = from;
        for _ in 0..=book.lines.len() {
            number = step(number)?;
            let hit = book
                .get(number)
                .is_some_and(|kept| !hits(&ansi::text(&kept.line.bytes), &self.search).is_empty());
            if hit {
                return Some(number);
            }
        }
        None
    }
}

/// Which way to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Up,
    Down,
}

/// Whether a text holds another; capitals matter only if some are asked for.
pub(crate) fn holds(text: &str, needle: &str) -> bool {
    !hits(text, needle).is_empty()
}

/// Where a text holds another (byte ranges, not overlapping).
pub(crate) fn hits(text: &str, needle: &str) -> Vec<std::ops::Range<usize>> {
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
        LogLine { id, source: Source::Out, at: None, bytes: text.into() }
    }

    fn lines(group: Group, lines: Vec<LogLine>, skipped: u64) -> Lines {
        Lines { group, lines, skipped, fresh: false }
    }

    fn shown(log: &Logbook) -> Vec<String> {
        let mut number = 0;
        let mut texts = Vec::new();
        while let Some(at) = log.at_or_after(number) {
            texts.push(ansi::text(&log.book().unwrap().get(at).unwrap().line.bytes));
            number = at + 1;
        }
        texts
    }

    #[test]
    fn p53_a_buffer_survives_looking_at_another_app() {
        let mut log = Logbook::default();
        log.open(vec![1]);
        log.add(lines(vec![1], vec![line(1, "one")], 0));
        log.open(vec![2]);
        log.add(lines(vec![2], vec![line(2, "two")], 0));
        log.add(lines(vec![1], vec![line(1, "late")], 0));
        log.add(lines(vec![9], vec![line(9, "nobody asked")], 0));
        assert_eq!(shown(&log), ["two"]);
        log.open(vec![1]);
        assert_eq!(shown(&log), ["one", "late"]);
        log.add(Lines { fresh: true, ..lines(vec![1], vec![line(1, "anew")], 0) });
        assert_eq!(shown(&log), ["anew"]);
        for id in 10..40 {
            log.open(vec![id]);
        }
        assert_eq!(log.books.len(), MOST_GROUPS);
        assert!(!log.books.contains_key(&vec![1]), "the oldest is forgotten");
    }

    #[test]
    fn a_flood_stays_within_bounds_and_numbers_stay() {
        let mut log = Logbook::default();
        log.open(vec![1]);
        log.filter = "7".into();
        log.sift();
        for number in 0..60_000 {
            log.add(lines(vec![1], vec![line(1, &format!("{number} {}", "x".repeat(90)))], 0));
        }
        let book = log.book().unwrap();
        assert!(book.bytes <= MOST_BYTES && book.lines.len() <= MOST_LINES);
        assert_eq!(book.end(), 60_000);
        assert!(book.get(book.first - 1).is_none() && book.get(book.first).is_some());
        assert!(shown(&log).iter().all(|text| text.contains('7')));
        assert_eq!(log.passing(), Some(shown(&log).len()));
        log.add(lines(vec![1], vec![line(1, &"y".repeat(1 << 20))], 0));
        let kept = log.book().unwrap().get(60_000).unwrap();
        assert_eq!(
            (kept.line.bytes.len(), kept.left_out),
            (LONGEST_LINE, (1 << 20) - LONGEST_LINE)
        );
    }

    #[test]
    fn search_goes_round_and_capitals_matter_if_asked_for() {
        let mut log = Logbook::default();
        log.open(vec![1]);
        log.add(lines(vec![1], ["Error", "b", "error", "d"].map(|text| line(1, text)).into(), 0));
        log.search = "error".into();
        assert_eq!(log.next_hit(0, Way::Down), Some(2));
        assert_eq!(log.next_hit(2, Way::Down), Some(0));
        assert_eq!(log.next_hit(2, Way::Up), Some(0));
        assert_eq!(log.next_hit(0, Way::Up), Some(2));
        log.search = "Error".into();
        assert_eq!(log.next_hit(0, Way::Down), Some(0));
        log.search = "nowhere".into();
        assert_eq!(log.next_hit(0, Way::Down), None);
        assert_eq!(hits("aXax", "ax"), [0..2, 2..4]);
    }

    #[test]
    fn streams_and_flush() {
        let mut log = Logbook::default();
        log.open(vec![1]);
        let error = LogLine { source: Source::Error, ..line(1, "bad") };
        log.add(lines(vec![1], vec![line(1, "good"), error], 5));
        log.streams = log.streams.next().next();
        log.sift();
        assert_eq!(shown(&log), ["bad"]);
        assert_eq!(log.book().unwrap().skipped, 5);
        log.clear(&[1]);
        assert!(shown(&log).is_empty() && log.book().unwrap().skipped == 0);
    }
}
