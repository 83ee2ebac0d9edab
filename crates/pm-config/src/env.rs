//! The environment of an app: the caller's shell, under its files of variables, under `env`, under `env_NAME`.

use std::collections::{BTreeMap, BTreeSet};

use pm_spec::{ByteString, Environment, SecretSource, TimedCommand};

use crate::caller::Beside;
use crate::diagnose::{Finding, quoted};
use crate::dotenv::FileVariable;
use crate::fields::{AppFields, Field, whole};
use crate::format::{ConfigFormat, is_config_name};
use crate::ground::ConfigGround;
use crate::tree::{TableEntry, Value};
use crate::{env_file, keys, secrets};

/// All variables, and the names of those that the file or the command line set.
#[derive(Default)]
pub(crate) struct Variables {
    pub(crate) all: Environment,
    pub(crate) declared: BTreeSet<String>,
    /// Those of them whose values nobody is shown.
    pub(crate) hidden: BTreeSet<String>,
    /// Further ones, whose values are in these files.
    pub(crate) secret_files: BTreeMap<String, ByteString>,
    /// Further ones, whose values these commands print.
    pub(crate) secret_commands: BTreeMap<String, TimedCommand>,
}

impl Variables {
    fn set(&mut self, name: &str, value: &Value) {
        self.all.set(name, value.to_bytes());
        self.declared.insert(name.to_owned());
        self.forget(name);
    }

    /// Its value comes from elsewhere.
    fn set_secret(&mut self, name: &str, secret: SecretSource) {
        self.all.unset(name);
        self.declared.remove(name);
        self.forget(name);
        match secret {
            SecretSource::File(path) => drop(self.secret_files.insert(name.to_owned(), path)),
            SecretSource::Printed(by) => drop(self.secret_commands.insert(name.to_owned(), by)),
        }
    }

    fn forget(&mut self, name: &str) {
        self.hidden.remove(name);
        self.secret_files.remove(name);
        self.secret_commands.remove(name);
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

/// What each run of an app is given anew.
const OF_A_RUN: [&str; 12] = [
    "CREDENTIALS_DIRECTORY",
    "PM2_HOME",
    "name",
    "namespace",
    "pm_id",
    "restart_time",
    "NODE_APP_INSTANCE",
    "pm_exec_path",
    "pm_cwd",
    "pm_out_log_path",
    "pm_err_log_path",
    "pm_pid_path",
];

/// What the caller has only because it is itself one of our apps (pain 77): those know our home by PM2's name, too.
fn is_internal(name: &str, of: &Environment) -> bool {
    let home = of.get("PM_HOME");
    let is_app =
        || home.is_some() && of.get("PM2_HOME") == home && of.get("pm_exec_path").is_some();
    let is_ours = name == "PM_TAG" || name.starts_with("PM_GUARDIAN_");
    is_ours || (OF_A_RUN.contains(&name) && is_app())
}

/// Builds the environment of an app.
pub(crate) fn environment(app: &mut AppFields<'_>, ground: &ConfigGround<'_>) -> Variables {
    let (name, parts) = dropped(app);
    let is_dropped = |it: &str| {
        name.as_deref() == Some(it) || parts.iter().any(|part| it.contains(part.as_str()))
    };
    let inherited = &ground.caller.env;
    let mut variables = Variables { all: inherited.clone(), ..Variables::default() };
    let is_kept = |name: &str| !is_internal(name, inherited) && !is_dropped(name);
    for (name, _) in inherited.iter().filter(|(name, _)| !is_kept(name)) {
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
        let is_text = takes_objects(ground) && !secrets::names_one(&entry.node.value);
        if entry.node.value.as_table().is_some() && !is_text {
            if let Some(secret) = secrets::source(app, Field::of(entry), ground) {
                variables.set_secret(&entry.key, secret);
            }
            continue;
        }
        variables.set(&entry.key, &entry.node.value);
        if ground.secrets.contains(&entry.node.at) {
            variables.hidden.insert(entry.key.clone());
        }
    }
}

/// Whether any other object is its text, as in PM2 and so in the programs that people wrote for it.
fn takes_objects(ground: &ConfigGround<'_>) -> bool {
    let name = ground.source.map(|source| source.to_string_lossy());
    let format = name.and_then(|name| is_config_name(&name));
    ground.overrides.beside == Beside::Pm2s || format == Some(ConfigFormat::JavaScript)
}

/// The good entries of `env` or `env_NAME`; the others become findings.
fn table<'f>(app: &mut AppFields<'_>, field: Field<'f>) -> Vec<&'f TableEntry> {
    let entries = field.node.value.as_table();
    if entries.is_none() && !matches!(field.node.value, Value::Null) {
        let finding = field.must_be("an object of variables");
        app.findings.add(finding.hint("write { NAME: \"value\" }"));
    }
    entries.into_iter().flatten().filter(|entry| is_possible(app, entry)).collect()
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
    let message = format!("this app has no {key}; its `env` is used alone");
    let near = keys::nearest(wanted, app.profiles.keys().copied());
    let hint = near.map(|near| format!("did you mean `--env {near}`?"));
    app.findings.add(Finding::warning(app.at, message).maybe(hint));
}

/// Which inherited variables are dropped (PM2: `filter_env`): that one, or those with one of these parts in their names.
fn dropped(app: &mut AppFields<'_>) -> (Option<String>, Vec<String>) {
    let Some(field) = app.get("filter_env") else { return (None, Vec::new()) };
    match &field.node.value {
        Value::Text(text) => return (Some(text.display().into_owned()), Vec::new()),
        Value::List(_) => {
            let words = app.words("filter_env");
            let words = words.iter().map(|word| word.display().into_owned());
            return (None, words.filter(|word| !word.is_empty()).collect());
        }
        Value::Bool(false) => {}
        Value::Bool(true) => {
            let message = "`filter_env` has no effect as a boolean, as in PM2";
            let hint = "list parts of the names to drop: [\"SECRET\"]";
            app.findings.add(Finding::warning(field.node.at, message).hint(hint));
        }
        Value::Null | Value::Integer(_) | Value::Float(_) | Value::Table(_) => {
            app.refuse::<()>(field, "a name or a list of parts of names");
        }
    }
    (None, Vec::new())
}
