//! What readers are shown: wire views, apart from the core's.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use pm_spec::{AppSpec, ByteString, Health, Mode, Status};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::job::JobView;

/// What a whole process tree uses.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// Per cent of one core; may exceed 100.
    pub cpu: f32,
    /// Resident bytes.
    pub memory: u64,
    /// Number of processes.
    pub processes: u32,
    /// The TCP addresses on which it takes connections, by port.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub listens: Vec<SocketAddr>,
}

impl Usage {
    /// The TCP ports on which it takes connections, each once, smallest first: `80 443`.
    pub fn ports(&self) -> String {
        let ports: BTreeSet<u16> = self.listens.iter().map(SocketAddr::port).collect();
        ports.iter().map(u16::to_string).collect::<Vec<_>>().join(" ")
    }

    /// The addresses on which it takes connections: `127.0.0.1:80 [::1]:443`.
    pub fn addresses(&self) -> String {
        self.listens.iter().map(SocketAddr::to_string).collect::<Vec<_>>().join(" ")
    }
}

/// One line of `pm list`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The instance's number (PM2: `pm_id`).
    pub id: u32,
    /// The app's name.
    pub name: String,
    /// The app's namespace.
    pub namespace: String,
    /// The version of the package the script belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The slot within the app, from 0.
    pub slot: u16,
    /// The main process, 0 if there is none.
    pub pid: u32,
    /// The word for its phase.
    pub status: Status,
    /// How often it was restarted.
    pub restarts: u32,
    /// Short runs in a row.
    #[serde(default)]
    pub unstable: u32,
    /// When the run began, in ms since 1970; 0 if there is none.
    pub started_at: u64,
    /// When people last started it, in ms since 1970.
    pub created_at: u64,
    /// CPU and memory, if they were asked for and something runs.
    #[serde(default)]
    pub usage: Usage,
    /// The user it runs as, if not the daemon's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// As what it runs (PM2: `exec_mode`).
    #[serde(default, skip_serializing_if = "is_fork")]
    pub mode: Mode,
    /// Whether its files are being watched (PM2: `watch`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub watching: bool,
    /// Why it is not up, in one line, if there is something to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Whether the note is that it ends again and again and looks well in between, which PM2 does not tell.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub goes_round: bool,
    /// Whether so many of its runs in a row have failed that it is called out (`flapping_limit`), and none has lasted since.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub flapping: bool,
    /// When it runs next and how its runs went, if it is a job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<Box<JobView>>,
    /// What its health checks say while it is up, if it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
    /// The app it waits for before it begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<String>,
}

impl Row {
    /// The job it is and its next time, if it waits for that.
    pub fn waiting_job(&self) -> Option<(&JobView, u64)> {
        let job = self.job.as_deref()?;
        let waits = matches!(self.status, Status::Stopped | Status::Errored);
        Some((job, job.next.filter(|_| waits && self.pid == 0)?))
    }

    /// The word for where it stands, with `scheduled` and `failed` for jobs that wait for their next time, `waiting` for
    /// what waits for others, and `unhealthy`. To PM2's scripts what is unhealthy is `online` all the same.
    pub fn standing(&self) -> &'static str {
        match self.waiting_job() {
            Some((job, _)) if job.failed || self.status == Status::Errored => "failed",
            Some(_) => "scheduled",
            None if self.waits_for.is_some() => "waiting",
            None if self.is_unhealthy() => Health::Unhealthy.as_str(),
            None => self.status.as_str(),
        }
    }

    /// Whether it is up and its health check says that it is not well.
    pub fn is_unhealthy(&self) -> bool {
        self.status == Status::Online && self.health == Some(Health::Unhealthy)
    }
}

/// One end of one run, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndView {
    /// When, in ms since 1970.
    pub at: u64,
    /// How long it had run in ms.
    pub lived: u64,
    /// The pid it had.
    pub pid: u32,
    /// The exit code, if it ended by itself.
    pub code: Option<u8>,
    /// The signal's name, if it ended by one.
    pub signal: Option<String>,
    /// How and why, in words.
    pub why: String,
}

/// Everything about one instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Description {
    /// The line of the list.
    pub row: Row,
    /// The app as it is specified, with its environment: mask values before showing them.
    pub spec: AppSpec,
    /// Whether it is down as its config has it: it waits for its time, or has run to its good end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rests: bool,
    /// Its standard output's file.
    pub out: Option<ByteString>,
    /// Its standard error's file.
    pub error: Option<ByteString>,
    /// The file of both.
    pub combined: Option<ByteString>,
    /// Its pid file.
    pub pid_file: Option<ByteString>,
    /// The pids of its tree, the main process first.
    pub pids: Vec<u32>,
    /// The last ends, oldest first, at most twenty.
    pub ends: Vec<EndView>,
    /// The last pause before a restart in ms.
    pub last_delay: u64,
    /// When the next run begins, in ms since 1970, while waiting for it.
    pub next_start: Option<u64>,
    /// The next time of its schedule, in ms since 1970, while that is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cron: Option<u64>,
    /// Who stopped it, if somebody did and it is still so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_by: Option<String>,
    /// What it said last that it is at (`STATUS=`, `sd_notify(3)`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// What its process says about itself over Node's channel.
    #[serde(default, skip_serializing_if = "Pulse::is_empty")]
    pub pulse: Pulse,
}

/// What a process says about itself over Node's channel, at most some 32 KiB, in the shapes of PM2's library.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pulse {
    /// What it can be asked to do (PM2: `axm_actions`): objects with an `action_name`.
    pub actions: Vec<Value>,
    /// What it measures (PM2: `axm_monitor`), by name: objects with a `value` and perhaps a `unit`.
    pub monitor: Map<String, Value>,
    /// What else it says about itself (PM2: `axm_options`).
    pub options: Map<String, Value>,
}

impl Pulse {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty() && self.monitor.is_empty() && self.options.is_empty()
    }

    /// Names of the actions, and what their app says about each, if anything.
    pub fn actions(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.actions.iter().filter_map(|action| {
            let comment = action.get("opts").and_then(|opts| opts.get("comment"));
            Some((action.get("action_name")?.as_str()?, comment.and_then(Value::as_str)))
        })
    }

    /// Names of the figures, and each with its unit as people read it.
    pub fn figures(&self) -> impl Iterator<Item = (&str, String)> {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        self.monitor.iter().map(move |(name, figure)| {
            let value = text(figure.get("value").unwrap_or(figure));
            let unit = figure.get("unit").and_then(Value::as_str).filter(|unit| !unit.is_empty());
            (name.as_str(), unit.map_or(value.clone(), |unit| format!("{value} {unit}")))
        })
    }
}

/// What one instance answered to an action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionAnswer {
    /// The instance.
    pub id: u32,
    /// Its app's name.
    pub name: String,
    /// Its app's namespace.
    pub namespace: String,
    /// What came from it.
    pub said: Said,
}

/// What came from a process that was asked to do something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// It returned this: JSON as it wrote it. As text, so that nothing it says can be too deep for anybody.
    Returned(String),
    /// It is done and returned nothing.
    Nothing,
    /// Nothing came in time.
    Late,
    /// It ended, or closed its channel.
    Gone,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants a reference")]
const fn is_fork(mode: &Mode) -> bool {
    matches!(mode, Mode::Fork)
}

/// What became of one instance through a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The instance.
    pub id: u32,
    /// Its app's name.
    pub name: String,
    /// What it became.
    pub what: What,
    /// Its main process now, 0 if there is none.
    pub pid: u32,
    /// Where the reason of a failure may be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_log: Option<ByteString>,
    /// What should be known besides: that it had to be killed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// How a job ended that was run, as a shell tells it: its exit code, or 128 and the number of a signal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<u8>,
}

/// What an instance became.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// It was down and is up.
    Started,
    /// It is up with a new run.
    Restarted,
    /// It runs on, and its main process has replaced its workers.
    Reloaded,
    /// It was as wished already.
    Unchanged,
    /// It runs on, by new rules.
    Amended,
    /// It ran to its good end.
    Finished,
    /// It is down, the whole tree gone.
    Stopped,
    /// It is down and forgotten.
    Deleted,
    /// Its counters are zero.
    Reset,
    /// The signal was sent.
    Signaled,
    /// It was written to.
    Told,
    /// It is known, and not wanted up yet.
    Added,
    /// It is not as wished, and this is why.
    Failed(String),
    /// It runs, but has not said within its time that it is ready, as this says; it may still.
    Unready(String),
    /// A later call wished something else.
    Superseded,
}

impl What {
    /// Why the wish did not come true, if it did not.
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Failed(why) | Self::Unready(why) => Some(why),
            Self::Started
            | Self::Restarted
            | Self::Reloaded
            | Self::Unchanged
            | Self::Amended
            | Self::Finished
            | Self::Stopped
            | Self::Deleted
            | Self::Reset
            | Self::Signaled
            | Self::Told
            | Self::Added
            | Self::Superseded => None,
        }
    }

    /// Whether the wish did not come true.
    pub fn is_failure(&self) -> bool {
        self.why().is_some()
    }
}

/// Figures of the machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Host {
    /// Per cent of all cores together, 0 to 100.
    pub cpu: f32,
    /// Number of logical cores.
    pub cores: u32,
    /// Load averages over 1, 5 and 15 minutes.
    pub load: [f64; 3],
    /// Bytes of memory in use.
    pub memory_used: u64,
    /// Bytes of memory there are.
    pub memory_total: u64,
    /// Bytes of swap in use.
    pub swap_used: u64,
    /// Bytes of swap there are.
    pub swap_total: u64,
    /// Bytes in use on the disk that holds our home.
    pub disk_used: u64,
    /// Bytes that are free on it, without those kept for root; `None`: an older daemon did not say.
    #[serde(default)]
    pub disk_free: Option<u64>,
    /// Bytes of that disk.
    pub disk_total: u64,
    /// Bytes received per second over all interfaces but loopback.
    pub received: u64,
    /// Bytes sent per second, likewise.
    pub sent: u64,
}

impl Host {
    /// Bytes of the disk that people can use at all: what a share of it is a share of, as for `df` and PM2.
    pub fn disk_usable(&self) -> u64 {
        self.disk_free.map_or(self.disk_total, |free| self.disk_used.saturating_add(free))
    }
}
