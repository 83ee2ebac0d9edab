//! What an app says: the keys whose values are not the usual ones, and were not made from others.

use pm_spec::{AppSpec, ByteString, Mode, RestartRule, options};

/// Their names, in the order of the registry.
pub(crate) fn keys(app: &AppSpec) -> Vec<&'static str> {
    let usual = AppSpec::usual();
    let is_derived = |name: &str| app.derived.iter().any(|key| key.as_bytes() == name.as_bytes());
    let has_rule = app.restart.rule != RestartRule::Unsaid;
    let follows = |name: &str| match name {
        "autorestart" => has_rule || app.is_job(),
        "max_restarts" | "stop_exit_codes" => has_rule,
        _ => false,
    };
    // Where its file lies says this where nobody does.
    let folder = app.source.as_ref().and_then(|source| split(source.as_bytes())).map(|it| it.0);
    let named = folder.and_then(split).map(|(_, name)| name);
    let has_env = !(app.declared_env.is_empty()
        && app.hidden_env.is_empty()
        && app.secret_files.is_empty()
        && app.secret_commands.is_empty());
    let is_said = |name: &str, is_changed: bool| match name {
        "env" => has_env,
        "name" => true,
        "cwd" => is_changed && folder != Some(app.cwd.as_bytes()),
        "project" => is_changed && app.project.as_ref().map(ByteString::as_bytes) != named,
        "cluster_preload" => is_changed && app.serving.mode == Mode::Cluster,
        _ => is_changed && !is_derived(name) && !follows(name),
    };
    options::keys()
        .filter(|row| is_said(row.name, row.changed(app, &usual).is_some()))
        .map(|row| row.name)
        .collect()
}

/// A path without its last part, and that.
fn split(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = path.iter().rposition(|byte| *byte == b'/')?;
    Some((&path[..at], &path[at + 1..]))
}
