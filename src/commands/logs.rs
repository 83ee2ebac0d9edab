//! `pm logs`: the files themselves are read, merged by time and followed; the daemon only says where they lie. So a
//! slow reader slows nobody, and following goes on while the daemon is replaced.

mod channels;
mod printer;
mod query;
mod stream;
mod streaming;
mod when;

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use memchr::memmem::Finder;
use pm_logs::{LineFilter, LineQuery};
use pm_protocol::Logs;
use pm_spec::Select;

use crate::cli::LogsArgs;
use crate::commands::support::{moment, resend, selectors};
use crate::prelude::{Failure, Report, Session, quick};
use crate::render::outcomes::{self, Completed};

use query::{LogQuery, Until, WantedStreams};
use stream::tell;

pub(super) use printer::{Form, LineShape};
pub(super) use streaming::Streaming;

/// Lines of each file that are shown first (PM2).
const LINES: usize = 15;

/// `pm logs`.
pub(super) fn run(session: &Session, args: &LogsArgs) -> Result<Report, Failure> {
    let (form, apps) = form(session, args);
    let now = i64::try_from(resend::now()).unwrap_or(i64::MAX);
    let parsed =
        |text: &Option<String>| text.as_ref().map(|text| moment::parse(text, now)).transpose();
    let (since, until) = (parsed(&args.since)?, parsed(&args.until)?);
    let follow = !args.nostream && until.is_none();
    // PM2 has objects and pairs of what comes only, and what reads them counts on it.
    let from_now = session.called_as.is_pm2() && follow && (args.format || session.console.json);
    let usual = if from_now { 0 } else { LINES };
    // A span of time is shown whole unless a number says otherwise.
    let last = args.lines.or((since.is_none() && until.is_none()).then_some(usual));
    let keep = args.grep.as_ref().map(|text| keep(text, args.ignore_case));
    let streams = match (args.out, args.err) {
        (true, _) => WantedStreams::Out,
        (_, true) => WantedStreams::Err,
        (false, false) => WantedStreams::Both,
    };
    let want = LineQuery { last, since, until, keep, ..LineQuery::default() };
    let mut client = session.need()?;
    let select = selectors::selects(session, &mut client, &apps)?;
    drop(client);
    let query = LogQuery { select, want, follow, streams, daemon: args.daemon, until: None };
    match show(session, &query, form) {
        // PM2 finds no logs of an app it does not know, and says so by their absence.
        Err(failure) if session.called_as.is_pm2() && failure.is_not_found => {
            session.console.talk(&failure.to_string());
            Ok(Report::default())
        }
        shown => shown,
    }
}

/// How lines are to be shown, and whose: clap takes the app of `--timestamp web` for a format.
fn form(session: &Session, args: &LogsArgs) -> (Form, Vec<String>) {
    let mut apps = args.apps.clone();
    let mut form = Form::new(session.console, args.raw);
    if args.format {
        form.shape = LineShape::Pairs;
    }
    match &args.timestamp {
        Some(word) if !when::is_format(word) => {
            apps.push(word.clone());
            form = form.stamped(when::DEFAULT_FORMAT);
        }
        Some(format) => form = form.stamped(format),
        None => {}
    }
    form.highlight = args.highlight.clone().filter(|text| !text.is_empty());
    (form, apps)
}

/// Follows what was just started; ends when nobody listens.
pub(super) fn attach(session: &Session, done: &Completed, ids: &[u32]) -> Result<Report, Failure> {
    let console = session.console;
    if crate::console::show(&outcomes::text(done, console.look, console.mini)).is_err() {
        return Ok(Report::default());
    }
    let select = ids.iter().map(|id| Select::Id(*id)).collect();
    let want = LineQuery { last: Some(LINES), ..LineQuery::default() };
    show(session, &LogQuery::following(select, want, None), Form::new(console, false))
}

/// Shows what an instance writes from now on, as it was written, until the bell hangs up or nobody listens. `begun` is
/// told when nothing is missed any more.
pub(super) fn beside(
    session: &Session,
    id: u32,
    bell: OwnedFd,
    begun: SyncSender<()>,
) -> Result<(), Failure> {
    let want = LineQuery { last: Some(0), ..LineQuery::default() };
    let until = Some(Until::hangs_up(bell, begun));
    let query = LogQuery::following(vec![Select::Id(id)], want, until);
    let mut form = Form::new(session.console, true);
    if form.shape == LineShape::Raw {
        form.shape = LineShape::Own;
    }
    show(session, &query, form).map(drop)
}

fn show(session: &Session, query: &LogQuery, form: Form) -> Result<Report, Failure> {
    let mut client = session.need()?;
    let sources = quick(&mut client, &Logs { select: query.select.clone() })?.sources;
    // Who asks for some instances still wants to know which files others write to.
    let everybody = if query.select.is_empty() {
        Vec::new()
    } else {
        quick(&mut client, &Logs { select: Vec::new() })?.sources
    };
    drop(client);
    tell(session, query, (sources, &everybody), form)
}

/// `--grep`: lines with this text in them.
fn keep(text: &str, ignore_case: bool) -> LineFilter {
    if !ignore_case {
        let finder = Finder::new(text).into_owned();
        return Arc::new(move |line| finder.find(line).is_some());
    }
    let text = text.to_lowercase();
    Arc::new(move |line| String::from_utf8_lossy(line).to_lowercase().contains(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grep_finds_text_in_any_bytes() {
        let plain = keep("Err", false);
        assert!(plain(b"an Error") && !plain(b"an error"));
        assert!(plain(b"\xff Err \xfe") && !plain(b"\xff"));
        let folded = keep("ERR", true);
        assert!(folded(b"an error") && folded(b"\xffErr") && !folded(b"ok"));
        assert!(keep("", false)(b"anything"));
    }
}
