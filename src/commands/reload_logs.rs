//! `pm reloadLogs`.

use pm_protocol::ReloadLogs;

use crate::failure::Failure;
use crate::report::Report;
use crate::session::{Session, quick};

pub(super) fn run(session: &Session) -> Result<Report, Failure> {
    let mut client = session.need()?;
    quick(&mut client, &ReloadLogs {})?;
    Ok(Report::said(session.console, "reload_logs", "log files are opened anew"))
}
