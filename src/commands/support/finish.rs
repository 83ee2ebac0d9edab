//! How verbs that change something end: with what became of each instance, and how things stand.

use pm_client::Client;
use pm_protocol::Outcome;

use crate::commands::support::{last_words, listing, saved_list};
use crate::prelude::{Failure, Report, Session};
use crate::render::outcomes::Done;

/// Nothing was there to act on: as wished already, but for PM2, whose scripts find 1.
pub(crate) fn nothing(session: &Session, otherwise: &'static str) -> Result<Report, Failure> {
    Ok(none(session, otherwise)?.report(session.console))
}

fn none(session: &Session, otherwise: &'static str) -> Result<Done, Failure> {
    if session.called_as.is_pm2() {
        return Err(Failure::failed(format!("No process found: {otherwise}")));
    }
    Ok(Done::nothing(otherwise))
}

/// What was done: outcomes, the list as it stands now, and the last words of what failed after `asked`.
pub(crate) fn done(
    session: &Session,
    client: &mut Client,
    outcomes: Vec<Outcome>,
    asked: u64,
    otherwise: &'static str,
) -> Result<Done, Failure> {
    if outcomes.is_empty() {
        return none(session, otherwise);
    }
    saved_list::autosave(session, client);
    let listing = listing::now(session, client)?;
    let tails = last_words::of(session, client, &outcomes, asked);
    Ok(Done { outcomes, listing, tails, ..Done::nothing(otherwise) })
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
