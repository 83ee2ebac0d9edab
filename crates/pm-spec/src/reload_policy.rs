//! How a reload replaces the runs of an app (Compose: `deploy.update_config`).

use serde::{Deserialize, Serialize};

use crate::Span;

/// How the old run of an instance makes place for the new one, and how many at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReloadPolicy {
    /// Who goes first.
    #[serde(skip_serializing_if = "ReloadOrder::is_unsaid")]
    pub order: ReloadOrder,
    /// So many instances at once; 0: one, of more than two cluster workers two (PM2).
    #[serde(skip_serializing_if = "is_zero")]
    pub parallelism: u32,
    /// So many instances are replaced first, and the others only once all of these went well; 0: none (Nomad: `canary`).
    #[serde(skip_serializing_if = "is_zero")]
    pub canary: u32,
    /// So long the old run is kept beside a new one that is ready, and comes back if the new one fails; 0: not at all.
    #[serde(skip_serializing_if = "is_no_time")]
    pub monitor: Span,
}

/// Whether the new run begins before the old one goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReloadOrder {
    /// Where both can share their sockets.
    #[default]
    Unsaid,
    /// It does, whatever they share.
    StartFirst,
    /// It never does.
    StopFirst,
}

impl ReloadOrder {
    /// Reads it as Compose writes it.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "start-first" => Some(Self::StartFirst),
            "stop-first" => Some(Self::StopFirst),
            _ => None,
        }
    }

    /// As one would write it, if anybody did.
    pub const fn as_str(self) -> Option<&'static str> {
        match self {
            Self::Unsaid => None,
            Self::StartFirst => Some("start-first"),
            Self::StopFirst => Some("stop-first"),
        }
    }

    /// Whether nobody said it.
    pub const fn is_unsaid(&self) -> bool {
        matches!(self, Self::Unsaid)
    }
}

impl ReloadPolicy {
    /// Whether nothing is said.
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_zero(count: &u32) -> bool {
    *count == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_no_time(span: &Span) -> bool {
    span.as_millis() == 0
}
