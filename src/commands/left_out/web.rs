//! `pm web` in a build without it.

use crate::cli::WebArgs;
use crate::prelude::{Failure, Report, Session};

pub(super) fn run(_: &Session, _: WebArgs) -> Result<Report, Failure> {
    Err(Failure::left_out("panel"))
}
