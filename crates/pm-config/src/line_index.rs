//! Where a byte of a text stands, for people.

use crate::diagnose::{COUNTED, ConfigPlace};

/// Byte offsets to places.
pub(crate) struct LineIndex<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> LineIndex<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        Self { text, starts: std::iter::once(0).chain(breaks).collect() }
    }

    pub(crate) fn place(&self, offset: usize) -> ConfigPlace {
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = line.checked_sub(1).and_then(|at| self.starts.get(at)).map_or(0, |at| *at);
        let before = self.text.get(start..offset).unwrap_or("");
        let width = if before.len() > COUNTED { before.len() } else { before.chars().count() };
        ConfigPlace::Line { line, column: width + 1 }
    }
}
