//! The bottom line: a question, what is typed, a passing message, what goes on, or hints; the first that applies.

use ratatui::layout::Position;
use ratatui::text::{Line, Span};

use super::paint::Canvas;
use crate::cells::cells_of;
use crate::format::clean;
use crate::keys::KEYS;
use crate::message::{Operation, Verb};
use crate::model::{InputMode, Model, Prompt, Tone};
use crate::theme::Theme;

/// Draws it; gives the place of the text cursor, if there is one.
pub(super) fn draw(canvas: &mut Canvas<'_>) -> Option<Position> {
    let (model, theme, area) = (canvas.model, &canvas.theme, canvas.layout.footer);
    if area.is_empty() {
        return None;
    }
    match &model.mode {
        InputMode::Typing(kind, input) => {
            let label = Span::styled(format!(" {} ", prompt(*kind)), theme.key);
            let before = label.width() + Span::raw(input.before_cursor()).width();
            // Text longer than the line is shifted, for the cursor must be seen.
            let shift = (before + 1).saturating_sub(usize::from(area.width));
            let mut hidden = 0;
            let text = input.text();
            let shown = text.trim_start_matches(|c| {
                let hides = hidden < shift;
                hidden += cells_of(c);
                hides
            });
            let shown = Span::styled(shown, theme.text);
            canvas.line(area, &Line::from(vec![label, shown]));
            let x = u16::try_from(before - shift.min(before)).unwrap_or(u16::MAX);
            return Some(Position::new(area.x + x.min(area.width - 1), area.y));
        }
        InputMode::Asking(operation) => {
            canvas.line(area, &question(theme, operation));
        }
        InputMode::Main | InputMode::Help { .. } => {
            let line = message(model, theme).unwrap_or_else(|| hints(model, theme, area.width));
            canvas.line(area, &line);
        }
    }
    None
}

fn prompt(kind: Prompt) -> &'static str {
    match kind {
        Prompt::ListFilter => "filter the list:",
        Prompt::LogSearch => "search the logs:",
        Prompt::LogFilter => "only lines with:",
        Prompt::Scale => "how many instances:",
    }
}

fn question(theme: &Theme, operation: &Operation) -> Line<'static> {
    let effect = if operation.verb == Verb::Delete { " (stops and forgets)" } else { "" };
    let text = format!(" {} {}?{effect} ", operation.verb.words()[0], clean(&operation.label));
    Line::from(vec![
        Span::styled(text, theme.bad),
        Span::styled("y", theme.key),
        Span::styled("es ", theme.text),
        Span::styled("n", theme.key),
        Span::styled("o", theme.text),
    ])
}

fn message(model: &Model, theme: &Theme) -> Option<Line<'static>> {
    if let Some(notice) = &model.notice {
        let (sign, style) = match notice.tone {
            Tone::Neutral => (" · ", theme.text),
            Tone::Good => (" ✓ ", theme.good),
            Tone::Bad => (" ✖ ", theme.bad),
        };
        return Some(Line::from(vec![
            Span::styled(sign, style),
            Span::styled(notice.text.clone(), style),
        ]));
    }
    let operation = model.running.last()?;
    let others = match model.running.len() {
        1 => String::new(),
        all => format!(" (and {} more)", all - 1),
    };
    let text = format!(" … {} {}{others}", operation.verb.words()[1], clean(&operation.label));
    Some(Line::from(Span::styled(text, theme.passing)))
}

/// The hints of the key table that fit; help and quit always, for they are the way out.
fn hints(model: &Model, theme: &Theme, width: u16) -> Line<'static> {
    let hints: Vec<[Span<'static>; 2]> = KEYS
        .iter()
        .filter_map(|binding| {
            let text = binding.hint.within(model.focus)?;
            let key = binding.keys.first()?.name();
            Some([Span::styled(format!(" {key} "), theme.key), Span::styled(text, theme.dim)])
        })
        .collect();
    let long = |hint: &[Span<'static>; 2]| hint.iter().map(Span::width).sum::<usize>() + 1;
    let out = hints.len().saturating_sub(2);
    let (hints, way_out) = hints.split_at(out);
    let mut left = usize::from(width).saturating_sub(way_out.iter().map(long).sum());
    let mut line = Line::default();
    for hint in hints {
        if long(hint) > left {
            break;
        }
        left -= long(hint);
        line.spans.extend(hint.iter().cloned().chain([Span::raw(" ")]));
    }
    for hint in way_out {
        line.spans.extend(hint.iter().cloned().chain([Span::raw(" ")]));
    }
    line
}
