//! Domains as a table, and what is said of a new one.

use serde::Serialize;

use crate::called::as_called;
use crate::cli::ProxyKind;
use crate::console::Look;
use crate::render::table::{Side, TableColumn, draw, fit};
use crate::render::text::{Paint, one_line};

/// One domain.
#[derive(Debug, Serialize)]
pub(crate) struct DomainRow {
    pub(crate) name: String,
    pub(crate) app: String,
    pub(crate) to: String,
    pub(crate) proxy: ProxyKind,
    pub(crate) file: String,
    pub(crate) note: Option<&'static str>,
}

/// The head of a column, and what it says of a domain.
type DomainCell = (&'static str, fn(&DomainRow) -> String);

/// All of them.
pub(crate) fn list(rows: &[DomainRow], look: Look) -> String {
    if rows.is_empty() && look.boxes {
        return as_called("no domains; `pm domain add DOMAIN APP` adds one\n");
    }
    let none = if look.boxes { "" } else { "-" };
    let cells: [DomainCell; 5] = [
        ("domain", |row| row.name.clone()),
        ("app", |row| one_line(&row.app).into_owned()),
        ("listens at", |row| row.to.clone()),
        ("file", |row| row.file.clone()),
        ("note", |row| row.note.unwrap_or_default().into()),
    ];
    let column = |(head, cell): DomainCell| {
        let mut column = TableColumn::new(head, Side::Left, Some(8));
        for row in rows {
            column.add(|text| {
                let shown = cell(row);
                text.push_str(if shown.is_empty() { none } else { &shown });
                if head == "note" { Paint::Bad } else { Paint::Plain }
            });
        }
        column
    };
    let columns = cells.map(column);
    let widths = fit(&columns, look)
        .or_else(|| fit(&columns, Look { width: None, ..look }))
        .unwrap_or_default();
    draw(&columns, &widths, look)
}

/// What came of it, and what else it takes.
pub(crate) fn served(name: &str, app: &str, to: &str, proxy: ProxyKind) -> String {
    let more = match proxy {
        ProxyKind::Caddy => "Caddy gets its certificate when the name leads to this machine",
        ProxyKind::Nginx => "for https: sudo certbot --nginx -d ",
    };
    let of = if proxy == ProxyKind::Nginx { name } else { "" };
    format!("{name} leads to {} ({to})\n{more}{of}\n", one_line(app))
}
