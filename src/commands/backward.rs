//! `pm backward NAME`: its repository one commit back.

use pm_pm2::repository::Step;

use crate::cli::StepArgs;
use crate::commands::support::checkout::step;
use crate::prelude::{Failure, Report, Session};

pub(super) fn run(session: &Session, args: &StepArgs) -> Result<Report, Failure> {
    step(session, &args.app, Step::Backward)
}
