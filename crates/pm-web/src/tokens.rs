//! Keys for programs: `tokens.json`, changed by the command line, read anew by the panel when it was. A token is shown when it is
//! made; what is kept is its digest.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::app_pattern::AppPattern;
use crate::clock::now_ms;
use crate::records::{NamedRecords, RecordFileError};
use crate::roles::Role;
use crate::secret::{digest, new_key};
use crate::session::SessionRecord;
use crate::users::is_name;

/// In ms.
const DAY: u64 = 24 * 3_600_000;

/// When it was used last is written down to this, in ms.
const USE_WRITTEN: u64 = 3_600_000;

/// What a token begins with, so that people and scanners of repositories know one.
const MARK: &str = "pmt_";

#[derive(Clone, Debug, Serialize, Deserialize)]
struct StoredToken {
    digest: String,
    role: Role,
    #[serde(default)]
    apps: AppPattern,
    made_ms: u64,
    until_ms: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    used_ms: Option<u64>,
}

/// A token as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenView {
    /// In the audit, `token:NAME`.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// With which apps.
    pub apps: AppPattern,
    /// In ms since 1970.
    pub made_ms: u64,
    /// When it ends, in ms since 1970.
    pub until_ms: u64,
    /// In ms since 1970, to an hour; `None`: never.
    pub used_ms: Option<u64>,
}

/// A token to be made.
#[derive(Clone, Debug)]
pub struct TokenWish {
    /// Its name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// With which apps.
    pub apps: AppPattern,
    /// How long.
    pub days: u16,
}

/// Why tokens stay as they are.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// Its name can't be typed or shown.
    #[error("use {0:?} as a token's name: letters, digits, and . _ - @ are allowed, 64 at most")]
    Name(String),
    /// There is one.
    #[error("make the token {0}: there is one of this name")]
    Known(String),
    /// There is none.
    #[error("find the token {0}")]
    Unknown(String),
    /// The system gave no random bytes.
    #[error("make a token")]
    Random(#[source] io::Error),
    /// The file.
    #[error(transparent)]
    File(#[from] RecordFileError),
}

/// The tokens as they are in the file.
#[derive(Debug)]
pub struct AccessTokens(NamedRecords<StoredToken>);

impl AccessTokens {
    /// Of the home at `root`.
    pub fn open(root: &Path) -> Result<Self, TokenError> {
        Ok(Self(NamedRecords::open(root, "tokens.json")?))
    }

    /// All of them, those that are over as well.
    pub fn list(&self) -> Vec<TokenView> {
        let view = |(name, token): (&String, &StoredToken)| TokenView {
            name: name.clone(),
            role: token.role,
            apps: token.apps.clone(),
            made_ms: token.made_ms,
            until_ms: token.until_ms,
            used_ms: token.used_ms,
        };
        self.0.known().iter().map(view).collect()
    }

    /// One more; the key, which nobody can tell again.
    pub fn add(&mut self, wish: TokenWish) -> Result<String, TokenError> {
        let TokenWish { name, role, apps, days } = wish;
        if !is_name(&name) {
            return Err(TokenError::Name(name));
        }
        let key = new_key().map_err(|error| TokenError::Random(error.into()))?;
        let key = format!("{MARK}{key}");
        let (made_ms, digest) = (now_ms(), digest(&key));
        let until_ms = made_ms + u64::from(days) * DAY;
        let token = StoredToken { digest, role, apps, made_ms, until_ms, used_ms: None };
        self.0.change(|known| {
            // One that is over makes room.
            if known.get(&name).is_some_and(|old| made_ms < old.until_ms) {
                return Err(TokenError::Known(name));
            }
            known.insert(name, token);
            Ok(())
        })?;
        Ok(key)
    }

    /// One less.
    pub fn remove(&mut self, name: &str) -> Result<(), TokenError> {
        self.0.change(|known| {
            known.remove(name).map(drop).ok_or_else(|| TokenError::Unknown(name.into()))
        })
    }

    /// Reads the file again if it was written since. What can't be read lets nobody in.
    pub(crate) fn refresh(&mut self) {
        self.0.refresh();
    }

    /// Whoever has the key of this digest, as if it had signed in.
    pub(crate) fn admit(&mut self, digest: &str, now_ms: u64) -> Option<SessionRecord> {
        let (name, token) = self.0.known().iter().find(|(_, token)| token.digest == digest)?;
        let (name, token) = (name.clone(), token.clone());
        if now_ms >= token.until_ms {
            return None;
        }
        if token.used_ms.is_none_or(|used| now_ms.saturating_sub(used) > USE_WRITTEN) {
            // On a full disk it is good all the same.
            self.0
                .change(|known| {
                    known.get_mut(&name).into_iter().for_each(|token| token.used_ms = Some(now_ms));
                    Ok::<_, RecordFileError>(())
                })
                .ok();
        }
        Some(SessionRecord {
            id: format!("token:{name}"),
            name: format!("token:{name}"),
            role: token.role,
            apps: token.apps,
            version: None,
            from: String::new(),
            began_ms: token.made_ms,
            used_ms: now_ms,
            until_ms: token.until_ms,
        })
    }

    /// Whether there is one of this digest.
    pub(crate) fn has(&self, digest: &str) -> bool {
        self.0.known().values().any(|token| token.digest == digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_until_its_day_or_its_removal() {
        let home = tempfile::tempdir().unwrap();
        let mut panel = AccessTokens::open(home.path()).unwrap();
        let mut typed = AccessTokens::open(home.path()).unwrap();
        let wish = |name: &str| TokenWish {
            name: name.into(),
            role: Role::Operator,
            apps: AppPattern::from("web".to_owned()),
            days: 1,
        };
        let key = typed.add(wish("ci")).unwrap();
        assert!(key.starts_with(MARK) && key.len() == 68);
        let text = std::fs::read_to_string(home.path().join("web/tokens.json")).unwrap();
        assert!(!text.contains(&key) && text.contains(&digest(&key)));
        let now = now_ms();
        assert!(panel.admit(&digest(&key), now).is_none());
        panel.refresh();
        let found = panel.admit(&digest(&key), now).unwrap();
        assert_eq!((found.name.as_str(), found.role), ("token:ci", Role::Operator));
        assert!(!found.apps.is_all());
        assert!(panel.admit(&digest("other"), now).is_none());
        assert!(panel.admit(&digest(&key), now + 2 * DAY).is_none());
        assert!(matches!(typed.add(wish("ci")), Err(TokenError::Known(_))));
        assert!(matches!(typed.add(wish("a b")), Err(TokenError::Name(_))));
        assert_eq!(AccessTokens::open(home.path()).unwrap().list()[0].used_ms, Some(now));
        typed.remove("ci").unwrap();
        panel.refresh();
        assert!(panel.admit(&digest(&key), now).is_none() && !panel.has(&digest(&key)));
        assert!(matches!(typed.remove("ci"), Err(TokenError::Unknown(_))));
    }
}
