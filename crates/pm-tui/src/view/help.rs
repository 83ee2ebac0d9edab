//! The help page, drawn from the key table.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::paint::{blank, put, title};
use crate::keys::{Binding, KEYS, SECTIONS};
use crate::layout::overlay;
use crate::theme::Theme;

/// Columns of one column of help: keys, help, and a gap.
const WIDTH: u16 = 62;
const KEY_WIDTH: usize = 16;

pub(super) fn draw(theme: &Theme, top: usize, buffer: &mut Buffer) {
    let area = place(theme, buffer.area);
    if area.is_empty() {
        return;
    }
    blank(area, theme.text, buffer);
    let (columns, body) = columns(theme, area);
    let hidden =
        columns.iter().map(Vec::len).max().unwrap_or(0).saturating_sub(usize::from(body.height));
    let top = top.min(hidden);
    let more = if hidden > top { " ↓ more " } else { "" };
    let left = vec![Span::styled(" keys ", theme.focus)];
    let right = vec![Span::styled(more, theme.passing), Span::styled(" esc closes ", theme.dim)];
    title(area, left, right, theme.rule, buffer);
    for (index, lines) in (0_u16..).zip(columns) {
        let x = body.x + index * WIDTH;
        for (line, row) in lines.iter().skip(top).zip(body.rows()) {
            put(Rect { x, width: body.right().saturating_sub(x).min(WIDTH), ..row }, line, buffer);
        }
    }
}

/// How many rows don't fit a screen.
pub(super) fn hidden_rows(theme: &Theme, screen: Rect) -> usize {
    let (columns, body) = columns(theme, place(theme, screen));
    let rows = columns.iter().map(Vec::len).max().unwrap_or(0);
    rows.saturating_sub(usize::from(body.height))
}

fn place(theme: &Theme, screen: Rect) -> Rect {
    let two = screen.width >= 2 * WIDTH + 2;
    let rows: usize = sections(theme).iter().map(Vec::len).sum();
    let rows = if two { rows.div_ceil(2) + 8 } else { rows };
    let height = u16::try_from(rows + 2).unwrap_or(u16::MAX);
    let width = if two { 2 * WIDTH + 2 } else { WIDTH + 2 };
    // Stripes of what lies below would only disturb.
    let width = if screen.width < width + 30 { screen.width } else { width };
    overlay(screen, width, height)
}

/// The lines of one or two columns, and the area they stand in.
fn columns(theme: &Theme, area: Rect) -> (Vec<Vec<Line<'static>>>, Rect) {
    let body = Rect {
        x: area.x + 1.min(area.width),
        y: area.y + 1.min(area.height),
        width: area.width.saturating_sub(2),
        height: area.height.saturating_sub(1),
    };
    let sections = sections(theme);
    if area.width < 2 * WIDTH {
        return (vec![sections.concat()], body);
    }
    let half = sections.iter().map(Vec::len).sum::<usize>() / 2;
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for section in sections {
        let column = if left.len() < half { &mut left } else { &mut right };
        column.extend(section);
    }
    (vec![left, right], body)
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
