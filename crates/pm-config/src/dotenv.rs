//! Files of variables with Compose's grammar: `NAME=value`, `export`, comments, three kinds of quoting, `NAME` alone.
//!
//! Values are secrets: no message quotes them.

use pm_spec::{ByteString, Environment};

use crate::diagnose::{Finding, quoted};
use crate::interpolate::{Dollars, fill};
use crate::line_index::LineIndex;

/// One variable of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileVariable {
    pub(crate) name: String,
    /// `None`: only its name stands there, and the caller's value is meant.
    pub(crate) value: Option<ByteString>,
}

/// How a file is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Quotes, comments and variables mean something.
    #[default]
    Compose,
    /// All behind the `=` is the value (Compose: `format: raw`).
    Raw,
}

/// Reads a file; `before` has what files before it and the caller's shell set. Problems have places in this text.
pub(crate) fn parse(
    text: &str,
    dialect: Dialect,
    before: &Environment,
) -> (Vec<FileVariable>, Vec<Finding>) {
    let index = LineIndex::new(text);
    let mut reading =
        DotenvReading { text, index, before, dialect, variables: Vec::new(), findings: Vec::new() };
    let mut at = 0;
    while at < text.len() {
        at = reading.line(at);
    }
    (reading.variables, reading.findings)
}

struct DotenvReading<'a> {
    text: &'a str,
    index: LineIndex<'a>,
    before: &'a Environment,
    dialect: Dialect,
    variables: Vec<FileVariable>,
    findings: Vec<Finding>,
}

impl DotenvReading<'_> {
    /// Reads what begins in the line at `at`, and says where the next line begins.
    fn line(&mut self, at: usize) -> usize {
        let end = self.end(at);
        let line = &self.text[at..end];
        let stated = line.trim_start();
        if stated.is_empty() || stated.starts_with('#') {
            return end + 1;
        }
        let exported = stated.strip_prefix("export").filter(|rest| rest.starts_with([' ', '\t']));
        let stated = exported.map_or(stated, str::trim_start);
        let start = at + line.len() - stated.len();
        let sign = stated.find(['=', ':']);
        let name = stated[..sign.unwrap_or(stated.len())].trim_end();
        let name = if sign.is_none() { uncommented(name) } else { name };
        if let Some(wrong) = name.find(|c: char| !c.is_alphanumeric() && !"_.-[]".contains(c)) {
            self.fail(start + wrong, "this can't be in the name of a variable");
            return end + 1;
        }
        if name.is_empty() {
            self.fail(start, "there is no name before the `=`");
            return end + 1;
        }
        let Some(sign) = sign else {
            self.variables.push(FileVariable { name: name.into(), value: None });
            return end + 1;
        };
        let from = start + sign + 1;
        let (value, next) = match self.dialect {
            Dialect::Raw => (Some(self.text[from..end].into()), end + 1),
            Dialect::Compose => self.value(name, from),
        };
        if value.as_ref().is_some_and(|value| value.as_bytes().contains(&0)) {
            self.fail(from, "a variable can't hold a NUL byte");
        } else if value.is_some() {
            self.variables.push(FileVariable { name: name.into(), value });
        }
        next
    }

    /// The end of the line at `at`.
    fn end(&self, at: usize) -> usize {
        self.text[at..].find('\n').map_or(self.text.len(), |length| at + length)
    }

    fn fail(&mut self, at: usize, message: impl AsRef<str>) {
        self.findings.push(Finding::error(self.index.place(at), message));
    }

    /// The value of a name that begins at `from`, and where the next line begins.
    fn value(&mut self, name: &str, from: usize) -> (Option<ByteString>, usize) {
        let end = self.end(from);
        let blanks = self.text[from..end].len() - self.text[from..end].trim_start().len();
        let start = from + blanks;
        let quote = match self.text.as_bytes().get(start) {
            Some(quote @ (b'"' | b'\'')) if start < end => *quote,
            _ => {
                let value = uncommented(&self.text[from..end]).trim();
                return (self.filled(value, start), end + 1);
            }
        };
        let Some(length) = closing(&self.text.as_bytes()[start + 1..], quote) else {
            self.fail(start, format!("the value of {} has no closing quote", quoted(name)));
            return (None, end + 1);
        };
        let close = start + 1 + length;
        let inside = &self.text[start + 1..close];
        let end = self.end(close);
        let rest = &self.text[close + 1..end];
        if !rest.trim_start().is_empty() && !rest.trim_start().starts_with('#') {
            let behind = close + 1 + rest.len() - rest.trim_start().len();
            self.fail(behind, "only a comment can stand behind the closing quote");
            return (None, end + 1);
        }
        let value = if quote == b'"' {
            self.filled(&unescaped(inside), start)
        } else {
            Some(inside.replace("\\'", "'").into())
        };
        (value, end + 1)
    }

    /// With the variables in it; of the same name the last one above counts, then what was there before.
    fn filled(&mut self, text: &str, at: usize) -> Option<ByteString> {
        let look = |name: &str| {
            let above = self.variables.iter().rfind(|it| it.name == name && it.value.is_some());
            above.and_then(|it| it.value.clone()).or_else(|| self.before.get(name).cloned())
        };
        match fill(text, Dollars::All, &look) {
            Ok(filled) => {
                for name in &filled.unset {
                    let message = format!(
                        "the variable {} is not set; nothing stands in its place",
                        quoted(name)
                    );
                    let hint =
                        "a dollar itself is `$$`; in single quotes everything is as it stands";
                    self.findings.push(Finding::warning(self.index.place(at), message).hint(hint));
                }
                Some(filled.bytes.into())
            }
            Err(wrong) => {
                self.fail(at, wrong.message);
                None
            }
        }
    }
}

/// Without a comment, which begins behind a blank.
fn uncommented(text: &str) -> &str {
    let begins = |(at, _): &(usize, &str)| text[..*at].ends_with([' ', '\t']);
    text.match_indices('#').find(begins).map_or(text, |(at, _)| &text[..at]).trim_end()
}

/// The offset of the closing quote; one behind a backslash is none.
fn closing(text: &[u8], quote: u8) -> Option<usize> {
    let mut is_escaped = false;
    text.iter().position(|byte| {
        let closes = *byte == quote && !is_escaped;
        is_escaped = *byte == b'\\' && !is_escaped;
        closes
    })
}

/// What backslashes mean between double quotes; a dollar behind one stays a dollar.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('$') => out.push_str("$$"),
            Some(same @ ('\\' | '"')) => out.push(same),
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::{ConfigPlace, Severity};

    fn read(text: &str) -> (Vec<String>, Vec<Finding>) {
        let mut before = Environment::new();
        before.set("HOST", "db");
        let (variables, findings) = parse(text, Dialect::Compose, &before);
        let shown = |it: FileVariable| match it.value {
            Some(value) => format!("{}={}", it.name, value.display()),
            None => it.name,
        };
        (variables.into_iter().map(shown).collect(), findings)
    }

    #[test]
    fn values_are_quoted_as_in_compose() {
        for (line, shown) in [
            ("A=b", "A=b"),
            ("  export\tA = b c ", "A=b c"),
            ("A: yaml", "A=yaml"),
            ("A=", "A="),
            ("A= # none", "A="),
            ("A=b # c", "A=b"),
            ("A=b#c", "A=b#c"),
            ("A=#b", "A=#b"),
            ("A='b # c' # d", "A=b # c"),
            ("A=\"b # c\"#d", "A=b # c"),
            ("A='$HOST \\n'", "A=$HOST \\n"),
            ("A='it\\'s'", "A=it's"),
            ("A=\"a\\tb\\n\\\"c\\\" \\\\ \\$HOST \\x\"", "A=a\tb\n\"c\" \\ $HOST \\x"),
            ("A=\"${HOST}:5432\"", "A=db:5432"),
            ("A=$HOST-${NONE:-x}", "A=db-x"),
            ("A=5$$", "A=5$"),
            ("A='one\ntwo'", "A=one\ntwo"),
            ("A=it's", "A=it's"),
            ("HOST", "HOST"),
            ("HOST # from the shell", "HOST"),
            ("exported=1", "exported=1"),
        ] {
            let (read, findings) = read(line);
            assert!(findings.is_empty(), "{line}: {findings:?}");
            assert_eq!(read, [shown], "{line}");
        }
        let (all, _) = read("# c\n\nA=1\nB=${A}2 # d\nA='x\ny' \nC=$A\n");
        assert_eq!(all, ["A=1", "B=12", "A=x\ny", "C=x\ny"]);
    }

    #[test]
    fn what_is_raw_stays_as_it_is() {
        let (all, findings) = parse("A= \"b\" # $c\n", Dialect::Raw, &Environment::new());
        let value = Some(" \"b\" # $c".into());
        assert_eq!((all, findings.len()), (vec![FileVariable { name: "A".into(), value }], 0));
    }

    #[test]
    fn mistakes_have_places_and_show_no_value() {
        let text = "GOOD=1\nTWO WORDS=hunter2\n=hunter2\nA='hunter2\nB=\"hunter2\" hunter2\nC=${hunter2\nLAST=1\n";
        let (read, findings) = read(&text.replace("A='hunter2\n", ""));
        assert_eq!(read, ["GOOD=1", "LAST=1"]);
        let at = |line, column| ConfigPlace::Line { line, column };
        let places: Vec<_> = findings.iter().map(|it| it.at).collect();
        assert_eq!(places, [at(2, 4), at(3, 1), at(4, 13), at(5, 3)]);
        let (_, findings) = self::read("\n  A = 'hunter2\nB=1");
        assert_eq!(findings[0].at, at(2, 7));
        assert!(findings[0].message.contains("`A` has no closing quote"));
        let (_, findings) = self::read("A=$NONE");
        assert_eq!(findings[0].severity, Severity::Warning);
        for finding in findings {
            assert!(!finding.message.contains("hunter2"), "{}", finding.message);
        }
    }
}
