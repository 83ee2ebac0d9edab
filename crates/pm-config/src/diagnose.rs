//! Problems of a config: collected, placed and rendered, all of them at once.
//!
//! It says where and what; it never decides what is wrong.

use std::fmt;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing of this file is started.
    Error,
    /// It works, though perhaps not as meant.
    Warning,
}

/// Where a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The input as a whole.
    Whole,
    /// A character of the file, both counted from 1; a tab counts as one column.
    Line {
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
    },
    /// A flag of the command line, as typed: `--kill-timeout`.
    Flag(&'static str),
}

/// One problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// The file as the user named it, or `command line`.
    pub origin: String,
    /// Where in it.
    pub place: Place,
    /// A lower-case fragment without final period.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The offending line, without its end; `None` where the place is no line.
    pub source_line: Option<String>,
}

/// All problems of one config, errors and warnings, in order of place. At least one is an error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Diagnosis {
    /// The problems.
    pub diagnostics: Vec<Diagnostic>,
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for diagnostic in &self.diagnostics {
            writeln!(f, "{diagnostic}")?;
        }
        Ok(())
    }
}

/// So many characters of an offending line are shown; longer ones are cut around the caret.
const SHOWN: usize = 120;

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Place::Line { line, column } => write!(f, "{}:{line}:{column}: ", self.origin)?,
            Place::Flag(flag) => write!(f, "{flag}: ")?,
            Place::Whole => write!(f, "{}: ", self.origin)?,
        }
        let word = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{word}: {}", self.message)?;
        if let (Some(text), Place::Line { line, column }) = (&self.source_line, self.place) {
            let (shown, caret) = excerpt(text, column);
            let number = line.to_string();
            write!(f, "\n  {number} | {shown}\n  {:1$} | {caret}^", "", number.len())?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

/// The part of a line around a column, harmless to a terminal, and the blanks that lead to the caret below it.
fn excerpt(line: &str, column: usize) -> (String, String) {
    let start = if column > SHOWN { column - SHOWN / 2 } else { 0 };
    let harmless = |c: char| if c.is_control() && c != '\t' { '\u{fffd}' } else { c };
    let mut shown: String = line.chars().skip(start).take(SHOWN).map(harmless).collect();
    let lead = column.saturating_sub(start + 1);
    let mut caret: String =
        shown.chars().take(lead).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
    // The end of a file may lie behind the last character.
    let missing = lead.saturating_sub(caret.chars().count());
    caret.extend(std::iter::repeat_n(' ', missing));
    if start > 0 {
        shown.insert_str(0, "...");
        caret.insert_str(0, "   ");
    }
    if line.chars().nth(start + SHOWN).is_some() {
        shown.push_str("...");
    }
    (shown, caret)
}

/// Byte offsets to places.
pub(crate) struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

/// Columns behind this many bytes are counted in bytes, so that a hostile one-line file can't cost the square of its size.
const COUNTED: usize = 2_000;

impl<'a> Lines<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        Self { text, starts: std::iter::once(0).chain(breaks).collect() }
    }

    pub(crate) fn place(&self, offset: usize) -> Place {
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = line.checked_sub(1).and_then(|at| self.starts.get(at)).map_or(0, |at| *at);
        let before = self.text.get(start..offset).unwrap_or("");
        let width = if before.len() > COUNTED { before.len() } else { before.chars().count() };
        Place::Line { line, column: width + 1 }
    }
}

/// Text that a terminal can only print: names and paths in it may come from anybody.
pub(crate) fn harmless(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// A value inside a message: quoted, at most 60 characters.
pub(crate) fn quoted(text: impl AsRef<[u8]>) -> String {
    let text = String::from_utf8_lossy(text.as_ref());
    let mut shown: String = text.chars().take(60).collect();
    if text.chars().nth(60).is_some() {
        shown.push_str("...");
    }
    format!("`{shown}`")
}

/// A problem before it knows its file.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub(crate) severity: Severity,
    pub(crate) at: Place,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    /// Whether all that is wrong is that there is nothing to run.
    pub(crate) lacks_script: bool,
}

impl Finding {
    pub(crate) fn error(at: Place, message: impl AsRef<str>) -> Self {
        let (message, hint) = (harmless(message.as_ref()), None);
        Self { severity: Severity::Error, at, message, hint, lacks_script: false }
    }

    pub(crate) fn warning(at: Place, message: impl AsRef<str>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(at, message) }
    }

    /// As [`error`](Self::error), of an app that has nothing to run.
    pub(crate) fn no_script(at: Place, message: impl AsRef<str>) -> Self {
        Self { lacks_script: true, ..Self::error(at, message) }
    }

    pub(crate) fn hint(mut self, hint: impl AsRef<str>) -> Self {
        self.hint = Some(harmless(hint.as_ref()));
        self
    }
}

/// All problems found so far.
#[derive(Debug, Default)]
pub(crate) struct Findings(Vec<Finding>);

impl Findings {
    pub(crate) fn add(&mut self, finding: Finding) {
        self.0.push(finding);
    }

    /// Adds the error of a result and keeps its value.
    pub(crate) fn take<T>(&mut self, result: Result<T, Finding>) -> Option<T> {
        result.map_err(|finding| self.add(finding)).ok()
    }

    /// Takes over what was found about one app, saying which where the place does not.
    pub(crate) fn absorb(&mut self, other: Self, who: Option<&str>) {
        self.0.extend(other.0.into_iter().map(|mut finding| {
            if let (Some(who), Place::Whole) = (who, finding.at) {
                finding.message = format!("{}: {}", harmless(who), finding.message);
            }
            finding
        }));
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.0.iter().any(|finding| finding.severity == Severity::Error)
    }

    /// Whether something else is wrong than that there is nothing to run.
    pub(crate) fn has_wrong_values(&self) -> bool {
        self.0.iter().any(|it| it.severity == Severity::Error && !it.lacks_script)
    }

    /// In order of place, each with its file and line.
    pub(crate) fn into_diagnostics(self, origin: &str, text: &str) -> Vec<Diagnostic> {
        let lines: Vec<&str> = text.lines().collect();
        let line_of = |at: Place| match at {
            Place::Line { line, .. } => {
                Some((*lines.get(line.checked_sub(1)?).unwrap_or(&"")).to_owned())
            }
            Place::Whole | Place::Flag(_) => None,
        };
        let mut findings = self.0;
        findings.sort_by_key(|finding| (finding.at, finding.severity));
        findings
            .into_iter()
            .map(|finding| Diagnostic {
                severity: finding.severity,
                origin: origin.to_owned(),
                place: finding.at,
                source_line: line_of(finding.at),
                message: finding.message,
                hint: finding.hint,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(column: usize, line: &str) -> String {
        let mut findings = Findings::default();
        let at = Place::Line { line: 1, column };
        findings.add(Finding::error(at, "this is wrong").hint("write it right"));
        findings.into_diagnostics("eco.json5", line)[0].to_string()
    }

    #[test]
    fn the_caret_stands_below_its_character() {
        insta::assert_snapshot!(rendered(5, "\tnÄ: 'x',"), @r"
        eco.json5:1:5: error: this is wrong
          1 | 	nÄ: 'x',
            | 	   ^
          hint: write it right
        ");
    }

    #[test]
    fn a_long_line_is_cut_and_escape_sequences_are_harmless() {
        let text = rendered(900, &"x\x1b".repeat(1000));
        assert!(text.contains("...") && !text.contains('\x1b'), "{text}");
        assert!(text.lines().all(|line| line.chars().count() < 140), "{text}");
    }

    #[test]
    fn an_end_of_file_has_a_place() {
        assert!(rendered(4, "{").contains("  1 | {\n    |    ^"));
    }
}
