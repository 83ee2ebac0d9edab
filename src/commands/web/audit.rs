//! `pm web audit`: who did what. The files are read, so it is told whether a panel runs or not.

use chrono::{DateTime, Local};
use pm_client::{Colours, plain};
use pm_logs::{History, LineQuery, LineTimes, LogFiles, Stream};
use pm_web::{AuditLine, audit_files};
use serde_json::json;

use crate::cli::WebAuditArgs;
use crate::commands::support::line_feed::{self, unreadable};
use crate::console;
use crate::prelude::{Failure, Report, Session};

pub(super) fn run(session: &Session, args: &WebAuditArgs) -> Result<Report, Failure> {
    let mut files = audit_files(session.home.root());
    let Some(current) = files.pop().filter(|path| path.exists()) else {
        return Ok(Report::text(
            session.console,
            "nobody did anything yet; `pm web` starts the panel\n".into(),
        ));
    };
    let log = LogFiles { number: 0, stream: Stream::Out, log: current, times: LineTimes::Unknown };
    // Opened before the older files are read, so that what is put aside meanwhile is in one of them.
    let mut history = History::open(log.clone(), LineQuery::default()).map_err(unreadable)?;
    let mut all: Vec<AuditLine> = Vec::new();
    for path in files {
        let bytes = std::fs::read(path).unwrap_or_default();
        all.extend(bytes.split(|byte| *byte == b'\n').filter_map(parsed));
    }
    while let Some(line) = history.next_line().map_err(unreadable)? {
        all.extend(parsed(&line.bytes));
    }
    let most = if args.lines == 0 { all.len() } else { args.lines };
    let is_json = session.console.json;
    let tell =
        move |line: &AuditLine| if is_json { format!("{}\n", json!(line)) } else { shown(line) };
    let text: String = all.iter().skip(all.len().saturating_sub(most)).map(tell).collect();
    if console::show(&text).is_ok() && args.follow {
        line_feed::follow(log, history.cursor(), |line| parsed(line).map(|line| tell(&line)))?;
    }
    Ok(Report::default())
}

fn parsed(line: &[u8]) -> Option<AuditLine> {
    serde_json::from_slice(line).ok()
}

/// A line for people; names may be anything, and terminals obey what they are shown.
fn shown(line: &AuditLine) -> String {
    let who = if line.who.is_empty() { "-" } else { &line.who };
    let text = format!("{who} from {}: {} ({})", line.from, line.deed.join(" "), line.outcome);
    let safe = plain(text.as_bytes(), Colours::Drop);
    let safe = safe.replace('\n', " ");
    let more = if line.left_out > 0 {
        format!("  [{} refusals before it were too many to write down]", line.left_out)
    } else {
        String::new()
    };
    format!("{} {safe}{more}\n", local_time(line.at_ms))
}

/// A moment on this machine's clock.
pub(super) fn local_time(at_ms: u64) -> String {
    let at = DateTime::from_timestamp_millis(i64::try_from(at_ms).unwrap_or(0)).unwrap_or_default();
    at.with_timezone(&Local).format("%Y-%m-%d %H:%M:%S").to_string()
}
