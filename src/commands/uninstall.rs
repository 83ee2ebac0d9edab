//! `pm uninstall MODULE`: what never was here is gone.

use crate::cli::AnyArgs;
use crate::commands::install::BUILT_IN;
use crate::failure::{Exit, Failure};
use crate::report::Report;
use crate::session::Session;

pub(super) fn run(session: &Session, args: &AnyArgs) -> Result<Report, Failure> {
    let module = args.words.first().map_or("no module", String::as_str);
    if BUILT_IN.iter().any(|(known, _)| *known == module) {
        let text = format!("{module} is not installed; what is built in stays");
        return Ok(Report::said(session.console, "uninstall", &text));
    }
    let message = format!("could not uninstall {module}: npm modules are not part of pm");
    Err(Failure::new(Exit::Failed, message).hint("an app is removed by `pm delete NAME`"))
}
