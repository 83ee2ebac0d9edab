//! An app into a file that is there, with everything else of it as it is. Where that place can't be found nothing is changed; whether it
//! was the right one is seen by reading what came of it.

use crate::commands::support::ecosystem_text::{EntryKeys, TextFormat};

/// The text with these apps, if there is a place for them.
pub(super) fn inserted(text: &str, format: TextFormat, apps: &[EntryKeys]) -> Option<String> {
    match format {
        TextFormat::Json5 | TextFormat::Json => into_list(text, format, apps),
        TextFormat::Yaml => into_yaml(text, apps),
        TextFormat::Toml => {
            let gap = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
            let apps: Vec<_> = apps.iter().map(|app| format.entry(app, "")).collect();
            Some(format!("{text}{gap}\n{}", apps.join("\n")))
        }
        // A program.
        TextFormat::JavaScript => None,
    }
}

/// Where the list of apps ends in JSON5: its bracket, and what stands before that.
struct ListEnd {
    bracket: usize,
    /// Behind the last value, comma or opening bracket.
    last: usize,
    needs_comma: bool,
}

fn into_list(text: &str, format: TextFormat, apps: &[EntryKeys]) -> Option<String> {
    let end = list_end(text)?;
    let (head, rest) = text.split_at(end.last);
    let (between, tail) = rest.split_at(end.bracket - end.last);
    let comma = if end.needs_comma { "," } else { "" };
    // The bracket's own line, if it has one.
    let (between, closing) = match between.rfind('\n') {
        Some(at) if between[at + 1..].trim().is_empty() => between.split_at(at),
        Some(_) | None => (between, "\n"),
    };
    let indent = format!("{}  ", closing.trim_start_matches('\n'));
    let apps: Vec<_> = apps.iter().map(|app| format.entry(app, &indent)).collect();
    let trailing = if format == TextFormat::Json { "" } else { "," };
    Some(format!("{head}{comma}{between}\n{}{trailing}{closing}{tail}", apps.join(",\n")))
}

/// Finds the end of the list under `apps`, or of the list that is the file.
fn list_end(text: &str) -> Option<ListEnd> {
    let mut open: Vec<(char, bool)> = Vec::new();
    let mut word = String::new();
    let (mut last, mut last_letter) = (0, ' ');
    let mut rest = text.char_indices().peekable();
    while let Some((at, letter)) = rest.next() {
        let mut end = at + letter.len_utf8();
        match letter {
            '/' if text[at..].starts_with("//") || text[at..].starts_with("/*") => {
                let mark = if text[at..].starts_with("//") { "\n" } else { "*/" };
                let length = text[at..].find(mark).map_or(text.len() - at, |it| it + mark.len());
                while rest.next_if(|(next, _)| *next < at + length).is_some() {}
                continue;
            }
            _ if letter.is_whitespace() || letter == '\u{feff}' => continue,
            '"' | '\'' => {
                word.clear();
                while let Some((inner_at, inner)) = rest.next() {
                    end = inner_at + inner.len_utf8();
                    match inner {
                        '\\' => drop(rest.next()),
                        _ if inner == letter => break,
                        _ => word.push(inner),
                    }
                }
            }
            '[' | '{' => {
                let is_apps = open.is_empty() || (open.len() == 1 && word == "apps");
                open.push((letter, letter == '[' && is_apps));
                word.clear();
            }
            ']' if open.last().is_some_and(|(_, is_apps)| *is_apps) => {
                let needs_comma = !matches!(last_letter, ',' | '[');
                return Some(ListEnd { bracket: at, last, needs_comma });
            }
            ']' | '}' => drop(open.pop()),
            ',' => word.clear(),
            ':' => {}
            _ => {
                word.clear();
                word.push(letter);
                while let Some((next, more)) =
                    rest.next_if(|(_, it)| it.is_alphanumeric() || *it == '_')
                {
                    word.push(more);
                    end = next + more.len_utf8();
                }
            }
        }
        (last, last_letter) = (end, letter);
    }
    None
}

/// Behind the last item of the list under `apps:`, or of the list that is the file.
fn into_yaml(text: &str, apps: &[EntryKeys]) -> Option<String> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let depth = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let says = |line: &&&str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    let is_head = |line: &&str| {
        line.starts_with("apps:")
            && line[5..].split('#').next().is_some_and(|it| it.trim().is_empty())
    };
    let head = lines.iter().position(|line| is_head(&line.trim_end()));
    let from = head.map_or(0, |at| at + 1);
    let first = lines[from..].iter().find(says)?;
    if !first.trim_start().starts_with('-') {
        return None;
    }
    let column = depth(first);
    let is_inside = |line: &str| {
        depth(line) > column || (depth(line) == column && line[column..].starts_with('-'))
    };
    let mut end = from;
    for (at, line) in lines.iter().enumerate().skip(from).filter(|(_, line)| says(line)) {
        if !is_inside(line) {
            break;
        }
        end = at + 1;
    }
    let indent = " ".repeat(column);
    let apps: Vec<_> = apps.iter().map(|app| TextFormat::Yaml.entry(app, &indent) + "\n").collect();
    let before = lines[..end].concat();
    let gap = if before.ends_with('\n') { "" } else { "\n" };
    Some(format!("{before}{gap}{}{}", apps.concat(), lines[end..].concat()))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn put(text: &str, format: TextFormat) -> Option<String> {
        inserted(text, format, &[vec![("name", Value::from("b"))]])
    }

    #[test]
    fn comments_and_everything_else_stay() {
        for (before, after) in [
            (
                "{\n  apps: [\n    { name: 'a' }, // ]\n  ],\n  x: [1],\n}\n",
                "{\n  apps: [\n    { name: 'a' }, // ]\n    {\n      name: \"b\",\n    },\n  ],\n  x: [1],\n}\n",
            ),
            (
                "{ apps: [{ name: 'a', args: ['x'] }] }",
                "{ apps: [{ name: 'a', args: ['x'] },\n  {\n    name: \"b\",\n  },\n] }",
            ),
            (
                "[\n  { name: 'a' }\n  /* ] */\n]",
                "[\n  { name: 'a' },\n  /* ] */\n  {\n    name: \"b\",\n  },\n]",
            ),
            (
                "{ x: { apps: [] }, 'apps': [] }",
                "{ x: { apps: [] }, 'apps': [\n  {\n    name: \"b\",\n  },\n] }",
            ),
        ] {
            assert_eq!(put(before, TextFormat::Json5).as_deref(), Some(after), "{before}");
        }
        for odd in ["", "{ name: 'a' }", "{ apps: { a: 1 } }", "{ apps: [", "nonsense"] {
            assert_eq!(put(odd, TextFormat::Json5), None, "{odd}");
        }
        let json = put("{\n \"apps\": [\n  {\"name\": \"a\"}\n ]\n}", TextFormat::Json);
        assert_eq!(
            json.as_deref(),
            Some("{\n \"apps\": [\n  {\"name\": \"a\"},\n   {\n     \"name\": \"b\"\n   }\n ]\n}")
        );
    }

    #[test]
    fn items_of_yaml_are_as_deep_as_the_others() {
        for (before, after) in [
            (
                "apps: # x\n  - name: a\n    args: [1]\n\n# end\ndeploy:\n  x: 1\n",
                "apps: # x\n  - name: a\n    args: [1]\n  - name: \"b\"\n\n# end\ndeploy:\n  x: 1\n",
            ),
            ("- name: a", "- name: a\n- name: \"b\"\n"),
            ("apps:\n- name: a\n  x: 1\nz: 1\n", "apps:\n- name: a\n  x: 1\n- name: \"b\"\nz: 1\n"),
        ] {
            assert_eq!(put(before, TextFormat::Yaml).as_deref(), Some(after), "{before}");
        }
        assert_eq!(put("apps: [{name: a}]\n", TextFormat::Yaml), None);
        assert_eq!(put("name: a\n", TextFormat::Yaml), None);
    }
}
