//! What the mouse does: choose, mark, order, scroll, move the border.

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::{Position, Rect};

use super::keyboard::{move_in, order_by};
use crate::columns::slots;
use crate::keys::Keyset;
use crate::keys::Pane;
use crate::layout::ScreenLayout;
use crate::model::{InputMode, Model};

/// Lines a turn of the wheel moves.
const WHEEL: isize = 3;

pub(super) fn mouse(model: &mut Model, event: MouseEvent) {
    let at = Position::new(event.column, event.row);
    let layout = model.layout();
    match model.keyset() {
        Keyset::Main | Keyset::Typing => {}
        Keyset::Helping => return help(model, event.kind),
        // A question is answered by a key: a slip of the hand must not delete.
        Keyset::Asking => return,
    }
    match event.kind {
        MouseEventKind::Down(MouseButton::Left) if layout.on_border(at) => {
            model.dragging = true;
            model.focus = layout.hit(at).unwrap_or(model.focus);
        }
        MouseEventKind::Down(button) => click(model, &layout, at, button, event.modifiers),
        MouseEventKind::Drag(MouseButton::Left) if model.dragging => drag(model, layout.shared, at),
        MouseEventKind::Up(_) => model.dragging = false,
        MouseEventKind::ScrollUp => wheel(model, &layout, at, -WHEEL),
        MouseEventKind::ScrollDown => wheel(model, &layout, at, WHEEL),
        MouseEventKind::Drag(_)
        | MouseEventKind::Moved
        | MouseEventKind::ScrollLeft
        | MouseEventKind::ScrollRight => {}
    }
}

fn help(model: &mut Model, kind: MouseEventKind) {
    let InputMode::Help { top } = &mut model.mode else { return };
    if kind == MouseEventKind::ScrollUp {
        *top = top.saturating_add_signed(-WHEEL);
    } else if kind == MouseEventKind::ScrollDown {
        *top = top.saturating_add_signed(WHEEL);
    } else if matches!(kind, MouseEventKind::Down(_)) {
        model.mode = InputMode::Main;
    }
}

fn click(
    model: &mut Model,
    layout: &ScreenLayout,
    at: Position,
    button: MouseButton,
    modifiers: KeyModifiers,
) {
    let Some(pane) = layout.hit(at) else { return };
    model.focus = pane;
    if pane != Pane::List {
        return;
    }
    if layout.list_head().contains(at) {
        return head(model, layout.list_head(), at);
    }
    let lines = layout.list_lines();
    let line = model.instances.offset + usize::from(at.y.saturating_sub(lines.y));
    if lines.contains(at) && line < model.instances.listed_count() {
        model.instances.put(line);
        if button == MouseButton::Right || modifiers.contains(KeyModifiers::CONTROL) {
            model.instances.mark();
        }
    }
}

fn head(model: &mut Model, head: Rect, at: Position) {
    let x = at.x - head.x;
    let slot = slots(head.width, &model.instances)
        .into_iter()
        .find(|slot| (slot.x..slot.x + slot.width).contains(&x));
    if let Some(slot) = slot.filter(|slot| !slot.field.title().is_empty()) {
        order_by(model, slot.field);
    }
}

fn drag(model: &mut Model, shared: Rect, at: Position) {
    let side_by_side = model.layout().side_by_side();
    let (offset, length) = if side_by_side {
        (at.x.saturating_sub(shared.x), shared.width)
    } else {
        (at.y.saturating_sub(shared.y), shared.height)
    };
    // Half a cell more, so that the border lands where the hand is and not one before.
    let thousandths = (u32::from(offset) * 2 + 1) * 500 / u32::from(length.max(1));
    model.split = u16::try_from(thousandths.min(1000)).ok();
}

fn wheel(model: &mut Model, layout: &ScreenLayout, at: Position, by: isize) {
    if let Some(pane) = layout.hit(at) {
        move_in(model, pane, by);
    }
}
