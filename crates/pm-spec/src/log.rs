//! Where an app's output goes and in which form.

use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::{ByteString, Bytes};

/// The log settings of one app. Paths are absolute; the daemon adds `-<id>` before the ending where asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogSpec {
    /// Standard output (PM2: `out_file`).
    pub out: LogTarget,
    /// Standard error (PM2: `error_file`).
    pub error: LogTarget,
    /// Both streams in one file, in addition (PM2: `log_file`).
    pub combined: Option<ByteString>,
    /// One file for all instances instead of one each with `-<id>` (PM2: `merge_logs`).
    pub merge: bool,
    /// How each line is written.
    pub format: LogFormat,
    /// When files are rotated.
    pub rotation: Rotation,
    /// What to do while the disk is full.
    pub full: LogFull,
}

impl Default for LogSpec {
    /// No output is kept.
    fn default() -> Self {
        Self {
            out: LogTarget::Discard,
            error: LogTarget::Discard,
            combined: None,
            merge: true,
            format: LogFormat::Raw,
            rotation: Rotation::default(),
            full: LogFull::Drop,
        }
    }
}

/// One stream's destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogTarget {
    /// A file, appended to.
    File(ByteString),
    /// Nowhere (PM2: `NULL`, `/dev/null`, `disable_logs`).
    Discard,
}

/// How lines are written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// Byte for byte what the app wrote.
    Raw,
    /// `<stamp>: <line>`, the stamp in this day.js format (PM2: `log_date_format`).
    Stamped(String),
    /// One JSON object a line (PM2: `log_type: "json"`), its time ISO 8601 or in this day.js format.
    Json(Option<String>),
}

/// When a log is rotated by rename, and how much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotation {
    /// A file reaching this size is rotated; `None` lets it grow for ever.
    pub max_size: Option<Bytes>,
    /// How many rotated files are kept (older ones are removed); at least 1 unless `max_size` is `None`.
    pub keep: u32,
    /// Whether rotated files are gzipped.
    pub compress: bool,
}

impl Default for Rotation {
    /// 10 MiB a file, ten kept, compressed: at most about 20 MiB a stream on disk (pain 4).
    fn default() -> Self {
        Self { max_size: Some(Bytes::new(10 << 20)), keep: 10, compress: true }
    }
}

/// What happens to output while its file can't take it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFull {
    /// Count and drop after a short wait, so that the app never blocks.
    #[default]
    Drop,
    /// Let the app wait.
    Block,
}
