//! `pm pull NAME [COMMIT]`.

use pm_pm2::repository::Step;

use crate::cli::PullArgs;
use crate::commands::support::checkout::step;
use crate::prelude::{Failure, Report, Session};

pub(super) fn run(session: &Session, args: &PullArgs) -> Result<Report, Failure> {
    step(session, &args.app, args.commit.as_deref().map_or(Step::Newest, Step::To))
}
