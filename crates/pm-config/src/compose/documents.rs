//! Compose's YAML: anchors, merge keys, and the tags `!reset` and `!override`, by the events of the parser that `serde-saphyr` stands on,
//! since serde knows no tags.

use std::collections::{BTreeMap, HashMap};

use granit_parser::{Event, Marker, Parser, ScalarStyle, Span, StrInput, Tag};

use crate::diagnose::{ConfigPlace, Finding, quoted};
use crate::tree::{ConfigNode, TableEntry, Value};
use crate::yaml_fault;

/// What aliases may add to a file, in values: more is an attack (billion laughs).
const MOST_COPIED: usize = 100_000;

/// One document of a file.
#[derive(Debug)]
pub(crate) struct ComposeDocument {
    pub(crate) root: ConfigNode,
    /// What of the files before does not count any more: the paths of `!reset` and `!override`.
    pub(crate) cuts: Vec<Vec<String>>,
}

/// Reads the documents of a text.
pub(crate) fn read(text: &str) -> Result<Vec<ComposeDocument>, Finding> {
    let mut composing = Composing {
        text,
        parser: Parser::new_from_str(text),
        anchors: HashMap::new(),
        copied: 0,
        path: Vec::new(),
        cuts: Vec::new(),
    };
    let mut documents = Vec::new();
    while let Some((event, span)) = composing.next()? {
        if matches!(event, Event::DocumentStart(..)) {
            composing.anchors.clear();
        } else if event.is_node() {
            let (root, _) = composing.node(event, span)?;
            let cuts = std::mem::take(&mut composing.cuts);
            documents.extend(root.map(|root| ComposeDocument { root, cuts }));
        }
    }
    Ok(documents)
}

type Event1<'t> = (Event<'t>, Span);

struct Composing<'t> {
    text: &'t str,
    parser: Parser<'t, StrInput<'t>>,
    /// Values by the numbers of their anchors, with the number of values in each.
    anchors: HashMap<usize, (ConfigNode, usize)>,
    copied: usize,
    path: Vec<String>,
    cuts: Vec<Vec<String>>,
}

fn place(marker: Marker) -> ConfigPlace {
    ConfigPlace::Line { line: marker.line().max(1), column: marker.col() + 1 }
}

impl<'t> Composing<'t> {
    fn next(&mut self) -> Result<Option<Event1<'t>>, Finding> {
        self.parser.next_event().transpose().map_err(|error| {
            let message = error.to_string();
            let message = message.split(" at char ").next().unwrap_or_default();
            yaml_fault::finding(self.text, place(*error.marker()), message)
        })
    }

    /// The next one, which has to be there.
    fn must(&mut self) -> Result<Event1<'t>, Finding> {
        let whole = || Finding::error(ConfigPlace::Whole, "the file ends too early");
        self.next()?.ok_or_else(whole)
    }

    /// A value and how many values are in it; none: it is reset.
    fn node(
        &mut self,
        event: Event<'t>,
        span: Span,
    ) -> Result<(Option<ConfigNode>, usize), Finding> {
        let at = place(span.start);
        let tag = event.tag().map(tag_of).unwrap_or_default();
        let (value, size, anchor) = match event {
            Event::Alias(number) => {
                return self.alias(number, at).map(|(node, size)| (Some(node), size));
            }
            Event::Scalar(text, style, anchor, _) => {
                let is_text = style != ScalarStyle::Plain || tag == "str";
                let value = if is_text { Value::text(text.as_ref()) } else { plain(&text) };
                (value, 1, anchor)
            }
            Event::SequenceStart(_, anchor, _) => {
                let (nodes, size) = self.list()?;
                (Value::List(nodes), size, anchor)
            }
            Event::MappingStart(_, anchor, _) => {
                let (entries, size) = self.table()?;
                (Value::Table(entries), size, anchor)
            }
            _ => return Err(Finding::error(at, "a value is expected here")),
        };
        let node = ConfigNode { at, value };
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), size));
        }
        if matches!(tag.as_str(), "!reset" | "!override") {
            self.cuts.push(self.path.clone());
        }
        Ok(((tag != "!reset").then_some(node), size))
    }

    fn alias(&mut self, number: usize, at: ConfigPlace) -> Result<(ConfigNode, usize), Finding> {
        let Some((node, size)) = self.anchors.get(&number) else {
            return Err(Finding::error(at, "this alias stands inside of what it means"));
        };
        self.copied += size;
        if self.copied > MOST_COPIED {
            let message = format!("aliases make more than {MOST_COPIED} values of this file");
            return Err(Finding::error(at, message));
        }
        Ok((node.clone(), *size))
    }

    fn list(&mut self) -> Result<(Vec<ConfigNode>, usize), Finding> {
        let (mut nodes, mut size) = (Vec::new(), 1);
        loop {
            let (event, span) = self.must()?;
            if matches!(event, Event::SequenceEnd) {
                return Ok((nodes, size));
            }
            self.path.push(String::new());
            let (node, inside) = self.node(event, span)?;
            self.path.pop();
            nodes.extend(node);
            size += inside;
        }
    }

    fn table(&mut self) -> Result<(Vec<TableEntry>, usize), Finding> {
        let (mut entries, mut size): (Vec<TableEntry>, _) = (Vec::new(), 1);
        let mut below = Vec::new();
        // Where each key is set.
        let mut lines = BTreeMap::new();
        loop {
            let (event, span) = self.must()?;
            if matches!(event, Event::MappingEnd) {
                for entry in below {
                    merge((&mut entries, &mut lines), entry)?;
                }
                return Ok((entries, size));
            }
            let is_plain = matches!(event, Event::Scalar(_, ScalarStyle::Plain, ..));
            let (key, _) = self.node(event, span)?;
            let (at, begins) = (place(span.start), span.start.line().max(1));
            let key = key.map_or(Value::Null, |key| key.value);
            if matches!(key, Value::List(_) | Value::Table(_)) {
                let message =
                    format!("a key that is text or a number is expected, not {}", key.kind());
                return Err(Finding::error(at, message));
            }
            let key = key.to_bytes().display().into_owned();
            let merges = is_plain && key == "<<";
            if !merges {
                self.path.push(key.clone());
            }
            let (event, span) = self.must()?;
            let (node, inside) = self.node(event, span)?;
            size += inside;
            if merges {
                below.extend(node);
                continue;
            }
            self.path.pop();
            if let Some(line) = lines.get(&key) {
                let message = format!("the key {} is set already, in line {line}", quoted(&key));
                return Err(Finding::error(at, message));
            }
            if let Some(node) = node {
                lines.insert(key.clone(), begins);
                entries.push(TableEntry { key, at, node });
            }
        }
    }
}

/// `<<`: what a table has besides, from one or several others; of several the first counts.
fn merge(
    (entries, lines): (&mut Vec<TableEntry>, &mut BTreeMap<String, usize>),
    other: ConfigNode,
) -> Result<(), Finding> {
    match other.value {
        Value::Table(others) => {
            for entry in others {
                if !lines.contains_key(&entry.key) {
                    lines.insert(entry.key.clone(), 0);
                    entries.push(entry);
                }
            }
            Ok(())
        }
        Value::List(nodes) => nodes.into_iter().try_for_each(|node| merge((entries, lines), node)),
        value => {
            let message = format!("`<<` takes a table or a list of tables, not {}", value.kind());
            Err(Finding::error(other.at, message))
        }
    }
}

/// `!reset` or `str`.
fn tag_of(tag: &Tag) -> String {
    tag.core_suffix().map_or_else(|| tag.original(), str::to_owned)
}

/// A scalar without quotes, as YAML 1.2 reads it, with the numbers of YAML 1.1 that Go's reader takes as well.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    let begins = text.trim_start_matches(['+', '-', '.']).starts_with(|c: char| c.is_ascii_digit());
    let number = if begins { integer(text).or_else(|| fraction(text)) } else { None };
    number.unwrap_or_else(|| Value::text(text))
}

fn integer(text: &str) -> Option<Value> {
    let text = text.replace('_', "");
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(&text)),
    };
    let (digits, radix) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&digits[2..], 16),
        [b'0', b'o' | b'O', ..] => (&digits[2..], 8),
        [b'0', b'b' | b'B', ..] => (&digits[2..], 2),
        [b'0', _, ..] => (&digits[1..], 8),
        _ => (digits, 10),
    };
    let is_number = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let number = i64::from_str_radix(digits, radix).ok().filter(|_| is_number)?;
    Some(Value::Integer(i128::from(number) * sign))
}

fn fraction(text: &str) -> Option<Value> {
    let is_part = |byte: u8| byte.is_ascii_digit() || b"+-.eE".contains(&byte);
    let number: f64 = text.bytes().all(is_part).then(|| text.parse().ok())??;
    Some(Value::Float(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> String {
        let documents = read(text).unwrap_or_else(|finding| panic!("{}", finding.message));
        let shown = |one: &ComposeDocument| one.root.value.json();
        documents.iter().map(shown).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn anchors_and_merge_keys_are_filled_in() {
        let text = "x: &x {a: 1, b: {c: 2}}\ny: {<<: *x, a: 3}\nz: {<<: [{a: 4}, *x]}\nl: &l [1]\nm: *l\n--- \nk: v";
        assert_eq!(
            json(text),
            "{\"x\":{\"a\":1,\"b\":{\"c\":2}},\"y\":{\"a\":3,\"b\":{\"c\":2}},\"z\":{\"a\":4,\"b\":{\"c\":2}},\"l\":[1],\"m\":[1]}\n{\"k\":\"v\"}"
        );
    }

    #[test]
    fn scalars_are_those_of_gos_reader() {
        for (text, shown) in [
            ("0644", "420"),
            ("0o10", "8"),
            ("0x1F", "31"),
            ("1_000", "1000"),
            ("-5", "-5"),
            ("1.50", "1.5"),
            ("1e3", "1000"),
            (".5", "0.5"),
            ("08", "8"),
            ("1.2.3", "\"1.2.3\""),
            ("80:80", "\"80:80\""),
            ("yes", "\"yes\""),
            ("'5'", "\"5\""),
            ("!!str 5", "\"5\""),
            ("TRUE", "true"),
            ("~", "null"),
            ("5m", "\"5m\""),
        ] {
            assert_eq!(json(text), shown, "{text}");
        }
    }

    #[test]
    fn what_is_reset_is_gone_and_cut() {
        let document = &read("a: {b: !reset null, c: !override [1]}\nd: 1").unwrap()[0];
        assert_eq!(document.root.value.to_bytes().display(), "{\"a\":{\"c\":[1]},\"d\":1}");
        assert_eq!(document.cuts, [["a", "b"], ["a", "c"]]);
    }

    #[test]
    fn mistakes_have_places() {
        let at = |line, column| ConfigPlace::Line { line, column };
        for (text, place, told) in [
            ("a: 1\nb: [", at(3, 1), ""),
            ("a: 1\na: 2", at(2, 1), "the key `a` is set already, in line 1"),
            ("a: *b", at(1, 4), ""),
            ("a:\n  - &b [*b]", at(2, 9), "this alias stands inside of what it means"),
            ("a: {<<: 5}", at(1, 9), "`<<` takes a table"),
            ("[a]: 5", at(1, 1), "a key that is text"),
        ] {
            let finding = read(text).unwrap_err();
            assert!(finding.message.starts_with(told), "{text}: {}", finding.message);
            assert!(
                !finding.message.is_empty() && !finding.message.contains("line 2"),
                "{}",
                finding.message
            );
            if told.is_empty() {
                continue;
            }
            assert_eq!(finding.at, place, "{text}");
        }
    }

    #[test]
    fn a_billion_laughs_are_refused() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..9 {
            let below = vec![format!("*a{}", level - 1); 10].join(", ");
            text.extend([format!("a{level}: &a{level} [{below}]\n")]);
        }
        let finding = read(&text).unwrap_err();
        assert!(finding.message.contains("more than 100000 values"), "{}", finding.message);
        let many = "a: &a {b: c}\nl:\n".to_owned() + &"  - *a\n".repeat(10_000);
        assert_eq!(read(&many).unwrap().len(), 1, "many aliases alone are no attack");
    }
}
