//! `pm forward NAME`: its repository one commit forward.

use pm_pm2::repository::CommitStep;

use crate::cli::IdArgs;
use crate::commands::support::checkout::step;
use crate::prelude::{Failure, Report, Session};

pub(super) fn run(session: &Session, args: &IdArgs) -> Result<Report, Failure> {
    step(session, &args.app, CommitStep::Forward)
}
