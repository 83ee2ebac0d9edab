//! `pm prettylist`: the list in PM2's shape, as Node prints objects.

use pm_pm2::inspect;

use crate::commands::jlist;
use crate::prelude::{Failure, Report, Session};

/// PM2's order: scripts cut `pm_id: 0,` at its comma.
const FIRST: [&str; 5] = ["pid", "name", "pm2_env", "pm_id", "monit"];

pub(super) fn run(session: &Session) -> Result<Report, Failure> {
    let entries = jlist::entries(session)?;
    Ok(Report::new(session.console, || inspect(&entries, &FIRST) + "\n", || entries.clone()))
}
