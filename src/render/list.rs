//! `pm list`: as many columns as fit, never a wrapped line.

use std::cmp::Ordering;
use std::fmt::Write as _;

use pm_client::standing;
use pm_protocol::{Listing, Row};
use pm_spec::Bytes;

use crate::called::as_called;
use crate::console::Look;
use crate::failure::Failure;
use crate::render::table::{Side, TableColumn, draw, fit};
use crate::render::text::{self, Paint, one_line, safe_text};

/// What a list is ordered by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SortOrder {
    compare: Comparison,
    reversed: bool,
}

type Comparison = fn(&Row, &Row) -> Ordering;

/// The names of fields, as `--sort` takes them, and the order of each.
const FIELDS: [(&str, Comparison); 9] = [
    ("name", |a, b| a.name.cmp(&b.name)),
    ("namespace", |a, b| a.namespace.cmp(&b.namespace)),
    ("pid", |a, b| a.pid.cmp(&b.pid)),
    ("id", |a, b| a.id.cmp(&b.id)),
    ("cpu", |a, b| a.usage.cpu.total_cmp(&b.usage.cpu)),
    ("memory", |a, b| a.usage.memory.cmp(&b.usage.memory)),
    // A longer uptime is an earlier start; what does not run has none.
    ("uptime", |a, b| start(b).cmp(&start(a))),
    ("status", |a, b| a.standing().cmp(b.standing())),
    ("restarts", |a, b| a.restarts.cmp(&b.restarts)),
];

impl SortOrder {
    /// PM2's: by name, then id.
    pub(crate) const NAME: Self = Self { compare: FIELDS[0].1, reversed: false };

    /// As `--sort` asks for it.
    pub(crate) fn asked(text: Option<&str>) -> Result<Self, Failure> {
        let Some(text) = text else { return Ok(Self::NAME) };
        Self::parse(text).ok_or_else(|| {
            Failure::input(format!("could not sort by `{text}`")).hint(
                "name, namespace, pid, id, cpu, memory, uptime, status or restarts, then :asc or :desc",
            )
        })
    }

    /// Reads `cpu`, `cpu:asc` or `cpu:desc`.
    fn parse(text: &str) -> Option<Self> {
        let (name, direction) = text.split_once(':').unwrap_or((text, "asc"));
        let reversed = match direction {
            "asc" => false,
            "desc" => true,
            _ => return None,
        };
        let (_, compare) = *FIELDS.iter().find(|(known, _)| *known == name)?;
        Some(Self { compare, reversed })
    }

    /// Puts whatever has rows into this order; equal ones stay in order of id.
    pub(crate) fn arrange<T>(self, all: &mut [T], row: impl Fn(&T) -> &Row) {
        all.sort_by_key(|one| row(one).id);
        all.sort_by(|a, b| {
            let ordering = (self.compare)(row(a), row(b));
            if self.reversed { ordering.reverse() } else { ordering }
        });
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
    list_of(&[], listing, look)
}

/// The list of several machines, `hosts` being that of each row; without any, of this one.
pub(crate) fn list_of(hosts: &[&str], listing: &Listing, look: Look) -> String {
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
        let columns = names.map(|name| column(name, least, listing, look));
        let columns: Vec<_> = host_column(hosts).into_iter().chain(columns).collect();
        if let Some(widths) = fit(&columns, look.width) {
            text = draw(&columns, &widths, look);
            break;
        }
    }
    if text.is_empty() {
        text = lines(listing, look.width.unwrap_or(usize::MAX));
    }
    text.push_str(&notes(hosts, listing, look));
    text
}

/// Narrower than any table: one line each, the name cut before the status.
fn lines(listing: &Listing, room: usize) -> String {
    let mut lines = String::new();
    for row in &listing.rows {
        let status = row.standing();
        let rest = row.id.to_string().len() + status.len() + 2;
        let name = text::clip(&safe_text(&row.name), room.saturating_sub(rest).max(1));
        let line = format!("{} {name} {status}", row.id);
        lines.extend([&text::clip(&line, room), "\n"]);
    }
    lines
}

/// Why something is not up, below the table.
fn notes(hosts: &[&str], listing: &Listing, look: Look) -> String {
    let mut notes = String::new();
    for (index, row) in listing.rows.iter().enumerate().filter(|_| look.boxes) {
        if let Some(note) = &row.note {
            let host = hosts.get(index).map(|host| format!("{host} ")).unwrap_or_default();
            let name = safe_text(&row.name);
            let line = format!("{host}{name} ({}): {}", row.id, safe_text(note));
            notes += &(Paint::Dim.on(&text::fitted(&line, look), look.colour) + "\n");
        }
    }
    notes
}

/// Which machine each is on, if there are several.
fn host_column(hosts: &[&str]) -> Option<TableColumn> {
    let mut column = TableColumn::new("host", Side::Left, None);
    for host in hosts {
        column.add(|text| {
            text.push_str(host);
            Paint::Plain
        });
    }
    (!hosts.is_empty()).then_some(column)
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
        "status" => text.write_str(&standing(row, now)),
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
        "status" => Paint::of_row(row),
        _ => Paint::Plain,
    }
}

#[cfg(test)]
#[path = "list_tests.rs"]
mod tests;
