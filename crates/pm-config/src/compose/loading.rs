//! The files of a Compose project as one document: variables, `extends`, `include` and the laying over each other, in Compose's order.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use pm_spec::Environment;

use super::documents::{self, ComposeDocument};
use super::merging;
use super::reading::ComposeReading;
use super::said::said;
use super::{project_keys, service_keys};
use crate::caller::Caller;
use crate::diagnose::{ConfigPlace, Finding, Findings, quoted};
use crate::interpolate::Dollars;
use crate::tree::{ConfigNode, TableEntry, Value, numbers};
use crate::{filling, format, paths};

/// Files may include or extend each other so deep.
const DEEPEST: usize = 16;

/// What a file is read in: the folder of its project, and the variables of its `.env` files.
#[derive(Clone, Debug, Default)]
pub(crate) struct FileScope {
    pub(crate) folder: PathBuf,
    pub(crate) dotenv: Environment,
}

/// The services of a file that is extended, and what its tags cut.
type Extended = (Vec<TableEntry>, Vec<Vec<String>>);

/// Puts files together.
pub(crate) struct Loading<'a> {
    pub(crate) caller: &'a Caller,
    pub(crate) findings: &'a mut Findings,
    /// Values with something of a `.env` in them.
    pub(crate) secrets: BTreeSet<ConfigPlace>,
    /// The first file, whose places need no name, and its text.
    pub(crate) first: (&'a Path, &'a str),
    /// The files that include each other now.
    including: Vec<PathBuf>,
    extended: BTreeMap<PathBuf, Extended>,
}

impl<'a> Loading<'a> {
    pub(crate) fn new(
        caller: &'a Caller,
        first: (&'a Path, &'a str),
        findings: &'a mut Findings,
    ) -> Self {
        let (including, extended) = (Vec::new(), BTreeMap::new());
        Self { caller, findings, secrets: BTreeSet::new(), first, including, extended }
    }

    /// Files laid over each other, in the long form.
    pub(crate) fn files(&mut self, files: &[PathBuf], scope: &FileScope) -> ConfigNode {
        let at = ConfigPlace::Line { line: 1, column: 1 };
        let mut root = ConfigNode { at, value: Value::Table(Vec::new()) };
        for file in files {
            self.including.push(real(file));
            for document in self.documents(file) {
                self.lay(&mut root, document, file, scope);
            }
            self.including.pop();
        }
        root
    }

    /// The documents of a file; what is wrong with it is told.
    fn documents(&mut self, file: &Path) -> Vec<ComposeDocument> {
        if file == self.first.0 {
            let read = documents::read(self.first.1);
            return self.findings.take(read).unwrap_or_default();
        }
        let origin = file.strip_prefix(&self.caller.cwd).unwrap_or(file).to_string_lossy();
        let bytes = paths::head(file, format::LARGEST + 1).map_err(|error| {
            let message = format!("could not read it: {}", paths::cause(&error));
            Finding::error(ConfigPlace::Whole, message)
        });
        let read = bytes.and_then(|bytes| {
            format::fits(&bytes)?;
            let text = format::text(&bytes)?.into_owned();
            let number = self.findings.other(&origin, Some(&text));
            let read = documents::read(&text).map_err(|finding| finding.of(number));
            read.map(|documents| (number, documents))
        });
        let (number, mut documents) = match read {
            Ok(read) => read,
            Err(finding) => {
                let number = self.findings.other(&origin, None);
                self.findings.add(finding.of(number));
                return Vec::new();
            }
        };
        for document in &mut documents {
            document.root.move_to(number);
        }
        documents
    }

    /// One document in its long form, its variables filled in.
    fn read(
        &mut self,
        mut root: ConfigNode,
        folder: &Path,
        scope: &FileScope,
    ) -> Option<ConfigNode> {
        let variables = (&self.caller.env, &scope.dotenv);
        let filled = filling::fill(&mut root, variables, Dollars::All, self.findings);
        self.secrets.extend(filled);
        let mut reading = ComposeReading { folder, env: &self.caller.env, findings: self.findings };
        let kind = root.value.kind();
        if !matches!(root.value, Value::Table(_)) {
            let message = format!("a Compose file is an object of keys and values, not {kind}");
            self.findings.add(Finding::error(root.at, message));
            return None;
        }
        reading.read(root, &project_keys::FILE, "the file")
    }

    fn lay(
        &mut self,
        root: &mut ConfigNode,
        document: ComposeDocument,
        file: &Path,
        scope: &FileScope,
    ) {
        let Some(mut read) = self.read(document.root, &scope.folder, scope) else { return };
        if let Some(services) = table_of(&mut read, "services") {
            let extends = |entry: &&TableEntry| entry.node.value.get("extends").is_some();
            let names: Vec<_> =
                services.iter().filter(extends).map(|entry| entry.key.clone()).collect();
            let mut level = Level::new(file, services, &document.cuts);
            for name in names {
                self.extend(&mut level, &name, scope, &mut Vec::new());
            }
        }
        for cut in &document.cuts {
            remove(root, cut);
        }
        let include = take(&mut read, "include");
        if let Some(include) = include {
            for node in include.each() {
                self.include(&mut read, node, scope);
            }
        }
        take(&mut read, "version");
        merging::merge(root, read, &project_keys::FILE, "the file");
    }

    /// Lays a service over the one it extends, if it does.
    fn extend(
        &mut self,
        level: &mut Level<'_>,
        name: &str,
        scope: &FileScope,
        way: &mut Vec<(PathBuf, String)>,
    ) {
        let Some(index) = level.numbers.get(name).copied() else { return };
        let at = level.services[index].at;
        let own = &level.services[index].node.value;
        let Some(extends) = own.get("extends").cloned() else { return };
        let step = (real(level.file), name.to_owned());
        if way.contains(&step) || way.len() >= DEEPEST {
            let names = way.iter().map(|(_, name)| name.as_str()).chain([name]);
            let way: Vec<_> = names.collect();
            let message = format!("services extend each other in a circle: {}", way.join(" -> "));
            self.findings.add(Finding::error(extends.at, message));
            // Once is enough.
            take(&mut level.services[index].node, "extends");
            return;
        }
        let text = |key: &str| extends.value.get(key).map(|node| said(&node.value));
        let Some(wanted) = text("service") else {
            self.findings.add(Finding::error(extends.at, "`extends` names no `service`"));
            return;
        };
        way.push(step);
        let found = match text("file") {
            None => {
                self.extend(level, &wanted, scope, way);
                level.numbers.get(&wanted).map(|at| level.services[*at].clone())
            }
            Some(path) => {
                let folder = level.file.parent().unwrap_or(Path::new("/"));
                let path = paths::written(&path.into(), folder, &self.caller.env);
                let (mut services, cuts) = self.extended(&path, scope);
                let mut other = Level::new(&path, &mut services, &cuts);
                self.extend(&mut other, &wanted, scope, way);
                services.into_iter().find(|entry| entry.key == wanted)
            }
        };
        way.pop();
        let Some(mut base) = found.map(|entry| entry.node) else {
            let message = format!(
                "{} extends {}, and there is no such service",
                quoted(name),
                quoted(&wanted)
            );
            self.findings.add(Finding::error(extends.at, message));
            return;
        };
        for cut in level.cuts {
            if let [first, service, rest @ ..] = cut.as_slice()
                && first == "services"
                && service == name
            {
                remove(&mut base, rest);
            }
        }
        let mut own = level.services[index].node.clone();
        take(&mut own, "extends");
        base.at = own.at;
        merging::merge(&mut base, own, &service_keys::SERVICE, name);
        level.services[index] = TableEntry { key: name.to_owned(), at, node: base };
    }

    /// The services of a file that is extended; its paths are seen from where it lies.
    fn extended(&mut self, file: &Path, scope: &FileScope) -> Extended {
        if let Some(known) = self.extended.get(file) {
            return known.clone();
        }
        let folder = file.parent().unwrap_or(Path::new("/"));
        let (mut services, mut cuts) = (Vec::new(), Vec::new());
        for document in self.documents(file) {
            cuts.extend(document.cuts);
            let read = self.read(document.root, folder, scope);
            let read = read.and_then(|mut read| take(&mut read, "services"));
            if let Some(Value::Table(entries)) = read.map(|node| node.value) {
                services.extend(entries);
            }
        }
        self.extended.insert(file.to_owned(), (services.clone(), cuts.clone()));
        (services, cuts)
    }

    /// Adds what an included project has.
    fn include(&mut self, read: &mut ConfigNode, node: &ConfigNode, scope: &FileScope) {
        let texts = |key: &str| -> Vec<String> {
            let node = node.value.get(key);
            node.map(|node| node.each().iter().map(|it| said(&it.value)).collect())
                .unwrap_or_default()
        };
        let seen = |text: &String, folder: &Path| {
            paths::written(&text.as_str().into(), folder, &self.caller.env)
        };
        let files: Vec<_> = texts("path").iter().map(|it| seen(it, &scope.folder)).collect();
        let Some(first) = files.first() else {
            self.findings.add(Finding::error(node.at, "`include` names no `path`"));
            return;
        };
        let folder = texts("project_directory").first().map(|it| seen(it, &scope.folder));
        let folder = folder.unwrap_or_else(|| first.parent().unwrap_or(Path::new("/")).to_owned());
        let named: Vec<_> = texts("env_file").iter().map(|it| seen(it, &scope.folder)).collect();
        if let Some(index) = self.including.iter().position(|open| *open == real(first)) {
            let circle = self.including[index..].iter().chain([first]);
            let circle: Vec<_> = circle.map(|it| it.display().to_string()).collect();
            let message = format!("files include each other in a circle: {}", circle.join(" -> "));
            self.findings.add(Finding::error(node.at, message));
            return;
        }
        if self.including.len() >= DEEPEST {
            let message = format!("files include each other more than {DEEPEST} deep");
            self.findings.add(Finding::error(node.at, message));
            return;
        }
        let mut dotenv = scope.dotenv.clone();
        let is_named = !named.is_empty();
        let others = if is_named { named } else { vec![folder.join(".env")] };
        let mut own = Environment::new();
        for path in others {
            let before = self.caller.env.clone();
            match filling::dotenv(&path, &before, self.findings) {
                Some(read) => read.iter().for_each(|(name, value)| own.set(name, value.clone())),
                None if is_named => {
                    let message = format!("could not read the `env_file` {}", path.display());
                    self.findings.add(Finding::error(node.at, message));
                }
                None => {}
            }
        }
        for (name, value) in own.iter().filter(|(name, _)| scope.dotenv.get(name).is_none()) {
            dotenv.set(name, value.clone());
        }
        let included = self.files(&files, &FileScope { folder, dotenv });
        self.import(read, included, node.at);
    }

    /// One name can't mean two things.
    fn import(&mut self, read: &mut ConfigNode, included: ConfigNode, at: ConfigPlace) {
        let Value::Table(sections) = included.value else { return };
        for section in sections {
            const IMPORTED: [&str; 6] =
                ["services", "volumes", "networks", "secrets", "configs", "models"];
            let Value::Table(entries) = section.node.value else { continue };
            if !IMPORTED.contains(&section.key.as_str()) {
                continue;
            }
            if table_of(read, &section.key).is_none() {
                let Value::Table(all) = &mut read.value else { return };
                all.push(TableEntry::new(&section.key, section.at, Value::Table(Vec::new())));
            }
            let Some(own) = table_of(read, &section.key) else { continue };
            let known = numbers(own);
            for entry in entries {
                match known.get(&entry.key).map(|at| &own[*at]) {
                    None => own.push(entry),
                    Some(known) if known.node.value.to_bytes() == entry.node.value.to_bytes() => {}
                    Some(known) => {
                        let message = format!(
                            "{} {} is in an included file as well",
                            section.key,
                            quoted(&entry.key)
                        );
                        let hint = "lay one over the other in a file of its own: `include: [{ path: [base.yaml, over.yaml] }]`";
                        let at = if known.at == ConfigPlace::Whole { at } else { known.at };
                        self.findings.add(Finding::error(at, message).hint(hint));
                    }
                }
            }
        }
    }
}

/// The services among which a service is looked for.
struct Level<'l> {
    file: &'l Path,
    services: &'l mut Vec<TableEntry>,
    /// Where each of them stands.
    numbers: BTreeMap<String, usize>,
    cuts: &'l [Vec<String>],
}

impl<'l> Level<'l> {
    fn new(file: &'l Path, services: &'l mut Vec<TableEntry>, cuts: &'l [Vec<String>]) -> Self {
        let numbers = numbers(services);
        Self { file, services, numbers, cuts }
    }
}

/// The file itself, whatever leads to it.
fn real(file: &Path) -> PathBuf {
    file.canonicalize().unwrap_or_else(|_| file.to_owned())
}

/// The table below a key.
pub(crate) fn table_of<'n>(node: &'n mut ConfigNode, key: &str) -> Option<&'n mut Vec<TableEntry>> {
    let Value::Table(entries) = &mut node.value else { return None };
    match &mut entries.iter_mut().find(|entry| entry.key == key)?.node.value {
        Value::Table(below) => Some(below),
        _ => None,
    }
}

/// Takes a key out of a table.
pub(crate) fn take(node: &mut ConfigNode, key: &str) -> Option<ConfigNode> {
    let Value::Table(entries) = &mut node.value else { return None };
    let index = entries.iter().position(|entry| entry.key == key)?;
    Some(entries.remove(index).node)
}

fn remove(node: &mut ConfigNode, path: &[String]) {
    let (Value::Table(entries), [first, rest @ ..]) = (&mut node.value, path) else { return };
    if rest.is_empty() {
        entries.retain(|entry| entry.key != *first);
    } else if let Some(entry) = entries.iter_mut().find(|entry| entry.key == *first) {
        remove(&mut entry.node, rest);
    }
}
