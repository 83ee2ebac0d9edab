//! Bytes of a channel become whole lines. Bounded: a line longer than the limit is skipped, whatever follows is read.

/// The longest line that is taken, in bytes; longer ones are no message anybody sends on purpose.
pub(crate) const LONGEST: usize = 8 << 20;

/// This much room stays when all is quiet.
const ROOM: usize = 64 << 10;

/// What has come and is not a whole line yet.
#[derive(Debug, Default)]
pub(crate) struct LineBuffer {
    bytes: Vec<u8>,
    /// Where the next line begins.
    start: usize,
    /// Up to here there is no line end.
    seen: usize,
    /// The beginning of this line was thrown away.
    skipping: bool,
}

impl LineBuffer {
    /// More bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.bytes.drain(..self.start);
            self.seen -= self.start;
            self.start = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole line without its end.
    pub(crate) fn next_line(&mut self) -> Option<Vec<u8>> {
        loop {
            let rest = self.bytes.get(self.seen..).unwrap_or_default();
            let Some(length) = rest.iter().position(|byte| *byte == b'\n') else {
                self.seen = self.bytes.len();
                self.throw_away();
                return None;
            };
            let end = self.seen + length;
            let line = self.bytes.get(self.start..end).unwrap_or_default().to_vec();
            self.start = end + 1;
            self.seen = self.start;
            if !std::mem::take(&mut self.skipping) && line.len() <= LONGEST {
                return Some(line);
            }
        }
    }

    /// Nobody ends a line this long.
    fn throw_away(&mut self) {
        if self.start == self.bytes.len() {
            self.bytes.clear();
            self.bytes.shrink_to(ROOM);
            (self.start, self.seen) = (0, 0);
        } else if self.bytes.len() - self.start > LONGEST {
            self.bytes = Vec::new();
            (self.start, self.seen) = (0, 0);
            self.skipping = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(lines: &mut LineBuffer) -> Vec<Vec<u8>> {
        std::iter::from_fn(|| lines.next_line()).collect()
    }

    #[test]
    fn lines_come_whole_however_they_are_cut() {
        let text = b"{\"a\":1}\n\n7\nlast";
        for size in 1..=text.len() {
            let mut lines = LineBuffer::default();
            let mut found = Vec::new();
            for part in text.chunks(size) {
                lines.push(part);
                found.extend(all(&mut lines));
            }
            assert_eq!(found, [&b"{\"a\":1}"[..], b"", b"7"], "in parts of {size}");
        }
    }

    #[test]
    fn a_line_without_end_is_skipped_and_costs_no_more_than_the_limit() {
        let mut lines = LineBuffer::default();
        let part = vec![b'x'; 1 << 20];
        for _ in 0..20 {
            lines.push(&part);
            assert!(all(&mut lines).is_empty());
            assert!(lines.bytes.len() <= LONGEST + part.len());
        }
        lines.push(b"the end of it\n1\n");
        assert_eq!(all(&mut lines), [b"1"]);
    }
}
