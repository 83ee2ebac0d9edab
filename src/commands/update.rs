//! `pm update`: the daemon is replaced by this program.

use pm_client::{CallError, Client, Deadline, pause};
use pm_config::path_bytes;
use pm_protocol::{Ping, Pong, Reset, Update};
use pm_spec::Select;

use crate::launch;
use crate::prelude::{Exit, Failure, Report, Session, quick};
use crate::session::{CHANGE, LOOK};

/// Says so when the new one answers.
pub(super) fn run(session: &Session) -> Result<Report, Failure> {
    let Some(mut client) = session.find()? else {
        session.warn_of_rival();
        let text = "no daemon runs; the next one will be this program";
        return Ok(Report::said(session.console, "update", text));
    };
    let old = quick(&mut client, &Ping {})?;
    let call = Update { program: path_bytes(&launch::own_program()?) };
    match client.call(&call, Deadline::after(CHANGE)) {
        // A daemon that leaves before its answer arrived has done what was asked.
        Ok(_) | Err(CallError::Lost) => {}
        Err(error) => return Err(error.into()),
    }
    let new = successor(&mut client, &old)?;
    if session.called_as.is_pm2() {
        // PM2 starts all apps anew, and counts from there.
        quick(&mut client, &Reset { select: vec![Select::All] })?;
    }
    let text = format!(
        "daemon {} (pid {}) was replaced by {} (pid {}); apps run on",
        old.version, old.pid, new.version, new.pid
    );
    Ok(Report::said(session.console, "update", &text))
}

fn successor(client: &mut Client, old: &Pong) -> Result<Pong, Failure> {
    let deadline = Deadline::after(CHANGE);
    loop {
        let asked = client.call(&Ping {}, deadline);
        match asked {
            Ok(new) if new.pid != old.pid => return Ok(new),
            Ok(_) | Err(CallError::Lost) if !deadline.is_over() => pause(LOOK, deadline),
            Err(CallError::Connect(error)) if error.is_no_daemon() && !deadline.is_over() => {
                pause(LOOK, deadline);
            }
            Ok(_) | Err(CallError::Late) => {}
            Err(error) => return Err(error.into()),
        }
        if deadline.is_over() {
            let message = format!(
                "could not replace the daemon: {} (pid {}) still answers",
                old.version, old.pid
            );
            return Err(Failure::new(Exit::Late, message)
                .hint("its log says why: `pm logs --daemon --nostream`"));
        }
    }
}
