//! Text in terminal cells: how many it takes, and where it is broken. Characters are not cells: `订` takes two.

use ratatui::buffer::CellWidth;

/// How many cells a text takes.
pub(crate) fn cells(text: &str) -> usize {
    usize::from(text.cell_width())
}

/// How many cells a character takes.
pub(crate) fn cells_of(c: char) -> usize {
    if c.is_ascii() { 1 } else { cells(c.encode_utf8(&mut [0; 4])) }
}

/// Pieces of at most `width` cells, broken at blanks where there are any.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut piece = String::new();
    let mut used = 0;
    for word in text.split_inclusive(' ') {
        let length = cells(word.trim_end());
        if used > 0 && used + length > width {
            pieces.push(std::mem::take(&mut piece));
            used = 0;
        }
        for c in word.chars() {
            let cells = cells_of(c);
            if used + cells > width && used > 0 {
                if c == ' ' {
                    // The blank a line is broken at is not seen.
                    continue;
                }
                pieces.push(std::mem::take(&mut piece));
                used = 0;
            }
            piece.push(c);
            used += cells;
        }
    }
    if !piece.is_empty() || pieces.is_empty() {
        pieces.push(piece);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_broken_at_blanks_or_anywhere() {
        assert_eq!(wrap("a bc def", 5), ["a bc ", "def"]);
        assert_eq!(wrap("a bc def", 4), ["a bc", "def"]);
        assert_eq!(wrap("abcdef", 4), ["abcd", "ef"]);
        assert_eq!(wrap("", 4), [""]);
        assert_eq!(wrap("\u{4f60}\u{597d}", 1), ["\u{4f60}", "\u{597d}"]);
    }
}
