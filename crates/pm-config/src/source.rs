//! Where a config comes from, and its text as a document.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::caller::{Beside, Caller, Overrides, ScriptEngine};
use crate::compose::{self, ComposeFiles, ComposeProject};
use crate::diagnose::{ConfigPlace, Diagnosis, Diagnostic, Finding, Findings, harmless};
use crate::foreign::{self, ForeignFile};
use crate::format::{self, ConfigFormat, ForeignFormat, LARGEST, fits, is_config_name};
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
    /// Files that are laid over it before anything is understood (Compose).
    pub(crate) over: Vec<PathBuf>,
}

/// What a program did to its environment.
pub(crate) type EnvChanges = BTreeMap<String, Option<String>>;

/// A document, and what reading it brought besides.
#[derive(Debug, Default)]
pub(crate) struct SourceRoot {
    pub(crate) root: Option<ConfigNode>,
    pub(crate) env: EnvChanges,
    /// Values that nobody is shown.
    pub(crate) secrets: BTreeSet<ConfigPlace>,
    /// Profiles that are on if nobody says which.
    pub(crate) profiles: Vec<String>,
}

impl SourceRoot {
    fn plain(root: Option<ConfigNode>) -> Self {
        Self { root, ..Self::default() }
    }
}

impl ConfigSource {
    pub(crate) fn of_file(path: &Path, caller: &Caller) -> Self {
        let (path, format) = if let Some(known) = by_content(path, &caller.cwd) {
            known
        } else {
            let format = is_config_name(&path.to_string_lossy()).unwrap_or(ConfigFormat::Json5);
            (path.to_owned(), of_others(&caller.cwd.join(path), format).unwrap_or(format))
        };
        let file = paths::absolute(&path, &caller.cwd);
        Self {
            origin: harmless(&path.to_string_lossy()),
            format,
            folder: file.parent().unwrap_or(&caller.cwd).to_owned(),
            file: Some(file),
            over: Vec::new(),
        }
    }

    /// With the other files of the command line: those of Compose and process-compose are laid over each other by rules of their own, and
    /// units wait for each other.
    pub(crate) fn with<'p>(
        mut self,
        further: &'p [&'p Path],
        caller: &Caller,
    ) -> (Self, &'p [&'p Path]) {
        let is_alike = |path: &&Path| Self::of_file(path, caller).format == self.format;
        let foreign = [ForeignFormat::Systemd, ForeignFormat::ProcessCompose];
        let may_be = foreign.map(ConfigFormat::Foreign).contains(&self.format);
        let is_whole = may_be && further.iter().all(is_alike);
        if self.format != ConfigFormat::Compose && !is_whole {
            return (self, further);
        }
        self.over = further.iter().map(|path| paths::absolute(path, &caller.cwd)).collect();
        (self, &[])
    }

    pub(crate) fn in_memory(origin: &str, format: ConfigFormat, caller: &Caller) -> Self {
        Self {
            origin: origin.to_owned(),
            format,
            folder: caller.cwd.clone(),
            file: None,
            over: Vec::new(),
        }
    }

    /// As the reader of Supervisor's files wants to know it.
    pub(crate) fn named(&self) -> FirstFile<'_> {
        FirstFile { origin: &self.origin, folder: &self.folder, file: self.file.as_deref() }
    }

    pub(crate) fn failed(&self, finding: Finding) -> Diagnosis {
        let mut findings = Findings::default();
        findings.add(finding);
        let diagnostics = findings.into_diagnostics(&self.origin, "");
        Diagnosis { diagnostics, outside: Vec::new() }
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
        if failed { Err(Diagnosis { diagnostics, outside: Vec::new() }) } else { Ok(diagnostics) }
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
    ) -> SourceRoot {
        let run = |file, engine| program::run(&Script { file, caller, engine });
        match (&self.file, self.format) {
            (_, ConfigFormat::Supervisor) => {
                let read =
                    supervisor::read(&self.named(), text, (caller, overrides.strict), findings);
                // As below.
                let is_told = read.programs.is_empty() && findings.has_errors();
                SourceRoot::plain((!is_told).then_some(read.root))
            }
            (_, ConfigFormat::Foreign(format)) => {
                let file = self.foreign(format, text, (caller, overrides.strict));
                let mut read = foreign::read(&file, findings);
                // That there is nothing in it has been told then.
                let is_told = read.is_empty() && findings.has_errors();
                let root = (!is_told).then(|| read.root());
                // A record of PM2 holds all variables there are.
                let dropped = caller.env.iter().filter(|_| format == ForeignFormat::Pm2Dump);
                let env = dropped.map(|(name, _)| (name.to_owned(), None)).collect();
                SourceRoot { secrets: read.secrets, env, ..SourceRoot::plain(root) }
            }
            (Some(_), ConfigFormat::Compose) => {
                let mut read = self.compose(text, (caller, &overrides.profiles), findings);
                read.develops = overrides.develop;
                let read = compose::apps(read, &self.named(), caller, findings);
                let (secrets, profiles) = (read.secrets, read.on);
                SourceRoot { root: read.root, env: BTreeMap::new(), secrets, profiles }
            }
            (Some(file), ConfigFormat::JavaScript) => {
                let evaluated = findings.take(run(file, overrides.engine));
                evaluated.map_or_else(SourceRoot::default, |it| SourceRoot {
                    env: it.env,
                    ..SourceRoot::plain(Some(it.root))
                })
            }
            (Some(file), ConfigFormat::Json) if overrides.beside == Beside::Pm2s => {
                let mut mistakes = Findings::default();
                let root = format::decode(text, self.format, &mut mistakes);
                // PM2 runs it; who has no such expressions gets told of mistakes in JSON.
                if root.is_none()
                    && let Ok(it) = run(file, ScriptEngine::Builtin)
                {
                    return SourceRoot { env: it.env, ..SourceRoot::plain(Some(it.root)) };
                }
                findings.absorb(mistakes, None);
                SourceRoot::plain(root)
            }
            _ => SourceRoot::plain(format::decode(text, self.format, findings)),
        }
    }

    /// A file of another manager.
    pub(crate) fn foreign<'a>(
        &'a self,
        format: ForeignFormat,
        text: &'a str,
        (caller, strict): (&'a Caller, bool),
    ) -> ForeignFile<'a> {
        ForeignFile { format, source: self.named(), text, caller, over: &self.over, strict }
    }

    /// A project of Compose.
    pub(crate) fn compose(
        &self,
        text: &str,
        (caller, profiles): (&Caller, &[String]),
        findings: &mut Findings,
    ) -> ComposeProject {
        let first = (self.file.as_deref().unwrap_or(Path::new(&self.origin)), text);
        let files = ComposeFiles { first, over: &self.over, caller, profiles, name: None };
        files.read(findings)
    }
}

/// Whether a path is that of a config: by its name, or by what is in it.
pub fn is_config(path: &Path) -> bool {
    is_config_name(&path.to_string_lossy()).is_some() || by_content(path, Path::new("")).is_some()
}

/// The file of another manager that a path means, by what is in it: it, or what lies in it under the usual name.
fn by_content(path: &Path, cwd: &Path) -> Option<(PathBuf, ConfigFormat)> {
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
    let text = String::from_utf8_lossy(&bytes);
    if supervisor::is_one(&text) {
        return Some((path, ConfigFormat::Supervisor));
    }
    foreign::format_of(&file, &text).map(|format| (path, ConfigFormat::Foreign(format)))
}

/// Whose a file in YAML or JSON is, if it is no ecosystem file.
fn of_others(file: &Path, format: ConfigFormat) -> Option<ConfigFormat> {
    let may_be = matches!(format, ConfigFormat::Yaml | ConfigFormat::Json);
    let bytes = may_be.then(|| paths::head(file, LARGEST)).and_then(Result::ok)?;
    let text = String::from_utf8_lossy(&bytes);
    if compose::is_one(&text) {
        return Some(ConfigFormat::Compose);
    }
    foreign::format_of_data(&text).map(ConfigFormat::Foreign)
}
