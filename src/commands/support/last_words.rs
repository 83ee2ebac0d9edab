//! What failed apps wrote to standard error in the run that failed: from the first line that looks like an error, for
//! what a runtime prints after it (Node's stack) is long and says less.

use std::collections::BTreeSet;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use pm_client::{Client, Deadline};
use pm_config::path_of;
use pm_logs::stamp::StampFormat;
use pm_logs::{History, LineQuery, LineTimes, LogFiles, Stream};
use pm_protocol::{Describe, Description, Outcome, Status};
use pm_spec::{ByteString, LogFormat, Select};

use crate::commands::support::cure;
use crate::render::outcomes::{Explanation, LastLines};
use crate::session::{QUICK, Session};

/// So many apps are told of: more would bury the outcomes.
const APPS: usize = 3;

/// So many lines of each, from the error on.
const LINES: usize = 20;

/// So many indented lines before an error are looked at.
const MOST_BEFORE: usize = 6;

/// Of more, so many from the end: there are languages that say last what is wrong.
const LATEST: usize = 7;

/// So many last lines where none looks like an error.
const PLAIN: usize = 10;

/// So many on the page of an app.
const FEW: usize = 5;

/// Logs longer than this are not searched for the run; the last bytes have to do.
const SEARCHED: u64 = 16 << 20;

/// Times of lines are noted each 5 ms, and clocks are cut to milliseconds.
const SLACK: u64 = 10;

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
    let lines = error.and_then(|file| of_run(session, described, file, 0));
    let lines = lines.unwrap_or_default();
    let note = cure::explain(client, described, &lines);
    told(described, described.error.clone(), few(telling(lines)), note)
}

/// Of an error its beginning, but Python says last what is wrong; of anything else its end.
fn few(mut lines: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let is_python = lines.first().is_some_and(|line| line.starts_with(b"Traceback"));
    let is_story =
        |line: &Vec<u8>| line.first().is_some_and(|it| matches!(it, b' ' | b'\t' | b'.'));
    if is_python {
        let story = lines.iter().skip(1).take_while(|line| is_story(line)).count();
        lines.truncate(story + 2);
    } else if lines.iter().any(|line| is_error(line)) {
        lines.truncate(FEW);
    }
    lines.drain(..lines.len().saturating_sub(FEW));
    lines
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
    // What could not even be begun has written nothing.
    described.ends.last().filter(|end| end.at.saturating_add(SLACK) >= asked)?;
    let of = |file: &Option<ByteString>| {
        let lines = of_run(session, &described, file.as_ref()?, asked)?;
        Some((file.clone(), lines))
    };
    let (file, lines) = of(&described.error)
        .or_else(|| of(&described.out).filter(|_| !session.called_as.is_pm2()))
        .unwrap_or_default();
    let note = cure::explain(client, &described, &lines);
    told(&described, file, telling(lines), note)
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
    if written.saturating_add(SLACK) < asked {
        // Older lines explain nothing.
        return None;
    }
    let before = described.ends.iter().rev().nth(1).map_or(0, |end| end.at);
    let since = asked.max(before).saturating_sub(SLACK);
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

/// The lines that tell most of what went wrong.
fn telling(mut lines: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let Some(error) = lines.iter().position(|line| is_error(line)) else {
        lines.drain(..lines.len().saturating_sub(PLAIN));
        return lines;
    };
    lines.drain(..first_of(&lines, error));
    if lines.len() > LINES {
        let latest = lines.len() - LATEST;
        lines.splice(LINES - LATEST - 1..latest, [b"...".to_vec()]);
    }
    lines
}

/// Where the story of an error begins: Python says file and line of a wrong syntax before it, all of it indented, Node
/// from `FILE:LINE` on, in a few lines without indentation.
fn first_of(lines: &[Vec<u8>], error: usize) -> usize {
    let is_indented =
        |line: &Vec<u8>| line.first().is_some_and(|byte| matches!(byte, b' ' | b'\t'));
    let before = lines.get(..error).unwrap_or_default();
    let of_node = before.iter().rev().take(MOST_BEFORE).position(|line| ends_in_place(line));
    if let Some(back) = of_node {
        return error - back - 1;
    }
    let own = before.iter().rev().take_while(|line| is_indented(line)).take(MOST_BEFORE).count();
    // What follows a line that stands further left belongs to that one, unless it begins by naming a file.
    let first = error - own;
    let names_a_file = |line: &Vec<u8>| line.trim_ascii_start().starts_with(b"File \"");
    if lines.get(first).is_some_and(names_a_file) { first } else { error }
}

/// Whether a line is `FILE:LINE`, the file by its path or address.
fn ends_in_place(line: &[u8]) -> bool {
    let line = String::from_utf8_lossy(line);
    let place = line.strip_prefix("file://").unwrap_or(&line).rsplit_once(':');
    place.is_some_and(|(file, line)| file.starts_with('/') && line.parse::<u32>().is_ok())
}

/// Whether a line looks like one that tells of an error, in any language.
fn is_error(line: &[u8]) -> bool {
    line.split(|byte| !byte.is_ascii_alphanumeric()).any(|word| {
        let word = word.to_ascii_lowercase();
        let is_kind = [&b"error"[..], b"exception"].iter().any(|end| word.ends_with(end));
        is_kind || matches!(&*word, b"traceback" | b"panic" | b"panicked" | b"fatal" | b"uncaught")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<Vec<u8>> {
        text.lines().map(|line| line.as_bytes().to_vec()).collect()
    }

    #[test]
    fn the_error_comes_first_whatever_follows_it() {
        let node = "listening soon\nnode:events:487\n      throw er;\n      ^\n\nError: listen EADDRINUSE :::80\n    \
                    at Server\n    at node:net\n";
        assert_eq!(telling(lines(node)).first().unwrap(), b"Error: listen EADDRINUSE :::80");
        for place in ["/srv/two.js:1", "file:///srv/two.mjs:12"] {
            let node = format!(
                "up\n{place}\nconst x = ;\n          ^\n\nSyntaxError: Unexpected token ';'\n    at wrap\n"
            );
            assert_eq!(telling(lines(&node)).first().unwrap(), place.as_bytes());
        }
        for line in [
            "[ERROR] no",
            "TypeError: x",
            "thread 'main' panicked at",
            "java.io.IOException",
            "fatal: no",
        ] {
            assert!(is_error(line.as_bytes()), "{line}");
        }
        for line in ["0 errors", "stderr is here", "terrors", "", "a warning"] {
            assert!(!is_error(line.as_bytes()), "{line}");
        }
    }

    #[test]
    fn a_python_syntax_error_keeps_its_file_and_line() {
        let python = "warming up\n  File \"/srv/app.py\", line 3\n    def f(:\n          ^\nSyntaxError: invalid syntax\n";
        assert_eq!(telling(lines(python)).first().unwrap(), b"  File \"/srv/app.py\", line 3");
        assert_eq!(telling(lines(python)).len(), 4);
    }

    #[test]
    fn a_few_lines_of_an_error_say_what_it_is() {
        let frames = "  File \"a.py\", line 3\n    b()\n".repeat(4);
        let python = format!(
            "Traceback (most recent call last):\n{frames}KeyError: 'x'\n[ERROR] Worker failed\n"
        );
        let told = few(telling(lines(&python)));
        assert_eq!((told.len(), told.last().unwrap().as_slice()), (FEW, &b"KeyError: 'x'"[..]));
        let node = format!("Error: no\n{}", "    at x\n".repeat(9));
        assert_eq!(few(telling(lines(&node)))[0], b"Error: no");
        assert_eq!(few(lines("1\n2\n3\n4\n5\n6"))[0], b"2");
    }

    #[test]
    fn a_long_story_keeps_its_beginning_and_its_end() {
        let frames: Vec<_> = (0..40).map(|number| format!("  frame {number}")).collect();
        let python = format!(
            "start\nTraceback (most recent call last):\n{}\nValueError: x",
            frames.join("\n")
        );
        let told = telling(lines(&python));
        assert_eq!(told.len(), LINES);
        assert!(told[0].starts_with(b"Traceback") && told[LINES - 1] == b"ValueError: x");
        assert!(told.contains(&b"...".to_vec()));
        let plain: Vec<_> = (0..30).map(|number| number.to_string()).collect();
        assert_eq!(telling(lines(&plain.join("\n"))).first().unwrap(), b"20");
    }
}
