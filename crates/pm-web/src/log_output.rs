//! Which of its two outputs an app used, as the page calls them.

use pm_logs::Stream;
use serde::Serialize;

/// As `out` and `err` stand in addresses and answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogOutput {
    Out,
    Err,
}

impl From<Stream> for LogOutput {
    fn from(stream: Stream) -> Self {
        match stream {
            Stream::Out => Self::Out,
            Stream::Err => Self::Err,
        }
    }
}
