//! Showing logs beside something else, until that ends: a thread of its own, which shows everything before it is done.

use std::io;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use pm_logs::LineQuery;
use pm_protocol::LogSource;
use pm_spec::Select;

use super::printer::Form;
use super::query::{LogQuery, Until};
use super::stream::tell;
use crate::prelude::{Failure, Session};

/// Logs that are being shown.
#[derive(Debug)]
pub(crate) struct Streaming {
    thread: JoinHandle<()>,
    rope: io::PipeWriter,
    sources: SyncSender<Vec<LogSource>>,
}

impl Streaming {
    /// Shows what these apps write from `since` (ms since 1970) on, and those that come later.
    pub(crate) fn start(
        session: &Session,
        form: Form,
        since: u64,
        (select, sources): (Vec<Select>, Vec<LogSource>),
    ) -> Result<Self, Failure> {
        let failed = |error: io::Error| Failure::failed(format!("could not show logs: {error}"));
        let (bell, rope) = io::pipe().map_err(failed)?;
        let (sender, last) = sync_channel(1);
        let since = i64::try_from(since).ok();
        let want = LineQuery { since, ..LineQuery::default() };
        let until = Until { bell: bell.into(), sources: last, begun: None };
        let query = LogQuery::following(select, want, Some(until));
        let session = session.clone();
        let show = move || {
            // A reader that left is no failure; anything else is said, and the apps go on.
            if let Err(failure) = tell(&session, &query, (sources, &[]), form) {
                session.console.complain(&failure.to_string());
            }
        };
        let thread = thread::Builder::new().name("logs".into()).spawn(show).map_err(failed)?;
        Ok(Self { thread, rope, sources: sender })
    }

    /// Nothing more will be written: shows the rest of all these, and returns.
    pub(crate) fn finish(self, sources: Vec<LogSource>) {
        // A reader that left needs none.
        self.sources.try_send(sources).ok();
        drop(self.rope);
        // It says itself what it could not do.
        self.thread.join().ok();
    }
}
