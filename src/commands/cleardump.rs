//! `pm cleardump`: the saved list is empty from now on, whatever runs (PM2).

use pm_protocol::Save;

use crate::commands::save;
use crate::commands::support::saved_list;
use crate::prelude::{Failure, Report, Session, quick};

pub(super) fn run(session: &Session) -> Result<Report, Failure> {
    let mut client = session.daemon()?;
    let saved = quick(&mut client, &Save { force: true, empty: true })?;
    saved_list::write(session, &mut client, true)?;
    Ok(save::report(session, &saved))
}
