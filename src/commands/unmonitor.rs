//! `pm unmonitor`: takes the mark away.

use crate::cli::SelectArgs;
use crate::commands::monitor::mark;
use crate::prelude::{Failure, Report, Session};

pub(super) fn run(session: &Session, args: &SelectArgs) -> Result<Report, Failure> {
    mark(session, args, (false, "not marked any more"))
}
