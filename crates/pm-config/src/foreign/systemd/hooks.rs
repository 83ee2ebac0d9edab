//! What a unit runs along with its program (`ExecStartPre=`, `ExecStartPost=`, `ExecStop=`, `ExecStopPost=`), and its credentials.

use super::command::{self, UnitCommand};
use super::quoting;
use super::service::{PATIENCE, ServiceReading, list};
use crate::diagnose::{ConfigPlace, Finding};
use crate::tree::{TableEntry, Value};

/// The variable with the number of the main process, and ours.
const MAIN: (&str, &str) = ("MAINPID", "PM_PID");

impl ServiceReading<'_> {
    /// The commands around its runs, each with the time that systemd gives it.
    pub(super) fn hooks(&mut self) {
        let before = self.commands("ExecStartPre");
        self.hook(&before, "pre_start", "TimeoutStartSec");
        if self.kind() != "oneshot" {
            let ready = self.commands("ExecStartPost");
            self.hook(&ready, "post_start", "TimeoutStartSec");
        }
        let after = self.commands("ExecStopPost");
        self.hook(&after, "post_stop", "TimeoutStopSec");
    }

    fn hook(&mut self, commands: &[UnitCommand], ours: &str, patience: &str) {
        let Some((command, at)) = value(commands) else { return };
        let patience = self.millis(&[patience, "TimeoutSec"]);
        let (patience, patience_at) = patience.unwrap_or((PATIENCE, at));
        let timed = vec![
            TableEntry::new("command", at, command),
            TableEntry::new("timeout", patience_at, Value::Integer(patience.into())),
        ];
        self.put(ours, at, Value::Table(timed));
    }

    /// What stops it: the signal, if it is a `kill` of the main process and nothing else, or a command before the usual one.
    pub(super) fn stopped_by(&mut self) -> Option<(String, ConfigPlace)> {
        let commands = self.commands("ExecStop");
        let first = commands.first()?;
        if let ([only], Some(signal)) = (commands.as_slice(), first.signal()) {
            return Some((signal, only.at));
        }
        if self.kind() == "oneshot" {
            let message = "`ExecStop` of `Type=oneshot` is not run: what has ended is not stopped";
            self.findings.add(Finding::warning(first.at, message));
        } else {
            self.hook(&commands, "pre_stop", "TimeoutStopSec");
        }
        None
    }

    /// Files that it gets as files of its own (`LoadCredential=NAME:PATH`).
    pub(super) fn credentials(&mut self) {
        let mut files: Vec<TableEntry> = Vec::new();
        for setting in self.unit.all("Service", "LoadCredential") {
            let text = quoting::specified(&setting.text, self.unit, self.caller);
            let text = text.unwrap_or_else(|why| {
                let message = format!("`LoadCredential`: {why}");
                self.findings.add(Finding::error(setting.at, message));
                String::new()
            });
            if let Some((name, path)) = credential(&text) {
                let file = TableEntry::new("file", setting.at, Value::text(path));
                files.retain(|known| known.key != name);
                files.push(TableEntry::new(name, setting.at, Value::Table(vec![file])));
            }
        }
        if let Some(at) = files.first().map(|file| file.at) {
            self.put("secrets", at, Value::Table(files));
        }
    }
}

/// The name and the file of a credential; `None`: it is looked for where systemd keeps them.
pub(super) fn credential(text: &str) -> Option<(&str, &str)> {
    text.split_once(':').filter(|(_, path)| path.starts_with('/'))
}

/// Commands as a value of our own; systemd's name of the main process means what it does there.
fn value(commands: &[UnitCommand]) -> Option<(Value, ConfigPlace)> {
    let at = commands.first()?.at;
    if let [only] = commands
        && !only.may_fail
        && !only.names(MAIN.0)
        && let Some(words) = only.plain()
    {
        return Some((list(&words, at), at));
    }
    let line = command::line(commands);
    let is_named = commands.iter().any(|command| command.names(MAIN.0));
    let line = if is_named { format!("export {}=\"${}\"; {line}", MAIN.0, MAIN.1) } else { line };
    Some((Value::text(line.as_str()), at))
}
