//! `pm history`: what happened to one app, equal ends in a row as one line.

use crate::cli::HistoryArgs;
use crate::commands::support::event_file;
use crate::prelude::{Failure, Report, Session};
use crate::render::{events, json};

pub(super) fn run(session: &Session, args: &HistoryArgs) -> Result<Report, Failure> {
    let story = event_file::read(session, std::slice::from_ref(&args.app))?;
    let all = events::folded(story.events);
    let text = || events::history(&all, session.console.look);
    Ok(Report::new(session.console, text, || json::value(&all)))
}
