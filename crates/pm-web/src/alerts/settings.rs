//! What somebody wants to be told, when, and where: `alerts.json`, changed by the command line, read anew when it was.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use pm_spec::{ALERT_RULES, AlertChannel, AlertWishes};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::channel::SpeakingChannel;
use super::post::PostRules;
use super::scope::AlertScope;
use crate::app_pattern::AppPattern;
use crate::store;
use crate::view::safe;

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
    /// There is none.
    #[error("find the channel {0}")]
    Unknown(String),
    /// It stands in an ecosystem file.
    #[error(
        "remove the channel {name}: it is of {file}; take it out there, then `pm apply {file}`"
    )]
    OfFile {
        /// Its name.
        name: String,
        /// The path of the file.
        file: String,
    },
    /// Something is missing or wrong.
    #[error("use the channel {name:?}: {fault}")]
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
    /// What was typed.
    #[serde(flatten)]
    wishes: AlertWishes,
    /// About which apps that is.
    #[serde(default)]
    apps: AppPattern,
    /// What ecosystem files say of their own apps, by their paths.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    files: BTreeMap<String, FiledAlerts>,
}

/// What an ecosystem file says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FiledAlerts {
    /// What it wants.
    #[serde(flatten)]
    pub wishes: AlertWishes,
    /// Its apps.
    pub names: Vec<String>,
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

    /// Keeps what ecosystem files say, or no longer say, and forgets those that are not there any more; whether that changes
    /// anything. Where nothing is said and nothing was, no file is made.
    pub fn file(
        root: &Path,
        said: &[(String, Option<FiledAlerts>)],
        is_there: impl Fn(&str) -> bool,
    ) -> Result<bool, AlertError> {
        let path = Self::path(root);
        if said.iter().all(|(_, filed)| filed.is_none()) && !path.exists() {
            return Ok(false);
        }
        let failed = |source| AlertError::File { path: path.clone(), source };
        store::folder(root).map_err(failed)?;
        let _held = store::hold(&path).map_err(failed)?;
        let mut settings: Self = store::load(&path).map_err(failed)?;
        let before = settings.files.clone();
        for (file, filed) in said {
            match filed {
                Some(alerts) => drop(settings.files.insert(file.clone(), alerts.clone())),
                None => drop(settings.files.remove(file)),
            }
        }
        settings.files.retain(|file, _| is_there(file));
        let is_new = settings.files != before;
        if is_new {
            store::save(&path, &settings).map_err(failed)?;
        }
        Ok(is_new)
    }

    /// One key, as it is typed.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), AlertError> {
        if key == "apps" {
            self.apps = AppPattern::from(value.to_owned());
            return Ok(());
        }
        let is_known = ALERT_RULES.iter().any(|(name, _)| *name == key);
        let wrong = |wanted| AlertError::Value { said: format!("{key}: {value}"), wanted };
        if !is_known && !AlertWishes::KEYS.contains(&key) {
            return Err(wrong(
                "errored, flapping, stopped, restarts, memory, cpu, job_failed, unhealthy, disk, apps, quiet, cap or lang",
            ));
        }
        self.wishes.set(key, value).map_err(wrong)
    }

    /// One more channel, or another in place of one.
    pub fn add(&mut self, channel: AlertChannel) -> Result<(), AlertError> {
        if let Some(fault) = channel.fault() {
            return Err(AlertError::Channel { name: channel.name, fault });
        }
        self.wishes.channels.retain(|known| known.name != channel.name);
        self.wishes.channels.push(channel);
        Ok(())
    }

    /// One less.
    pub fn remove(&mut self, name: &str) -> Result<(), AlertError> {
        let is_it = |known: &AlertChannel| known.name == name;
        if self.wishes.channels.iter().any(is_it) {
            self.wishes.channels.retain(|known| !is_it(known));
            return Ok(());
        }
        let has_it = |(_, filed): &(&String, &FiledAlerts)| filed.wishes.channels.iter().any(is_it);
        Err(match self.files.iter().find(has_it) {
            Some((file, _)) => AlertError::OfFile { name: name.into(), file: file.clone() },
            None => AlertError::Unknown(name.into()),
        })
    }

    /// One of them, with the wishes it is of; what was typed comes first.
    pub(crate) fn channel(&self, name: &str) -> Result<(&AlertChannel, &AlertWishes), AlertError> {
        let of = |wishes: &'_ AlertWishes| wishes.channels.iter().position(|it| it.name == name);
        let mut all =
            [&self.wishes].into_iter().chain(self.files.values().map(|filed| &filed.wishes));
        let found = all.find_map(|it| Some((it.channels.get(of(it)?)?, it)));
        found.ok_or_else(|| AlertError::Unknown(name.into()))
    }

    /// All wishes somebody is told of, by the file they come from (none: they were typed), and whom they are about.
    pub(crate) fn each(&self) -> impl Iterator<Item = (&str, &AlertWishes, AlertScope<'_>)> {
        let typed = ("", &self.wishes, AlertScope::Pattern(&self.apps));
        let filed = self
            .files
            .iter()
            .map(|(file, filed)| (file.as_str(), &filed.wishes, AlertScope::Names(&filed.names)));
        [typed].into_iter().chain(filed).filter(|(_, wishes, _)| !wishes.channels.is_empty())
    }

    /// Everything as it is shown, and typed: keys with values, then channels without secrets.
    pub fn view(&self) -> serde_json::Value {
        let channels = |wishes: &AlertWishes| {
            wishes.channels.iter().map(SpeakingChannel::view).collect::<Vec<_>>()
        };
        let mut keys = self.wishes.typed();
        keys.insert(keys.len() - 1, ("apps", self.apps.clone().into()));
        let file = |(file, filed): (&String, &FiledAlerts)| {
            json!({
                "file": safe(file), "apps": filed.names, "keys": filed.wishes.typed(),
                "channels": channels(&filed.wishes),
            })
        };
        let files: Vec<_> = self.files.iter().map(file).collect();
        json!({ "keys": keys, "channels": channels(&self.wishes), "files": files })
    }
}

pub(crate) fn post_rules(wishes: &AlertWishes) -> PostRules {
    PostRules { quiet: wishes.quiet_minutes(), cap: wishes.messages_a_day() }
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
        assert_eq!(post_rules(&kept.wishes), PostRules { quiet: Some((1350, 360)), cap: 7 });
        assert_eq!(kept.wishes.read_rules().restarts.unwrap().most, 3);
        assert!(
            kept.wishes.lang == "zh"
                && kept.apps.admits("shop", "x")
                && !kept.apps.admits("a", "x")
        );
        set("quiet", "off").unwrap();
        assert_eq!(AlertSettings::open(home.path()).unwrap().wishes.quiet_minutes(), None);
    }
}
