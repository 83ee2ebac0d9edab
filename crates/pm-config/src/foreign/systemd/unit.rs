//! The form of unit files (`systemd.syntax(7)`): sections, settings, lines that go on, and the drop-ins of a unit laid over it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::search;
use crate::caller::Caller;
use crate::diagnose::{ConfigPlace, Finding, Findings, quoted};
use crate::{format, paths};

/// More files of one unit nobody has.
const MOST_DROP_INS: usize = 100;

/// One `Key=value`.
#[derive(Clone, Debug)]
pub(super) struct UnitSetting {
    pub(super) section: String,
    pub(super) key: String,
    pub(super) text: String,
    /// Where the line begins.
    pub(super) at: ConfigPlace,
}

/// A unit with its drop-ins.
#[derive(Debug)]
pub(super) struct UnitFile {
    /// `web.service`, `web@1.service`, `web.timer`.
    pub(super) name: String,
    pub(super) settings: Vec<UnitSetting>,
}

impl UnitFile {
    /// What is said in a text, and by its drop-ins.
    pub(super) fn read(
        (path, text): (&Path, &str),
        file: Option<u16>,
        (caller, strict): (&Caller, bool),
        findings: &mut Findings,
    ) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut unit = Self { name, settings: Vec::new() };
        unit.lines(text, file, strict, findings);
        let folder = path.parent().unwrap_or(Path::new("/"));
        for drop_in in unit.drop_ins(&search::folders(folder, caller)) {
            let shown = drop_in.strip_prefix(folder).unwrap_or(&drop_in);
            let origin = crate::diagnose::harmless(&shown.to_string_lossy());
            let bytes = paths::head(&drop_in, format::LARGEST + 1).unwrap_or_default();
            match format::fits(&bytes).and_then(|()| format::text(&bytes)) {
                Ok(text) => {
                    let file = findings.other(&origin, Some(&text));
                    unit.lines(&text, Some(file), strict, findings);
                }
                Err(finding) => {
                    let file = findings.other(&origin, None);
                    findings.add(finding.of(file));
                }
            }
        }
        unit
    }

    /// The files of `TEMPLATE@.service.d`, and of `NAME.d` behind them, by name; of two of one name that in the first folder counts.
    fn drop_ins(&self, folders: &[PathBuf]) -> Vec<PathBuf> {
        let template = self.name.split_once('@').zip(self.name.rsplit_once('.'));
        let template = template.map(|((prefix, _), (_, kind))| format!("{prefix}@.{kind}"));
        let mut all = Vec::new();
        for name in template.into_iter().chain([self.name.clone()]) {
            let inside = folders.iter().rev().map(|it| it.join(format!("{name}.d")));
            let files = inside.flat_map(|it| std::fs::read_dir(it).into_iter().flatten().flatten());
            let files: BTreeMap<OsString, PathBuf> = files
                .map(|entry| (entry.file_name(), entry.path()))
                .filter(|(_, path)| path.extension().is_some_and(|it| it == "conf"))
                .collect();
            let files = files.into_values().take(MOST_DROP_INS);
            // `/dev/null` hides one of the same name.
            all.extend(files.filter(|path| path.metadata().is_ok_and(|meta| meta.is_file())));
        }
        all
    }

    fn lines(&mut self, text: &str, file: Option<u16>, strict: bool, findings: &mut Findings) {
        let mut section: Option<String> = None;
        let mut lines = text.lines().enumerate();
        while let Some((number, line)) = lines.next() {
            let at = ConfigPlace::Line { line: number + 1, column: 1 };
            let at = file.map_or(at, |file| at.of(file));
            if is_comment(line) || line.trim().is_empty() {
                continue;
            }
            let mut whole = line.trim_start().to_owned();
            while whole.ends_with('\\') {
                whole.pop();
                let next = lines.by_ref().map(|(_, next)| next).find(|next| !is_comment(next));
                let Some(next) = next else { break };
                whole.push(' ');
                whole.push_str(next);
            }
            if let Some(name) = header(&whole) {
                section = Some(name.to_owned());
                continue;
            }
            let said = whole.split_once('=').zip(section.clone());
            let Some(((key, text), section)) = said else {
                let message =
                    format!("this is neither `Key=value` in a section nor one: {}", quoted(&whole));
                findings.add(Finding::ignored(at, &message, strict));
                continue;
            };
            let (key, text) = (key.trim().to_owned(), text.trim().to_owned());
            self.settings.push(UnitSetting { section, key, text, at });
        }
    }

    /// The last value of a key; none if it is empty.
    pub(super) fn last(&self, section: &str, key: &str) -> Option<&UnitSetting> {
        let mut own = self.settings.iter().rev();
        let last = own.find(|it| it.section == section && it.key == key);
        last.filter(|it| !it.text.is_empty())
    }

    /// All values of a key since it was last set to nothing.
    pub(super) fn all(&self, section: &str, key: &str) -> Vec<&UnitSetting> {
        let own = |it: &&UnitSetting| it.section == section && it.key == key;
        let mut all: Vec<_> = self.settings.iter().filter(own).collect();
        if let Some(reset) = all.iter().rposition(|it| it.text.is_empty()) {
            all.drain(..=reset);
        }
        all
    }

    /// Without what kind of unit it is.
    pub(super) fn stem(&self) -> &str {
        self.name.rsplit_once('.').map_or(&self.name, |(stem, _)| stem)
    }

    /// Whether it is a unit of this kind: `service`, `timer`.
    pub(super) fn is(&self, kind: &str) -> bool {
        self.name.rsplit_once('.').is_some_and(|(_, own)| own == kind)
    }

    /// What stands before `@`, and after it.
    pub(super) fn parts(&self) -> (&str, Option<&str>) {
        let stem = self.stem();
        stem.split_once('@').map_or((stem, None), |(prefix, instance)| (prefix, Some(instance)))
    }
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with(['#', ';'])
}

/// The name of a section.
pub(super) fn header(line: &str) -> Option<&str> {
    line.trim().strip_prefix('[')?.strip_suffix(']').filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (UnitFile, usize) {
        let mut findings = Findings::default();
        let caller = Caller::new("/no".into(), pm_spec::Environment::new(), "/no/home".into());
        let unit = (Path::new("/no/web@a.service"), text);
        let unit = UnitFile::read(unit, None, (&caller, false), &mut findings);
        (unit, findings.into_diagnostics("", text).len())
    }

    #[test]
    fn lines_go_on_and_what_is_empty_begins_anew() {
        let text =
            "; c\n[Service]\nA = one \\\n# between\n  two\nL=1\nL=\nL=2\nL=3\nS=x\nS=\n[X]\nL=9\n";
        let (unit, odd) = read(text);
        assert_eq!(odd, 0);
        assert_eq!(unit.last("Service", "A").unwrap().text, "one    two");
        let list: Vec<_> = unit.all("Service", "L").iter().map(|it| it.text.as_str()).collect();
        assert_eq!(list, ["2", "3"]);
        assert!(unit.last("Service", "S").is_none() && unit.last("X", "S").is_none());
        assert_eq!((unit.stem(), unit.parts()), ("web@a", ("web", Some("a"))));
    }

    #[test]
    fn what_is_no_setting_is_told() {
        assert_eq!(read("A=1\n[Service]\nrubbish\n").1, 2);
        assert_eq!(read("[Service]\nA=\\").1, 0);
    }
}
