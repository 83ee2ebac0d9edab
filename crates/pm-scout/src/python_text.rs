//! The text of a Python file as statements of names, texts and signs: comments are gone, what stands in quotes is one token, and no
//! statement ends within brackets. It is no parser: what is no Python gives statements that mean nothing.

/// A word of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PyToken<'a> {
    /// A name or a word of the language.
    Name(&'a str),
    /// A number as it is written.
    Number(&'a str),
    /// What stands in quotes, as it is written.
    Text(&'a str),
    /// Any other letter.
    Sign(char),
}

impl<'a> PyToken<'a> {
    pub(crate) fn name(self) -> Option<&'a str> {
        match self {
            Self::Name(name) => Some(name),
            Self::Number(_) | Self::Text(_) | Self::Sign(_) => None,
        }
    }

    pub(crate) fn is(self, sign: char) -> bool {
        self == Self::Sign(sign)
    }

    pub(crate) fn is_word(self, word: &str) -> bool {
        self.name() == Some(word)
    }
}

/// One statement, or the head of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PyStatement<'a> {
    /// From 1.
    pub(crate) line: usize,
    /// How far it is indented; 0: it belongs to the module itself.
    pub(crate) indent: usize,
    pub(crate) tokens: Vec<PyToken<'a>>,
}

/// Walks over a text.
struct PyScanner<'a> {
    text: &'a str,
    at: usize,
    line: usize,
    indent: usize,
    depth: usize,
    all: Vec<PyStatement<'a>>,
    current: PyStatement<'a>,
}

/// The statements of a text.
pub(crate) fn statements(text: &str) -> Vec<PyStatement<'_>> {
    let current = PyStatement { line: 1, indent: 0, tokens: Vec::new() };
    let all = Vec::new();
    let mut scanner = PyScanner { text, at: 0, line: 1, indent: 0, depth: 0, all, current };
    scanner.indented();
    while let Some(next) = scanner.rest().chars().next() {
        scanner.step(next);
    }
    scanner.end();
    scanner.all
}

impl<'a> PyScanner<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn step(&mut self, next: char) {
        match next {
            '\n' => self.line_feed(),
            '#' => self.at += self.rest().find('\n').unwrap_or(self.rest().len()),
            '\\' if self.rest().starts_with("\\\n") => {
                self.at += 2;
                self.line += 1;
            }
            ';' if self.depth == 0 => {
                self.at += 1;
                self.end();
            }
            '"' | '\'' => self.quoted(),
            _ if next.is_whitespace() => self.at += next.len_utf8(),
            _ if next.is_ascii_digit() => {
                let number = self.word();
                self.push(PyToken::Number(number));
            }
            _ if next.is_alphabetic() || next == '_' => self.name(),
            _ => {
                self.depth = match next {
                    '(' | '[' | '{' => self.depth + 1,
                    ')' | ']' | '}' => self.depth.saturating_sub(1),
                    _ => self.depth,
                };
                self.push(PyToken::Sign(next));
                self.at += next.len_utf8();
            }
        }
    }

    fn line_feed(&mut self) {
        self.at += 1;
        self.line += 1;
        if self.depth == 0 {
            self.end();
            self.indented();
        }
    }

    /// At the beginning of a line.
    fn indented(&mut self) {
        let blanks = self.rest().len() - self.rest().trim_start_matches([' ', '\t']).len();
        self.indent = blanks;
        self.at += blanks;
    }

    fn end(&mut self) {
        let empty = PyStatement { line: self.line, indent: self.indent, tokens: Vec::new() };
        let done = std::mem::replace(&mut self.current, empty);
        if !done.tokens.is_empty() {
            self.all.push(done);
        }
    }

    fn push(&mut self, token: PyToken<'a>) {
        if self.current.tokens.is_empty() {
            (self.current.line, self.current.indent) = (self.line, self.indent);
        }
        self.current.tokens.push(token);
    }

    fn word(&mut self) -> &'a str {
        let rest = self.rest();
        let is_part = |it: char| it.is_alphanumeric() || it == '_';
        let end = rest.find(|it: char| !is_part(it)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    /// A name, or the letters before a text: `f"..."`.
    fn name(&mut self) {
        let name = self.word();
        let is_prefix = name.len() <= 2 && name.chars().all(|it| "rRbBuUfFtT".contains(it));
        if !(is_prefix && self.rest().starts_with(['"', '\''])) {
            self.push(PyToken::Name(name));
        }
    }

    /// A text; what is not closed ends with its line, or with the file if it may have several.
    fn quoted(&mut self) {
        let rest = self.rest();
        let quote = rest.get(..1).unwrap_or_default();
        let mark = rest.get(..3).filter(|mark| mark.chars().all(|it| quote.starts_with(it)));
        let mark = mark.unwrap_or(quote);
        let body = rest.get(mark.len()..).unwrap_or_default();
        let mut end = body.len();
        let mut letters = body.char_indices();
        while let Some((at, letter)) = letters.next() {
            let is_end = body.get(at..).is_some_and(|it| it.starts_with(mark));
            if is_end || (letter == '\n' && mark.len() == 1) {
                end = at;
                break;
            }
            if letter == '\\' {
                letters.next();
            }
        }
        let inside = body.get(..end).unwrap_or_default();
        self.push(PyToken::Text(inside));
        self.line += inside.matches('\n').count();
        let closed = body.get(end..).is_some_and(|it| it.starts_with(mark));
        self.at += mark.len() + end + if closed { mark.len() } else { 0 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        let word = |token: &PyToken<'_>| match token {
            PyToken::Name(word) | PyToken::Number(word) => (*word).to_owned(),
            PyToken::Text(text) => format!("<{text}>"),
            PyToken::Sign(sign) => sign.to_string(),
        };
        let line = |one: &PyStatement<'_>| {
            let words: Vec<_> = one.tokens.iter().map(word).collect();
            format!("{}/{} {}", one.line, one.indent, words.join(" "))
        };
        statements(text).iter().map(line).collect()
    }

    #[test]
    fn comments_texts_and_brackets_are_respected() {
        for (text, all) in [
            ("app = Flask(__name__)  # app = No()", vec!["1/0 app = Flask ( __name__ )"]),
            ("'''\napp = Flask(x)\n'''\nb = 1", vec!["1/0 <\napp = Flask(x)\n>", "4/0 b = 1"]),
            ("x = (1,\n  2) ; y = 'a;b'", vec!["1/0 x = ( 1 , 2 )", "2/0 y = <a;b>"]),
            ("if a:\n    b = f'{c}'\n", vec!["1/0 if a :", "2/4 b = <{c}>"]),
            ("a = 'it\\'s' + \\\n  \"#\"\nb", vec!["1/0 a = <it\\'s> + <#>", "3/0 b"]),
            (
                "a = 'open\nb = 2",
                vec!["1/0 a = <open", "2/0 b = 2"]
                    .into_iter()
                    .map(|it| if it.ends_with("open") { "1/0 a = <open>" } else { it })
                    .collect(),
            ),
            ("a = '''open\nb = 2", vec!["1/0 a = <open\nb = 2>"]),
            ("\tx()\r\n", vec!["1/1 x ( )"]),
        ] {
            assert_eq!(shown(text), all, "{text:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_makes_it_stumble(text in "[ \\t\\n\"'\\\\#()a-zé=]{0,80}") {
            let lines = text.matches('\n').count() + 1;
            for one in statements(&text) {
                assert!(one.line <= lines && !one.tokens.is_empty());
            }
        }
    }
}
