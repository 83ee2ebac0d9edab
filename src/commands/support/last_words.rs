//! What failed apps wrote to standard error in the run that failed.

use std::collections::BTreeSet;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use pm_client::{Client, Deadline};
use pm_config::path_of;
use pm_logs::stamp::StampFormat;
use pm_logs::{History, LineQuery, LineTimes, LogFiles, Stream};
use pm_protocol::{Describe, Description, Outcome, Status, What};
use pm_spec::{ByteString, LogFormat, Select};

use crate::commands::support::error_story::{PLAIN, few, most, story};
use crate::commands::support::{cure, port_conflict};
use crate::render::outcomes::{Explanation, LastLines};
use crate::session::{QUICK, Session};

/// So many apps are told of: more would bury the outcomes.
const APPS: usize = 3;

/// Logs longer than this are not searched for the run; the last bytes have to do.
const SEARCHED: u64 = 16 << 20;

/// Times of lines are noted each 5 ms, and clocks are cut to milliseconds.
const SLACK: u64 = 10;

/// The daemon's dates may be off by so much, in ms: its clock is set against the machine's only from there on.
const DATED: u64 = 110;

/// The last words of what failed since `asked` (ms since 1970), once for each app.
pub(crate) fn of(
    session: &Session,
    client: &mut Client,
    outcomes: &[Outcome],
    asked: u64,
) -> Vec<LastLines> {
    let mut apps = BTreeSet::new();
    let failed = outcomes.iter().filter(|outcome| outcome.what.is_failure());
    let failed = failed.filter(|outcome| apps.insert(&outcome.name));
    failed.filter_map(|outcome| tail(session, client, outcome, asked)).take(APPS).collect()
}

/// The last few lines that each which fails wrote to standard error, if there are any.
pub(crate) fn of_the_failing(
    session: &Session,
    client: &mut Client,
    all: &[Description],
) -> Vec<LastLines> {
    let fails = |one: &&Description| match one.row.status {
        Status::Errored | Status::WaitingRestart | Status::Launching => true,
        Status::Online => one.row.note.is_some(),
        // A job whose last run failed.
        Status::Stopped => one.row.job.as_ref().is_some_and(|job| job.failed),
        Status::Stopping => false,
    };
    all.iter().filter(fails).filter_map(|one| latest(session, client, one)).collect()
}

fn latest(session: &Session, client: &mut Client, described: &Description) -> Option<LastLines> {
    let error = described.error.as_ref();
    let lines = error.and_then(|file| of_run(session, described, file, begun(described)));
    let lines = story(lines.unwrap_or_default());
    let note = cure::explain(client, described, &lines)
        .or_else(|| cure::of_good_end(described))
        .or_else(|| of_no_start(client, described, described.row.note.as_deref()?));
    told(described, described.error.clone(), few(lines), note)
}

/// What it means that it could not even be begun: who has the port that we were to open for it, what its engine lacks.
fn of_no_start(client: &mut Client, described: &Description, why: &str) -> Option<Explanation> {
    let port = port_conflict::of_ours(client, described, why);
    let port = port.map(|text| Explanation { class: "port", text });
    port.or_else(|| cure::of_engine(described, why)).or_else(|| {
        let text = pm_config::lost_venv(&described.spec)?;
        Some(Explanation { class: "venv", text })
    })
}

/// From when on what was written can be of this app: an earlier one of its name may have left its log.
fn begun(described: &Description) -> u64 {
    let created = described.row.created_at;
    // Who resets an app makes it younger than its last run.
    described.ends.last().map_or(created, |end| created.min(end.at.saturating_sub(end.lived)))
}

/// Nothing where there is nothing to tell.
fn told(
    described: &Description,
    file: Option<ByteString>,
    lines: Vec<Vec<u8>>,
    note: Option<Explanation>,
) -> Option<LastLines> {
    let (id, name) = (described.row.id, described.row.name.clone());
    let file = file.unwrap_or_default();
    (!lines.is_empty() || note.is_some()).then_some(LastLines { id, name, file, lines, note })
}

/// What it wrote to standard error in the run that failed or, where that is nothing, to standard output.
fn tail(
    session: &Session,
    client: &mut Client,
    outcome: &Outcome,
    asked: u64,
) -> Option<LastLines> {
    let select = vec![Select::Id(outcome.id)];
    let answer = client.call(&Describe { select, known: true }, Deadline::after(QUICK));
    let described = answer.ok()?.descriptions.into_iter().next()?;
    let has_ended = described.ends.last().is_some_and(|end| end.at.saturating_add(DATED) >= asked);
    // One that is not up in time lives on, and may have said why: workers of it die again and again.
    if !has_ended && !matches!(outcome.what, What::Unready(_)) {
        // What could not even be begun has written nothing.
        let note = Some(of_no_start(client, &described, outcome.what.why()?)?);
        return told(&described, None, Vec::new(), note);
    }
    let of = |file: &Option<ByteString>| {
        let lines = of_run(session, &described, file.as_ref()?, asked)?;
        Some((file.clone(), lines))
    };
    let (file, lines) = of(&described.error)
        .or_else(|| of(&described.out).filter(|_| !session.called_as.is_pm2()))
        .unwrap_or_default();
    let lines = story(lines);
    let note = cure::explain(client, &described, &lines);
    told(&described, file, most(lines), note)
}

/// What was written since the run before the one that ended last did, if anything was. When that one began would be
/// noted too late for what it printed at once, and the next one may run by now.
fn of_run(
    session: &Session,
    described: &Description,
    file: &ByteString,
    asked: u64,
) -> Option<Vec<Vec<u8>>> {
    let log = path_of(file);
    let meta = log.metadata().ok().filter(Metadata::is_file)?;
    let written = u64::try_from(meta.mtime() * 1000 + meta.mtime_nsec() / 1_000_000).ok()?;
    let before = described.ends.iter().rev().nth(1).map_or(0, |end| end.at);
    let since = asked.max(before).saturating_sub(SLACK);
    if written < since {
        // Older lines explain nothing.
        return None;
    }
    let times = match &described.spec.logs.format {
        LogFormat::Raw => LineTimes::Index(session.home.log_state()),
        LogFormat::Stamped(format) => LineTimes::Stamped(StampFormat::new(format)),
        LogFormat::Json(_) => LineTimes::Json(None),
    };
    let mut lines = Vec::new();
    if meta.len() <= SEARCHED {
        let since = i64::try_from(since).ok();
        lines = lines_of(log, times, LineQuery { since, ..LineQuery::default() });
    }
    if lines.is_empty() {
        // Where no line's time is known, the last ones have to do.
        let want = LineQuery { last: Some(PLAIN), ..LineQuery::default() };
        lines = lines_of(log, LineTimes::Unknown, want);
    }
    (!lines.is_empty()).then_some(lines)
}

/// The lines of a log; what can't be read has none.
pub(crate) fn lines_of(log: &Path, times: LineTimes, want: LineQuery) -> Vec<Vec<u8>> {
    let source = LogFiles { number: 0, stream: Stream::Err, log: log.to_path_buf(), times };
    let mut lines = Vec::new();
    let Ok(mut history) = History::open(source, want) else { return lines };
    while let Ok(Some(line)) = history.next_line() {
        lines.push(line.bytes);
    }
    lines
}
