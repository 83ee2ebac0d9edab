//! The help page, drawn from the key table.

use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::paint::{Canvas, from};
use crate::keys::{Binding, KEYS, SECTIONS};
use crate::layout::overlay;
use crate::theme::Theme;

/// Columns of one column of help: keys, help, and a gap.
const WIDTH: u16 = 62;
const KEY_WIDTH: usize = 16;

/// The page as it stands on a screen.
struct HelpPage {
    area: Rect,
    body: Rect,
    /// One or two columns of lines.
    columns: Vec<Vec<Line<'static>>>,
}

impl HelpPage {
    fn new(theme: &Theme, screen: Rect) -> Self {
        let sections = sections(theme);
        let rows: usize = sections.iter().map(Vec::len).sum();
        let (mut columns, mut width, mut height) = (vec![Vec::new()], WIDTH + 2, rows + 2);
        if screen.width >= 2 * WIDTH + 2 {
            (width, height) = (2 * WIDTH + 2, rows.div_ceil(2) + 10);
            columns.push(Vec::new());
        }
        let last = columns.len() - 1;
        for section in sections {
            let column = if columns[0].len() < rows / 2 { 0 } else { last };
            columns[column].extend(section);
        }
        // Stripes of what lies below would only disturb.
        let width = if screen.width < width + 30 { screen.width } else { width };
        let area = overlay(screen, width, u16::try_from(height).unwrap_or(u16::MAX));
        let body = Rect {
            x: area.x + 1.min(area.width),
            y: area.y + 1.min(area.height),
            width: area.width.saturating_sub(2),
            height: area.height.saturating_sub(1),
        };
        Self { area, body, columns }
    }

    fn hidden_rows(&self) -> usize {
        let rows = self.columns.iter().map(Vec::len).max().unwrap_or(0);
        rows.saturating_sub(usize::from(self.body.height))
    }
}

/// How many rows don't fit a screen.
pub(super) fn hidden_rows(theme: &Theme, screen: Rect) -> usize {
    HelpPage::new(theme, screen).hidden_rows()
}

pub(super) fn draw(canvas: &mut Canvas<'_>, top: usize) {
    let page = HelpPage::new(&canvas.theme, canvas.buffer.area);
    for at in page.area.positions() {
        canvas.buffer[at].reset();
    }
    canvas.buffer.set_style(page.area, canvas.theme.text);
    let hidden = page.hidden_rows();
    let top = top.min(hidden);
    let more = Span::styled(if hidden > top { " ↓ more " } else { "" }, canvas.theme.passing);
    let left = vec![Span::styled(" keys ", canvas.theme.focus)];
    let right = vec![more, Span::styled(" esc closes ", canvas.theme.dim)];
    canvas.title(page.area, left, right);
    for (index, lines) in (0_u16..).zip(page.columns) {
        let area = from(page.body, index * WIDTH);
        let area = Rect { width: area.width.min(WIDTH), ..area };
        for (line, row) in lines.iter().skip(top).zip(area.rows()) {
            canvas.line(row, line);
        }
    }
}

fn sections(theme: &Theme) -> Vec<Vec<Line<'static>>> {
    SECTIONS
        .into_iter()
        .map(|section| {
            let heading = Line::from(Span::styled(section, theme.title));
            let keys = KEYS.iter().filter(|binding| binding.section == section);
            let end = std::iter::once(Line::default());
            std::iter::once(heading).chain(keys.map(|one| line(theme, one))).chain(end).collect()
        })
        .collect()
}

fn line(theme: &Theme, binding: &Binding) -> Line<'static> {
    let names: Vec<_> = binding.keys.iter().map(|chord| chord.name()).collect();
    let names = names.join(" ");
    let padding = KEY_WIDTH.saturating_sub(Span::raw(names.as_str()).width());
    Line::from(vec![
        Span::styled(format!("  {names}{}", " ".repeat(padding)), theme.key),
        Span::styled(binding.help, theme.text),
    ])
}
