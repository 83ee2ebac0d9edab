//! `pm events`: what happened, as the daemon wrote it down. The file is read, so it is told whether a daemon runs or not.

use pm_protocol::Event;

use crate::cli::EventsArgs;
use crate::commands::support::{event_file, moment, resend};
use crate::console;
use crate::prelude::{Failure, Report, Session};
use crate::render::{events, json};

/// So many are shown if nothing else is said.
const LINES: usize = 50;

pub(super) fn run(session: &Session, args: &EventsArgs) -> Result<Report, Failure> {
    let now = i64::try_from(resend::now()).unwrap_or(i64::MAX);
    let since = args.since.as_ref().map(|text| moment::parse(text, now)).transpose()?;
    let since = since.map(|at| u64::try_from(at).unwrap_or(0));
    let mut story = event_file::read(session, &args.apps)?;
    let mut all = std::mem::take(&mut story.events);
    all.retain(|event| since.is_none_or(|since| event.at >= since));
    let most = args.lines.or(since.is_none().then_some(LINES)).unwrap_or(usize::MAX);
    let shown = all.split_off(all.len().saturating_sub(most));
    let names = events::names(&shown);
    let (is_json, look) = (session.console.json, session.console.look);
    let tell = move |event: &Event| {
        if is_json { format!("{}\n", json::value(event)) } else { events::line(event, names, look) }
    };
    let is_heard = console::show(&shown.iter().map(&tell).collect::<String>()).is_ok();
    if args.follow && is_heard {
        event_file::follow(story, tell)?;
    }
    Ok(Report::default())
}
