//! `pm history`: what happened to one app, equal ends in a row as one line; and what it used meanwhile.

use pm_spec::Select;
use serde_json::json;

use crate::cli::HistoryArgs;
use crate::commands::support::{event_file, moment, resend, selectors};
use crate::commands::web;
use crate::prelude::{Failure, Report, Session};
use crate::render::{events, json, usage};

/// What was used is shown for so long unless something else is said, in ms.
const DAY: u64 = 86_400_000;

pub(super) fn run(session: &Session, args: &HistoryArgs) -> Result<Report, Failure> {
    let now = resend::now();
    let parse = |text: &String| moment::parse(text, i64::try_from(now).unwrap_or(i64::MAX));
    let since = args.since.as_ref().map(parse).transpose()?;
    let since = since.map(|at| u64::try_from(at).unwrap_or(0));
    let story = event_file::read(session, std::slice::from_ref(&args.app))?;
    let mut all = story.events;
    all.retain(|event| since.is_none_or(|since| event.at >= since));
    let all = events::folded(all);
    let span = (since.unwrap_or(now.saturating_sub(DAY)), now);
    let used = web::usage::of(session, wanted(session, &args.app)?, span)?;
    let look = session.console.look;
    let text = || events::history(&all, look) + &usage::page(&used, look);
    // Without a time it is the list of events that it always was.
    let value = || match since {
        Some(_) => json!({ "events": json::value(&all), "usage": json::value(&used) }),
        None => json::value(&all),
    };
    Ok(Report::new(session.console, text, value))
}

fn wanted(session: &Session, word: &str) -> Result<Vec<Select>, Failure> {
    let Some(mut client) = session.find()? else { return Ok(Vec::new()) };
    selectors::selects(session, &mut client, &[word.to_owned()])
}
