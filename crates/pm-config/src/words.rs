//! Argument strings to arguments, as PM2 splits them. No shell is imitated: no escapes, no variables.

use pm_spec::ByteString;

/// Splits at blanks; quotes group. A word that is one quoted piece loses its quotes, `--x='y z'` keeps them, as in PM2.
/// A quote that is never closed is an ordinary character.
pub(crate) fn split(text: &[u8]) -> Vec<ByteString> {
    let mut words = Vec::new();
    let mut rest = text.trim_ascii_start();
    while !rest.is_empty() {
        let (word, after) = rest.split_at(word_length(rest));
        words.push(ByteString::from(unquoted(word)));
        rest = after.trim_ascii_start();
    }
    words
}

fn word_length(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' | b'\'' => at += closing(&text[at..]).map_or(1, |end| end + 1),
            byte if byte.is_ascii_whitespace() => break,
            _ => at += 1,
        }
    }
    at
}

/// The index of the quote that closes the first byte.
fn closing(text: &[u8]) -> Option<usize> {
    let quote = text.first()?;
    text.iter().skip(1).position(|byte| byte == quote).map(|at| at + 1)
}

fn unquoted(word: &[u8]) -> &[u8] {
    match word {
        [b'"' | b'\'', .., _] if closing(word) == Some(word.len() - 1) => &word[1..word.len() - 1],
        _ => word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_split_as_in_pm2() {
        for (text, words) in [
            ("app:app -w 2  -b 127.0.0.1:5000", vec!["app:app", "-w", "2", "-b", "127.0.0.1:5000"]),
            ("-c 'a b' \"c 'd\"", vec!["-c", "a b", "c 'd"]),
            ("--x='y z' e'f'", vec!["--x='y z'", "e'f'"]),
            ("'a''b'", vec!["'a''b'"]),
            ("''", vec![""]),
            ("it's", vec!["it's"]),
            ("\ta\n b ", vec!["a", "b"]),
            ("'", vec!["'"]),
            ("", vec![]),
        ] {
            let expected: Vec<_> = words.into_iter().map(ByteString::from).collect();
            assert_eq!(split(text.as_bytes()), expected, "{text}");
        }
    }
}
