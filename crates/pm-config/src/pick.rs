//! Which apps of a config are meant: those of `--only`, and those whose profile is on.

use pm_spec::AppName;

use crate::caller::{Caller, Overrides};
use crate::diagnose::{ConfigPlace, Finding, Findings, quoted};
use crate::ecosystem::AppTable;
use crate::fields::AppFields;
use crate::tree::Value;
use crate::{flags, keys, understand};

/// The apps that are meant, and the names of those whose profiles are off.
pub(crate) struct PickedApps {
    pub(crate) tables: Vec<AppTable>,
    pub(crate) off: Vec<AppName>,
}

/// PM's variable for what `--profile` says (Compose: `COMPOSE_PROFILES`).
const PROFILES: &str = "PM_PROFILES";

/// The apps that are meant. Whom `--only` names is on whatever its profiles are (Compose). `usual` are on if nobody says which.
pub(crate) fn picked(
    tables: Vec<AppTable>,
    usual: &[String],
    (caller, overrides): (&Caller, &Overrides),
    findings: &mut Findings,
) -> PickedApps {
    let mut off = Vec::new();
    if flags::split(&overrides.only).next().is_some() {
        return PickedApps { tables: only(tables, &overrides.only, findings), off };
    }
    let mut wanted: Vec<String> = flags::split(&overrides.profiles).map(str::to_owned).collect();
    if wanted.is_empty()
        && let Some(value) = caller.env.get(PROFILES)
    {
        wanted = flags::split(&[value.display().into_owned()]).map(str::to_owned).collect();
    }
    if wanted.is_empty() {
        wanted = usual.to_vec();
    }
    let all: Vec<Vec<String>> = tables.iter().map(profiles).collect();
    for word in flags::split(&overrides.profiles).filter(|word| *word != "*") {
        unknown(word, &all, findings);
    }
    let mut on = Vec::new();
    for (table, profiles) in tables.into_iter().zip(&all) {
        let is_on = |profile| wanted.iter().any(|it| it == "*" || it == profile);
        if profiles.is_empty() || profiles.iter().any(is_on) {
            on.push(table);
        } else {
            off.extend(understand::name(&table, overrides, &mut Findings::default()));
        }
    }
    PickedApps { tables: on, off }
}

/// The profiles of an app; wrong ones are told where its other keys are.
fn profiles(table: &AppTable) -> Vec<String> {
    let mut findings = Findings::default();
    let mut app = AppFields::new(table.at, &table.entries, &mut findings);
    let set = app.get("profiles").map(|field| &field.node.value);
    match set {
        Some(Value::Text(text)) => {
            flags::split(&[text.display().into_owned()]).map(str::to_owned).collect()
        }
        _ => app.words("profiles").iter().map(|word| word.display().into_owned()).collect(),
    }
}

fn unknown(word: &str, all: &[Vec<String>], findings: &mut Findings) {
    let mut known: Vec<&str> = all.iter().flatten().map(String::as_str).collect();
    known.sort_unstable();
    known.dedup();
    if known.contains(&word) {
        return;
    }
    let message = format!("no app has the profile {}", quoted(word));
    let finding = Finding::warning(ConfigPlace::Flag("--profile"), message);
    let near = keys::nearest(word, known.iter().copied());
    let all = format!("there are: {}", known.join(", "));
    let all = if known.is_empty() { "no app of the file has any" } else { &all };
    findings.add(finding.hint(all).near(near));
}

/// The apps that `--only` asks for; everything if it asks for nothing.
pub(crate) fn only(
    tables: Vec<AppTable>,
    only: &[String],
    findings: &mut Findings,
) -> Vec<AppTable> {
    let wanted: Vec<&str> = flags::split(only).collect();
    if wanted.is_empty() {
        return tables;
    }
    let plain = Overrides::default();
    let names: Vec<_> = tables
        .iter()
        .map(|table| understand::name(table, &plain, &mut Findings::default()))
        .map(|name| name.map_or_else(String::new, String::from))
        .collect();
    for word in &wanted {
        if !names.iter().any(|name| name == word) {
            let message = format!("there is no app {} in the file", quoted(word));
            let finding = Finding::error(ConfigPlace::Flag("--only"), message);
            let near = keys::nearest(word, names.iter().map(String::as_str));
            findings.add(finding.hint(format!("it has: {}", names.join(", "))).near(near));
        }
    }
    let pairs = tables.into_iter().zip(&names);
    pairs.filter(|(_, name)| wanted.contains(&name.as_str())).map(|(table, _)| table).collect()
}
