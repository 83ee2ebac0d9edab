//! `pm list`: as many columns as fit, never a wrapped line.

use std::cmp::Ordering;
use std::fmt::Write as _;

use pm_protocol::{Listing, Row};
use pm_spec::Bytes;

use crate::called::as_called;
use crate::console::Look;
use crate::render::table::{Side, TableColumn, draw, fit};
use crate::render::text::{self, Paint, one_line, safe_text};

/// What a list is ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SortOrder {
    field: SortField,
    reversed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SortField {
    Name,
    Namespace,
    Pid,
    Id,
    Cpu,
    Memory,
    Uptime,
    Status,
    Restarts,
}

/// The names of fields, as `--sort` takes them.
const FIELDS: [(&str, SortField); 9] = [
    ("name", SortField::Name),
    ("namespace", SortField::Namespace),
    ("pid", SortField::Pid),
    ("id", SortField::Id),
    ("cpu", SortField::Cpu),
    ("memory", SortField::Memory),
    ("uptime", SortField::Uptime),
    ("status", SortField::Status),
    ("restarts", SortField::Restarts),
];

impl SortOrder {
    /// PM2's: by name, then id.
    pub(crate) const NAME: Self = Self { field: SortField::Name, reversed: false };

    /// Reads `cpu`, `cpu:asc` or `cpu:desc`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (name, direction) = text.split_once(':').unwrap_or((text, "asc"));
        let reversed = match direction {
            "asc" => false,
            "desc" => true,
            _ => return None,
        };
        let field = FIELDS.iter().find(|(known, _)| *known == name)?.1;
        Some(Self { field, reversed })
    }

    /// Puts rows into this order; equal ones stay in order of id.
    pub(crate) fn sort(self, rows: &mut [Row]) {
        self.arrange(rows, |row| row);
    }

    /// Puts whatever has rows into this order.
    pub(crate) fn arrange<T>(self, all: &mut [T], row: impl Fn(&T) -> &Row) {
        all.sort_by_key(|one| row(one).id);
        all.sort_by(|a, b| {
            let ordering = self.compare(row(a), row(b));
            if self.reversed { ordering.reverse() } else { ordering }
        });
    }

    fn compare(self, a: &Row, b: &Row) -> Ordering {
        match self.field {
            SortField::Name => a.name.cmp(&b.name),
            SortField::Namespace => a.namespace.cmp(&b.namespace),
            SortField::Pid => a.pid.cmp(&b.pid),
            SortField::Id => a.id.cmp(&b.id),
            SortField::Cpu => a.usage.cpu.total_cmp(&b.usage.cpu),
            SortField::Memory => a.usage.memory.cmp(&b.usage.memory),
            // A longer uptime is an earlier start; what does not run has none.
            SortField::Uptime => start(b).cmp(&start(a)),
            SortField::Status => a.status.as_str().cmp(b.status.as_str()),
            SortField::Restarts => a.restarts.cmp(&b.restarts),
        }
    }
}

fn start(row: &Row) -> u64 {
    if row.pid == 0 { u64::MAX } else { row.started_at }
}

/// Which columns, from the widest screen to the narrowest.
const SETS: [&[&str]; 7] = [
    &[
        "id",
        "name",
        "namespace",
        "version",
        "mode",
        "pid",
        "uptime",
        "↺",
        "status",
        "cpu",
        "mem",
        "user",
        "watching",
        "port",
    ],
    &["id", "name", "namespace", "pid", "uptime", "↺", "status", "cpu", "mem", "port"],
    &["id", "name", "pid", "uptime", "↺", "status", "cpu", "mem", "port"],
    &["id", "name", "uptime", "↺", "status", "cpu", "mem", "port"],
    &["id", "name", "↺", "status", "cpu", "mem"],
    &["id", "name", "status", "mem"],
    &["id", "name", "status"],
];

/// The list as a table.
pub(crate) fn list(listing: &Listing, look: Look) -> String {
    let mut text = String::new();
    if listing.rows.is_empty() && look.boxes {
        return as_called("no apps; `pm start FILE` starts some\n");
    }
    let narrowest = SETS.len() - 1;
    let has_ports = listing.rows.iter().any(|row| !row.usage.listens.is_empty());
    for (index, names) in SETS.iter().enumerate() {
        // A name is cut a little before a column goes, and to the bone when none is left to go.
        let least = match index {
            0 => None,
            _ if index == narrowest => Some(1),
            _ => Some(12),
        };
        let names = names.iter().filter(|name| **name != "port" || has_ports);
        let columns: Vec<_> = names.map(|name| column(name, least, listing, look)).collect();
        if let Some(widths) = fit(&columns, look.width) {
            text = draw(&columns, &widths, look);
            break;
        }
    }
    if text.is_empty() {
        text = lines(listing, look.width.unwrap_or(usize::MAX));
    }
    text.push_str(&notes(listing, look));
    text
}

/// Narrower than any table: one line each, the name cut before the status.
fn lines(listing: &Listing, room: usize) -> String {
    let mut lines = String::new();
    for row in &listing.rows {
        let status = safe_text(&row.status_words());
        let rest = row.id.to_string().len() + text::width(&status) + 2;
        let name = text::clip(&safe_text(&row.name), room.saturating_sub(rest).max(1));
        let line = format!("{} {name} {status}", row.id);
        lines.extend([&text::clip(&line, room), "\n"]);
    }
    lines
}

/// Why something is not up, below the table.
fn notes(listing: &Listing, look: Look) -> String {
    let mut notes = String::new();
    for row in listing.rows.iter().filter(|_| look.boxes) {
        if let Some(note) = &row.note {
            let line = format!("{} ({}): {}", safe_text(&row.name), row.id, safe_text(note));
            let line = text::clip(&line, look.width.unwrap_or(usize::MAX));
            notes.push_str(&Paint::Dim.on(&line, look.colour));
            notes.push('\n');
        }
    }
    notes
}

fn column(name: &'static str, least: Option<usize>, listing: &Listing, look: Look) -> TableColumn {
    let side = if matches!(name, "id" | "pid" | "↺" | "cpu" | "mem" | "uptime") {
        Side::Right
    } else {
        Side::Left
    };
    let mut column = TableColumn::new(name, side, if name == "name" { least } else { None });
    for row in &listing.rows {
        column.add(|text| cell(text, name, row, listing.now, look));
    }
    column
}

/// Appends what a row has to say in the column of that name.
fn cell(text: &mut String, name: &str, row: &Row, now: u64, look: Look) -> Paint {
    // Where columns are cut by blanks, none may be empty.
    let none = if look.boxes { "" } else { "-" };
    let version = row.version.as_deref().unwrap_or(none);
    let user = row.user.as_deref().unwrap_or(none);
    match name {
        "id" => write!(text, "{}", row.id),
        "name" => text.write_str(&one_line(&row.name)),
        "namespace" => text.write_str(&one_line(&row.namespace)),
        "version" => text.write_str(&one_line(version)),
        "mode" => text.write_str(row.mode.as_str()),
        "pid" if row.pid != 0 => write!(text, "{}", row.pid),
        "pid" => text.write_str(none),
        "uptime" => text.write_str(&text::uptime(row, now)),
        "↺" => write!(text, "{}", row.restarts),
        "status" => text.write_str(&one_line(&row.status_words())),
        "cpu" if row.usage.cpu > 0.0 && row.usage.cpu < 9.95 => {
            write!(text, "{:.1}%", row.usage.cpu)
        }
        "cpu" => write!(text, "{:.0}%", row.usage.cpu),
        "mem" => write!(text, "{}", Bytes::new(row.usage.memory)),
        "port" if row.usage.listens.is_empty() => text.write_str(none),
        "port" => text.write_str(&row.usage.ports()),
        "watching" => text.write_str(if row.watching { "enabled" } else { "disabled" }),
        _ => text.write_str(&one_line(user)),
    }
    // A string takes everything.
    .ok();
    match name {
        "id" => Paint::Key,
        "status" => Paint::of(row.status),
        _ => Paint::Plain,
    }
}

#[cfg(test)]
#[path = "list_tests.rs"]
mod tests;
