//! `pm unstartup`.

use crate::cli::BootArgs;
use crate::commands::startup::{install, is_to_paste, paste, unit};
use crate::prelude::{Failure, Report, Session};

pub(super) fn run(session: &Session, wanted: &BootArgs) -> Result<Report, Failure> {
    let unit = unit(session, wanted)?;
    if is_to_paste(&unit) {
        return Ok(paste(session, &unit, "unstartup", wanted));
    }
    let done = install::remove(session, &unit)?;
    Ok(Report::said(session.console, "unstartup", &done))
}
