//! Everything about the instance under the cursor. Of its environment only names: values may be secrets.

use pm_client::{count, quoted, standing};
use pm_protocol::{Description, EndView, Pulse};
use pm_spec::{ByteString, LogFormat};
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::chart::chart;
use super::paint::Canvas;
use crate::cells::wrap;
use crate::format::{ahead, bytes, clean, duration, percent, row_sign, uptime};
use crate::instances::{MonitoredInstance, SERIES_LENGTH};
use crate::keys::Pane;
use crate::model::Model;
use crate::theme::Theme;

const LABEL: usize = 9;

pub(super) fn draw(canvas: &mut Canvas<'_>) {
    let (model, area) = (canvas.model, canvas.layout.detail);
    if area.is_empty() {
        return;
    }
    let body = canvas.layout.body(Pane::Detail);
    let rows = rows(model, &canvas.theme, body);
    if area.height >= 3 {
        let name = model.instances.under_cursor().map(MonitoredInstance::label).unwrap_or_default();
        let name = Span::styled(name, canvas.theme.text);
        let hidden = rows.len().saturating_sub(model.detail_top + usize::from(body.height));
        let more = if hidden > 0 { format!(" ↓ {hidden} more ") } else { String::new() };
        let more = Span::styled(more, canvas.theme.dim);
        canvas.title(area, vec![canvas.name_of(Pane::Detail, " details "), name], vec![more]);
    }
    for (row, line) in body.rows().zip(rows.iter().skip(model.detail_top)) {
        canvas.line(row, line);
    }
}

/// All rows, for a body of this size.
pub(super) fn rows(model: &Model, theme: &Theme, body: Rect) -> Vec<Line<'static>> {
    let Some(one) = model.instances.under_cursor() else { return Vec::new() };
    let mut page = DetailPage {
        theme,
        width: usize::from(body.width),
        offset: model.offset,
        rows: Vec::new(),
    };
    page.standing(model, one);
    if body.height >= 10
        && body.width >= 30
        && (one.row.pid != 0 || one.memory.peak(SERIES_LENGTH) > 0.0)
    {
        page.charts(one, if body.height >= 18 { 3 } else { 1 });
    }
    if let Some(description) =
        model.description.as_deref().filter(|known| known.row.id == one.row.id)
    {
        page.description(description, model.now);
    }
    page.rows
}

struct DetailPage<'a> {
    theme: &'a Theme,
    width: usize,
    /// Seconds east of Greenwich.
    offset: i32,
    rows: Vec<Line<'static>>,
}

impl DetailPage<'_> {
    /// A label and a text that is wrapped beside it.
    fn say(&mut self, label: &str, text: &str, style: Style) {
        let text = clean(text).into_owned();
        let room = self.width.saturating_sub(LABEL + 2).max(1);
        for (index, piece) in wrap(&text, room).into_iter().enumerate() {
            let label = if index == 0 { label } else { "" };
            let label = Span::styled(format!(" {label:<LABEL$} "), self.theme.dim);
            self.rows.push(Line::from(vec![label, Span::styled(piece, style)]));
        }
    }

    fn tell(&mut self, label: &str, text: &str) {
        self.say(label, text, self.theme.text);
    }

    fn file(&mut self, label: &str, path: Option<&ByteString>) {
        if let Some(path) = path {
            self.tell(label, &path.display());
        }
    }

    fn standing(&mut self, model: &Model, one: &MonitoredInstance) {
        let row = &one.row;
        let mut text = format!("{} {}", row_sign(row), standing(row, model.now));
        if let Some(age) = one.age(model.now) {
            text = format!("{text} for {}", uptime(age));
        }
        if row.pid != 0 {
            text = format!("{text}, pid {}", row.pid);
        }
        if row.restarts > 0 {
            text = format!("{text}, {}", count(row.restarts, "restart"));
        }
        self.say("status", &text, self.theme.row(row));
        if let Some(note) = &row.note {
            self.say("", note, self.theme.passing);
        }
        if let Some(job) = &row.job {
            self.tell("runs", &job.counts());
        }
        if !row.usage.listens.is_empty() {
            self.tell("listens", &row.usage.addresses());
        }
    }

    fn charts(&mut self, one: &MonitoredInstance, height: usize) {
        let width = self.width.saturating_sub(LABEL + 12).min(120);
        let usage = &one.row.usage;
        let peak = one.cpu.peak(width);
        let memory = one.memory.peak(width);
        let theme = self.theme;
        let now = format!("{:>8}", percent(usage.cpu));
        self.chart("cpu", &now, (chart(&one.cpu, width, height, peak.max(5.0)), theme.cpu));
        let now = format!("{:>8}", bytes(usage.memory));
        self.chart("memory", &now, (chart(&one.memory, width, height, memory), theme.memory));
    }

    fn chart(&mut self, label: &str, now: &str, picture: (Vec<String>, Style)) {
        let (pieces, style) = picture;
        let last = pieces.len().saturating_sub(1);
        for (index, piece) in pieces.into_iter().enumerate() {
            let (label, now) = if index == last { (label, now) } else { ("", "        ") };
            self.rows.push(Line::from(vec![
                Span::styled(format!(" {label:<LABEL$} "), self.theme.dim),
                Span::styled(format!("{now} "), self.theme.text),
                Span::styled(piece, style),
            ]));
        }
    }

    fn description(&mut self, about: &Description, now: u64) {
        let spec = &about.spec;
        let words = spec.interpreter.iter().chain(&spec.interpreter_args);
        let command: Vec<_> = words.chain([&spec.script]).chain(&spec.args).map(quoted).collect();
        self.tell("command", &command.join(" "));
        self.tell("cwd", &spec.cwd.display());
        if about.pids.len() > 1 {
            let pids: Vec<_> = about.pids.iter().map(u32::to_string).collect();
            self.tell("pids", &format!("{} ({})", pids.join(" "), about.pids.len()));
        }
        if let Some(next) = about.next_start {
            let wait = duration(next.saturating_sub(now));
            self.say("next", &format!("starts again in {wait}"), self.theme.passing);
        }
        if let Some(next) = about.next_cron {
            let next = ahead(next, now, self.offset);
            self.tell("next run", &format!("by its schedule {next}"));
        }
        if let Some(user) = &spec.user {
            self.tell("user", &user.to_string());
        }
        self.pulse(&about.pulse);
        self.policy(about);
        self.ends(&about.ends, now);
        self.file("out", about.out.as_ref());
        self.file("error", about.error.as_ref());
        self.file("combined", about.combined.as_ref());
        self.file("pid file", about.pid_file.as_ref());
        self.file("from", spec.source.as_ref());
        self.environment(about);
    }

    /// What the app measures, and what it can be asked to do.
    fn pulse(&mut self, pulse: &Pulse) {
        for (index, (name, value)) in pulse.figures().enumerate() {
            let label = if index == 0 { "metrics" } else { "" };
            self.tell(label, &format!("{name}: {value}"));
        }
        let actions: Vec<_> = pulse.actions().map(|(name, _)| name).collect();
        if !actions.is_empty() {
            self.tell("actions", &actions.join(", "));
        }
    }

    fn policy(&mut self, about: &Description) {
        let (restart, stop) = (&about.spec.restart, &about.spec.stop);
        let mut text = match restart.gives_up_after() {
            _ if !restart.autorestart => "is not restarted".into(),
            Some(runs) => format!("restarts, gives up after {runs} short runs"),
            None => "restarts, never gives up".into(),
        };
        text = format!("{text}; stopped by {}, killed after {}", stop.signal, stop.timeout);
        if let Some(limit) = about.spec.limits.memory {
            text = format!("{text}; at most {limit}");
        }
        self.tell("policy", &text);
        match &about.spec.logs.format {
            LogFormat::Raw => {}
            LogFormat::Stamped(format) => self.tell("stamped", format),
            LogFormat::Json(_) => self.tell("lines", "as JSON"),
        }
    }

    fn ends(&mut self, ends: &[EndView], now: u64) {
        for (index, end) in ends.iter().rev().enumerate() {
            let label = if index == 0 { "ends" } else { "" };
            let ago = uptime(now.saturating_sub(end.at));
            let style = if end.code == Some(0) { self.theme.text } else { self.theme.bad };
            let text = format!("{ago} ago: after {}, {}", duration(end.lived), end.why);
            self.say(label, &text, style);
        }
    }

    /// Names only, for values may be secrets; of what was inherited, the number.
    fn environment(&mut self, about: &Description) {
        let declared = |name: &str| {
            about.spec.declared_env.iter().any(|known| known.as_bytes() == name.as_bytes())
        };
        let (own, inherited): (Vec<_>, Vec<_>) =
            about.spec.env.iter().map(|(name, _)| name).partition(|name| declared(name));
        let inherited = inherited.len();
        let text = match (own.join(" "), inherited) {
            (own, 0) => own,
            (own, _) if own.is_empty() => format!("{inherited} inherited"),
            (own, _) => format!("{own} and {inherited} inherited"),
        };
        if !text.is_empty() {
            self.tell("env", &text);
        }
    }
}
