//! Where a stream of output goes and in which shape: plain data, made by the daemon from a spec.
//! Deliberately knows nothing of files; opening them is `open.rs`.

use std::path::Path;
use std::sync::Arc;

use crate::rotate::LogRotation;
use crate::stamp::StampFormat;

/// Which of the two outputs of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

impl Stream {
    /// PM2's word for it in JSON logs: `out` or `err`.
    pub fn word(self) -> &'static str {
        match self {
            Stream::Out => "out",
            Stream::Err => "err",
        }
    }
}

/// Names one stream for as long as its program runs; `tag` is chosen by the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamKey {
    /// The caller's number of the run (the guardian's tag).
    pub tag: u64,
    /// Which output of it.
    pub stream: Stream,
}

/// The shape in which output reaches the file (PM2: `log_date_format`, `time`, `log_type`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineFormat {
    /// Byte for byte.
    Raw,
    /// `<stamp>: <line>`.
    Stamped(StampFormat),
    /// One object a line: `message`, `timestamp`, `type`, `process_id`, `app_name`.
    Json {
        /// `app_name`.
        app: String,
        /// `process_id`: PM2's `pm_id`.
        instance: u64,
        /// Shape of `timestamp`; `None` is ISO 8601 with milliseconds and zone.
        stamp: Option<StampFormat>,
    },
}

/// A file, or nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogDestination {
    /// This file, made with its folders if missing.
    File(Arc<Path>),
    /// Read and forgotten (`/dev/null`, `NULL`, `none`).
    Discard,
}

impl LogDestination {
    /// PM2's meaning of a path: `NULL`, `none` and `/dev/null` are nowhere.
    pub fn parse(path: &Path) -> Self {
        let nowhere = ["NULL", "none", "/dev/null"].iter().any(|word| path == Path::new(word));
        if nowhere { LogDestination::Discard } else { LogDestination::File(path.into()) }
    }
}

/// What happens to output when the disk takes no more (`log_full`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenFull {
    /// After 250 ms it is dropped and counted; the app never waits for our disk (pain 20).
    Drop,
    /// It waits in the pipe; the app waits too.
    Block,
}

/// The user an app runs as when that is not us; its files are made over to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileOwner {
    /// Numeric user.
    pub uid: u32,
    /// Numeric group.
    pub gid: u32,
}

/// Everything about the destination of one stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sink {
    /// The stream's own log (`out_file`, `error_file`).
    pub place: LogDestination,
    /// How lines look there.
    pub format: LineFormat,
    /// A second file that gets the same (`log_file`, PM2's combined log).
    pub combined: Option<Arc<Path>>,
    /// When to rotate either file.
    pub rotation: LogRotation,
    /// What to do while the disk is full.
    pub full: WhenFull,
    /// Who owns the files; also forbids following symbolic links an app could have made.
    pub owner: Option<FileOwner>,
}

impl Sink {
    /// Whether the bytes may go from the pipe straight into the log, with no spool between: as long as no other stream
    /// goes there, which the log knows.
    pub fn is_direct(&self) -> bool {
        self.format == LineFormat::Raw && self.combined.is_none()
    }

    /// Where its bytes go first, for messages.
    pub(crate) fn path(&self) -> &Path {
        match (&self.place, &self.combined) {
            (LogDestination::File(path), _) | (LogDestination::Discard, Some(path)) => path,
            (LogDestination::Discard, None) => Path::new("/dev/null"),
        }
    }

    /// Whether nobody will ever see the bytes.
    pub fn is_nowhere(&self) -> bool {
        self.place == LogDestination::Discard && self.combined.is_none()
    }
}
