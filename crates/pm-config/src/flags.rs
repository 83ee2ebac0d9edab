//! What the command line gives becomes entries of an app's table, so that it is read by the same code as a file.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use pm_spec::ByteString;
use pm_spec::options::{FlagValue, KeySpec};

use crate::caller::{Beside, Caller, Overrides};
use crate::diagnose::{ConfigPlace, Finding, Findings};
use crate::ecosystem::AppTable;
use crate::given::{GivenKey, Typed, flag_of, takes};
use crate::tree::{ConfigNode, TableEntry, Value};
use crate::{keys, paths};

/// Everything, as one app that runs `target`.
pub(crate) fn script_app(target: &OsStr, overrides: &Overrides) -> Vec<TableEntry> {
    let script =
        TableEntry::new("script", ConfigPlace::Flag("SCRIPT"), Value::text(target.as_bytes()));
    let given = overrides.given.iter().map(|one| written(one.key, &one.typed));
    std::iter::once(script).chain(given).collect()
}

/// Lays what was given over the apps of a file and says what it replaces.
pub(crate) fn over_file(
    tables: &mut [AppTable],
    caller: &Caller,
    overrides: &Overrides,
    findings: &mut Findings,
) {
    for GivenKey { key, typed, is_implied } in overrides.given.iter() {
        let flag = flag_of(key);
        let is_pm2s = key.flag.is_some_and(|flag| flag.over_file);
        if overrides.beside == Beside::Pm2s && !is_pm2s {
            let message = "it has no effect on the apps of a config file, as in PM2";
            findings.add(Finding::warning(ConfigPlace::Flag(flag), message));
            continue;
        }
        if key.name == "name" && tables.len() > 1 {
            let message = "could not give several apps one name";
            let hint = "--only picks one of the file";
            findings.add(Finding::error(ConfigPlace::Flag(flag), message).hint(hint));
            continue;
        }
        // PM2's `--namespace` is for apps that have none.
        let fills = overrides.beside == Beside::Pm2s && key.name == "namespace";
        let mut replaced = false;
        for table in tables.iter_mut() {
            let set = table.entries.iter().find(|entry| is(entry, key.name));
            // What follows from the command is for who says nothing, as the bare watch of `dev`.
            let is_kept = |entry: &TableEntry| fills || *is_implied && !entry.node.value.is_falsy();
            if set.is_some_and(is_kept) {
                continue;
            }
            let before = table.entries.len();
            table.entries.retain(|entry| {
                !is(entry, key.name) && !key.ousts.iter().any(|name| is(entry, name))
            });
            replaced |= table.entries.len() < before;
            table.entries.push(typed_here(key, typed, caller));
        }
        if replaced && !is_implied && overrides.beside == Beside::All {
            let message = format!("it replaces what the file says of `{}`", key.name);
            findings.add(Finding::warning(ConfigPlace::Flag(flag), message));
        }
    }
}

fn is(entry: &TableEntry, name: &str) -> bool {
    keys::canonical(&entry.key) == Some(name)
}

/// A path is seen from where it was typed, not from where an app of a file runs.
fn typed_here(key: &KeySpec, typed: &Typed, caller: &Caller) -> TableEntry {
    let mut entry = written(key, typed);
    if let Value::Text(path) = &mut entry.node.value
        && matches!(takes(key), FlagValue::Path | FlagValue::MaybePath)
        && path.as_bytes() != b"NULL"
    {
        let absolute = paths::absolute(paths::from_bytes(path), &caller.cwd);
        *path = paths::to_bytes(&absolute);
    }
    entry
}

/// As one would write it in a file.
fn written(key: &KeySpec, typed: &Typed) -> TableEntry {
    let at = ConfigPlace::Flag(flag_of(key));
    let value = match typed {
        Typed::Switch(on) => Value::Bool(*on),
        Typed::Words(words) => of_words(takes(key), words, at),
        Typed::Variables(variables) => {
            let entries = variables.iter();
            let entries =
                entries.map(|(name, value)| TableEntry::new(name, at, Value::Text(value.clone())));
            Value::Table(entries.collect())
        }
    };
    TableEntry::new(key.name, at, value)
}

fn of_words(takes: FlagValue, words: &[ByteString], at: ConfigPlace) -> Value {
    let list = |words: Vec<ByteString>| {
        Value::List(
            words.into_iter().map(|word| ConfigNode { at, value: Value::Text(word) }).collect(),
        )
    };
    let one = words.last().cloned().unwrap_or_default();
    match takes {
        FlagValue::Words => list(words.to_vec()),
        FlagValue::List => list(words.iter().flat_map(parts).collect()),
        FlagValue::MaybeWords if words.iter().all(ByteString::is_empty) => Value::Bool(true),
        FlagValue::MaybeWords => {
            list(words.iter().filter(|word| !word.is_empty()).cloned().collect())
        }
        FlagValue::MaybePath if one.is_empty() => Value::Bool(true),
        FlagValue::Seconds => Value::Text(seconds(&one)),
        FlagValue::Word | FlagValue::AnyWord | FlagValue::Path | FlagValue::MaybePath => {
            Value::Text(one)
        }
        FlagValue::On => Value::Bool(true),
        FlagValue::Off => Value::Bool(false),
    }
}

/// A number alone is seconds.
fn seconds(text: &ByteString) -> ByteString {
    let shown = text.display();
    match shown.trim().parse::<f64>() {
        Ok(_) => format!("{}s", shown.trim()).into(),
        Err(_) => text.clone(),
    }
}

fn parts(word: &ByteString) -> Vec<ByteString> {
    let parts = word.as_bytes().split(|byte| matches!(byte, b',' | b' '));
    parts.filter(|part| !part.is_empty()).map(ByteString::from).collect()
}

/// Words of flags that take lists: `a,b c` and repetition mean the same.
pub(crate) fn split(words: &[String]) -> impl Iterator<Item = &str> {
    words.iter().flat_map(|word| word.split([',', ' '])).filter(|word| !word.is_empty())
}
