//! How many, restarted when, stopped how: the parts of a config that are plain values.

use std::collections::BTreeSet;

use pm_spec::{ByteString, Delay, Environment, RestartPolicy, Signal, Span, StopPolicy};

use crate::diagnose::{Finding, quoted};
use crate::fields::{App, Field, whole};
use crate::tree::Node;

/// When the app is restarted.
pub(crate) fn restart(app: &mut App<'_>) -> RestartPolicy {
    let mut policy = RestartPolicy::default();
    if let Some(autorestart) = app.switch("autorestart") {
        policy.autorestart = autorestart;
    }
    if let Some(count) = app.integer("max_restarts", COUNT) {
        match u32::try_from(count) {
            Ok(count) => policy.max_restarts = count,
            Err(_) => {
                if let Some(field) = app.get("max_restarts") {
                    app.refuse::<()>(field, COUNT);
                }
            }
        }
    }
    if let Some(span) = app.span("min_uptime") {
        policy.min_uptime = span;
    }
    // As in PM2 the growing delay wins; 0 means that there is none.
    let growing = app.span("exp_backoff_restart_delay").filter(|span| span.as_millis() > 0);
    let fixed = app.span("restart_delay");
    policy.delay = match (growing, fixed) {
        (Some(span), _) => Delay::Exponential(span),
        (None, Some(span)) => Delay::Fixed(span),
        (None, None) => Delay::Automatic,
    };
    policy.stop_exit_codes = codes(app);
    policy
}

const COUNT: &str = "a whole number, 0 or more";

fn codes(app: &mut App<'_>) -> BTreeSet<u8> {
    const WHAT: &str = "an exit code, 0 to 255, or a list of them";
    let Some(field) = app.get("stop_exit_codes") else { return BTreeSet::new() };
    let one = |node: &Node| whole(&node.value).and_then(|code| u8::try_from(code).ok());
    let value = &field.node.value;
    let nodes = value.as_list().unwrap_or(std::slice::from_ref(field.node));
    let mut codes = BTreeSet::new();
    for node in nodes {
        match one(node) {
            Some(code) => drop(codes.insert(code)),
            None => drop(app.refuse::<()>(Field { key: field.key, node }, WHAT)),
        }
    }
    codes
}

/// How the app is stopped, where neither file nor flag says it by PM2's variables: `PM2_KILL_SIGNAL`,
/// `PM2_KILL_TIMEOUT` in ms, `PM2_KILL_USE_MESSAGE`.
pub(crate) fn stop(app: &mut App<'_>, env: &Environment) -> StopPolicy {
    let mut policy = StopPolicy::default();
    let knob = |name: &str| env.get(name).map(|value| value.display().into_owned());
    if let Some(signal) = knob("PM2_KILL_SIGNAL").and_then(|text| Signal::parse(&text).ok()) {
        policy.signal = signal;
    }
    if let Some(ms) = knob("PM2_KILL_TIMEOUT").and_then(|text| text.trim().parse().ok()) {
        policy.timeout = Span::from_millis(ms);
    }
    policy.by_message = knob("PM2_KILL_USE_MESSAGE").is_some_and(|text| text == "true");
    if let Some(field) = app.get("kill_signal") {
        let text = field.node.value.to_bytes();
        match Signal::parse(&text.display()) {
            Ok(signal) => policy.signal = signal,
            Err(_) => drop(app.refuse::<()>(field, "a signal such as \"SIGTERM\" or 15")),
        }
    }
    if let Some(span) = app.span("kill_timeout") {
        policy.timeout = span;
    }
    if let Some(tree) = app.switch("treekill") {
        policy.tree = tree;
    }
    if let Some(by_message) = app.switch("shutdown_with_message") {
        policy.by_message = by_message;
    }
    policy
}

/// How many instances: PM2's `max` and 0 are all CPUs, a negative number all but so many.
pub(crate) fn instances(app: &mut App<'_>, cpus: u16) -> Option<u16> {
    const WHAT: &str = "a number of instances or \"max\"";
    let field = app.get("instances")?;
    let value = &field.node.value;
    let number = match (whole(value), value.as_text().map(ByteString::as_bytes)) {
        (Some(number), _) => number,
        (None, Some(b"max")) => 0,
        (None, Some(text)) => {
            let message = format!("`instances` {} is taken as \"max\", as in PM2", quoted(text));
            app.findings.add(Finding::warning(field.node.at, message).hint("write a number"));
            0
        }
        (None, None) => return app.refuse(field, WHAT),
    };
    if number > 0 {
        let count = u16::try_from(number).ok();
        return count.or_else(|| app.refuse(field, "at most 65535"));
    }
    let left = i128::from(cpus).saturating_add(number).max(1);
    Some(u16::try_from(left).unwrap_or(1))
}

/// `instance_var` (PM2's variable for all apps: `PM2_PROCESS_INSTANCE_VAR`) and `increment_var`.
pub(crate) fn variables(app: &mut App<'_>, env: &Environment) -> (ByteString, Option<ByteString>) {
    let instance = variable(app, "instance_var");
    let increment = variable(app, "increment_var");
    let knob = || env.get("PM2_PROCESS_INSTANCE_VAR").filter(|name| !name.is_empty()).cloned();
    let usual = || ByteString::from("NODE_APP_INSTANCE");
    (instance.or_else(knob).unwrap_or_else(usual), increment)
}

fn variable(app: &mut App<'_>, key: &'static str) -> Option<ByteString> {
    let text = app.text(key)?;
    if text.contains(['=', '\0']) {
        let field = app.get(key)?;
        return app.refuse(field, "the name of a variable");
    }
    Some(ByteString::from(text))
}
