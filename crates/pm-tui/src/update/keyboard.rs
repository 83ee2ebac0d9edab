//! What keys do.

use std::collections::BTreeSet;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use pm_protocol::Status;

use super::{say, typing};
use crate::instances::{Column, Instance, Sort};
use crate::keys::{Answer, Go, Keyset, Order, Show, Switch, order};
use crate::log_buffers::Way;
use crate::message::{Action, Command, Verb};
use crate::model::{Mode, Model, Pane, Purpose, Tone};
use crate::text_input::Input;

/// Columns an unwrapped line is shifted at once.
const SHIFT: usize = 16;

pub(super) fn key(model: &mut Model, event: KeyEvent, actions: &mut Vec<Action>) {
    let keyset = model.keyset();
    let meant = order(keyset, event);
    match (keyset, meant) {
        (Keyset::Main, Some(order)) => main(model, order, actions),
        (Keyset::Typing, Some(Order::Edit(change))) => typing::edit(model, change, actions),
        (Keyset::Typing, _) => {
            let plain = !event.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
            if let KeyCode::Char(c) = event.code
                && plain
                && event.is_press()
            {
                typing::insert(model, &c.to_string());
            }
        }
        (Keyset::Asking, Some(Order::Answer(said))) => answer(model, said, actions),
        (Keyset::Helping, Some(order)) => help(model, order, actions),
        (Keyset::Asking | Keyset::Helping | Keyset::Main, _) => {}
    }
}

fn main(model: &mut Model, order: Order, actions: &mut Vec<Action>) {
    match order {
        Order::Quit => actions.push(Action::Quit),
        Order::Redraw => actions.push(Action::Redraw),
        Order::Suspend => actions.push(Action::Suspend),
        Order::Help => model.mode = Mode::Help { top: 0 },
        Order::Do(verb) => command(model, verb, actions),
        Order::Scale if !model.instances.chosen().is_empty() => {
            model.mode = Mode::Typing(Purpose::Scale, Input::default());
        }
        Order::Find => {
            let logs = model.focus == Pane::Logs;
            typing::ask(model, if logs { Purpose::LogSearch } else { Purpose::ListFilter });
        }
        Order::Filter => typing::ask(model, Purpose::LogFilter),
        Order::Hit(way) => hit(model, way),
        Order::Mark => {
            model.instances.mark();
            model.instances.move_by(1);
        }
        Order::MarkAll => model.instances.mark_all(),
        Order::SortNext => sort(model, 1),
        Order::SortPrevious => sort(model, Column::ALL.len() - 1),
        Order::SortReverse => {
            model.instances.sort.reversed = !model.instances.sort.reversed;
            model.instances.arrange();
        }
        Order::Switch(what) => switch(model, what),
        Order::Show(what) => show(model, what),
        Order::Back => back(model),
        Order::NextPane => pane(model, 1),
        Order::PreviousPane => pane(model, Pane::ALL.len() - 1),
        Order::Go(way) => go(model, way),
        Order::Scale | Order::Answer(_) | Order::Edit(_) => {}
    }
}

fn sort(model: &mut Model, step: usize) {
    let columns = Column::ALL;
    let at = columns.iter().position(|column| *column == model.instances.sort.column).unwrap_or(0);
    let column = columns.get((at + step) % columns.len()).copied().unwrap_or_default();
    order_by(model, column);
}

/// Orders by this column; a second time the other way round.
pub(super) fn order_by(model: &mut Model, column: Column) {
    let reversed = model.instances.sort.column == column && !model.instances.sort.reversed;
    model.instances.sort = Sort { column, reversed };
    model.instances.arrange();
}

fn switch(model: &mut Model, what: Switch) {
    let room = model.layout().log_room(model);
    match what {
        Switch::Wrap => {
            model.log.wrap = !model.log.wrap;
            if let Some(book) = model.log.book_mut() {
                book.left = 0;
            }
        }
        Switch::Times => model.log.times = !model.log.times,
        Switch::Streams => {
            model.log.streams = model.log.streams.next();
            model.log.sift();
        }
        Switch::Follow if model.log.follows() => model.log.hold(room),
        Switch::Follow => model.log.follow(),
    }
}

fn show(model: &mut Model, what: Show) {
    match what {
        Show::Theme => {
            model.theme = model.theme.next();
            let text = format!("theme {}", model.theme.name());
            say(model, &text, Tone::Neutral);
        }
        Show::Detail => {
            let shown = !model.layout().detail.is_empty();
            model.detail = Some(!shown);
            if shown && model.focus == Pane::Detail {
                model.focus = Pane::List;
            }
        }
        Show::Logs => {
            (model.focus, model.zoom) = (Pane::Logs, true);
        }
        Show::Zoom => model.zoom = !model.zoom,
    }
}

/// Steps back from the last thing that narrows what is seen.
fn back(model: &mut Model) {
    if model.notice.take().is_some() {
    } else if model.zoom {
        model.zoom = false;
        model.focus = Pane::List;
    } else if model.focus == Pane::Logs && !model.log.search.is_empty() {
        model.log.search.clear();
    } else if model.focus == Pane::Logs && !model.log.filter.is_empty() {
        model.log.filter.clear();
        model.log.sift();
    } else if model.focus != Pane::List {
        model.focus = Pane::List;
    } else if !model.instances.filter.is_empty() {
        model.instances.filter.clear();
        model.instances.arrange();
    } else {
        model.instances.marks.clear();
    }
}

/// The next pane that is on the screen; where only one fits, all take turns.
fn pane(model: &mut Model, step: usize) {
    let layout = model.layout();
    let alone = Pane::ALL.iter().filter(|pane| !layout.pane(**pane).is_empty()).count() <= 1;
    let at = Pane::ALL.iter().position(|pane| *pane == model.focus).unwrap_or(0);
    let turn = (1..=Pane::ALL.len())
        .filter_map(|turn| Pane::ALL.get((at + turn * step) % Pane::ALL.len()).copied());
    if let Some(next) = turn.into_iter().find(|pane| alone || !layout.pane(*pane).is_empty()) {
        model.focus = next;
    }
}

fn go(model: &mut Model, way: Go) {
    let layout = model.layout();
    let page = layout.body(model.focus).height.saturating_sub(1).max(1);
    let page = isize::try_from(page).unwrap_or(1);
    let by = match way {
        Go::Up => -1,
        Go::Down => 1,
        Go::PageUp => -page,
        Go::PageDown => page,
        Go::Top => isize::MIN / 2,
        Go::Bottom => isize::MAX / 2,
        Go::Left if shifts(model) => return shift(model, |left| left.saturating_sub(SHIFT)),
        Go::Right if shifts(model) => return shift(model, |left| left.saturating_add(SHIFT)),
        Go::Left => return pane(model, Pane::ALL.len() - 1),
        Go::Right => return pane(model, 1),
    };
    let focus = model.focus;
    move_in(model, focus, by);
}

fn shifts(model: &Model) -> bool {
    model.focus == Pane::Logs && !model.log.wrap
}

fn shift(model: &mut Model, change: fn(usize) -> usize) {
    if let Some(book) = model.log.book_mut() {
        book.left = change(book.left).min(16 << 10);
    }
}

/// Moves a pane's cursor or window by so many lines; far enough means the start or the end.
pub(super) fn move_in(model: &mut Model, pane: Pane, by: isize) {
    let room = model.layout().log_room(model);
    let far = by.unsigned_abs() > 1 << 20;
    match pane {
        Pane::List => model.instances.move_by(by),
        Pane::Logs if far && by < 0 => model.log.rewind(room),
        Pane::Logs if far => model.log.follow(),
        Pane::Logs => model.log.scroll(by, room),
        Pane::Detail => {
            let rows = crate::view::detail_rows(model);
            let height = usize::from(model.layout().body(Pane::Detail).height);
            let most = rows.saturating_sub(height);
            model.detail_top = model.detail_top.saturating_add_signed(by).min(most);
        }
    }
}

fn hit(model: &mut Model, way: Way) {
    if model.log.search.is_empty() {
        return typing::ask(model, Purpose::LogSearch);
    }
    let room = model.layout().log_room(model);
    let from = match (model.log.book().and_then(|book| book.found), way) {
        (Some(found), _) => found,
        // The first look goes upwards from what is seen: the latest is wanted first.
        (None, _) => model.log.top(room).map_or(u64::MAX, |top| {
            top.line.saturating_add(u64::try_from(room.height).unwrap_or(0))
        }),
    };
    show_hit(model, from, way);
}

pub(super) fn show_hit(model: &mut Model, from: u64, way: Way) {
    let room = model.layout().log_room(model);
    let found = model.log.next_hit(from.min(u64::MAX - 1), way);
    if let Some(book) = model.log.book_mut() {
        book.found = found;
    }
    if let Some(line) = found {
        model.log.show(line, room);
    } else {
        let text = format!("`{}` is not in these lines", model.log.search);
        say(model, &text, Tone::Neutral);
    }
}

fn answer(model: &mut Model, said: Answer, actions: &mut Vec<Action>) {
    let Mode::Asking(command) = std::mem::take(&mut model.mode) else { return };
    if said == Answer::Yes {
        perform(model, command, actions);
    }
}

fn help(model: &mut Model, order: Order, actions: &mut Vec<Action>) {
    let page = usize::from(model.size.1.saturating_sub(4).max(1));
    let Mode::Help { top } = &mut model.mode else { return };
    if let Order::Go(way) = order {
        match way {
            Go::Up => *top = top.saturating_sub(1),
            Go::Down => *top += 1,
            Go::PageUp => *top = top.saturating_sub(page),
            Go::PageDown => *top += page,
            Go::Top | Go::Left => *top = 0,
            Go::Bottom | Go::Right => *top = usize::MAX,
        }
    } else if order == Order::Quit {
        actions.push(Action::Quit);
    } else {
        model.mode = Mode::Main;
    }
}

/// Builds a command for what is chosen; what destroys something asks first.
pub(super) fn command(model: &mut Model, verb: Verb, actions: &mut Vec<Action>) {
    let chosen: Vec<&Instance> = model
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
            return say(model, text, Tone::Neutral);
        }
        [one] => format!("{} ({})", one.row.name, one.row.id),
        many => format!("{} instances", many.len()),
    };
    let command = Command { verb, ids, label };
    if matches!(verb, Verb::Delete | Verb::Flush) {
        model.mode = Mode::Asking(command);
    } else {
        perform(model, command, actions);
    }
}

/// Scaling is about apps: two instances of one are one wish.
fn one_of_each_app(chosen: Vec<&Instance>) -> Vec<&Instance> {
    let mut seen = BTreeSet::new();
    chosen.into_iter().filter(|one| seen.insert((&one.row.namespace, &one.row.name))).collect()
}

fn is_down(status: Status) -> bool {
    matches!(status, Status::Stopped | Status::Errored | Status::WaitingRestart | Status::Stopping)
}

fn perform(model: &mut Model, command: Command, actions: &mut Vec<Action>) {
    if model.running.contains(&command) {
        return say(model, "that is being done already", Tone::Neutral);
    }
    model.notice = None;
    model.running.push(command.clone());
    actions.push(Action::Perform(command));
}
