//! What failed apps wrote to standard error in the run that failed: from the first line that looks like an error, for
//! what a runtime prints after it (Node's stack) is long and says less.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use pm_client::{Client, Deadline};
use pm_logs::stamp::StampFormat;
use pm_logs::{History, LineQuery, LineTimes, LogFiles, Stream};
use pm_protocol::{Describe, Description, Outcome};
use pm_spec::{AppSpec, LogFormat, Select};

use crate::commands::support::regular;
use crate::render::outcomes::LastLines;
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

/// Logs longer than this are not searched for the run; the last bytes have to do.
const SEARCHED: u64 = 16 << 20;

/// Times of lines are noted each 5 ms, and clocks are cut to milliseconds.
const SLACK: u64 = 10;

/// The last bytes.
const TAIL_BYTES: u64 = 16 << 10;

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
    failed.take(APPS).filter_map(|outcome| tail(session, client, outcome, asked)).collect()
}

fn tail(
    session: &Session,
    client: &mut Client,
    outcome: &Outcome,
    asked: u64,
) -> Option<LastLines> {
    let file = outcome.error_log.as_ref()?;
    let path = PathBuf::from(OsStr::from_bytes(file.as_bytes()));
    let meta = path.metadata().ok()?;
    let written = u64::try_from(meta.mtime()).ok()?.saturating_add(1).saturating_mul(1000);
    if !meta.is_file() || written < asked {
        // Older lines explain nothing.
        return None;
    }
    let select = vec![Select::Id(outcome.id)];
    let answer = client.call(&Describe { select, known: true }, Deadline::after(QUICK));
    let described = answer.ok().and_then(|answer| answer.descriptions.into_iter().next());
    let searched = described.as_ref().filter(|_| meta.len() <= SEARCHED);
    let of_run = searched.map(|described| of_run(session, described, path.clone(), asked));
    let of_run = of_run.unwrap_or_default();
    let lines = if of_run.is_empty() { last_lines(&path)? } else { of_run };
    let note = described.filter(|_| lines.iter().any(|line| lacks_something(line)));
    Some(LastLines {
        id: outcome.id,
        name: outcome.name.clone(),
        file: file.clone(),
        lines: telling(lines),
        note: note.map(|described| run_by(&described.spec)),
    })
}

/// What was written since the run before the one that ended last did; nothing where no line's time is known. When that
/// one began would be noted too late for what it printed at once, and the next one may run by now.
fn of_run(session: &Session, described: &Description, log: PathBuf, asked: u64) -> Vec<Vec<u8>> {
    let before = described.ends.iter().rev().nth(1).map_or(0, |end| end.at);
    let since = asked.max(before).saturating_sub(SLACK);
    let times = match &described.spec.logs.format {
        LogFormat::Raw => LineTimes::Index(session.home.log_state()),
        LogFormat::Stamped(format) => LineTimes::Stamped(StampFormat::new(format)),
        LogFormat::Json(_) => LineTimes::Json(None),
    };
    let source = LogFiles { number: 0, stream: Stream::Err, log, times };
    let want = LineQuery { since: i64::try_from(since).ok(), ..LineQuery::default() };
    let mut lines = Vec::new();
    let Ok(mut history) = History::open(source, want) else { return lines };
    while let Ok(Some(line)) = history.next_line() {
        lines.push(line.bytes);
    }
    lines
}

/// The whole lines among the last bytes of a file; the first is none if it was cut out of more.
fn last_lines(path: &Path) -> Option<Vec<Vec<u8>>> {
    let mut file = regular::open(path).ok()?;
    let start = file.metadata().ok()?.len().saturating_sub(TAIL_BYTES);
    file.seek(SeekFrom::Start(start)).ok()?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut bytes).ok()?;
    let mut lines = whole_lines(&bytes, start > 0);
    lines.drain(..lines.len().saturating_sub(PLAIN));
    Some(lines)
}

fn whole_lines(bytes: &[u8], is_cut: bool) -> Vec<Vec<u8>> {
    let text = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    if text.is_empty() {
        return Vec::new();
    }
    let lines: Vec<_> = text.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let torn = usize::from(is_cut && lines.len() > 1);
    lines.into_iter().skip(torn).collect()
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

/// Whether a line says that a module or a program is not where it was looked for.
fn lacks_something(line: &[u8]) -> bool {
    let line = String::from_utf8_lossy(line);
    ["ModuleNotFoundError", "No module named"].iter().any(|it| line.contains(it))
        || line.trim_end().ends_with("not found")
}

/// Who ran an app, and the virtual environment it could have had.
fn run_by(spec: &AppSpec) -> String {
    let by = spec.interpreter.as_ref().unwrap_or(&spec.script).display();
    match pm_config::unused_venv(spec) {
        Some(venv) => {
            format!("it was run by {by}, but a virtual environment lies in {}", venv.display())
        }
        None => format!("it was run by {by}"),
    }
}

/// Where the story of an error begins: Python says file and line of a wrong syntax before it, all of it indented.
fn first_of(lines: &[Vec<u8>], error: usize) -> usize {
    let is_indented =
        |line: &Vec<u8>| line.first().is_some_and(|byte| matches!(byte, b' ' | b'\t'));
    let before = lines.get(..error).unwrap_or_default();
    let own = before.iter().rev().take_while(|line| is_indented(line)).take(MOST_BEFORE).count();
    // What follows a line that stands further left belongs to that one, unless it begins by naming a file.
    let first = error - own;
    let names_a_file = |line: &Vec<u8>| line.trim_ascii_start().starts_with(b"File \"");
    if lines.get(first).is_some_and(names_a_file) { first } else { error }
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
    fn lines_cut_out_of_more_are_whole() {
        assert_eq!(whole_lines(b"", false), Vec::<Vec<u8>>::new());
        assert_eq!(whole_lines(b"a\nb\n", false), [b"a", b"b"]);
        assert_eq!(whole_lines(b"torn\nb", true), [b"b"]);
    }

    #[test]
    fn the_error_comes_first_whatever_follows_it() {
        let node = "listening soon\nnode:events:487\n      throw er;\n      ^\n\nError: listen EADDRINUSE :::80\n    \
                    at Server\n    at node:net\n";
        assert_eq!(telling(lines(node)).first().unwrap(), b"Error: listen EADDRINUSE :::80");
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
