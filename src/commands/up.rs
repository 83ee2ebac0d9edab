//! `pm up`: a project becomes what its files say, and what they no longer name goes (Compose).

use crate::cli::{ApplyArgs, UpArgs};
use crate::commands::apply;
use crate::prelude::{Failure, Report, Session};

pub(super) fn run(session: &Session, args: UpArgs) -> Result<Report, Failure> {
    let UpArgs { files, how } = args;
    apply::run(session, &ApplyArgs { files, only: Vec::new(), prune: true, how })
}
