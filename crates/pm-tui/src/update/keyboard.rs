//! What keys do.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::operate::{operate, perform};
use super::typing;
use crate::instances::{ListColumn, Sort};
use crate::keys::{KeyAction, Keyset, Motion, Pane, meaning};
use crate::log_buffers::Direction;
use crate::message::Effect;
use crate::model::{InputMode, Model, Prompt, Tone};

/// Columns an unwrapped line is shifted at once.
const SHIFT: isize = 16;

pub(super) fn key(model: &mut Model, event: KeyEvent, effects: &mut Vec<Effect>) {
    let keyset = model.keyset();
    match (keyset, meaning(keyset, event)) {
        (Keyset::Main, Some(action)) => main(model, action, effects),
        (Keyset::Typing, Some(action)) => typing::edit(model, action, effects),
        (Keyset::Typing, None) => {
            let plain = !event.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
            if let KeyCode::Char(c) = event.code
                && plain
                && event.is_press()
            {
                typing::insert(model, &c.to_string());
            }
        }
        (Keyset::Asking, Some(action)) => {
            if let InputMode::Asking(operation) = std::mem::take(&mut model.mode)
                && action == KeyAction::Yes
            {
                perform(model, operation, effects);
            }
        }
        (Keyset::Helping, Some(action)) => help(model, action, effects),
        (Keyset::Asking | Keyset::Helping | Keyset::Main, None) => {}
    }
}

fn main(model: &mut Model, action: KeyAction, effects: &mut Vec<Effect>) {
    let sorted = model.instances.sort.column;
    match action {
        KeyAction::Quit => effects.push(Effect::Quit),
        KeyAction::Redraw => effects.push(Effect::Redraw),
        KeyAction::Suspend => effects.push(Effect::Suspend),
        KeyAction::Help => model.mode = InputMode::Help { top: 0 },
        KeyAction::Operate(verb) => operate(model, verb, effects),
        KeyAction::Scale if !model.instances.chosen().is_empty() => {
            typing::ask(model, Prompt::Scale);
        }
        KeyAction::Find => {
            let logs = model.focus == Pane::Logs;
            typing::ask(model, if logs { Prompt::LogSearch } else { Prompt::ListFilter });
        }
        KeyAction::FilterLogs => typing::ask(model, Prompt::LogFilter),
        KeyAction::NextMatch(direction) => next_match(model, direction),
        KeyAction::Mark => {
            model.instances.mark();
            model.instances.move_by(1);
        }
        KeyAction::MarkAll => model.instances.mark_all(),
        KeyAction::SortNext => order_by(model, sorted.next(Direction::Down)),
        KeyAction::SortPrevious => order_by(model, sorted.next(Direction::Up)),
        KeyAction::SortReverse => order_by(model, sorted),
        KeyAction::NextTheme => {
            model.theme = model.theme.next();
            model.notify(&format!("theme {}", model.theme.name()), Tone::Neutral);
        }
        KeyAction::ToggleDetail => toggle_detail(model),
        KeyAction::ToggleZoom => model.zoom = !model.zoom,
        KeyAction::LogsAlone => (model.focus, model.zoom) = (Pane::Logs, true),
        KeyAction::ToggleFollow => toggle_follow(model),
        KeyAction::ToggleWrap => toggle_wrap(model),
        KeyAction::ToggleTimes => model.log.times = !model.log.times,
        KeyAction::NextStreams => model.log.next_stream(),
        KeyAction::Back => back(model),
        KeyAction::NextPane => pane(model, 1),
        KeyAction::PreviousPane => pane(model, Pane::ALL.len() - 1),
        KeyAction::Move(motion) => go(model, motion),
        KeyAction::Scale | KeyAction::Yes | KeyAction::No | KeyAction::Edit(_) => {}
    }
}

/// Orders by this column; a second time the other way round.
pub(super) fn order_by(model: &mut Model, column: ListColumn) {
    let reversed = model.instances.sort.column == column && !model.instances.sort.reversed;
    model.instances.sort = Sort { column, reversed };
    model.instances.rearrange();
}

fn toggle_detail(model: &mut Model) {
    let shown = !model.layout().detail.is_empty();
    model.detail = Some(!shown);
    if shown && model.focus == Pane::Detail {
        model.focus = Pane::List;
    }
}

fn toggle_follow(model: &mut Model) {
    if model.log.follows() {
        let viewport = model.layout().log_viewport(model);
        model.log.hold(viewport);
    } else {
        model.log.follow();
    }
}

fn toggle_wrap(model: &mut Model) {
    model.log.wrap = !model.log.wrap;
    if let Some(buffer) = model.log.buffer_mut() {
        buffer.left = 0;
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
        model.log.refilter();
    } else if model.focus != Pane::List {
        model.focus = Pane::List;
    } else if !model.instances.filter.is_empty() {
        model.instances.filter.clear();
        model.instances.rearrange();
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

fn go(model: &mut Model, motion: Motion) {
    let layout = model.layout();
    let page = layout.body(model.focus).height.saturating_sub(1).max(1);
    let sideways = matches!(motion, Motion::Left | Motion::Right);
    if sideways && (model.focus != Pane::Logs || model.log.wrap) {
        return pane(model, if motion == Motion::Left { Pane::ALL.len() - 1 } else { 1 });
    }
    if !sideways {
        return move_in(model, model.focus, rows(motion, page));
    }
    if let Some(buffer) = model.log.buffer_mut() {
        let by = if motion == Motion::Left { -SHIFT } else { SHIFT };
        buffer.left = buffer.left.saturating_add_signed(by).min(16 << 10);
    }
}

/// How many rows a motion goes down where a page has so many; to the side is as far as can be.
fn rows(motion: Motion, page: u16) -> isize {
    match motion {
        Motion::Up => -1,
        Motion::Down => 1,
        Motion::PageUp => -isize::try_from(page).unwrap_or(1),
        Motion::PageDown => isize::try_from(page).unwrap_or(1),
        Motion::Top | Motion::Left => isize::MIN / 2,
        Motion::Bottom | Motion::Right => isize::MAX / 2,
    }
}

/// Moves a pane's cursor or window by so many lines; far enough means the start or the end.
pub(super) fn move_in(model: &mut Model, pane: Pane, by: isize) {
    let viewport = model.layout().log_viewport(model);
    let far = by.unsigned_abs() > 1 << 20;
    match pane {
        Pane::List => model.instances.move_by(by),
        Pane::Logs if far && by < 0 => model.log.rewind(viewport),
        Pane::Logs if far => model.log.follow(),
        Pane::Logs => model.log.scroll(by, viewport),
        Pane::Detail => {
            let rows = crate::view::detail_rows(model);
            let height = usize::from(model.layout().body(Pane::Detail).height);
            let most = rows.saturating_sub(height);
            model.detail_top = model.detail_top.saturating_add_signed(by).min(most);
        }
    }
}

fn next_match(model: &mut Model, direction: Direction) {
    if model.log.search.is_empty() {
        return typing::ask(model, Prompt::LogSearch);
    }
    let viewport = model.layout().log_viewport(model);
    let from = match (model.log.buffer().and_then(|buffer| buffer.found), direction) {
        (Some(found), _) => found,
        // The first look goes upwards from what is seen: the latest is wanted first.
        (None, _) => model.log.top(viewport).map_or(u64::MAX, |top| {
            top.line.saturating_add(u64::try_from(viewport.height).unwrap_or(0))
        }),
    };
    typing::show_match(model, from, direction);
}

fn help(model: &mut Model, action: KeyAction, effects: &mut Vec<Effect>) {
    let page = model.size.1.saturating_sub(4).max(1);
    let InputMode::Help { top } = &mut model.mode else { return };
    if let KeyAction::Move(motion) = action {
        *top = top.saturating_add_signed(rows(motion, page));
    } else if action == KeyAction::Quit {
        effects.push(Effect::Quit);
    } else {
        model.mode = InputMode::Main;
    }
}
