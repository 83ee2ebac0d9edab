//! What an app says: the keys whose values are not the usual ones, and were not made from others.

use pm_spec::{AppSpec, RestartRule, options};

/// Their names, in the order of the registry.
pub(crate) fn keys(app: &AppSpec) -> Vec<&'static str> {
    let usual = AppSpec::usual();
    let is_derived = |name: &str| app.derived.iter().any(|key| key.as_bytes() == name.as_bytes());
    let has_rule = app.restart.rule != RestartRule::Unsaid;
    let follows =
        |name: &str| has_rule && ["autorestart", "max_restarts", "stop_exit_codes"].contains(&name);
    let has_env = !(app.declared_env.is_empty()
        && app.hidden_env.is_empty()
        && app.secret_files.is_empty()
        && app.secret_commands.is_empty());
    let is_said = |name: &str, is_changed: bool| match name {
        "env" => has_env,
        "name" => true,
        _ => is_changed && !is_derived(name) && !follows(name),
    };
    options::keys()
        .filter(|row| is_said(row.name, row.changed(app, &usual).is_some()))
        .map(|row| row.name)
        .collect()
}
