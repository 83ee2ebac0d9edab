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

/// The trouble of one stream with one place; mostly there is none, and it takes no room.
#[derive(Debug, Default)]
pub(crate) struct Outage(Option<Box<Trouble>>);

#[derive(Debug, Default)]
struct Trouble {
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
    fn trouble(&mut self) -> &mut Trouble {
        self.0.get_or_insert_default()
    }

    /// Notes another refusal; tells for how long there have been refusals only.
    pub(crate) fn again(&mut self, cause: &str, now: Instant) -> Duration {
        let trouble = self.trouble();
        cause.clone_into(&mut trouble.cause);
        now.duration_since(*trouble.since.get_or_insert(now))
    }

    /// The last refusal, in words.
    pub(crate) fn cause(&self) -> &str {
        self.0.as_ref().map_or("", |trouble| &trouble.cause)
    }

    /// Counts dropped bytes.
    pub(crate) fn lose(&mut self, bytes: u64) {
        let trouble = self.trouble();
        trouble.unmarked += bytes;
        trouble.untold += bytes;
    }

    /// Whether dropped bytes still lack their marker line.
    pub(crate) fn wants_mark(&self) -> bool {
        self.0.as_ref().is_some_and(|trouble| trouble.unmarked > 0)
    }

    /// Writes the marker line for dropped bytes, if any, at `size`; gives the size after it.
    pub(crate) fn mark(
        &mut self,
        file: &OwnedFd,
        (size, line_end): (u64, bool),
    ) -> Result<u64, Errno> {
        let Some(trouble) = self.0.as_mut().filter(|trouble| trouble.unmarked > 0) else {
            return Ok(size);
        };
        let newline = if line_end { "" } else { "\n" };
        let line = format!("{newline}[pm] {} bytes dropped: {}\n", trouble.unmarked, trouble.cause);
        write_full(file, line.as_bytes(), size).inspect_err(|_| {
            // Half a marker would look like output.
            ftruncate(file, size).ok();
        })?;
        trouble.unmarked = 0;
        Ok(size + line.len() as u64)
    }

    /// Has it known that this log takes nothing.
    pub(crate) fn block(&mut self, tools: &WriterTools, path: &Path) {
        let trouble = self.trouble();
        if trouble.blocked.is_none() {
            let (path, cause) = (path.to_path_buf(), Some(trouble.cause.clone()));
            trouble.blocked = Some(path.clone());
            tools.tell(Notice::Blocked { path, cause });
        }
    }

    /// Takes that back.
    pub(crate) fn unblock(&mut self, tools: &WriterTools) {
        if let Some(path) = self.0.as_mut().and_then(|trouble| trouble.blocked.take()) {
            tools.tell(Notice::Blocked { path, cause: None });
        }
    }

    /// Says so, at most once a minute.
    pub(crate) fn warn(&mut self, tools: &WriterTools, path: &Path) {
        let trouble = self.trouble();
        if trouble.warned.is_some_and(|warned| tools.now < warned + WARN) {
            return;
        }
        trouble.warned = Some(tools.now);
        if trouble.untold == 0 {
            let text = format!("output waits for the log {}: {}", path.display(), trouble.cause);
            tools.tell(Notice::Warned { text });
        }
        self.tell(tools, path);
    }

    /// Tells the count of what was dropped since the last time.
    pub(crate) fn tell(&mut self, tools: &WriterTools, path: &Path) {
        let Some(trouble) = &mut self.0 else { return };
        let bytes = std::mem::take(&mut trouble.untold);
        if bytes > 0 {
            let (path, cause) = (path.to_path_buf(), trouble.cause.clone());
            tools.tell(Notice::Dropped { path, bytes, cause });
        }
    }

    /// The place takes bytes again.
    pub(crate) fn over(&mut self, tools: &WriterTools, path: &Path) {
        let Some(trouble) = &mut self.0 else { return };
        if trouble.since.take().is_some() {
            trouble.warned = None;
            self.unblock(tools);
            self.tell(tools, path);
        }
        self.0 = self.0.take().filter(|trouble| trouble.unmarked > 0);
    }
}
