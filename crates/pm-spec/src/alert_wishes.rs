//! What somebody wants to be told when something goes wrong, and where: as the command line keeps it, and as `alerts` in an
//! ecosystem file says it.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::AlertChannel;
use crate::alert_rules::AlertRules;

/// Messages a day, where nobody said otherwise.
const CAP: u32 = 50;

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertWishes {
    /// Rules that are not as usual, as they were typed.
    #[serde(default)]
    pub rules: BTreeMap<String, String>,
    /// `23:00-07:00`: then what happens is told in the morning; empty: never.
    #[serde(default)]
    pub quiet: String,
    /// Messages a day.
    #[serde(default)]
    pub cap: Option<u32>,
    /// `zh`, or `en`.
    #[serde(default)]
    pub lang: String,
    /// To whom.
    #[serde(default)]
    pub channels: Vec<AlertChannel>,
}

impl AlertWishes {
    /// What can be set beside the rules.
    pub const KEYS: [&str; 3] = ["quiet", "cap", "lang"];

    /// One key, as it is typed; `Err` is what would do.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), &'static str> {
        match key {
            "quiet" if value == "off" => self.quiet.clear(),
            "quiet" => {
                quiet(value).ok_or("23:00-07:00, or off")?;
                value.clone_into(&mut self.quiet);
            }
            "cap" => {
                let cap = value.parse().ok().filter(|cap| (1..=1000).contains(cap));
                self.cap = Some(cap.ok_or("a number from 1 to 1000")?);
            }
            "lang" if ["en", "zh"].contains(&value) => value.clone_into(&mut self.lang),
            "lang" => return Err("en or zh"),
            _ => {
                AlertRules::default().set(key, value)?;
                self.rules.insert(key.to_owned(), value.to_owned());
            }
        }
        Ok(())
    }

    /// What is watched; what somebody broke by hand means the usual.
    pub fn read_rules(&self) -> AlertRules {
        AlertRules::read(&self.rules)
            .or_else(|_| AlertRules::read(&BTreeMap::new()))
            .unwrap_or_default()
    }

    /// When not to disturb, in minutes of the day.
    pub fn quiet_minutes(&self) -> Option<(u16, u16)> {
        quiet(&self.quiet)
    }

    /// How many messages a day.
    pub fn messages_a_day(&self) -> u32 {
        self.cap.unwrap_or(CAP)
    }

    /// All keys with their values, as they are typed.
    pub fn typed(&self) -> Vec<(&'static str, String)> {
        let rule = |(name, usual): (&'static str, &str)| {
            (name, self.rules.get(name).map_or(usual, String::as_str).to_owned())
        };
        let quiet = if self.quiet.is_empty() { "off" } else { &self.quiet };
        let lang = if self.lang == "zh" { "zh" } else { "en" };
        let cap = format!("{}", self.messages_a_day());
        let more = [("quiet", quiet.to_owned()), ("cap", cap), ("lang", lang.to_owned())];
        crate::alert_rules::ALERT_RULES.into_iter().map(rule).chain(more).collect()
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
