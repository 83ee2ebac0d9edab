//! Why a call was not done, in a closed list of codes.

use serde::{Deserialize, Serialize};

/// The codes a script may rely on: never renamed, only added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// A selector matches nothing.
    NotFound,
    /// A selector could mean different things.
    Ambiguous,
    /// It is up already.
    AlreadyRunning,
    /// The daemon is being shut down.
    Leaving,
    /// The request makes no sense to this daemon: unknown call, wrong arguments.
    BadRequest,
    /// The other side speaks another protocol version.
    Version,
    /// A file of ours could not be read or written.
    Storage,
    /// It is being done already.
    Busy,
    /// There can't be more.
    TooMany,
    /// The app can't do that: it offers no such action, has no channel, reads nothing.
    Unable,
    /// The machine refused something.
    System,
}

/// A call that was not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// For programs.
    pub code: Code,
    /// For people: what and why.
    pub message: String,
    /// For people: what to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}
