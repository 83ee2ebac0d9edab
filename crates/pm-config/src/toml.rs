//! TOML by the `toml` crate, whose spans give the places; it reports several mistakes at once.

use toml::de::{DeTable, DeValue};

use crate::diagnose::{ConfigPlace, Finding};
use crate::line_index::LineIndex;
use crate::tree::{ConfigNode, TableEntry, Value};

/// Reads one document; on failure every mistake of the grammar.
pub(crate) fn parse(text: &str) -> Result<ConfigNode, Vec<Finding>> {
    let lines = LineIndex::new(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        return Err(errors.iter().map(|error| explain(error, &lines)).collect());
    }
    let at = lines.place(0);
    Ok(ConfigNode { at, value: Value::Table(entries(table.get_ref(), &lines)) })
}

fn explain(error: &toml::de::Error, lines: &LineIndex<'_>) -> Finding {
    let at = error.span().map_or(ConfigPlace::Whole, |span| lines.place(span.start));
    Finding::error(at, error.message().replace('\n', "; "))
}

/// In the order of the file; the library sorts by name.
fn entries(table: &DeTable<'_>, lines: &LineIndex<'_>) -> Vec<TableEntry> {
    let mut pairs: Vec<_> = table.iter().collect();
    pairs.sort_by_key(|(key, _)| key.span().start);
    pairs
        .into_iter()
        .map(|(key, value)| TableEntry {
            key: key.get_ref().clone().into_owned(),
            at: lines.place(key.span().start),
            node: node(value.get_ref(), value.span().start, lines),
        })
        .collect()
}

fn node(value: &DeValue<'_>, start: usize, lines: &LineIndex<'_>) -> ConfigNode {
    let value = match value {
        DeValue::String(string) => Value::text(&**string),
        DeValue::Integer(number) => i128::from_str_radix(number.as_str(), number.radix())
            .map_or_else(|_| Value::text(number.to_string().as_str()), Value::Integer),
        DeValue::Float(number) => {
            number.as_str().parse().map_or_else(|_| Value::text(number.as_str()), Value::Float)
        }
        DeValue::Boolean(value) => Value::Bool(*value),
        DeValue::Datetime(time) => Value::text(time.to_string().as_str()),
        DeValue::Array(items) => Value::List(
            items.iter().map(|item| node(item.get_ref(), item.span().start, lines)).collect(),
        ),
        DeValue::Table(table) => Value::Table(entries(table, lines)),
    };
    ConfigNode { at: lines.place(start), value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_the_order_of_the_file_stays() {
        let root = parse("z = 1\n\"\u{e4}\u{f6}\" = { y = '\u{20ac}', b = 0x1F }\n").unwrap();
        let Value::Table(top) = root.value else { panic!("no table") };
        assert_eq!(
            top.iter().map(|entry| entry.key.as_str()).collect::<Vec<_>>(),
            ["z", "\u{e4}\u{f6}"]
        );
        let Value::Table(inner) = &top[1].node.value else { panic!("no table") };
        assert_eq!(inner[1].at, ConfigPlace::Line { line: 2, column: 19 });
        assert_eq!(inner[1].node.at, ConfigPlace::Line { line: 2, column: 23 });
        assert!(matches!(inner[1].node.value, Value::Integer(31)));
    }
}
