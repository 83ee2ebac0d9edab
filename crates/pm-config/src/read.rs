//! Files and command lines to ecosystems: the entrances of this crate.
//!
//! It touches disk and collects; meaning is made in `understand`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use pm_spec::AppName;

use crate::caller::{Beside, Caller, Overrides, ScriptEngine, changed};
use crate::deploy::Deployment;
use crate::diagnose::{
    ConfigPlace, Diagnosis, Finding, Findings, harmless, one_diagnostic, quoted,
};
use crate::ecosystem::{self, AppTable, Ecosystem};
use crate::format::{self, ConfigFormat, is_config_name};
use crate::ground::ConfigGround;
use crate::script::{self as program, Script};
use crate::tree::{ConfigNode, TableEntry, Value};
use crate::understand;
use crate::{dependencies, deploy, flags, keys, paths};

/// A larger file is no config; reading on would only exhaust memory.
const LARGEST: usize = 4 << 20;

/// Reads a config file by its ending; an unknown ending is read as JSON5.
///
/// A relative `path` is seen from the caller's folder. On failure every problem of the file is in the diagnosis.
pub fn load(path: &Path, caller: &Caller, overrides: &Overrides) -> Result<Ecosystem, Diagnosis> {
    let source = ConfigSource::of_file(path, caller);
    match bytes(path, &source) {
        Ok(bytes) => source.understand(&bytes, caller, overrides),
        Err(finding) => Err(source.failed(finding)),
    }
}

/// Reads a config that is already in memory: standard input, or a test. Relative paths are seen from the caller's folder.
///
/// `origin` is what messages call it, such as `stdin`.
pub fn parse(
    text: &[u8],
    format: ConfigFormat,
    origin: &str,
    caller: &Caller,
    overrides: &Overrides,
) -> Result<Ecosystem, Diagnosis> {
    ConfigSource::in_memory(origin, format, caller).understand(text, caller, overrides)
}

/// The one-app ecosystem of `pm start target -- args`: a script, a program, or a shell line.
pub fn script(
    target: impl AsRef<OsStr>,
    caller: &Caller,
    overrides: &Overrides,
) -> Result<Ecosystem, Diagnosis> {
    let source = ConfigSource::in_memory("command line", ConfigFormat::Json5, caller);
    let entries = flags::script_app(target.as_ref(), overrides);
    let tables = vec![AppTable { at: ConfigPlace::Flag("SCRIPT"), entries }];
    // `--env` and `--only` are about config files; PM2 ignores them here.
    let overrides = Overrides { env_name: None, ..overrides.clone() };
    let job = ReadJob {
        caller: Cow::Borrowed(caller),
        overrides: &overrides,
        scripted: BTreeSet::new(),
        deployed: Vec::new(),
    };
    source.finish(&tables, Findings::default(), "", &job)
}

/// What `pm start target -- args` says, as the text of a JSON config (PM2: `--write`).
pub fn written(target: impl AsRef<OsStr>, overrides: &Overrides) -> String {
    let entries = flags::script_app(target.as_ref(), overrides);
    let text = Value::Table(entries).to_bytes().display().into_owned();
    // As people like to read it; what can't be read back is shown as it is.
    let read = serde_json::from_str::<serde_json::Value>(&text);
    read.map_or(text, |value| format!("{value:#}")) + "\n"
}

/// The names of the apps of a config file, for `stop`, `delete` and the like: nothing but the names has to be right.
pub fn names(
    path: &Path,
    caller: &Caller,
    overrides: &Overrides,
) -> Result<Vec<AppName>, Diagnosis> {
    let source = ConfigSource::of_file(path, caller);
    let bytes = bytes(path, &source).map_err(|finding| source.failed(finding))?;
    names_in(&bytes, &source, caller, overrides)
}

/// As [`names`], of a config in memory.
pub fn names_of(
    text: &[u8],
    format: ConfigFormat,
    origin: &str,
    caller: &Caller,
    overrides: &Overrides,
) -> Result<Vec<AppName>, Diagnosis> {
    names_in(text, &ConfigSource::in_memory(origin, format, caller), caller, overrides)
}

/// The environment called `name` of the `deploy` section of a config file.
pub fn deployment(path: &Path, name: &str, caller: &Caller) -> Result<Deployment, Diagnosis> {
    let source = ConfigSource::of_file(path, caller);
    let bytes = bytes(path, &source).map_err(|finding| source.failed(finding))?;
    let mut findings = Findings::default();
    let text = findings.take(format::text(&bytes)).unwrap_or_default();
    let (root, _) = source.root(&text, caller, &Overrides::default(), &mut findings);
    let read = root.and_then(|root| deploy::deployment(&root, name, &mut findings));
    let failed = findings.has_errors();
    let diagnostics = findings.into_diagnostics(&source.origin, &text);
    match read {
        Some(deployment) if !failed => Ok(Deployment { warnings: diagnostics, ..deployment }),
        Some(_) | None => Err(Diagnosis { diagnostics }),
    }
}

/// The shell lines of an app's `post_update`; none if the file has no such app.
pub fn post_update(path: &Path, app: &str, caller: &Caller) -> Result<Vec<String>, Diagnosis> {
    let source = ConfigSource::of_file(path, caller);
    let bytes = bytes(path, &source).map_err(|finding| source.failed(finding))?;
    let mut findings = Findings::default();
    let plain = Overrides::default();
    let Written { text, tables, .. } = source.written(&bytes, caller, &plain, &mut findings);
    let is_wanted = |table: &&AppTable| {
        let name = understand::name(table, &plain, &mut Findings::default());
        name.is_some_and(|name| name.as_str() == app)
    };
    let lines = tables.iter().find(is_wanted).and_then(|table| {
        let entry = table.entries.iter().rfind(|entry| {
            keys::canonical(&entry.key) == Some("post_update") && !entry.node.value.is_falsy()
        })?;
        Some(deploy::lines(&entry.node, &mut findings))
    });
    if findings.has_errors() {
        return Err(Diagnosis { diagnostics: findings.into_diagnostics(&source.origin, &text) });
    }
    Ok(lines.unwrap_or_default())
}

fn names_in(
    bytes: &[u8],
    source: &ConfigSource,
    caller: &Caller,
    o: &Overrides,
) -> Result<Vec<AppName>, Diagnosis> {
    let mut findings = Findings::default();
    let asked = Overrides { strict: false, ..o.clone() };
    let Written { text, tables, .. } = source.written(bytes, caller, &asked, &mut findings);
    let tables = chosen(tables, &o.only, &mut findings);
    let name = |table| understand::name(table, o, &mut findings);
    let names = tables.iter().filter_map(name).collect();
    if findings.has_errors() {
        return Err(Diagnosis { diagnostics: findings.into_diagnostics(&source.origin, &text) });
    }
    Ok(names)
}

struct ReadJob<'a> {
    caller: Cow<'a, Caller>,
    overrides: &'a Overrides,
    /// Variables that the config itself set or removed.
    scripted: BTreeSet<String>,
    /// Variables that count least.
    deployed: Vec<TableEntry>,
}

/// A config as written.
struct Written<'t> {
    text: Cow<'t, str>,
    tables: Vec<AppTable>,
    /// What a config that is a program did to its environment.
    env: BTreeMap<String, Option<String>>,
    /// Variables of the `deploy` section for the chosen environment.
    deployed: Vec<TableEntry>,
}

/// Where a config comes from.
struct ConfigSource {
    /// As the user named it.
    origin: String,
    format: ConfigFormat,
    /// What relative paths in it are seen from, absolute.
    folder: PathBuf,
    file: Option<PathBuf>,
}

impl ConfigSource {
    fn of_file(path: &Path, caller: &Caller) -> Self {
        let file = paths::absolute(path, &caller.cwd);
        let name = path.to_string_lossy();
        Self {
            origin: harmless(&name),
            format: is_config_name(&name).unwrap_or(ConfigFormat::Json5),
            folder: file.parent().unwrap_or(&caller.cwd).to_owned(),
            file: Some(file),
        }
    }

    fn in_memory(origin: &str, format: ConfigFormat, caller: &Caller) -> Self {
        Self { origin: origin.to_owned(), format, folder: caller.cwd.clone(), file: None }
    }

    fn failed(&self, finding: Finding) -> Diagnosis {
        let mut findings = Findings::default();
        findings.add(finding);
        Diagnosis { diagnostics: findings.into_diagnostics(&self.origin, "") }
    }

    /// The app tables as written, and the text they stand in.
    fn written<'t>(
        &self,
        bytes: &'t [u8],
        caller: &Caller,
        overrides: &Overrides,
        findings: &mut Findings,
    ) -> Written<'t> {
        let Some(text) = findings.take(format::text(bytes)) else {
            let text = String::from_utf8_lossy(bytes);
            return Written {
                text,
                tables: Vec::new(),
                env: BTreeMap::new(),
                deployed: Vec::new(),
            };
        };
        let (root, env) = self.root(&text, caller, overrides, findings);
        let deployed = match (&root, &overrides.env_name) {
            (Some(root), Some(name)) => ecosystem::deployed(root, name),
            _ => Vec::new(),
        };
        let tables = root.map(|root| ecosystem::tables(root, overrides.strict, findings));
        Written { text, tables: tables.unwrap_or_default(), env, deployed }
    }

    /// The document, and what a program did to its environment.
    fn root(
        &self,
        text: &str,
        caller: &Caller,
        overrides: &Overrides,
        findings: &mut Findings,
    ) -> (Option<ConfigNode>, BTreeMap<String, Option<String>>) {
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

    fn understand(
        self,
        bytes: &[u8],
        caller: &Caller,
        overrides: &Overrides,
    ) -> Result<Ecosystem, Diagnosis> {
        let mut findings = Findings::default();
        if bytes.len() > LARGEST {
            return Err(self.failed(too_large()));
        }
        let Written { text, tables, env, deployed } =
            self.written(bytes, caller, overrides, &mut findings);
        let mut tables = chosen(tables, &overrides.only, &mut findings);
        flags::over_file(&mut tables, caller, overrides, &mut findings);
        let caller = changed(caller, &env);
        let job = ReadJob { caller, overrides, scripted: env.into_keys().collect(), deployed };
        self.finish(&tables, findings, &text, &job)
    }

    fn finish(
        self,
        tables: &[AppTable],
        mut findings: Findings,
        text: &str,
        job: &ReadJob<'_>,
    ) -> Result<Ecosystem, Diagnosis> {
        let name = |table| understand::name(table, job.overrides, &mut Findings::default());
        let names: Vec<_> = tables.iter().map(name).collect();
        let ground = ConfigGround {
            names: &names,
            caller: &job.caller,
            overrides: job.overrides,
            scripted: &job.scripted,
            deployed: &job.deployed,
            folder: &self.folder,
            source: self.file.as_deref(),
        };
        let mut apps = Vec::new();
        let mut taken: BTreeMap<AppName, ConfigPlace> = BTreeMap::new();
        for (table, name) in tables.iter().zip(&names) {
            let mut own = Findings::default();
            if let Some(name) = name {
                ecosystem::unique(name.clone(), table, &mut taken, &mut own);
            }
            let app = understand::app(table, &ground, &mut own);
            apps.extend(app.filter(|_| !own.has_errors()));
            // What a program exports has no place in its text.
            let who = name.as_ref().filter(|_| self.format == ConfigFormat::JavaScript);
            findings.absorb(own, who.map(AppName::as_str));
        }
        let outside = dependencies::check(tables, &names, &apps, &mut findings);
        // PM2 starts the others where a script is missing, and says what it did not start.
        let is_lenient = job.overrides.beside == Beside::Pm2s && !apps.is_empty();
        let failed = if is_lenient { findings.has_wrong_values() } else { findings.has_errors() };
        let diagnostics = findings.into_diagnostics(&self.origin, text);
        if failed {
            return Err(Diagnosis { diagnostics });
        }
        let placed = |(on, finding)| (on, one_diagnostic(finding, &self.origin, text));
        let outside = outside.into_iter().filter(|_| !job.overrides.no_deps).map(placed).collect();
        Ok(Ecosystem { apps, warnings: diagnostics, outside, source: self.file })
    }
}

/// The apps that `--only` asks for; everything if it asks for nothing.
fn chosen(tables: Vec<AppTable>, only: &[String], findings: &mut Findings) -> Vec<AppTable> {
    let wanted: Vec<&str> = flags::split(only).collect();
    if wanted.is_empty() {
        return tables;
    }
    let plain = Overrides::default();
    let names: Vec<_> = tables
        .iter()
        .map(|table| understand::name(table, &plain, &mut Findings::default()))
        .map(|name| name.map_or_else(String::new, String::from))
        .collect();
    for word in &wanted {
        if !names.iter().any(|name| name == word) {
            let finding = Finding::error(
                ConfigPlace::Flag("--only"),
                format!("there is no app {} in the file", quoted(word)),
            );
            findings.add(match keys::nearest(word, names.iter().map(String::as_str)) {
                Some(near) => finding.hint(format!("did you mean `{near}`?")),
                None => finding.hint(format!("it has: {}", names.join(", "))),
            });
        }
    }
    let pairs = tables.into_iter().zip(&names);
    pairs.filter(|(_, name)| wanted.contains(&name.as_str())).map(|(table, _)| table).collect()
}

fn too_large() -> Finding {
    let message = format!("this is no config: it is larger than {} MiB", LARGEST >> 20);
    Finding::error(ConfigPlace::Whole, message)
}

fn bytes(path: &Path, source: &ConfigSource) -> Result<Vec<u8>, Finding> {
    let file = source.file.as_deref().unwrap_or(path);
    let failed = |error: std::io::Error| {
        Finding::error(ConfigPlace::Whole, format!("could not read it: {}", paths::cause(&error)))
    };
    let limit = u64::try_from(LARGEST).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    File::open(file).map_err(failed)?.take(limit).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > LARGEST {
        return Err(too_large());
    }
    Ok(bytes)
}
