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

use crate::keys::Pane;
use crate::layout::layout;
use crate::model::{InputMode, Model};
use paint::Canvas;

/// Draws the whole screen.
pub fn view(model: &Model, frame: &mut Frame<'_>) {
    let (theme, layout) = (model.theme.theme(), layout(frame.area(), model));
    let mut canvas = Canvas { model, theme, layout, buffer: frame.buffer_mut() };
    canvas.buffer.set_style(canvas.buffer.area, canvas.theme.text);
    for row in canvas.layout.divider.rows() {
        canvas.text(row, "│", canvas.theme.rule);
    }
    header::draw(&mut canvas);
    list::draw(&mut canvas);
    logs::draw(&mut canvas);
    detail::draw(&mut canvas);
    let cursor = footer::draw(&mut canvas);
    if let InputMode::Help { top } = model.mode {
        help::draw(&mut canvas, top);
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
    let is_shown = matches!(model.mode, InputMode::Help { .. });
    if is_shown { help::hidden_rows(&model.theme.theme(), model.area()) } else { 0 }
}

#[cfg(test)]
#[path = "view_tests.rs"]
mod tests;
