//! The environment of an app: the caller's shell, under its files of variables, under `env`, under `env_NAME`.

use std::collections::BTreeSet;

use pm_spec::Environment;

use crate::caller::Beside;
use crate::diagnose::{ConfigPlace, Finding, quoted};
use crate::dotenv::FileVariable;
use crate::fields::{AppFields, Field, whole};
use crate::ground::ConfigGround;
use crate::tree::{TableEntry, Value};
use crate::{env_file, keys};

/// All variables, and the names of those that the file or the command line set.
#[derive(Default)]
pub(crate) struct Variables {
    pub(crate) all: Environment,
    pub(crate) declared: BTreeSet<String>,
    /// Those of them whose values nobody is shown.
    pub(crate) hidden: BTreeSet<String>,
}

impl Variables {
    fn set(&mut self, name: &str, value: &Value) {
        self.all.set(name, value.to_bytes());
        self.declared.insert(name.to_owned());
        self.hidden.remove(name);
    }

    /// Lays what a file of variables says over what is there.
    fn set_from_file(&mut self, variable: FileVariable) {
        match variable.value {
            Some(value) => {
                self.all.set(&variable.name, value);
                self.hidden.insert(variable.name.clone());
            }
            // The caller's, also where a part of its name is to be dropped; else there is none.
            None if self.all.get(&variable.name).is_none() => return,
            None => {}
        }
        self.declared.insert(variable.name);
    }
}

/// What the caller has only because it is itself one of our apps (pain 77).
fn is_internal(name: &str) -> bool {
    name == "PM_TAG" || name.starts_with("PM_GUARDIAN_")
}

/// Builds the environment of an app.
pub(crate) fn environment(app: &mut AppFields<'_>, ground: &ConfigGround<'_>) -> Variables {
    let filter = Filter::read(app);
    let inherited = &ground.caller.env;
    let mut variables = Variables { all: inherited.clone(), ..Variables::default() };
    for (name, _) in inherited.iter().filter(|(name, _)| is_internal(name) || filter.drops(name)) {
        variables.all.unset(name);
    }
    for entry in ground.deployed.iter().filter(|entry| inherited.get(&entry.key).is_none()) {
        variables.set(&entry.key, &entry.node.value);
    }
    // `require('dotenv').config()` declares as much as `env` does.
    let scripted = ground.scripted.iter().filter(|name| variables.all.get(name).is_some());
    variables.declared.extend(scripted.cloned());
    for variable in env_file::variables(app, ground, inherited) {
        variables.set_from_file(variable);
    }
    if let Some(field) = app.get("env") {
        lay(app, field, ground, &mut variables);
    }
    if let Some(field) = app.get("port") {
        match whole(&field.node.value) {
            Some(port @ 0..=65535) => variables.set("PORT", &Value::Integer(port)),
            _ => {
                app.refuse::<()>(field, "a port, 0 to 65535");
            }
        }
    }
    if let Some(wanted) = &ground.overrides.env_name {
        match app.profiles.get(wanted.as_str()).copied() {
            Some(field) => lay(app, field, ground, &mut variables),
            None => missing(app, wanted),
        }
    }
    let pm2s = app.get("env_file").filter(|_| ground.overrides.beside == Beside::Pm2s);
    // Profiles that are not chosen have to be right too: they are chosen on another day.
    let others: Vec<Field<'_>> = app
        .profiles
        .iter()
        .filter(|(name, _)| Some(**name) != ground.overrides.env_name.as_deref())
        .map(|(_, field)| *field)
        .chain(pm2s)
        .collect();
    for field in others {
        if field.node.value.as_text().is_some() {
            app.findings.add(no_profile(field));
        } else {
            table(app, field);
        }
    }
    variables
}

/// Text under `env_NAME`: PM2 takes it and does nothing with it.
fn no_profile(field: Field<'_>) -> Finding {
    let key = quoted(field.key);
    let (message, hint) = if field.key == "env_files" {
        (format!("{key} has no effect"), "here it is `env_file`")
    } else if keys::canonical(field.key) == Some("env_file") {
        let hint = "write the variables under `env`, or let the app read the file: dotenv, node --env-file";
        (format!("{key} has no effect: PM2 reads no file of variables"), hint)
    } else {
        let message = format!("{key} has no effect: it is text, not an object of variables");
        (message, "write { NAME: \"value\" }")
    };
    Finding::warning(field.node.at, message).hint(hint)
}

/// Lays the variables of one table over what is there.
fn lay(
    app: &mut AppFields<'_>,
    field: Field<'_>,
    ground: &ConfigGround<'_>,
    variables: &mut Variables,
) {
    for entry in table(app, field) {
        variables.set(&entry.key, &entry.node.value);
        if ground.secrets.contains(&entry.node.at) {
            variables.hidden.insert(entry.key.clone());
        }
    }
}

/// The good entries of `env` or `env_NAME`; the others become findings.
fn table<'f>(app: &mut AppFields<'_>, field: Field<'f>) -> Vec<&'f TableEntry> {
    let entries = match &field.node.value {
        Value::Table(entries) => entries,
        Value::Null => return Vec::new(),
        Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::Text(_) | Value::List(_) => {
            let finding = field.must_be("an object of variables");
            app.findings.add(finding.hint("write { NAME: \"value\" }"));
            return Vec::new();
        }
    };
    entries.iter().filter(|entry| is_possible(app, entry)).collect()
}

fn is_possible(app: &mut AppFields<'_>, entry: &TableEntry) -> bool {
    if entry.key.is_empty() || entry.key.contains(['=', '\0']) {
        let message = format!("{} can't be the name of a variable", quoted(&entry.key));
        app.error(entry.at, message);
        return false;
    }
    if entry.node.value.to_bytes().as_bytes().contains(&0) {
        let message = format!("the variable {} can't hold a NUL byte", quoted(&entry.key));
        app.error(entry.node.at, message);
        return false;
    }
    true
}

fn missing(app: &mut AppFields<'_>, wanted: &str) {
    let key = quoted(format!("env_{wanted}"));
    let at = app.at;
    let finding = Finding::warning(at, format!("this app has no {key}; its `env` is used alone"));
    let near = keys::nearest(wanted, app.profiles.keys().copied());
    app.findings.add(match near {
        Some(near) => finding.hint(format!("did you mean `--env {near}`?")),
        None => finding,
    });
}

/// Which inherited variables are dropped (PM2: `filter_env`).
enum Filter {
    Nothing,
    Exactly(String),
    Containing(Vec<String>),
}

impl Filter {
    fn read(app: &mut AppFields<'_>) -> Self {
        let Some(field) = app.get("filter_env") else { return Self::Nothing };
        match &field.node.value {
            Value::Text(text) => Self::Exactly(text.display().into_owned()),
            Value::List(_) => {
                let words = app.words("filter_env");
                let words = words.iter().map(|word| word.display().into_owned());
                Self::Containing(words.filter(|word| !word.is_empty()).collect())
            }
            Value::Bool(false) => Self::Nothing,
            Value::Bool(true) => {
                Self::warn_of_boolean(app, field.node.at);
                Self::Nothing
            }
            Value::Null | Value::Integer(_) | Value::Float(_) | Value::Table(_) => {
                app.refuse::<()>(field, "a name or a list of parts of names");
                Self::Nothing
            }
        }
    }

    fn warn_of_boolean(app: &mut AppFields<'_>, at: ConfigPlace) {
        let message = "`filter_env` has no effect as a boolean, as in PM2";
        app.findings.add(
            Finding::warning(at, message).hint("list parts of the names to drop: [\"SECRET\"]"),
        );
    }

    fn drops(&self, name: &str) -> bool {
        match self {
            Self::Nothing => false,
            Self::Exactly(exact) => exact == name,
            Self::Containing(parts) => parts.iter().any(|part| name.contains(part.as_str())),
        }
    }
}
