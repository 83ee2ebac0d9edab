//! The model drawn, read-only. Every part draws only inside the area it is given.

mod chart;
mod detail;
mod footer;
mod header;
mod help;
mod list;
mod logs;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::layout::layout;
use crate::model::{Mode, Model, Pane};
use crate::theme::Theme;

/// Draws the whole screen.
pub fn view(model: &Model, frame: &mut Frame<'_>) {
    let layout = layout(frame.area(), model);
    let theme = model.theme.theme();
    let buffer = frame.buffer_mut();
    buffer.set_style(buffer.area, theme.text);
    header::draw(model, &theme, layout.header, buffer);
    fence(&theme, layout.fence, buffer);
    list::draw(model, &theme, &layout, buffer);
    logs::draw(model, &theme, &layout, buffer);
    detail::draw(model, &theme, &layout, buffer);
    let cursor = footer::draw(model, &theme, layout.footer, buffer);
    if let Mode::Help { top } = model.mode {
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
        Mode::Help { .. } => help::hidden_rows(&model.theme.theme(), model.area()),
        Mode::Main | Mode::Typing(..) | Mode::Asking(_) => 0,
    }
}

fn fence(theme: &Theme, area: Rect, buffer: &mut Buffer) {
    for row in area.rows() {
        buffer.set_stringn(row.x, row.y, "│", usize::from(row.width), theme.rule);
    }
}

/// The title of a pane: a rule with text in it, the right part only where it fits.
fn title(area: Rect, left: Vec<Span<'_>>, right: Vec<Span<'_>>, rule: Style, buffer: &mut Buffer) {
    let width = usize::from(area.width);
    buffer.set_stringn(area.x, area.y, "─".repeat(width), width, rule);
    let (left, right) = (Line::from(left), Line::from(right));
    let end = put(
        Rect { x: area.x + 1.min(area.width), width: area.width.saturating_sub(1), ..area },
        &left,
        buffer,
    );
    let room = area.right().saturating_sub(end);
    let wanted = u16::try_from(right.width()).unwrap_or(u16::MAX);
    if wanted > 0 && wanted.saturating_add(2) <= room {
        put(Rect { x: area.right() - wanted - 1, width: wanted, ..area }, &right, buffer);
    }
}

/// Puts a line into the first row of an area; gives the column after it.
fn put(area: Rect, line: &Line<'_>, buffer: &mut Buffer) -> u16 {
    if area.is_empty() {
        return area.x;
    }
    buffer.set_line(area.x, area.y, line, area.width).0
}

/// The first row of an area.
fn first_row(area: Rect) -> Rect {
    Rect { height: area.height.min(1), ..area }
}

/// Makes an area blank before something is laid over it.
fn blank(area: Rect, style: Style, buffer: &mut Buffer) {
    for row in area.rows() {
        for cell in row.columns() {
            buffer[(cell.x, cell.y)].reset();
        }
    }
    buffer.set_style(area, style);
}

#[cfg(test)]
#[path = "view_tests.rs"]
mod tests;
