//! Bytes an app wrote, made safe to show: no control byte and no escape sequence but colours gets through.
//!
//! This is about showing only; what is stored stays byte for byte. It cuts nothing to a width.

use std::borrow::Cow;

/// What becomes of colours and other text attributes (SGR sequences, ECMA-48).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colours {
    /// They stay, and are switched off at the end of the text.
    Keep,
    /// They are removed.
    Drop,
}

/// The longest escape sequence that is taken for one; a longer one is shown as text, so that a sequence without
/// an end can't swallow a log.
const LONGEST: usize = 4096;

/// `bytes` as text for a terminal.
///
/// Complete escape sequences are removed (SGR is kept if asked for), other control characters become their visible
/// signs (`␀` to `␡`), what is not UTF-8 becomes U+FFFD, and so do characters that reorder text (CVE-2021-42574).
/// Tabs and newlines stay; a carriage return at the end of a line is dropped.
pub fn plain(bytes: &[u8], colours: Colours) -> Cow<'_, str> {
    // Most of what is shown is short and plain: one look at its bytes tells.
    let is_harmless = |byte: &u8| matches!(byte, b' '..=b'~' | b'\t' | b'\n');
    if let Ok(text) = std::str::from_utf8(bytes)
        && (bytes.iter().all(is_harmless) || !text.chars().any(needs_care))
    {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(bytes.len() + 8);
    let mut styled = false;
    scan(bytes, &mut |piece| match piece {
        SafePiece::Char(c) => safe.push(c),
        SafePiece::Style(parameters) if colours == Colours::Keep => {
            safe.extend(["\x1b[", parameters, "m"]);
            styled = !matches!(parameters, "" | "0");
        }
        SafePiece::Style(_) => {}
    });
    if styled {
        safe.push_str("\x1b[0m");
    }
    Cow::Owned(safe)
}

/// What is left of an app's bytes when everything that could harm a terminal is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SafePiece<'a> {
    /// A character as it may be shown; of control characters only tabs and newlines.
    Char(char),
    /// The parameters of an SGR sequence (colours, bold ...).
    Style(&'a str),
}

/// Gives all pieces in order.
pub fn scan(bytes: &[u8], take: &mut impl FnMut(SafePiece<'_>)) {
    for chunk in bytes.utf8_chunks() {
        scan_text(chunk.valid(), take);
        if !chunk.invalid().is_empty() {
            take(SafePiece::Char(char::REPLACEMENT_CHARACTER));
        }
    }
}

/// What may be shown in the place of a character that would move, hide or reorder what stands around it: the picture
/// of a control character (Unicode block Control Pictures), else U+FFFD; any other character is itself.
pub fn visible(c: char) -> char {
    match c {
        '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
        '\x7f' => '\u{2421}',
        '\u{80}'..='\u{9f}'
        | '\u{61c}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}' => char::REPLACEMENT_CHARACTER,
        _ => c,
    }
}

fn needs_care(c: char) -> bool {
    !matches!(c, '\t' | '\n') && visible(c) != c
}

fn scan_text(text: &str, take: &mut impl FnMut(SafePiece<'_>)) {
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if c == '\x1b'
            && let Some(end) = escape_end(rest.as_bytes())
        {
            if let Some(parameters) = sgr(&rest[..end]) {
                take(SafePiece::Style(parameters));
            }
            rest = &rest[end..];
            continue;
        }
        let after = &rest[c.len_utf8()..];
        match c {
            '\t' | '\n' => take(SafePiece::Char(c)),
            '\r' if after.is_empty() || after.starts_with('\n') => {}
            _ => take(SafePiece::Char(visible(c))),
        }
        rest = after;
    }
}

/// Where the escape sequence at the start of `bytes` ends; `None` if it does not end properly.
fn escape_end(bytes: &[u8]) -> Option<usize> {
    let limit = bytes.len().min(LONGEST);
    match bytes.get(1)? {
        b'[' => {
            let end = bytes[2..limit].iter().position(|byte| !matches!(byte, 0x20..=0x3f))? + 2;
            matches!(bytes[end], 0x40..=0x7e).then_some(end + 1)
        }
        // OSC, DCS, SOS, PM, APC: up to BEL or ESC \.
        b']' | b'P' | b'X' | b'^' | b'_' => {
            let end =
                bytes[2..limit].iter().position(|byte| matches!(byte, 0x07 | 0x1b | b'\n'))? + 2;
            match (bytes[end], bytes.get(end + 1)) {
                (0x07, _) => Some(end + 1),
                (0x1b, Some(b'\\')) => Some(end + 2),
                _ => None,
            }
        }
        0x20..=0x2f => {
            let end = bytes[2..limit].iter().position(|byte| !matches!(byte, 0x20..=0x2f))? + 2;
            matches!(bytes[end], 0x30..=0x7e).then_some(end + 1)
        }
        0x30..=0x7e => Some(2),
        _ => None,
    }
}

/// The parameters of a sequence that is SGR.
fn sgr(sequence: &str) -> Option<&str> {
    let parameters = sequence.strip_prefix("\x1b[")?.strip_suffix('m')?;
    let plain = |byte| matches!(byte, b'0'..=b'9' | b';' | b':');
    parameters.bytes().all(plain).then_some(parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_bytes_are_harmless() {
        for (bytes, shown) in [
            (&b"plain \xc3\xa4"[..], "plain \u{e4}"),
            (b"a\x00b\x07c\x7f", "a\u{2400}b\u{2407}c\u{2421}"),
            (b"\xff\xfe!", "\u{fffd}\u{fffd}!"),
            (b"\x1b[2J\x1b[Hgone", "gone"),
            (b"\x1b]0;title\x07text", "text"),
            (b"\x1b]0;title\x1b\\text", "text"),
            (b"\x1b]52;never ends", "\u{241b}]52;never ends"),
            (b"\x1bcreset", "reset"),
            (b"\x1b(0x", "x"),
            (b"\x1b", "\u{241b}"),
            (b"\x1b[", "\u{241b}["),
            (b"\x1b[3\xc3\xa4m", "\u{241b}[3\u{e4}m"),
            (b"50%\r100%\r\n", "50%\u{240d}100%\n"),
            (b"\xc2\x9b2J", "\u{fffd}2J"),
            ("a\u{202e}b".as_bytes(), "a\u{fffd}b"),
            (b"tab\there", "tab\there"),
        ] {
            assert_eq!(plain(bytes, Colours::Drop), shown, "{bytes:?}");
        }
    }

    #[test]
    fn colours_stay_only_if_asked_for_and_never_leak() {
        let red = b"\x1b[31mred";
        assert_eq!(plain(red, Colours::Drop), "red");
        assert_eq!(plain(red, Colours::Keep), "\x1b[31mred\x1b[0m");
        assert_eq!(plain(b"\x1b[1;38:5:9mx\x1b[0m.", Colours::Keep), "\x1b[1;38:5:9mx\x1b[0m.");
        assert_eq!(plain(b"\x1b[>4;1mx", Colours::Keep), "x");
        assert_eq!(plain(b"\x1b[?25lx", Colours::Keep), "x");
    }

    #[test]
    fn a_sequence_without_end_swallows_little() {
        let mut bytes = b"\x1b]".to_vec();
        bytes.extend(vec![b'a'; 2 * LONGEST]);
        bytes.push(7);
        assert!(plain(&bytes, Colours::Drop).len() > 2 * LONGEST);
    }

    #[test]
    fn any_bytes_give_no_control_characters() {
        // Every pair of bytes after an escape, which covers every branch of the parser.
        for first in 0..=255_u8 {
            for second in 0..=255_u8 {
                let shown = plain(&[0x1b, first, second, b'x'], Colours::Drop).into_owned();
                assert!(!shown.chars().any(needs_care), "{first:#x} {second:#x}: {shown:?}");
            }
        }
    }
}
