//! When a process of process-compose begins, begins again, and how it is stopped.

use pm_spec::Signal;

use super::reading::{ProcessReading, texts};
use crate::compose::units;
use crate::diagnose::{Finding, quoted};
use crate::tree::{ConfigNode, TableEntry, Value};

/// So long a process may take to end if it does not say.
const GRACE: i128 = 10;

impl ProcessReading<'_> {
    /// When it begins, and when it begins again.
    pub(super) fn restarts(&mut self) {
        let at = self.process.at;
        let says = self.get(&["is_disabled"]).map(|_| self.is_on(&["is_disabled"]));
        let is_off = says.unwrap_or_else(|| self.is_on(&["disabled"]));
        let mut is_begun = !is_off && !self.is_on(&["is_foreground"]);
        let most = self.number(&["availability", "max_restarts"]).filter(|(most, _)| *most > 0);
        let word = self.text(&["availability", "restart"]);
        let (word, word_at) = word.unwrap_or_else(|| ("no".into(), at));
        let is_timed = self.get(&["schedule"]).is_some();
        if is_timed {
            is_begun &= self.schedule();
            if let ("on_failure", Some((most, most_at))) = (word.as_str(), most) {
                self.put("retries", most_at, Value::Integer(most));
            }
        } else {
            match (word.as_str(), most) {
                // YAML's `no` without quotes may be false.
                ("no" | "false" | "exit_on_failure", _) => {
                    self.put("restart", word_at, Value::text("no"));
                }
                ("on_failure", None) => self.put("restart", word_at, Value::text("on-failure")),
                ("on_failure", Some((most, _))) => {
                    self.put("restart", word_at, Value::text(format!("on-failure:{most}")));
                }
                ("always", None) => self.put("restart", word_at, Value::text("unless-stopped")),
                ("always", Some((most, most_at))) => {
                    self.put("autorestart", word_at, Value::Bool(true));
                    self.put("max_restarts", most_at, Value::Integer(most + 1));
                }
                (word, _) => self.refuse(
                    ("availability.restart", word_at),
                    word,
                    &["always", "on_failure", "exit_on_failure", "no"],
                ),
            }
        }
        let codes = self.get(&["success_exit_codes"]).filter(|_| word == "on_failure" && !is_timed);
        if let Some(node) = codes {
            let zero = ConfigNode { at: node.at, value: Value::Integer(0) };
            let codes = std::iter::once(zero).chain(node.each().iter().cloned());
            self.put("stop_exit_codes", node.at, Value::List(codes.collect()));
        }
        let pause = self.number(&["availability", "backoff_seconds"]).unwrap_or((1, at));
        self.put("restart_delay", pause.1, Value::Integer(pause.0.max(1) * 1000));
        if !is_begun {
            self.put("autostart", at, Value::Bool(false));
        }
    }

    /// Its times; whether it has any.
    fn schedule(&mut self) -> bool {
        let cron = self.text(&["schedule", "cron"]);
        let times = match (cron, self.text(&["schedule", "interval"])) {
            (Some(cron), _) => Some(cron),
            (None, Some((interval, at))) => {
                let times = units::span(&interval).and_then(|nanos| every(nanos / 1_000_000_000));
                if times.is_none() {
                    let message = format!(
                        "{} is only made known: an interval of {} is no part of a minute, an hour or a day",
                        quoted(&self.process.key),
                        quoted(&interval)
                    );
                    let hint = "`cron` says when it runs: \"*/10 * * * *\"";
                    self.findings.add(Finding::warning(at, message).hint(hint));
                }
                times.map(|times| (times, at))
            }
            (None, None) => None,
        };
        let Some((times, at)) = times else {
            self.put("restart", self.process.at, Value::text("no"));
            return false;
        };
        self.put("schedule", at, Value::text(times));
        if let Some((zone, at)) = self.text(&["schedule", "timezone"]) {
            self.put("cron_timezone", at, Value::text(zone));
        }
        true
    }

    /// How it is stopped.
    pub(super) fn stop(&mut self) {
        let at = self.process.at;
        let (number, signal_at) = self.number(&["shutdown", "signal"]).unwrap_or((0, at));
        let number = if number == 0 { 15 } else { number };
        let signal = u8::try_from(number).ok().filter(|it| *it < 32);
        if let Some(signal) = signal.and_then(|number| Signal::try_from(number).ok()) {
            self.put("kill_signal", signal_at, Value::text(signal.to_string().as_str()));
        } else {
            let message = "`shutdown.signal` must be a number from 1 to 31";
            self.findings.add(Finding::error(signal_at, message));
        }
        let (seconds, grace_at) =
            self.number(&["shutdown", "timeout_seconds"]).unwrap_or((GRACE, at));
        let seconds = if seconds == 0 { GRACE } else { seconds };
        self.put("kill_timeout", grace_at, Value::Integer(seconds * 1000));
        if self.is_on(&["shutdown", "parent_only"]) {
            self.put("treekill", at, Value::Bool(false));
        }
        if let Some((line, at)) = self.text(&["shutdown", "command"]) {
            let line = self.line(&line);
            let hook = vec![
                TableEntry::new("command", at, texts(line, at)),
                TableEntry::new("timeout", grace_at, Value::Integer(seconds * 1000)),
            ];
            self.put("pre_stop", at, Value::Table(hook));
        }
    }
}

/// Every so many seconds as a pattern of times, counted from the full minute, hour or day.
fn every(seconds: u64) -> Option<String> {
    Some(match seconds {
        1..60 if 60 % seconds == 0 => format!("*/{seconds} * * * * *"),
        60..3600 if seconds.is_multiple_of(60) && 3600 % seconds == 0 => {
            format!("*/{} * * * *", seconds / 60)
        }
        3600..=86_400 if seconds.is_multiple_of(3600) && 86_400 % seconds == 0 => {
            match seconds / 3600 {
                24 => "0 0 * * *".into(),
                hours => format!("0 */{hours} * * *"),
            }
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_that_divide_the_clock_are_times() {
        for (seconds, times) in [
            (5, Some("*/5 * * * * *")),
            (60, Some("*/1 * * * *")),
            (1800, Some("*/30 * * * *")),
            (3600, Some("0 */1 * * *")),
            (86_400, Some("0 0 * * *")),
            (0, None),
            (7, None),
            (90, None),
            (172_800, None),
        ] {
            assert_eq!(every(seconds).as_deref(), times, "{seconds}");
        }
    }
}
