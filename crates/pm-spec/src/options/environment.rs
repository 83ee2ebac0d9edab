//! The variables an app is started with.

use super::Setting;
use super::flag::{FlagValue::Words, flag};
use super::row::{Jlist::Always, KeyKind, KeySpec, key, special, word};
use crate::{AppSpec, ByteString};

#[rustfmt::skip]
pub(super) const KEYS: &[KeySpec] = &[
    key("env", "variables over those of the shell; `env_NAME` is laid over them by `--env NAME`", KeyKind::Variables)
        .nowhere(),
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
