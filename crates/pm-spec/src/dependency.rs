//! What an app needs before it may begin: other apps, and in which state.

use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::AppName;

/// One app that another one depends on (Compose: an entry of `depends_on`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependency {
    /// Its name: an app of the same namespace, or where there is none, of any.
    pub app: AppName,
    /// What it has to be.
    pub condition: Condition,
    /// Whether nothing begins without it; else it is waited for only while it is on its way (Compose: `required`).
    pub required: bool,
    /// Whether a person's restart of it restarts whoever depends on it (Compose: `restart`).
    pub restart: bool,
}

/// What an app has to be for those that depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// It runs (Compose: `service_started`).
    Started,
    /// It has said that it is ready, listens, or has stayed up: what `start` waits for.
    Ready,
    /// Its health check says that it is well (Compose: `service_healthy`).
    Healthy,
    /// Its last run is over and ended with code 0 (Compose: `service_completed_successfully`).
    Completed,
}

impl Condition {
    /// Reads a condition, also as Compose spells it.
    pub fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix("service_").unwrap_or(text) {
            "started" => Some(Self::Started),
            "ready" => Some(Self::Ready),
            "healthy" => Some(Self::Healthy),
            "completed_successfully" => Some(Self::Completed),
            _ => None,
        }
    }

    /// As one would write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Ready => "ready",
            Self::Healthy => "healthy",
            Self::Completed => "completed_successfully",
        }
    }
}

impl Dependency {
    /// What a bare name in a list means.
    pub const fn on(app: AppName) -> Self {
        Self { app, condition: Condition::Started, required: true, restart: false }
    }
}

/// `db`, or `db (ready, optional, restarts with it)`.
impl fmt::Display for Dependency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.app)?;
        let condition = (self.condition != Condition::Started).then_some(self.condition.as_str());
        let optional = (!self.required).then_some("optional");
        let restart = self.restart.then_some("restarts with it");
        let words = [condition, optional, restart].into_iter().flatten();
        let mut all = String::new();
        for word in words {
            all.push_str(if all.is_empty() { " (" } else { ", " });
            all.push_str(word);
        }
        if all.is_empty() { Ok(()) } else { write!(f, "{all})") }
    }
}
