//! One section of Supervisor's file, asked option by option: values are filled in, and what is wrong has its place.

use std::path::Path;

use super::expand::Expansions;
use super::ini::{IniOption, IniSection, IniSections};
use crate::diagnose::{ConfigPlace, Finding, Findings, quoted};

/// A section, the names that may be used in it, and where its problems go.
pub(crate) struct SectionOptions<'a> {
    pub(crate) sections: &'a IniSections,
    pub(crate) section: &'a IniSection,
    pub(crate) names: Expansions,
    pub(crate) findings: &'a mut Findings,
}

impl<'a> SectionOptions<'a> {
    pub(crate) fn option(&self, key: &str) -> Option<&'a IniOption> {
        self.sections.option(self.section, key)
    }

    /// Where the value of an option stands, or the section if it has none.
    pub(crate) fn place(&self, key: &str) -> ConfigPlace {
        self.option(key).map_or(self.section.at, |option| option.value_at)
    }

    /// Its text, filled in.
    pub(crate) fn text(&mut self, key: &str) -> Option<String> {
        let option = self.option(key)?;
        self.fill(option)
    }

    pub(crate) fn fill(&mut self, option: &IniOption) -> Option<String> {
        filled(&mut self.names, option, self.findings)
    }

    /// What its text means.
    pub(crate) fn read<T>(
        &mut self,
        key: &str,
        what: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text(key)?;
        let value = parse(&text);
        if value.is_none() {
            let message = format!("`{key}` must be {what}, not {}", quoted(&text));
            self.findings.add(Finding::error(self.place(key), message));
        }
        value
    }

    pub(crate) fn switch(&mut self, key: &str, usual: bool) -> bool {
        self.read(key, "true or false", super::values::boolean).unwrap_or(usual)
    }

    /// A whole number, not less than `least`.
    pub(crate) fn number(&mut self, key: &str, usual: i64, least: i64) -> i64 {
        let parse = |text: &str| super::values::integer(text).filter(|number| *number >= least);
        self.read(key, &format!("a whole number, {least} or more"), parse).unwrap_or(usual)
    }

    pub(crate) fn error(&mut self, key: &str, message: &str) {
        self.findings.add(Finding::error(self.place(key), message));
    }
}

/// The value of an option with all names in it filled in.
pub(crate) fn filled(
    names: &mut Expansions,
    option: &IniOption,
    findings: &mut Findings,
) -> Option<String> {
    names.text("here", shown(&option.here));
    let filled = names.fill(&option.text);
    filled
        .map_err(|(offset, message)| {
            let before = option.text.get(..offset).unwrap_or_default();
            let at = along(option.value_at, before);
            let message = format!("`{}`: {message}", option.key);
            findings.add(Finding::error(at, message));
        })
        .ok()
}

pub(crate) fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// A place so much text further in the same line; where a value goes on in further lines, its beginning has to do.
pub(crate) fn along(at: ConfigPlace, before: &str) -> ConfigPlace {
    let more = if before.contains('\n') { 0 } else { before.chars().count() };
    match at {
        ConfigPlace::Line { line, column } => ConfigPlace::Line { line, column: column + more },
        ConfigPlace::Other { file, line, column } => {
            ConfigPlace::Other { file, line, column: column + more }
        }
        ConfigPlace::Whole | ConfigPlace::Flag(_) => at,
    }
}
