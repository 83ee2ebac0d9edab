//! Problems of a config: collected, placed and rendered, all of them at once.
//!
//! It says where and what; it never decides what is wrong.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use pm_spec::AppName;

/// Columns behind this many bytes are counted in bytes, so that a hostile one-line file can't cost the square of its size.
pub(crate) const COUNTED: usize = 2_000;

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
pub enum ConfigPlace {
    /// The input as a whole.
    Whole,
    /// A character of the file, both counted from 1; a tab counts as one column.
    Line {
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
    },
    /// The same in a file that the config names; in a [`Diagnostic`], whose origin is that file, it is a `Line`.
    Other {
        /// Which of them.
        file: u16,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
    },
    /// A flag of the command line, as typed: `--kill-timeout`.
    Flag(&'static str),
}

impl ConfigPlace {
    /// The same place in another file than the config.
    pub(crate) fn of(self, file: u16) -> Self {
        match self {
            Self::Line { line, column } => Self::Other { file, line, column },
            Self::Whole => Self::Other { file, line: 0, column: 0 },
            Self::Other { .. } | Self::Flag(_) => self,
        }
    }
}

/// One problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// The file as the user named it, or `command line`.
    pub origin: String,
    /// Where in it.
    pub place: ConfigPlace,
    /// A lower-case fragment without final period.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// What of the offending line is around the place; `None` where the place is no line.
    pub excerpt: Option<Excerpt>,
}

/// A part of a line, and the blanks that lead to the caret below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// Harmless to a terminal.
    pub text: String,
    /// As wide as what stands before the place.
    pub lead: String,
}

/// All problems of one config, errors and warnings, in order of place. At least one is an error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Diagnosis {
    /// The problems.
    pub diagnostics: Vec<Diagnostic>,
    /// What apps depend on and the config does not have, each with the problem that it is if nobody knows it.
    pub outside: Vec<(AppName, Diagnostic)>,
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for diagnostic in &self.diagnostics {
            writeln!(f, "{diagnostic}")?;
        }
        Ok(())
    }
}

/// So many problems of a file are told; who reads more has a broken file, not a broken line.
const MOST: usize = 200;

/// So many characters of an offending line are shown; longer ones are cut around the caret.
const SHOWN: usize = 120;

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            ConfigPlace::Line { line, column } => write!(f, "{}:{line}:{column}: ", self.origin)?,
            ConfigPlace::Flag(flag) => write!(f, "{flag}: ")?,
            ConfigPlace::Whole | ConfigPlace::Other { .. } => write!(f, "{}: ", self.origin)?,
        }
        let word = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{word}: {}", self.message)?;
        if let (Some(Excerpt { text, lead }), ConfigPlace::Line { line, .. }) =
            (&self.excerpt, self.place)
        {
            let number = line.to_string();
            write!(f, "\n  {number} | {text}\n  {:1$} | {lead}^", "", number.len())?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

impl Excerpt {
    /// The part of a line around a column. Its cost does not grow with the line.
    fn of(line: &str, column: usize) -> Self {
        let start = if column > SHOWN { column - SHOWN / 2 } else { 0 };
        let harmless = |c: char| if c.is_control() && c != '\t' { '\u{fffd}' } else { c };
        // Far behind, columns are bytes.
        let (line, before) = if column > COUNTED {
            (line.get(line.floor_char_boundary(start)..).unwrap_or_default(), 0)
        } else {
            (line, start)
        };
        let rest = line.chars().skip(before);
        let mut text: String = rest.clone().take(SHOWN).map(harmless).collect();
        let wanted = column.saturating_sub(start + 1);
        let mut lead: String =
            text.chars().take(wanted).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        // The end of a file may lie behind the last character.
        let missing = wanted.saturating_sub(lead.chars().count());
        lead.extend(std::iter::repeat_n(' ', missing));
        if start > 0 {
            text.insert_str(0, "...");
            lead.insert_str(0, "   ");
        }
        if rest.clone().nth(SHOWN).is_some() {
            text.push_str("...");
        }
        Self { text, lead }
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
    pub(crate) at: ConfigPlace,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    /// Whether all that is wrong is that there is nothing to run.
    pub(crate) lacks_script: bool,
}

impl Finding {
    pub(crate) fn error(at: ConfigPlace, message: impl AsRef<str>) -> Self {
        let (message, hint) = (harmless(message.as_ref()), None);
        Self { severity: Severity::Error, at, message, hint, lacks_script: false }
    }

    pub(crate) fn warning(at: ConfigPlace, message: impl AsRef<str>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(at, message) }
    }

    /// As [`error`](Self::error), of an app that has nothing to run.
    pub(crate) fn no_script(at: ConfigPlace, message: impl AsRef<str>) -> Self {
        Self { lacks_script: true, ..Self::error(at, message) }
    }

    /// Of something nobody knows: an error where that is asked for.
    pub(crate) fn ignored(at: ConfigPlace, message: &str, strict: bool) -> Self {
        if strict {
            Self::error(at, format!("{message} (strict: otherwise it is ignored)"))
        } else {
            Self::warning(at, format!("{message}; it is ignored"))
        }
    }

    /// As a warning, of what may be there when it is needed.
    pub(crate) fn later(self) -> Self {
        Self { severity: Severity::Warning, ..self }
    }

    pub(crate) fn hint(mut self, hint: impl AsRef<str>) -> Self {
        self.hint = Some(harmless(hint.as_ref()));
        self
    }

    /// With a hint, if there is one.
    pub(crate) fn maybe(self, hint: Option<impl AsRef<str>>) -> Self {
        hint.into_iter().fold(self, Self::hint)
    }

    /// With what was probably meant, if anything was.
    pub(crate) fn near(self, near: Option<&str>) -> Self {
        self.maybe(near.map(|near| format!("did you mean `{near}`?")))
    }

    /// Of another file than the config.
    pub(crate) fn of(self, file: u16) -> Self {
        Self { at: self.at.of(file), ..self }
    }
}

/// A file that the config names: what it is called, and its text, unless that is nobody's business.
#[derive(Debug)]
struct OtherFile {
    origin: String,
    text: Option<String>,
}

/// All problems found so far.
#[derive(Debug, Default)]
pub(crate) struct Findings(Vec<Finding>, Rc<RefCell<Vec<OtherFile>>>);

impl Findings {
    /// None yet, of the same files.
    pub(crate) fn apart(&self) -> Self {
        Self(Vec::new(), Rc::clone(&self.1))
    }

    /// The number of a file that the config names; its lines are shown if there is a text.
    pub(crate) fn other(&self, origin: &str, text: Option<&str>) -> u16 {
        let mut others = self.1.borrow_mut();
        let known = others.iter().position(|other| other.origin == origin);
        let number = known.unwrap_or(others.len());
        if known.is_none() {
            others.push(OtherFile { origin: origin.into(), text: text.map(str::to_owned) });
        }
        u16::try_from(number).unwrap_or(u16::MAX)
    }

    pub(crate) fn add(&mut self, finding: Finding) {
        self.0.push(finding);
    }

    pub(crate) fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        self.0.extend(findings);
    }

    /// Adds the error of a result and keeps its value.
    pub(crate) fn take<T>(&mut self, result: Result<T, Finding>) -> Option<T> {
        result.map_err(|finding| self.add(finding)).ok()
    }

    /// Takes over what was found about one app, saying which where the place does not.
    pub(crate) fn absorb(&mut self, other: Self, who: Option<&str>) {
        self.0.extend(other.0.into_iter().map(|mut finding| {
            if let (Some(who), ConfigPlace::Whole) = (who, finding.at) {
                finding.message = format!("{}: {}", harmless(who), finding.message);
            }
            finding
        }));
    }

    /// Takes over what was found in another file than the config.
    pub(crate) fn absorb_of(&mut self, other: Self, file: u16) {
        self.0.extend(other.0.into_iter().map(|finding| finding.of(file)));
    }

    /// Has everything stop who is strict, and say that it does so only then.
    pub(crate) fn make_strict(&mut self, why: &str) {
        for finding in &mut self.0 {
            finding.severity = Severity::Error;
            finding.message.push_str(why);
        }
    }

    /// Where something stands, for the middle of a message.
    pub(crate) fn whereabouts(&self, at: ConfigPlace) -> Option<String> {
        match at {
            ConfigPlace::Line { line, .. } => Some(format!("line {line}")),
            ConfigPlace::Other { file, line, .. } => {
                let others = self.1.borrow();
                let origin = &others.get(usize::from(file))?.origin;
                Some(if line == 0 { origin.clone() } else { format!("{origin}:{line}") })
            }
            ConfigPlace::Whole | ConfigPlace::Flag(_) => None,
        }
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.0.iter().any(|finding| finding.severity == Severity::Error)
    }

    /// Whether something else is wrong than that there is nothing to run.
    pub(crate) fn has_wrong_values(&self) -> bool {
        self.0.iter().any(|it| it.severity == Severity::Error && !it.lacks_script)
    }

    /// In order of place, each with its file and line; of too many only the first, errors before warnings, and
    /// how many more there are.
    pub(crate) fn into_diagnostics(self, origin: &str, text: &str) -> Vec<Diagnostic> {
        let lines: Vec<&str> = text.lines().collect();
        let mut findings = self.0;
        if findings.len() > MOST {
            findings.sort_by_key(|finding| (finding.severity, finding.at));
        }
        let more = findings.split_off(findings.len().min(MOST));
        findings.sort_by_key(|finding| (finding.at, finding.severity));
        // What several apps have from one place is told once.
        findings.dedup_by(|next, one| {
            one.at != ConfigPlace::Whole && (one.at, &one.message) == (next.at, &next.message)
        });
        // The worst of the rest comes first.
        findings.extend(more.first().map(|worst| Finding {
            severity: worst.severity,
            at: ConfigPlace::Whole,
            message: format!("and {} more", grouped(more.len())),
            hint: None,
            lacks_script: more.iter().all(|it| it.lacks_script),
        }));
        let others = self.1.borrow();
        let excerpt = |place: ConfigPlace, file: Option<&OtherFile>| {
            let ConfigPlace::Line { line, column } = place else { return None };
            let at = line.checked_sub(1)?;
            let text = match file {
                Some(file) => file.text.as_deref()?.lines().nth(at),
                None => lines.get(at).copied(),
            };
            Some(Excerpt::of(text.unwrap_or_default(), column))
        };
        let told = |finding: Finding| {
            let (place, file) = match finding.at {
                ConfigPlace::Other { file, line: 0, .. } => {
                    (ConfigPlace::Whole, others.get(usize::from(file)))
                }
                ConfigPlace::Other { file, line, column } => {
                    (ConfigPlace::Line { line, column }, others.get(usize::from(file)))
                }
                at @ (ConfigPlace::Whole | ConfigPlace::Line { .. } | ConfigPlace::Flag(_)) => {
                    (at, None)
                }
            };
            Diagnostic {
                severity: finding.severity,
                origin: file.map_or(origin, |file| file.origin.as_str()).to_owned(),
                place,
                excerpt: excerpt(place, file),
                message: finding.message,
                hint: finding.hint,
            }
        };
        findings.into_iter().map(told).collect()
    }
}

/// A number as people read it: 15,936.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(column: usize, line: &str) -> String {
        let mut findings = Findings::default();
        let at = ConfigPlace::Line { line: 1, column };
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
