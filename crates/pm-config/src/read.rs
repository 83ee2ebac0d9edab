//! Files and command lines to ecosystems: the entrances of this crate.
//!
//! It touches disk and collects; meaning is made in `understand`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::Path;

use pm_spec::AppName;

use crate::alerts::EcosystemAlerts;
use crate::caller::{Beside, Caller, Overrides, changed};
use crate::deploy::Deployment;
use crate::diagnose::{ConfigPlace, Diagnosis, Diagnostic, Finding, Findings, quoted};
use crate::ecosystem::{AppTable, Ecosystem};
use crate::format::{self, ConfigFormat, fits};
use crate::gather::{ConfigHome, Gathered, Gathering};
use crate::ground::ConfigGround;
use crate::source::ConfigSource;
use crate::tree::{ConfigNode, Value};
use crate::{dependencies, deploy, flags, hosts, keys, pick, understand, wanted_ports};

/// Reads a config file by its ending; an unknown ending is read as JSON5.
///
/// A relative `path` is seen from the caller's folder. On failure every problem of the file is in the diagnosis.
pub fn load(path: &Path, caller: &Caller, overrides: &Overrides) -> Result<Ecosystem, Diagnosis> {
    load_all(path, &[], caller, overrides)
}

/// As [`load`], with further files laid over the first: apps of the same name are one, and the later file counts more.
/// Relative paths of such an app are seen from the file that has it first (Compose).
pub fn load_all(
    path: &Path,
    further: &[&Path],
    caller: &Caller,
    overrides: &Overrides,
) -> Result<Ecosystem, Diagnosis> {
    let (source, bytes) = ConfigSource::open(path, caller)?;
    let (source, further) = source.with(further, caller);
    understand(source, &bytes, further, (caller, overrides))
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
    let source = ConfigSource::in_memory(origin, format, caller);
    understand(source, text, &[], (caller, overrides))
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
    let home = ConfigHome { folder: source.folder.clone(), ..ConfigHome::default() };
    let all = Gathered { tables, home, ..Gathered::default() };
    let caller = Cow::Borrowed(caller);
    let job = ReadJob { caller, overrides: &overrides, all, off: Vec::new() };
    finish(source, Findings::default(), "", &job)
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
    let (source, bytes) = ConfigSource::open(path, caller)?;
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

/// The project that a config file is of, for `down`: the rest of it need not be right.
pub fn project(
    path: &Path,
    caller: &Caller,
    overrides: &Overrides,
) -> Result<Option<AppName>, Diagnosis> {
    let (source, bytes) = ConfigSource::open(path, caller)?;
    let mut findings = Findings::default();
    let mut gathering = Gathering::new(caller, overrides, &mut findings);
    gathering.only_names = true;
    let text = gathering.first(&source, &bytes);
    let Gathered { tables, home, .. } = gathering.all;
    let failed = tables.is_empty() && findings.has_errors();
    source.judged(findings, &text, failed)?;
    Ok(home.project)
}

/// The environment called `name` of the `deploy` section of a config file.
pub fn deployment(path: &Path, name: &str, caller: &Caller) -> Result<Deployment, Diagnosis> {
    let (read, warnings) =
        section(path, caller, |root, findings| deploy::deployment(root, name, findings))?;
    Ok(Deployment { warnings, ..read })
}

/// What is read from one section of a config file, and what is odd about it.
fn section<T: Default>(
    path: &Path,
    caller: &Caller,
    read: impl FnOnce(&ConfigNode, &mut Findings) -> Option<T>,
) -> Result<(T, Vec<Diagnostic>), Diagnosis> {
    let (source, bytes) = ConfigSource::open(path, caller)?;
    let mut findings = Findings::default();
    let text = findings.take(format::text(&bytes)).unwrap_or_default();
    let root = source.root(&text, caller, &Overrides::default(), &mut findings).root;
    let read = root.and_then(|root| read(&root, &mut findings));
    let failed = read.is_none() || findings.has_errors();
    let odd = source.judged(findings, &text, failed)?;
    Ok((read.unwrap_or_default(), odd))
}

/// The hosts of a group of the `hosts` section of a config file.
pub fn host_group(path: &Path, name: &str, caller: &Caller) -> Result<Vec<String>, Diagnosis> {
    section(path, caller, |root, findings| hosts::group(root, name, findings))
        .map(|(group, _)| group)
}

/// The shell lines of an app's `post_update`; none if the file has no such app.
pub fn post_update(path: &Path, app: &str, caller: &Caller) -> Result<Vec<String>, Diagnosis> {
    let (source, bytes) = ConfigSource::open(path, caller)?;
    let mut findings = Findings::default();
    let plain = Overrides::default();
    let mut gathering = Gathering::new(caller, &plain, &mut findings);
    let text = gathering.first(&source, &bytes);
    let tables = gathering.all.tables;
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
    let failed = findings.has_errors();
    source.judged(findings, &text, failed)?;
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
    let mut gathering = Gathering::new(caller, &asked, &mut findings);
    gathering.only_names = true;
    let text = gathering.first(source, bytes);
    let tables = gathering.all.tables;
    let tables = pick::only(tables, &o.only, &mut findings);
    let name = |table| understand::name(table, o, &mut findings);
    let names = tables.iter().filter_map(name).collect();
    let failed = findings.has_errors();
    source.judged(findings, &text, failed)?;
    Ok(names)
}

struct ReadJob<'a> {
    caller: Cow<'a, Caller>,
    overrides: &'a Overrides,
    all: Gathered,
    /// Apps that are left out.
    off: Vec<AppName>,
}

fn understand(
    source: ConfigSource,
    bytes: &[u8],
    further: &[&Path],
    (caller, overrides): (&Caller, &Overrides),
) -> Result<Ecosystem, Diagnosis> {
    let mut findings = Findings::default();
    let caller = &*within(caller, source.format);
    fits(bytes).map_err(|finding| source.failed(finding))?;
    let mut gathering = Gathering::new(caller, overrides, &mut findings);
    let text = gathering.first(&source, bytes);
    for path in further {
        gathering.further(&ConfigSource::of_file(path, caller));
    }
    let mut all = gathering.all;
    let tables = std::mem::take(&mut all.tables);
    let alerts = all.alerts.take().map(|wishes| {
        let name = |table| understand::name(table, overrides, &mut Findings::default());
        EcosystemAlerts { wishes, apps: tables.iter().filter_map(name).collect() }
    });
    let picked = pick::picked(tables, &all.profiles, (caller, overrides), &mut findings);
    all.tables = picked.tables;
    flags::over_file(&mut all.tables, caller, overrides, &mut findings);
    let caller = changed(caller, &all.env);
    let job = ReadJob { caller, overrides, all, off: picked.off };
    finish(source, findings, &text, &job).map(|ecosystem| Ecosystem { alerts, ..ecosystem })
}

/// Who calls, seen from where supervisord runs.
fn within(caller: &Caller, format: ConfigFormat) -> Cow<'_, Caller> {
    match &caller.supervisord {
        Some(cwd) if format == ConfigFormat::Supervisor => {
            Cow::Owned(Caller { cwd: cwd.clone(), ..caller.clone() })
        }
        _ => Cow::Borrowed(caller),
    }
}

fn finish(
    source: ConfigSource,
    mut findings: Findings,
    text: &str,
    job: &ReadJob<'_>,
) -> Result<Ecosystem, Diagnosis> {
    let tables = &job.all.tables;
    let name = |table| understand::name(table, job.overrides, &mut Findings::default());
    let names: Vec<_> = tables.iter().map(name).collect();
    let scripted: BTreeSet<String> = job.all.env.keys().cloned().collect();
    let ground = ConfigGround {
        names: &names,
        caller: &job.caller,
        overrides: job.overrides,
        scripted: &scripted,
        deployed: &job.all.deployed,
        secrets: &job.all.secrets,
        folder: &source.folder,
        source: None,
        starts_later: source.format == ConfigFormat::Supervisor,
        project: None,
    };
    let mut apps = Vec::new();
    let mut taken: BTreeMap<AppName, ConfigPlace> = BTreeMap::new();
    for (table, name) in tables.iter().zip(&names) {
        let mut own = findings.apart();
        if let Some(name) = name {
            unique(name.clone(), table, &mut taken, &mut own);
        }
        // Paths are seen from the file that the app stands in.
        let home = match table.at {
            ConfigPlace::Other { file, .. } => job.all.others.get(&file),
            ConfigPlace::Whole | ConfigPlace::Line { .. } | ConfigPlace::Flag(_) => None,
        };
        let home = home.unwrap_or(&job.all.home);
        let ground = ConfigGround {
            folder: &home.folder,
            source: home.source.as_deref(),
            project: home.project.as_ref(),
            ..ground
        };
        let app = understand::app(table, &ground, &mut own);
        apps.extend(app.filter(|_| !own.has_errors()));
        // What a program exports has no place in its text.
        let who = name.as_ref().filter(|_| source.format == ConfigFormat::JavaScript);
        findings.absorb(own, who.map(AppName::as_str));
    }
    wanted_ports::judge((tables, &names), &apps, job.overrides.beside, &mut findings);
    let outside = dependencies::check((tables, &names), &apps, &job.off, &mut findings);
    let alone = findings.apart();
    // PM2 starts the others where a script is missing, and says what it did not start.
    let is_lenient = job.overrides.beside == Beside::Pm2s && !apps.is_empty();
    let failed = if is_lenient { findings.has_wrong_values() } else { findings.has_errors() };
    let judged = source.judged(findings, text, failed);
    let placed = |(on, finding)| {
        let mut own = alone.apart();
        own.add(finding);
        Some((on, own.into_diagnostics(&source.origin, text).pop()?))
    };
    let outside = outside.into_iter().filter(|_| !job.overrides.no_deps);
    let outside = outside.filter_map(placed).collect();
    let warnings = match judged {
        Ok(warnings) => warnings,
        Err(diagnosis) => return Err(Diagnosis { outside, ..diagnosis }),
    };
    let said = |table: &AppTable| {
        let all = table.entries.iter().filter(|entry| !matches!(entry.node.value, Value::Null));
        all.filter_map(|entry| keys::canonical(&entry.key)).collect()
    };
    let written = tables.iter().zip(&names);
    Ok(Ecosystem {
        apps,
        written: written.filter_map(|(table, name)| Some((name.clone()?, said(table)))).collect(),
        warnings,
        outside,
        source: source.file,
        off: job.off.clone(),
        alerts: None,
    })
}

/// One name means one app.
fn unique(
    name: AppName,
    table: &AppTable,
    names: &mut BTreeMap<AppName, ConfigPlace>,
    findings: &mut Findings,
) {
    let set = |key| table.entries.iter().find(|entry| keys::canonical(&entry.key) == Some(key));
    let (at, hint) = match (set("name"), set("script")) {
        (Some(entry), _) => (entry.node.at, "give each app its own name"),
        (None, Some(entry)) => (entry.node.at, "the name is made from the script; set `name`"),
        (None, None) => (table.at, "set `name`"),
    };
    let shown = quoted(name.as_str());
    let Some(first) = names.get(&name).copied() else {
        names.insert(name, at);
        return;
    };
    findings.add(match findings.whereabouts(first) {
        Some(place) => {
            let message = format!("the name {shown} is taken by the app of {place}");
            Finding::error(at, message).hint(hint)
        }
        None => Finding::error(at, format!("the name {shown} is taken")),
    });
}
