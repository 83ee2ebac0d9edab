//! `pm unstartup`.

use crate::cli::UnstartupArgs;
use crate::commands::startup::{install, is_to_paste, paste, unit};
use crate::prelude::{Failure, Report, Session};

pub(super) fn run(session: &Session, args: &UnstartupArgs) -> Result<Report, Failure> {
    let unit = unit(session, &args.boot)?;
    if args.dry_run {
        return Ok(Report::said(session.console, "unstartup", &install::undoing(&unit)?));
    }
    if is_to_paste(&unit) {
        return Ok(paste(session, &unit, "unstartup", &args.boot));
    }
    let done = install::remove(session, &unit)?;
    Ok(Report::said(session.console, "unstartup", &done))
}
