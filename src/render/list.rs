//! `pm list`: as many columns as fit, never a wrapped line.

use std::cmp::Ordering;
use std::fmt::{self, Write as _};

use pm_client::standing;
use pm_protocol::{Listing, Row};
use pm_spec::Bytes;

use crate::called::as_called;
use crate::console::Look;
use crate::failure::Failure;
use crate::render::table::{Side, TableColumn, draw, fit};
use crate::render::text::{self, Paint, one_line, safe_text};
use crate::words::say;

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

/// What a column says of each row.
struct ListColumn {
    head: &'static str,
    side: Side,
    fill: Fill,
    paint: fn(&Row) -> Paint,
}

/// What rows are shown with: the moment, and the word for what there is none of.
struct CellContext {
    now: u64,
    none: &'static str,
}

const ID: ListColumn =
    ListColumn { paint: |_| Paint::Key, ..right("id", |text, row, _| write!(text, "{}", row.id)) };
const NAME: ListColumn = left("name", |text, row, _| text.write_str(&one_line(&row.name)));
const NAMESPACE: ListColumn =
    left("namespace", |text, row, _| text.write_str(&one_line(&row.namespace)));
const VERSION: ListColumn = left("version", |text, row, context| {
    text.write_str(&one_line(row.version.as_deref().unwrap_or(context.none)))
});
const MODE: ListColumn = left("mode", |text, row, _| text.write_str(row.mode.as_str()));
const PID: ListColumn = right("pid", |text, row, context| match row.pid {
    0 => text.write_str(context.none),
    pid => write!(text, "{pid}"),
});
const UPTIME: ListColumn =
    right("uptime", |text, row, context| text.write_str(&text::uptime(row, context.now)));
const RESTARTS: ListColumn = right("↺", |text, row, _| write!(text, "{}", row.restarts));
const STATUS: ListColumn = ListColumn {
    paint: Paint::of_row,
    ..left("status", |text, row, context| text.write_str(&standing(row, context.now)))
};
const CPU: ListColumn = right("cpu", |text, row, _| match row.usage.cpu {
    0.0 => text.write_str("0%"),
    cpu if cpu > 0.0 && cpu < 9.95 => write!(text, "{cpu:.1}%"),
    cpu => write!(text, "{cpu:.0}%"),
});
const MEMORY: ListColumn =
    right("mem", |text, row, _| write!(text, "{}", Bytes::new(row.usage.memory)));
const USER: ListColumn = left("user", |text, row, context| {
    text.write_str(&one_line(row.user.as_deref().unwrap_or(context.none)))
});
const WATCHING: ListColumn = left("watching", |text, row, _| {
    text.write_str(if row.watching { "enabled" } else { "disabled" })
});
const PORT: ListColumn = left("port", |text, row, context| {
    if row.usage.listens.is_empty() {
        return text.write_str(context.none);
    }
    text.write_str(&row.usage.ports())
});

type Fill = fn(&mut String, &Row, &CellContext) -> fmt::Result;

const fn left(head: &'static str, fill: Fill) -> ListColumn {
    ListColumn { head, side: Side::Left, fill, paint: |_| Paint::Plain }
}

const fn right(head: &'static str, fill: Fill) -> ListColumn {
    ListColumn { head, side: Side::Right, ..left(head, fill) }
}

/// Which columns, from the widest screen to the narrowest.
const SETS: [&[ListColumn]; 7] = [
    &[
        ID, NAME, NAMESPACE, VERSION, MODE, PID, UPTIME, RESTARTS, STATUS, CPU, MEMORY, USER,
        WATCHING, PORT,
    ],
    &[ID, NAME, NAMESPACE, PID, UPTIME, RESTARTS, STATUS, CPU, MEMORY, PORT],
    &[ID, NAME, PID, UPTIME, RESTARTS, STATUS, CPU, MEMORY, PORT],
    &[ID, NAME, UPTIME, RESTARTS, STATUS, CPU, MEMORY, PORT],
    &[ID, NAME, RESTARTS, STATUS, CPU, MEMORY],
    &[ID, NAME, STATUS, MEMORY],
    &[ID, NAME, STATUS],
];

/// The list as a table.
pub(crate) fn list(listing: &Listing, look: Look) -> String {
    list_of(&[], listing, look)
}

/// The list of several machines, `hosts` being that of each row; without any, of this one.
pub(crate) fn list_of(hosts: &[&str], listing: &Listing, look: Look) -> String {
    let mut text = String::new();
    if listing.rows.is_empty() && look.boxes {
        return say(&as_called("no apps; `pm start FILE` starts some")).into_owned() + "\n";
    }
    let narrowest = SETS.len() - 1;
    let has_ports = listing.rows.iter().any(|row| !row.usage.listens.is_empty());
    for (index, set) in SETS.iter().enumerate() {
        // A name is cut a little before a column goes, and to the bone when none is left to go.
        let least = match index {
            0 => None,
            _ if index == narrowest => Some(1),
            _ => Some(12),
        };
        let set = set.iter().filter(|column| column.head != PORT.head || has_ports);
        let columns = set.map(|column| filled(column, least, listing, look));
        let columns: Vec<_> = host_column(hosts).into_iter().chain(columns).collect();
        if let Some(widths) = fit(&columns, look) {
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
            let line = format!("{host}{name} ({}): {}", row.id, say(&safe_text(note)));
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

fn filled(of: &ListColumn, least: Option<usize>, listing: &Listing, look: Look) -> TableColumn {
    // Where columns are cut by blanks, none may be empty.
    let context = CellContext { now: listing.now, none: if look.boxes { "" } else { "-" } };
    let least = least.filter(|_| of.head == NAME.head);
    let mut column = TableColumn::new(of.head, of.side, least);
    for row in &listing.rows {
        column.add(|text| {
            // A string takes everything.
            (of.fill)(text, row, &context).ok();
            (of.paint)(row)
        });
    }
    column
}

#[cfg(test)]
#[path = "list_tests.rs"]
mod tests;
