//! Waits for a line that a run prints: its logs are followed from where they ended before it was made.

use std::io;
use std::ops::ControlFlow;
use std::os::fd::OwnedFd;
use std::time::Duration;

use pm_core::{Fact, InstanceId, RunId};
use pm_logs::stamp::StampFormat;
use pm_logs::{Follow, History, LineQuery, LineTimes, LogFiles, Stream};
use pm_protocol::Home;
use pm_spec::{AppSpec, LinePattern, LogFormat};
use pm_triggers::LineMatch;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, sleep_until};

use super::subject::Subject;
use crate::plan;

/// The least pause between two looks: who floods is not read without rest.
const LEAST: Duration = Duration::from_millis(10);

/// The pause before another try where a log can't be followed.
const TRIES: Duration = Duration::from_secs(1);

/// The logs of one instance.
#[derive(Clone, Debug)]
pub(super) struct RunLogs(Vec<LogFiles>);

impl RunLogs {
    pub(super) fn of(app: &AppSpec, instance: InstanceId, home: &Home) -> Self {
        let paths = plan::log_paths(app, instance);
        let times = || match &app.logs.format {
            LogFormat::Raw => LineTimes::Index(home.log_state()),
            LogFormat::Stamped(format) => LineTimes::Stamped(StampFormat::new(format)),
            LogFormat::Json(_) => LineTimes::Json(None),
        };
        let all = [(Stream::Out, paths.out), (Stream::Err, paths.error)];
        let mut files: Vec<LogFiles> = Vec::new();
        // Where there is no file for each stream there is one for both.
        for (stream, path) in all.into_iter().chain([(Stream::Out, paths.combined)]) {
            let Some(log) = path.as_ref().map(plan::path_of) else { continue };
            if files.iter().all(|known| known.log != log) {
                files.push(LogFiles { number: files.len(), stream, log, times: times() });
            }
        }
        Self(files)
    }

    /// From their present ends on.
    pub(super) fn follow(&self) -> Option<Follow> {
        let mut follow = Follow::new().ok()?;
        self.0.iter().try_for_each(|log| follow.add(log.clone(), None)).ok()?;
        Some(follow)
    }

    /// The same for a run that has printed something already: what is from this moment on (ms since 1970) is looked
    /// through first, and `None` if a line of it is meant.
    fn follow_since(&self, since: i64, lines: &LineMatch) -> io::Result<Option<Follow>> {
        let mut follow = Follow::new().map_err(io::Error::other)?;
        for log in &self.0 {
            let want = LineQuery { since: Some(since), ..LineQuery::default() };
            let mut history = History::open(log.clone(), want).map_err(io::Error::other)?;
            while let Some(line) = history.next_line().map_err(io::Error::other)? {
                if lines.takes(&line.bytes) {
                    return Ok(None);
                }
            }
            follow.add(log.clone(), Some(history.cursor())).map_err(io::Error::other)?;
        }
        Ok(Some(follow))
    }
}

/// What is to be found, and where.
#[derive(Debug)]
pub(super) struct LineSearch {
    pub(super) pattern: LinePattern,
    pub(super) logs: RunLogs,
    /// Since before the run was made; `None`: it was made by a daemon before us.
    pub(super) follow: Option<Follow>,
    /// When it was made, in ms since 1970.
    pub(super) since: i64,
}

/// Tells as soon as the line is there.
pub(super) async fn until_printed(subject: Subject, run: RunId, mut search: LineSearch) {
    // What is no expression was refused where it was written.
    let Ok(lines) = LineMatch::new(&search.pattern) else { return };
    subject.tell(Fact::Unready(run, format!("no line with {} yet", search.pattern))).await;
    loop {
        match found(&mut search, &lines).await {
            Ok(()) => return subject.tell(Fact::Ready(run)).await,
            Err(error) => {
                subject.tell(Fact::Unready(run, error.to_string())).await;
                search.follow = None;
                sleep(TRIES).await;
            }
        }
    }
}

async fn found(search: &mut LineSearch, lines: &LineMatch) -> io::Result<()> {
    let mut follow = if let Some(follow) = search.follow.take() {
        follow
    } else {
        let (logs, since, lines) = (search.logs.clone(), search.since, lines.clone());
        let looked = spawn_blocking(move || logs.follow_since(since, &lines)).await;
        let Some(follow) = looked.map_err(io::Error::other)?? else { return Ok(()) };
        follow
    };
    let news = watch(follow.fd().try_clone_to_owned()?)?;
    loop {
        let mut take = |line: pm_logs::StoredLine| {
            if lines.takes(&line.bytes) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        if follow.read(&mut take).map_err(io::Error::other)?.is_break() {
            return Ok(());
        }
        sleep(LEAST).await;
        let due = follow.deadline();
        tokio::select! {
            ready = news.readable() => ready?.clear_ready(),
            () = sleep_until(due.map_or_else(far, Into::into)), if due.is_some() => {}
        }
    }
}

/// Never waited for.
fn far() -> tokio::time::Instant {
    tokio::time::Instant::now() + TRIES
}

#[expect(
    deprecated,
    reason = "the successor is unsafe to call; the descriptor is ours for as long as it is watched"
)]
fn watch(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(fd, Interest::READABLE)
}
