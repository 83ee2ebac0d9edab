//! How an app shows that it is up and that it goes on being well: what it is asked from outside, and what follows.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::{ByteString, Span};

/// What an app has to show of itself; nothing, if nothing is said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Checks {
    /// What makes a run count as up (`ready`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready: Option<Box<Readiness>>,
    /// So long people wait for that (`ready_timeout`, 30 s).
    #[serde(skip_serializing_if = "is_usual")]
    pub ready_timeout: Span,
    /// Whether what is up goes on being well (Compose: `healthcheck`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<Box<HealthCheck>>,
    /// Who is up has to give a sign of life at least so often (systemd: `WatchdogSec=`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watchdog: Option<Span>,
    /// What follows if it is not.
    #[serde(skip_serializing_if = "OnUnhealthy::is_default")]
    pub on_unhealthy: OnUnhealthy,
}

const READY_TIMEOUT: Span = Span::from_secs(30);

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants a reference")]
fn is_usual(timeout: &Span) -> bool {
    *timeout == READY_TIMEOUT
}

impl Default for Checks {
    fn default() -> Self {
        Self {
            ready: None,
            ready_timeout: READY_TIMEOUT,
            health: None,
            watchdog: None,
            on_unhealthy: OnUnhealthy::default(),
        }
    }
}

impl Checks {
    /// Whether a run says itself how it is, over a socket of its own (`sd_notify(3)`).
    pub fn has_notices(&self) -> bool {
        self.watchdog.is_some() || self.ready.as_deref() == Some(&Readiness::Notifies)
    }

    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What makes a run count as up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Readiness {
    /// It is asked until it answers well.
    Answers(Question),
    /// It says so itself (`READY=1`, `sd_notify(3)`).
    Notifies,
    /// It prints a line.
    Prints(LinePattern),
}

/// What a line of an app's output has to have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinePattern {
    /// This text, anywhere in it.
    Text(String),
    /// What this regular expression means.
    Regex(String),
}

/// What is asked, and how long an answer may take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// What.
    pub probe: Probe,
    /// Who has not answered by then has answered badly.
    pub timeout: Span,
}

/// One way to find out how an app is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Probe {
    /// Somebody takes a connection there.
    Connect(Door),
    /// A GET is answered.
    Http(HttpGet),
    /// A program ends with code 0; its name is looked up in the app's PATH.
    Exec(Vec<ByteString>),
    /// A line for `/bin/sh` does.
    Shell(ByteString),
    /// Something of this path, absolute, is there.
    File(ByteString),
}

/// Where a server takes connections.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Door {
    /// An address or `localhost`, and a port, as they were written: `[::1]:8000`. `$NAME` in it is the app's variable.
    Tcp(String),
    /// A socket of this path, absolute.
    Unix(ByteString),
}

/// A request for a page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpGet {
    /// Where.
    pub door: Door,
    /// Which page, with its query; begins with a slash.
    pub path: String,
    /// The name in `Host`, if not that of the door.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Further headers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
    /// The status of a good answer; 200 to 399 if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
}

/// How often what is up is asked, and when that is enough (Compose's fields and meanings).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    /// What; `timeout`: 30 s.
    pub question: Question,
    /// From one answer to the next question (30 s).
    pub interval: Span,
    /// So many bad answers in a row are too many, at least one (3).
    pub retries: u32,
    /// So long after its start bad answers do not count, until the first good one.
    pub start_period: Span,
    /// The interval meanwhile (5 s).
    pub start_interval: Span,
}

impl HealthCheck {
    /// As in Compose where nothing else is said.
    pub const fn new(probe: Probe) -> Self {
        Self {
            question: Question { probe, timeout: Span::from_secs(30) },
            interval: Span::from_secs(30),
            retries: 3,
            start_period: Span::ZERO,
            start_interval: Span::from_secs(5),
        }
    }
}

/// What follows too many bad answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnUnhealthy {
    /// It is restarted as after a failure, unless it has no `autorestart`.
    #[default]
    Restart,
    /// It is told, and nothing else.
    Nothing,
}

impl OnUnhealthy {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants a reference")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What its checks say of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Not enough answers yet.
    Starting,
    /// The last answers were good, or too few of them bad.
    Healthy,
    /// Too many in a row were bad.
    Unhealthy,
}

impl Health {
    /// The word for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
        }
    }
}

impl fmt::Display for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answers(question) => question.probe.fmt(f),
            Self::Notifies => f.write_str("notify"),
            Self::Prints(pattern) => write!(f, "a line with {pattern}"),
        }
    }
}

/// As it is written in a config; text in quotes.
impl fmt::Display for LinePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "`{text}`"),
            Self::Regex(regex) => write!(f, "/{regex}/"),
        }
    }
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(door) => door.fmt(f),
            Self::Http(get) => get.fmt(f),
            Self::Exec(argv) => {
                let words: Vec<_> = argv.iter().map(|word| word.display().into_owned()).collect();
                f.write_str(&words.join(" "))
            }
            Self::Shell(line) => f.write_str(&line.display()),
            Self::File(path) => write!(f, "file://{}", path.display()),
        }
    }
}

impl fmt::Display for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(place) => write!(f, "tcp://{place}"),
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

impl fmt::Display for HttpGet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { door, path, status, .. } = self;
        match door {
            Door::Tcp(place) => write!(f, "http://{place}{path}")?,
            Door::Unix(socket) => write!(f, "GET {path} at {}", socket.display())?,
        }
        status.map_or(Ok(()), |status| write!(f, " ({status})"))
    }
}

impl fmt::Display for HealthCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { question, interval, retries, start_period, .. } = self;
        let Question { probe, timeout } = question;
        write!(f, "{probe} every {interval}, {timeout} for an answer, {retries} tries")?;
        if *start_period > Span::ZERO {
            write!(f, ", {start_period} to begin with")
        } else {
            Ok(())
        }
    }
}
