//! The variables of an app: those that may be written, and those that may not.

use std::collections::BTreeSet;

use pm_spec::{AppSpec, ByteString, TimedCommand};

/// A variable whose value belongs into no file, and where it comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SecretPlace<'a> {
    /// From the ecosystem file or a file of variables.
    Written,
    /// A file that holds nothing else.
    File(&'a ByteString),
    /// What a command prints.
    Command(&'a TimedCommand),
}

/// The variables the config set, by how they may be written; those of the shell are the engine's business.
#[derive(Debug, Default)]
pub(crate) struct SortedVariables<'a> {
    pub(crate) plain: Vec<(String, String)>,
    pub(crate) secret: Vec<(String, SecretPlace<'a>)>,
    /// Values that are no text.
    pub(crate) bytes: Vec<String>,
}

/// Each in order of name.
pub(crate) fn sorted(app: &AppSpec) -> SortedVariables<'_> {
    let mut all = SortedVariables::default();
    let names: BTreeSet<_> = app
        .declared_env
        .iter()
        .chain(&app.hidden_env)
        .map(|name| name.display().into_owned())
        .collect();
    for name in names {
        if app.secret_files.contains_key(&name) || app.secret_commands.contains_key(&name) {
            continue;
        }
        let Some(value) = app.env.get(&name) else { continue };
        if app.hides(&name) {
            all.secret.push((name, SecretPlace::Written));
        } else if let Ok(text) = str::from_utf8(value.as_bytes()) {
            all.plain.push((name, text.into()));
        } else {
            all.bytes.push(name);
        }
    }
    let files = app.secret_files.iter();
    all.secret.extend(files.map(|(name, file)| (name.clone(), SecretPlace::File(file))));
    let commands = app.secret_commands.iter();
    all.secret
        .extend(commands.map(|(name, command)| (name.clone(), SecretPlace::Command(command))));
    all
}

/// Where a secret has to be put, for people.
pub(crate) fn origin(source: SecretPlace<'_>) -> String {
    match source {
        SecretPlace::Written => String::new(),
        SecretPlace::File(file) => format!("; its value is in {}", file.display()),
        SecretPlace::Command(command) => format!("; `{}` prints its value", command.line()),
    }
}
