//! What is going to be done, or was changed: one line an app.

use crate::called;
use crate::console::Look;
use crate::render::text::{Paint, safe_text};

/// One app of a config, or one gone from it.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Planned {
    /// The app.
    pub(crate) name: String,
    /// What is done with it.
    pub(crate) step: Step,
    /// What differs, each in a few words, secrets masked.
    #[serde(rename = "changes")]
    pub(crate) edits: Vec<String>,
}

/// What is done with an app of a config.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Step {
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
        return "nothing to apply\n".into();
    }
    plan.iter().map(|one| line(one, look, true)).collect()
}

/// What was different, beside the outcomes that say what was done.
pub(crate) fn changes(changes: &[Planned], look: Look) -> String {
    changes.iter().map(|one| line(one, look, false)).collect()
}

fn line(one: &Planned, look: Look, is_plan: bool) -> String {
    let (sign, paint, word) = match one.step {
        Step::Start => ("+", Paint::Good, "start"),
        Step::Add => ("+", Paint::Good, "add, not started"),
        Step::Restart => ("~", Paint::Wait, "restart"),
        Step::Reload => ("~", Paint::Wait, "reload"),
        Step::Change => ("~", Paint::Good, "change while it runs"),
        Step::Keep => ("=", Paint::Dim, "unchanged"),
        Step::Remove => ("-", Paint::Bad, "remove"),
        Step::Gone => ("!", Paint::Wait, "it is known but not in its file any more"),
    };
    let sign = if !is_plan && one.step != Step::Gone { "~" } else { sign };
    let name = Paint::Key.on(&safe_text(&one.name), look.colour);
    let mut parts = Vec::new();
    if is_plan || one.step == Step::Gone {
        parts.push(word.to_owned());
    }
    if !one.edits.is_empty() {
        parts.push(safe_text(&one.edits.join(", ")));
    }
    if one.step == Step::Gone {
        let (program, name) = (called::name(), safe_text(&one.name));
        parts.push(format!("`{program} delete {name}`, or `{program} apply --prune`, removes it"));
    }
    format!("{} {name}: {}\n", paint.on(sign, look.colour), parts.join(": "))
}
