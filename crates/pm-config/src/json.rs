//! JSON5, and JSON as people write it: the `json5` crate parses, a flat scan of the tokens adds the places.
//!
//! The scan knows only where tokens start. It runs first, to refuse nesting that would exhaust the parser's stack.

use json5::ErrorCode as Code;

use crate::diagnose::{ConfigPlace, Finding};
use crate::line_index::LineIndex;
use crate::shape::{Locate, Shape};
use crate::tree::{ConfigNode, Value};

/// Deeper nesting is an error: the parser recurses, and no app needs more than a handful.
const DEEPEST: usize = 100;

/// Reads one document.
pub(crate) fn parse(text: &str) -> Result<ConfigNode, Finding> {
    let tokens = scan(text);
    let lines = LineIndex::new(text);
    if let Some(at) = tokens.too_deep {
        let message = format!("brackets are nested deeper than {DEEPEST} levels");
        return Err(Finding::error(lines.place(at), message));
    }
    let shape: Shape<Unplaced> =
        json5::from_str(text).map_err(|error| explain(&error, text, &tokens))?;
    let mut node = ConfigNode { at: ConfigPlace::Whole, value: shape.0 };
    assign(&mut node, &mut tokens.starts.iter().map(|at| lines.place(*at)));
    Ok(node)
}

/// What the scan found, as byte offsets.
struct Tokens {
    /// Where each key and value starts, in order.
    starts: Vec<usize>,
    /// The first bracket that is nested too deep.
    too_deep: Option<usize>,
    /// Brackets that are open at the end.
    open: Vec<usize>,
}

/// Walks over the tokens. On text that is no JSON5 it agrees with the parser up to the first mistake.
fn scan(text: &str) -> Tokens {
    let mut found = Tokens { starts: Vec::new(), too_deep: None, open: Vec::new() };
    let mut rest = text.char_indices().peekable();
    while let Some((at, c)) = rest.next() {
        match c {
            '{' | '[' => {
                found.starts.push(at);
                found.open.push(at);
                if found.open.len() > DEEPEST {
                    found.too_deep = Some(at);
                    return found;
                }
            }
            '}' | ']' => drop(found.open.pop()),
            ',' | ':' => {}
            '/' if text[at..].starts_with("//") => {
                while rest.next_if(|(_, c)| !json5::char::is_json5_line_terminator(*c)).is_some() {}
            }
            '/' if text[at..].starts_with("/*") => {
                let end = text[at + 2..].find("*/").map_or(text.len(), |length| at + length + 4);
                while rest.next_if(|(at, _)| *at < end).is_some() {}
            }
            '"' | '\'' => {
                found.starts.push(at);
                while let Some((_, inner)) = rest.next() {
                    if inner == c {
                        break;
                    }
                    if inner == '\\' {
                        rest.next();
                    }
                }
            }
            _ if json5::char::is_json5_whitespace(c) => {}
            _ => {
                found.starts.push(at);
                let ends = |c: char| {
                    matches!(c, '{' | '}' | '[' | ']' | ',' | ':' | '/' | '"' | '\'')
                        || json5::char::is_json5_whitespace(c)
                };
                while rest.next_if(|(_, c)| !ends(*c)).is_some() {}
            }
        }
    }
    found
}

/// Gives out places in the order of the document.
fn assign(node: &mut ConfigNode, places: &mut impl Iterator<Item = ConfigPlace>) {
    node.at = places.next().unwrap_or(ConfigPlace::Whole);
    match &mut node.value {
        Value::List(nodes) => nodes.iter_mut().for_each(|node| assign(node, places)),
        Value::Table(entries) => {
            for entry in entries {
                entry.at = places.next().unwrap_or(ConfigPlace::Whole);
                assign(&mut entry.node, places);
            }
        }
        Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::Text(_) => {}
    }
}

/// A parser's mistake in the user's words.
fn explain(error: &json5::Error, text: &str, tokens: &Tokens) -> Finding {
    let lines = LineIndex::new(text);
    let position = error.position().map_or(ConfigPlace::Whole, |at| lines.place(offset(text, at)));
    let Some(code) = error.code() else { return Finding::error(position, error.to_string()) };
    if matches!(
        code,
        Code::ExpectedValue | Code::ExpectedBool | Code::ExpectedNull | Code::ExpectedNumber
    ) && let Some(position) = error.position()
        && let Some((at, word)) = bare_word(text, tokens, offset(text, position))
    {
        let finding = Finding::error(lines.place(at), format!("`{word}` is no value"));
        return finding.hint(format!("text needs quotes: \"{word}\""));
    }
    match complaint(code) {
        Complaint::Here(message) => {
            let finding = Finding::error(position, message);
            match character(text, position) {
                Some('*' | '+' | '-' | '/' | '(' | '.' | '|' | '&' | '?') => {
                    finding.hint("JavaScript is not evaluated here; write the result")
                }
                _ => finding,
            }
        }
        Complaint::AtTheEnd(message) => ended(message, text, tokens),
    }
}

/// The word without quotes in which the parser gave up, or right before which.
fn bare_word<'a>(text: &'a str, tokens: &Tokens, reached: usize) -> Option<(usize, &'a str)> {
    let at = tokens.starts.iter().copied().rfind(|at| *at <= reached)?;
    let rest = &text[at..];
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
    let (word, after) = rest.split_at(end);
    let is_text = word.starts_with(char::is_alphabetic);
    // What ends a value comes next, and nothing of another one lies between.
    let ends = after.trim_start_matches([' ', '\t']).starts_with([',', '}', ']', '\n', '\r']);
    (is_text && ends && reached <= at + end).then_some((at, word))
}

/// The byte offset of a position: the parser ends lines at four characters, everybody else only at the line feed.
fn offset(text: &str, position: json5::Position) -> usize {
    let mut reached = json5::Position { line: 0, column: 0 };
    let mut rest = text.char_indices().peekable();
    while let Some((at, c)) = rest.next() {
        if reached == position {
            return at;
        }
        if !json5::char::is_json5_line_terminator(c) {
            reached.column += 1;
        } else if c != '\r' || rest.peek().is_none_or(|(_, c)| *c != '\n') {
            reached = json5::Position { line: reached.line + 1, column: 0 };
        }
    }
    text.len()
}

/// What stands at a place.
fn character(text: &str, place: ConfigPlace) -> Option<char> {
    let ConfigPlace::Line { line, column } = place else { return None };
    text.lines().nth(line.checked_sub(1)?)?.chars().nth(column.checked_sub(1)?)
}

/// What the parser misses, and whether it is the rest of the file.
enum Complaint {
    Here(&'static str),
    AtTheEnd(&'static str),
}

fn complaint(code: Code) -> Complaint {
    Complaint::Here(match code {
        Code::ExpectedClosingBrace => "expected `,` or `}` here",
        Code::ExpectedClosingBracket => "expected `,` or `]` here",
        Code::ExpectedColon => "expected `:` after the key",
        Code::ExpectedComma => "expected `,` here",
        Code::ExpectedComment => "a lone `/`: comments start with `//` or `/*`",
        Code::ExpectedIdentifier | Code::InvalidKey => "expected a key here",
        Code::ExpectedValue | Code::ExpectedStringOrObject => "expected a value here",
        Code::ExpectedNull | Code::ExpectedBool => {
            "this is no value: text needs quotes, only true, false and null go without"
        }
        Code::ExpectedNumber => "this is no number",
        Code::ExpectedString => "expected a string here",
        Code::ExpectedOpeningBrace => "expected `{` here",
        Code::ExpectedOpeningBracket => "expected `[` here",
        Code::InvalidEscapeSequence => "this is no escape sequence",
        Code::InvalidBytes => "these are no bytes",
        Code::LeadingZero => "a number must not start with 0",
        Code::LineTerminatorInString => "the string is not closed on its line",
        Code::OverflowParsingNumber => "this number is too large",
        Code::TrailingCharacters => "something follows after the end",
        Code::EofParsingComment => return Complaint::AtTheEnd("the file ends inside a comment"),
        Code::EofParsingString | Code::EofParsingEscapeSequence => {
            return Complaint::AtTheEnd("the file ends inside a string");
        }
        Code::EofParsingArray
        | Code::EofParsingBool
        | Code::EofParsingIdentifier
        | Code::EofParsingNull
        | Code::EofParsingNumber
        | Code::EofParsingObject
        | Code::EofParsingValue => return Complaint::AtTheEnd("the file ends too early"),
    })
}

/// A file that is not complete: its end is the place, the innermost open bracket the hint.
fn ended(message: &str, text: &str, tokens: &Tokens) -> Finding {
    let lines = LineIndex::new(text);
    let nothing = tokens.starts.is_empty();
    let at = lines.place(text.trim_end().len());
    let finding = Finding::error(at, if nothing { "the file is empty" } else { message });
    let open = tokens.open.last().map(|open| (lines.place(*open), text.get(*open..=*open)));
    match open {
        Some((ConfigPlace::Line { line, column }, Some(bracket))) => {
            finding.hint(format!("`{bracket}` of line {line}, column {column} is not closed"))
        }
        Some(_) | None => finding,
    }
}

/// JSON5 tells no places; they are assigned afterwards.
pub(crate) struct Unplaced;

impl Locate<'_> for Unplaced {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::TableEntry;

    fn at(place: ConfigPlace) -> (usize, usize) {
        match place {
            ConfigPlace::Line { line, column } => (line, column),
            ConfigPlace::Whole | ConfigPlace::Other { .. } | ConfigPlace::Flag(_) => (0, 0),
        }
    }

    fn entries(node: &ConfigNode) -> &[TableEntry] {
        let Value::Table(entries) = &node.value else { panic!("no table") };
        entries
    }

    #[test]
    fn every_key_and_value_knows_its_place() {
        let text = "// c 'x {\n{ /* [ */ 'a//b': [1, -Infinity, \"}\\\"\"],\n\u{e4}\\u0062: {c: true}, d: null }";
        let root = parse(text).unwrap();
        let top = entries(&root);
        assert_eq!(at(root.at), (2, 1));
        assert_eq!((at(top[0].at), at(top[0].node.at)), ((2, 11), (2, 19)));
        let Value::List(items) = &top[0].node.value else { panic!("no list") };
        assert_eq!(items.iter().map(|n| at(n.at)).collect::<Vec<_>>(), [(2, 20), (2, 23), (2, 34)]);
        assert_eq!(at(top[1].at), (3, 1));
        assert_eq!(top[1].key, "\u{e4}b");
        let inner = entries(&top[1].node);
        assert_eq!((at(inner[0].at), at(inner[0].node.at)), ((3, 11), (3, 14)));
        assert_eq!((at(top[2].at), at(top[2].node.at)), ((3, 21), (3, 24)));
    }

    #[test]
    fn text_without_quotes_is_told_where_it_stands() {
        let all = [
            ("{name: a,\n script: 'b'}", "a"),
            ("{name: web-1 }", "web-1"),
            ("{name: no\n}", "no"),
            ("[{name: Infinite}]", "Infinite"),
        ];
        for (text, word) in all {
            let told = format!("{:?}", parse(text).unwrap_err());
            assert!(told.contains(&format!("`{word}` is no value")), "{text}: {told}");
            assert!(told.contains("text needs quotes"), "{text}: {told}");
        }
        for text in [
            "{name: process.env.X + 1}",
            "{name: process.env.X}",
            "{name: require('x')}",
            "{name: , a: 1}",
            "{name: 12x}",
        ] {
            let told = format!("{:?}", parse(text).unwrap_err());
            assert!(!told.contains("is no value"), "{text}: {told}");
        }
    }

    #[test]
    fn mistakes_have_a_place() {
        for (text, line, column) in [
            ("", 1, 1),
            ("{a: 1 b: 2}", 1, 7),
            ("{a: 1", 1, 6),
            ("{\n  a: oops }", 2, 6),
            ("{a: 'x\n'}", 1, 7),
            ("{a: 1} }", 1, 8),
            ("[1,\n[2,\n  3\n", 3, 4),
            ("{a: 60 * 1000}", 1, 8),
        ] {
            assert_eq!(at(parse(text).unwrap_err().at), (line, column), "{text:?}");
        }
        assert!(parse("{a: [1,").unwrap_err().hint.unwrap().contains("`[` of line 1, column 5"));
    }

    #[test]
    fn deep_nesting_is_refused_before_it_hurts() {
        for text in ["[".repeat(1 << 20), "{a:".repeat(1 << 20)] {
            assert!(parse(&text).unwrap_err().message.contains("nested"));
        }
        assert!(parse(&format!("{}{}", "[".repeat(100), "]".repeat(100))).is_ok());
    }
}
