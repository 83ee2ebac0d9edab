//! What it costs a stream that the disk refuses: since when, how many bytes, and when to say so.
//! Decides nothing; `stream_state.rs` does.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::ftruncate;
use rustix::io::Errno;

use crate::file_io::write_full;
use crate::messages::Notice;
use crate::open_error::OpenError;
use crate::tools::WriterTools;

/// Between two warnings of one stream.
const WARN: Duration = Duration::from_mins(1);

/// Why bytes could not be put where they belong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WriteError {
    pub path: PathBuf,
    pub errno: Errno,
    pub cause: String,
}

impl WriteError {
    pub(crate) fn new(path: &Path, errno: Errno) -> Self {
        let cause = match errno {
            Errno::NOSPC | Errno::DQUOT => "disk full".to_owned(),
            Errno::ROFS => "file system is read-only".to_owned(),
            Errno::FBIG => "file too large".to_owned(),
            other => std::io::Error::from(other).kind().to_string(),
        };
        WriteError { path: path.to_path_buf(), errno, cause }
    }

    pub(crate) fn from_open(path: &Path, error: &OpenError) -> Self {
        let short = Self::new(path, error.errno());
        match error {
            OpenError::Refused { source: Errno::NOSPC | Errno::DQUOT | Errno::ROFS, .. } => short,
            OpenError::Folder { .. }
            | OpenError::Refused { .. }
            | OpenError::NotAFile { .. }
            | OpenError::Planted { .. } => {
                WriteError { cause: format!("could not {error}"), ..short }
            }
        }
    }
}

/// The trouble of one stream with one place.
#[derive(Debug, Default)]
pub(crate) struct Outage {
    /// Since when it lasts.
    since: Option<Instant>,
    cause: String,
    unmarked: u64,
    untold: u64,
    warned: Option<Instant>,
    /// The log that is said to be blocked.
    blocked: Option<PathBuf>,
}

impl Outage {
    /// Notes another refusal; tells for how long there have been refusals only.
    pub(crate) fn again(&mut self, cause: &str, now: Instant) -> Duration {
        cause.clone_into(&mut self.cause);
        now.duration_since(*self.since.get_or_insert(now))
    }

    /// The last refusal, in words.
    pub(crate) fn cause(&self) -> &str {
        &self.cause
    }

    /// Counts dropped bytes.
    pub(crate) fn lose(&mut self, bytes: u64) {
        self.unmarked += bytes;
        self.untold += bytes;
    }

    /// Whether dropped bytes still lack their marker line.
    pub(crate) fn wants_mark(&self) -> bool {
        self.unmarked > 0
    }

    /// Writes the marker line for dropped bytes, if any, at `size`; gives the size after it.
    pub(crate) fn mark(
        &mut self,
        file: &OwnedFd,
        (size, line_end): (u64, bool),
    ) -> Result<u64, Errno> {
        if self.unmarked == 0 {
            return Ok(size);
        }
        let newline = if line_end { "" } else { "\n" };
        let line = format!("{newline}[pm] {} bytes dropped: {}\n", self.unmarked, self.cause);
        write_full(file, line.as_bytes(), size).inspect_err(|_| {
            // Half a marker would look like output.
            ftruncate(file, size).ok();
        })?;
        self.unmarked = 0;
        Ok(size + line.len() as u64)
    }

    /// Has it known that this log takes nothing.
    pub(crate) fn block(&mut self, tools: &WriterTools, path: &Path) {
        if self.blocked.is_none() {
            let (path, cause) = (path.to_path_buf(), Some(self.cause.clone()));
            self.blocked = Some(path.clone());
            tools.tell(Notice::Blocked { path, cause });
        }
    }

    /// Takes that back.
    pub(crate) fn unblock(&mut self, tools: &WriterTools) {
        if let Some(path) = self.blocked.take() {
            tools.tell(Notice::Blocked { path, cause: None });
        }
    }

    /// Says so, at most once a minute.
    pub(crate) fn warn(&mut self, tools: &WriterTools, path: &Path) {
        if self.warned.is_some_and(|warned| tools.now < warned + WARN) {
            return;
        }
        self.warned = Some(tools.now);
        if self.untold == 0 {
            let text = format!("output waits for the log {}: {}", path.display(), self.cause);
            tools.tell(Notice::Warned { text });
        }
        self.tell(tools, path);
    }

    /// Tells the count of what was dropped since the last time.
    pub(crate) fn tell(&mut self, tools: &WriterTools, path: &Path) {
        let bytes = std::mem::take(&mut self.untold);
        if bytes > 0 {
            let (path, cause) = (path.to_path_buf(), self.cause.clone());
            tools.tell(Notice::Dropped { path, bytes, cause });
        }
    }

    /// The place takes bytes again.
    pub(crate) fn over(&mut self, tools: &WriterTools, path: &Path) {
        if self.since.take().is_some() {
            self.unblock(tools);
            self.tell(tools, path);
            self.warned = None;
        }
    }
}
