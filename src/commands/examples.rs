//! `pm examples`.

use crate::called;
use crate::prelude::{Report, Session};

pub(super) fn run(session: &Session) -> Report {
    let text = include_str!("examples/examples.txt");
    Report::text(session.console, text.replace("  pm ", &format!("  {} ", called::name())))
}
