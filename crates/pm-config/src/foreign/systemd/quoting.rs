//! Words in values of unit files: quotes, escapes and specifiers (`systemd.syntax(7)`, `systemd.unit(5)`).

use super::unit::UnitFile;
use crate::caller::Caller;
use crate::diagnose::quoted;
use crate::paths;
use std::path::Path;

/// The words of a value, without their quotes.
pub(super) fn words(text: &str) -> Result<Vec<String>, String> {
    Ok(told_apart(text)?.into_iter().map(|(word, _)| word).collect())
}

/// The same with whether quotes stood in a word: a `;` in quotes ends no command.
pub(super) fn told_apart(text: &str) -> Result<Vec<(String, bool)>, String> {
    let mut words = Vec::new();
    let mut word: Option<(String, bool)> = None;
    let mut quote: Option<char> = None;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match (letter, quote) {
            (' ' | '\t' | '\n' | '\r', None) => words.extend(word.take()),
            ('"' | '\'', None) => {
                quote = Some(letter);
                word.get_or_insert_default().1 = true;
            }
            (letter, Some(open)) if letter == open => quote = None,
            ('\\', _) => {
                let rest: String = letters.clone().take(9).collect();
                let (meant, used) = escape(&rest)?;
                letters.by_ref().take(used).for_each(drop);
                word.get_or_insert_default().0.push_str(&meant);
            }
            (letter, _) => word.get_or_insert_default().0.push(letter),
        }
    }
    if quote.is_some() {
        return Err("a quote is not closed".into());
    }
    words.extend(word);
    Ok(words)
}

/// What stands for what follows a backslash, and how much of it.
fn escape(rest: &str) -> Result<(String, usize), String> {
    let first = rest.chars().next().ok_or("a `\\` stands at the end")?;
    let plain = match first {
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        's' => ' ',
        '\\' | '"' | '\'' => first,
        'x' => return number(rest, (1, 2), 16),
        'u' => return number(rest, (1, 4), 16),
        'U' => return number(rest, (1, 8), 16),
        '0'..='7' => return number(rest, (0, 3), 8),
        // What means nothing stays as it is.
        _ => return Ok((format!("\\{first}"), 1)),
    };
    Ok((plain.to_string(), 1))
}

fn number(
    rest: &str,
    (from, digits): (usize, usize),
    radix: u32,
) -> Result<(String, usize), String> {
    let text: String = rest.chars().skip(from).take(digits).collect();
    let code = (text.len() == digits).then(|| u32::from_str_radix(&text, radix).ok()).flatten();
    let letter = code.and_then(char::from_u32).filter(|letter| *letter != '\0');
    let letter = letter.ok_or_else(|| format!("{} is no letter", quoted(format!("\\{text}"))))?;
    Ok((letter.to_string(), from + digits))
}

/// A value with its specifiers filled in.
pub(super) fn specified(text: &str, unit: &UnitFile, caller: &Caller) -> Result<String, String> {
    let mut filled = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            filled.push(letter);
            continue;
        }
        let Some(specifier) = letters.next() else {
            return Err("a `%` stands at the end; `%%` is one".into());
        };
        filled.push_str(&specifier_of(specifier, unit, caller)?);
    }
    Ok(filled)
}

fn specifier_of(specifier: char, unit: &UnitFile, caller: &Caller) -> Result<String, String> {
    let (prefix, instance) = unit.parts();
    let variable = |name: &str| caller.env.get(name).map(|it| it.display().into_owned());
    let last = || prefix.rsplit('-').next().unwrap_or(prefix);
    let kernel = |name: &str| {
        let text = paths::head(&Path::new("/proc/sys/kernel").join(name), 256).unwrap_or_default();
        String::from_utf8_lossy(&text).trim().to_owned()
    };
    Ok(match specifier {
        '%' => "%".into(),
        'n' => unit.name.clone(),
        'N' => unit.stem().into(),
        'p' => prefix.into(),
        'P' => unescaped(prefix),
        'i' => instance.unwrap_or_default().into(),
        'I' => unescaped(instance.unwrap_or_default()),
        'j' => last().into(),
        'J' => unescaped(last()),
        'h' => variable("HOME").unwrap_or_else(|| "/root".into()),
        'u' => variable("USER").unwrap_or_else(|| "root".into()),
        'H' => kernel("hostname"),
        'v' => kernel("osrelease"),
        't' => variable("XDG_RUNTIME_DIR").unwrap_or_else(|| "/run".into()),
        'T' => "/tmp".into(),
        'V' => "/var/tmp".into(),
        'E' => "/etc".into(),
        'S' => "/var/lib".into(),
        'C' => "/var/cache".into(),
        'L' => "/var/log".into(),
        _ => {
            let known = "known are %% %n %N %p %P %i %I %j %J %h %u %H %v %t %T %V %E %S %C %L";
            return Err(format!("`%{specifier}` is not filled in here; {known}"));
        }
    })
}

/// A part of a unit's name without its escapes: `-` is a slash, `\x2d` a dash.
fn unescaped(text: &str) -> String {
    let slashes = text.replace('-', "/");
    let mut parts = slashes.split("\\x");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let code = part.get(..2).and_then(|code| u8::from_str_radix(code, 16).ok());
        match (code, part.get(2..)) {
            (Some(code), Some(rest)) => plain.extend([String::from(char::from(code)), rest.into()]),
            _ => plain.extend(["\\x", part]),
        }
    }
    plain
}

/// The variables of a file (`EnvironmentFile=`): quotes and backslashes as in a shell, nothing is filled in.
pub(super) fn variables(text: &str) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let line = rest.trim_start();
        if line.starts_with(['#', ';']) {
            rest = line.split_once('\n').map_or("", |(_, rest)| rest);
            continue;
        }
        let (first, _) = line.split_once('\n').unwrap_or((line, ""));
        let Some((name, _)) = first.split_once('=') else {
            rest = line.get(first.len()..).unwrap_or_default();
            continue;
        };
        let from = line.get(name.len() + 1..).unwrap_or_default();
        let (value, used) = value(from);
        rest = from.get(used..).unwrap_or_default();
        let name = name.trim();
        all.retain(|(known, _)| known != name);
        all.push((name.to_owned(), value));
    }
    all
}

/// A value at the beginning of a text, and how many bytes of it.
fn value(text: &str) -> (String, usize) {
    let (mut value, mut kept) = (String::new(), 0);
    let mut quote: Option<char> = None;
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match (letter, quote) {
            ('\n', None) => {
                value.truncate(kept);
                return (value, at + 1);
            }
            (' ' | '\t' | '\r', None) if value.is_empty() => {}
            (' ' | '\t' | '\r', None) => value.push(letter),
            ('"' | '\'', None) => quote = Some(letter),
            (letter, Some(open)) if letter == open => {
                quote = None;
                kept = value.len();
            }
            ('\\', None | Some('"')) => {
                match letters.next() {
                    Some((_, '\n')) | None => {}
                    Some((_, next)) if quote.is_none() || "\"\\`$".contains(next) => {
                        value.push(next);
                    }
                    Some((_, next)) => value.extend(['\\', next]),
                }
                kept = value.len();
            }
            (letter, _) => {
                value.push(letter);
                kept = value.len();
            }
        }
    }
    value.truncate(kept);
    (value, text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_taken_apart_as_systemd_does() {
        for (text, expected) in [
            (r#"/bin/a -c "b 'c' \"d\"" 'e "f"'"#, vec!["/bin/a", "-c", "b 'c' \"d\"", "e \"f\""]),
            (r#"A="x y" B\x20c \101 \u00e4 d\se"#, vec!["A=x y", "B c", "A", "\u{e4}", "d e"]),
            (r"a \d ''", vec!["a", r"\d", ""]),
            ("", vec![]),
        ] {
            assert_eq!(words(text).unwrap(), expected, "{text}");
        }
        for text in ["a \"b", "a '", "a\\", r"\x0", r"\U00110000", r"\000"] {
            assert!(words(text).is_err(), "{text}");
        }
    }

    #[test]
    fn files_of_variables_are_read_as_systemd_does() {
        let text = "# c\nA=1\n  B = 'two words' \nC=\"q \\\"x\\\" $A\"\nD=a b  \nrubbish\n;x=1\nE=go\\\nes\nA=2\nF='open\nG=1";
        let read = variables(text);
        let get = |name: &str| {
            read.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
        };
        for (name, value) in [
            ("A", Some("2")),
            ("B", Some("two words")),
            ("C", Some("q \"x\" $A")),
            ("D", Some("a b")),
            ("E", Some("goes")),
            ("F", Some("open\nG=1")),
            ("rubbish", None),
            (";x", None),
        ] {
            assert_eq!(get(name), value, "{name}");
        }
    }

    #[test]
    fn escaped_names_become_paths() {
        assert_eq!(unescaped(r"srv-a\x2db"), "srv/a-b");
        assert_eq!(unescaped(r"a\xzz"), r"a\xzz");
    }
}
