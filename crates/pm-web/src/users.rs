//! Who may sign in by name and password: `users.json`, changed by the command line, read anew by the panel when it was.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::app_pattern::AppPattern;
use crate::password::PasswordHash;
use crate::records::{NamedRecords, RecordFileError};
use crate::roles::Role;
use crate::secret::digest;

/// Shorter ones are guessed.
const SHORTEST: usize = 8;

/// Longer ones are no passwords.
const LONGEST: usize = 1024;

#[derive(Clone, Debug, Serialize, Deserialize)]
struct StoredUser {
    role: Role,
    #[serde(default)]
    apps: AppPattern,
    password: PasswordHash,
}

/// A user as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserView {
    /// What is typed to sign in.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// With which apps.
    pub apps: AppPattern,
}

/// Why users stay as they are.
#[derive(Debug, thiserror::Error)]
pub enum WebUserError {
    /// Its name can't be typed or shown.
    #[error("use {0:?} as a user's name: letters, digits, and . _ - @ are allowed, 64 at most")]
    Name(String),
    /// There is one.
    #[error("add {0}: there is a user of this name")]
    Known(String),
    /// There is none.
    #[error("find the user {0}")]
    Unknown(String),
    /// It is too easily guessed, or too long.
    #[error("use this password: it must have {SHORTEST} to {LONGEST} bytes")]
    Password,
    /// The file.
    #[error(transparent)]
    File(#[from] RecordFileError),
}

/// The users as they are in the file.
#[derive(Debug)]
pub struct Users(NamedRecords<StoredUser>);

impl Users {
    /// Of the home at `root`.
    pub fn open(root: &Path) -> Result<Self, WebUserError> {
        Ok(Self(NamedRecords::open(root, "users.json")?))
    }

    /// Everybody.
    pub fn list(&self) -> Vec<UserView> {
        let view = |(name, user): (&String, &StoredUser)| UserView {
            name: name.clone(),
            role: user.role,
            apps: user.apps.clone(),
        };
        self.0.known().iter().map(view).collect()
    }

    /// One more.
    pub fn add(&mut self, user: UserView, password: &str) -> Result<(), WebUserError> {
        let UserView { name, role, apps } = user;
        if !is_name(&name) {
            return Err(WebUserError::Name(name));
        }
        let password = hashed(password)?;
        self.0.change(|known| {
            if known.contains_key(&name) {
                return Err(WebUserError::Known(name));
            }
            known.insert(name, StoredUser { role, apps, password });
            Ok(())
        })
    }

    /// Another password; whoever is signed in with the old one no longer is.
    pub fn passwd(&mut self, name: &str, password: &str) -> Result<(), WebUserError> {
        let hash = hashed(password)?;
        self.0.change(|known| {
            let user = known.get_mut(name).ok_or_else(|| WebUserError::Unknown(name.into()))?;
            user.password = hash;
            Ok(())
        })
    }

    /// One less.
    pub fn remove(&mut self, name: &str) -> Result<(), WebUserError> {
        self.0.change(|known| {
            known.remove(name).map(drop).ok_or_else(|| WebUserError::Unknown(name.into()))
        })
    }

    /// Reads the file again if it was written since. One that can't be read leaves nobody in.
    pub(crate) fn refresh(&mut self) {
        self.0.refresh();
    }

    /// What a password of this name is compared with.
    pub(crate) fn hash_of(&self, name: &str) -> PasswordHash {
        self.0.known().get(name).map_or_else(PasswordHash::nobodys, |user| user.password.clone())
    }

    /// A user, and what of it must stay the same for its sessions to go on.
    pub(crate) fn get(&self, name: &str) -> Option<(UserView, String)> {
        let user = self.0.known().get(name)?;
        let version = digest(&serde_json::to_string(user).ok()?);
        let view = UserView { name: name.into(), role: user.role, apps: user.apps.clone() };
        Some((view, version))
    }
}

/// Whether it can be typed and shown.
pub(crate) fn is_name(name: &str) -> bool {
    let is_plain = |c: char| c.is_alphanumeric() || "._-@".contains(c);
    !name.is_empty() && name.chars().count() <= 64 && name.chars().all(is_plain)
}

fn hashed(password: &str) -> Result<PasswordHash, WebUserError> {
    let is_usable = (SHORTEST..=LONGEST).contains(&password.len());
    PasswordHash::of(password).filter(|_| is_usable).ok_or(WebUserError::Password)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_panel_sees_what_the_command_line_did() {
        let home = tempfile::tempdir().unwrap();
        let mut panel = Users::open(home.path()).unwrap();
        let mut typed = Users::open(home.path()).unwrap();
        let user = |name: &str| UserView {
            name: name.into(),
            role: Role::Viewer,
            apps: AppPattern::from("web".to_owned()),
        };
        typed.add(user("ann"), "correct horse").unwrap();
        assert!(panel.get("ann").is_none());
        panel.refresh();
        let (_, before) = panel.get("ann").unwrap();
        assert!(panel.hash_of("ann").fits("correct horse"));
        assert!(matches!(typed.add(user("ann"), "correct horse"), Err(WebUserError::Known(_))));
        assert!(matches!(typed.add(user("a b"), "correct horse"), Err(WebUserError::Name(_))));
        assert!(matches!(typed.add(user("bob"), "short"), Err(WebUserError::Password)));
        typed.passwd("ann", "battery staple").unwrap();
        panel.refresh();
        assert_ne!(panel.get("ann").unwrap().1, before, "her sessions end");
        std::fs::write(home.path().join("web/users.json"), "{").unwrap();
        panel.refresh();
        assert!(panel.get("ann").is_none(), "what can't be read lets nobody in");
    }
}
