//! Bringing back what was saved, for `pm resurrect` and for who stays in the foreground with it.

use pm_client::Deadline;
use pm_protocol::Resurrect;

use crate::commands::support::{finish, progress, resend, saved_list};
use crate::prelude::{Failure, Report, Session};
use crate::render::outcomes::Completed;

/// The saved list is up again.
pub(crate) fn run(session: &Session) -> Result<Report, Failure> {
    let mut client = session.daemon()?;
    let asked = resend::now();
    let outcomes = if let Some(path) = saved_list::foreign(session) {
        session.console.talk(&format!("reading {}, which PM2 wrote", path.display()));
        let revive = || saved_list::revive(session, &mut client, &path);
        progress::during(session, "resurrecting", revive)?
    } else if session.called_as.is_pm2() && !session.home.saved().exists() {
        // For PM2 that is no failure; boot scripts rely on it.
        session.console.talk("error: there is no saved list; `pm2 save` makes one");
        return Ok(Report::default());
    } else {
        let ask = || client.call(&Resurrect {}, Deadline::NEVER);
        let done = progress::during(session, "resurrecting", ask)?;
        if let Some(warning) = &done.warning {
            session.console.talk(&format!("warning: {warning}"));
        }
        done.outcomes
    };
    if outcomes.is_empty() {
        return Ok(Completed::nothing("nothing saved that is not known").report(session.console));
    }
    finish::report(session, &mut client, outcomes, asked, "")
}
