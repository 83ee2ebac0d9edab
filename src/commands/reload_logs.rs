//! `pm reloadLogs`.

use pm_protocol::ReloadLogs;

use crate::prelude::{Failure, Report, Session, quick};

pub(super) fn run(session: &Session) -> Result<Report, Failure> {
    let mut client = session.need()?;
    quick(&mut client, &ReloadLogs {})?;
    Ok(Report::said(session.console, "reload_logs", "log files are opened anew"))
}
