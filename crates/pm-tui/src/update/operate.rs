//! Operations on what is chosen.

use std::collections::BTreeSet;

use pm_protocol::Status;

use crate::instances::MonitoredInstance;
use crate::message::{Effect, Operation, Verb};
use crate::model::{InputMode, Model, Tone};

/// Builds an operation for what is chosen; what destroys something asks first.
pub(super) fn operate(model: &mut Model, verb: Verb, effects: &mut Vec<Effect>) {
    let chosen: Vec<&MonitoredInstance> = model
        .instances
        .chosen()
        .into_iter()
        .filter(|one| verb != Verb::Start || is_down(one.row.status))
        .collect();
    let chosen = if matches!(verb, Verb::Scale(_)) { one_of_each_app(chosen) } else { chosen };
    let ids: Vec<u32> = chosen.iter().map(|one| one.row.id).collect();
    let label = match chosen.as_slice() {
        [] => {
            let text = if verb == Verb::Start && model.instances.all().len() > 0 {
                "it is up already; r restarts"
            } else {
                "nothing is chosen"
            };
            return model.notify(text, Tone::Neutral);
        }
        [one] => format!("{} ({})", one.row.name, one.row.id),
        many => format!("{} instances", many.len()),
    };
    let operation = Operation { verb, ids, label };
    if matches!(verb, Verb::Delete | Verb::Flush) {
        model.mode = InputMode::Asking(operation);
    } else {
        perform(model, operation, effects);
    }
}

/// Scaling is about apps: two instances of one are one wish.
fn one_of_each_app(chosen: Vec<&MonitoredInstance>) -> Vec<&MonitoredInstance> {
    let mut seen = BTreeSet::new();
    chosen.into_iter().filter(|one| seen.insert((&one.row.namespace, &one.row.name))).collect()
}

fn is_down(status: Status) -> bool {
    matches!(status, Status::Stopped | Status::Errored | Status::WaitingRestart | Status::Stopping)
}

pub(super) fn perform(model: &mut Model, operation: Operation, effects: &mut Vec<Effect>) {
    if model.running.contains(&operation) {
        return model.notify("that is being done already", Tone::Neutral);
    }
    model.notice = None;
    model.running.push(operation.clone());
    effects.push(Effect::Perform(operation));
}
