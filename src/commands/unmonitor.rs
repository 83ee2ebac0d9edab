//! `pm unmonitor`: takes the mark away.

use crate::cli::SelectArgs;
use crate::commands::monitor::mark;
use crate::failure::Failure;
use crate::report::Report;
use crate::session::Session;

pub(super) fn run(session: &Session, args: &SelectArgs) -> Result<Report, Failure> {
    mark(session, args, (false, "not marked any more"))
}
