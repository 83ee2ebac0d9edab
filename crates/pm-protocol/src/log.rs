//! Where readers find an instance's output. Bytes never pass through the daemon.

use pm_spec::ByteString;
use serde::{Deserialize, Serialize};

/// One instance's log files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogSource {
    /// The instance.
    pub id: u32,
    /// Its app's name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// The file of its standard output, if it has one.
    pub out: Option<ByteString>,
    /// The file of its standard error, if it has one.
    pub error: Option<ByteString>,
    /// The file of both, if it has one.
    pub combined: Option<ByteString>,
    /// How lines stand in the files.
    pub shape: LogShape,
}

/// How lines stand in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogShape {
    /// As the app wrote them; arrival times are in the index beside.
    Raw,
    /// `<stamp>: <line>` in this day.js format.
    Stamped(String),
    /// One JSON object a line.
    Json,
}
