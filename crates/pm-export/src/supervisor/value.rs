//! Values of Supervisor's file. Three readers stand behind each other, and each has its signs: the file (comments and
//! lines that go on), Python's `%` (`%%`), and `shlex` (quotes; in `environment` without any escape).

/// What a value is in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum IniValue {
    Fits(String),
    /// It can't be written: why.
    Refused(&'static str),
}

/// A word of `command`. A blank before `;` or `#` would begin a comment, and blanks around an end of a line are lost: quotes
/// that end and begin again stand between them.
pub(super) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=@,+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.into();
    }
    let mut text = String::from('"');
    for letter in word.chars() {
        match letter {
            '"' | '\\' => text.extend(['\\', letter]),
            '%' => text.push_str("%%"),
            ';' | '#' => text.extend(["\"\"", letter.encode_utf8(&mut [0; 4])]),
            '\n' => text.push_str("\"\"\n \"\""),
            _ => text.push(letter),
        }
    }
    text + "\""
}

/// A whole value that no `shlex` reads.
pub(super) fn written(text: &str) -> IniValue {
    if text.trim().len() != text.len() || text.is_empty() {
        return IniValue::Refused("Supervisor's file takes blanks around a value away");
    }
    unquoted(text)
}

/// `NAME="value"`.
pub(super) fn variable(name: &str, value: &str) -> IniValue {
    let is_word = |c: char| c.is_ascii_alphanumeric() || "_/.+-():".contains(c);
    if name.is_empty() || !name.chars().all(is_word) {
        return IniValue::Refused("`environment` has no such names");
    }
    let is_quote = |c: char| matches!(c, '"' | '\'');
    let quote = if value.contains('"') { '\'' } else { '"' };
    if value.contains(quote) || value.starts_with(is_quote) || value.ends_with(is_quote) {
        return IniValue::Refused(
            "`environment` knows no escapes for quotes; set it in a script before the program",
        );
    }
    match unquoted(value) {
        IniValue::Fits(value) => IniValue::Fits(format!("{name}={quote}{value}{quote}")),
        refused @ IniValue::Refused(_) => refused,
    }
}

fn unquoted(text: &str) -> IniValue {
    let is_comment = |(at, _): (usize, &str)| text[..at].ends_with(char::is_whitespace);
    if text.match_indices([';', '#']).any(is_comment) {
        return IniValue::Refused(
            "a blank before `;` or `#` begins a comment in Supervisor's file",
        );
    }
    if text.contains(char::is_control) {
        return IniValue::Refused(
            "Supervisor's file has no way to write control characters and ends of lines",
        );
    }
    IniValue::Fits(text.replace('%', "%%"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_for_all_three_readers() {
        for (word, text) in [
            ("/usr/bin/node", "/usr/bin/node"),
            ("--port=80", "--port=80"),
            ("", "\"\""),
            ("50%", "\"50%%\""),
            ("%(here)s", "\"%%(here)s\""),
            ("a b", "\"a b\""),
            ("a ;b", "\"a \"\";b\""),
            ("#x", "\"\"\"#x\""),
            ("it's \"so\" \\n", "\"it's \\\"so\\\" \\\\n\""),
            ("x \n  y", "\"x \"\"\n \"\"  y\""),
            ("$HOME `id`", "\"$HOME `id`\""),
        ] {
            assert_eq!(quoted(word), text, "{word:?}");
        }
    }

    #[test]
    fn what_environment_can_t_hold_is_refused() {
        let fits = |name: &str, value: &str| match variable(name, value) {
            IniValue::Fits(text) => Some(text),
            IniValue::Refused(_) => None,
        };
        for (value, text) in [
            ("1", "A=\"1\""),
            ("", "A=\"\""),
            ("100%", "A=\"100%%\""),
            ("a,b;c", "A=\"a,b;c\""),
            ("say \"x\" now", "A='say \"x\" now'"),
            ("it's", "A=\"it's\""),
        ] {
            assert_eq!(fits("A", value).as_deref(), Some(text), "{value:?}");
        }
        for value in ["a ;b", "a #b", "'q'", "\"", "a\"b'c", "two\nlines", "\t"] {
            assert_eq!(fits("A", value), None, "{value:?}");
        }
        assert_eq!(fits("A B", "1"), None);
    }
}
