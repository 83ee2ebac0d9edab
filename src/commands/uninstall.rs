//! `pm uninstall MODULE`: what never was here is gone.

use pm_pm2::modules::gone;

use crate::cli::AnyArgs;
use crate::prelude::{Failure, Report, Session};

pub(super) fn run(session: &Session, args: &AnyArgs) -> Result<Report, Failure> {
    Ok(Report::said(session.console, "uninstall", &gone(&args.words)?))
}
