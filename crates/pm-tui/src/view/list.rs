//! The list of instances.

use pm_protocol::Row;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;

use super::chart::spark;
use super::paint::title;
use crate::cells::cells;
use crate::columns::{ColumnSpan, ListField, note_rows, slots};
use crate::format::{bytes, clean, percent, status_sign, status_word, uptime};
use crate::instances::{MonitoredInstance, SortColumn};
use crate::keys::Pane;
use crate::layout::ScreenLayout;
use crate::message::LinkState;
use crate::model::Model;
use crate::theme::Theme;

pub(super) fn draw(model: &Model, theme: &Theme, layout: &ScreenLayout, buffer: &mut Buffer) {
    if layout.list.is_empty() {
        return;
    }
    let slots = slots(layout.list.width, &model.instances);
    if layout.list.height >= 3 {
        let shown =
            |slot: &ColumnSpan| slot.field == ListField::Figure(model.instances.sort.column);
        let told = slots.iter().any(shown) && !layout.list_head().is_empty();
        heading(model, theme, (layout.list, told), buffer);
    }
    let lines = layout.list_lines();
    if model.instances.listed_count() == 0 {
        return empty(model, theme, lines, buffer);
    }
    head(model, theme, (layout.list_head(), &slots), buffer);
    notes(model, theme, layout.list_notes(), buffer);
    // One scale for all, so that lines can be compared.
    let busiest = peak(model, |one, width| one.cpu.peak(width)).max(5.0);
    let largest = peak(model, |one, width| one.memory.peak(width));
    let shown = model.instances.listed().skip(model.instances.offset);
    let cursor = model.instances.position();
    for (index, (area, one)) in lines.rows().zip(shown).enumerate() {
        let ceilings = (busiest, largest);
        for slot in &slots {
            let (text, style) = field(model, theme, one, (slot, ceilings));
            cell(area, *slot, (&text, style), buffer);
        }
        if cursor == Some(model.instances.offset + index) {
            let here = model.focus == Pane::List;
            buffer.set_style(area, if here { theme.cursor } else { theme.cursor_away });
        }
    }
}

/// What the note column does not show in full, under the lines.
fn notes(model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let notes = note_rows(area.width, &model.instances);
    for (row, (status, text)) in area.rows().zip(notes) {
        let text = format!(" {text}");
        buffer.set_stringn(row.x, row.y, text, usize::from(row.width), theme.status(status));
    }
}

fn peak(model: &Model, of: fn(&MonitoredInstance, usize) -> f32) -> f32 {
    model.instances.listed().map(|one| of(one, 10)).fold(0.0, f32::max)
}

fn heading(model: &Model, theme: &Theme, place: (Rect, bool), buffer: &mut Buffer) {
    let (area, told) = place;
    let focus = if model.focus == Pane::List { theme.focus } else { theme.title };
    let instances = &model.instances;
    let mut left = vec![Span::styled(" apps ", focus)];
    if let Some(at) = instances.position() {
        left.push(Span::styled(format!("{}/{} ", at + 1, instances.listed_count()), theme.dim));
    }
    if !instances.filter.is_empty() {
        let text = format!(
            " filter `{}`, {} of {} ",
            instances.filter,
            instances.listed_count(),
            instances.all().len()
        );
        left.push(Span::styled(text, theme.mark));
    }
    if !instances.marks.is_empty() {
        left.push(Span::styled(format!(" {} marked ", instances.marks.len()), theme.mark));
    }
    // What the column's own title tells need not be told twice.
    let order = format!(" by {} {} ", instances.sort.column.title(), arrow(model));
    let right = if told { Vec::new() } else { vec![Span::styled(order, theme.dim)] };
    title(area, left, right, theme.rule, buffer);
}

fn arrow(model: &Model) -> &'static str {
    if model.instances.sort.falling() { "▾" } else { "▴" }
}

fn head(model: &Model, theme: &Theme, place: (Rect, &[ColumnSpan]), buffer: &mut Buffer) {
    let (area, slots) = place;
    for slot in slots {
        let ListField::Figure(column) = slot.field else { continue };
        if usize::from(slot.width) < cells(column.title()) {
            continue;
        }
        let sorted = column == model.instances.sort.column && slot.width > 3;
        let text = format!("{}{}", column.title(), if sorted { arrow(model) } else { "" });
        cell(area, *slot, (&text, theme.dim), buffer);
    }
}

/// One text in its columns, cut with an ellipsis where it is longer.
fn cell(area: Rect, slot: ColumnSpan, content: (&str, Style), buffer: &mut Buffer) {
    let (text, style) = content;
    if area.is_empty() || slot.x >= area.width {
        return;
    }
    let width = usize::from(slot.width.min(area.width - slot.x));
    let length = Span::raw(text).width();
    let indent = if slot.field.right_aligned() { width.saturating_sub(length) } else { 0 };
    let x = area.x + slot.x + u16::try_from(indent).unwrap_or(0);
    if length <= width {
        buffer.set_stringn(x, area.y, text, width, style);
    } else {
        let (end, _) = buffer.set_stringn(x, area.y, text, width.saturating_sub(1), style);
        buffer.set_stringn(end, area.y, "…", 1, style);
    }
}

fn field(
    model: &Model,
    theme: &Theme,
    one: &MonitoredInstance,
    slot: (&ColumnSpan, (f32, f32)),
) -> (String, Style) {
    let (slot, (busiest, largest)) = slot;
    let row = &one.row;
    let runs = row.pid != 0;
    let width = usize::from(slot.width);
    match slot.field {
        ListField::Mark if model.instances.marks.contains(&row.id) => ("▸".into(), theme.mark),
        ListField::Mark => (String::new(), theme.text),
        ListField::CpuSpark => (spark(&one.cpu, width, busiest), theme.cpu),
        ListField::MemorySpark => (spark(&one.memory, width, largest), theme.memory),
        ListField::Note => (clean(row.note.as_deref().unwrap_or_default()).into_owned(), theme.dim),
        ListField::Figure(column) => match column {
            SortColumn::Id => (row.id.to_string(), theme.dim),
            SortColumn::Name => (clean(&row.name).into_owned(), theme.text),
            SortColumn::Namespace => (clean(&row.namespace).into_owned(), theme.dim),
            SortColumn::Status => (status(row, width), theme.status(row.status)),
            SortColumn::Cpu if runs => (percent(row.usage.cpu), theme.text),
            SortColumn::Memory if runs => (bytes(row.usage.memory), theme.text),
            SortColumn::Restarts => {
                let style = if row.unstable > 0 { theme.bad } else { theme.dim };
                (row.restarts.to_string(), style)
            }
            SortColumn::Uptime => (one.age(model.now).map_or_else(dash, uptime), theme.text),
            SortColumn::Pid if runs => (row.pid.to_string(), theme.dim),
            SortColumn::Cpu | SortColumn::Memory | SortColumn::Pid => (dash(), theme.dim),
        },
    }
}

fn dash() -> String {
    "-".into()
}

fn status(row: &Row, width: usize) -> String {
    if width < 3 {
        status_sign(row.status).into()
    } else {
        format!("{} {}", status_sign(row.status), status_word(row.status))
    }
}

/// Says why there is nothing and what to do about it.
fn empty(model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let filtered = !model.instances.filter.is_empty() && model.instances.all().len() > 0;
    let home = clean(&model.home);
    let texts = match &model.link {
        _ if filtered => vec![
            (format!("no app matches `{}`", model.instances.filter), theme.text),
            ("esc shows all again".into(), theme.dim),
        ],
        LinkState::Connecting => vec![("connecting …".into(), theme.dim)],
        LinkState::Reconnecting => vec![("reconnecting …".into(), theme.passing)],
        LinkState::Broken(why) => vec![(clean(why).into_owned(), theme.bad)],
        LinkState::Live => vec![
            ("no apps yet".into(), theme.text),
            ("start one in another terminal:".into(), theme.dim),
            (format!("{} start app.js", model.program), theme.key),
            (format!("{} start ecosystem.json5", model.program), theme.key),
        ],
        LinkState::NoDaemon => vec![
            (format!("no daemon runs in {home}"), theme.text),
            ("start something in another terminal:".into(), theme.dim),
            (format!("{} start app.js", model.program), theme.key),
            (format!("{} resurrect", model.program), theme.key),
        ],
    };
    let height = u16::try_from(texts.len()).unwrap_or(0);
    let top = area.height.saturating_sub(height) / 2;
    for ((text, style), row) in texts.iter().zip(area.rows().skip(usize::from(top))) {
        let width = u16::try_from(Span::raw(text).width()).unwrap_or(u16::MAX).min(row.width);
        let x = row.x + (row.width - width) / 2;
        buffer.set_stringn(x, row.y, text, usize::from(width), *style);
    }
}
