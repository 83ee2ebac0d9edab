//! The lines of the chosen instances.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;

use super::paint::title;
use crate::ansi;
use crate::format::{ahead, clean, short_bytes, time_of_day};
use crate::keys::Pane;
use crate::layout::{Prefix, ScreenLayout};
use crate::log_buffers::{BufferedLine, text_matches};
use crate::model::Model;
use crate::scroll::{Glyph, Viewport, glyphs, rows};
use crate::theme::Theme;
use pm_logs::Stream;

pub(super) fn draw(model: &Model, theme: &Theme, layout: &ScreenLayout, buffer: &mut Buffer) {
    if layout.logs.is_empty() {
        return;
    }
    if layout.logs.height >= 3 {
        heading(model, theme, layout.logs, buffer);
    }
    let body = layout.body(Pane::Logs);
    let viewport = layout.log_viewport(model);
    let Some(top) = model.log.top(viewport) else { return silent(model, theme, body, buffer) };
    let prefix = Prefix::of(body.width, model);
    let (mut number, mut skip) = (Some(top.line), top.row);
    let mut y = body.y;
    while let Some(line) = number.filter(|_| y < body.bottom()) {
        let Some(kept) = model.log.buffer().and_then(|buffer| buffer.get(line)) else { break };
        let here = model.log.buffer().is_some_and(|buffer| buffer.found == Some(line));
        let glyphs = styled(model, theme, kept, here);
        let ranges = if model.log.wrap {
            rows(&glyphs, viewport.width)
        } else {
            vec![shifted(model, &glyphs, viewport)]
        };
        for (index, range) in ranges.into_iter().enumerate().skip(skip) {
            if y >= body.bottom() {
                break;
            }
            let area = Rect { y, height: 1, ..body };
            before(model, theme, (kept, prefix, index == 0), (area, buffer));
            let cut = !model.log.wrap && range.end < glyphs.len();
            text(area, prefix.width(), glyphs.get(range).unwrap_or_default(), buffer);
            if cut {
                buffer.set_stringn(area.right() - 1, y, "›", 1, theme.dim);
            }
            y += 1;
        }
        skip = 0;
        number = model.log.at_or_after(line + 1);
    }
}

/// The glyphs with theme and search laid over what the app chose.
fn styled(model: &Model, theme: &Theme, kept: &BufferedLine, here: bool) -> Vec<Glyph> {
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
fn shifted(model: &Model, glyphs: &[Glyph], viewport: Viewport) -> std::ops::Range<usize> {
    let left = model.log.buffer().map_or(0, |buffer| buffer.left);
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

fn text(area: Rect, indent: u16, glyphs: &[Glyph], buffer: &mut Buffer) {
    let mut x = area.x + indent.min(area.width);
    for glyph in glyphs {
        let viewport = usize::from(area.right().saturating_sub(x));
        if glyph.width > viewport {
            break;
        }
        x = buffer.set_stringn(x, area.y, &glyph.symbol, viewport, glyph.style).0;
    }
}

/// What stands before the text: which output on every row, time and name on the first.
fn before(
    model: &Model,
    theme: &Theme,
    what: (&BufferedLine, Prefix, bool),
    place: (Rect, &mut Buffer),
) {
    let (kept, prefix, first) = what;
    let (area, buffer) = place;
    let line = &kept.line;
    let mut x = area.x;
    if line.stream == Stream::Err && prefix.mark > 0 {
        buffer.set_stringn(x, area.y, "▌", 1, theme.error_output);
    }
    x += prefix.mark;
    if !first {
        return;
    }
    if prefix.time > 0 {
        let time = line.at.map_or_else(|| "--:--:--".into(), |at| time_of_day(at, model.offset));
        buffer.set_stringn(x, area.y, time, usize::from(prefix.time), theme.dim);
        x += prefix.time;
    }
    if prefix.name > 0 {
        let name = model.instances.get(line.id).map_or("?", |one| one.row.name.as_str());
        let text = format!("{} {}", line.id, clean(name));
        let turn = usize::try_from(line.id).unwrap_or(0) % theme.names.len();
        let style = theme.names.get(turn).copied().unwrap_or_default();
        buffer.set_stringn(x, area.y, text, usize::from(prefix.name - 1), style);
    }
}

fn heading(model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer) {
    let focus = if model.focus == Pane::Logs { theme.focus } else { theme.title };
    let log = &model.log;
    let mut left = vec![Span::styled(" logs ", focus)];
    let name = match log.group.as_slice() {
        [] => String::new(),
        [id] => model
            .instances
            .get(*id)
            .map_or_else(String::new, |one| format!("{} ({}) ", clean(&one.row.name), one.row.id)),
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
    title(area, left, right, theme.rule, buffer);
}

/// When the schedule of the one instance shown starts it next.
fn next_run(model: &Model) -> Option<String> {
    let about = model.description.as_ref().filter(|about| model.log.group == [about.row.id])?;
    Some(ahead(about.next_cron?, model.now, model.offset))
}

/// Why there are no lines.
fn silent(model: &Model, theme: &Theme, area: Rect, buffer: &mut Buffer) {
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
    if !area.is_empty() && !model.log.group.is_empty() {
        let style = theme.dim;
        buffer.set_stringn(
            area.x + 1.min(area.width - 1),
            area.y,
            text,
            usize::from(area.width.saturating_sub(1)),
            style,
        );
    }
}
