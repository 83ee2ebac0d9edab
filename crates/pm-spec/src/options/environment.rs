//! The variables an app is started with.

use super::Setting;
use super::flag::{Flag, FlagValue};
use super::row::{Jlist, KeyKind, KeySpec, special, word};
use crate::{AppSpec, ByteString};

pub(super) const KEYS: &[KeySpec] = &[
    KeySpec::new(
        "env",
        "variables over those of the shell; `env_NAME` is laid over them by `--env NAME`",
        KeyKind::Variables,
    )
    .nowhere(),
    KeySpec::new(
        "filter_env",
        "inherited variables whose names contain one of these are dropped",
        special!(["array", "string", "boolean"], |_| Setting::Unset, filtered),
    )
    .nowhere()
    .flag(
        Flag::word("--filter-env", "TEXT", "Drop inherited variables whose name contains this")
            .such_as("AWS_")
            .takes(FlagValue::Words),
    ),
    KeySpec::new(
        "append_env_to_name",
        "with `--env production` it is called NAME-production",
        special!(["boolean"], |_| Setting::Unset, |_, _| ()),
    )
    .idle()
    .nowhere(),
    KeySpec::new(
        "port",
        "sets the variable PORT",
        special!(["integer", "string"], |_| Setting::Unset, |_, _| ()),
    )
    .nowhere(),
    KeySpec::new(
        "instance_var",
        "the variable that tells each instance its number, from 0",
        word!(instance_var, VARIABLE, [], |name| variable(name), |name: &ByteString| {
            Setting::Text(name.clone())
        }),
    )
    .knob("PM2_PROCESS_INSTANCE_VAR")
    .jlist(Jlist::Always),
    KeySpec::new(
        "increment_var",
        "a variable that counts up with that number, from its value or 0",
        word!(increment_var, VARIABLE, [], |name| variable(name).map(Some), |name: &Option<
            ByteString,
        >| {
            Setting::text(name.clone())
        }),
    ),
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
