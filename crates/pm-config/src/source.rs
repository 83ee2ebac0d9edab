//! Where a config comes from, and its text as a document.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::caller::{Beside, Caller, Overrides, ScriptEngine};
use crate::diagnose::{ConfigPlace, Diagnosis, Diagnostic, Finding, Findings, harmless};
use crate::format::{self, ConfigFormat, is_config_name};
use crate::paths;
use crate::script::{self as program, Script};
use crate::tree::ConfigNode;

/// A larger file is no config; reading on would only exhaust memory.
const LARGEST: usize = 4 << 20;

/// Where a config comes from.
#[derive(Clone, Debug)]
pub(crate) struct ConfigSource {
    /// As the user named it.
    pub(crate) origin: String,
    pub(crate) format: ConfigFormat,
    /// What relative paths in it are seen from, absolute.
    pub(crate) folder: PathBuf,
    pub(crate) file: Option<PathBuf>,
}

/// What a program did to its environment.
pub(crate) type EnvChanges = BTreeMap<String, Option<String>>;

impl ConfigSource {
    pub(crate) fn of_file(path: &Path, caller: &Caller) -> Self {
        let file = paths::absolute(path, &caller.cwd);
        let name = path.to_string_lossy();
        Self {
            origin: harmless(&name),
            format: is_config_name(&name).unwrap_or(ConfigFormat::Json5),
            folder: file.parent().unwrap_or(&caller.cwd).to_owned(),
            file: Some(file),
        }
    }

    pub(crate) fn in_memory(origin: &str, format: ConfigFormat, caller: &Caller) -> Self {
        Self { origin: origin.to_owned(), format, folder: caller.cwd.clone(), file: None }
    }

    pub(crate) fn failed(&self, finding: Finding) -> Diagnosis {
        let mut findings = Findings::default();
        findings.add(finding);
        Diagnosis { diagnostics: findings.into_diagnostics(&self.origin, "") }
    }

    /// A file and what is in it.
    pub(crate) fn open(path: &Path, caller: &Caller) -> Result<(Self, Vec<u8>), Diagnosis> {
        let source = Self::of_file(path, caller);
        match source.bytes() {
            Ok(bytes) => Ok((source, bytes)),
            Err(finding) => Err(source.failed(finding)),
        }
    }

    /// What was found as warnings, or as the reasons of a failure.
    pub(crate) fn judged(
        &self,
        findings: Findings,
        text: &str,
        failed: bool,
    ) -> Result<Vec<Diagnostic>, Diagnosis> {
        let diagnostics = findings.into_diagnostics(&self.origin, text);
        if failed { Err(Diagnosis { diagnostics }) } else { Ok(diagnostics) }
    }

    /// What is in its file.
    pub(crate) fn bytes(&self) -> Result<Vec<u8>, Finding> {
        let failed = |error: std::io::Error| {
            let message = format!("could not read it: {}", paths::cause(&error));
            Finding::error(ConfigPlace::Whole, message)
        };
        let file = self.file.as_deref().unwrap_or(Path::new(&self.origin));
        let bytes = paths::head(file, LARGEST + 1).map_err(failed)?;
        fits(&bytes).map(|()| bytes)
    }

    /// The document, and what a program did to its environment.
    pub(crate) fn root(
        &self,
        text: &str,
        caller: &Caller,
        overrides: &Overrides,
        findings: &mut Findings,
    ) -> (Option<ConfigNode>, EnvChanges) {
        let run = |file, engine| program::run(&Script { file, caller, engine });
        match (&self.file, self.format) {
            (Some(file), ConfigFormat::JavaScript) => {
                let evaluated = findings.take(run(file, overrides.engine));
                evaluated.map_or_else(Default::default, |it| (Some(it.root), it.env))
            }
            (Some(file), ConfigFormat::Json) if overrides.beside == Beside::Pm2s => {
                let mut mistakes = Findings::default();
                let root = format::decode(text, self.format, &mut mistakes);
                // PM2 runs it; who has no such expressions gets told of mistakes in JSON.
                if root.is_none()
                    && let Ok(it) = run(file, ScriptEngine::Builtin)
                {
                    return (Some(it.root), it.env);
                }
                findings.absorb(mistakes, None);
                (root, BTreeMap::new())
            }
            _ => (format::decode(text, self.format, findings), BTreeMap::new()),
        }
    }
}

/// Whether it is no larger than a config.
pub(crate) fn fits(bytes: &[u8]) -> Result<(), Finding> {
    if bytes.len() <= LARGEST {
        return Ok(());
    }
    let message = format!("this is no config: it is larger than {} MiB", LARGEST >> 20);
    Err(Finding::error(ConfigPlace::Whole, message))
}
