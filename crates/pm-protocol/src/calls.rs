//! The registry of calls: what can be asked and what is answered.

use pm_spec::{Environment, Patience, Reload, Rename, Restart, Scale, Select, Signal, Start};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::log::LogSource;
use crate::view::{ActionAnswer, Description, Outcome, Row};

/// A call knows its answer.
pub trait Call: Serialize + DeserializeOwned + Into<Request> {
    /// What comes back.
    type Reply: Serialize + DeserializeOwned;

    /// Reads what comes back. It is made here, and not again by each program that asks.
    fn read(reply: &str) -> serde_json::Result<Self::Reply>;
}

macro_rules! calls {
    ($($call:ident => $reply:ty,)*) => {
        /// Every request there is; a closed list (CVE-2017-11610 came from dispatch by name).
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case", tag = "call", content = "args")]
        pub enum Request {
            $(#[doc = concat!("See [`", stringify!($call), "`].")] $call($call),)*
        }

        /// The names of all calls, for tests that want none forgotten.
        pub const CALLS: &[&str] = &[$(stringify!($call)),*];

        $(
            impl Call for $call {
                type Reply = $reply;

                fn read(reply: &str) -> serde_json::Result<$reply> {
                    serde_json::from_str(reply)
                }
            }
            impl From<$call> for Request {
                fn from(call: $call) -> Self {
                    Self::$call(call)
                }
            }
        )*
    };
}

calls! {
    Ping => Pong,
    Start => Outcomes,
    Raise => Outcomes,
    RunJobs => Outcomes,
    Stop => Outcomes,
    Restart => Outcomes,
    Reload => Outcomes,
    Delete => Outcomes,
    Scale => Outcomes,
    Rename => Outcomes,
    Reset => Outcomes,
    SendSignal => Outcomes,
    Trigger => Triggered,
    Input => Outcomes,
    List => Listing,
    Describe => Descriptions,
    Logs => LogSources,
    Flush => Flushed,
    ReloadLogs => Done,
    Save => Saved,
    Resurrect => Outcomes,
    Kill => Outcomes,
    Update => Done,
    Watch => Done,
}

/// Are you there?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ping {}

/// I am.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pong {
    /// The daemon's pid.
    pub pid: u32,
    /// Its version.
    pub version: String,
    /// Milliseconds it has lived.
    pub uptime: u64,
}

/// Start known apps; restart those that are up (PM2: `start NAME`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Raise {
    /// Which.
    pub select: Vec<Select>,
    /// The shell that takes the place of the one it was started from (PM2: `--update-env`).
    pub env: Option<Environment>,
    /// When to answer.
    pub wait: Patience,
    /// Whether they begin at once, whatever they depend on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_deps: bool,
}

/// Run jobs now, whatever their times.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunJobs {
    /// Which.
    pub select: Vec<Select>,
    /// Whether to answer at the end of each instead of when it has begun.
    pub wait: bool,
}

/// Take down; answered when the whole tree of each is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stop {
    /// Which.
    pub select: Vec<Select>,
}

/// Take down and forget.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delete {
    /// Which.
    pub select: Vec<Select>,
}

/// Restart counters back to zero.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reset {
    /// Which.
    pub select: Vec<Select>,
}

/// Send a signal to the main processes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SendSignal {
    /// To which.
    pub select: Vec<Select>,
    /// Which signal.
    pub signal: Signal,
}

/// Write to the standard input of apps (PM2: `send`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// Of which.
    pub select: Vec<Select>,
    /// What, with its line end.
    pub bytes: pm_spec::ByteString,
}

/// Ask Node apps to do something they offer (PM2: `trigger`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trigger {
    /// Which; those among them that offer it are asked.
    pub select: Vec<Select>,
    /// The action's name.
    pub action: String,
    /// Its parameter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub param: Option<String>,
    /// So long in ms answers are waited for, at most a day.
    pub patience: u64,
}

/// What came of it, in order of id; at least one was asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Triggered {
    /// One for each that was asked.
    pub answers: Vec<ActionAnswer>,
}

/// What became of each instance, in order of id.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcomes {
    /// One each.
    pub outcomes: Vec<Outcome>,
    /// What whoever asked should know besides, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
}

/// The list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct List {
    /// Which; all if empty.
    #[serde(default)]
    pub select: Vec<Select>,
    /// Whether CPU and memory are wanted.
    pub usage: bool,
    /// Whether figures of the machine are wanted.
    #[serde(default)]
    pub host: bool,
}

/// The list, in order of id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Listing<Rows = Vec<Row>> {
    /// One line each.
    pub rows: Rows,
    /// The daemon's clock in ms since 1970, so that uptimes need no second clock.
    pub now: u64,
    /// Figures of the machine, if asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<crate::view::Host>,
    /// What everybody should know, in a sentence: what is done now would not survive the daemon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
}

/// Everything about some instances.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Describe {
    /// Which; all if empty.
    #[serde(default)]
    pub select: Vec<Select>,
    /// Only what the daemon knows by itself: no pids, for which it would look through all processes of the machine,
    /// and nothing that apps say.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub known: bool,
}

/// Everything, in order of id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Descriptions {
    /// One each.
    pub descriptions: Vec<Description>,
    /// The daemon's clock in ms since 1970.
    pub now: u64,
}

/// Where the output of some instances lies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Logs {
    /// Which; all if empty.
    #[serde(default)]
    pub select: Vec<Select>,
}

/// Log files, in order of id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogSources {
    /// One each.
    pub sources: Vec<LogSource>,
}

/// Empty log files; without a selector those of all apps and the daemon's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Flush {
    /// Which; all and the daemon's own log if empty.
    #[serde(default)]
    pub select: Vec<Select>,
}

/// What was emptied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flushed {
    /// The files.
    pub files: Vec<pm_spec::ByteString>,
    /// How many rotated parts of theirs were removed.
    #[serde(default)]
    pub parts: u32,
}

/// Open all log files anew (after a foreign rotation).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReloadLogs {}

/// It is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {}

/// Write the list down for `resurrect`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Save {
    /// Whether an empty list may replace a saved one.
    pub force: bool,
    /// Save an empty list whatever is known (PM2: `cleardump`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub empty: bool,
}

/// What was saved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    /// How many instances.
    pub instances: u32,
    /// Where to.
    pub file: pm_spec::ByteString,
}

/// Bring back what was saved and is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resurrect {}

/// Take everything down and end the daemon and its guardian.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kill {}

/// Replace guardian and daemon by this program; no app notices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {
    /// The absolute path of the new program.
    pub program: pm_spec::ByteString,
}

/// Subscribe: after the reply, [`Change`](crate::Change)s follow until the connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// Send figures this often in ms (at least 250); `None`: only changes.
    pub usage_every: Option<u32>,
}
