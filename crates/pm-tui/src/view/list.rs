//! The list of instances.

use pm_protocol::Row;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;

use super::chart::spark;
use super::paint::{Canvas, from};
use crate::cells::cells;
use crate::columns::{ColumnSpan, note_rows, slots};
use crate::format::{bytes, clean, percent, row_sign, row_status, uptime};
use crate::instances::{ListColumn, MonitoredInstance};
use crate::keys::Pane;
use crate::message::LinkState;
use crate::model::Model;

pub(super) fn draw(canvas: &mut Canvas<'_>) {
    let (model, area) = (canvas.model, canvas.layout.list);
    if area.is_empty() {
        return;
    }
    let slots = slots(area.width, &model.instances);
    let head_row = canvas.layout.list_head();
    if area.height >= 3 {
        let sorted = model.instances.sort.column;
        let told = slots.iter().any(|slot| slot.field == sorted) && !head_row.is_empty();
        heading(canvas, told);
    }
    let lines = canvas.layout.list_lines();
    if model.instances.listed_count() == 0 {
        return empty(canvas, lines);
    }
    head(canvas, head_row, &slots);
    // What the note column does not show in full.
    let mut notes = note_rows(area.width, &model.instances).into_iter();
    for row in canvas.layout.list_notes().rows() {
        let Some((status, mut text)) = notes.next() else { break };
        if row.bottom() == area.bottom() && notes.len() > 0 {
            text.push('…');
        }
        canvas.text(from(row, 1), &text, canvas.theme.status(status));
    }
    // One scale for all, so that lines can be compared.
    let busiest = peak(model, |one, width| one.cpu.peak(width)).max(5.0);
    let largest = peak(model, |one, width| one.memory.peak(width));
    let shown = model.instances.listed().skip(model.instances.offset);
    for (area, one) in lines.rows().zip(shown) {
        for slot in &slots {
            let (text, style) = field(canvas, one, *slot, (busiest, largest));
            cell(canvas, area, *slot, &text, style);
        }
        if model.instances.under_cursor().is_some_and(|it| it.row.id == one.row.id) {
            let here = model.focus == Pane::List;
            let bar = if here { canvas.theme.cursor } else { canvas.theme.cursor_away };
            canvas.buffer.set_style(area, bar);
        }
    }
}

fn peak(model: &Model, of: fn(&MonitoredInstance, usize) -> f32) -> f32 {
    model.instances.listed().map(|one| of(one, 10)).fold(0.0, f32::max)
}

fn heading(canvas: &mut Canvas<'_>, told: bool) {
    let (model, theme) = (canvas.model, &canvas.theme);
    let instances = &model.instances;
    let mut left = vec![canvas.name_of(Pane::List, " apps ")];
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
    canvas.title(canvas.layout.list, left, right);
}

fn arrow(model: &Model) -> &'static str {
    if model.instances.sort.falling() { "▾" } else { "▴" }
}

fn head(canvas: &mut Canvas<'_>, area: Rect, slots: &[ColumnSpan]) {
    let model = canvas.model;
    for slot in slots {
        let column = slot.field;
        if usize::from(slot.width) < cells(column.title()) {
            continue;
        }
        let sorted = column == model.instances.sort.column && slot.width > 3;
        let text = format!("{}{}", column.title(), if sorted { arrow(model) } else { "" });
        cell(canvas, area, *slot, &text, canvas.theme.dim);
    }
}

/// One text in its columns, cut with an ellipsis where it is longer.
fn cell(canvas: &mut Canvas<'_>, area: Rect, slot: ColumnSpan, text: &str, style: Style) {
    let area = from(area, slot.x);
    let width = slot.width.min(area.width);
    let length = u16::try_from(Span::raw(text).width()).unwrap_or(u16::MAX);
    let indent = if slot.field.right_aligned() { width.saturating_sub(length) } else { 0 };
    if length <= width {
        canvas.text(Rect { width: width - indent, ..from(area, indent) }, text, style);
    } else if width > 0 {
        let end = canvas.text(Rect { width: width - 1, ..area }, text, style);
        canvas.text(Rect { x: end, width: 1, ..area }, "…", style);
    }
}

fn field(
    canvas: &Canvas<'_>,
    one: &MonitoredInstance,
    slot: ColumnSpan,
    (busiest, largest): (f32, f32),
) -> (String, Style) {
    let (model, theme) = (canvas.model, &canvas.theme);
    let row = &one.row;
    let runs = row.pid != 0;
    let width = usize::from(slot.width);
    match slot.field {
        ListColumn::Mark if model.instances.marks.contains(&row.id) => ("▸".into(), theme.mark),
        ListColumn::Mark => (String::new(), theme.text),
        ListColumn::CpuSpark => (spark(&one.cpu, width, busiest), theme.cpu),
        ListColumn::MemorySpark => (spark(&one.memory, width, largest), theme.memory),
        ListColumn::Note => {
            (clean(row.note.as_deref().unwrap_or_default()).into_owned(), theme.dim)
        }
        ListColumn::Id => (row.id.to_string(), theme.dim),
        ListColumn::Name => (clean(&row.name).into_owned(), theme.text),
        ListColumn::Namespace => (clean(&row.namespace).into_owned(), theme.dim),
        ListColumn::Status => (status(row, width, model.now), theme.row(row)),
        ListColumn::Cpu if runs => (percent(row.usage.cpu), theme.text),
        ListColumn::Memory if runs => (bytes(row.usage.memory), theme.text),
        ListColumn::Restarts => {
            let style = if row.unstable > 0 { theme.bad } else { theme.dim };
            (row.restarts.to_string(), style)
        }
        ListColumn::Uptime => (one.age(model.now).map_or_else(dash, uptime), theme.text),
        ListColumn::Port => (row.usage.ports(), theme.text),
        ListColumn::Pid if runs => (row.pid.to_string(), theme.dim),
        ListColumn::Cpu | ListColumn::Memory | ListColumn::Pid => (dash(), theme.dim),
    }
}

fn dash() -> String {
    "-".into()
}

fn status(row: &Row, width: usize, now: u64) -> String {
    if width < 3 { row_sign(row).into() } else { row_status(row, now) }
}

/// Says why there is nothing and what to do about it.
fn empty(canvas: &mut Canvas<'_>, area: Rect) {
    let (model, theme) = (canvas.model, &canvas.theme);
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
        canvas.text(from(row, (row.width - width) / 2), text, *style);
    }
}
