//! The hidden verb that serves, in a build without it.

use crate::prelude::{Failure, Report};

pub(super) fn run() -> Result<Report, Failure> {
    Err(Failure::left_out("serve"))
}
