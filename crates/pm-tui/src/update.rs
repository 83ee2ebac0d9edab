//! Messages in, model out, and what is to be done about it. No clock, no file, no terminal.

mod keyboard;
mod mouse;
mod typing;

use pm_protocol::{Change, Outcome, What};

use crate::format::{clean, count};
use crate::log_buffers::Group;
use crate::message::{Action, Command, End, Link, Msg};
use crate::model::{Mode, Model, Notice, Pane, Tone};

/// Groups of more instances than this would follow more files than anyone reads.
const MOST_FOLLOWED: usize = 32;
/// A description on the screen is asked for again after so long.
const STALE: u64 = 3_000;
/// How long good news is shown, and bad.
const PASSING: u64 = 5_000;
const PASSING_BAD: u64 = 12_000;

/// Takes one message and tells what to do outside.
pub fn update(model: &mut Model, msg: Msg) -> Vec<Action> {
    let mut actions = Vec::new();
    match msg {
        Msg::Clock(now) => clock(model, now),
        Msg::Key(event) => keyboard::key(model, event, &mut actions),
        Msg::Mouse(event) => mouse::mouse(model, event),
        Msg::Paste(text) => typing::paste(model, &text),
        Msg::Resize(width, height) => model.size = (width, height),
        Msg::Link(link) => linked(model, link),
        Msg::News(change) => news(model, change, &mut actions),
        Msg::Described(id, description) => described(model, id, description, &mut actions),
        Msg::Lines(lines) => model.log.add(lines),
        Msg::LogTrouble(group, text) => model.log.trouble(&group, text),
        Msg::Done(command, end) => done(model, &command, end),
        Msg::Leave => actions.push(Action::Quit),
    }
    settle(model, &mut actions);
    actions
}

fn clock(model: &mut Model, now: u64) {
    model.now = now;
    if model.notice.as_ref().is_some_and(|notice| notice.until <= now) {
        model.notice = None;
    }
}

fn linked(model: &mut Model, link: Link) {
    if link == Link::NoDaemon {
        // Nobody vouches for what we know any more.
        model.instances.replace(Vec::new());
    }
    model.link = link;
}

fn news(model: &mut Model, change: Change, actions: &mut Vec<Action>) {
    match change {
        Change::Snapshot(rows) => {
            model.link = Link::Live;
            model.instances.replace(rows);
            // Whatever we knew may have changed while we were not told.
            model.described = None;
            if !model.log.group.is_empty() {
                actions.push(Action::Follow(model.log.group.clone()));
            }
        }
        Change::Changed(row) => {
            if model.described == Some(row.id) {
                actions.push(Action::Describe(row.id));
            }
            model.instances.change(row);
        }
        Change::Removed(id) => model.instances.remove(id),
        Change::Usage(usages) => {
            let processes = |model: &Model| {
                model.instances.under_cursor().map(|one| (one.row.id, one.row.usage.processes))
            };
            let before = processes(model);
            model.instances.weigh(&usages);
            // Another number of processes means other pids in the detail pane; and some come and go in pairs.
            let stale = model.now.saturating_sub(model.described_at) >= STALE;
            let stale = stale && !model.layout().detail.is_empty();
            if let Some((id, _)) = processes(model).filter(|after| stale || Some(*after) != before)
                && model.described == Some(id)
            {
                model.described_at = model.now;
                actions.push(Action::Describe(id));
            }
        }
        Change::Host(host) => {
            model.host_cpu.push(host.cpu);
            model.host_memory.push(share(host.memory_used, host.memory_total));
            model.host = Some(host);
        }
        Change::Leaving => model.link = Link::Reconnecting,
    }
}

/// Per cent of a whole.
pub(crate) fn share(part: u64, whole: u64) -> f32 {
    if whole == 0 {
        return 0.0;
    }
    let thousandths = u128::from(part) * 1000 / u128::from(whole);
    f32::from(u16::try_from(thousandths).unwrap_or(u16::MAX)) / 10.0
}

fn described(
    model: &mut Model,
    id: u32,
    description: Option<Box<pm_protocol::Description>>,
    actions: &mut Vec<Action>,
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
        actions.push(Action::Follow(model.log.group.clone()));
    }
}

fn done(model: &mut Model, command: &Command, end: End) {
    if let Some(at) = model.running.iter().position(|running| running == command) {
        model.running.remove(at);
    }
    let (text, tone) = match end {
        End::Outcomes(outcomes) => summary(command, &outcomes),
        End::Flushed(files) => {
            model.log.clear(&command.ids);
            (format!("{} emptied", count(files, "log file")), Tone::Good)
        }
        End::Failed(why, hint) => {
            let hint = hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
            (
                format!("could not {} {}: {why}{hint}", command.verb.order(), command.label),
                Tone::Bad,
            )
        }
    };
    say(model, &text, tone);
}

/// One line about all outcomes; failures first, for they are what matters.
fn summary(command: &Command, outcomes: &[Outcome]) -> (String, Tone) {
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
            _ => (format!("{} {}", command.verb.done(), command.label), Tone::Good),
        };
    };
    let others = match failures.len() - 1 {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    let verb = command.verb.order();
    (format!("could not {verb} {} ({}): {why}{others}", outcome.name, outcome.id), Tone::Bad)
}

fn say(model: &mut Model, text: &str, tone: Tone) {
    let lasts = if tone == Tone::Bad { PASSING_BAD } else { PASSING };
    model.notice = Some(Notice {
        text: clean(text).into_owned(),
        tone,
        until: model.now.saturating_add(lasts),
    });
}

/// Makes all parts agree again after a message: what has the keys is visible, the cursor is in the window, the
/// pane of logs and the pane of details are about what is chosen.
fn settle(model: &mut Model, actions: &mut Vec<Action>) {
    let layout = model.layout();
    if layout.pane(model.focus).is_empty() {
        model.focus = Pane::List;
    }
    let layout = model.layout();
    model.instances.keep_visible(usize::from(layout.list_lines().height));
    let group: Group =
        model.instances.chosen().iter().map(|one| one.row.id).take(MOST_FOLLOWED).collect();
    if group != model.log.group {
        let forgotten = model.log.open(group.clone());
        actions.extend(forgotten.into_iter().map(Action::Forget));
        actions.push(Action::Follow(group));
    }
    let shown = model.instances.under_cursor().map(|one| one.row.id);
    if shown != model.described {
        if model.description.as_ref().is_some_and(|known| Some(known.row.id) != shown) {
            model.description = None;
            model.detail_top = 0;
        }
        (model.described, model.described_at) = (shown, model.now);
        actions.extend(shown.map(Action::Describe));
    }
    let hidden = crate::view::detail_rows(model).saturating_sub(1);
    model.detail_top = model.detail_top.min(hidden);
    let most = crate::view::help_rows(model);
    if let Mode::Help { top } = &mut model.mode {
        *top = (*top).min(most);
    }
}

#[cfg(test)]
#[path = "update_tests.rs"]
mod tests;
