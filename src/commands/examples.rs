//! `pm examples`.

use crate::called;
use crate::cli::EXAMPLES;
use crate::prelude::{Report, Session};

pub(super) fn run(session: &Session) -> Report {
    Report::text(session.console, EXAMPLES.replace("  pm ", &format!("  {} ", called::name())))
}
