//! Which rows of which lines stand where: wrapping and the window into the log, pure.
//!
//! Serves `update` (moving the window) and `view` (drawing it), so the two can't disagree.

use std::ops::Range;

use ratatui::buffer::CellWidth;
use ratatui::style::Style;
use ratatui::text::Span;

use crate::ansi;
use crate::log_buffers::{BufferedLine, LogBuffers, LogPosition};

/// The viewport lines have: columns for the text itself, and rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Viewport {
    pub(crate) width: usize,
    pub(crate) height: usize,
}

/// One character as people see it (a grapheme) with its style and its place in the line's text.
#[derive(Clone, Debug)]
pub(crate) struct Glyph {
    pub(crate) symbol: String,
    pub(crate) width: usize,
    pub(crate) style: Style,
    /// Byte offset in the line's plain text, to mark what was searched.
    pub(crate) at: usize,
}

/// A line cut into what people see as characters.
pub(crate) fn glyphs(kept: &BufferedLine) -> Vec<Glyph> {
    let mut glyphs = Vec::new();
    let mut offset = 0;
    for run in ansi::runs(&kept.line.bytes) {
        let span = Span::raw(run.text.as_str());
        for grapheme in span.styled_graphemes(run.style) {
            let width = usize::from(grapheme.symbol.cell_width());
            let symbol = grapheme.symbol.to_owned();
            let length = symbol.len();
            if width > 0 {
                glyphs.push(Glyph { symbol, width, style: run.style, at: offset });
            }
            offset += length;
        }
    }
    if kept.left_out > 0 {
        let note = format!(" … {} more bytes", kept.left_out);
        let style = Style::new().add_modifier(ratatui::style::Modifier::DIM);
        glyphs.extend(note.chars().map(|c| Glyph {
            symbol: c.to_string(),
            width: 1,
            style,
            at: usize::MAX,
        }));
    }
    glyphs
}

/// Cuts glyphs into rows of at most `width` columns; an empty line has one row.
pub(crate) fn rows(glyphs: &[Glyph], width: usize) -> Vec<Range<usize>> {
    let width = width.max(1);
    let mut rows = Vec::new();
    let (mut start, mut used) = (0, 0);
    for (index, glyph) in glyphs.iter().enumerate() {
        if used + glyph.width > width && index > start {
            rows.push(start..index);
            (start, used) = (index, 0);
        }
        used += glyph.width;
    }
    rows.push(start..glyphs.len());
    rows
}

impl LogBuffers {
    fn height_of(&self, number: u64, viewport: Viewport) -> usize {
        if !self.wrap {
            return 1;
        }
        let Some(kept) = self.buffer().and_then(|buffer| buffer.get(number)) else { return 1 };
        // Most lines fit: bytes bound columns unless there are tabs or wide characters in few bytes.
        let fits = kept.line.bytes.len() <= viewport.width
            && kept.line.bytes.iter().all(|byte| (0x20..0x7f).contains(byte));
        if fits { 1 } else { rows(&glyphs(kept), viewport.width).len() }
    }

    /// The place so many rows above, as far as there are rows.
    fn up(&self, from: LogPosition, by: usize, viewport: Viewport) -> LogPosition {
        let mut place = from;
        let mut left = by;
        while left > place.row {
            let Some(previous) = self.before(place.line) else {
                return LogPosition { line: place.line, row: 0 };
            };
            left -= place.row + 1;
            place = LogPosition {
                line: previous,
                row: self.height_of(previous, viewport).saturating_sub(1),
            };
        }
        LogPosition { line: place.line, row: place.row - left }
    }

    /// The place so many rows below, as far as there are rows.
    fn down(&self, from: LogPosition, by: usize, viewport: Viewport) -> LogPosition {
        let mut place = from;
        let mut left = by;
        loop {
            let height = self.height_of(place.line, viewport);
            if place.row + left < height {
                return LogPosition { line: place.line, row: place.row + left };
            }
            let Some(next) = self.at_or_after(place.line + 1) else {
                return LogPosition { line: place.line, row: height.saturating_sub(1) };
            };
            left -= height.saturating_sub(place.row).min(left);
            place = LogPosition { line: next, row: 0 };
        }
    }

    /// The top of the window when it shows the end.
    fn last_top(&self, viewport: Viewport) -> Option<LogPosition> {
        let last = self.before(u64::MAX)?;
        let bottom =
            LogPosition { line: last, row: self.height_of(last, viewport).saturating_sub(1) };
        Some(self.up(bottom, viewport.height.saturating_sub(1), viewport))
    }

    /// The top of the window; `None` if there is nothing to show.
    pub(crate) fn top(&self, viewport: Viewport) -> Option<LogPosition> {
        let last = self.last_top(viewport)?;
        let Some(top) = self.buffer()?.top else { return Some(last) };
        let line = self.at_or_after(top.line).unwrap_or(last.line);
        let row = if line == top.line {
            top.row.min(self.height_of(line, viewport).saturating_sub(1))
        } else {
            0
        };
        Some(last.min(LogPosition { line, row }))
    }

    /// Moves the window; reaching the end is following again.
    pub(crate) fn scroll(&mut self, by: isize, viewport: Viewport) {
        let Some(top) = self.top(viewport) else { return };
        let place = if by < 0 {
            self.up(top, by.unsigned_abs(), viewport)
        } else {
            self.down(top, by.unsigned_abs(), viewport)
        };
        let end = self.last_top(viewport).is_none_or(|last| place >= last);
        self.settle((!end || by < 0 && place < top).then_some(place));
    }

    /// To the first line that is kept.
    pub(crate) fn rewind(&mut self, viewport: Viewport) {
        let first = self.at_or_after(0).map(|line| LogPosition { line, row: 0 });
        let fits = first.zip(self.last_top(viewport)).is_some_and(|(first, last)| first >= last);
        self.settle(first.filter(|_| !fits));
    }

    /// To the end, and on with it.
    pub(crate) fn follow(&mut self) {
        self.settle(None);
    }

    /// Stays where it is although lines come.
    pub(crate) fn hold(&mut self, viewport: Viewport) {
        let top = self.top(viewport);
        self.settle(top);
    }

    /// Shows this line, about a third down the window.
    pub(crate) fn show(&mut self, line: u64, viewport: Viewport) {
        let place = self.up(LogPosition { line, row: 0 }, viewport.height / 3, viewport);
        self.settle(Some(place));
    }

    fn settle(&mut self, top: Option<LogPosition>) {
        if let Some(buffer) = self.buffer_mut() {
            buffer.top = top;
            if top.is_none() {
                buffer.unseen = 0;
            }
        }
    }

    /// Whether new lines push the old ones up.
    pub(crate) fn follows(&self) -> bool {
        self.buffer().is_none_or(|buffer| buffer.top.is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::LogLine;
    use pm_logs::Stream;

    fn add(log: &mut LogBuffers, lines: Vec<LogLine>) {
        log.add(crate::message::LogBatch { group: vec![1], lines, skipped: 0, fresh: false });
    }

    fn log(lines: &[&str]) -> LogBuffers {
        let mut log = LogBuffers::new();
        log.open(vec![1]);
        let lines = lines.iter().map(|text| LogLine {
            id: 1,
            stream: Stream::Out,
            at: None,
            bytes: (*text).into(),
            left_out: 0,
        });
        add(&mut log, lines.collect());
        log
    }

    const ROOM: Viewport = Viewport { width: 4, height: 3 };

    fn place(line: u64, row: usize) -> LogPosition {
        LogPosition { line, row }
    }

    #[test]
    fn a_window_moves_over_wrapped_rows() {
        let mut log = log(&["aaaabbbbcc", "d", "", "eeeef"]);
        assert_eq!(log.top(ROOM), Some(place(2, 0)));
        log.scroll(-1, ROOM);
        assert_eq!(log.top(ROOM), Some(place(1, 0)));
        log.scroll(-2, ROOM);
        assert_eq!(log.top(ROOM), Some(place(0, 1)));
        log.scroll(-100, ROOM);
        assert_eq!(log.top(ROOM), Some(place(0, 0)));
        assert!(!log.follows());
        log.scroll(4, ROOM);
        assert_eq!(log.top(ROOM), Some(place(2, 0)));
        assert!(log.follows(), "the end reached is followed");
    }

    #[test]
    fn a_held_window_stays_while_lines_come_and_are_dropped() {
        let mut log = log(&["1", "2", "3", "4", "5"]);
        log.scroll(-1, ROOM);
        let held = log.top(ROOM);
        let line =
            LogLine { id: 1, stream: Stream::Out, at: None, bytes: vec![b'x'; 9], left_out: 0 };
        add(&mut log, vec![line.clone(); 10]);
        assert_eq!(log.top(ROOM), held);
        assert_eq!(log.buffer().unwrap().unseen, 10);
        add(&mut log, vec![line; 30_000]);
        assert!(log.top(ROOM) > held, "what is gone can't be shown");
        log.follow();
        assert_eq!(log.buffer().unwrap().unseen, 0);
        log.rewind(ROOM);
        assert!(!log.follows());
    }

    #[test]
    fn short_logs_always_show_their_end() {
        let mut log = log(&["1", "2"]);
        for _ in 0..3 {
            log.scroll(-1, ROOM);
            log.rewind(ROOM);
            assert!(log.follows());
            assert_eq!(log.top(ROOM), Some(place(0, 0)));
        }
        log.hold(ROOM);
        assert!(!log.follows());
        assert_eq!(LogBuffers::default().top(ROOM), None);
    }

    #[test]
    fn a_larger_window_is_filled() {
        let mut log = log(&["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
        log.scroll(-2, ROOM);
        assert_eq!(log.top(ROOM), Some(place(5, 0)));
        assert_eq!(log.top(Viewport { height: 8, ..ROOM }), Some(place(2, 0)));
        assert_eq!(log.top(Viewport { height: 50, ..ROOM }), Some(place(0, 0)));
        log.filter = "9".into();
        log.refilter();
        assert_eq!(log.top(ROOM), Some(place(9, 0)), "what is filtered out can't be on top");
    }

    #[test]
    fn wide_characters_are_not_cut() {
        let kept = log(&["\u{4f60}\u{597d}\u{4f60}x"]);
        let glyphs = glyphs(kept.buffer().unwrap().get(0).unwrap());
        assert_eq!(rows(&glyphs, 5), [0..2, 2..4]);
        assert_eq!(rows(&glyphs, 1).len(), 4);
        assert_eq!(rows(&[], 5).len(), 1, "an empty line has a row");
    }
}
