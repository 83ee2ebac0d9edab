//! One line of text being typed.

/// Longer input helps nobody and would have to be scrolled.
const LONGEST: usize = 200;

/// Text and a cursor in it, counted in characters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Input {
    text: Vec<char>,
    cursor: usize,
}

impl Input {
    pub(crate) fn new(text: &str) -> Self {
        let text: Vec<char> = text.chars().take(LONGEST).collect();
        Self { cursor: text.len(), text }
    }

    pub(crate) fn text(&self) -> String {
        self.text.iter().collect()
    }

    /// What stands left of the cursor.
    pub(crate) fn before_cursor(&self) -> String {
        self.text.iter().take(self.cursor).collect()
    }

    /// Control characters are not text.
    pub(crate) fn insert(&mut self, c: char) {
        if !c.is_control() && self.text.len() < LONGEST {
            self.text.insert(self.cursor, c);
            self.cursor += 1;
        }
    }

    pub(crate) fn erase(&mut self) {
        if self.cursor > 0 {
            self.cursor -= 1;
            self.text.remove(self.cursor);
        }
    }

    pub(crate) fn erase_word(&mut self) {
        let blank = |input: &Self| {
            input.cursor.checked_sub(1).and_then(|at| input.text.get(at)).is_some_and(|c| *c == ' ')
        };
        while blank(self) {
            self.erase();
        }
        while self.cursor > 0 && !blank(self) {
            self.erase();
        }
    }

    pub(crate) fn erase_all(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn left(&mut self) {
        self.cursor = self.cursor.saturating_sub(1);
    }

    pub(crate) fn right(&mut self) {
        self.cursor = (self.cursor + 1).min(self.text.len());
    }

    pub(crate) fn start(&mut self) {
        self.cursor = 0;
    }

    pub(crate) fn end(&mut self) {
        self.cursor = self.text.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_edited() {
        let mut input = Input::new("ab cd");
        input.erase_word();
        assert_eq!(input.text(), "ab ");
        input.erase_word();
        assert_eq!(input.text(), "");
        for c in "x\u{7}y\u{e4}".chars() {
            input.insert(c);
        }
        input.left();
        input.erase();
        assert_eq!((input.text().as_str(), input.before_cursor().as_str()), ("x\u{e4}", "x"));
        input.end();
        input.right();
        input.start();
        input.left();
        input.erase();
        input.insert('z');
        assert_eq!(input.text(), "zx\u{e4}");
        for _ in 0..500 {
            input.insert('q');
        }
        assert_eq!(input.text().len() - 1, LONGEST);
    }
}
