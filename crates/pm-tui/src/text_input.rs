//! One line of text being typed.

/// Longer input helps nobody and would have to be scrolled.
const LONGEST: usize = 200;

/// Changes to a line that is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextEdit {
    EraseChar,
    EraseWord,
    EraseAll,
    Left,
    Right,
    Start,
    End,
}

/// Text and a cursor in it, counted in characters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TextInput {
    text: Vec<char>,
    cursor: usize,
}

impl TextInput {
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

    pub(crate) fn edit(&mut self, edit: TextEdit) {
        match edit {
            TextEdit::EraseChar => self.erase(),
            TextEdit::EraseWord => {
                while self.after_blank() {
                    self.erase();
                }
                while self.cursor > 0 && !self.after_blank() {
                    self.erase();
                }
            }
            TextEdit::EraseAll => *self = Self::default(),
            TextEdit::Left => self.cursor = self.cursor.saturating_sub(1),
            TextEdit::Right => self.cursor = (self.cursor + 1).min(self.text.len()),
            TextEdit::Start => self.cursor = 0,
            TextEdit::End => self.cursor = self.text.len(),
        }
    }

    fn erase(&mut self) {
        if self.cursor > 0 {
            self.cursor -= 1;
            self.text.remove(self.cursor);
        }
    }

    fn after_blank(&self) -> bool {
        self.cursor > 0 && self.text.get(self.cursor - 1) == Some(&' ')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_edited() {
        let mut input = TextInput::new("ab cd");
        input.edit(TextEdit::EraseWord);
        assert_eq!(input.text(), "ab ");
        input.edit(TextEdit::EraseWord);
        assert_eq!(input.text(), "");
        for c in "x\u{7}y\u{e4}".chars() {
            input.insert(c);
        }
        input.edit(TextEdit::Left);
        input.edit(TextEdit::EraseChar);
        assert_eq!((input.text().as_str(), input.before_cursor().as_str()), ("x\u{e4}", "x"));
        input.edit(TextEdit::End);
        input.edit(TextEdit::Right);
        input.edit(TextEdit::Start);
        input.edit(TextEdit::Left);
        input.edit(TextEdit::EraseChar);
        input.insert('z');
        assert_eq!(input.text(), "zx\u{e4}");
        for _ in 0..500 {
            input.insert('q');
        }
        assert_eq!(input.text().len() - 1, LONGEST);
    }
}
