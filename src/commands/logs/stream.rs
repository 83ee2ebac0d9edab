//! Following: waits for growing files, for apps that come, and for a reader that goes; for nothing else.

use std::collections::BTreeSet;
use std::io;
use std::ops::ControlFlow;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Instant;

use pm_client::{Feed, Subscription};
use pm_logs::{Follow, History, LineQuery, Merge};
use pm_protocol::{Change, Home, LogSource, Logs};
use pm_spec::Select;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};

use super::channels::Channels;
use super::printer::Printer;
use super::query::{LogQuery, StoryEnd, Until};
use crate::commands::support::resend;
use crate::console::Gone;
use crate::launch;
use crate::prelude::{Failure, Session, quick};

/// Shows what is appended, until nobody listens.
pub(super) fn follow(
    session: &Session,
    query: &LogQuery,
    channels: &mut Channels,
    printer: &mut Printer,
    histories: Vec<History>,
) -> Result<(), StoryEnd> {
    let mut follow = Follow::new()?;
    for (source, history) in channels.sources().into_iter().zip(&histories) {
        follow.add(source, Some(history.cursor()))?;
    }
    drop(histories);
    let now = i64::try_from(resend::now()).unwrap_or(i64::MAX);
    let since = query.want.since.unwrap_or(now);
    let mut arrivals =
        Arrivals::watch(&session.home, query.select.clone()).map_err(|error| trouble(&error))?;
    loop {
        read(session, query, channels, printer, &mut follow)?;
        let until = query.until.as_ref();
        let woken = wait(&follow, &arrivals, until).map_err(|error| trouble(&error))?;
        let news = match woken {
            Woken::Growth => Vec::new(),
            Woken::Arrival => arrivals.take(),
            Woken::StoryEnd => until.map(Until::take).unwrap_or_default(),
        };
        if !news.is_empty() {
            for sources in news {
                channels.add(sources);
            }
            welcome(channels, printer, &mut follow, since)?;
        }
        is_heard()?;
        if woken == Woken::StoryEnd {
            return finish(session, query, channels, printer, &mut follow);
        }
    }
}

fn read(
    session: &Session,
    query: &LogQuery,
    channels: &Channels,
    printer: &mut Printer,
    follow: &mut Follow,
) -> Result<(), StoryEnd> {
    let mut lost = None;
    let read = follow.read(&mut |line| {
        let wanted = query.want.keep.as_ref().is_none_or(|keep| keep(&line.bytes));
        let shown = if wanted { printer.line(channels, &line) } else { Ok(()) };
        lost = shown.err();
        if lost.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    // A log that can't be read any more is no reason to stop showing the others.
    if let Err(error) = read {
        session.console.talk(&format!("warning: could not {}", crate::failure::chain(&error)));
    }
    if let Some(gone) = lost {
        return Err(gone.into());
    }
    Ok(printer.flush()?)
}

/// Nothing is written any more: shows the rest, a last line without an end included.
fn finish(
    session: &Session,
    query: &LogQuery,
    channels: &Channels,
    printer: &mut Printer,
    follow: &mut Follow,
) -> Result<(), StoryEnd> {
    loop {
        read(session, query, channels, printer, follow)?;
        let Some(due) = follow.deadline() else { return Ok(()) };
        let left = due.saturating_duration_since(Instant::now());
        pm_client::pause(left, pm_client::Deadline::NEVER);
    }
}

/// Shows new channels from where this following began, then follows them.
fn welcome(
    channels: &mut Channels,
    printer: &mut Printer,
    follow: &mut Follow,
    since: i64,
) -> Result<(), StoryEnd> {
    let sources = channels.fresh();
    let want = LineQuery { since: Some(since), ..LineQuery::default() };
    let open = |source: &pm_logs::LogFiles| History::open(source.clone(), want.clone());
    let histories = sources.iter().map(open).collect::<Result<_, _>>()?;
    let mut merge = Merge::new(histories)?;
    while let Some(line) = merge.next_line()? {
        printer.line(channels, &line)?;
    }
    for (source, history) in sources.into_iter().zip(merge.into_histories()) {
        follow.add(source, Some(history.cursor()))?;
    }
    Ok(())
}

/// Why there is something to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Woken {
    /// A log grew, or the reader left.
    Growth,
    /// Apps came.
    Arrival,
    /// Nothing more will be written.
    StoryEnd,
}

/// Waits until there is something to do. A reader that left wakes it at once (pain 58).
fn wait(follow: &Follow, arrivals: &Arrivals, until: Option<&Until>) -> io::Result<Woken> {
    let left = follow.deadline().map(|at| at.saturating_duration_since(Instant::now()));
    let timeout = left.and_then(|left| Timespec::try_from(left).ok());
    let out = io::stdout();
    let out = out.as_fd();
    let mut fds = vec![
        PollFd::from_borrowed_fd(follow.fd(), PollFlags::IN),
        PollFd::from_borrowed_fd(arrivals.bell.as_fd(), PollFlags::IN),
        PollFd::from_borrowed_fd(out, PollFlags::empty()),
    ];
    fds.extend(until.map(|until| PollFd::new(&until.bell, PollFlags::IN)));
    match poll(&mut fds, timeout.as_ref()) {
        Ok(_) => {}
        Err(Errno::INTR) => return Ok(Woken::Growth),
        Err(errno) => return Err(errno.into()),
    }
    let rings = |at: usize| fds.get(at).is_some_and(|fd| !fd.revents().is_empty());
    Ok(match (rings(3), rings(1)) {
        (true, _) => Woken::StoryEnd,
        (false, true) => Woken::Arrival,
        (false, false) => Woken::Growth,
    })
}

/// Whether anybody still reads our stdout.
fn is_heard() -> Result<(), Gone> {
    let out = io::stdout();
    let mut fds = [PollFd::from_borrowed_fd(out.as_fd(), PollFlags::empty())];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    let gone = PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL;
    match poll(&mut fds, Some(&at_once)) {
        Ok(_) if fds[0].revents().intersects(gone) => Err(Gone),
        Ok(_) | Err(_) => Ok(()),
    }
}

fn trouble(error: &io::Error) -> StoryEnd {
    StoryEnd::Failed(Failure::failed(format!("could not follow: {error}")))
}

/// Apps that come while we follow, told by a thread that watches the daemon, whichever it is.
#[derive(Debug)]
struct Arrivals {
    /// Readable when there is something to take.
    bell: OwnedFd,
    news: Receiver<Vec<LogSource>>,
}

impl Arrivals {
    fn watch(home: &Home, select: Vec<Select>) -> io::Result<Self> {
        let (bell, rope) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        let (sender, news) = sync_channel(16);
        let home = home.clone();
        // It ends with the process, or when its news find no taker.
        thread::Builder::new().name("arrivals".into()).spawn(move || {
            let watcher = Watcher { home, select, known: BTreeSet::new(), rope, sender };
            watcher.run();
        })?;
        Ok(Self { bell, news })
    }

    fn take(&mut self) -> Vec<Vec<LogSource>> {
        let mut rings = [0; 64];
        while rustix::io::read(&self.bell, &mut rings).is_ok_and(|count| count == rings.len()) {}
        self.news.try_iter().collect()
    }
}

struct Watcher {
    home: Home,
    select: Vec<Select>,
    known: BTreeSet<(u32, String)>,
    rope: OwnedFd,
    sender: SyncSender<Vec<LogSource>>,
}

impl Watcher {
    fn run(mut self) {
        // Without a feed nothing new is noticed, and what is followed goes on.
        let Ok(feed) = Subscription::open(&self.home, None) else { return };
        for news in feed {
            let is_new = match news {
                Feed::Change(Change::Snapshot(rows)) => {
                    let now: BTreeSet<_> = rows.into_iter().map(|row| (row.id, row.name)).collect();
                    let is_new = !now.is_subset(&self.known);
                    self.known = now;
                    is_new
                }
                Feed::Change(Change::Changed(row)) => self.known.insert((row.id, row.name)),
                Feed::Change(Change::Removed(id)) => {
                    self.known.retain(|(known, _)| *known != id);
                    false
                }
                Feed::Change(Change::Usage(_) | Change::Host(_) | Change::Leaving)
                | Feed::Reconnecting => false,
            };
            if is_new && !self.tell() {
                return;
            }
        }
    }

    /// Asks where the logs lie now and tells; false if nobody listens.
    fn tell(&self) -> bool {
        let Ok(Some(mut client)) = launch::find(&self.home) else { return true };
        // What was selected by name may be gone for the moment.
        let Ok(answer) = quick(&mut client, &Logs { select: self.select.clone() }) else {
            return true;
        };
        if self.sender.send(answer.sources).is_err() {
            return false;
        }
        // A full pipe has rung enough already.
        rustix::io::write(&self.rope, b"!").ok();
        true
    }
}
