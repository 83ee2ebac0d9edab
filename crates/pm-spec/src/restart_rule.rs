//! When an app is restarted, in one word (Compose: `restart`).

use core::fmt;

use serde::{Deserialize, Serialize};

/// What somebody said of restarts in one word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RestartRule {
    /// Nothing: `autorestart` and the keys beside it count alone.
    #[default]
    Unsaid,
    /// It stays down when it ends.
    No,
    /// Whenever it ends, however often; also after a boot, even if a person had stopped it.
    Always,
    /// The same, but what a person stopped stays stopped, which is so where nothing is said.
    UnlessStopped,
    /// When it failed; given up after so many restarts in a row, if a number is said.
    OnFailure(Option<u32>),
}

impl RestartRule {
    /// Reads it as Compose writes it; YAML may have made `false` of `no`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "no" | "false" => Some(Self::No),
            "always" => Some(Self::Always),
            "unless-stopped" => Some(Self::UnlessStopped),
            "on-failure" => Some(Self::OnFailure(None)),
            _ => {
                let most = text.strip_prefix("on-failure:")?.parse().ok()?;
                Some(Self::OnFailure(Some(most)))
            }
        }
    }

    /// Whether nobody said it.
    pub const fn is_unsaid(&self) -> bool {
        matches!(self, Self::Unsaid)
    }
}

/// As one would write it; nothing if nobody did.
impl fmt::Display for RestartRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsaid => Ok(()),
            Self::No => f.write_str("no"),
            Self::Always => f.write_str("always"),
            Self::UnlessStopped => f.write_str("unless-stopped"),
            Self::OnFailure(None) => f.write_str("on-failure"),
            Self::OnFailure(Some(most)) => write!(f, "on-failure:{most}"),
        }
    }
}
