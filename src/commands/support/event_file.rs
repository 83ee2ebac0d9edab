//! The file of events, read by those who want to know: what was put aside first, then what is written now, then what comes.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::Instant;

use pm_logs::{Follow, History, LineQuery, LineTimes, LogFiles, ReadError, Stream};
use pm_protocol::{Event, List};
use pm_spec::Select;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::commands::support::selectors;
use crate::console;
use crate::prelude::{Exit, Failure, Session, quick};

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
    let mut follow = Follow::new().map_err(unreadable)?;
    follow.add(story.log, Some(story.history.cursor())).map_err(unreadable)?;
    loop {
        let read = follow.read(&mut |line| {
            let event = event(&line.bytes).filter(|event| takes(&story.wanted, event));
            match event.map(|event| console::show(&tell(&event))) {
                Some(Err(_)) => ControlFlow::Break(()),
                Some(Ok(())) | None => ControlFlow::Continue(()),
            }
        });
        let is_left = read.map_err(unreadable)?.is_break();
        if is_left || !wait(&follow).map_err(|error| failed(&error))? {
            return Ok(());
        }
    }
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

/// Waits for more; `false`: the reader left.
fn wait(follow: &Follow) -> io::Result<bool> {
    let left = follow.deadline().map(|at| at.saturating_duration_since(Instant::now()));
    let timeout = left.and_then(|left| Timespec::try_from(left).ok());
    let out = io::stdout();
    let out = out.as_fd();
    let mut fds = [
        PollFd::from_borrowed_fd(follow.fd(), PollFlags::IN),
        PollFd::from_borrowed_fd(out, PollFlags::empty()),
    ];
    match poll(&mut fds, timeout.as_ref()) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(errno) => return Err(errno.into()),
    }
    Ok(fds[1].revents().is_empty())
}

#[expect(clippy::needless_pass_by_value, reason = "as an error is given to be changed")]
fn unreadable(error: ReadError) -> Failure {
    Failure::could_not(Exit::Failed, &error)
}

fn failed(error: &io::Error) -> Failure {
    Failure::failed(format!("could not follow: {error}"))
}
