//! `pm install MODULE`: nothing to do where the module's work is built in.

use pm_pm2::modules::instead;

use crate::called::as_called;
use crate::cli::AnyArgs;
use crate::prelude::{Failure, Report, Session};

pub(super) fn run(session: &Session, args: &AnyArgs) -> Result<Report, Failure> {
    let text = as_called(&instead(&args.words)?);
    Ok(Report::said(session.console, "install", &text))
}
