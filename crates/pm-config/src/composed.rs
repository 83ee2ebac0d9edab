//! A Compose project by its files, for `pm config`.

use std::path::Path;

use crate::caller::Caller;
use crate::compose::{ComposeFiles, ComposeProject, circle};
use crate::diagnose::{Diagnosis, Diagnostic, Findings};
use crate::source::ConfigSource;
use crate::{format, paths};

impl ComposeProject {
    /// The project of these files, each laid over those before.
    pub fn load(
        files: &[&Path],
        caller: &Caller,
        profiles: &[String],
        name: Option<&str>,
    ) -> Result<(Self, Vec<Diagnostic>), Diagnosis> {
        let first = files.first().copied().unwrap_or(Path::new("compose.yaml"));
        let (source, bytes) = ConfigSource::open(first, caller)?;
        let mut findings = Findings::default();
        let text = findings.take(format::text(&bytes)).unwrap_or_default();
        let path = paths::absolute(first, &caller.cwd);
        let over: Vec<_> =
            files.iter().skip(1).map(|it| paths::absolute(it, &caller.cwd)).collect();
        let files = ComposeFiles { first: (&path, &text), over: &over, caller, profiles, name };
        let project = files.read(&mut findings);
        if !findings.has_errors() {
            circle(&project.root, &mut findings);
        }
        let project = project.resolved(&mut findings);
        let failed = findings.has_errors();
        let warnings = source.judged(findings, &text, failed)?;
        Ok((project, warnings))
    }
}
