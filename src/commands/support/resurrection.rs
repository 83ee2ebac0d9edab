//! Bringing back what was saved, for `pm resurrect` and for who stays in the foreground with it.

use pm_client::Deadline;
use pm_protocol::Resurrect;

use crate::commands::support::{finish, progress, resend, saved_list};
use crate::prelude::{Failure, Report, Session};
use crate::render::outcomes::Done;

/// The saved list is up again.
pub(crate) fn run(session: &Session) -> Result<Report, Failure> {
    let mut client = session.daemon()?;
    if let Some(path) = saved_list::foreign(session) {
        let asked = resend::now();
        session.console.talk(&format!("reading {}, which PM2 wrote", path.display()));
        let outcomes = progress::during(session, "resurrecting", || {
            saved_list::revive(session, &mut client, &path)
        })?;
        if outcomes.is_empty() {
            return Ok(Done::nothing("nothing saved that is not known").report(session.console));
        }
        return finish::report(session, &mut client, outcomes, asked, "");
    }
    if session.called_as.is_pm2() && !session.home.saved().exists() {
        // For PM2 that is no failure; boot scripts rely on it.
        session.console.talk("error: there is no saved list; `pm2 save` makes one");
        return Ok(Report::default());
    }
    let asked = resend::now();
    let ask = || client.call(&Resurrect {}, Deadline::NEVER);
    let done = progress::during(session, "resurrecting", ask)?;
    if let Some(warning) = &done.warning {
        session.console.talk(&format!("warning: {warning}"));
    }
    if done.outcomes.is_empty() {
        return Ok(Done::nothing("nothing saved that is not known").report(session.console));
    }
    finish::report(session, &mut client, done.outcomes, asked, "")
}
