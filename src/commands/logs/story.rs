//! What was written, merged by time, and then what is appended.

use pm_logs::{History, Merge};
use pm_protocol::LogSource;

use super::channels::Channels;
use super::printer::{Form, Printer};
use super::stream;
use super::wish::{End, Wish};
use crate::prelude::{Failure, Report, Session};

/// Shows it until nobody listens or nothing more is asked for.
pub(super) fn tell(
    session: &Session,
    wish: &Wish,
    (sources, everybody): (Vec<LogSource>, &[LogSource]),
    form: Form,
) -> Result<Report, Failure> {
    let mut channels = Channels::new(session.home.log_state(), wish.streams);
    channels.learn(everybody);
    channels.add(sources);
    if wish.daemon {
        channels.add_daemon(session.home.diary());
    }
    let mut printer = Printer::new(form);
    match story(session, wish, &mut channels, &mut printer) {
        Ok(()) | Err(End::Gone) => Ok(Report::default()),
        Err(End::Failed(failure)) => Err(failure),
    }
}

fn story(
    session: &Session,
    wish: &Wish,
    channels: &mut Channels,
    printer: &mut Printer,
) -> Result<(), End> {
    let open = |source: pm_logs::Source| History::open(source, wish.want.clone());
    let histories = channels.fresh().into_iter().map(open).collect::<Result<_, _>>()?;
    let mut merge = Merge::new(histories)?;
    while let Some(line) = merge.next_line()? {
        printer.line(channels, &line)?;
    }
    printer.flush()?;
    if !wish.follow {
        return Ok(());
    }
    if let Some(until) = &wish.until {
        until.has_begun();
    }
    stream::follow(session, wish, channels, printer, merge.into_histories())
}
