//! A Compose project: its files read, what is implied said, its services switched on by their profiles.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use pm_spec::{ByteString, Environment};

use super::loading::{FileScope, Loading, table_of, take};
use super::printing::{self, Print};
use super::said::said;
use super::{consistency, documents, normal, project_keys};
use crate::caller::Caller;
use crate::diagnose::{ConfigPlace, Finding, Findings, quoted};
use crate::dotenv::{self, Dialect};
use crate::interpolate::Dollars;
use crate::tree::{ConfigNode, TableEntry, Value};
use crate::{filling, format, paths};

/// The files of a project, in the order in which they are laid over each other.
pub(crate) struct ComposeFiles<'a> {
    /// The first, and its text.
    pub(crate) first: (&'a Path, &'a str),
    pub(crate) over: &'a [PathBuf],
    pub(crate) caller: &'a Caller,
    /// Profiles that are on; `COMPOSE_PROFILES` if there are none.
    pub(crate) profiles: &'a [String],
    /// What the project is to be called.
    pub(crate) name: Option<&'a str>,
}

/// A project of Compose.
#[derive(Clone, Debug)]
pub struct ComposeProject {
    /// What it is called.
    pub name: String,
    /// The folder that its paths are seen from.
    pub folder: PathBuf,
    /// Its files.
    pub files: Vec<PathBuf>,
    /// The profiles that are on.
    pub on: Vec<String>,
    pub(crate) root: ConfigNode,
    /// The shell's variables, and under them those of its `.env`.
    pub(crate) env: (Environment, Environment),
    pub(crate) secrets: BTreeSet<ConfigPlace>,
    /// Whether `develop.watch` acts.
    pub(crate) develops: bool,
}

/// Whether a text is such a file: it has `services` and none of our `apps`.
pub(crate) fn is_one(text: &str) -> bool {
    if !text.contains("services") {
        return false;
    }
    let said = |key: &str| {
        let quoted = format!("\"{key}\":");
        let begins = |line: &str| {
            line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with(':'))
                || line.starts_with(&quoted)
        };
        text.lines().any(begins)
    };
    match documents::read(text) {
        Ok(documents) => documents.iter().any(|document| {
            let has = |key| document.root.value.get(key).is_some();
            has("services") && !has("apps") && !has("processes")
        }),
        // What is wrong with it is told by who reads it.
        Err(_) => said("services") && !said("apps"),
    }
}

/// The file that is laid over a file of this name, if nobody says otherwise (Compose, process-compose).
pub fn over(file: &Path) -> Option<PathBuf> {
    const BASES: [&str; 6] = [
        "compose.yaml",
        "compose.yml",
        "docker-compose.yml",
        "docker-compose.yaml",
        "process-compose.yml",
        "process-compose.yaml",
    ];
    let name = file.file_name()?.to_str().filter(|name| BASES.contains(name))?;
    let programs = if name.starts_with("process-") {
        &["process-compose"][..]
    } else {
        &["compose", "docker-compose"]
    };
    let names =
        programs.iter().flat_map(|it| ["yml", "yaml"].map(|end| format!("{it}.override.{end}")));
    names.map(|over| file.with_file_name(over)).find(|over| over.is_file())
}

impl ComposeFiles<'_> {
    /// Reads the files; what is wrong is told.
    pub(crate) fn read(&self, findings: &mut Findings) -> ComposeProject {
        let (first, text) = self.first;
        let folder = first.parent().unwrap_or(Path::new("/")).to_owned();
        let shell = &self.caller.env;
        let dotenv = filling::dotenv(&folder.join(".env"), shell, findings).unwrap_or_default();
        let files: Vec<_> =
            std::iter::once(first.to_owned()).chain(self.over.iter().cloned()).collect();
        let mut scope = FileScope { folder: folder.clone(), dotenv };
        let name = self.called(&files, text, &scope, findings);
        scope.dotenv.set("COMPOSE_PROJECT_NAME", name.as_str());
        let mut caller = self.caller.clone();
        caller.env.unset("COMPOSE_PROJECT_NAME");
        let mut loading = Loading::new(&caller, self.first, findings);
        let mut root = loading.files(&files, &scope);
        let secrets = std::mem::take(&mut loading.secrets);
        if table_of(&mut root, "services").is_none() && !findings.has_errors() {
            findings.add(Finding::error(root.at, "there are no `services` in this file"));
        }
        let env = (caller.env, scope.dotenv);
        let look = |name: &str| look(&env, name);
        normal::normalise(&mut root, (&name, &folder), &look);
        let mut on = self.profiles.to_vec();
        if on.is_empty() {
            on.extend(look("COMPOSE_PROFILES").map(|it| it.display().into_owned()));
        }
        let on = crate::flags::split(&on).map(str::to_owned).collect();
        let project =
            ComposeProject { name, folder, files, on, root, env, secrets, develops: false };
        if !findings.has_errors() {
            consistency::check(&project.root, &|service| project.is_on(service), findings);
        }
        project
    }

    /// `-p`, `COMPOSE_PROJECT_NAME`, the last `name:`, the folder: the first of them that says something.
    fn called(
        &self,
        files: &[PathBuf],
        text: &str,
        scope: &FileScope,
        findings: &mut Findings,
    ) -> String {
        let env = (self.caller.env.clone(), scope.dotenv.clone());
        let given = self.name.map(str::to_owned);
        let given = given.or_else(|| {
            let value = look(&env, "COMPOSE_PROJECT_NAME").map(|it| it.display().into_owned());
            value.filter(|name| !name.is_empty())
        });
        if let Some(name) = given {
            if normal::project_name(&name) != name {
                let message = format!("a project can't be called {}", quoted(&name));
                let hint = "small letters, digits, `-` and `_`, and a letter or digit first";
                findings.add(Finding::error(ConfigPlace::Whole, message).hint(hint));
            }
            return name;
        }
        let named = |(index, file): (usize, &PathBuf)| {
            let bytes =
                if index == 0 { text.into() } else { paths::head(file, format::LARGEST).ok()? };
            let documents = documents::read(&format::text(&bytes).ok()?).ok()?;
            let node = documents.iter().rev().find_map(|it| it.root.value.get("name"))?;
            let mut node = node.clone();
            // What is wrong with it is told when the file is read.
            let apart = &mut Findings::default();
            filling::fill(&mut node, (&env.0, &env.1), Dollars::All, apart);
            Some(normal::project_name(&said(&node.value))).filter(|name| !name.is_empty())
        };
        let last = files.iter().enumerate().rev().find_map(named);
        let of = |folder: &Path| {
            folder.file_name().map(|name| normal::project_name(&name.to_string_lossy()))
        };
        last.or_else(|| of(&scope.folder))
            .filter(|name| !name.is_empty())
            .or_else(|| of(&self.caller.cwd))
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| "default".into())
    }
}

/// The value of a variable: the shell's, else that of the `.env`.
fn look((shell, dotenv): &(Environment, Environment), name: &str) -> Option<ByteString> {
    shell.get(name).or_else(|| dotenv.get(name)).cloned()
}

impl ComposeProject {
    /// Whether a service is on: it has no profiles, or one that is.
    pub(crate) fn is_on(&self, service: &Value) -> bool {
        let profiles = service.get("profiles").map(ConfigNode::each);
        let is_on = |node: &ConfigNode| {
            let profile = said(&node.value);
            self.on.iter().any(|on| *on == profile || on == "*")
        };
        profiles.is_none_or(|all| all.is_empty() || all.iter().any(is_on))
    }

    /// With the variables of its `env_file`s, and without what no service that is on uses.
    pub(crate) fn resolved(mut self, findings: &mut Findings) -> Self {
        let mut root = std::mem::replace(
            &mut self.root,
            ConfigNode { at: ConfigPlace::Whole, value: Value::Null },
        );
        if let Some(services) = table_of(&mut root, "services") {
            services.retain(|entry| self.is_on(&entry.node.value));
            for service in services {
                self.variables(&mut service.node, ("env_file", "environment"), findings);
                self.variables(&mut service.node, ("label_file", "labels"), findings);
            }
        }
        let mut used: BTreeSet<(&str, String)> = BTreeSet::new();
        for service in
            root.value.get("services").and_then(|it| it.value.as_table()).unwrap_or_default()
        {
            used.extend(uses(&service.node.value));
        }
        for section in ["networks", "volumes", "secrets", "configs", "models"] {
            let mut is_empty = false;
            if let Some(entries) = table_of(&mut root, section) {
                entries.retain(|entry| used.contains(&(section, entry.key.clone())));
                is_empty = entries.is_empty();
            }
            if is_empty {
                take(&mut root, section);
            }
        }
        take(&mut root, "name");
        let name = TableEntry::new("name", root.at, Value::text(self.name.as_str()));
        if let Value::Table(entries) = &mut root.value {
            entries.push(name);
        }
        self.root = root;
        self
    }

    /// Lays what a service says over what its files of variables say.
    fn variables(
        &self,
        service: &mut ConfigNode,
        (files, key): (&str, &str),
        findings: &mut Findings,
    ) {
        let Some(files) = take(service, files) else { return };
        let mut before = self.env.1.clone();
        let own = service.value.get(key).and_then(|node| node.value.as_table()).unwrap_or_default();
        for entry in own.iter().filter(|entry| !matches!(entry.node.value, Value::Null)) {
            before.set(&entry.key, entry.node.value.to_bytes());
        }
        self.env.0.iter().for_each(|(name, value)| before.set(name, value.clone()));
        let mut all = Environment::new();
        for file in files.each() {
            let path =
                file.value.get("path").map_or_else(|| said(&file.value), |it| said(&it.value));
            let is_required =
                !matches!(file.value.get("required").map(|it| &it.value), Some(Value::Bool(false)));
            let format = file.value.get("format").map(|it| said(&it.value)).unwrap_or_default();
            let bytes = match paths::head(Path::new(&path), format::LARGEST) {
                Ok(bytes) => bytes,
                Err(error) if !is_required && error.kind() == std::io::ErrorKind::NotFound => {
                    continue;
                }
                Err(error) => {
                    let message = format!("`env_file` {path}: {}", paths::cause(&error));
                    findings.add(Finding::error(file.at, message));
                    continue;
                }
            };
            let number = findings.other(&path, None);
            let Some(text) = findings.take(format::text(&bytes).map_err(|it| it.of(number))) else {
                continue;
            };
            let dialect = if format == "raw" { Dialect::Raw } else { Dialect::Compose };
            let (read, wrong) = dotenv::parse(&text, dialect, &before);
            findings.extend(wrong.into_iter().map(|finding| finding.of(number)));
            for variable in read {
                let value = variable.value.or_else(|| look(&self.env, &variable.name));
                if let Some(value) = value {
                    all.set(&variable.name, value);
                }
            }
        }
        let mut merged: Vec<TableEntry> = all
            .iter()
            .map(|(name, value)| TableEntry::new(name, files.at, Value::Text(value.clone())))
            .collect();
        for entry in own {
            merged.retain(|known| known.key != entry.key);
            merged.push(entry.clone());
        }
        take(service, key);
        if !merged.is_empty() {
            normal::put(service, key, Value::Table(merged));
        }
    }

    /// A service with the variables of its `env_file`s among its own.
    pub(crate) fn with_variables(
        &self,
        service: &TableEntry,
        findings: &mut Findings,
    ) -> TableEntry {
        let mut service = service.clone();
        self.variables(&mut service.node, ("env_file", "environment"), findings);
        self.variables(&mut service.node, ("label_file", "labels"), findings);
        service
    }

    /// What `docker compose config --format json` prints.
    pub fn json(&self) -> String {
        let Value::Table(mut entries) =
            printing::printed(&self.root.value, &project_keys::FILE, Print::Json)
        else {
            return String::new();
        };
        let own = self.root.value.as_table().unwrap_or_default();
        entries.extend(own.iter().filter(|entry| entry.key.starts_with("x-")).cloned());
        entries.sort_by(|one, other| one.key.cmp(&other.key));
        let text = serde_json::to_string_pretty(&Value::Table(entries)).unwrap_or_default();
        text.replace('$', "$$")
    }

    /// What `docker compose config` prints.
    pub fn yaml(&self) -> String {
        let printed = printing::printed(&self.root.value, &project_keys::FILE, Print::Yaml);
        printing::yaml(&printed).replace('$', "$$")
    }

    /// The names below a key: `services`, `volumes`, `networks`, `models`.
    pub fn names(&self, section: &str) -> Vec<String> {
        let entries = self.root.value.get(section).and_then(|node| node.value.as_table());
        let mut names: Vec<_> =
            entries.unwrap_or_default().iter().map(|it| it.key.clone()).collect();
        names.sort();
        names
    }

    /// The volumes that are its own, by the names the engine knows: what is external is somebody else's.
    pub fn own_volumes(&self) -> Vec<String> {
        let entries = self.root.value.get("volumes").and_then(|node| node.value.as_table());
        let own = entries.unwrap_or_default().iter().filter(|it| {
            let external = it.node.value.get("external");
            external.is_none_or(|external| external.value.is_falsy())
        });
        let name = |it: &TableEntry| {
            it.node.value.get("name").map_or_else(|| it.key.clone(), |node| said(&node.value))
        };
        own.map(name).collect()
    }

    /// The images of its services, in the order of their names.
    pub fn images(&self) -> Vec<String> {
        let entries = self.root.value.get("services").and_then(|node| node.value.as_table());
        let mut services: Vec<_> = entries.unwrap_or_default().iter().collect();
        services.sort_by(|one, other| one.key.cmp(&other.key));
        let image = |service: &&TableEntry| {
            let value = &service.node.value;
            let own = value.get("image").map(|node| said(&node.value));
            own.or_else(|| value.get("build").map(|_| format!("{}-{}", self.name, service.key)))
        };
        services.iter().filter_map(image).collect()
    }

    /// All profiles that services have, in order.
    pub fn profiles(&self) -> Vec<String> {
        let entries = self.root.value.get("services").and_then(|node| node.value.as_table());
        let all = entries.unwrap_or_default().iter().filter_map(|it| it.node.value.get("profiles"));
        let all = all.flat_map(ConfigNode::each).map(|node| said(&node.value));
        all.collect::<BTreeSet<_>>().into_iter().collect()
    }
}

/// What a service uses of the sections of the project.
fn uses(service: &Value) -> Vec<(&'static str, String)> {
    let keys = |section, key: &str| {
        let entries = service.get(key).and_then(|node| node.value.as_table()).unwrap_or_default();
        entries.iter().map(|entry| (section, entry.key.clone())).collect::<Vec<_>>()
    };
    let sources = |section, node: Option<&ConfigNode>| {
        let source = |node: &ConfigNode| Some((section, said(&node.value.get("source")?.value)));
        node.into_iter().flat_map(ConfigNode::each).filter_map(source).collect::<Vec<_>>()
    };
    let volumes = service.get("volumes").into_iter().flat_map(ConfigNode::each);
    let volumes =
        volumes.filter(|it| it.value.get("type").is_some_and(|it| said(&it.value) == "volume"));
    let volumes = volumes.filter_map(|it| Some(("volumes", said(&it.value.get("source")?.value))));
    let of_build = service.get("build").and_then(|node| node.value.get("secrets"));
    let mut all = keys("networks", "networks");
    all.extend(keys("models", "models"));
    all.extend(volumes);
    all.extend(sources("secrets", service.get("secrets")));
    all.extend(sources("secrets", of_build));
    all.extend(sources("configs", service.get("configs")));
    all
}
