//! The forms in which Python projects say what they need, and how each is installed.

use serde::Serialize;

use crate::proposal::{Doubt, Evidence};
use crate::requirements::{Packages, RequirementReader, package, with_extras};
use crate::terrain::{Terrain, joined};
use crate::toml_text::{TomlPlace, TomlText};

/// A way to say what is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RequirementForm {
    /// `uv.lock` beside `pyproject.toml`.
    UvLock,
    /// `requirements.txt` and the like.
    Requirements,
    /// `[project]` of `pyproject.toml`; PDM, hatch, setuptools.
    Project,
    /// `[tool.poetry]` of `pyproject.toml`.
    Poetry,
    /// `Pipfile`.
    Pipfile,
    /// `install_requires` of `setup.cfg`.
    SetupCfg,
    /// `setup.py`, whose code says what is needed.
    SetupPy,
    /// `environment.yml` of conda, which is not served.
    Conda,
}

/// One file that says what is needed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RequirementFile {
    /// From the folder that was looked at.
    pub path: String,
    /// Its form.
    pub form: RequirementForm,
    /// What is asked for, in the words of an installer, where the file itself can't be handed to one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub wanted: Vec<String>,
}

/// What all files of a folder say.
#[derive(Debug, Default)]
pub(crate) struct Requirements {
    /// What is to be installed; the first says most.
    pub(crate) file: Option<RequirementFile>,
    pub(crate) packages: Packages,
    pub(crate) doubts: Vec<Doubt>,
    /// Whether only conda could install it.
    pub(crate) is_conda: bool,
    /// What `pyproject.toml`, `Pipfile` or `setup.cfg` say of Python.
    pub(crate) python: Option<(String, Evidence)>,
}

/// Names of requirement files, the likeliest first.
const NAMES: [&str; 7] = [
    "requirements.txt",
    "requirements/prod.txt",
    "requirements/production.txt",
    "requirements/base.txt",
    "requirements-prod.txt",
    "requirements/requirements.txt",
    "requirements.in",
];

/// What a folder asks for.
pub(crate) fn requirements(terrain: &Terrain, folder: &str) -> Requirements {
    let mut all = Requirements::default();
    let has = |name: &str| terrain.has(&joined(folder, name));
    if has("pyproject.toml") {
        pyproject(terrain, folder, &mut all);
    }
    let listed = NAMES.iter().find(|name| has(name));
    // A lock says most, and is there because somebody wants it to be used.
    let is_locked = all.file.as_ref().is_some_and(|file| file.form == RequirementForm::UvLock);
    if let Some(name) = listed.filter(|_| !is_locked) {
        let path = joined(folder, name);
        let mut reader = RequirementReader::new(terrain);
        reader.read(&path, &mut Vec::new());
        let is_empty = all.file.as_ref().is_none_or(|file| file.wanted.is_empty());
        all.packages.extend(reader.packages);
        all.doubts.extend(reader.doubts);
        if is_empty {
            let form = RequirementForm::Requirements;
            all.file = Some(RequirementFile { path, form, wanted: Vec::new() });
        }
    }
    for (name, form) in [
        ("Pipfile", RequirementForm::Pipfile),
        ("setup.cfg", RequirementForm::SetupCfg),
        ("setup.py", RequirementForm::SetupPy),
    ] {
        if all.file.is_none() && has(name) {
            other(terrain, (&joined(folder, name), form), &mut all);
        }
    }
    let conda = ["environment.yml", "environment.yaml"].iter().find(|name| has(name));
    if let Some(name) = conda {
        let path = joined(folder, name);
        if all.file.is_none() {
            all.is_conda = true;
            let form = RequirementForm::Conda;
            all.file = Some(RequirementFile { path, form, wanted: Vec::new() });
        }
    }
    all
}

fn unreadable(all: &mut Requirements, path: &str, why: &str) {
    all.doubts.push(Doubt::blocker("requirements", format!("{path} can't be read: {why}")));
}

fn pyproject(terrain: &Terrain, folder: &str, all: &mut Requirements) {
    let path = joined(folder, "pyproject.toml");
    let text = match terrain.read(&path) {
        Ok(text) => text,
        Err(why) => return unreadable(all, &path, why.words()),
    };
    let document = match TomlText::parse(&text) {
        Ok(document) => document,
        Err(why) => return unreadable(all, &path, &why),
    };
    let mut wanted = Vec::new();
    if let Some(project) = document.at(&["project"]) {
        python(project.under("requires-python"), &path, all);
        let listed = project.under("dependencies").into_iter().flat_map(TomlPlace::items);
        for item in listed {
            let Some(words) = item.as_text() else { continue };
            wanted.extend(take(words, &Evidence::new(&path, item.line(), words), all));
        }
    }
    let has_poetry = document.at(&["tool", "poetry", "dependencies"]);
    let form = match has_poetry {
        Some(_) if document.at(&["project", "dependencies"]).is_none() => RequirementForm::Poetry,
        Some(_) | None => RequirementForm::Project,
    };
    if let Some(table) = has_poetry.filter(|_| form == RequirementForm::Poetry) {
        python(table.under("python"), &path, all);
        listed(table, &path, (&mut wanted, all));
    }
    let lock = joined(folder, "uv.lock");
    if terrain.has(&lock) {
        let form = RequirementForm::UvLock;
        all.file = Some(RequirementFile { path: lock, form, wanted });
    } else if !wanted.is_empty() {
        all.file = Some(RequirementFile { path, form, wanted });
    }
}

fn python(place: Option<TomlPlace<'_>>, path: &str, all: &mut Requirements) {
    if let Some((place, text)) = place.and_then(|place| Some((place, place.as_text()?))) {
        all.python = Some((text.into(), Evidence::new(path, place.line(), text)));
    }
}

/// Notes a package. What is none, such as an option of an installer, is not handed to one.
fn take(words: &str, evidence: &Evidence, all: &mut Requirements) -> Option<String> {
    let name = package(words)?;
    with_extras(words, &name, evidence, &mut all.packages);
    Some(words.to_owned())
}

/// The packages of a table of Poetry or of a Pipfile.
fn listed(table: TomlPlace<'_>, path: &str, (wanted, all): (&mut Vec<String>, &mut Requirements)) {
    for (name, place) in table.entries().filter(|(name, _)| *name != "python") {
        let version = place.as_text().or_else(|| place.under("version")?.as_text());
        let extras: Vec<_> = place.under("extras").into_iter().flat_map(TomlPlace::items).collect();
        let extras: Vec<_> = extras.into_iter().filter_map(TomlPlace::as_text).collect();
        let is_optional = place.under("optional").is_some_and(TomlPlace::is_true);
        let Some(version) = version else {
            let text =
                format!("{path}:{} {name} has no version: install it yourself", place.line());
            all.doubts.push(Doubt::remark("requirements", text));
            continue;
        };
        let extras =
            if extras.is_empty() { String::new() } else { format!("[{}]", extras.join(",")) };
        let words = format!("{name}{extras}{}", bounds(version));
        let evidence = Evidence::new(path, place.line(), format!("{name} {version}"));
        wanted.extend(take(&words, &evidence, all).filter(|_| !is_optional));
    }
}

/// Poetry's and Pipenv's `^1.2`, `~1.2`, `1.2`, `*` in the words of PEP 508.
fn bounds(version: &str) -> String {
    let version = version.trim();
    let parts = |text: &str| text.split('.').filter_map(|it| it.parse().ok()).collect::<Vec<u64>>();
    let shown = |parts: &[u64]| parts.iter().map(u64::to_string).collect::<Vec<_>>().join(".");
    let below = |from: &[u64], at: usize| {
        let mut next = from.get(..=at).unwrap_or(from).to_vec();
        next.iter_mut().last().into_iter().for_each(|it| *it += 1);
        shown(&next)
    };
    match version.chars().next() {
        None | Some('*') => String::new(),
        Some('^') => {
            let from = parts(&version[1..]);
            let at = from.iter().position(|it| *it > 0).unwrap_or(from.len().saturating_sub(1));
            format!(">={},<{}", &version[1..], below(&from, at))
        }
        Some('~') if !version.starts_with("~=") => {
            let from = parts(&version[1..]);
            format!(">={},<{}", &version[1..], below(&from, usize::from(from.len() > 1)))
        }
        Some(first) if first.is_ascii_digit() => format!("=={version}"),
        Some(_) => version.into(),
    }
}

fn other(terrain: &Terrain, (path, form): (&str, RequirementForm), all: &mut Requirements) {
    let text = match terrain.read(path) {
        Ok(text) => text,
        Err(why) => return unreadable(all, path, why.words()),
    };
    let mut wanted = Vec::new();
    if form == RequirementForm::Pipfile {
        let document = match TomlText::parse(&text) {
            Ok(document) => document,
            Err(why) => return unreadable(all, path, &why),
        };
        python(document.at(&["requires", "python_version"]), path, all);
        if let Some(table) = document.at(&["packages"]) {
            listed(table, path, (&mut wanted, all));
        }
    } else if form == RequirementForm::SetupCfg {
        for (at, words) in install_requires(&text) {
            wanted.extend(take(words, &Evidence::new(path, at, words), all));
        }
        let wish = text.lines().enumerate().find_map(|(at, line)| {
            let value = line.trim().strip_prefix("python_requires")?.trim_start();
            Some((at + 1, value.strip_prefix('=')?.trim()))
        });
        if let Some((at, value)) = wish {
            all.python = Some((value.into(), Evidence::new(path, at, value)));
        }
        if wanted.is_empty() {
            return;
        }
    } else {
        let text =
            format!("what is needed is said by the code of {path}, which its installer runs");
        all.doubts.push(Doubt::remark("requirements", text));
    }
    all.file = Some(RequirementFile { path: path.into(), form, wanted });
}

/// The lines below `install_requires =`, with their numbers.
fn install_requires(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line));
    let is_head = |line: &str| line.trim_start().starts_with("install_requires");
    let lines = lines.skip_while(move |(_, line)| !is_head(line)).skip(1);
    let lines = lines.take_while(|(_, line)| line.starts_with([' ', '\t']) || line.is_empty());
    lines.map(|(at, line)| (at, line.trim())).filter(|(_, line)| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_poetry_are_said_in_the_words_of_pip() {
        for (version, words) in [
            ("^1.2.3", ">=1.2.3,<2"),
            ("^0.2.3", ">=0.2.3,<0.3"),
            ("^0.0.3", ">=0.0.3,<0.0.4"),
            ("^3", ">=3,<4"),
            ("~1.2", ">=1.2,<1.3"),
            ("~1", ">=1,<2"),
            ("~=1.4", "~=1.4"),
            ("*", ""),
            ("1.5", "==1.5"),
            ("1.5.*", "==1.5.*"),
            (">=1,<2", ">=1,<2"),
        ] {
            assert_eq!(bounds(version), words, "{version}");
        }
    }
}
