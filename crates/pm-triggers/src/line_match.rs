//! Which lines of an app's output are meant.

use pm_spec::LinePattern;
use regex_lite::Regex;

/// Finds lines.
#[derive(Clone, Debug)]
pub enum LineMatch {
    /// Those with this text.
    Text(String),
    /// Those this means.
    Regex(Regex),
}

impl LineMatch {
    /// For a pattern; else why it is none.
    pub fn new(pattern: &LinePattern) -> Result<Self, String> {
        match pattern {
            LinePattern::Text(text) => Ok(Self::Text(text.clone())),
            LinePattern::Regex(regex) => {
                Regex::new(regex).map(Self::Regex).map_err(|error| error.to_string())
            }
        }
    }

    /// Whether this line is meant; colours are no part of it.
    pub fn takes(&self, line: &[u8]) -> bool {
        let line = plain(&String::from_utf8_lossy(line));
        match self {
            Self::Text(text) => line.contains(text.as_str()),
            Self::Regex(regex) => regex.is_match(&line),
        }
    }
}

/// Without what terminals take for colours (`ESC [ ... letter`).
fn plain(line: &str) -> String {
    let mut parts = line.split("\u{1b}[");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| c.is_ascii_alphabetic());
        text += end.and_then(|end| part.get(end + 1..)).unwrap_or_default();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_by_text_and_by_expression() {
        let text = LineMatch::new(&LinePattern::Text("Listening on".into())).unwrap();
        let regex = LineMatch::new(&LinePattern::Regex("^Listen.*:[0-9]+$".into())).unwrap();
        for (line, by_text, by_regex) in [
            (&b"Listening on :80"[..], true, true),
            (b"\x1b[32mListening\x1b[0m on http://x:80\x1b[0m", true, true),
            (b"> Listening on :80", true, false),
            (b"Listen :80", false, true),
            (b"\xff Listening on \xff", true, false),
            (b"", false, false),
        ] {
            assert_eq!((text.takes(line), regex.takes(line)), (by_text, by_regex), "{line:?}");
        }
        LineMatch::new(&LinePattern::Regex("(".into())).unwrap_err();
    }
}
