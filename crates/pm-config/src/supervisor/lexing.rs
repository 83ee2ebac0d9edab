//! Words and pairs in values of Supervisor's file, as Python's `shlex` takes them apart: commands like a shell does, and
//! `environment` by its older rules.

/// The words of a command (`shlex.split`).
pub(crate) fn words(text: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '\\' => {
                let next = letters.next().ok_or("a `\\` stands at the end")?;
                word.get_or_insert_default().push(next);
            }
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match letters.next().ok_or("a quote is not closed")? {
                        '\'' => break,
                        inside => word.push(inside),
                    }
                }
            }
            '"' => double(&mut letters, word.get_or_insert_default())?,
            letter => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    Ok(words)
}

/// Inside double quotes a backslash means something before a quote and before itself only.
fn double(letters: &mut std::str::Chars<'_>, word: &mut String) -> Result<(), &'static str> {
    loop {
        match letters.next().ok_or("a quote is not closed")? {
            '"' => return Ok(()),
            '\\' => {
                let next = letters.next().ok_or("a `\\` stands at the end")?;
                if !matches!(next, '"' | '\\') {
                    word.push('\\');
                }
                word.push(next);
            }
            inside => word.push(inside),
        }
    }
}

/// The variables of `K=v,K2="a,b"`, or where in the text it is wrong, and how.
pub(crate) fn pairs(text: &str) -> Result<Vec<(String, String)>, (usize, &'static str)> {
    let tokens = tokens(text)?;
    let mut pairs = Vec::new();
    for group in tokens.chunks(4) {
        match group {
            [(_, name), (_, equals), (at, value), rest @ ..] if *equals == "=" => {
                if let Some((next, _)) = rest.first().filter(|(_, comma)| *comma != ",") {
                    let is_quoted = value.starts_with(['"', '\'']);
                    return Err(match is_quoted {
                        true if is_escaped(value) => (*at, NO_ESCAPES),
                        true => (*next, "after a value in quotes comes a comma or the end"),
                        false => (
                            *at,
                            "a value with other letters than A-Z a-z 0-9 _ / . + - ( ) : needs quotes",
                        ),
                    });
                }
                pairs.push(((*name).to_owned(), value.trim_matches(['"', '\'']).to_owned()));
            }
            [(at, _), ..] => {
                return Err((*at, "it is not of the form NAME=value,OTHER=\"a value\""));
            }
            [] => {}
        }
    }
    Ok(pairs)
}

const NO_ESCAPES: &str = "Supervisor knows no `\\\"` inside quotes, the value ends there; one with `\"` in it stands between \
     `'`, one with `'` between `\"`, and one with both can't be written";

/// Whether whoever wrote it meant it to go on.
fn is_escaped(quoted: &str) -> bool {
    quoted.len() > 2 && quoted.trim_end_matches(['"', '\'']).ends_with('\\')
}

/// The tokens of `shlex.shlex` in its compatible mode, each with its place: quotes stay, every other odd letter is a token of
/// its own.
fn tokens(text: &str) -> Result<Vec<(usize, &str)>, (usize, &'static str)> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || "_/.+-():".contains(c);
    let is_blank = |c: char| matches!(c, ' ' | '\t' | '\r' | '\n');
    let mut tokens: Vec<(usize, &str)> = Vec::new();
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        if is_blank(letter) {
            continue;
        }
        if letter == '#' {
            letters.by_ref().find(|(_, c)| *c == '\n');
            continue;
        }
        if matches!(letter, '"' | '\'') {
            if !letters.by_ref().any(|(_, inside)| inside == letter) {
                let escaped = tokens.last().filter(|(_, token)| is_escaped(token));
                return Err(escaped.map_or((at, "a quote is not closed"), |it| (it.0, NO_ESCAPES)));
            }
        } else if is_word(letter) {
            while letters.next_if(|(_, c)| is_word(*c) || matches!(c, '"' | '\'')).is_some() {}
        }
        let end = letters.peek().map_or(text.len(), |(end, _)| *end);
        tokens.push((at, text.get(at..end).unwrap_or_default()));
    }
    Ok(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each expectation is what Python 3.11 says.
    #[test]
    fn commands_split_like_a_shell() {
        for (text, expected) in [
            (
                r#"/bin/a -c "b 'c' \"d\" \n" 'e "f"'"#,
                vec!["/bin/a", "-c", "b 'c' \"d\" \\n", "e \"f\""],
            ),
            (r"a\ b c\\d ''", vec!["a b", "c\\d", ""]),
            ("a\n  b#c", vec!["a", "b#c"]),
            ("x'y z'w", vec!["xy zw"]),
            ("", vec![]),
        ] {
            assert_eq!(words(text).unwrap(), expected, "{text}");
        }
        assert_eq!(words("a 'b"), Err("a quote is not closed"));
        assert_eq!(words("a\\"), Err("a `\\` stands at the end"));
    }

    #[test]
    fn variables_are_told_apart_as_supervisor_does() {
        let pair = |list: &[(&str, &str)]| -> Vec<(String, String)> {
            list.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
        };
        for (text, expected) in [
            ("A=1,B=\"x,y\"", pair(&[("A", "1"), ("B", "x,y")])),
            ("A='it is',\n B=/a/b:c ,", pair(&[("A", "it is"), ("B", "/a/b:c")])),
            ("A=\"'q'\"", pair(&[("A", "q")])),
            ("A=\"\"", pair(&[("A", "")])),
            ("", pair(&[])),
        ] {
            assert_eq!(pairs(text).unwrap(), expected, "{text}");
        }
        for text in ["A", "A=", "A=1;B=2", "A=b&c", "A=\"x", "A=1 B=2"] {
            assert!(pairs(text).is_err(), "{text}");
        }
        for (text, at, why) in [
            (r#"A=1,P="a'\"b""#, 6, "knows no"),
            (r#"P="a\"""#, 2, "knows no"),
            (r#"P="a"b"#, 5, "after a value in quotes"),
            ("A=1,B=c&d", 6, "needs quotes"),
            ("A=1,B", 4, "not of the form"),
            ("A='1", 2, "not closed"),
        ] {
            let (place, told) = pairs(text).unwrap_err();
            assert!(place == at && told.contains(why), "{text}: {place} {told}");
        }
    }
}
