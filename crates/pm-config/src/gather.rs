//! What a config is put together from: its own apps, those of the files it includes or is named with, its `defaults`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use pm_spec::{AlertWishes, AppName};

use crate::caller::{Beside, Caller, Overrides};
use crate::diagnose::{ConfigPlace, Finding, Findings, quoted};
use crate::ecosystem::{self, AppTable};
use crate::source::{ConfigSource, EnvChanges};
use crate::tree::{ConfigNode, TableEntry, Value};
use crate::{alerts, deploy, filling, format, hosts, keys, layers, understand};

/// All that the files say.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    pub(crate) tables: Vec<AppTable>,
    /// What configs that are programs did to their environment.
    pub(crate) env: EnvChanges,
    /// Variables of the `deploy` section for the chosen environment.
    pub(crate) deployed: Vec<TableEntry>,
    /// The files other than the first, by their numbers.
    pub(crate) others: BTreeMap<u16, ConfigHome>,
    /// Values with something of a `.env` in them.
    pub(crate) secrets: BTreeSet<ConfigPlace>,
    /// Profiles that are on if nobody says which.
    pub(crate) profiles: Vec<String>,
    /// What the first file wants to be told of its apps.
    pub(crate) alerts: Option<AlertWishes>,
    /// The first file.
    pub(crate) home: ConfigHome,
}

/// What the apps of a file have of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConfigHome {
    /// What relative paths are seen from.
    pub(crate) folder: PathBuf,
    /// The file of the command line that brought them.
    pub(crate) source: Option<PathBuf>,
    /// The project of that file: `name` beside `apps`, else the name of its folder (Compose).
    pub(crate) project: Option<AppName>,
}

impl ConfigHome {
    fn of(source: &ConfigSource) -> Self {
        let folder = source.folder.file_name().map(|name| name.to_string_lossy());
        let project = folder.and_then(|name| AppName::parse(&name).ok());
        Self { folder: source.folder.clone(), source: source.file.clone(), project }
    }
}

/// Files may include files so deep.
const DEEPEST: usize = 16;

/// Reads files into one.
pub(crate) struct Gathering<'a> {
    pub(crate) caller: &'a Caller,
    pub(crate) overrides: &'a Overrides,
    pub(crate) findings: &'a mut Findings,
    pub(crate) all: Gathered,
    /// Whether nothing but names is wanted: values that can't be filled in do no harm.
    pub(crate) only_names: bool,
    /// The file of the command line that is being read.
    top: ConfigHome,
    /// The files that include each other now, the innermost last.
    open: Vec<PathBuf>,
}

impl<'a> Gathering<'a> {
    pub(crate) fn new(
        caller: &'a Caller,
        overrides: &'a Overrides,
        findings: &'a mut Findings,
    ) -> Self {
        Self {
            caller,
            overrides,
            findings,
            all: Gathered::default(),
            only_names: false,
            top: ConfigHome::default(),
            open: Vec::new(),
        }
    }

    /// The first file, whose text messages are about.
    pub(crate) fn first<'t>(&mut self, source: &ConfigSource, bytes: &'t [u8]) -> Cow<'t, str> {
        let Some(text) = self.findings.take(format::text(bytes)) else {
            return String::from_utf8_lossy(bytes);
        };
        self.top = ConfigHome::of(source);
        self.open.extend(real(source));
        self.all.tables = self.document(source, &text, None);
        self.open.clear();
        self.all.home = std::mem::take(&mut self.top);
        text
    }

    /// Another file of the command line: its apps are laid over those of the same name (Compose).
    pub(crate) fn further(&mut self, source: &ConfigSource) {
        self.top = ConfigHome::of(source);
        let tables = self.other(source);
        lay_over(&mut self.all.tables, tables);
    }

    /// The tables of a file that is not the first.
    fn other(&mut self, source: &ConfigSource) -> Vec<AppTable> {
        let mut bytes = Vec::new();
        let read = source.bytes().and_then(|read| {
            bytes = read;
            format::text(&bytes)
        });
        let text = match read {
            Ok(text) => text,
            Err(finding) => {
                let file = self.findings.other(&source.origin, None);
                self.findings.add(finding.of(file));
                return Vec::new();
            }
        };
        let file = self.findings.other(&source.origin, Some(&text));
        self.open.extend(real(source));
        let tables = self.document(source, &text, Some(file));
        self.open.pop();
        let home = ConfigHome { folder: source.folder.clone(), ..self.top.clone() };
        self.all.others.insert(file, home);
        tables
    }

    /// The tables of a document and of what it includes.
    fn document(&mut self, source: &ConfigSource, text: &str, file: Option<u16>) -> Vec<AppTable> {
        let mut found = self.findings.apart();
        let read = source.root(text, self.caller, self.overrides, &mut found);
        let secrets = |at: ConfigPlace| file.map_or(at, |file| at.of(file));
        let mut beside = BesideApps::default();
        let mut tables = Vec::new();
        self.all.env.extend(read.env);
        self.all.secrets.extend(read.secrets);
        self.all.profiles.extend(read.profiles);
        if let Some(mut root) = read.root {
            let who = (self.caller, self.overrides);
            let mut apart = self.findings.apart();
            let told = if self.only_names { &mut apart } else { &mut found };
            let filled = filling::filled(&mut root, (&source.folder, source.format), who, told);
            self.all.secrets.extend(filled.into_iter().map(secrets));
            if let Some(name) = self.overrides.env_name.as_ref().filter(|_| file.is_none()) {
                self.all.deployed = ecosystem::deployed(&root, name).unwrap_or_default().to_vec();
            }
            if let Some(file) = file {
                root.move_to(file);
            }
            beside = BesideApps::take(&mut root);
            if let Some(entry) = beside.alerts.take_if(|_| self.overrides.beside != Beside::Pm2s) {
                self.alerts(&entry, file, &mut found);
            }
            let strict = self.overrides.strict;
            if strict && file.is_none() {
                deploy::judge(&root, &mut found);
                hosts::judge(&root, &mut found);
            }
            if let (Value::Table(rest), true) = (&root.value, beside.is_alone) {
                ecosystem::neighbours(rest, strict, &mut found);
            } else {
                tables = ecosystem::tables(root, strict, &mut found);
            }
        }
        match file {
            Some(file) => self.findings.absorb_of(found, file),
            None => self.findings.absorb(found, None),
        }
        // What is included belongs to the project that includes it.
        if let Some(name) = beside.name.filter(|_| self.open.len() < 2) {
            self.named(&name);
        }
        if let Some(defaults) = beside.defaults {
            self.lay_under(&mut tables, &defaults);
        }
        let Some(include) = beside.include else { return tables };
        let mut under = self.included(&include, source);
        lay_over(&mut under, tables);
        under
    }

    /// `alerts` beside `apps`.
    fn alerts(&mut self, entry: &TableEntry, file: Option<u16>, found: &mut Findings) {
        if file.is_some() {
            let message = "`alerts` counts in the file that is named first only; it is ignored";
            found.add(Finding::warning(entry.at, message));
        } else if !self.only_names {
            self.all.alerts = Some(alerts::wishes(&entry.node, found));
        }
    }

    /// `name` beside `apps`.
    fn named(&mut self, name: &ConfigNode) {
        let text = name.value.as_text().map(|text| text.display());
        let parsed = text.map(|text| AppName::parse(&text).map_err(|error| error.to_string()));
        match parsed
            .unwrap_or_else(|| Err(format!("it must be a string, not {}", name.value.kind())))
        {
            Ok(project) => self.top.project = Some(project),
            Err(why) => {
                self.findings
                    .add(Finding::error(name.at, format!("the `name` of the project: {why}")));
            }
        }
    }

    /// `defaults`: what each app of a file has unless it says otherwise.
    fn lay_under(&mut self, tables: &mut [AppTable], defaults: &TableEntry) {
        let Value::Table(entries) = &defaults.node.value else {
            let kind = defaults.node.value.kind();
            let message = format!("`defaults` must be an object of keys of an app, not {kind}");
            self.findings.add(Finding::error(defaults.node.at, message));
            return;
        };
        if let Some(name) = entries.iter().find(|it| keys::canonical(&it.key) == Some("name")) {
            let finding = Finding::error(name.at, "`defaults` can't name the apps");
            self.findings.add(finding.hint("each app has its own name"));
        }
        for table in tables {
            let own = std::mem::replace(&mut table.entries, entries.clone());
            layers::lay_over(&mut table.entries, &own);
        }
    }

    /// The apps of included files; of one name only once.
    fn included(&mut self, include: &TableEntry, source: &ConfigSource) -> Vec<AppTable> {
        const WHAT: &str = "`include` is the path of a config file, or a list of paths";
        let mut tables = Vec::new();
        for node in include.node.each() {
            let Some(text) = node.value.as_text().filter(|text| !text.is_empty()) else {
                self.findings.add(Finding::error(node.at, WHAT));
                continue;
            };
            let path = crate::paths::written(text, &source.folder, &self.caller.env);
            let included = ConfigSource::of_file(&shown(&path, &self.caller.cwd), self.caller);
            match self.refusal(&included) {
                Some(message) => self.findings.add(Finding::error(node.at, message)),
                None => tables.extend(self.other(&included)),
            }
        }
        tables
    }

    /// Why a file can't be included here.
    fn refusal(&self, source: &ConfigSource) -> Option<String> {
        let Some(real) = real(source) else {
            return Some(format!("`include` {}: no such file", quoted(&source.origin)));
        };
        if let Some(index) = self.open.iter().position(|open| *open == real) {
            let circle = self.open[index..].iter().chain([&real]);
            let circle: Vec<_> = circle.map(|it| it.display().to_string()).collect();
            return Some(format!("files include each other in a circle: {}", circle.join(" -> ")));
        }
        let is_deep = self.open.len() >= DEEPEST;
        is_deep.then(|| format!("files include each other more than {DEEPEST} deep"))
    }
}

/// Lays apps over those of the same name; the others are added.
fn lay_over(under: &mut Vec<AppTable>, over: Vec<AppTable>) {
    let name =
        |table: &AppTable| understand::name(table, &Overrides::default(), &mut Findings::default());
    let known: BTreeMap<_, _> =
        under.iter().enumerate().rev().filter_map(|(at, it)| Some((name(it)?, at))).collect();
    for table in over {
        match name(&table).and_then(|wanted| known.get(&wanted)) {
            Some(at) => layers::lay_over(&mut under[*at].entries, &table.entries),
            None => under.push(table),
        }
    }
}

/// The file itself, whatever leads to it.
fn real(source: &ConfigSource) -> Option<PathBuf> {
    source.file.as_ref().and_then(|file| file.canonicalize().ok())
}

/// As somebody who stands in `cwd` would name it.
fn shown(path: &Path, cwd: &Path) -> PathBuf {
    path.strip_prefix(cwd).unwrap_or(path).to_owned()
}

/// What stands beside `apps`.
#[derive(Debug, Default)]
struct BesideApps {
    include: Option<TableEntry>,
    defaults: Option<TableEntry>,
    name: Option<ConfigNode>,
    alerts: Option<TableEntry>,
    /// Whether there are no apps, only files that are included.
    is_alone: bool,
}

impl BesideApps {
    /// Takes it out of a document; what is one bare app has nothing beside it.
    fn take(root: &mut ConfigNode) -> Self {
        let mut beside = Self::default();
        let Value::Table(entries) = &mut root.value else { return beside };
        let has = |key: &str| entries.iter().any(|entry| entry.key == key);
        if has("pm2") && !has("apps") {
            // The rest is a package.json.
            beside.name = entries.iter().find(|it| it.key == "name").map(|it| it.node.clone());
            return beside;
        }
        if !has("apps") && !has("include") {
            return beside;
        }
        beside.is_alone = !has("apps") && !has("static");
        let mut take = |key: &str| {
            let index = entries.iter().rposition(|entry| entry.key == key)?;
            Some(entries.remove(index))
        };
        beside.include = take("include");
        beside.defaults = take("defaults");
        beside.alerts = take("alerts");
        beside.name = take("name").map(|entry| entry.node);
        beside
    }
}
