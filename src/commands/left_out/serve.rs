//! `pm serve` in a build without it.

use crate::cli::ServeArgs;
use crate::prelude::{Failure, Report, Session};

pub(super) fn run(_: &Session, _: ServeArgs) -> Result<Report, Failure> {
    Err(Failure::left_out("serve"))
}
