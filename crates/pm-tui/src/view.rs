//! The model drawn, read-only. Every part draws only inside the area it is given.

mod chart;
mod detail;
mod footer;
mod header;
mod help;
mod list;
mod logs;
mod paint;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::keys::Pane;
use crate::layout::layout;
use crate::model::{InputMode, Model};
use crate::theme::Theme;

/// Draws the whole screen.
pub fn view(model: &Model, frame: &mut Frame<'_>) {
    let layout = layout(frame.area(), model);
    let theme = model.theme.theme();
    let buffer = frame.buffer_mut();
    buffer.set_style(buffer.area, theme.text);
    header::draw(model, &theme, layout.header, buffer);
    divider(&theme, layout.divider, buffer);
    list::draw(model, &theme, &layout, buffer);
    logs::draw(model, &theme, &layout, buffer);
    detail::draw(model, &theme, &layout, buffer);
    let cursor = footer::draw(model, &theme, layout.footer, buffer);
    if let InputMode::Help { top } = model.mode {
        help::draw(&theme, top, buffer);
    }
    if let Some(cursor) = cursor {
        frame.set_cursor_position(cursor);
    }
}

/// How many rows the details have in the room they are given now; 0 where they are not shown.
pub(crate) fn detail_rows(model: &Model) -> usize {
    let body = model.layout().body(Pane::Detail);
    if body.is_empty() { 0 } else { detail::rows(model, &model.theme.theme(), body).len() }
}

/// How many rows of help don't fit the screen.
pub(crate) fn help_rows(model: &Model) -> usize {
    match model.mode {
        InputMode::Help { .. } => help::hidden_rows(&model.theme.theme(), model.area()),
        InputMode::Main | InputMode::Typing(..) | InputMode::Asking(_) => 0,
    }
}

fn divider(theme: &Theme, area: Rect, buffer: &mut Buffer) {
    for row in area.rows() {
        buffer.set_stringn(row.x, row.y, "│", usize::from(row.width), theme.rule);
    }
}

#[cfg(test)]
#[path = "view_tests.rs"]
mod tests;
