//! What was written, merged by time, and then what is appended: waits for growing files, for apps that come, and for a
//! reader that goes; for nothing else.

use std::collections::BTreeSet;
use std::io;
use std::ops::ControlFlow;
use std::os::fd::AsFd;
use std::time::Instant;

use pm_client::{Feed, Subscription};
use pm_logs::{Cursor, Follow, History, LineQuery, LogFiles, Merge};
use pm_protocol::{Change, Home, LogSource, Logs, Row};
use pm_spec::Select;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::channels::Channels;
use super::printer::{Form, Printer};
use super::query::{LogQuery, StoryEnd, Until};
use crate::commands::support::resend;
use crate::console::Gone;
use crate::launch;
use crate::mailbox::Mailbox;
use crate::prelude::{Exit, Failure, Report, Session, quick};

/// Shows what was written, then what is appended, until nobody listens or nothing more is asked for.
pub(super) fn tell(
    session: &Session,
    query: &LogQuery,
    (sources, everybody): (Vec<LogSource>, &[LogSource]),
    form: Form,
) -> Result<Report, Failure> {
    let mut channels = Channels::new(session.home.log_state(), query.streams);
    channels.learn(everybody);
    channels.add(sources);
    if query.daemon {
        channels.add_daemon(session.home.diary());
    }
    let story = Story { session, query, channels, printer: Printer::new(form) };
    match story.tell() {
        // As grep: nobody can tell silence from a hit by an exit code of 0.
        Ok(false) if query.want.keep.is_some() && !query.follow => {
            let report = Report { aside: "no line has that text".into(), ..Report::default() };
            Ok(report.ending(Some(Exit::Failed)))
        }
        Ok(_) | Err(StoryEnd::Gone) => Ok(Report::default()),
        Err(StoryEnd::Failed(failure)) => Err(failure),
    }
}

/// What is shown, and of what.
struct Story<'a> {
    session: &'a Session,
    query: &'a LogQuery,
    channels: Channels,
    printer: Printer,
}

impl Story<'_> {
    /// Whether anything was shown.
    fn tell(mut self) -> Result<bool, StoryEnd> {
        let histories = self.past(&self.query.want)?;
        self.printer.flush()?;
        if self.query.follow {
            if let Some(until) = &self.query.until {
                until.has_begun();
            }
            self.follow(histories)?;
        }
        Ok(self.printer.has_shown)
    }

    /// Shows what was written into the channels that are new, merged by time; gives where each stands.
    fn past(&mut self, want: &LineQuery) -> Result<Vec<(LogFiles, Cursor)>, StoryEnd> {
        let sources = self.channels.fresh();
        let open = |source: &LogFiles| History::open(source.clone(), want.clone());
        let mut merge = Merge::new(sources.iter().map(open).collect::<Result<_, _>>()?)?;
        while let Some(line) = merge.next_line()? {
            self.printer.line(&self.channels, &line)?;
        }
        let cursors = merge.into_histories().into_iter().map(|history| history.cursor());
        Ok(sources.into_iter().zip(cursors).collect())
    }

    fn follow(&mut self, histories: Vec<(LogFiles, Cursor)>) -> Result<(), StoryEnd> {
        let mut follow = Follow::new()?;
        for (source, cursor) in histories {
            follow.add(source, Some(cursor))?;
        }
        let now = i64::try_from(resend::now()).unwrap_or(i64::MAX);
        let since = Some(self.query.want.since.unwrap_or(now));
        let until = self.query.until.as_ref();
        let arrivals = arrivals(&self.session.home, self.query.select.clone());
        let arrivals = Mailbox::open("arrivals", arrivals).map_err(|error| trouble(&error))?;
        loop {
            self.read(&mut follow)?;
            let woken = wait(&follow, &arrivals, until).map_err(|error| trouble(&error))?;
            let news = match woken {
                Woken::Growth => Vec::new(),
                Woken::Arrival => arrivals.take(),
                Woken::StoryEnd => until.map(Until::take).unwrap_or_default(),
            };
            if !news.is_empty() {
                for sources in news {
                    self.channels.add(sources);
                }
                // New ones are shown from where this following began.
                for (source, cursor) in self.past(&LineQuery { since, ..LineQuery::default() })? {
                    follow.add(source, Some(cursor))?;
                }
            }
            is_heard()?;
            if woken == Woken::StoryEnd {
                return self.finish(&mut follow);
            }
        }
    }

    fn read(&mut self, follow: &mut Follow) -> Result<(), StoryEnd> {
        let mut lost = None;
        let read = follow.read(&mut |line| {
            let wanted = self.query.want.keep.as_ref().is_none_or(|keep| keep(&line.bytes));
            let shown = if wanted { self.printer.line(&self.channels, &line) } else { Ok(()) };
            lost = shown.err();
            if lost.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        // A log that can't be read any more is no reason to stop showing the others.
        if let Err(error) = read {
            let why = crate::failure::chain(&error);
            self.session.console.talk(&format!("warning: could not {why}"));
        }
        lost.map_or(Ok(()), Err)?;
        Ok(self.printer.flush()?)
    }

    /// Nothing is written any more: shows the rest, a last line without an end included.
    fn finish(&mut self, follow: &mut Follow) -> Result<(), StoryEnd> {
        loop {
            self.read(follow)?;
            let Some(due) = follow.deadline() else { return Ok(()) };
            let left = due.saturating_duration_since(Instant::now());
            pm_client::pause(left, pm_client::Deadline::NEVER);
        }
    }
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
fn wait(
    follow: &Follow,
    arrivals: &Mailbox<Vec<LogSource>>,
    until: Option<&Until>,
) -> io::Result<Woken> {
    let left = follow.deadline().map(|at| at.saturating_duration_since(Instant::now()));
    let timeout = left.and_then(|left| Timespec::try_from(left).ok());
    let out = io::stdout();
    let out = out.as_fd();
    let mut fds = vec![
        PollFd::from_borrowed_fd(follow.fd(), PollFlags::IN),
        PollFd::from_borrowed_fd(arrivals.as_fd(), PollFlags::IN),
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

/// Where apps write that come while we follow, whichever daemon they have.
fn arrivals(home: &Home, select: Vec<Select>) -> impl Iterator<Item = Vec<LogSource>> + use<> {
    let (home, at) = (home.clone(), home.clone());
    let mut known = BTreeSet::new();
    // Without a feed nothing new is noticed, and what is followed goes on.
    let feed = std::iter::once_with(move || Subscription::open(&home, None).ok());
    feed.flatten().flatten().filter(move |news| is_new(news, &mut known)).filter_map(move |_| {
        let mut client = launch::find(&at).ok()??;
        // What was selected by name may be gone for the moment.
        Some(quick(&mut client, &Logs { select: select.clone() }).ok()?.sources)
    })
}

fn is_new(news: &Feed, known: &mut BTreeSet<(u32, String)>) -> bool {
    let key = |row: &Row| (row.id, row.name.clone());
    match news {
        Feed::Change(Change::Snapshot(rows)) => {
            let before = std::mem::replace(known, rows.iter().map(key).collect());
            !known.is_subset(&before)
        }
        Feed::Change(Change::Changed(row)) => known.insert(key(row)),
        Feed::Change(Change::Removed(id)) => {
            known.retain(|(known, _)| known != id);
            false
        }
        Feed::Change(Change::Usage(_) | Change::Host(_) | Change::Leaving) | Feed::Reconnecting => {
            false
        }
    }
}
