//! What a Python project needs before it can run: an interpreter, a virtual environment, packages.

use serde::Serialize;

use crate::proposal::{Doubt, Evidence};
use crate::python_wish::PythonWish;
use crate::requirement_files::{RequirementFile, requirements};
use crate::requirements::Packages;
use crate::terrain::{Terrain, joined, parent};

/// A virtual environment that is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FoundVenv {
    /// From the folder that was looked at.
    pub path: String,
    /// Whether its Python is there.
    pub works: bool,
}

/// What a Python project needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PythonProject {
    /// The Python it asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wish: Option<PythonWish>,
    /// The virtual environment it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub venv: Option<FoundVenv>,
    /// Where it says which packages it needs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requirements: Option<RequirementFile>,
    /// How many they are.
    pub packages: usize,
}

/// A Python project, and what is known of its packages.
#[derive(Debug)]
pub(crate) struct PythonGround {
    pub(crate) project: PythonProject,
    pub(crate) packages: Packages,
    pub(crate) doubts: Vec<Doubt>,
    programs: Vec<&'static str>,
}

/// Servers that are looked for in a virtual environment that is there.
const PROGRAMS: [&str; 9] = [
    "gunicorn",
    "uvicorn",
    "hypercorn",
    "granian",
    "daphne",
    "waitress-serve",
    "celery",
    "streamlit",
    "flask",
];

impl PythonGround {
    /// Looks at a folder of a project.
    pub(crate) fn of(terrain: &Terrain, folder: &str) -> Self {
        let mut needs = requirements(terrain, folder);
        let wish = wish(terrain, folder).or(needs.python.take());
        let wish = wish.map(|(text, evidence)| PythonWish { text, evidence });
        let venv = venv(terrain, folder);
        let bin = venv.as_ref().map(|venv| terrain.path.join(&venv.path).join("bin"));
        let has = |name: &&str| bin.as_ref().is_some_and(|bin| bin.join(name).exists());
        let programs = PROGRAMS.into_iter().filter(has).collect();
        if let Some(venv) = venv.as_ref().filter(|venv| !venv.works) {
            let text = format!("{} is a venv whose Python is gone: remove it", venv.path);
            needs.doubts.push(Doubt::blocker("venv", text));
        }
        if let Some(file) = needs.file.as_ref().filter(|_| needs.is_conda) {
            let text = format!(
                "{} is conda's, which is not served: make a venv with what it names, or a requirements.txt of it",
                file.path
            );
            needs.doubts.push(if venv.is_some() {
                Doubt::remark("requirements", text)
            } else {
                Doubt::blocker("requirements", text)
            });
        }
        let packages = needs.packages.len();
        let project = PythonProject { wish, venv, requirements: needs.file, packages };
        Self { project, packages: needs.packages, doubts: needs.doubts, programs }
    }

    /// Whether a package is asked for, or there already.
    pub(crate) fn has(&self, package: &str) -> bool {
        let program = if package == "waitress" { "waitress-serve" } else { package };
        self.packages.contains_key(package) || self.programs.contains(&program)
    }

    /// Whether nothing is known of what it needs.
    pub(crate) fn is_silent(&self) -> bool {
        self.project.requirements.is_none() && self.project.venv.is_none()
    }
}

/// The virtual environment of a folder: its own, else that of a folder above.
fn venv(terrain: &Terrain, folder: &str) -> Option<FoundVenv> {
    let mut place = folder;
    loop {
        let mut here: Vec<_> =
            terrain.venvs.iter().filter(|(path, _)| parent(path) == place).collect();
        here.sort_by_key(|(path, _)| {
            let name = path.rsplit('/').next().unwrap_or_default();
            [".venv", "venv"].iter().position(|usual| *usual == name).unwrap_or(2)
        });
        if let Some((path, works)) = here.first() {
            return Some(FoundVenv { path: (*path).clone(), works: **works });
        }
        if place.is_empty() {
            return None;
        }
        place = parent(place);
    }
}

/// What files that are only about versions say.
fn wish(terrain: &Terrain, folder: &str) -> Option<(String, Evidence)> {
    let first = |name: &str, part: fn(&str) -> Option<&str>| {
        let path = joined(folder, name);
        let text = terrain.has(&path).then(|| terrain.read(&path).ok())??;
        let mut lines = text.lines().enumerate();
        let (at, words) = lines.find_map(|(at, line)| Some((at + 1, part(line.trim())?)))?;
        Some((words.to_owned(), Evidence::new(&path, at, words)))
    };
    first(".python-version", |line| {
        line.starts_with(|it: char| it.is_ascii_digit()).then_some(line)
    })
    .or_else(|| first("runtime.txt", |line| line.strip_prefix("python-")))
    .or_else(|| first(".tool-versions", |line| Some(line.strip_prefix("python ")?.trim())))
    .or_else(|| first("Dockerfile", of_image))
}

/// The version in `FROM python:3.12-slim`.
fn of_image(line: &str) -> Option<&str> {
    let (_, tag) = line.strip_prefix("FROM ")?.split_once("python:")?;
    let end = tag.find(|it: char| !(it.is_ascii_digit() || it == '.')).unwrap_or(tag.len());
    Some(tag.get(..end)?.trim_end_matches('.')).filter(|tag| !tag.is_empty())
}
