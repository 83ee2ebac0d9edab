//! What was written, merged by time, and then what is appended.

use pm_logs::{History, Merge};
use pm_protocol::LogSource;

use super::channels::Channels;
use super::printer::{Form, Printer};
use super::query::{LogQuery, StoryEnd};
use super::stream;
use crate::prelude::{Failure, Report, Session};

/// Shows it until nobody listens or nothing more is asked for.
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
    let mut printer = Printer::new(form);
    match story(session, query, &mut channels, &mut printer) {
        Ok(()) | Err(StoryEnd::Gone) => Ok(Report::default()),
        Err(StoryEnd::Failed(failure)) => Err(failure),
    }
}

fn story(
    session: &Session,
    query: &LogQuery,
    channels: &mut Channels,
    printer: &mut Printer,
) -> Result<(), StoryEnd> {
    let open = |source: pm_logs::LogFiles| History::open(source, query.want.clone());
    let histories = channels.fresh().into_iter().map(open).collect::<Result<_, _>>()?;
    let mut merge = Merge::new(histories)?;
    while let Some(line) = merge.next_line()? {
        printer.line(channels, &line)?;
    }
    printer.flush()?;
    if !query.follow {
        return Ok(());
    }
    if let Some(until) = &query.until {
        until.has_begun();
    }
    stream::follow(session, query, channels, printer, merge.into_histories())
}
