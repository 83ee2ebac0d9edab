//! `requirements.txt`: names of packages, and the files it includes.

use std::collections::{BTreeMap, BTreeSet};

use crate::proposal::{Doubt, Evidence};
use crate::terrain::{Silent, Terrain, joined, parent};

/// Packages that are asked for, by their name in small letters and with dashes.
pub(crate) type Packages = BTreeMap<String, Evidence>;

/// The name of a package at the beginning of a line such as `Flask[async]>=3 ; python_version > "3"`.
pub(crate) fn package(line: &str) -> Option<String> {
    let line = line.trim();
    let end = line.find(|it: char| !(it.is_ascii_alphanumeric() || "-_.".contains(it)));
    let (name, rest) = line.split_at(end.unwrap_or(line.len()));
    let begins = name.starts_with(|it: char| it.is_ascii_alphanumeric());
    let goes_on = rest.trim_start();
    let is_one = goes_on.is_empty()
        || goes_on.starts_with(['[', '=', '<', '>', '~', '!', ';', '@', '(', ',']);
    (begins && is_one).then(|| normal(name))
}

/// `Flask_Cors` and `flask-cors` are one (PEP 503).
pub(crate) fn normal(name: &str) -> String {
    name.to_ascii_lowercase().replace(['_', '.'], "-")
}

/// What extras bring along, as far as servers go.
pub(crate) fn with_extras(line: &str, name: &str, evidence: &Evidence, into: &mut Packages) {
    let extras = line.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
    let extras = extras.map_or("", |(extras, _)| extras);
    let has = |extra: &str| extras.split(',').any(|it| it.trim() == extra);
    if name == "fastapi" && (has("standard") || has("all")) {
        into.insert("uvicorn".into(), evidence.clone());
    }
    into.insert(name.into(), evidence.clone());
}

/// Reads a file and those it includes.
#[derive(Debug)]
pub(crate) struct RequirementReader<'a> {
    terrain: &'a Terrain,
    pub(crate) packages: Packages,
    pub(crate) doubts: Vec<Doubt>,
    seen: BTreeSet<String>,
}

impl<'a> RequirementReader<'a> {
    pub(crate) fn new(terrain: &'a Terrain) -> Self {
        let (packages, doubts) = (Packages::new(), Vec::new());
        Self { terrain, packages, doubts, seen: BTreeSet::new() }
    }

    /// Reads a file; `above` are those that include it.
    pub(crate) fn read(&mut self, path: &str, above: &mut Vec<String>) {
        if above.iter().any(|it| it == path) {
            let text = format!(
                "{} and {path} include each other: no installer ends there; take one `-r` out",
                above.last().map_or(path, String::as_str)
            );
            self.doubts.push(Doubt::blocker("requirements", text));
            return;
        }
        if !self.seen.insert(path.into()) {
            return;
        }
        let text = match self.terrain.read(path) {
            Ok(text) => text,
            Err(why) => return self.silent(path, why, above),
        };
        above.push(path.into());
        for (at, line) in text.lines().enumerate() {
            let line = line.split(" #").next().unwrap_or_default();
            let line = line.trim().trim_end_matches('\\');
            if let Some(other) = included(line) {
                if !other.contains("://") {
                    self.read(&beside(path, other), above);
                }
            } else if let Some(name) = package(line) {
                let evidence = Evidence::new(path, at + 1, line);
                with_extras(line, &name, &evidence, &mut self.packages);
            }
        }
        above.pop();
    }

    fn silent(&mut self, path: &str, why: Silent, above: &[String]) {
        let by = above.last().map(|by| format!(", which {by} includes")).unwrap_or_default();
        let text = format!("{path}{by}: {}", why.words());
        self.doubts.push(if above.is_empty() {
            Doubt::remark("requirements", text)
        } else {
            Doubt::blocker("requirements", text)
        });
    }
}

/// The file that a line such as `-r base.txt` includes; constraints are no requirements.
fn included(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("-r").or_else(|| line.strip_prefix("--requirement"))?;
    Some(rest.trim_start_matches([' ', '=']).trim()).filter(|rest| !rest.is_empty())
}

/// A path as seen from the folder of a file; `..` goes up.
fn beside(file: &str, path: &str) -> String {
    let mut folder = parent(file).to_owned();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if folder.is_empty() => return path.into(),
            ".." => folder = parent(&folder).to_owned(),
            part => folder = joined(&folder, part),
        }
    }
    folder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_told_from_options() {
        for (line, name) in [
            ("Flask==3.0", Some("flask")),
            ("  uvicorn[standard] >=0.3 ; python_version>'3'", Some("uvicorn")),
            ("Flask_Cors", Some("flask-cors")),
            ("pkg @ https://x/y.whl", Some("pkg")),
            ("--index-url https://x", None),
            ("-e .", None),
            ("./local", None),
            ("https://x/y.whl", None),
            ("", None),
            ("# flask", None),
            ("not a package", None),
        ] {
            assert_eq!(package(line).as_deref(), name, "{line}");
        }
    }

    #[test]
    fn includes_are_seen_from_their_file() {
        assert_eq!(beside("a/r.txt", "../b.txt"), "b.txt");
        assert_eq!(beside("a/r.txt", "./c/b.txt"), "a/c/b.txt");
        assert_eq!(beside("r.txt", "../b.txt"), "../b.txt");
        assert_eq!(included("-r base.txt"), Some("base.txt"));
        assert_eq!(included("--requirement=x.txt"), Some("x.txt"));
        assert_eq!(included("requests"), None);
    }
}
