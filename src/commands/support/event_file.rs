//! The file of events, read by those who want to know: what was put aside first, then what is written now, then what comes.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use pm_logs::{History, LineQuery, LineTimes, LogFiles, Stream};
use pm_protocol::{Event, List};
use pm_spec::Select;

use crate::commands::support::line_feed::{self, unreadable};
use crate::commands::support::selectors;
use crate::prelude::{Failure, Session, quick};

/// Events so far of what is wanted, and where those that come are found.
pub(crate) struct EventStory {
    pub(crate) events: Vec<Event>,
    wanted: Vec<Select>,
    log: LogFiles,
    history: History,
}

/// Everything that is still there of these; of all, and of the daemon, without words.
pub(crate) fn read(session: &Session, words: &[String]) -> Result<EventStory, Failure> {
    let wanted = wanted(session, words)?;
    let path = session.home.events();
    let log =
        LogFiles { number: 0, stream: Stream::Out, log: path.clone(), times: LineTimes::Unknown };
    // Opened before the older part is read, so that what is put aside meanwhile is in one of the two.
    let mut history = History::open(log.clone(), LineQuery::default()).map_err(unreadable)?;
    let mut events = older(path);
    while let Some(line) = history.next_line().map_err(unreadable)? {
        events.extend(event(&line.bytes));
    }
    let unheard = wanted.iter().filter(|select| !events.iter().any(|event| event.is_of(select)));
    let unheard: Vec<_> = unheard.cloned().collect();
    if !unheard.is_empty() {
        // What nobody knows is refused as everywhere; of the others nothing was written.
        quick(&mut session.need()?, &List { select: unheard, usage: false, host: false })?;
    }
    events.retain(|event| takes(&wanted, event));
    Ok(EventStory { events, wanted, log, history })
}

/// Gives what comes, until nobody listens.
pub(crate) fn follow(story: EventStory, tell: impl Fn(&Event) -> String) -> Result<(), Failure> {
    let EventStory { wanted, log, history, .. } = story;
    line_feed::follow(log, history.cursor(), |line| {
        event(line).filter(|event| takes(&wanted, event)).map(|event| tell(&event))
    })
}

fn wanted(session: &Session, words: &[String]) -> Result<Vec<Select>, Failure> {
    if let Some(mut client) = session.find()? {
        return selectors::selects(session, &mut client, words);
    }
    let select = |word: &String| Select::parse(word).map_err(|it| Failure::input(it.to_string()));
    words.iter().map(select).collect()
}

fn takes(wanted: &[Select], event: &Event) -> bool {
    wanted.is_empty() || wanted.iter().any(|select| event.is_of(select))
}

/// What was put aside; nothing if there is nothing, or nobody may read it.
fn older(path: PathBuf) -> Vec<Event> {
    let mut aside = OsString::from(path);
    aside.push(".old");
    let bytes = fs::read(aside).unwrap_or_default();
    bytes.split(|byte| *byte == b'\n').filter_map(event).collect()
}

/// A line that is none is the half of one that a full disk has left.
fn event(line: &[u8]) -> Option<Event> {
    serde_json::from_slice(line).ok()
}
