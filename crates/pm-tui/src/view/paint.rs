//! What every part draws with.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::keys::Pane;
use crate::layout::ScreenLayout;
use crate::model::Model;
use crate::theme::Theme;

/// A screen being drawn.
pub(super) struct Canvas<'a> {
    pub(super) model: &'a Model,
    pub(super) theme: Theme,
    pub(super) layout: ScreenLayout,
    pub(super) buffer: &'a mut Buffer,
}

impl Canvas<'_> {
    /// Puts text into the first row of an area; gives the column after it.
    pub(super) fn text(&mut self, area: Rect, text: &str, style: Style) -> u16 {
        self.line(area, &Line::styled(text, style))
    }

    /// Puts a line into the first row of an area; gives the column after it.
    pub(super) fn line(&mut self, area: Rect, line: &Line<'_>) -> u16 {
        if area.is_empty() {
            return area.x;
        }
        self.buffer.set_line(area.x, area.y, line, area.width).0
    }

    /// The title of a pane: a rule with text in it, the right part only where it fits.
    pub(super) fn title(&mut self, area: Rect, left: Vec<Span<'_>>, right: Vec<Span<'_>>) {
        self.text(area, &"─".repeat(usize::from(area.width)), self.theme.rule);
        let end = self.line(from(area, 1), &left.into());
        let right = Line::from(right);
        let wanted = u16::try_from(right.width()).unwrap_or(u16::MAX);
        if wanted > 0 && wanted.saturating_add(2) <= area.right().saturating_sub(end) {
            self.line(Rect { x: area.right() - wanted - 1, width: wanted, ..area }, &right);
        }
    }

    /// What a pane is called, so that it shows whether it has the keys.
    pub(super) fn name_of(&self, pane: Pane, name: &'static str) -> Span<'static> {
        let has_keys = self.model.focus == pane;
        Span::styled(name, if has_keys { self.theme.focus } else { self.theme.title })
    }
}

/// An area without its first columns.
pub(super) fn from(area: Rect, columns: u16) -> Rect {
    let columns = columns.min(area.width);
    Rect { x: area.x + columns, width: area.width - columns, ..area }
}
