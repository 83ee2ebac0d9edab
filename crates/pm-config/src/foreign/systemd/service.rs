//! `[Service]` of a unit as an app in our keys.

use std::collections::BTreeSet;

use super::command::{self, UnitCommand};
use super::unit::{UnitFile, UnitSetting};
use super::{quoting, values};
use crate::caller::Caller;
use crate::diagnose::{ConfigPlace, Finding, Findings, quoted};
use crate::tree::{ConfigNode, TableEntry, Value};

/// So long a unit may take to start, or to stop, if it does not say (`systemd-system.conf(5)`).
pub(super) const PATIENCE: u64 = 90_000;

/// What has no end has this much.
const A_YEAR: u64 = 365 * 86_400_000;

/// How far a unit has become an app.
pub(super) struct ServiceReading<'a> {
    pub(super) unit: &'a UnitFile,
    pub(super) caller: &'a Caller,
    pub(super) findings: &'a mut Findings,
    /// Values that nobody is shown.
    pub(super) secrets: &'a mut BTreeSet<ConfigPlace>,
    pub(super) entries: Vec<TableEntry>,
    /// Whether it runs by the clock.
    pub(super) is_timed: bool,
}

impl ServiceReading<'_> {
    /// All but its name, its times and what comes before it. `None`: it can't be run, and why is told.
    pub(super) fn read(&mut self) -> Option<()> {
        self.program()?;
        self.surroundings();
        self.environment();
        self.restarts();
        self.stops();
        self.readiness();
        self.hooks();
        self.credentials();
        self.limits();
        self.logs();
        Some(())
    }

    pub(super) fn put(&mut self, key: &str, at: ConfigPlace, value: Value) {
        self.entries.push(TableEntry::new(key, at, value));
    }

    fn setting(&self, key: &str) -> Option<UnitSetting> {
        self.unit.last("Service", key).cloned()
    }

    /// The word of a setting, with its specifiers filled in.
    pub(super) fn text(&mut self, key: &str) -> Option<(String, ConfigPlace)> {
        let setting = self.setting(key)?;
        match quoting::specified(&setting.text, self.unit, self.caller) {
            Ok(text) => Some((text, setting.at)),
            Err(why) => {
                self.findings.add(Finding::error(setting.at, format!("`{key}`: {why}")));
                None
            }
        }
    }

    /// What a setting means.
    pub(super) fn parsed<T>(
        &mut self,
        key: &str,
        what: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<(T, ConfigPlace)> {
        let (text, at) = self.text(key)?;
        let parsed = parse(&text);
        if parsed.is_none() {
            let message = format!("`{key}` must be {what}, not {}", quoted(&text));
            self.findings.add(Finding::error(at, message));
        }
        parsed.map(|value| (value, at))
    }

    pub(super) fn millis(&mut self, keys: &[&str]) -> Option<(u64, ConfigPlace)> {
        let key = keys.iter().find(|key| self.unit.last("Service", key).is_some())?;
        let (millis, at) = self.parsed(key, "a time such as 5s or 1min 30s", values::millis)?;
        Some((millis.min(A_YEAR), at))
    }

    pub(super) fn commands(&mut self, key: &str) -> Vec<UnitCommand> {
        let settings = self.unit.all("Service", key);
        command::commands(&settings, self.unit, self.caller, self.findings)
    }

    pub(super) fn kind(&self) -> String {
        self.setting("Type").map_or_else(|| "simple".into(), |setting| setting.text)
    }

    fn program(&mut self) -> Option<()> {
        let mut commands = self.commands("ExecStart");
        let at = self.unit.settings.first().map_or(ConfigPlace::Whole, |setting| setting.at);
        let Some(first) = commands.first() else {
            if self.unit.all("Service", "ExecStart").is_empty() {
                let message = format!("{} has no `ExecStart`", quoted(&self.unit.name));
                self.findings.add(Finding::error(at, message));
            }
            return None;
        };
        if commands.len() > 1 && self.kind() != "oneshot" {
            let message = "more than one `ExecStart`; only `Type=oneshot` may have that";
            let at = commands.last().map_or(at, |last| last.at);
            self.findings.add(Finding::error(at, message));
            return None;
        }
        let (at, may_fail) = (first.at, first.may_fail);
        if self.kind() == "oneshot" {
            // What follows its work is part of it: without it the unit has failed.
            commands.extend(self.commands("ExecStartPost"));
        } else if may_fail {
            let message = "`-` in `ExecStart`: the code it ends with counts as it is";
            self.findings.add(Finding::warning(at, message));
        }
        if let ([only], false) = (commands.as_slice(), self.kind() == "oneshot" && may_fail) {
            if let Some(words) = only.plain() {
                self.plain(&words, at);
            } else {
                // A shell fills in the variables when they are known, and is gone then.
                let line = format!("set -f; exec {}", only.line());
                self.put("script", at, Value::text(line.as_str()));
            }
        } else {
            self.put("script", at, Value::text(command::line(&commands).as_str()));
        }
        Some(())
    }

    fn plain(&mut self, words: &[String], at: ConfigPlace) {
        let Some((program, args)) = words.split_first() else { return };
        self.put("script", at, Value::text(program.as_str()));
        self.put("args", at, list(args, at));
        self.put("interpreter", at, Value::text("none"));
    }

    /// Where it runs, and as whom.
    fn surroundings(&mut self) {
        let is_root = self.caller.env.get("USER").is_none_or(|user| user.as_bytes() == b"root");
        if let Some((text, at)) = self.text("WorkingDirectory") {
            let path = text.strip_prefix('-').unwrap_or(&text);
            self.put("cwd", at, Value::text(path));
        } else {
            // As systemd has it: that of the system, or of its user.
            let at = self.unit.settings.first().map_or(ConfigPlace::Whole, |it| it.at);
            self.put("cwd", at, Value::text(if is_root { "/" } else { "~" }));
        }
        for (key, ours) in [("User", "uid"), ("Group", "gid"), ("UMask", "umask"), ("Nice", "nice")]
        {
            if let Some((text, at)) = self.text(key) {
                self.put(ours, at, Value::text(text.as_str()));
            }
        }
        let groups = self.unit.all("Service", "SupplementaryGroups");
        let words: Vec<_> = groups.iter().flat_map(|it| it.text.split_whitespace()).collect();
        let words: Vec<_> = words.into_iter().map(str::to_owned).collect();
        if let Some(at) = groups.first().map(|group| group.at) {
            self.put("groups", at, list(&words, at));
        }
    }

    fn restarts(&mut self) {
        let delay = self.millis(&["RestartSec"]);
        let (word, at) = self.text("Restart").unwrap_or(("no".into(), ConfigPlace::Whole));
        let is_again = matches!(
            word.as_str(),
            "always" | "on-failure" | "on-abnormal" | "on-abort" | "on-watchdog"
        );
        if !is_again && !matches!(word.as_str(), "no" | "on-success") {
            let message = format!("`Restart` can't be {}", quoted(&word));
            self.findings.add(Finding::error(at, message));
        }
        if self.is_timed {
            return;
        }
        self.put("autorestart", at, Value::Bool(is_again));
        if !is_again {
            return;
        }
        let mut codes: BTreeSet<u8> = BTreeSet::new();
        match word.as_str() {
            "on-failure" => {
                codes.insert(0);
                codes.extend(self.codes("SuccessExitStatus"));
            }
            "always" => {}
            _ => codes.extend(0..=255),
        }
        codes.extend(self.codes("RestartPreventExitStatus"));
        if !codes.is_empty() {
            let node = |code: &u8| ConfigNode { at, value: Value::Integer((*code).into()) };
            self.put("stop_exit_codes", at, Value::List(codes.iter().map(node).collect()));
        }
        let (delay, delay_at) = delay.unwrap_or((100, at));
        self.put("restart_delay", delay_at, Value::Integer(delay.into()));
        self.rate(delay, at);
    }

    /// How often in which time is too often.
    fn rate(&mut self, delay: u64, at: ConfigPlace) {
        let said = |keys: [&str; 2]| {
            let all =
                ["Unit", "Service"].map(|section| keys.map(|key| self.unit.last(section, key)));
            all.into_iter().flatten().flatten().next().cloned()
        };
        let interval = said(["StartLimitIntervalSec", "StartLimitInterval"]);
        let burst = said(["StartLimitBurst", "StartLimitBurst"]);
        let mut read =
            |setting: Option<UnitSetting>, usual: u64, parse: fn(&str) -> Option<u64>| {
                let Some(setting) = setting else { return usual };
                let value = parse(&setting.text);
                if value.is_none() {
                    let message = format!("`{}` can't be {}", setting.key, quoted(&setting.text));
                    self.findings.add(Finding::error(setting.at, message));
                }
                value.unwrap_or(usual)
            };
        let interval = read(interval, 10_000, values::millis).min(A_YEAR);
        let burst = read(burst, 5, |text| text.parse().ok()).min(u64::from(u16::MAX));
        // So many short runs in a row fit into the time; what can't be too often is never given up.
        let short = interval.checked_div(burst).unwrap_or(0).saturating_sub(delay);
        self.put("min_uptime", at, Value::Integer(short.into()));
        if short > 0 {
            self.put("max_restarts", at, Value::Integer(burst.into()));
        }
    }

    /// The codes of a list; signals and names are told of with the setting.
    fn codes(&self, key: &str) -> Vec<u8> {
        let all = self.unit.all("Service", key);
        let words = all.iter().flat_map(|setting| setting.text.split_whitespace());
        words.filter_map(|word| word.parse().ok()).collect()
    }

    fn stops(&mut self) {
        let start = self.unit.settings.first().map_or(ConfigPlace::Whole, |setting| setting.at);
        let asked = self.stopped_by();
        let said = self.text("KillSignal");
        let (signal, at) = asked.or(said).unwrap_or(("SIGTERM".into(), start));
        self.put("kill_signal", at, Value::text(signal.as_str()));
        let patience = self.millis(&["TimeoutStopSec", "TimeoutSec"]);
        let (patience, at) = patience.unwrap_or((PATIENCE, start));
        self.put("kill_timeout", at, Value::Integer(patience.into()));
        if let Some((mode, at)) = self.text("KillMode") {
            self.put("treekill", at, Value::Bool(mode == "control-group"));
        }
        let reload = self.commands("ExecReload");
        let reload = reload.first().and_then(|command| Some((command.signal()?, command.at)));
        let is_notified = self.kind() == "notify-reload";
        let said = self.text("ReloadSignal").filter(|_| is_notified);
        let usual = is_notified.then(|| ("SIGHUP".to_owned(), start));
        if let Some((signal, at)) = reload.or(said).or(usual) {
            self.put("reload_signal", at, Value::text(signal.as_str()));
        }
    }

    fn readiness(&mut self) {
        let kind = self.setting("Type");
        let patience = self.millis(&["TimeoutStartSec", "TimeoutSec"]);
        if let Some(kind) = kind {
            let known = ["simple", "exec", "notify", "notify-reload", "oneshot", "idle", "dbus"];
            if !known.contains(&kind.text.as_str()) {
                let message = format!("`Type` can't be {}", quoted(&kind.text));
                self.findings.add(Finding::error(kind.at, message));
            }
            if kind.text.starts_with("notify") {
                self.put("ready", kind.at, Value::text("notify"));
                let (patience, at) = patience.unwrap_or((PATIENCE, kind.at));
                self.put("ready_timeout", at, Value::Integer(patience.into()));
            } else if let (true, Some((limit, at))) = (kind.text == "oneshot", patience) {
                self.put("time_limit", at, Value::Integer(limit.into()));
            }
        }
        if let Some((every, at)) = self.millis(&["WatchdogSec"]).filter(|(every, _)| *every > 0) {
            self.put("watchdog", at, Value::Integer(every.into()));
        }
    }
}

pub(super) fn list(words: &[String], at: ConfigPlace) -> Value {
    Value::List(
        words.iter().map(|word| ConfigNode { at, value: Value::text(word.as_str()) }).collect(),
    )
}
