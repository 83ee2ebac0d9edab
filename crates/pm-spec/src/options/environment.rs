//! The variables an app is started with.

use alloc::format;
use alloc::string::String;

use super::Setting;
use super::flag::{
    FlagValue::{Path, Words},
    flag,
};
use super::row::{Jlist::Always, KeyKind, KeySpec, key, special, word};
use crate::{AppSpec, ByteString, SecretSource};

#[rustfmt::skip]
pub(super) const KEYS: &[KeySpec] = &[
    key("env", "variables over those of the shell, NAME: { file: PATH } for a value that is read from a file at each start, { command: [PROGRAM, ...], timeout } for one that is printed; `env_NAME` is laid over them by `--env NAME`", KeyKind::Variables)
        .nowhere(),
    key("secrets", "files of its own in memory, in the folder $CREDENTIALS_DIRECTORY: NAME: { file: PATH } or NAME: { command: [PROGRAM, ...], timeout }; each holds what that file has, or what is printed, at each start",
        special!(["object"], |app| secrets(app), |app, from| app.secrets.clone_from(&from.secrets))),
    key("env_file", "files of variables, over those of the shell and under `env`; a later file counts more. `{ path, required: false }`: it may be missing",
        special!(["string", "array", "object"], |_| Setting::Unset, from_files))
        .nowhere()
        .flag(flag("--env-file", "FILE", "Read variables from this file").takes(Path).such_as(".env")),
    key("filter_env", "inherited variables whose names contain one of these are dropped",
        special!(["array", "string", "boolean"], |_| Setting::Unset, filtered))
        .nowhere()
        .flag(flag("--filter-env", "TEXT", "Drop inherited variables whose name contains this").takes(Words).such_as("AWS_")),
    key("append_env_to_name", "with `--env production` it is called NAME-production", special!(["boolean"], |_| Setting::Unset, |_, _| ()))
        .idle().nowhere(),
    key("port", "sets the variable PORT", special!(["integer", "string"], |_| Setting::Unset, |_, _| ()))
        .nowhere(),
    key("instance_var", "the variable that tells each instance its number, from 0",
        word!(instance_var, VARIABLE, variable, |name: &ByteString| name.into()))
        .knob("PM2_PROCESS_INSTANCE_VAR").jlist(Always),
    key("increment_var", "a variable that counts up with that number, from its value or 0",
        word!(increment_var, VARIABLE, |name| variable(name).map(Some), |name: &Option<ByteString>| name.into())),
];

fn secrets(app: &AppSpec) -> Setting {
    let word = |(name, source): (&String, &SecretSource)| -> ByteString {
        format!("{name} (from {})", source.line()).into()
    };
    Setting::Words(app.secrets.iter().map(word).collect())
}

const VARIABLE: &str = "the name of a variable";

fn variable(name: &str) -> Option<ByteString> {
    (!name.is_empty() && !name.contains(['=', '\0'])).then(|| name.into())
}

/// What is declared stays: only what is inherited is dropped.
fn filtered(app: &mut AppSpec, from: &AppSpec) {
    let mut env = from.env.clone();
    for name in &app.declared_env {
        let name = name.display();
        if let Some(value) = app.env.get(&name) {
            env.set(&name, value.clone());
        }
    }
    app.env = env;
}

/// What was written down for the app itself counts more than a file.
fn from_files(app: &mut AppSpec, from: &AppSpec) {
    for name in &from.hidden_env {
        let text = name.display();
        let is_free = !app.declares(&text) || app.hidden_env.contains(name);
        if let Some(value) = from.env.get(&text).filter(|_| is_free) {
            app.env.set(&text, value.clone());
            app.declared_env.retain(|known| known != name);
            app.declared_env.push(name.clone());
            app.hidden_env.retain(|known| known != name);
            app.hidden_env.push(name.clone());
        }
    }
}
