//! Verbs about the daemon and its files: flush, reloadLogs, save, resurrect, kill, ping, update.

use std::os::unix::ffi::OsStringExt;
use std::time::Duration;

use pm_client::{CallError, Client, Deadline, pause};
use pm_protocol::{Code, Flush, Kill, Outcomes, Ping, Pong, ReloadLogs, Resurrect, Save, Update};
use pm_spec::ByteString;

use crate::cli::{ResurrectArgs, SaveArgs, SelectArgs};
use crate::commands::foreground::{self, Stay};
use crate::commands::logs::Form;
use crate::commands::support::{progress, resend, selectors};
use crate::commands::{QUICK, Session, act, dump, is_all, quick, settings};
use crate::failure::{Exit, Failure};
use crate::launch;
use crate::report::{Done, Report};

/// How long a daemon may take to be gone, or to be back.
const CHANGE: Duration = Duration::from_secs(20);

/// Between two looks whether it is.
const LOOK: Duration = Duration::from_millis(5);

pub(super) fn flush(session: &Session, args: &SelectArgs) -> Result<Report, Failure> {
    let mut client = match session.find()? {
        Some(client) => client,
        None if is_all(&args.apps) => {
            session.warn_of_rival();
            return Ok(Report::Flushed(Vec::new(), 0));
        }
        None => session.need()?,
    };
    let select = selectors::selects(session, &mut client, &args.apps)?;
    match client.call(&Flush { select }, Deadline::after(QUICK)) {
        Ok(flushed) => Ok(Report::Flushed(flushed.files, flushed.parts)),
        // PM2 has nothing to say about apps it does not know.
        Err(CallError::Refused(refusal))
            if session.called_as.is_pm2() && refusal.code == Code::NotFound =>
        {
            Ok(Report::Flushed(Vec::new(), 0))
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) fn reload_logs(session: &Session) -> Result<Report, Failure> {
    let mut client = session.need()?;
    quick(&mut client, &ReloadLogs {})?;
    Ok(Report::Said { done: "reload_logs", text: "log files are opened anew".into() })
}

pub(super) fn save(session: &Session, args: &SaveArgs) -> Result<Report, Failure> {
    let mut client = if session.called_as.is_pm2() { session.daemon()? } else { session.need()? };
    let call = Save { force: args.force, empty: false };
    match client.call(&call, Deadline::after(QUICK)) {
        Ok(saved) => {
            dump::write(session, &mut client, false)?;
            Ok(Report::Saved(saved))
        }
        // An empty list is a warning for PM2, and the saved one stays.
        Err(CallError::Refused(refusal))
            if session.called_as.is_pm2() && refusal.code == Code::BadRequest =>
        {
            session.console.talk(&format!("warning: {}", refusal.message));
            Ok(Report::Nothing)
        }
        Err(error) => Err(error.into()),
    }
}

/// After each change of the list, if `pm set pm2:autodump true` wishes so (PM2's name, without effect in its newest
/// versions): what is known now is what the next boot brings, an empty list included. The change itself is done, so a
/// list that can't be saved is only told.
pub(super) fn autosave(session: &Session, client: &mut Client) {
    if !settings::is_on(session, "pm2:autodump") {
        return;
    }
    let call = Save { force: true, empty: false };
    let saved = quick(client, &call).and_then(|_| dump::write(session, client, false));
    if let Err(failure) = saved {
        session.console.complain(&format!("warning: not saved: {}", failure.message));
    }
}

/// PM2: the saved list is empty from now on, whatever runs.
pub(super) fn cleardump(session: &Session) -> Result<Report, Failure> {
    let mut client = session.daemon()?;
    let saved = quick(&mut client, &Save { force: true, empty: true })?;
    dump::write(session, &mut client, true)?;
    Ok(Report::Saved(saved))
}

pub(super) fn resurrect(session: &Session, args: &ResurrectArgs) -> Result<Report, Failure> {
    if args.no_daemon && session.find()?.is_none() {
        let form = Form::new(session.console, false).stamped("HH:mm:ss");
        return foreground::stay(session, &Stay::with_saved(form));
    }
    resurrected(session)
}

/// The saved list is up again.
pub(super) fn resurrected(session: &Session) -> Result<Report, Failure> {
    let mut client = session.daemon()?;
    if let Some(path) = dump::foreign(session) {
        let asked = resend::now();
        session.console.talk(&format!("reading {}, which PM2 wrote", path.display()));
        let outcomes = progress::during(session, "resurrecting", || {
            dump::resurrect(session, &mut client, &path)
        })?;
        if outcomes.is_empty() {
            return Ok(act::done("nothing saved that is not known"));
        }
        return act::report(session, &mut client, outcomes, asked, "");
    }
    if session.called_as.is_pm2() && !session.home.saved().exists() {
        // For PM2 that is no failure; boot scripts rely on it.
        session.console.talk("error: there is no saved list; `pm2 save` makes one");
        return Ok(Report::Nothing);
    }
    let asked = resend::now();
    let ask = || client.call(&Resurrect {}, Deadline::NEVER);
    let done = progress::during(session, "resurrecting", ask)?;
    if let Some(warning) = &done.warning {
        session.console.talk(&format!("warning: {warning}"));
    }
    if done.outcomes.is_empty() {
        return Ok(act::done("nothing saved that is not known"));
    }
    act::report(session, &mut client, done.outcomes, asked, "")
}

/// Everything down, daemon and guardian gone: told when it is true.
pub(super) fn kill(session: &Session) -> Result<Report, Failure> {
    let otherwise = "no daemon runs any more";
    let Some(mut client) = session.find()? else {
        session.warn_of_rival();
        return Ok(Report::Done(Done { otherwise: "no daemon runs", ..Done::default() }));
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
    while session.find()?.is_some() {
        if deadline.is_over() {
            let message = "could not end the daemon in time: it still listens";
            return Err(Failure::new(Exit::Late, message));
        }
        pause(LOOK, deadline);
    }
    Ok(Report::Done(Done { outcomes: outcomes.outcomes, otherwise, ..Done::default() }))
}

/// PM2: starts one if there is none.
pub(super) fn ping(session: &Session) -> Result<Report, Failure> {
    let mut client = session.daemon()?;
    Ok(Report::Pong(quick(&mut client, &Ping {})?))
}

/// Replaces the daemon by this program, and says so when the new one answers.
pub(super) fn update(session: &Session) -> Result<Report, Failure> {
    let Some(mut client) = session.find()? else {
        session.warn_of_rival();
        let text = "no daemon runs; the next one will be this program".into();
        return Ok(Report::Said { done: "update", text });
    };
    let old = quick(&mut client, &Ping {})?;
    let program = launch::own_program()?;
    let call = Update { program: ByteString::new(program.into_os_string().into_vec()) };
    match client.call(&call, Deadline::after(CHANGE)) {
        // A daemon that leaves before its answer arrived has done what was asked.
        Ok(_) | Err(CallError::Lost) => {}
        Err(error) => return Err(error.into()),
    }
    let new = successor(&mut client, &old)?;
    let text = format!(
        "daemon {} (pid {}) was replaced by {} (pid {}); apps run on",
        old.version, old.pid, new.version, new.pid
    );
    Ok(Report::Said { done: "update", text })
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
