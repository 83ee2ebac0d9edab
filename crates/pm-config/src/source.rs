//! Where a config comes from, and its text as a document.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::caller::{Beside, Caller, Overrides, ScriptEngine};
use crate::diagnose::{ConfigPlace, Diagnosis, Diagnostic, Finding, Findings, harmless};
use crate::format::{self, ConfigFormat, LARGEST, fits, is_config_name};
use crate::paths::{self, PathKind};
use crate::script::{self as program, Script};
use crate::supervisor::{self, FirstFile};
use crate::tree::ConfigNode;

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
        let (path, format) = if let Some(path) = of_supervisor(path, &caller.cwd) {
            (path, ConfigFormat::Supervisor)
        } else {
            let format = is_config_name(&path.to_string_lossy());
            (path.to_owned(), format.unwrap_or(ConfigFormat::Json5))
        };
        let file = paths::absolute(&path, &caller.cwd);
        Self {
            origin: harmless(&path.to_string_lossy()),
            format,
            folder: file.parent().unwrap_or(&caller.cwd).to_owned(),
            file: Some(file),
        }
    }

    pub(crate) fn in_memory(origin: &str, format: ConfigFormat, caller: &Caller) -> Self {
        Self { origin: origin.to_owned(), format, folder: caller.cwd.clone(), file: None }
    }

    /// As the reader of Supervisor's files wants to know it.
    pub(crate) fn named(&self) -> FirstFile<'_> {
        FirstFile { origin: &self.origin, folder: &self.folder, file: self.file.as_deref() }
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
            (_, ConfigFormat::Supervisor) => {
                let read =
                    supervisor::read(&self.named(), text, (caller, overrides.strict), findings);
                (Some(read.root), BTreeMap::new())
            }
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

/// Whether a path is that of a config: by its name, or by what is in it.
pub fn is_config(path: &Path) -> bool {
    is_config_name(&path.to_string_lossy()).is_some()
        || of_supervisor(path, Path::new("")).is_some()
}

/// The file of Supervisor that a path means: it, or what lies in it under the usual name.
fn of_supervisor(path: &Path, cwd: &Path) -> Option<PathBuf> {
    /// Whoever has more comments than that before the first section is no config.
    const LOOKED_AT: usize = 64 << 10;
    if is_config_name(&path.to_string_lossy()).is_some() {
        return None;
    }
    let path = match paths::look(&cwd.join(path)) {
        PathKind::Folder => path.join(supervisor::FILE),
        PathKind::File { .. } => path.to_owned(),
        PathKind::Missing(_) => return None,
    };
    let is_regular = |path: &Path| path.metadata().is_ok_and(|meta| meta.is_file());
    let file = cwd.join(&path);
    let bytes = is_regular(&file).then(|| paths::head(&file, LOOKED_AT)).and_then(Result::ok)?;
    supervisor::is_one(&String::from_utf8_lossy(&bytes)).then_some(path)
}
