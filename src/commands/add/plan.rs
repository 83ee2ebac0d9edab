//! What would be done, before anything is: names, ports, the file as it would be, the commands.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use pm_config::{ConfigFormat, Overrides, absolute, is_config_name, read};
use pm_scout::{Doubt, NeighbourKind, SurveyError, SurveyLimits, Weight, survey};
use pm_spec::AppName;
use rustix::fs::{Access, access};

use super::entry::{self, EntryGround};
use super::insert;
use super::ports::PortUse;
use super::setup::Setup;
use crate::cli::AddArgs;
use crate::commands::support::ecosystem_text::{EntryKeys, TextFormat};
use crate::commands::support::listing;
use crate::commands::support::targets::own_file;
use crate::prelude::{Exit, Failure, Session};
use crate::render::added::{AddPlan, PlannedApp, PlannedFile};
use crate::render::lines;

/// What people ask for.
#[derive(Clone, Debug)]
pub(crate) struct AddWish {
    pub(super) folder: PathBuf,
    pub(super) name: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) app: Option<String>,
    pub(super) only: Vec<String>,
    pub(super) python: Option<String>,
    pub(super) into: Option<PathBuf>,
    /// A file that is there is replaced.
    is_fresh: bool,
}

impl AddWish {
    pub(super) fn of(session: &Session, args: &AddArgs) -> Result<Self, Failure> {
        let cwd = session.caller()?.cwd;
        let folder = absolute(&args.folder, &cwd);
        if folder.to_str().is_none() {
            let message = format!("could not add {}: its path is no UTF-8", folder.display());
            return Err(Failure::input(message).hint("no file of any format could name it"));
        }
        let python = args.python.as_ref().map(|python| {
            let path = Path::new(python);
            let is_path = python.contains('/');
            if is_path { absolute(path, &cwd).display().to_string() } else { python.clone() }
        });
        let into = match &args.into {
            Some(file) => Some(checked(absolute(file, &cwd))?),
            None => None,
        };
        if let Some(name) = &args.name {
            let refused = |error| Failure::input(format!("could not use `{name}`: {error}"));
            AppName::parse(name).map_err(refused)?;
        }
        Ok(Self {
            folder,
            name: args.name.clone(),
            port: args.port,
            app: args.app.clone(),
            only: args.only.clone(),
            python,
            into,
            is_fresh: false,
        })
    }

    /// A folder, for a file that is not there or does not count, and nothing else asked for.
    pub(crate) fn fresh(folder: PathBuf, into: PathBuf) -> Self {
        let (name, port, app, python) = (None, None, None, None);
        Self { folder, name, port, app, only: Vec::new(), python, into: Some(into), is_fresh: true }
    }
}

/// A name that says in which language the file is.
fn checked(file: PathBuf) -> Result<PathBuf, Failure> {
    let name = file.to_string_lossy();
    if file.parent().is_none_or(|folder| !folder.is_dir()) {
        let message = format!("could not write into {name}: there is no such folder");
        return Err(Failure::input(message));
    }
    if TextFormat::of(&name).is_some() && !file.is_dir() {
        return Ok(file);
    }
    let message = format!("could not write into {name}: it is no config by its name");
    Err(Failure::input(message).hint("such as --into ecosystem.json5, .yaml, .toml or .json"))
}

impl AddPlan {
    /// Looks, and does nothing.
    pub(crate) fn make(session: &Session, wish: &AddWish) -> Result<Self, Failure> {
        let survey = survey(&wish.folder, SurveyLimits::default(), wish.app.as_deref());
        let survey = survey.map_err(|error| {
            let failure = Failure::could_not(Exit::Input, &error);
            if !matches!(error, SurveyError::NoFolder(_)) {
                return failure;
            }
            let path = wish.folder.display();
            failure
                .hint(format!("`pm start {path}` starts what one file is; `pm add` takes a folder"))
        })?;
        let file = wish.into.clone().unwrap_or_else(|| {
            // Into a file of another manager nothing is written.
            let there = own_file(&survey.folder);
            survey.folder.join(there.unwrap_or_else(|| "ecosystem.json5".into()))
        });
        let before = match std::fs::read_to_string(&file) {
            Ok(_) if wish.is_fresh => None,
            Ok(text) => Some(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                let message = format!("could not read {}: {error}", file.display());
                return Err(Failure::failed(message));
            }
        };
        let known = match &before {
            Some(_) => names_in(session, &file)?,
            None => Vec::new(),
        };
        let file = PlannedFile { path: file, before, after: None, lines: String::new() };
        let (apps, commands) = (Vec::new(), Vec::new());
        let doubts = survey.projects.iter().flat_map(|project| project.doubts.clone()).collect();
        let (remarks, blockers) = (survey.remarks.clone(), Vec::new());
        let mut plan = Self { apps, file, commands, doubts, remarks, blockers, known, survey };
        plan.fill(session, wish)?;
        Ok(plan)
    }

    fn fill(&mut self, session: &Session, wish: &AddWish) -> Result<(), Failure> {
        self.name(session, wish)?;
        self.sift_doubts();
        let names = self.names();
        let mut ports = PortUse::look(session, &names)?;
        let is_alone = self.apps.iter().filter(|app| app.proposal.port.is_some()).count() == 1;
        if wish.port.is_some() && !is_alone {
            let message = "could not use --port: it is for one app with a port";
            return Err(Failure::input(message).hint(format!("--only, of {}", names.join(", "))));
        }
        for app in &mut self.apps {
            let claim = app.proposal.port.as_ref();
            app.port = claim.map(|claim| ports.give(&app.name, claim, wish.port));
        }
        let ports = self.apps.iter().filter_map(|app| app.port.as_ref());
        self.blockers.extend(ports.filter_map(|port| port.blocker.clone()));
        for project in &self.survey.projects {
            if self.apps.iter().any(|app| app.folder == project.folder) {
                let setup = Setup::of(&self.survey.folder, project, wish.python.as_deref());
                self.commands.extend(setup.steps);
                self.blockers.extend(setup.blockers);
                self.remarks.extend(setup.remarks);
            }
        }
        for one in &self.survey.neighbours {
            let path = &one.path;
            let text = match one.kind {
                NeighbourKind::Compose => {
                    format!("{path} is Compose's, and nothing is taken from it")
                }
                NeighbourKind::Supervisor => {
                    format!("{path} is Supervisor's, and nothing is taken from it")
                }
                NeighbourKind::Ecosystem if self.survey.folder.join(path) == self.file.path => {
                    continue;
                }
                NeighbourKind::Ecosystem => {
                    format!("{path} is an ecosystem file, too: `pm up` takes it")
                }
            };
            self.remarks.push(text);
        }
        self.write(session);
        self.check_rights();
        Ok(())
    }

    /// Doubts about folders of which nothing is added stand in nobody's way.
    fn sift_doubts(&mut self) {
        let is_added = |folder: &String| self.apps.iter().any(|app| app.folder == *folder);
        let (own, others): (Vec<_>, Vec<_>) =
            self.survey.projects.iter().partition(|project| is_added(&project.folder));
        let others = others.into_iter().filter(|project| project.proposals.is_empty());
        let others = others.flat_map(|project| project.doubts.clone());
        let others = others.map(|doubt| Doubt { weight: Weight::Remark, ..doubt });
        let own = own.into_iter().flat_map(|project| project.doubts.clone());
        self.doubts = own.chain(others).collect();
    }

    /// Whether what is to be made may be made: better told now than after an installation.
    fn check_rights(&mut self) {
        let made = self.commands.iter().filter_map(|step| step.makes.as_deref());
        let file = Some(self.file.path.as_path()).filter(|_| self.file.after.is_some());
        let folders = made.chain(file).filter_map(Path::parent);
        let may = Access::WRITE_OK | Access::EXEC_OK;
        let refused = folders.filter(|folder| access(*folder, may).is_err());
        let refused: BTreeSet<_> = refused.collect();
        let told = refused
            .iter()
            .map(|folder| format!("there is no right to write in {}", folder.display()));
        self.blockers.extend(told);
    }

    /// Names for what was found; who is in the file already is left out.
    fn name(&mut self, session: &Session, wish: &AddWish) -> Result<(), Failure> {
        let elsewhere = match session.find()? {
            Some(mut client) => listing::rows(&mut client)?,
            None => Vec::new(),
        };
        let mut taken: Vec<String> = Vec::new();
        let mut skipped = Vec::new();
        for project in &self.survey.projects {
            let folder = self.survey.folder.join(&project.folder);
            let own = folder
                .file_name()
                .map_or_else(|| "app".into(), |it| it.to_string_lossy().into_owned());
            let base = wish.name.clone().unwrap_or(own);
            for proposal in &project.proposals {
                let role = proposal.role.as_ref().map(|role| format!("-{role}"));
                // What is called so already needs no second word.
                let has_main = project.proposals.iter().any(|it| it.role.is_none());
                let role = role.filter(|role| has_main || !format!("-{base}").ends_with(role));
                let name = base.clone() + &role.unwrap_or_default();
                if self.known.contains(&name) {
                    skipped.push(name);
                    continue;
                }
                let is_taken = |name: &String| {
                    taken.contains(name)
                        || self.known.contains(name)
                        || elsewhere.iter().any(|row| row.name == *name)
                };
                if is_taken(&name) && wish.name.is_some() {
                    let message = format!("could not use --name {name}: an app has that name");
                    return Err(Failure::input(message).hint("`pm list` shows all"));
                }
                let mut tries =
                    std::iter::once(name.clone()).chain((2..1000).map(|n| format!("{name}-{n}")));
                let name = tries.find(|name| !is_taken(name)).unwrap_or(name);
                taken.push(name.clone());
                let (folder, proposal) = (project.folder.clone(), proposal.clone());
                if wish.only.is_empty() || wish.only.contains(&name) {
                    self.apps.push(PlannedApp { name, folder, proposal, port: None });
                }
            }
        }
        if let Some(missing) = wish.only.iter().find(|name| !taken.contains(*name)) {
            let message = format!("could not find {missing} in {}", self.survey.folder.display());
            return Err(Failure::input(message).hint(format!("there is {}", taken.join(", "))));
        }
        if self.apps.is_empty() {
            return Err(self.nothing(&skipped));
        }
        let is_named = |app: &PlannedApp| {
            let spec = wish.app.as_ref();
            spec.is_none_or(|spec| {
                let brackets = format!("{spec}()");
                let start = &app.proposal.start;
                start.program == *spec
                    || start.args.iter().any(|arg| arg == spec || *arg == brackets)
            })
        };
        if !self.apps.iter().any(is_named) {
            let others = self.apps.iter().flat_map(|app| &app.proposal.others);
            let others: Vec<_> = others.map(String::as_str).collect();
            let app = wish.app.as_deref().unwrap_or_default();
            let message = format!("could not find {app} in {}", self.survey.folder.display());
            let failure = Failure::input(message);
            return Err(if others.is_empty() {
                failure
            } else {
                failure.hint(format!("there is {}", others.join(", ")))
            });
        }
        Ok(())
    }

    /// Why there is nothing to add.
    fn nothing(&self, skipped: &[String]) -> Failure {
        let (folder, file) = (self.survey.folder.display(), self.file.path.display());
        if !skipped.is_empty() {
            let message = format!("there is nothing to add: {} has {}", file, skipped.join(", "));
            return Failure::failed(message)
                .hint(format!("`pm up {file}` starts it; --name adds it once more"));
        }
        let doubts = self.doubts.iter().map(|doubt| &doubt.text);
        let told = self.survey.remarks.iter().chain(doubts);
        let told = lines(told.map(|text| format!("warning: {text}")));
        let message = format!("could not find an app in {folder}");
        Failure::failed(message).after(told).hint(
            "looked for Python (Django, Flask, FastAPI ...), package.json, go.mod, Procfile, index.html; \
             `pm start PROGRAM --cwd FOLDER` starts anything",
        )
    }

    fn write(&mut self, session: &Session) {
        let path = &self.file.path;
        let format = TextFormat::of(&path.to_string_lossy()).unwrap_or(TextFormat::Json5);
        let home = path.parent().unwrap_or(Path::new("/"));
        let home = home.canonicalize().unwrap_or_else(|_| home.to_owned());
        let ground = EntryGround { folder: &self.survey.folder, home: &home, workers: workers() };
        let key = |app: &PlannedApp| {
            let project = self.survey.projects.iter().find(|it| it.folder == app.folder)?;
            let port = app.port.as_ref().map(|port| port.number);
            Some(entry::keys(&app.name, (project, &app.proposal), port, &ground))
        };
        let entries: Vec<EntryKeys> = self.apps.iter().filter_map(key).collect();
        let Some(before) = &self.file.before else {
            let about = "made by looking at this folder; yours to change: `pm up` brings it up";
            let text = format.file(about, &entries);
            (self.file.lines, self.file.after) = (text.clone(), Some(text));
            return;
        };
        let indent = "    ";
        let lines: Vec<_> = entries.iter().map(|entry| format.entry(entry, indent)).collect();
        self.file.lines = lines.join(",\n") + "\n";
        let after = insert::inserted(before, format, &entries);
        // Whether it was the right place is seen by reading it.
        let wanted = self.known.iter().cloned().chain(self.names());
        let wanted: Vec<_> = wanted.collect();
        let after =
            after.filter(|text| names_of(session, path, text).is_some_and(|it| it == wanted));
        if after.is_none() {
            let text = format!(
                "{} is written in a way that nothing can be put into it safely: put the lines above into it, then `pm up`",
                path.display()
            );
            self.blockers.push(text);
        }
        self.file.after = after;
    }
}

/// gunicorn's own advice, as far as there is memory for it: 150 MB each.
fn workers() -> usize {
    let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let memory = std::fs::read_to_string("/proc/meminfo").ok();
    let memory = memory.and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
        line.trim().trim_end_matches(" kB").parse::<usize>().ok()
    });
    let room = memory.map_or(usize::MAX, |kilobytes| kilobytes / (150 << 10));
    (2 * cpus + 1).min(room).clamp(1, 9)
}

fn names_in(session: &Session, file: &Path) -> Result<Vec<String>, Failure> {
    let names = read::names(file, &session.caller()?, &Overrides::default());
    let names = names.map_err(|it| crate::commands::support::targets::unusable(&it))?;
    Ok(names.iter().map(ToString::to_string).collect())
}

/// The apps of a text, if it is right.
fn names_of(session: &Session, file: &Path, text: &str) -> Option<Vec<String>> {
    let format = is_config_name(&file.to_string_lossy()).unwrap_or(ConfigFormat::Json5);
    let caller = session.caller().ok()?;
    let names = read::names_of(text.as_bytes(), format, "file", &caller, &Overrides::default());
    Some(names.ok()?.iter().map(ToString::to_string).collect())
}
