//! The same script of steps done with PM2 and with `pm`, and what was seen compared. Whatever differs must stand, with
//! both values and a reason, in the table of differences of `docs/pm2.md`; what stands there must differ.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::thread;

use serde_json::Value;

use super::page::{self, Difference};
use super::tool::Tool;

/// A script of steps, and its name.
pub(super) type Scenario = (&'static str, fn(&Tool, &mut Notes));

/// Scenarios by the names of their functions.
macro_rules! scenarios {
    ($($name:ident),+ $(,)?) => { [$((stringify!($name), $name as fn(&Tool, &mut Notes))),+] };
}
pub(super) use scenarios;

/// What a scenario saw, by keys of its choice.
#[derive(Debug, Default)]
pub(super) struct Notes {
    scenario: &'static str,
    seen: BTreeMap<String, Value>,
}

impl Notes {
    /// Notes something. Each key once.
    pub(super) fn put(&mut self, key: &str, value: impl Into<Value>) {
        let key = format!("{}.{key}", self.scenario);
        let old = self.seen.insert(key.clone(), value.into());
        assert!(old.is_none(), "{key} was noted twice");
    }
}

/// Does the scenarios with both programs, each with one daemon for all of them, and compares.
pub(super) fn compare(group: &str, scenarios: &[Scenario]) {
    compare_with(group, &[], scenarios);
}

/// The same, with these variables set for both.
pub(super) fn compare_with(group: &str, variables: &[(&str, &str)], scenarios: &[Scenario]) {
    let names: BTreeSet<_> = scenarios.iter().map(|(name, _)| *name).collect();
    let documented = page::differences().into_iter();
    let documented: BTreeMap<_, _> = documented
        .filter(|(key, _)| names.contains(key.split('.').next().unwrap_or_default()))
        .collect();
    let equipped =
        |tool: Tool| variables.iter().fold(tool, |tool, (name, value)| tool.with(name, value));
    let (theirs, ours) = thread::scope(|scope| {
        let theirs = scope.spawn(|| within_three(|| all(&equipped(Tool::real()), scenarios)));
        let ours = scope.spawn(|| all(&equipped(Tool::ours()), scenarios));
        let (theirs, ours) = (theirs.join(), ours.join());
        // Ours first: its complaint is the one to read.
        let ours = ours.unwrap_or_else(|panic| resume_unwind(panic));
        (theirs.unwrap_or_else(|panic| resume_unwind(panic)), ours)
    });
    keep(group, &theirs, &ours);
    let wrong = judge(&theirs, &ours, &documented);
    assert!(wrong.is_empty(), "{group}: not as docs/pm2.md says\n{}", wrong.concat());
}

/// What PM2 does now and then is hang. Then all its steps are done anew, in another home; ours have one try.
fn within_three<T>(mut attempt: impl FnMut() -> T) -> T {
    for _ in 0..2 {
        if let Ok(seen) = catch_unwind(AssertUnwindSafe(&mut attempt)) {
            return seen;
        }
    }
    attempt()
}

fn all(tool: &Tool, scenarios: &[Scenario]) -> BTreeMap<String, Value> {
    tool.ok("ping");
    let mut seen = BTreeMap::new();
    for (name, scenario) in scenarios {
        let mut notes = Notes { scenario: name, seen: BTreeMap::new() };
        scenario(tool, &mut notes);
        seen.append(&mut notes.seen);
        tool.clean();
    }
    seen
}

/// Both columns, for people, beside the build.
fn keep(group: &str, theirs: &BTreeMap<String, Value>, ours: &BTreeMap<String, Value>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/pm2-side-by-side");
    fs::create_dir_all(&folder).unwrap();
    let keys: BTreeSet<_> = theirs.keys().chain(ours.keys()).collect();
    let lines = keys.into_iter().map(|key| {
        let (left, right) = (shown(theirs.get(key)), shown(ours.get(key)));
        let mark = if left == right { "same  " } else { "DIFFER" };
        format!("{mark} {key}\n    PM2 {left}\n    pm  {right}\n")
    });
    fs::write(folder.join(format!("{group}.txt")), lines.collect::<String>()).unwrap();
}

fn shown(value: Option<&Value>) -> String {
    value.map_or("nothing".into(), Value::to_string)
}

/// Undocumented differences, documented ones that are none, and documented ones with other values.
fn judge(
    theirs: &BTreeMap<String, Value>,
    ours: &BTreeMap<String, Value>,
    documented: &BTreeMap<String, Difference>,
) -> Vec<String> {
    let keys: BTreeSet<_> =
        theirs.keys().chain(ours.keys()).chain(documented.keys()).cloned().collect();
    let mut wrong = Vec::new();
    for key in keys {
        let (left, right) = (shown(theirs.get(&key)), shown(ours.get(&key)));
        match documented.get(&key) {
            None if left == right => {}
            None => wrong.push(format!("undocumented: | `{key}` | `{left}` | `{right}` | why |\n")),
            Some(told) if told.is_passing => {}
            Some(_) if left == right => {
                wrong.push(format!("no difference any more: {key}, both {left}\n"));
            }
            Some(told) if told.pm2 != left || told.pm != right => {
                wrong.push(format!("other values now: | `{key}` | `{left}` | `{right}` | why |\n"));
            }
            Some(_) => {}
        }
    }
    wrong
}

#[test]
fn what_differs_without_a_reason_is_found() {
    let seen = |value: i32| BTreeMap::from([("s.code".to_owned(), Value::from(value))]);
    let told = |pm2: &str, pm: &str| {
        let difference = Difference { pm2: pm2.into(), pm: pm.into(), is_passing: false };
        BTreeMap::from([("s.code".to_owned(), difference)])
    };
    assert!(judge(&seen(1), &seen(1), &BTreeMap::new()).is_empty());
    assert!(judge(&seen(1), &seen(0), &told("1", "0")).is_empty());
    assert!(judge(&seen(1), &seen(0), &BTreeMap::new())[0].starts_with("undocumented"));
    assert!(judge(&seen(1), &BTreeMap::new(), &BTreeMap::new())[0].contains("`nothing`"));
    assert!(judge(&seen(1), &seen(1), &told("1", "0"))[0].starts_with("no difference"));
    assert!(judge(&seen(1), &seen(2), &told("1", "0"))[0].starts_with("other values"));
    assert!(!judge(&BTreeMap::new(), &BTreeMap::new(), &told("1", "0")).is_empty());
}
