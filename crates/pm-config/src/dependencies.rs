//! `depends_on`: what comes before an app, other apps above all, and whether that can be.

use std::collections::BTreeMap;

use pm_spec::{AppName, AppSpec, ByteString, Condition, Dependency, OutsideNeed};

use crate::checks::Ground;
use crate::diagnose::{ConfigPlace, Finding, Findings, quoted};
use crate::ecosystem::AppTable;
use crate::fields::{AppFields, Field};
use crate::outside;
use crate::tree::{ConfigNode, TableEntry, Value};
use crate::{circles, keys};

const WHAT: &str = "a list of names, or an object such as { db: { condition: \"ready\" } }";

/// What one entry may say.
const KEYS: [&str; 3] = ["condition", "required", "restart"];

/// What comes before this app: other apps, of which the last word counts if one is named twice, and what is outside.
pub(crate) fn read(
    app: &mut AppFields<'_>,
    ground: Ground<'_>,
) -> (Vec<Dependency>, Vec<OutsideNeed>) {
    let Some(field) = app.get("depends_on") else { return Default::default() };
    let ground = Ground { by_name: true, ..ground };
    let mut outside = Vec::new();
    let mut all: Vec<Dependency> = Vec::new();
    match &field.node.value {
        Value::Text(_) | Value::List(_) => {
            let one = std::slice::from_ref(field.node);
            for node in field.node.value.as_list().unwrap_or(one) {
                if outside::is_meant(&node.value) {
                    outside.extend(outside::named(app, node, ground));
                } else {
                    all.extend(named(app, node));
                }
            }
        }
        Value::Table(entries) => {
            for entry in entries {
                if outside::is_address(&entry.key) {
                    outside.extend(outside::told(app, entry, ground));
                } else {
                    all.extend(told(app, entry));
                }
            }
        }
        Value::Bool(false) => {}
        Value::Null | Value::Bool(true) | Value::Integer(_) | Value::Float(_) => {
            app.refuse::<()>(field, WHAT);
        }
    }
    let is_last = |(at, one): (usize, &Dependency)| {
        let again = all.iter().skip(at + 1).any(|other| other.app == one.app);
        (!again).then(|| one.clone())
    };
    (all.iter().enumerate().filter_map(is_last).collect(), outside)
}

/// A bare name.
fn named(app: &mut AppFields<'_>, node: &ConfigNode) -> Option<Dependency> {
    match node.value.as_text() {
        Some(text) => name(app, &text.display(), node.at).map(Dependency::on),
        None => app.refuse(Field { key: "depends_on", node }, WHAT),
    }
}

fn name(app: &mut AppFields<'_>, text: &str, at: ConfigPlace) -> Option<AppName> {
    let parsed = AppName::parse(text);
    app.findings.take(parsed.map_err(|error| Finding::error(at, format!("`depends_on`: {error}"))))
}

/// A name and what is said of it; a word alone is its condition.
fn told(app: &mut AppFields<'_>, entry: &TableEntry) -> Option<Dependency> {
    let mut dependency = Dependency::on(name(app, &entry.key, entry.at)?);
    match &entry.node.value {
        Value::Null => {}
        Value::Text(_) => dependency.condition = condition(app, &entry.node)?,
        Value::Table(entries) => {
            for entry in entries {
                part(app, entry, &mut dependency)?;
            }
        }
        Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::List(_) => {
            let what = "an object such as { condition: \"ready\" }";
            return app.refuse(Field { key: &entry.key, node: &entry.node }, what);
        }
    }
    Some(dependency)
}

fn part(app: &mut AppFields<'_>, entry: &TableEntry, dependency: &mut Dependency) -> Option<()> {
    match (entry.key.as_str(), &entry.node.value) {
        ("condition", _) => dependency.condition = condition(app, &entry.node)?,
        ("required", Value::Bool(on)) => dependency.required = *on,
        ("restart", Value::Bool(on)) => dependency.restart = *on,
        ("required" | "restart", _) => {
            return app.refuse(Field { key: &entry.key, node: &entry.node }, "true or false");
        }
        (key, _) => {
            let message = format!("unknown key {} in `depends_on`; it is ignored", quoted(key));
            let finding = Finding::warning(entry.at, message);
            app.findings.add(match keys::nearest(key, KEYS.into_iter()) {
                Some(near) => finding.hint(format!("did you mean `{near}`?")),
                None => finding.hint("it may have `condition`, `required` and `restart`"),
            });
        }
    }
    Some(())
}

fn condition(app: &mut AppFields<'_>, node: &ConfigNode) -> Option<Condition> {
    let text = node.value.as_text().map(ByteString::display);
    let word = text.as_deref().unwrap_or_default();
    let what = "\"started\", \"ready\", \"healthy\" or \"completed_successfully\"";
    Condition::parse(word).or_else(|| app.refuse(Field { key: "condition", node }, what))
}

/// The names an app depends on as written, with their places, and whether it does without.
fn places(table: &AppTable) -> Vec<WrittenNeed> {
    let mut apart = Findings::default();
    let app = AppFields::new(table.at, &table.entries, &mut apart);
    let Some(field) = app.get("depends_on") else { return Vec::new() };
    let text = |node: &ConfigNode| {
        let on = node.value.as_text()?.display().trim().to_owned();
        Some(WrittenNeed { on, at: node.at, required: true })
    };
    match &field.node.value {
        Value::List(nodes) => nodes.iter().filter_map(text).collect(),
        Value::Table(entries) => {
            let need = |entry: &TableEntry| WrittenNeed {
                on: entry.key.trim().to_owned(),
                at: entry.at,
                required: !matches!(
                    entry.node.value.get("required").map(|it| &it.value),
                    Some(Value::Bool(false))
                ),
            };
            entries.iter().map(need).collect()
        }
        Value::Text(_) => text(field.node).into_iter().collect(),
        Value::Null | Value::Bool(_) | Value::Integer(_) | Value::Float(_) => Vec::new(),
    }
}

/// One name in `depends_on`.
struct WrittenNeed {
    on: String,
    at: ConfigPlace,
    required: bool,
}

/// Finds what can never be: apps that wait for each other, or for the end of what has none. What apps need and is not
/// among them somebody else may know; it is given back with what to say if nobody does.
pub(crate) fn check(
    (tables, names): (&[AppTable], &[Option<AppName>]),
    apps: &[AppSpec],
    off: &[AppName],
    findings: &mut Findings,
) -> Vec<(AppName, Finding)> {
    let mut outside = Vec::new();
    let known: Vec<&str> = names.iter().flatten().map(AppName::as_str).collect();
    let lost = |(app, on): (&AppName, &AppName), at| {
        (on.clone(), missing((app, on), at, &known, off.contains(on)))
    };
    // Of those that share a name the first counts.
    let tables = tables.iter().zip(names).rev();
    let tables: BTreeMap<_, _> =
        tables.filter_map(|(table, name)| Some((name.as_ref()?, table))).collect();
    let numbers = apps.iter().enumerate().rev().map(|(at, app)| (&app.name, at));
    let numbers: BTreeMap<_, _> = numbers.collect();
    let mut needs: Vec<Vec<(usize, ConfigPlace)>> = vec![Vec::new(); apps.len()];
    for (number, app) in apps.iter().enumerate().filter(|(_, app)| !app.depends_on.is_empty()) {
        let places = tables.get(&app.name).map(|table| places(table)).unwrap_or_default();
        for need in &app.depends_on {
            let place = places.iter().rfind(|place| place.on == need.app.as_str());
            let at = place.map_or(ConfigPlace::Whole, |place| place.at);
            if !tables.contains_key(&need.app) {
                outside.extend(need.required.then(|| lost((&app.name, &need.app), at)));
            } else if let Some(needed) = numbers.get(&need.app) {
                findings.extend(impossible(app, need, at, &apps[*needed]));
                needs[number].extend((app.name != need.app).then_some((*needed, at)));
            }
        }
    }
    // With what else is wrong in an app, what it needs is told as well.
    for (name, table) in tables.iter().filter(|(name, _)| !numbers.contains_key(**name)) {
        let needs = places(table).into_iter();
        for need in needs.filter(|need| need.required && !outside::is_address(&need.on)) {
            let on = AppName::parse(&need.on).ok().filter(|on| !tables.contains_key(on));
            outside.extend(on.map(|on| lost((name, &on), need.at)));
        }
    }
    in_circles(apps, &needs, findings);
    outside
}

/// Apps of which none can be the first, told at the one that comes first in the file.
fn in_circles(apps: &[AppSpec], needs: &[Vec<(usize, ConfigPlace)>], findings: &mut Findings) {
    let next = |at: usize| needs[at].iter().map(|(to, _)| *to).collect();
    for circle in circles::circles(apps.len(), next) {
        let (first, second) = (circle[0], circle[1]);
        let place = needs[first].iter().find(|(to, _)| *to == second).map(|(_, at)| *at);
        let way = circle[1..].iter().chain(&circle[..1]);
        let way: Vec<String> = way.map(|at| quoted(apps[*at].name.as_str())).collect();
        let message = format!(
            "{} depends on {}: none of them can be the first",
            quoted(apps[first].name.as_str()),
            way.join(", which depends on ")
        );
        findings.add(Finding::error(place.unwrap_or(ConfigPlace::Whole), message));
    }
}

fn missing(
    (app, on): (&AppName, &AppName),
    at: ConfigPlace,
    known: &[&str],
    is_off: bool,
) -> Finding {
    let (name, needed) = (quoted(app.as_str()), quoted(on.as_str()));
    if is_off {
        let finding =
            Finding::error(at, format!("{name} depends on {needed}, whose profile is off"));
        return finding.hint("`--profile` turns it on; `required: false` does without");
    }
    let finding =
        Finding::error(at, format!("{name} depends on {needed}, and there is no such app"));
    match keys::nearest(on.as_str(), known.iter().copied().filter(|name| *name != app.as_str())) {
        Some(near) => finding.hint(format!("did you mean `{near}`?")),
        None => finding.hint("neither here nor in `pm list`; `--no-deps` starts it without"),
    }
}

/// Why this can't come true.
fn impossible(
    app: &AppSpec,
    need: &Dependency,
    at: ConfigPlace,
    needed: &AppSpec,
) -> Option<Finding> {
    let (name, on) = (quoted(app.name.as_str()), quoted(need.app.as_str()));
    if need.app == app.name {
        return Some(Finding::error(at, format!("{name} depends on itself")));
    }
    let restart = &needed.restart;
    let has_no_end = restart.autorestart && !restart.stop_exit_codes.contains(&0);
    if need.condition == Condition::Completed && has_no_end {
        let message = format!("{name} waits for the end of {on}, which begins again when it ends");
        let hint = format!("give {on} `autorestart: false`");
        return Some(Finding::error(at, message).hint(hint));
    }
    if need.condition == Condition::Healthy && needed.checks.health.is_none() {
        let message = format!("{name} waits until {on} is healthy, and {on} has no `healthcheck`");
        return Some(Finding::error(at, message).hint("give it one, or wait until it is `ready`"));
    }
    None
}
