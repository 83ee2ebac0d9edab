//! What is going to be done, or was changed: one line an app.

use serde_json::Value;

use crate::called;
use crate::console::Look;
use crate::render::text::{Paint, safe_text};
use crate::words::say;

/// One app of a config, or one gone from it.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Planned {
    /// The app.
    pub(crate) name: String,
    /// What is done with it.
    pub(crate) step: PlanStep,
    /// What differs, each in a few words, secrets masked.
    #[serde(rename = "changes")]
    pub(crate) edits: Vec<String>,
    /// All of a new app, secrets masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) spec: Option<Value>,
}

/// What is done with an app of a config.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PlanStep {
    /// It is new or down and comes up.
    Start,
    /// It becomes known (`autostart: false`).
    Add,
    /// It gets new runs.
    Restart,
    /// It gets new runs, one after the other.
    Reload,
    /// It runs on by new rules.
    Change,
    /// Nothing.
    Keep,
    /// It is gone from its file, and left alone.
    Gone,
    /// It is gone from its file, and removed.
    Remove,
}

/// What would be done.
pub(crate) fn plan(plan: &[Planned], look: Look) -> String {
    if plan.is_empty() {
        return say("nothing to apply").into_owned() + "\n";
    }
    plan.iter().map(|one| line(one, look, true)).collect()
}

/// What was different, beside the outcomes that say what was done.
pub(crate) fn changes(changes: &[Planned], look: Look) -> String {
    changes.iter().map(|one| line(one, look, false)).collect()
}

fn line(one: &Planned, look: Look, is_plan: bool) -> String {
    let (sign, paint, word) = match one.step {
        PlanStep::Start => ("+", Paint::Good, "start"),
        PlanStep::Add => ("+", Paint::Good, "add, not started"),
        PlanStep::Restart => ("~", Paint::Wait, "restart"),
        PlanStep::Reload => ("~", Paint::Wait, "reload"),
        PlanStep::Change => ("~", Paint::Good, "change while it runs"),
        PlanStep::Keep => ("=", Paint::Dim, "unchanged"),
        PlanStep::Remove => ("-", Paint::Bad, "remove"),
        PlanStep::Gone => ("!", Paint::Wait, "it is known but not in its file any more"),
    };
    let sign = if !is_plan && one.step != PlanStep::Gone { "~" } else { sign };
    let name = Paint::Key.on(&safe_text(&one.name), look.colour);
    let mut parts = Vec::new();
    if is_plan || one.step == PlanStep::Gone {
        parts.push(say(word).into_owned());
    }
    if !one.edits.is_empty() {
        parts.push(safe_text(&one.edits.join(", ")));
    }
    if one.step == PlanStep::Gone {
        let (program, name) = (called::name(), safe_text(&one.name));
        let cure = format!("`{program} delete {name}`, or `{program} apply --prune`, removes it");
        parts.push(say(&cure).into_owned());
    }
    format!("{} {name}: {}\n", paint.on(sign, look.colour), parts.join(": "))
}
