//! Files of process-compose: each process is an app, each of its replicas too.

mod documents;
mod fate;
mod lifetime;
mod probes;
mod process;
mod reading;
mod surroundings;
mod templates;

use self::documents::ProcessFiles;
use self::reading::{ProcessGround, ProcessReading};
use super::foreign_file::ForeignFile;
use super::found::ForeignApps;
use crate::diagnose::{ConfigPlace, Finding, Findings, quoted};
use crate::tree::{TableEntry, Value};
use crate::{keys, yaml};

/// Whether a text in YAML or JSON is one: it has processes, and neither apps nor services.
pub(crate) fn is_one(text: &str) -> bool {
    if !text.contains("processes") {
        return false;
    }
    let begins = |key: &str| {
        let quoted = format!("\"{key}\":");
        text.lines().any(|line| {
            line.strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with(':'))
                || line.starts_with(&quoted)
        })
    };
    match yaml::parse(text) {
        Ok(root) => {
            let has = |key| root.value.get(key).is_some();
            has("processes") && !has("apps") && !has("services")
        }
        // What is wrong with it is told by who reads it.
        Err(_) => begins("processes") && !begins("apps") && !begins("services"),
    }
}

pub(super) fn read(file: &ForeignFile<'_>, findings: &mut Findings) -> ForeignApps {
    let mut found = ForeignApps::default();
    let Some(ProcessFiles { root, secrets }) = documents::read(file, findings) else {
        return found;
    };
    found.secrets = secrets;
    let says_strict = root.value.get("is_strict").is_some_and(|node| !node.value.is_falsy());
    let mut judging = Judging {
        origin: file.source.origin,
        is_strict: file.strict || says_strict,
        found: &mut found,
        findings,
    };
    let Some(entries) = root.value.as_table() else { return found };
    for entry in entries.iter().filter(|entry| entry.key != "processes") {
        judging.entry(("", ""), entry);
    }
    let processes = root.value.get("processes").map(|node| (node.at, &node.value));
    let (at, Some(processes)) = processes.map_or((root.at, None), |(at, it)| (at, it.as_table()))
    else {
        let message = "`processes` must be an object: { NAME: { command: ... } }";
        judging.findings.add(Finding::error(root.at, message));
        return found;
    };
    if processes.is_empty() {
        judging.findings.add(Finding::error(at, "there are no `processes` in this file"));
    }
    for process in processes {
        for entry in process.node.value.as_table().unwrap_or_default() {
            judging.entry((&process.key, ""), entry);
        }
    }
    let ground = ProcessGround { root: &root.value, processes, file };
    for process in processes {
        if process.node.value.as_table().is_none() {
            let message = format!("the process {} must be an object", quoted(&process.key));
            findings.add(Finding::error(process.at, message));
            continue;
        }
        let names = reading::replicas(process, findings);
        for (number, name) in names.iter().enumerate() {
            let mut reading = ProcessReading::new(&ground, process, (number, name), findings);
            if reading.read().is_some() {
                let entries = std::mem::take(&mut reading.entries);
                found.app(process.at, entries);
            }
        }
    }
    found
}

/// Notes what becomes of each key.
struct Judging<'a> {
    origin: &'a str,
    is_strict: bool,
    found: &'a mut ForeignApps,
    findings: &'a mut Findings,
}

impl Judging<'_> {
    /// A key of a process, or of the project if that has no name, below a way of keys.
    fn entry(&mut self, (process, way): (&str, &str), entry: &TableEntry) {
        let key = format!("{way}{}", entry.key);
        let shown = if process.is_empty() { key.clone() } else { format!("{process} {key}") };
        if way.is_empty() && entry.key.starts_with("x-") {
            return;
        }
        if let (Value::Table(below), true) = (&entry.node.value, fate::has_keys(process, &key)) {
            for entry in below {
                self.entry((process, &format!("{key}.")), entry);
            }
            return;
        }
        match fate::of(process, &key, &entry.node.value) {
            Some(fate) => {
                self.found.note((self.origin, self.findings), (shown, entry.at), fate);
            }
            None => self.unknown(&shown, &entry.key, entry.at),
        }
    }

    fn unknown(&mut self, shown: &str, key: &str, at: ConfigPlace) {
        let finding =
            Finding::ignored(at, &format!("unknown key {}", quoted(shown)), self.is_strict);
        self.findings.add(finding.near(keys::nearest(key, fate::OFTEN.into_iter())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_known_by_what_is_in_it() {
        for (text, is) in [
            ("processes:\n  web:\n    command: x\n", true),
            ("{\"processes\": {}}", true),
            ("version: '0.5'\nprocesses:\n  web: [\n", true),
            ("apps: []\nprocesses: {}\n", false),
            ("services: {}\nprocesses: {}\n", false),
            ("name: processes\nscript: x\n", false),
            ("", false),
        ] {
            assert_eq!(is_one(text), is, "{text}");
        }
    }
}
