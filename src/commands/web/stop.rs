//! `pm web stop`.

use pm_client::Deadline;
use pm_protocol::Stop;
use pm_spec::Select;
use pm_web::ControlCall;

use super::control::{ask, known};
use crate::prelude::{Failure, Report, Session};

pub(super) fn run(session: &Session) -> Result<Report, Failure> {
    if let Some(mut client) = session.find()?
        && let Some(row) = known(&mut client)?
    {
        let stop = Stop { select: vec![Select::Id(row.id)] };
        client.call(&stop, Deadline::NEVER)?;
    }
    if ask(session, &ControlCall::Where)?.is_some() {
        let message = "could not stop the panel: it does not run as the app pm-web";
        return Err(Failure::failed(message).hint("end it where `pm web --foreground` was typed"));
    }
    Ok(Report::said(session.console, "stop", "the panel is down; apps run on"))
}
