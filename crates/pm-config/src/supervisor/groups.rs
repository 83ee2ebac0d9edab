//! `[group:x]` and the programs that are groups of their own, in the order in which Supervisor starts them.

use std::collections::BTreeMap;

use super::ini::IniSection;
use super::options::SectionOptions;
use super::programs::{ProgramCopy, ProgramGround};
use super::values;
use crate::diagnose::{ConfigPlace, Finding, Findings, quoted};

/// A group and its processes.
pub(crate) struct SupervisorGroup {
    pub(crate) priority: i64,
    pub(crate) name: String,
    pub(crate) copies: Vec<ProgramCopy>,
}

/// All groups: small priorities first, then by name.
pub(crate) fn all(ground: &ProgramGround<'_>, findings: &mut Findings) -> Vec<SupervisorGroup> {
    let mut claimed: BTreeMap<&str, ConfigPlace> = BTreeMap::new();
    let mut groups = Vec::new();
    for section in of_kind(ground, "group") {
        let (_, name) = section.parts();
        let mut options = options(ground, section, findings);
        if let Some(why) = values::misnamed(name) {
            let message = format!("a group can't be called so: {why}");
            options.findings.add(Finding::error(section.at, message));
            continue;
        }
        let priority = options.number("priority", 999, i64::MIN);
        let Some(list) = options.text("programs") else {
            let finding = Finding::error(section.at, "the group has no `programs`");
            options.findings.add(finding);
            continue;
        };
        let at = options.place("programs");
        let mut copies = Vec::new();
        for program in values::names(&list) {
            let Some(member) = member(ground, program, at, findings) else { continue };
            if let Some(first) = claimed.insert(&member.name, at) {
                let place = findings.whereabouts(first).unwrap_or_default();
                let message =
                    format!("{} belongs to the group of {place} already", quoted(program));
                let finding = Finding::error(at, message);
                findings.add(finding.hint("a program belongs to one group"));
                continue;
            }
            copies.extend(ground.copies(member, name, findings));
        }
        groups.push(SupervisorGroup { priority, name: name.to_owned(), copies });
    }
    let alone = ["program", "fcgi-program", "eventlistener"].map(|kind| of_kind(ground, kind));
    for section in alone.into_iter().flatten() {
        if claimed.contains_key(section.name.as_str()) {
            continue;
        }
        let name = section.parts().1.trim().to_owned();
        let usual = if section.parts().0 == "eventlistener" { -1 } else { 999 };
        let priority = options(ground, section, findings).number("priority", usual, i64::MIN);
        let copies = ground.copies(section, &name, findings);
        groups.push(SupervisorGroup { priority, name, copies });
    }
    groups.sort_by(|a, b| (a.priority, &a.name).cmp(&(b.priority, &b.name)));
    for group in &mut groups {
        group.copies.sort_by(|a, b| (a.priority, &a.process).cmp(&(b.priority, &b.process)));
    }
    groups
}

fn of_kind<'a>(
    ground: &ProgramGround<'a>,
    kind: &'static str,
) -> impl Iterator<Item = &'a IniSection> {
    ground.sections.all().filter(move |section| section.parts().0 == kind)
}

fn options<'a>(
    ground: &ProgramGround<'a>,
    section: &'a IniSection,
    findings: &'a mut Findings,
) -> SectionOptions<'a> {
    SectionOptions { sections: ground.sections, section, names: ground.names.clone(), findings }
}

/// The section of a member of a group.
fn member<'a>(
    ground: &ProgramGround<'a>,
    program: &str,
    at: ConfigPlace,
    findings: &mut Findings,
) -> Option<&'a IniSection> {
    let section = |kind: &str| ground.sections.get(&format!("{kind}:{program}"));
    let found = section("program").or_else(|| section("fcgi-program"));
    if found.is_none() {
        let all = ["program", "fcgi-program"].map(|kind| of_kind(ground, kind));
        let names: Vec<_> = all.into_iter().flatten().map(|it| it.parts().1).collect();
        let near = crate::keys::nearest(program, names.into_iter());
        let message = format!("there is no program {}", quoted(program));
        findings.add(Finding::error(at, message).near(near));
    }
    found
}
