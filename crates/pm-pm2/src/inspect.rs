//! JSON as Node's `util.inspect` prints it without limits of depth and length: PM2's `prettylist`, which scripts grep
//! and count. Written after the documented behaviour; the goldens come from Node itself. Lengths are UTF-16 units.

use std::fmt::Write as _;

use serde_json::Value;

/// Longer lines are broken (Node: `breakLength`).
const LINE: usize = 80;

/// So many levels may share a line (Node: `compact`).
const LEVELS: usize = 3;

/// Shorter texts are never split at their line ends.
const SHORT: usize = 16;

/// The value as Node shows it, without a final newline. These keys stand before all others of their object.
pub fn inspect(value: &Value, first: &[&str]) -> String {
    Ink { first, indent: 0, deepest: 0 }.value(value, 0)
}

#[derive(Debug)]
struct Ink<'a> {
    first: &'a [&'a str],
    indent: usize,
    /// The level of the object that was begun last, which is what decides whether its parents share its line.
    deepest: usize,
}

impl Ink<'_> {
    fn value(&mut self, value: &Value, level: usize) -> String {
        match value {
            Value::Null => "null".into(),
            Value::Bool(value) => value.to_string(),
            Value::Number(number) => number.to_string(),
            Value::String(text) => self.text(text),
            Value::Array(items) if items.is_empty() => "[]".into(),
            Value::Array(items) => {
                let level = self.begin(level);
                let shown = items.iter().map(|item| self.inside(item, level)).collect();
                let shown: Vec<String> = shown;
                let count = shown.len();
                let shown = if count > 6 { self.columns(shown, items) } else { shown };
                let is_whole = shown.len() == count;
                self.join(&shown, ['[', ']'], level, is_whole)
            }
            Value::Object(entries) if entries.is_empty() => "{}".into(),
            Value::Object(entries) => {
                let level = self.begin(level);
                // Stable: all others stay in their order.
                let mut entries: Vec<_> = entries.iter().collect();
                let place = |name: &str| self.first.iter().position(|one| *one == name);
                entries.sort_by_key(|(name, _)| place(name).unwrap_or(usize::MAX));
                let entry = |(name, value): (&String, &Value)| {
                    format!("{}: {}", key(name), self.inside(value, level))
                };
                let shown: Vec<String> = entries.into_iter().map(entry).collect();
                self.join(&shown, ['{', '}'], level, true)
            }
        }
    }

    fn begin(&mut self, level: usize) -> usize {
        self.deepest = level + 1;
        level + 1
    }

    fn inside(&mut self, value: &Value, level: usize) -> String {
        self.indent += 2;
        let shown = self.value(value, level);
        self.indent -= 2;
        shown
    }

    /// On one line where that is short and flat enough, else one entry a line.
    fn join(
        &self,
        shown: &[String],
        [open, close]: [char; 2],
        level: usize,
        whole: bool,
    ) -> String {
        if whole && self.deepest - level < LEVELS && self.fits(shown) {
            let line = shown.join(", ");
            if !line.contains('\n') {
                return format!("{open} {line} {close}");
            }
        }
        let pad = " ".repeat(self.indent);
        let lines = shown.join(&format!(",\n{pad}  "));
        format!("{open}\n{pad}  {lines}\n{pad}{close}")
    }

    fn fits(&self, shown: &[String]) -> bool {
        // Entries, separators, indentation, a brace, and the room Node leaves for a key.
        let frame = shown.len() * 2 + self.indent + 1 + 10;
        frame + shown.iter().map(|entry| units(entry)).sum::<usize>() <= LINE
    }

    /// A text; a long one is shown line by line.
    fn text(&self, text: &str) -> String {
        let length = units(text);
        if length <= SHORT || length + self.indent + 4 <= LINE {
            return quoted(text);
        }
        let lines: Vec<_> = text.split_inclusive('\n').map(quoted).collect();
        lines.join(&format!(" +\n{}", " ".repeat(self.indent + 2)))
    }

    /// Many short entries of a list in columns; unchanged where they are too few, too long or too different.
    fn columns(&self, shown: Vec<String>, items: &[Value]) -> Vec<String> {
        let lengths: Vec<usize> = shown.iter().map(|entry| units(entry)).collect();
        let longest = lengths.iter().copied().max().unwrap_or(0);
        let room = longest + 2;
        let total: usize = lengths.iter().map(|length| length + 2).sum();
        let (count, wide) = (shown.len(), room * 3 + self.indent < LINE);
        if !wide || (total <= 5 * room && longest > 6) {
            return shown;
        }
        let columns = square(count, room, total).min((LINE - self.indent) / room).min(LEVELS * 4);
        if columns <= 1 {
            return shown;
        }
        let widths: Vec<usize> = (0..columns)
            .map(|column| {
                let lengths = lengths.iter().skip(column).step_by(columns);
                lengths.copied().max().unwrap_or(0) + 2
            })
            .collect();
        let right = items.iter().all(Value::is_number);
        let line = |entries: &[String]| {
            let mut line = String::new();
            for (at, (entry, width)) in entries.iter().zip(&widths).enumerate() {
                let is_last = at + 1 == entries.len();
                let text = if is_last { entry.clone() } else { format!("{entry}, ") };
                let width = if is_last { width - 2 } else { *width };
                let pad = " ".repeat(width.saturating_sub(units(&text)));
                match (right, is_last) {
                    (true, _) => line.extend([pad, text]),
                    (false, false) => line.extend([text, pad]),
                    (false, true) => line.push_str(&text),
                }
            }
            line
        };
        shown.chunks(columns).map(line).collect()
    }
}

/// How many columns make about a square, where a character is two and a half times as high as wide.
fn square(count: usize, room: usize, total: usize) -> usize {
    let float = |number: usize| u32::try_from(number).map_or(f64::from(u32::MAX), f64::from);
    let bias = (float(room) - float(total) / float(count)).sqrt();
    let width = (float(room) - 3.0 - bias).max(1.0);
    let columns = ((2.5 * width * float(count)).sqrt() / width).round();
    // A count without a cast: at most fifteen are ever drawn.
    (1..=15).rev().find(|most| float(*most) <= columns).unwrap_or(0)
}

/// What JavaScript calls the length of a text.
fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

fn key(name: &str) -> String {
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    let is_plain =
        name.starts_with(letter) && name.chars().all(|c| letter(c) || c.is_ascii_digit());
    match name {
        "__proto__" => "['__proto__']".into(),
        _ if is_plain => name.into(),
        _ => quoted(name),
    }
}

/// In single quotes, or in those that need no escaping.
fn quoted(text: &str) -> String {
    let quote = match (text.contains('\''), text.contains('"')) {
        (true, false) => '"',
        (true, true) if !text.contains('`') && !text.contains("${") => '`',
        (true | false, _) => '\'',
    };
    let mut shown = String::with_capacity(text.len() + 2);
    shown.push(quote);
    for c in text.chars() {
        match c {
            '\u{8}' => shown.push_str("\\b"),
            '\t' => shown.push_str("\\t"),
            '\n' => shown.push_str("\\n"),
            '\u{c}' => shown.push_str("\\f"),
            '\r' => shown.push_str("\\r"),
            '\\' => shown.push_str("\\\\"),
            '\'' if quote == '\'' => shown.push_str("\\'"),
            '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' => {
                // A string takes everything.
                write!(shown, "\\x{:02X}", u32::from(c)).ok();
            }
            c => shown.push(c),
        }
    }
    shown.push(quote);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each case lies beside what Node 20 made of it (`fixtures/pm2/inspect.mjs` writes them anew).
    #[test]
    fn values_look_as_node_shows_them() {
        let cases: Value =
            serde_json::from_str(include_str!("../../../fixtures/pm2/inspect.json")).unwrap();
        let cases = cases.as_array().unwrap();
        assert!(cases.len() > 100);
        for case in cases {
            let (value, node) = (&case["value"], case["node"].as_str().unwrap());
            assert_eq!(inspect(value, &[]), node, "{value}");
        }
    }
}
