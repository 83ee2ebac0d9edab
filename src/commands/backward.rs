//! `pm backward NAME`: its repository one commit back.

use crate::cli::StepArgs;
use crate::commands::support::checkout::{Step, step};
use crate::prelude::{Failure, Report, Session};

pub(super) fn run(session: &Session, args: &StepArgs) -> Result<Report, Failure> {
    step(session, &args.app, Step::Backward)
}
