//! The lines of the chosen instances.

use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;

use super::paint::{Canvas, from};
use crate::ansi;
use crate::format::{ahead, clean, short_bytes, time_of_day};
use crate::instances::MonitoredInstance;
use crate::keys::Pane;
use crate::layout::Prefix;
use crate::log_buffers::{BufferedLine, text_matches};
use crate::model::Model;
use crate::scroll::{Glyph, Viewport, glyphs, rows};
use pm_logs::Stream;

pub(super) fn draw(canvas: &mut Canvas<'_>) {
    let (model, pane) = (canvas.model, canvas.layout.logs);
    if pane.is_empty() {
        return;
    }
    if pane.height >= 3 {
        heading(canvas);
    }
    let body = canvas.layout.body(Pane::Logs);
    let viewport = canvas.layout.log_viewport(model);
    let Some(top) = model.log.top(viewport) else { return silent(canvas, body) };
    let prefix = Prefix::of(body.width, model);
    let (mut number, mut skip) = (Some(top.line), top.row);
    let mut free = body.rows();
    while let (Some(line), Some(buffer)) = (number, model.log.buffer()) {
        let Some(kept) = buffer.get(line) else { break };
        let glyphs = styled(canvas, kept, buffer.found == Some(line));
        let ranges = if model.log.wrap {
            rows(&glyphs, viewport.width)
        } else {
            vec![shifted(buffer.left, &glyphs, viewport)]
        };
        for (index, range) in ranges.into_iter().enumerate().skip(skip) {
            let Some(row) = free.next() else { return };
            before(canvas, row, (kept, prefix, index == 0));
            let cut = !model.log.wrap && range.end < glyphs.len();
            let mut rest = from(row, prefix.width());
            for glyph in glyphs.get(range).unwrap_or_default() {
                if glyph.width > usize::from(rest.width) {
                    break;
                }
                let end = canvas.text(rest, &glyph.symbol, glyph.style);
                rest = from(rest, end - rest.x);
            }
            if cut {
                canvas.text(from(row, row.width - 1), "›", canvas.theme.dim);
            }
        }
        skip = 0;
        number = model.log.at_or_after(line + 1);
    }
}

/// The glyphs with theme and search laid over what the app chose.
fn styled(canvas: &Canvas<'_>, kept: &BufferedLine, here: bool) -> Vec<Glyph> {
    let (model, theme) = (canvas.model, &canvas.theme);
    let mut glyphs = glyphs(kept);
    let found = text_matches(&ansi::text(&kept.line.bytes), &model.log.search);
    let hit = if here { theme.hit_here } else { theme.hit };
    for glyph in &mut glyphs {
        if !theme.app_colours {
            glyph.style = Style { fg: None, bg: None, ..glyph.style };
        }
        if found.iter().any(|range| range.contains(&glyph.at)) {
            glyph.style = glyph.style.patch(hit);
        }
    }
    glyphs
}

/// The part of an unwrapped line that is in the window.
fn shifted(left: usize, glyphs: &[Glyph], viewport: Viewport) -> std::ops::Range<usize> {
    let mut column = 0;
    let mut range = glyphs.len()..glyphs.len();
    for (index, glyph) in glyphs.iter().enumerate() {
        if column >= left && range.start == glyphs.len() {
            range.start = index;
        }
        column += glyph.width;
        if column > left + viewport.width && range.start < glyphs.len() {
            range.end = index;
            return range.start..range.end.max(range.start);
        }
    }
    range
}

/// What stands before the text: which output on every row, time and name on the first.
fn before(canvas: &mut Canvas<'_>, row: Rect, what: (&BufferedLine, Prefix, bool)) {
    let (BufferedLine { line, .. }, prefix, first) = what;
    if line.stream == Stream::Err && prefix.mark > 0 {
        canvas.text(row, "▌", canvas.theme.error_output);
    }
    if !first {
        return;
    }
    let row = from(row, prefix.mark);
    if prefix.time > 0 {
        let offset = canvas.model.offset;
        let time = line.at.map_or_else(|| "--:--:--".into(), |at| time_of_day(at, offset));
        canvas.text(row, &time, canvas.theme.dim);
    }
    if prefix.name > 0 {
        let name = canvas.model.instances.get(line.id).map_or("?", |one| one.row.name.as_str());
        let text = format!("{} {}", line.id, clean(name));
        let names = &canvas.theme.names;
        let style = names[usize::try_from(line.id).unwrap_or(0) % names.len()];
        let row = from(row, prefix.time);
        canvas.text(Rect { width: row.width.min(prefix.name - 1), ..row }, &text, style);
    }
}

fn heading(canvas: &mut Canvas<'_>) {
    let (model, theme, log) = (canvas.model, &canvas.theme, &canvas.model.log);
    let mut left = vec![canvas.name_of(Pane::Logs, " logs ")];
    let name = match log.group.as_slice() {
        [] => String::new(),
        [id] => model.instances.get(*id).map(MonitoredInstance::label).unwrap_or_default(),
        many => format!("{} instances ", many.len()),
    };
    left.push(Span::styled(name, theme.text));
    if let Some(next) = next_run(model) {
        left.push(Span::styled(format!(" next run {next} "), theme.dim));
    }
    let streams = match log.stream {
        None => "",
        Some(Stream::Out) => " only out ",
        Some(Stream::Err) => " only error ",
    };
    left.push(Span::styled(streams, theme.mark));
    if !log.filter.is_empty() {
        let text = format!(" only `{}`, {} lines ", log.filter, log.passing().unwrap_or(0));
        left.push(Span::styled(text, theme.mark));
    }
    if !log.search.is_empty() {
        left.push(Span::styled(format!(" search `{}` ", log.search), theme.mark));
    }
    let mut right = Vec::new();
    if let Some(buffer) = log.buffer() {
        if buffer.skipped > 0 {
            let text = format!(" flood: {} passed over ", short_bytes(buffer.skipped));
            right.push(Span::styled(text, theme.passing));
        }
        if log.follows() {
            right.push(Span::styled(" following ", theme.good));
        } else {
            right.push(Span::styled(format!(" held, {} new ", buffer.unseen), theme.passing));
        }
    }
    canvas.title(canvas.layout.logs, left, right);
}

/// When the schedule of the one instance shown starts it next.
fn next_run(model: &Model) -> Option<String> {
    let about = model.description.as_ref().filter(|about| model.log.group == [about.row.id])?;
    Some(ahead(about.next_cron?, model.now, model.offset))
}

/// Why there are no lines.
fn silent(canvas: &mut Canvas<'_>, area: Rect) {
    let model = canvas.model;
    let text = match model.log.buffer() {
        None => return,
        Some(buffer) => match &buffer.trouble {
            Some(trouble) => clean(trouble).into_owned(),
            None if !buffer.loaded => "reading …".into(),
            None if buffer.end() > 0 && model.log.passing().is_some() => {
                "no line passes the filter".into()
            }
            None => "nothing printed yet".into(),
        },
    };
    if !model.log.group.is_empty() {
        canvas.text(from(area, 1), &text, canvas.theme.dim);
    }
}
