//! Messages in, model out, and what is to be done about it. No clock, no file, no terminal.

mod keyboard;
mod mouse;
mod operate;
mod typing;

use pm_client::count;
use pm_protocol::{Change, Outcome, What};

use crate::keys::Pane;
use crate::message::LogGroup;
use crate::message::{Effect, LinkState, Msg, Operation, OperationResult};
use crate::model::{InputMode, Model, Tone};
use crate::view;

/// Groups of more instances than this would follow more files than anyone reads.
const MOST_FOLLOWED: usize = 32;
/// A description on the screen is asked for again after so long.
const STALE: u64 = 3_000;
/// Takes one message and tells what to do outside.
pub fn update(model: &mut Model, msg: Msg) -> Vec<Effect> {
    let mut effects = Vec::new();
    match msg {
        Msg::Clock(now) => clock(model, now),
        Msg::Key(event) => keyboard::key(model, event, &mut effects),
        Msg::Mouse(event) => mouse::mouse(model, event),
        Msg::Paste(text) => typing::paste(model, &text),
        Msg::Resize(width, height) => model.size = (width, height),
        Msg::Link(link) => linked(model, link),
        Msg::News(change) => news(model, change, &mut effects),
        Msg::Described(id, description) => described(model, id, description, &mut effects),
        Msg::Lines(lines) => model.log.add(lines),
        Msg::LogTrouble(group, text) => model.log.trouble(&group, text),
        Msg::Done(operation, end) => done(model, &operation, end),
        Msg::Leave => effects.push(Effect::Quit),
    }
    reconcile(model, &mut effects);
    effects
}

fn clock(model: &mut Model, now: u64) {
    model.now = now;
    if model.notice.as_ref().is_some_and(|notice| notice.until <= now) {
        model.notice = None;
    }
}

fn linked(model: &mut Model, link: LinkState) {
    if link == LinkState::NoDaemon {
        // Nobody vouches for what we know any more.
        model.instances.replace(Vec::new());
    }
    model.link = link;
}

fn news(model: &mut Model, change: Change, effects: &mut Vec<Effect>) {
    match change {
        Change::Snapshot(rows) => {
            model.link = LinkState::Live;
            model.instances.replace(rows);
            // Whatever we knew may have changed while we were not told.
            model.described = None;
            if !model.log.group.is_empty() {
                effects.push(Effect::Follow(model.log.group.clone()));
            }
        }
        Change::Changed(row) => {
            if model.described == Some(row.id) {
                effects.push(Effect::Describe(row.id));
            }
            model.instances.change(row);
        }
        Change::Removed(id) => model.instances.remove(id),
        Change::Usage(usages) => {
            let processes = |model: &Model| {
                model.instances.under_cursor().map(|one| (one.row.id, one.row.usage.processes))
            };
            let before = processes(model);
            model.instances.record(usages);
            // Another number of processes means other pids in the detail pane; and some come and go in pairs.
            let stale = model.now.saturating_sub(model.described_at) >= STALE;
            let stale = stale && !model.layout().detail.is_empty();
            if let Some((id, _)) = processes(model).filter(|after| stale || Some(*after) != before)
                && model.described == Some(id)
            {
                model.described_at = model.now;
                effects.push(Effect::Describe(id));
            }
        }
        Change::Host(host) => {
            model.host_cpu.push(host.cpu);
            model.host = Some(host);
        }
        Change::Leaving => model.link = LinkState::Reconnecting,
    }
}

fn described(
    model: &mut Model,
    id: u32,
    description: Option<Box<pm_protocol::Description>>,
    effects: &mut Vec<Effect>,
) {
    if model.described != Some(id) {
        return;
    }
    let files = |model: &Model| {
        model
            .description
            .as_ref()
            .filter(|known| known.row.id == id)
            .map(|known| (known.out.clone(), known.error.clone()))
    };
    let before = files(model);
    model.description = description;
    // New settings may have moved the log files.
    if before.is_some() && files(model) != before && model.log.group.contains(&id) {
        effects.push(Effect::Follow(model.log.group.clone()));
    }
}

fn done(model: &mut Model, operation: &Operation, end: OperationResult) {
    if let Some(at) = model.running.iter().position(|running| running == operation) {
        model.running.remove(at);
    }
    let (text, tone) = match end {
        OperationResult::Outcomes(outcomes) => summary(operation, &outcomes),
        OperationResult::Flushed(files) => {
            model.log.clear(&operation.ids);
            (format!("{} emptied", count(files, "log file")), Tone::Good)
        }
        OperationResult::Failed(why, hint) => {
            let hint = hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
            (
                format!("could not {} {}: {why}{hint}", operation.verb.words()[0], operation.label),
                Tone::Bad,
            )
        }
    };
    model.notify(&text, tone);
}

/// One line about all outcomes; failures first, for they are what matters.
fn summary(operation: &Operation, outcomes: &[Outcome]) -> (String, Tone) {
    let failures: Vec<_> =
        outcomes.iter().filter_map(|outcome| Some((outcome, outcome.what.why()?))).collect();
    let Some((outcome, why)) = failures.first() else {
        return match outcomes {
            [one] if one.what == What::Unchanged => {
                (format!("{} ({}) is so already", one.name, one.id), Tone::Neutral)
            }
            [one] if one.what == What::Superseded => {
                (format!("{} ({}): a later wish came first", one.name, one.id), Tone::Neutral)
            }
            _ => (format!("{} {}", operation.verb.words()[2], operation.label), Tone::Good),
        };
    };
    let others = match failures.len() - 1 {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    let [verb, ..] = operation.verb.words();
    (format!("could not {verb} {} ({}): {why}{others}", outcome.name, outcome.id), Tone::Bad)
}

/// Makes all parts agree again after a message: what has the keys is visible, the cursor is in the window, the
/// pane of logs and the pane of details are about what is chosen.
fn reconcile(model: &mut Model, effects: &mut Vec<Effect>) {
    let layout = model.layout();
    if layout.pane(model.focus).is_empty() {
        model.focus = Pane::List;
    }
    let layout = model.layout();
    model.instances.keep_visible(usize::from(layout.list_lines().height));
    let group: LogGroup =
        model.instances.chosen().iter().map(|one| one.row.id).take(MOST_FOLLOWED).collect();
    if group != model.log.group {
        let forgotten = model.log.open(group.clone());
        effects.extend(forgotten.into_iter().map(Effect::Forget));
        effects.push(Effect::Follow(group));
    }
    let shown = model.instances.under_cursor().map(|one| one.row.id);
    if shown != model.described {
        if model.description.as_ref().is_some_and(|known| Some(known.row.id) != shown) {
            model.description = None;
            model.detail_top = 0;
        }
        (model.described, model.described_at) = (shown, model.now);
        effects.extend(shown.map(Effect::Describe));
    }
    let hidden = view::detail_rows(model).saturating_sub(1);
    model.detail_top = model.detail_top.min(hidden);
    let most = view::help_rows(model);
    if let InputMode::Help { top } = &mut model.mode {
        *top = (*top).min(most);
    }
}

#[cfg(test)]
#[path = "update_tests.rs"]
mod tests;
