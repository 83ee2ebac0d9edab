//! What is worth an alert, as it is typed: `restarts: 5 in 10m`, `memory: 500M for 5m`, `cpu: 90% for 10m`, `disk: 90%`, and
//! switches. Pure.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;

use crate::{Bytes, Span};

/// So much of something, in so many ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleLimit {
    /// Of what the rule counts.
    pub most: u64,
    /// For so long.
    pub ms: u64,
}

/// All of them; what is off is `false` or `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct AlertRules {
    /// It is not tried again.
    pub errored: bool,
    /// So many failures in a row are called out (`flapping_limit`).
    pub flapping: bool,
    /// Down although nobody said so, and not by its own good end.
    pub stopped: bool,
    /// The last run of a job failed.
    pub job_failed: bool,
    /// Its health check fails.
    pub unhealthy: bool,
    /// How often.
    pub restarts: Option<RuleLimit>,
    /// Bytes.
    pub memory: Option<RuleLimit>,
    /// Per cent of one core.
    pub cpu: Option<RuleLimit>,
    /// Per cent of the disk that holds our home.
    pub disk: Option<RuleLimit>,
}

/// Rule, and what it is where nobody said anything.
pub const ALERT_RULES: [(&str, &str); 9] = [
    ("errored", "on"),
    ("flapping", "on"),
    ("stopped", "on"),
    ("restarts", "5 in 10m"),
    ("memory", "off"),
    ("cpu", "off"),
    ("job_failed", "on"),
    ("unhealthy", "on"),
    ("disk", "90%"),
];

impl AlertRules {
    /// As they were typed; `Err` is the name of what can't be understood and what is wanted instead.
    pub fn read(said: &BTreeMap<String, String>) -> Result<Self, (String, &'static str)> {
        let mut rules = Self::default();
        for (name, usual) in ALERT_RULES {
            let text = said.get(name).map_or(usual, String::as_str);
            rules.set(name, text).map_err(|wanted| (format!("{name}: {text}"), wanted))?;
        }
        Ok(rules)
    }

    /// One of them; `Err` is what would do.
    pub fn set(&mut self, name: &str, text: &str) -> Result<(), &'static str> {
        match name {
            "errored" => self.errored = switch(text)?,
            "flapping" => self.flapping = switch(text)?,
            "stopped" => self.stopped = switch(text)?,
            "job_failed" => self.job_failed = switch(text)?,
            "unhealthy" => self.unhealthy = switch(text)?,
            "restarts" => self.restarts = limit(text, " in ", number, "`5 in 10m`, or off")?,
            "memory" => self.memory = limit(text, " for ", bytes, "`500M for 5m`, or off")?,
            "cpu" => self.cpu = limit(text, " for ", percent, "`90% for 10m`, or off")?,
            "disk" if text == "off" => self.disk = None,
            "disk" => {
                let most = percent(text).filter(|most| *most < 100).ok_or("`90%`, or off")?;
                self.disk = Some(RuleLimit { most, ms: 0 });
            }
            _ => {
                return Err(
                    "errored, flapping, stopped, restarts, memory, cpu, job_failed, unhealthy, disk",
                );
            }
        }
        Ok(())
    }

    /// Whether figures have to be taken.
    pub fn wants_figures(&self) -> bool {
        self.memory.is_some() || self.cpu.is_some() || self.disk.is_some()
    }
}

fn switch(text: &str) -> Result<bool, &'static str> {
    match text {
        "on" | "true" | "yes" => Ok(true),
        "off" | "false" | "no" => Ok(false),
        _ => Err("on or off"),
    }
}

fn limit(
    text: &str,
    between: &str,
    amount: fn(&str) -> Option<u64>,
    wanted: &'static str,
) -> Result<Option<RuleLimit>, &'static str> {
    if text == "off" {
        return Ok(None);
    }
    let (most, span) = text.split_once(between).ok_or(wanted)?;
    let most = amount(most.trim()).filter(|most| *most > 0).ok_or(wanted)?;
    let ms = Span::parse(span.trim()).map_err(|_| wanted)?.as_millis();
    if (1..=24 * 3_600_000).contains(&ms) { Ok(Some(RuleLimit { most, ms })) } else { Err(wanted) }
}

fn number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|count| *count <= 10_000)
}

fn bytes(text: &str) -> Option<u64> {
    Bytes::parse(text).ok().map(Bytes::get)
}

fn percent(text: &str) -> Option<u64> {
    text.strip_suffix('%')?.trim().parse().ok().filter(|count| *count <= 100_000)
}

#[cfg(test)]
mod tests {
    use alloc::borrow::ToOwned;

    use super::*;

    #[test]
    fn rules_are_read_as_typed_and_mistakes_say_what_is_wanted() {
        let read =
            |name: &str, text: &str| AlertRules::read(&[(name.to_owned(), text.to_owned())].into());
        let usual = AlertRules::read(&BTreeMap::new()).unwrap();
        assert!(usual.flapping && !read("flapping", "off").unwrap().flapping);
        assert!(usual.errored && usual.stopped && usual.job_failed && usual.unhealthy);
        assert_eq!(usual.restarts, Some(RuleLimit { most: 5, ms: 600_000 }));
        assert_eq!((usual.memory, usual.cpu), (None, None));
        assert_eq!(usual.disk.unwrap().most, 90);
        assert!(!read("errored", "off").unwrap().errored);
        let memory = read("memory", "1.5G for 90s").unwrap().memory;
        assert_eq!(memory, Some(RuleLimit { most: 3 << 29, ms: 90_000 }));
        assert_eq!(read("cpu", "250 % for 1h").unwrap().cpu.unwrap().most, 250);
        assert_eq!(read("disk", "off").unwrap().disk, None);
        for (name, text) in [
            ("errored", "maybe"),
            ("restarts", "5"),
            ("restarts", "0 in 1m"),
            ("restarts", "5 in 0s"),
            ("restarts", "5 in 2d"),
            ("memory", "lots for 5m"),
            ("memory", "500M"),
            ("cpu", "90 for 5m"),
            ("disk", "100%"),
            ("disk", "90"),
        ] {
            let (said, wanted) = read(name, text).unwrap_err();
            assert!(said.contains(text) && wanted.contains("off"), "{name} {text}");
        }
    }
}
