//! How verbs that change something end: with what became of each instance, and how things stand.

use pm_client::Client;
use pm_protocol::{Describe, Outcome, What};
use pm_spec::{AppSpec, Select};

use crate::commands::support::{last_words, listing, saved_list};
use crate::prelude::{Failure, Report, Session, quick};
use crate::render::outcomes::Completed;

/// Nothing was there to act on: as wished already, but for PM2, whose scripts find 1.
pub(crate) fn nothing(session: &Session, otherwise: &'static str) -> Result<Report, Failure> {
    Ok(none(session, otherwise)?.report(session.console))
}

fn none(session: &Session, otherwise: &'static str) -> Result<Completed, Failure> {
    if session.called_as.is_pm2() {
        return Err(Failure::failed(format!("No process found: {otherwise}")));
    }
    Ok(Completed::nothing(otherwise))
}

/// What was done: outcomes, the list as it stands now, and the last words of what failed after `asked`.
pub(crate) fn done(
    session: &Session,
    client: &mut Client,
    mut outcomes: Vec<Outcome>,
    asked: u64,
    otherwise: &'static str,
) -> Result<Completed, Failure> {
    if outcomes.is_empty() {
        return none(session, otherwise);
    }
    saved_list::autosave(session, client);
    let hint = ran_to_their_end(session, client, &mut outcomes)?;
    let listing = listing::now(session, client)?;
    let tails = last_words::of(session, client, &outcomes, asked);
    Ok(Completed { outcomes, listing, tails, hint, ..Completed::nothing(otherwise) })
}

/// Tells apps that ended at once with exit code 0 from those that failed. They are to be up, and are started again and
/// again: a job that asked for no end to it, or a server that nobody told to stay. PM2 takes that for well.
fn ran_to_their_end(
    session: &Session,
    client: &mut Client,
    outcomes: &mut [Outcome],
) -> Result<Option<&'static str>, Failure> {
    let failed = outcomes.iter().filter(|outcome| outcome.what.is_failure());
    let select: Vec<_> = failed.map(|outcome| Select::Id(outcome.id)).collect();
    if select.is_empty() {
        return Ok(None);
    }
    let described = quick(client, &Describe { select, known: true })?.descriptions;
    let mut hint = None;
    for outcome in outcomes.iter_mut().filter(|outcome| outcome.what.is_failure()) {
        let mut ends =
            described.iter().filter(|one| one.row.id == outcome.id).flat_map(|one| &one.ends);
        let end = ends.rfind(|end| Some(end.why.as_str()) == outcome.what.why());
        if end.is_none_or(|end| end.code != Some(0)) {
            continue;
        }
        if session.called_as.is_pm2() {
            outcome.what = What::Finished;
        } else {
            outcome.what =
                What::Failed("ran to its end (exit code 0), and is started again".into());
            let spec = described.iter().find(|one| one.row.id == outcome.id).map(|one| &one.spec);
            hint = Some(spec.map_or(BACKGROUND, usual_end));
        }
    }
    Ok(hint)
}

const BACKGROUND: &str = "a job that ends by itself: `--no-autorestart` (`autorestart: false`); a program that goes into the \
     background: without its `--daemon`, `--detach` or `-D`";

/// Why one that is to be up ended well, most likely.
fn usual_end(spec: &AppSpec) -> &'static str {
    let program = spec.script.display();
    let interpreter = spec.interpreter.as_ref().map(|it| it.display());
    match program.rsplit('/').next() {
        Some("manage.py" | "django-admin") => {
            "Django's program serves by `runserver`: `pm start manage.py -- runserver`; a job that ends by itself: `--no-autorestart`"
        }
        Some("celery") => {
            "celery works by `worker`: `pm start celery -- -A APP worker`; a job that ends by itself: `--no-autorestart`"
        }
        _ if interpreter.is_some_and(|it| it.contains("python")) => {
            "a job that ends by itself: `--no-autorestart` (`autorestart: false`); a program that goes into the \
             background: without its `--daemon`, `--detach` or `-D`; a web app needs its server: \
             `pm start gunicorn -- app:app`, `pm start uvicorn -- app:app`, `pm start flask -- run`"
        }
        _ => BACKGROUND,
    }
}

/// [`done`], told.
pub(crate) fn report(
    session: &Session,
    client: &mut Client,
    outcomes: Vec<Outcome>,
    asked: u64,
    otherwise: &'static str,
) -> Result<Report, Failure> {
    Ok(done(session, client, outcomes, asked, otherwise)?.report(session.console))
}
