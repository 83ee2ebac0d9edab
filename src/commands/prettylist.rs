//! `pm prettylist`: the list in PM2's shape, as Node prints objects.

use crate::commands::jlist;
use crate::failure::Failure;
use crate::report::Report;
use crate::session::Session;
use pm_pm2::inspect;

pub(super) fn run(session: &Session) -> Result<Report, Failure> {
    let entries = jlist::entries(session)?;
    Ok(Report::new(session.console, || inspect(&entries) + "\n", || entries.clone()))
}
