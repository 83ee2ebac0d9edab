//! Units of systemd: a service is an app, with its drop-ins and the timer beside it; those that are read together wait for each other.

mod calendar;
mod command;
mod fate;
mod hooks;
mod limits;
mod quoting;
mod search;
mod service;
mod surroundings;
mod timer;
mod unit;
mod values;

use std::path::{Path, PathBuf};

pub use self::search::folders as unit_folders;
use self::service::ServiceReading;
use self::unit::UnitFile;
use super::foreign_file::ForeignFile;
use super::found::ForeignApps;
use crate::diagnose::{ConfigPlace, Finding, Findings, quoted};

use crate::keys;
use crate::tree::{ConfigNode, TableEntry, Value};

/// Whether a text is a unit that is read here: it begins with a section of systemd's, and is a service or a timer.
pub(super) fn is_one(path: &Path, text: &str) -> bool {
    let said = |line: &&str| !line.is_empty() && !line.starts_with([';', '#']);
    let mut lines = text.lines().map(str::trim).filter(said).peekable();
    let begins = lines.peek().and_then(|line| unit::header(line)).is_some_and(fate::is_section);
    let is_called = path.extension().is_some_and(|it| it == "service" || it == "timer");
    begins && is_called && lines.any(|line| matches!(line, "[Service]" | "[Timer]"))
}

pub(super) fn read(file: &ForeignFile<'_>, findings: &mut Findings) -> ForeignApps {
    let mut found = ForeignApps::default();
    let first = file.source.file.unwrap_or(Path::new(file.source.origin));
    let mut units =
        vec![UnitFile::read((first, file.text), None, (file.caller, file.strict), findings)];
    for path in file.over {
        units.extend(another(path, file, findings));
    }
    // A timer and its service come together.
    for (path, name) in companions(&units, first, file) {
        if !units.iter().any(|unit| unit.name == name) {
            units.extend(another(&path, file, findings));
        }
    }
    for unit in &units {
        judge(unit, file, (&mut found, findings));
    }
    for unit in units.iter().filter(|unit| unit.is("service")) {
        app(unit, &units, file, (&mut found, findings));
    }
    for timer in units.iter().filter(|unit| unit.is("timer")) {
        let service = timer::service(timer);
        if !units.iter().any(|unit| unit.name == service) {
            let message =
                format!("there is no {} beside {}", quoted(&service), quoted(&timer.name));
            findings.add(Finding::error(start(timer), message));
        }
    }
    if found.is_empty() && !findings.has_errors() {
        findings
            .add(Finding::error(ConfigPlace::Whole, "there is no service here that can be run"));
    }
    found
}

/// A unit in another file.
fn another(path: &Path, file: &ForeignFile<'_>, findings: &mut Findings) -> Option<UnitFile> {
    let (text, number) = file.beside((path, ConfigPlace::Whole), findings)?;
    Some(UnitFile::read((path, &text), Some(number), (file.caller, file.strict), findings))
}

/// What belongs to units, and lies beside them or where systemd looks.
fn companions(units: &[UnitFile], first: &Path, file: &ForeignFile<'_>) -> Vec<(PathBuf, String)> {
    let places = std::iter::once(first).chain(file.over.iter().map(PathBuf::as_path));
    let beside = |(unit, path): (&UnitFile, &Path)| {
        let name =
            if unit.is("timer") { timer::service(unit) } else { format!("{}.timer", unit.stem()) };
        let folders = search::folders(path.parent()?, file.caller);
        let all = folders.into_iter().map(|folder| folder.join(&name));
        all.into_iter().find(|path| path.is_file()).map(|path| (path, name))
    };
    units.iter().zip(places).filter_map(beside).collect()
}

fn start(unit: &UnitFile) -> ConfigPlace {
    unit.settings.first().map_or(ConfigPlace::Whole, |setting| setting.at)
}

/// Notes what becomes of each setting of a unit.
fn judge(
    unit: &UnitFile,
    file: &ForeignFile<'_>,
    (found, findings): (&mut ForeignApps, &mut Findings),
) {
    for setting in &unit.settings {
        let key = format!("[{}] {}", setting.section, setting.key);
        match fate::of(&setting.section, &setting.key, &setting.text) {
            Some(fate) => found.note((file.source.origin, findings), (key, setting.at), fate),
            None if fate::is_section(&setting.section) => {
                let near = keys::near(&setting.key, fate::OFTEN.into_iter());
                let message =
                    format!("unknown key {} of [{}]", quoted(&setting.key), setting.section);
                let finding = Finding::ignored(setting.at, &message, file.strict);
                findings.add(finding.near(near.first().copied()));
            }
            None => {
                let message = format!("{} of an unknown section", quoted(&key));
                findings.add(Finding::ignored(setting.at, &message, file.strict));
            }
        }
    }
}

/// A service as an app.
fn app(
    unit: &UnitFile,
    units: &[UnitFile],
    file: &ForeignFile<'_>,
    (found, findings): (&mut ForeignApps, &mut Findings),
) {
    let at = start(unit);
    let kind = unit.last("Service", "Type").map(|setting| (setting.text.as_str(), setting.at));
    if let Some(("forking", at)) = kind {
        let message = format!("{} is left out: it leaves its first process", quoted(&unit.name));
        let hint = "run it in the foreground (-D, -f, --no-daemon), with Type=simple";
        findings.add(Finding::warning(at, message).hint(hint));
        return;
    }
    if unit.parts().1 == Some("") {
        let message = format!("{} is left out: it is a template", quoted(&unit.name));
        let hint = format!("ln -s {} {}@NAME.service", unit.name, unit.parts().0);
        findings.add(Finding::warning(at, message).hint(hint));
        return;
    }
    let own = units.iter().find(|it| it.is("timer") && timer::service(it) == unit.name);
    let times = own.map(|own| timer::entries(own, findings)).unwrap_or_default();
    let name = TableEntry::new("name", at, Value::text(unit.stem()));
    let mut reading = ServiceReading {
        unit,
        caller: file.caller,
        findings,
        secrets: &mut found.secrets,
        entries: vec![name],
        is_timed: times.iter().any(|entry| entry.key == "schedule"),
    };
    if reading.read().is_none() {
        return;
    }
    let mut entries = reading.entries;
    entries.extend(times);
    entries.extend(needs(unit, units));
    found.app(at, entries);
}

/// What comes before a unit, among those that are read together.
fn needs(unit: &UnitFile, units: &[UnitFile]) -> Option<TableEntry> {
    let mut needs: Vec<TableEntry> = Vec::new();
    let names = |unit: &UnitFile, key: &str| -> Vec<(String, ConfigPlace)> {
        let all = unit.all("Unit", key);
        let words = |it: &&unit::UnitSetting| {
            let at = it.at;
            it.text.split_whitespace().map(move |word| (word.to_owned(), at)).collect::<Vec<_>>()
        };
        all.iter().flat_map(words).collect()
    };
    let mut put = |needed: &UnitFile, at: ConfigPlace, required: bool| {
        let stem = needed.stem();
        let known = needs.iter().any(|entry| entry.key == stem);
        if known || !needed.is("service") || needed.name == unit.name {
            return;
        }
        let kind = needed.last("Service", "Type").map_or("simple", |it| it.text.as_str());
        let condition = match kind {
            "notify" | "notify-reload" => "ready",
            "oneshot" => "completed_successfully",
            _ => "started",
        };
        let told = vec![
            TableEntry::new("condition", at, Value::text(condition)),
            TableEntry::new("required", at, Value::Bool(required)),
        ];
        let node = ConfigNode { at, value: Value::Table(told) };
        needs.push(TableEntry { key: stem.to_owned(), at, node });
    };
    let of_name = |name: &str| units.iter().find(|it| it.name == name);
    for key in ["Requires", "BindsTo", "Requisite", "Wants", "After"] {
        let is_required = !matches!(key, "Wants" | "After");
        for (name, at) in names(unit, key) {
            if let Some(needed) = of_name(&name) {
                put(needed, at, is_required);
            }
        }
    }
    for other in units {
        let before = names(other, "Before").into_iter().find(|(name, _)| *name == unit.name);
        if let Some((_, at)) = before {
            put(other, at, false);
        }
    }
    let at = needs.first()?.at;
    Some(TableEntry::new("depends_on", at, Value::Table(needs)))
}
