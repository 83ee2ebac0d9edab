//! `pm ping`: starts a daemon if there is none (PM2).

use pm_protocol::Ping;

use crate::prelude::{Failure, Report, Session, quick};
use crate::render::json::value;

pub(super) fn run(session: &Session) -> Result<Report, Failure> {
    let mut client = session.daemon()?;
    let pong = quick(&mut client, &Ping {})?;
    // PM2's words, for scripts that compare them.
    Ok(Report::talk(session.console, || "{ msg: 'pong' }\n".into(), || value(&pong)))
}
