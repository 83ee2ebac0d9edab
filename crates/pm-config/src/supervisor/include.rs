//! `[include]`: the files whose sections are read over those of the first.

use std::path::Path;

use super::expand::Expansions;
use super::first_file::FirstFile;
use super::glob::matching;
use super::ini::{IniOption, IniSections};
use super::options::filled;
use crate::diagnose::{ConfigPlace, Finding, Findings, quoted};
use crate::format;
use crate::paths;

/// Reads all files that the first one includes; `folder` is that of the first.
pub(crate) fn read(
    sections: &mut IniSections,
    source: &FirstFile<'_>,
    names: &mut Expansions,
    findings: &mut Findings,
) {
    let Some(section) = sections.get("include") else { return };
    let Some(option) = sections.option(section, "files").cloned() else {
        let finding = Finding::error(section.at, "[include] has no `files`");
        return findings.add(finding);
    };
    let Some(patterns) = filled(names, &option, findings) else { return };
    for pattern in patterns.split_whitespace() {
        let found = matching(&source.folder.join(pattern));
        if found.is_empty() {
            let message = format!("nothing matches {}", quoted(pattern));
            findings.add(Finding::warning(option.value_at, message));
        }
        for path in found {
            one(sections, &path, (source, &option), findings);
        }
    }
    let further = sections.get("include").and_then(|section| section.options.first());
    if let Some(further) = further.filter(|it| it.value_at != option.value_at) {
        let message = "files that are included include no others, as in Supervisor";
        findings.add(Finding::warning(further.at, message));
    }
}

fn one(
    sections: &mut IniSections,
    path: &Path,
    (source, option): (&FirstFile<'_>, &IniOption),
    findings: &mut Findings,
) {
    let shown = path.strip_prefix(source.folder).unwrap_or(path);
    let origin = Path::new(source.origin).parent().unwrap_or(Path::new("")).join(shown);
    let origin = crate::diagnose::harmless(&origin.to_string_lossy());
    let is_first = |file: &Path| file.canonicalize().ok() == path.canonicalize().ok();
    if source.file.is_some_and(is_first) {
        let message = format!("{origin} includes itself");
        let finding = Finding::error(option.value_at, message);
        return findings.add(finding.hint("put what is included into a folder of its own"));
    }
    let bytes = match paths::head(path, format::LARGEST + 1) {
        Ok(bytes) => bytes,
        Err(error) => {
            let message = format!("could not read {origin}: {}", paths::cause(&error));
            return findings.add(Finding::error(option.value_at, message));
        }
    };
    let read = format::fits(&bytes).and_then(|()| format::text(&bytes));
    match read {
        Ok(text) => {
            let file = findings.other(&origin, Some(&text));
            sections.read(&text, Some(file), path.parent().unwrap_or(path), findings);
        }
        Err(finding) => {
            let file = findings.other(&origin, None);
            let at = if finding.at == ConfigPlace::Whole {
                option.value_at
            } else {
                finding.at.of(file)
            };
            findings.add(Finding { at, ..finding });
        }
    }
}
