//! A file of another manager that is to be read.

use std::path::{Path, PathBuf};

use crate::caller::Caller;
use crate::diagnose::{ConfigPlace, Finding, Findings, harmless};
use crate::format::{self, ForeignFormat};
use crate::paths;
use crate::supervisor::FirstFile;

/// What it is, and what reading it stands on.
pub(crate) struct ForeignFile<'a> {
    pub(crate) format: ForeignFormat,
    pub(crate) source: FirstFile<'a>,
    pub(crate) text: &'a str,
    pub(crate) caller: &'a Caller,
    /// Others of its kind that are read with it.
    pub(crate) over: &'a [PathBuf],
    /// Whether what nobody knows is an error.
    pub(crate) strict: bool,
}

impl ForeignFile<'_> {
    /// The text of another file, which is named at this place, and its number among those of the config; why it can't be read is told.
    pub(crate) fn beside(
        &self,
        (path, at): (&Path, ConfigPlace),
        findings: &mut Findings,
    ) -> Option<(String, u16)> {
        let shown = path.strip_prefix(&self.caller.cwd).unwrap_or(path);
        let origin = harmless(&shown.to_string_lossy());
        let read = paths::head(path, format::LARGEST + 1).map_err(|error| {
            let message = format!("could not read {origin}: {}", paths::cause(&error));
            Finding::error(at, message)
        });
        let bytes = findings.take(read)?;
        match format::fits(&bytes).and_then(|()| format::text(&bytes)) {
            Ok(text) => {
                let number = findings.other(&origin, Some(&text));
                Some((text.into_owned(), number))
            }
            Err(finding) => {
                let number = findings.other(&origin, None);
                findings.add(finding.of(number));
                None
            }
        }
    }
}
