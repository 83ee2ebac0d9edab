//! Variables in text as Compose fills them in: `${NAME}`, `${NAME:-default}`, `${NAME:?message}`, `${NAME:+other}`, `$$`.
//!
//! It knows neither files nor places, only offsets.

use pm_spec::ByteString;

/// Which dollars mean a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dollars {
    /// `${NAME}` only: `$NAME` is left to a shell.
    Braced,
    /// `$NAME`, too.
    All,
}

/// Text with its variables filled in.
#[derive(Debug, Default)]
pub(crate) struct FilledText {
    pub(crate) bytes: Vec<u8>,
    /// The variables whose values are in it.
    pub(crate) used: Vec<String>,
    /// Variables that are not set and have no default: nothing stands in their place.
    pub(crate) unset: Vec<String>,
}

/// Why a text can't be filled in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unfillable {
    /// The offset of the dollar, in bytes.
    pub(crate) at: usize,
    pub(crate) message: String,
}

/// Fills in the variables of a text; `look` has their values.
pub(crate) fn fill(
    text: &str,
    dollars: Dollars,
    look: &dyn Fn(&str) -> Option<ByteString>,
) -> Result<FilledText, Unfillable> {
    let mut filling = TextFilling { dollars, look, used: Vec::new(), unset: Vec::new() };
    let bytes = filling.text(text, 0, 0)?;
    Ok(FilledText { bytes, used: filling.used, unset: filling.unset })
}

/// Defaults in defaults may go so deep.
const DEEPEST: usize = 20;

struct TextFilling<'a> {
    dollars: Dollars,
    look: &'a dyn Fn(&str) -> Option<ByteString>,
    used: Vec<String>,
    unset: Vec<String>,
}

impl TextFilling<'_> {
    /// A text that begins at `base` of the whole.
    fn text(&mut self, text: &str, base: usize, depth: usize) -> Result<Vec<u8>, Unfillable> {
        let mut out = Vec::new();
        let mut at = 0;
        while let Some(before) = text[at..].find('$') {
            let dollar = at + before;
            out.extend_from_slice(&text.as_bytes()[at..dollar]);
            let rest = &text[dollar + 1..];
            let name = named(rest);
            at = dollar + 1;
            if rest.starts_with('$') {
                out.push(b'$');
                at += 1;
            } else if let Some(inside) = rest.strip_prefix('{') {
                let wrong =
                    |message: &str| Unfillable { at: base + dollar, message: message.into() };
                let end = closing(inside).ok_or_else(|| wrong("`${` without its `}`"))?;
                if depth > DEEPEST {
                    return Err(wrong("there are too many defaults in defaults"));
                }
                out.extend(self.braced(&inside[..end], base + dollar, depth)?);
                at += end + 2;
            } else if self.dollars == Dollars::All && !name.is_empty() {
                out.extend(self.value(name));
                at += name.len();
            } else {
                out.push(b'$');
            }
        }
        out.extend_from_slice(&text.as_bytes()[at..]);
        Ok(out)
    }

    /// What stands between the braces of a dollar at `dollar`.
    fn braced(&mut self, inside: &str, dollar: usize, depth: usize) -> Result<Vec<u8>, Unfillable> {
        let wrong = |message: String| Unfillable { at: dollar, message };
        let name = named(inside);
        let rest = &inside[name.len()..];
        if name.is_empty() {
            return Err(wrong(
                "`${` must be followed by the name of a variable; a dollar itself is `$$`".into(),
            ));
        }
        if rest.is_empty() {
            return Ok(self.value(name));
        }
        let (takes_empty, operation) = match rest.strip_prefix(':') {
            Some(operation) => (false, operation),
            None => (true, rest),
        };
        let value = (self.look)(name).filter(|value| takes_empty || !value.is_empty());
        // The name, the colon and the sign are behind the dollar and the brace.
        let base = dollar + 3 + name.len() + usize::from(!takes_empty);
        let word = operation.get(1..).unwrap_or_default();
        match (operation.as_bytes().first(), value) {
            (Some(b'-' | b'?'), Some(value)) => {
                self.used.push(name.into());
                Ok(value.into_bytes())
            }
            (Some(b'-'), None) | (Some(b'+'), Some(_)) => self.text(word, base, depth + 1),
            (Some(b'+'), None) => Ok(Vec::new()),
            (Some(b'?'), None) => {
                let why = self.text(word, base, depth + 1)?;
                let why = String::from_utf8_lossy(&why).into_owned();
                let empty = if takes_empty { "" } else { " or is empty" };
                let why = if why.is_empty() { why } else { format!(": {why}") };
                Err(wrong(format!("the variable `{name}` is not set{empty}{why}")))
            }
            _ => Err(wrong(format!(
                "`${{{name}` goes on neither with `}}` nor with `:-`, `-`, `:?`, `?`, `:+` or `+`"
            ))),
        }
    }

    fn value(&mut self, name: &str) -> Vec<u8> {
        let value = (self.look)(name);
        let list = if value.is_some() { &mut self.used } else { &mut self.unset };
        list.push(name.into());
        value.map(ByteString::into_bytes).unwrap_or_default()
    }
}

/// The name a text begins with; empty if it begins with none.
fn named(text: &str) -> &str {
    let is_part = |(at, c): (usize, char)| {
        c == '_' || c.is_ascii_alphabetic() || at > 0 && c.is_ascii_digit()
    };
    let end = text.char_indices().find(|it| !is_part(*it)).map_or(text.len(), |(at, _)| at);
    &text[..end]
}

/// The offset of the brace that closes; those of variables inside have theirs.
fn closing(inside: &str) -> Option<usize> {
    let bytes = inside.as_bytes();
    let (mut at, mut open) = (0, 1);
    while let Some(byte) = bytes.get(at) {
        match (byte, bytes.get(at + 1)) {
            (b'$', Some(b'$')) => at += 1,
            (b'$', Some(b'{')) => {
                open += 1;
                at += 1;
            }
            (b'}', _) => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some(at);
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(name: &str) -> Option<ByteString> {
        match name {
            "A" => Some("1".into()),
            "EMPTY" => Some("".into()),
            "_b2" => Some("$A".into()),
            _ => None,
        }
    }

    fn filled(text: &str, dollars: Dollars) -> Result<String, String> {
        let filled = fill(text, dollars, &look);
        filled
            .map(|it| String::from_utf8(it.bytes).unwrap())
            .map_err(|it| format!("{}: {}", it.at, it.message))
    }

    #[test]
    fn variables_are_filled_in_as_by_compose() {
        for (text, shown) in [
            ("x${A}y", "x1y"),
            ("${_b2}", "$A"),
            ("${NONE}", ""),
            ("${NONE-d}|${EMPTY-d}|${A-d}", "d||1"),
            ("${NONE:-d}|${EMPTY:-d}|${A:-d}", "d|d|1"),
            ("${NONE+d}|${EMPTY+d}|${A+d}", "|d|d"),
            ("${NONE:+d}|${EMPTY:+d}|${A:+d}", "||d"),
            ("${NONE:-${EMPTY:-${A}}}", "1"),
            ("${NONE:-a}b}", "ab}"),
            ("${A:?needed}${EMPTY?needed}", "1"),
            ("$$A $${A} $$", "$A ${A} $"),
            ("${NONE:-$$}}", "$}"),
            ("$A $1 $ $(x) 5$", "$A $1 $ $(x) 5$"),
            ("\u{e4}${A}\u{e4}", "\u{e4}1\u{e4}"),
        ] {
            assert_eq!(filled(text, Dollars::Braced).as_deref(), Ok(shown), "{text}");
        }
        assert_eq!(filled("$A-$A2 $1 $_b2x$", Dollars::All).as_deref(), Ok("1- $1 $"));
        let filled = fill("$A$NONE${B}", Dollars::All, &look).unwrap();
        assert_eq!(
            (filled.used, filled.unset),
            (vec!["A".into()], vec!["NONE".into(), "B".into()])
        );
    }

    #[test]
    fn mistakes_have_their_offset() {
        for (text, told) in [
            ("ab${A", "2: `${` without its `}`"),
            ("${}", "0: `${` must be followed by the name of a variable"),
            ("${1}", "0: `${` must be followed by the name of a variable"),
            ("${A b}", "0: `${A` goes on neither"),
            ("${A:}", "0: `${A` goes on neither"),
            ("x${NONE:?set ${A}}", "1: the variable `NONE` is not set or is empty: set 1"),
            ("${NONE?}", "0: the variable `NONE` is not set"),
            ("${NONE:-${NONE?x}}", "8: the variable `NONE` is not set: x"),
        ] {
            let message = filled(text, Dollars::All).unwrap_err();
            assert!(message.starts_with(told), "{text}: {message}");
        }
        let deep = "${N:-".repeat(5_000) + &"}".repeat(5_000);
        assert!(filled(&deep, Dollars::Braced).unwrap_err().contains("too many"));
    }
}
