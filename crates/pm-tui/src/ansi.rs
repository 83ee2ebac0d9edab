//! Bytes an app printed -> runs of styled text that can't do anything to a terminal.
//!
//! SGR (colours, bold ...) becomes a style; every other complete escape sequence vanishes, what is left over
//! becomes visible. Nothing is carried from one line to the next.

use pm_client::{SafePiece, scan};
use ratatui::style::{Color, Modifier, Style};

use crate::cells::cells_of;

/// A piece of text in one style.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StyledText {
    pub(crate) style: Style,
    pub(crate) text: String,
}

const TAB: usize = 8;

/// Makes a line (without its newline) showable.
pub(crate) fn runs(line: &[u8]) -> Vec<StyledText> {
    let mut line = line;
    while let [rest @ .., b'\r'] = line {
        line = rest;
    }
    let mut runs: Vec<StyledText> = Vec::new();
    // Tab stops are counted in cells.
    let (mut style, mut column) = (Style::new(), 0);
    scan(line, &mut |piece| match piece {
        SafePiece::Style(parameters) => style = sgr(style, parameters.as_bytes()),
        SafePiece::Char(c) => {
            if runs.last().is_none_or(|run| run.style != style) {
                runs.push(StyledText { style, text: String::new() });
            }
            let Some(run) = runs.last_mut() else { return };
            if c == '\t' {
                let blanks = TAB - column % TAB;
                run.text.extend(std::iter::repeat_n(' ', blanks));
                column += blanks;
            } else {
                run.text.push(c);
                column += cells_of(c);
            }
        }
    });
    runs
}

/// The text alone, for searching.
pub(crate) fn text(line: &[u8]) -> String {
    runs(line).into_iter().map(|run| run.text).collect()
}

fn sgr(style: Style, parameters: &[u8]) -> Style {
    let mut style = style;
    let numbers: Vec<u16> = parameters.split(|byte| *byte == b';').flat_map(numbers).collect();
    let mut rest = numbers.as_slice();
    while let [code, tail @ ..] = rest {
        rest = tail;
        match code {
            0 => style = Style::new(),
            1 => style = style.add_modifier(Modifier::BOLD),
            2 => style = style.add_modifier(Modifier::DIM),
            3 => style = style.add_modifier(Modifier::ITALIC),
            4 | 21 => style = style.add_modifier(Modifier::UNDERLINED),
            7 => style = style.add_modifier(Modifier::REVERSED),
            9 => style = style.add_modifier(Modifier::CROSSED_OUT),
            22 => style = style.remove_modifier(Modifier::BOLD | Modifier::DIM),
            23 => style = style.remove_modifier(Modifier::ITALIC),
            24 => style = style.remove_modifier(Modifier::UNDERLINED),
            27 => style = style.remove_modifier(Modifier::REVERSED),
            29 => style = style.remove_modifier(Modifier::CROSSED_OUT),
            38 | 48 => {
                let (colour, left) = extended(rest);
                rest = left;
                let Some(colour) = colour else { continue };
                style = if *code == 38 { style.fg(colour) } else { style.bg(colour) };
            }
            39 => style.fg = None,
            49 => style.bg = None,
            30..=37 => style = style.fg(basic(code - 30)),
            40..=47 => style = style.bg(basic(code - 40)),
            90..=97 => style = style.fg(basic(code - 90 + 8)),
            100..=107 => style = style.bg(basic(code - 100 + 8)),
            // 5, 6 (blinking) and 8 (hidden) are left out on purpose; the rest nobody uses.
            _ => {}
        }
    }
    style
}

/// One parameter; the newer form with colons (ITU T.416) is brought to the one with semicolons.
fn numbers(parameter: &[u8]) -> Vec<u16> {
    let parts: Vec<u16> = parameter.split(|byte| *byte == b':').map(number).collect();
    match parts.as_slice() {
        // Between the kind and the colours stands the number of a colour space, mostly empty.
        [ground @ (38 | 48), 2, _, red, green, blue, ..] => vec![*ground, 2, *red, *green, *blue],
        [4, 0] => vec![24],
        // Whatever the underline looks like.
        [4, _, ..] => vec![4],
        _ => parts,
    }
}

fn number(digits: &[u8]) -> u16 {
    std::str::from_utf8(digits).ok().and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// What follows 38 or 48: `5;n` or `2;r;g;b`.
fn extended(rest: &[u16]) -> (Option<Color>, &[u16]) {
    let byte = |value: &u16| u8::try_from(*value).unwrap_or(u8::MAX);
    match rest {
        [5, index, tail @ ..] => (Some(Color::Indexed(byte(index))), tail),
        [2, red, green, blue, tail @ ..] => {
            (Some(Color::Rgb(byte(red), byte(green), byte(blue))), tail)
        }
        _ => (None, &[]),
    }
}

/// The terminal's own sixteen, so that people's palettes are respected.
#[rustfmt::skip]
fn basic(index: u16) -> Color {
    const COLOURS: [Color; 16] = [
        Color::Black, Color::Red, Color::Green, Color::Yellow,
        Color::Blue, Color::Magenta, Color::Cyan, Color::Gray,
        Color::DarkGray, Color::LightRed, Color::LightGreen, Color::LightYellow,
        Color::LightBlue, Color::LightMagenta, Color::LightCyan, Color::White,
    ];
    COLOURS.get(usize::from(index)).copied().unwrap_or(Color::Reset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_kept() {
        let runs = runs(b"a\x1b[1;31mb\x1b[0mc\x1b[38;5;200md\x1b[48;2;1;2;3me");
        let texts: Vec<_> = runs.iter().map(|run| run.text.as_str()).collect();
        assert_eq!(texts, ["a", "b", "c", "d", "e"]);
        assert_eq!(runs[1].style, Style::new().fg(Color::Red).add_modifier(Modifier::BOLD));
        assert_eq!(runs[2].style, Style::new());
        assert_eq!(runs[3].style.fg, Some(Color::Indexed(200)));
        assert_eq!(runs[4].style.bg, Some(Color::Rgb(1, 2, 3)));
        for (line, style) in [
            (&b"\x1b[38:2::1:2:3mx"[..], Style::new().fg(Color::Rgb(1, 2, 3))),
            (b"\x1b[38:5:9;1mx", Style::new().fg(Color::Indexed(9)).add_modifier(Modifier::BOLD)),
            (b"\x1b[4:3mx", Style::new().add_modifier(Modifier::UNDERLINED)),
            (b"\x1b[38;2;1mx", Style::new()),
            (b"\x1b[5;8mx", Style::new()),
            (b"\x1b[31;39mx", Style::new()),
        ] {
            assert_eq!(super::runs(line)[0].style, style, "{line:?}");
        }
    }

    #[test]
    fn every_other_sequence_is_harmless() {
        for (line, shown) in [
            (&b"\x1b[2J\x1b[Hx"[..], "x"),
            (b"\x1b]0;title\x07x", "x"),
            (b"\x1b]8;;http://e\x1b\\link\x1b]8;;\x1b\\", "link"),
            (b"\x1bPq#0\x1b\\x", "x"),
            (b"\x1b(Bx\x1bcy", "xy"),
            (b"\x1b[31", "\u{241b}[31"),
            (b"\x1b]never ends", "\u{241b}]never ends"),
            (b"x\x1b", "x\u{241b}"),
            (b"\x9b31m\xff", "\u{fffd}31m\u{fffd}"),
            ("\u{9b}2J\u{202e}".as_bytes(), "\u{fffd}2J\u{fffd}"),
            (b"a\tb\rc\x08\x00\r", "a       b\u{240d}c\u{2408}\u{2400}"),
        ] {
            assert_eq!(text(line), shown, "{line:?}");
        }
    }
}
