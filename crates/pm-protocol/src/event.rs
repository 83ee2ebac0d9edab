//! What happened to apps and to the daemon, as the file of events keeps it: one JSON object a line.

use pm_spec::Select;
use serde::{Deserialize, Serialize};

/// One thing that happened. Fields are only ever added, and what there is nothing to say of is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Event {
    /// When, in ms since 1970.
    pub at: u64,
    /// What.
    pub event: EventKind,
    /// The app's name; `None`: it happened to the daemon.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// The app's namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The instance's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<u32>,
    /// The main process it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// The exit code, if it ended by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<u8>,
    /// The signal's name, if it ended by one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal: Option<String>,
    /// How long it had run in ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lived: Option<u64>,
    /// How often it had been restarted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restarts: Option<u32>,
    /// The pause before its next run in ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pause: Option<u64>,
    /// How and why, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Who asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// What happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// Its process was made.
    Started,
    /// There could be no process.
    NotStarted,
    /// It has shown that it is ready.
    Ready,
    /// It did not become as somebody wished: not ready in time, or would not go.
    Failed,
    /// Its main process ended, by itself or to be replaced.
    Exited,
    /// Its main process ended because somebody stopped it.
    Stopped,
    /// It is known no more.
    Deleted,
    /// Its new run, or its new workers, have taken over.
    Reloaded,
    /// They have not, and what ran before goes on.
    ReloadFailed,
    /// So many failures in a row are called out, once.
    Flapping,
    /// It is not tried again until somebody asks.
    GaveUp,
    /// Its health check fails.
    Unhealthy,
    /// Its health check is answered well, for the first time or again.
    Healthy,
    /// A job ran to its good end.
    JobDone,
    /// A run of a job failed.
    JobFailed,
    /// A command that goes with its run failed (`post_start`, `pre_stop`, `post_stop`).
    HookFailed,
    /// It has named another main process (`MAINPID=`); with no pid: which can't be it.
    MainProcess,
    /// Somebody sent it a signal.
    Signaled,
    /// The first daemon of a guardian begins.
    DaemonStarted,
    /// Another daemon has taken over what runs.
    DaemonReplaced,
    /// The daemon ends, and all apps with it.
    DaemonLeft,
    /// Events could not be written.
    Lost,
    /// What a newer pm knows.
    #[default]
    #[serde(other)]
    Other,
}

impl EventKind {
    /// In words for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::NotStarted => "not started",
            Self::Ready => "ready",
            Self::Failed => "failed",
            Self::Exited => "exited",
            Self::Stopped => "stopped",
            Self::Deleted => "deleted",
            Self::Reloaded => "reloaded",
            Self::ReloadFailed => "not reloaded",
            Self::Flapping => "flapping",
            Self::GaveUp => "gave up",
            Self::Unhealthy => "unhealthy",
            Self::Healthy => "healthy",
            Self::JobDone => "job done",
            Self::JobFailed => "job failed",
            Self::HookFailed => "hook failed",
            Self::MainProcess => "main process",
            Self::Signaled => "signaled",
            Self::DaemonStarted => "daemon started",
            Self::DaemonReplaced => "daemon replaced",
            Self::DaemonLeft => "daemon left",
            Self::Lost => "lost",
            Self::Other => "other",
        }
    }
}

impl Event {
    /// Whether it happened to what is selected. An app may be gone by now, so the words are compared with what it was called.
    pub fn is_of(&self, select: &Select) -> bool {
        let is_name = |name: &str| self.app.as_deref() == Some(name);
        let is_namespace = |name: &str| self.namespace.as_deref() == Some(name);
        match select {
            Select::All => true,
            Select::Name(name) => is_name(name),
            Select::Namespace(name) => is_namespace(name),
            Select::Id(id) => self.id == Some(*id),
            Select::Word(word) => {
                let id = self.id.filter(|id| id.to_string() == *word);
                is_name(word) || is_namespace(word) || id.is_some()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_newer_programs_write_is_read() {
        let line = "{\"at\":7,\"event\":\"teleported\",\"app\":\"web\",\"warp\":[1]}";
        let event: Event = serde_json::from_str(line).unwrap();
        assert_eq!(
            (event.at, event.event, event.app.as_deref()),
            (7, EventKind::Other, Some("web"))
        );
        let event = Event { at: 7, event: EventKind::GaveUp, ..Event::default() };
        assert_eq!(serde_json::to_string(&event).unwrap(), "{\"at\":7,\"event\":\"gave_up\"}");
    }

    #[test]
    fn events_are_found_by_what_their_app_was_called() {
        let event = Event {
            app: Some("web".into()),
            namespace: Some("shop".into()),
            id: Some(3),
            ..Event::default()
        };
        for word in ["web", "shop", "3", "all", "name:web", "ns:shop", "id:3"] {
            assert!(event.is_of(&Select::parse(word).unwrap()), "{word}");
        }
        for word in ["we", "4", "name:shop", "ns:web", "id:4"] {
            assert!(!event.is_of(&Select::parse(word).unwrap()), "{word}");
        }
        assert!(!Event::default().is_of(&Select::Word("web".into())));
    }
}
