//! `pm serve` in a build without it.

use crate::cli::ServeArgs;
use crate::failure::Failure;
use crate::report::Report;
use crate::session::Session;

pub(super) fn run(_: &Session, _: &ServeArgs) -> Result<Report, Failure> {
    Err(Failure::left_out("serve"))
}
