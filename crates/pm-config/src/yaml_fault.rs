//! What is wrong with a YAML file, in words about its lines: parsers talk of nodes, scalars and simple keys.

use crate::diagnose::{ConfigPlace, Finding};

/// What a parser says where lines do not stand as they should.
const OF_LINES: [&str; 9] = [
    "expected '-' indicator",
    "expected key",
    "expected node content",
    "expected <document start>",
    "simple key",
    "are not allowed in this context",
    "illegal placement of ':'",
    "invalid indentation",
    "wrongly indented",
];

/// What it says of a value that means something else than its text, and what to do.
const OF_VALUES: [(&str, &str, &str); 6] = [
    (
        "anchor or alias",
        "a value that begins with `*` or `&` is a reference",
        "put it into quotes: \"* * * * *\"",
    ),
    (
        "unknown anchor",
        "a value that begins with `*` is a reference, and nothing is called so",
        "put it into quotes",
    ),
    ("unexpected character", "a value can't begin so", "put it into quotes"),
    (
        "unknown escape",
        "in double quotes a `\\` begins an escape, and this is none",
        "write `\\\\`, or single quotes",
    ),
    (
        "after single-quoted",
        "something stands behind the closing quote",
        "put all of it into quotes",
    ),
    (
        "after double-quoted",
        "something stands behind the closing quote",
        "put all of it into quotes",
    ),
];

/// What a parser said of a text, as people would.
pub(crate) fn finding(text: &str, at: ConfigPlace, said: &str) -> Finding {
    let line = if let ConfigPlace::Line { line, .. } = at { line } else { 0 };
    if let Some((message, hint)) = of_lines(text, line, said) {
        return Finding::error(at, message).hint(hint);
    }
    if let Some((_, message, hint)) = OF_VALUES.iter().find(|(theirs, ..)| said.contains(theirs)) {
        return Finding::error(at, message).hint(*hint);
    }
    // What it was doing then is its own affair.
    let plain = said.strip_prefix("while ").and_then(|said| said.split_once(", "));
    Finding::error(at, plain.map_or(said, |(_, plain)| plain))
}

/// A line with something in it.
#[derive(Clone, Copy, Debug)]
struct YamlLine<'a> {
    number: usize,
    /// How many blanks it begins with.
    indent: usize,
    /// The rest, without what is after it.
    rest: &'a str,
}

impl<'a> YamlLine<'a> {
    fn all(text: &'a str, last: usize) -> impl DoubleEndedIterator<Item = Self> {
        let lines: Vec<_> = text.lines().take(last).enumerate().collect();
        lines.into_iter().filter_map(|(at, line)| {
            let rest = line.trim();
            let is_idle = rest.is_empty() || rest.starts_with('#');
            let indent = line.len() - line.trim_start().len();
            (!is_idle).then_some(Self { number: at + 1, indent, rest })
        })
    }

    /// Whether it begins an entry of a list.
    fn is_entry(&self) -> bool {
        self.rest == "-" || self.rest.starts_with("- ")
    }

    /// How far what it says stands from the left: behind the `-`.
    fn inner(&self) -> usize {
        let said = self.said();
        self.indent + self.rest.len() - said.len()
    }

    /// What it says behind the `-`.
    fn said(&self) -> &'a str {
        let mut said = self.rest;
        while let Some(inner) = said.strip_prefix("- ") {
            said = inner.trim_start();
        }
        said
    }

    /// The key and what follows it in the line.
    fn pair(&self) -> Option<(&'a str, &'a str)> {
        let said = self.said();
        said.split_once(": ").or_else(|| Some((said.strip_suffix(':')?, "")))
    }

    /// Whether something stands in it already that what is below could not be.
    fn is_complete(&self) -> bool {
        let value = self.pair().map_or(self.said(), |(_, value)| value.trim());
        !(value.is_empty()
            || value.starts_with(['|', '>', '&', '!', '#', '[', '{'])
            || self.rest == "-")
    }
}

/// How far lines stand from the left that are still open, and which; from the outermost.
#[derive(Clone, Copy, Debug)]
struct OpenLevel<'a> {
    indent: usize,
    line: YamlLine<'a>,
    is_list: bool,
}

fn open_levels<'a>(lines: &[YamlLine<'a>]) -> Vec<OpenLevel<'a>> {
    let mut levels: Vec<OpenLevel<'a>> = Vec::new();
    for line in lines {
        levels.retain(|level| level.indent < line.indent);
        if line.is_entry() {
            levels.push(OpenLevel { indent: line.indent, line: *line, is_list: true });
        }
        levels.push(OpenLevel { indent: line.inner(), line: *line, is_list: false });
    }
    levels
}

fn of_lines(text: &str, last: usize, said: &str) -> Option<(String, String)> {
    let mut lines: Vec<_> = YamlLine::all(text, last).collect();
    let line = lines.pop()?;
    let number = line.number;
    let begin = text.lines().nth(number - 1)?.get(..line.indent)?;
    if begin.contains('\t') {
        let message = format!("line {number} is indented with a tab, and YAML takes blanks only");
        return Some((message, "write blanks in its place".into()));
    }
    if !OF_LINES.iter().any(|theirs| said.contains(theirs)) {
        return None;
    }
    let before = lines.last().copied()?;
    let levels = open_levels(&lines);
    indented(line, before, &levels).or_else(|| colons(line, before))
}

/// That a line does not stand under any it could belong to.
fn indented(
    line: YamlLine<'_>,
    before: YamlLine<'_>,
    levels: &[OpenLevel<'_>],
) -> Option<(String, String)> {
    let (number, indent) = (line.number, line.indent);
    if indent > before.inner() {
        let message = format!(
            "line {number} is indented deeper than line {}, which is complete",
            before.number
        );
        return before.is_complete().then(|| (message, under(before.inner(), before)));
    }
    let Some(level) = levels.iter().find(|level| level.indent == indent) else {
        let near = |level: &&OpenLevel<'_>| level.indent.abs_diff(indent);
        let nearest = levels.iter().rev().min_by_key(near)?;
        let message =
            format!("line {number} is indented by {}, as no line above it is", blanks(indent));
        return Some((message, under(nearest.indent, nearest.line)));
    };
    let other = level.line.number;
    if level.is_list && !line.is_entry() {
        let message =
            format!("line {number} stands under the `-` of line {other} and begins with none");
        let inner = blanks(level.line.inner());
        return Some((
            message,
            format!("{inner} before it make it a part of that entry, `- ` begins the next one"),
        ));
    }
    if !level.is_list && line.is_entry() && level.line.inner() == indent {
        let message = format!(
            "line {number} begins with `-` and stands under line {other}, which is no entry of a list"
        );
        return Some((message, "indent it under what it belongs to, or take the `-` out".into()));
    }
    None
}

/// How far in a line would belong to another.
fn under(indent: usize, line: YamlLine<'_>) -> String {
    let name = line.pair().map_or_else(String::new, |(key, _)| format!(" `{key}`"));
    format!("with {} it stands under{name} in line {}", blanks(indent), line.number)
}

fn blanks(count: usize) -> String {
    match count {
        0 => "no blanks".into(),
        1 => "1 blank".into(),
        count => format!("{count} blanks"),
    }
}

/// That a `:` is missing, stands too close, or is one too many.
fn colons(line: YamlLine<'_>, before: YamlLine<'_>) -> Option<(String, String)> {
    if let Some((key, value)) = line.pair()
        && (value.contains(": ") || value.ends_with(':'))
        && !value.starts_with(['"', '\'', '{', '['])
    {
        let message = format!("the value of `{key}` has a `:` in it, as only keys have");
        return Some((message, "put the value into quotes".into()));
    }
    let lacking = [line, before].into_iter().find(|line| line.pair().is_none())?;
    let number = lacking.number;
    let close = lacking.said().split_once(':').filter(|(key, _)| !key.contains(' '));
    Some(match close {
        Some((key, value)) => (
            format!("a blank is missing behind the `:` in line {number}"),
            format!("`{key}: {value}`"),
        ),
        None => (
            format!("line {number} is no `key: value`"),
            "a key ends with `:`, and its value follows after a blank".into(),
        ),
    })
}
