//! `pm kill`: everything down, daemon and guardian gone.

use pm_client::{CallError, Deadline, pause};
use pm_protocol::{Code, Kill, Outcomes};

use crate::commands::support::progress;
use crate::launch;
use crate::prelude::{Exit, Failure, Report, Session};
use crate::render::outcomes::Completed;
use crate::session::{CHANGE, LOOK};

/// Told when it is true.
pub(super) fn run(session: &Session) -> Result<Report, Failure> {
    let Some(mut client) = session.find()? else {
        session.warn_of_rival();
        return Ok(Completed::nothing("no daemon runs").report(session.console));
    };
    let ask = || client.call(&Kill {}, Deadline::NEVER);
    let outcomes = match progress::during(session, "stopping", ask) {
        Ok(done) => done,
        // Gone before it could say so.
        Err(CallError::Lost) => Outcomes::default(),
        // Somebody else ends it already; it is gone when they are done.
        Err(CallError::Refused(refusal)) if refusal.code == Code::Leaving => Outcomes::default(),
        Err(CallError::Connect(error)) if error.is_no_daemon() => Outcomes::default(),
        Err(error) => return Err(error.into()),
    };
    drop(client);
    let deadline = Deadline::after(CHANGE);
    while launch::find(&session.home)?.is_some() {
        if deadline.is_over() {
            let message = "could not end the daemon in time: it still listens";
            return Err(Failure::new(Exit::Late, message));
        }
        pause(LOOK, deadline);
    }
    let done =
        Completed { outcomes: outcomes.outcomes, ..Completed::nothing("no daemon runs any more") };
    Ok(done.report(session.console))
}
