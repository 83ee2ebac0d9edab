//! Where a stream's bytes go from its pipe. Plain data; `switch.rs` decides which way, and changes it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::open_logs::{LogId, OpenLogs};
use crate::shape::Shaper;
use crate::sink::{Sink, StreamKey};
use crate::spool::Spool;

/// A log, and the number under which it is open.
#[derive(Debug)]
pub(super) struct Outlet {
    pub(super) path: Arc<Path>,
    pub(super) log: Option<LogId>,
}

impl Outlet {
    /// Not open yet.
    pub(super) fn new(path: Arc<Path>) -> Self {
        Outlet { path, log: None }
    }
}

/// The way to the logs.
#[derive(Debug)]
pub(super) enum Route {
    /// Read and forgotten.
    Discard,
    /// Spliced into the log.
    Direct(Outlet),
    /// Spliced into a spool, shaped from there.
    Spooled(Box<SpoolRoute>),
}

/// What lies between the pipe and the logs of a stream that is not spliced into one.
#[derive(Debug)]
pub(super) struct SpoolRoute {
    pub(super) spool: Spool,
    pub(super) shaper: Shaper,
    pub(super) outlets: Vec<Outlet>,
}

impl Route {
    /// Over a spool.
    pub(super) fn spooled(
        spool: Spool,
        outlets: Vec<Outlet>,
        (key, sink): (StreamKey, &Sink),
    ) -> Self {
        let shaper = Shaper::new(sink.format.clone(), key.stream);
        Route::Spooled(Box::new(SpoolRoute { spool, shaper, outlets }))
    }

    /// The logs, with the spool the bytes come from.
    pub(super) fn outlets_mut(&mut self) -> (&mut [Outlet], Option<&Spool>) {
        match self {
            Route::Discard => (&mut [], None),
            Route::Direct(outlet) => (std::slice::from_mut(outlet), None),
            Route::Spooled(spooled) => (&mut spooled.outlets, Some(&spooled.spool)),
        }
    }

    /// The logs that are open.
    pub(super) fn open_logs(&mut self) -> impl Iterator<Item = LogId> {
        self.outlets_mut().0.iter().filter_map(|outlet| outlet.log)
    }
}

impl SpoolRoute {
    /// The path of the first log, for messages.
    pub(super) fn path(&self) -> PathBuf {
        self.outlets.first().map(|outlet| outlet.path.to_path_buf()).unwrap_or_default()
    }

    /// Offset up to which all logs hold what the spool of `key` got.
    pub(super) fn delivered_to_all(&self, key: StreamKey, logs: &mut OpenLogs) -> u64 {
        let start = self.spool.entry(None).raw_done;
        let mut done = |outlet: &Outlet| logs.get(outlet.log?)?.raw_done(key);
        self.outlets.iter().map(|outlet| done(outlet).unwrap_or(start)).min().unwrap_or(start)
    }
}
