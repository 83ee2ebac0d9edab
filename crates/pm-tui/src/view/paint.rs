//! Pieces every part draws with.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

/// The title of a pane: a rule with text in it, the right part only where it fits.
pub(super) fn title(
    area: Rect,
    left: Vec<Span<'_>>,
    right: Vec<Span<'_>>,
    rule: Style,
    buffer: &mut Buffer,
) {
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
pub(super) fn put(area: Rect, line: &Line<'_>, buffer: &mut Buffer) -> u16 {
    if area.is_empty() {
        return area.x;
    }
    buffer.set_line(area.x, area.y, line, area.width).0
}

/// The first row of an area.
pub(super) fn first_row(area: Rect) -> Rect {
    Rect { height: area.height.min(1), ..area }
}

/// Makes an area blank before something is laid over it.
pub(super) fn blank(area: Rect, style: Style, buffer: &mut Buffer) {
    for row in area.rows() {
        for cell in row.columns() {
            buffer[(cell.x, cell.y)].reset();
        }
    }
    buffer.set_style(area, style);
}
