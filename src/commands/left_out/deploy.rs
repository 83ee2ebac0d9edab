//! `pm deploy` in a build without it.

use crate::cli::DeployArgs;
use crate::prelude::{Failure, Report, Session};

pub(super) fn run(_: &Session, _: &DeployArgs) -> Result<Report, Failure> {
    Err(Failure::left_out("deploy"))
}
