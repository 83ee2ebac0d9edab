//! What somebody wants to be told, when, and where: `alerts.json`, changed by the command line, read anew when it was.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::channel::AlertChannel;
use super::post::PostRules;
use super::rules::{AlertRules, RULES};
use crate::app_pattern::AppPattern;
use crate::store;
use crate::users::is_name;

/// Messages a day, where nobody said otherwise.
const CAP: u32 = 50;

/// Why they stay as they are.
#[derive(Debug, thiserror::Error)]
pub enum AlertError {
    /// The key or its value.
    #[error("understand {said}: wanted is {wanted}")]
    Value {
        /// What was typed.
        said: String,
        /// What would do.
        wanted: &'static str,
    },
    /// The channel's name can't be typed or shown.
    #[error("use {0:?} as a channel's name: letters, digits, and . _ - @ are allowed, 64 at most")]
    Name(String),
    /// There is none.
    #[error("find the channel {0}")]
    Unknown(String),
    /// Something is missing or wrong.
    #[error("use the channel {name}: {fault}")]
    Channel {
        /// Its name.
        name: String,
        /// What, and what would do.
        fault: &'static str,
    },
    /// The file.
    #[error("use {}", path.display())]
    File {
        /// Its path.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// All of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct AlertSettings {
    /// Rules that are not as usual, as they were typed.
    #[serde(default)]
    rules: BTreeMap<String, String>,
    /// About which apps.
    #[serde(default)]
    pub(crate) apps: AppPattern,
    /// `23:00-07:00`: then what happens is told in the morning.
    #[serde(default)]
    quiet: String,
    /// Messages a day.
    #[serde(default)]
    cap: Option<u32>,
    /// `zh` or `en`.
    #[serde(default)]
    lang: String,
    #[serde(default)]
    pub(crate) channels: Vec<AlertChannel>,
}

impl AlertSettings {
    /// Where they are kept.
    pub(crate) fn path(root: &Path) -> PathBuf {
        root.join("web").join("alerts.json")
    }

    /// Of the home at `root`.
    pub fn open(root: &Path) -> Result<Self, AlertError> {
        let path = Self::path(root);
        let failed = |source| AlertError::File { path: path.clone(), source };
        store::folder(root).map_err(failed)?;
        store::load(&path).map_err(failed)
    }

    /// Changes them.
    pub fn change(
        root: &Path,
        change: impl FnOnce(&mut Self) -> Result<(), AlertError>,
    ) -> Result<(), AlertError> {
        let path = Self::path(root);
        let failed = |source| AlertError::File { path: path.clone(), source };
        store::folder(root).map_err(failed)?;
        let _held = store::hold(&path).map_err(failed)?;
        let mut settings: Self = store::load(&path).map_err(failed)?;
        change(&mut settings)?;
        store::save(&path, &settings).map_err(failed)
    }

    /// One key, as it is typed.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), AlertError> {
        let wrong = |wanted| AlertError::Value { said: format!("{key}: {value}"), wanted };
        match key {
            "apps" => self.apps = AppPattern::from(value.to_owned()),
            "quiet" if value == "off" => self.quiet.clear(),
            "quiet" => {
                quiet(value).ok_or_else(|| wrong("23:00-07:00, or off"))?;
                value.clone_into(&mut self.quiet);
            }
            "cap" => {
                let cap = value.parse().ok().filter(|cap| (1..=1000).contains(cap));
                self.cap = Some(cap.ok_or_else(|| wrong("a number from 1 to 1000"))?);
            }
            "lang" if ["en", "zh"].contains(&value) => value.clone_into(&mut self.lang),
            "lang" => return Err(wrong("en or zh")),
            _ if RULES.iter().any(|(name, _)| *name == key) => {
                self.rules.insert(key.into(), value.into());
                let read = AlertRules::read(&self.rules);
                read.map_err(|(said, wanted)| AlertError::Value { said, wanted })?;
            }
            _ => {
                return Err(wrong(
                    "errored, stopped, restarts, memory, cpu, job_failed, unhealthy, disk, apps, quiet, cap or lang",
                ));
            }
        }
        Ok(())
    }

    /// One more channel, or another in place of one.
    pub fn add(&mut self, channel: AlertChannel) -> Result<(), AlertError> {
        if !is_name(&channel.name) {
            return Err(AlertError::Name(channel.name));
        }
        if let Some(fault) = channel.fault() {
            return Err(AlertError::Channel { name: channel.name, fault });
        }
        self.channels.retain(|known| known.name != channel.name);
        self.channels.push(channel);
        Ok(())
    }

    /// One less.
    pub fn remove(&mut self, name: &str) -> Result<(), AlertError> {
        self.channel(name)?;
        self.channels.retain(|known| known.name != name);
        Ok(())
    }

    /// One of them.
    pub(crate) fn channel(&self, name: &str) -> Result<&AlertChannel, AlertError> {
        let found = self.channels.iter().find(|known| known.name == name);
        found.ok_or_else(|| AlertError::Unknown(name.into()))
    }

    /// What is watched; a file somebody broke by hand means the usual.
    pub(crate) fn rules(&self) -> AlertRules {
        AlertRules::read(&self.rules)
            .or_else(|_| AlertRules::read(&BTreeMap::new()))
            .unwrap_or_default()
    }

    pub(crate) fn post_rules(&self) -> PostRules {
        PostRules { quiet: quiet(&self.quiet), cap: self.cap.unwrap_or(CAP) }
    }

    pub(crate) fn is_chinese(&self) -> bool {
        self.lang == "zh"
    }

    /// Everything as it is shown, and typed: keys with values, then channels without secrets.
    pub fn view(&self) -> serde_json::Value {
        let mut keys: Vec<(&str, String)> = RULES
            .iter()
            .map(|(name, usual)| {
                let said = self.rules.get(*name).map_or(*usual, String::as_str);
                (*name, said.to_owned())
            })
            .collect();
        let quiet = if self.quiet.is_empty() { "off".into() } else { self.quiet.clone() };
        keys.push(("quiet", quiet));
        keys.push(("cap", self.post_rules().cap.to_string()));
        keys.push(("apps", self.apps.clone().into()));
        keys.push(("lang", if self.is_chinese() { "zh".into() } else { "en".into() }));
        let channels: Vec<_> = self.channels.iter().map(AlertChannel::view).collect();
        serde_json::json!({ "keys": keys, "channels": channels })
    }
}

/// `23:00-07:00`, in minutes of the day.
fn quiet(text: &str) -> Option<(u16, u16)> {
    let time = |text: &str| {
        let (hours, minutes) = text.split_once(':')?;
        let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
        (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
    };
    let (from, to) = text.split_once('-')?;
    Some((time(from.trim())?, time(to.trim())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_set_one_by_one_and_kept() {
        let home = tempfile::tempdir().unwrap();
        let set = |key: &str, value: &str| {
            AlertSettings::change(home.path(), |settings| settings.set(key, value))
        };
        for (key, value) in [
            ("restarts", "3 in 5m"),
            ("memory", "1G for 5m"),
            ("quiet", "22:30-06:00"),
            ("cap", "7"),
            ("lang", "zh"),
            ("apps", "ns:shop"),
        ] {
            set(key, value).unwrap();
        }
        for (key, value) in
            [("restarts", "often"), ("quiet", "25:00-6:00"), ("cap", "0"), ("colour", "red")]
        {
            let error = set(key, value).unwrap_err().to_string();
            assert!(error.contains(key) && error.contains("wanted is"), "{error}");
        }
        let kept = AlertSettings::open(home.path()).unwrap();
        assert_eq!(kept.post_rules(), PostRules { quiet: Some((1350, 360)), cap: 7 });
        assert_eq!(kept.rules().restarts.unwrap().most, 3);
        assert!(kept.is_chinese() && kept.apps.admits("shop", "x") && !kept.apps.admits("a", "x"));
        set("quiet", "off").unwrap();
        assert_eq!(AlertSettings::open(home.path()).unwrap().post_rules().quiet, None);
    }
}
