//! Bytes in, lines out. Pure: no buffer of its own, no clock, no UTF-8.
//! Deliberately does not decide when a partial line has waited long enough; the caller does.

/// A longer line is cut into pieces of this many bytes, so that nobody's memory depends on an app.
pub(crate) const LONGEST_LINE: usize = 1 << 20;

/// How a piece ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PieceEnd {
    /// With a newline, which is not part of the piece.
    Newline,
    /// At [`LONGEST_LINE`], the rest of the line follows.
    Split,
    /// With the bytes at hand; more of this line may follow.
    Open,
}

/// One line, or a piece of a too long one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LinePiece<'a> {
    /// Without its newline.
    pub bytes: &'a [u8],
    /// How it ends.
    pub end: PieceEnd,
}

/// What to do with bytes after the last newline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PartialLine {
    /// Leave them for the next time.
    Keep,
    /// Give them as an open piece.
    Release,
}

/// Iterates over the pieces of `bytes`; [`LineCutter::taken`] says how many bytes they made up.
#[derive(Debug, Clone)]
pub(crate) struct LineCutter<'a> {
    bytes: &'a [u8],
    taken: usize,
    tail: PartialLine,
}

impl<'a> LineCutter<'a> {
    /// Cuts `bytes`, which start at a line or inside one the caller knows of.
    pub(crate) fn new(bytes: &'a [u8], tail: PartialLine) -> Self {
        LineCutter { bytes, taken: 0, tail }
    }

    /// Bytes consumed so far, newlines included.
    pub(crate) fn taken(&self) -> usize {
        self.taken
    }
}

impl<'a> Iterator for LineCutter<'a> {
    type Item = LinePiece<'a>;

    fn next(&mut self) -> Option<LinePiece<'a>> {
        let rest = self.bytes.get(self.taken..).filter(|rest| !rest.is_empty())?;
        let window = &rest[..rest.len().min(LONGEST_LINE + 1)];
        if let Some(at) = memchr::memchr(b'\n', window) {
            self.taken += at + 1;
            return Some(LinePiece { bytes: &rest[..at], end: PieceEnd::Newline });
        }
        if rest.len() > LONGEST_LINE {
            self.taken += LONGEST_LINE;
            return Some(LinePiece { bytes: &rest[..LONGEST_LINE], end: PieceEnd::Split });
        }
        match self.tail {
            PartialLine::Keep => None,
            PartialLine::Release => {
                self.taken += rest.len();
                Some(LinePiece { bytes: rest, end: PieceEnd::Open })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ends(bytes: &[u8], tail: PartialLine) -> (Vec<(Vec<u8>, PieceEnd)>, usize) {
        let mut cut = LineCutter::new(bytes, tail);
        let pieces = cut.by_ref().map(|piece| (piece.bytes.to_vec(), piece.end)).collect();
        (pieces, cut.taken())
    }

    #[test]
    fn lines_keep_every_odd_byte() {
        let (pieces, taken) = ends(b"a\0\xff\n\nb", PartialLine::Keep);
        assert_eq!(pieces, [(b"a\0\xff".to_vec(), PieceEnd::Newline), (vec![], PieceEnd::Newline)]);
        assert_eq!(taken, 5);
        let (pieces, taken) = ends(b"a\nb", PartialLine::Release);
        assert_eq!(pieces.last(), Some(&(b"b".to_vec(), PieceEnd::Open)));
        assert_eq!(taken, 3);
    }

    #[test]
    fn a_line_of_exactly_the_limit_is_whole_and_one_more_byte_splits_it() {
        let mut bytes = vec![b'x'; LONGEST_LINE];
        bytes.push(b'\n');
        assert_eq!(ends(&bytes, PartialLine::Keep).0.len(), 1);
        bytes.insert(0, b'x');
        let (pieces, taken) = ends(&bytes, PartialLine::Keep);
        assert_eq!(pieces[0].1, PieceEnd::Split);
        assert_eq!(pieces[1], (b"x".to_vec(), PieceEnd::Newline));
        assert_eq!(taken, bytes.len());
    }

    proptest! {
        #[test]
        fn joined_pieces_are_the_input(bytes in proptest::collection::vec(
            prop_oneof![Just(b'\n'), any::<u8>()], 0..400)) {
            let mut joined = Vec::new();
            let mut cut = LineCutter::new(&bytes, PartialLine::Release);
            for piece in cut.by_ref() {
                joined.extend_from_slice(piece.bytes);
                if piece.end == PieceEnd::Newline {
                    joined.push(b'\n');
                }
            }
            prop_assert_eq!(cut.taken(), bytes.len());
            prop_assert_eq!(joined, bytes);
        }
    }
}
