//! `pm prettylist`: the list in PM2's shape, as Node prints objects.

use pm_pm2::inspect;

use crate::commands::jlist;
use crate::prelude::{Failure, Report, Session};

pub(super) fn run(session: &Session) -> Result<Report, Failure> {
    let entries = jlist::entries(session)?;
    Ok(Report::new(session.console, || inspect(&entries) + "\n", || entries.clone()))
}
