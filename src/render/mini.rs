//! `pm -m list`: a block per instance, in PM2's form.

use pm_protocol::{Description, Descriptions, Listing, Row};
use pm_spec::{ByteString, Bytes};

use crate::console::Look;
use crate::render::text::{self, Paint, safe, safe_text};

/// Blocks of what is listed after something was done: without the files.
pub(crate) fn rows(listing: &Listing, look: Look) -> String {
    listing.rows.iter().map(|row| block(row, None, listing.now, look)).collect()
}

/// Blocks with everything.
pub(crate) fn blocks(descriptions: &Descriptions, look: Look) -> String {
    let block =
        |described: &Description| block(&described.row, Some(described), descriptions.now, look);
    descriptions.descriptions.iter().map(block).collect()
}

fn block(row: &Row, described: Option<&Description>, now: u64, look: Look) -> String {
    let mut fields = vec![
        ("namespace", safe_text(&row.namespace)),
        ("version", safe_text(row.version.as_deref().unwrap_or("N/A"))),
        ("pid", row.pid.to_string()),
        ("pm2 id", row.id.to_string()),
        ("status", Paint::of(row.status).on(&row.status_words(), look.colour)),
        ("mode", row.mode.as_str().into()),
        ("restarted", row.restarts.to_string()),
        ("uptime", text::uptime(row, now)),
        ("memory usage", Bytes::new(row.usage.memory).to_string()),
    ];
    if let Some(described) = described {
        fields.push(("error log", path(described.error.as_ref())));
    }
    fields.push(("watching", if row.watching { "yes" } else { "no" }.into()));
    if let Some(described) = described {
        fields.push(("PID file", path(described.pid_file.as_ref())));
    }
    let name = format!("+--- {}", safe_text(&row.name));
    let mut block = Paint::Key.on(&name, look.colour) + "\n";
    for (key, value) in fields {
        block.extend([key, " : ", &value, "\n"]);
    }
    block + "\n"
}

fn path(file: Option<&ByteString>) -> String {
    file.map_or_else(|| "none".into(), |path| safe(path).into())
}
