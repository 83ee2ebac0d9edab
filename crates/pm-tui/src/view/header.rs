//! The top: how many apps stand how, and the machine's gauges as far as there is room.

use std::collections::BTreeSet;

use pm_client::count;
use pm_protocol::Host;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::chart::{bar, spark};
use super::paint::{Canvas, from};
use crate::format::{clean, percent, share, short_bytes, status_sign, status_word, time_of_day};
use crate::instances::BY_TROUBLE;
use crate::message::LinkState;
use crate::model::Model;
use crate::theme::Theme;

pub(super) fn draw(canvas: &mut Canvas<'_>) {
    let (model, area) = (canvas.model, canvas.layout.header);
    if area.is_empty() {
        return;
    }
    let end = canvas.line(area, &summary(model, &canvas.theme)) + 2;
    let rest = from(area, end - area.x);
    let line = if area.height > 1 {
        let second = Rect { y: area.y + 1, height: 1, ..area };
        let gauges = gauges(model, &canvas.theme, area.width >= 130);
        canvas.line(second, &fitting(gauges, area.width));
        clock(model, &canvas.theme)
    } else {
        fitting(gauges(model, &canvas.theme, false), rest.width)
    };
    let width = u16::try_from(line.width()).unwrap_or(u16::MAX).min(rest.width);
    canvas.line(from(rest, rest.width - width), &line);
}

fn summary(model: &Model, theme: &Theme) -> Line<'static> {
    let mut spans = vec![Span::styled(" pm ", theme.focus)];
    if let Some((text, style)) = link(model, theme) {
        spans.push(Span::styled(format!(" {text}"), style));
        return Line::from(spans);
    }
    let apps: BTreeSet<_> =
        model.instances.all().map(|one| (&one.row.namespace, &one.row.name)).collect();
    spans.push(Span::styled(format!(" {}", count(apps.len(), "app")), theme.text));
    let instances = model.instances.all().len();
    if instances != apps.len() {
        spans.push(Span::styled(format!(", {}", count(instances, "instance")), theme.text));
    }
    // Where there is no room for all, trouble must be seen.
    for status in BY_TROUBLE {
        let number = model.instances.all().filter(|one| one.row.status == status).count();
        if number > 0 {
            let text = format!("  {} {number} {}", status_sign(status), status_word(status));
            spans.push(Span::styled(text, theme.status(status)));
        }
    }
    Line::from(spans)
}

/// What is wrong with the link, if anything.
fn link(model: &Model, theme: &Theme) -> Option<(String, ratatui::style::Style)> {
    match &model.link {
        LinkState::Live => None,
        LinkState::Connecting => Some(("connecting …".into(), theme.passing)),
        LinkState::Reconnecting => Some(("reconnecting … the apps go on".into(), theme.passing)),
        LinkState::NoDaemon => Some(("no daemon runs".into(), theme.passing)),
        LinkState::Broken(why) => Some((clean(why).into_owned(), theme.bad)),
    }
}

/// Hours and minutes.
fn clock(model: &Model, theme: &Theme) -> Line<'static> {
    let time = time_of_day(i64::try_from(model.now).unwrap_or(i64::MAX), model.offset);
    let minutes = time.get(..5).unwrap_or_default().to_owned();
    Line::from(vec![Span::styled(minutes, theme.dim), Span::raw(" ")])
}

/// The gauges, the most wanted first.
fn gauges(model: &Model, theme: &Theme, large: bool) -> Vec<Line<'static>> {
    let Some(host) = &model.host else { return Vec::new() };
    let memory = share(host.memory_used, host.memory_total);
    let disk = share(host.disk_used, host.disk_usable());
    let mut lines = vec![
        gauge(theme, "cpu", host.cpu, trend(model, large)),
        gauge(theme, "mem", memory, size(large, memory, host.memory_used, host.memory_total)),
        load(theme, host),
        Line::from(vec![
            Span::styled("net ", theme.dim),
            Span::styled(format!("↓{}/s ", short_bytes(host.received)), theme.text),
            Span::styled(format!("↑{}/s", short_bytes(host.sent)), theme.text),
        ]),
        gauge(theme, "disk", disk, size(large, disk, host.disk_used, host.disk_total)),
    ];
    if host.swap_used > 0 {
        let swap = share(host.swap_used, host.swap_total);
        lines.push(gauge(theme, "swap", swap, String::new()));
    }
    lines
}

fn gauge(theme: &Theme, label: &'static str, value: f32, picture: String) -> Line<'static> {
    let style = theme.load(value);
    Line::from(vec![
        Span::styled(format!("{label} "), theme.dim),
        Span::styled(picture, style),
        Span::styled(percent(value), style),
    ])
}

fn trend(model: &Model, large: bool) -> String {
    let width = if large { 16 } else { 6 };
    format!("{} ", spark(&model.host_cpu, width, 100.0))
}

fn size(large: bool, share: f32, used: u64, total: u64) -> String {
    if large {
        format!("{}▏{}/{} ", bar(share, 8), short_bytes(used), short_bytes(total))
    } else {
        String::new()
    }
}

fn load(theme: &Theme, host: &Host) -> Line<'static> {
    let [one, five, fifteen] = host.load;
    #[expect(clippy::cast_possible_truncation, reason = "only chooses a colour")]
    let busy = (one / f64::from(host.cores.max(1)) * 100.0) as f32;
    Line::from(vec![
        Span::styled("load ", theme.dim),
        Span::styled(format!("{one:.2}"), theme.load(busy)),
        Span::styled(format!(" {five:.2} {fifteen:.2}"), theme.dim),
    ])
}

/// Puts as many as fit in one line.
fn fitting(lines: Vec<Line<'static>>, width: u16) -> Line<'static> {
    let mut fitting = Line::from(" ");
    for line in lines {
        let gap = if fitting.spans.len() > 1 { "   " } else { "" };
        if fitting.width() + gap.len() + line.width() + 1 > usize::from(width) {
            break;
        }
        fitting.push_span(gap);
        fitting.spans.extend(line.spans);
    }
    fitting.push_span(" ");
    fitting
}
